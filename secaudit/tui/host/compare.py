"""What changed between two sets of results. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from rich.text import Text

from secaudit.model.outcome import Outcome
from secaudit.model.result import Result
from secaudit.model.safe_text import visible_line
from secaudit.tui import words
from secaudit.tui.themes import Look

_WRONG = (Outcome.FAILED, Outcome.UNPROVEN)


@dataclass(frozen=True, slots=True)
class Differences:
    """Results that went wrong, that are right or gone now, and that are wrong in another way (before, after)."""

    added: tuple[Result, ...]
    resolved: tuple[Result, ...]
    changed: tuple[tuple[Result, Result], ...]


def differences(before: Iterable[Result], after: Iterable[Result]) -> Differences:
    """Compare by fingerprint; only what failed or could not be proven counts."""
    return _differences(
        {one.fingerprint: one for one in before if one.outcome in _WRONG},
        {one.fingerprint: one for one in after if one.outcome in _WRONG},
    )


def between_hosts(other: Iterable[Result], this: Iterable[Result]) -> Differences:
    """Compare two hosts by control and subject: what is wrong here only is added, what is wrong there only resolved."""
    return _differences(
        {f"{one.control}\n{one.subject}": one for one in other if one.outcome in _WRONG},
        {f"{one.control}\n{one.subject}": one for one in this if one.outcome in _WRONG},
    )


def _differences(old: Mapping[str, Result], new: Mapping[str, Result]) -> Differences:
    return Differences(
        added=_worst_first(one for key, one in new.items() if key not in old),
        resolved=_worst_first(one for key, one in old.items() if key not in new),
        changed=tuple(
            sorted(
                ((old[key], one) for key, one in new.items() if key in old and _is_other(old[key], one)),
                key=lambda pair: _order(pair[1]),
            )
        ),
    )


BETWEEN_RUNS = ("Added", "No longer wrong", "Changed")
BETWEEN_HOSTS = ("Wrong here only", "Wrong there only", "Wrong on both, otherwise")


def describe(
    title: str,
    found: Differences,
    look: Look,
    headings: tuple[str, str, str] = BETWEEN_RUNS,
    names: Mapping[str, str] | None = None,
) -> Text:
    """Added, resolved, changed, with what it was; each under its heading. `names` are what customers are called."""
    text = Text(f"{visible_line(title)}\n", look.strong)
    added, resolved, changed = headings
    called = names or {}
    for name, sign, style, results in (
        (added, "+", look.critical, found.added),
        (resolved, "-", look.good, found.resolved),
    ):
        text.append(f"\n{name} ({len(results)})\n", look.strong)
        for one in results:
            text.append(f"{sign} ", style).append_text(_line(one, look, called))
    text.append(f"\n{changed} ({len(found.changed)})\n", look.strong)
    for was, now in found.changed:
        text.append("~ ", look.accent).append_text(_line(now, look, called))
        text.append(f"    was {was.severity.value} {was.outcome.value}: {visible_line(was.reason)}\n", look.dim)
    return text


def _worst_first(results: Iterable[Result]) -> tuple[Result, ...]:
    return tuple(sorted(results, key=_order))


def _order(one: Result) -> tuple[int, str, str, str, str]:
    return (-one.severity.rank, one.customer, one.host, one.control, one.subject)


def _is_other(before: Result, after: Result) -> bool:
    seen = (before.outcome, before.severity, before.reason, before.waiver is None)
    return seen != (after.outcome, after.severity, after.reason, after.waiver is None)


def _line(one: Result, look: Look, names: Mapping[str, str]) -> Text:
    text = Text(no_wrap=True)
    text.append_text(words.severity(one.severity, look)).append(" ")
    text.append(*words.glyph(one.outcome, one.waiver is not None, look))
    customer = names.get(one.customer, one.customer)
    text.append(f" {visible_line(customer)} ▸ {visible_line(one.host)}  {visible_line(one.control)}")
    text.append(f" {visible_line(one.subject)}", look.strong)
    return text.append(f"  {visible_line(one.reason)}\n", look.dim)
