"""How outcomes, severities, times and counts look in a terminal: a glyph or a word first, colour second."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import timedelta
from textwrap import wrap

from rich.text import Text

from secaudit.model.answer import Reach
from secaudit.model.outcome import Outcome
from secaudit.model.run import RunInfo
from secaudit.model.safe_text import visible_line
from secaudit.model.severity import Severity
from secaudit.store.records import Tally
from secaudit.tui.themes import Look

SEVERITIES = {
    Severity.CRITICAL: "CRIT",
    Severity.HIGH: "HIGH",
    Severity.MEDIUM: "MED",
    Severity.LOW: "LOW",
    Severity.INFO: "INFO",
}
GLYPHS = {Outcome.FAILED: "✗", Outcome.UNPROVEN: "?", Outcome.PASSED: "✓", Outcome.NOT_APPLICABLE: "·"}
WAIVED = "~"
BARS = "▁▂▃▄▅▆▇█"
SOON = timedelta(days=1)
"""What is due within this time is shown as urgent."""


def line(text: str, style: str = "") -> Text:
    """Text from anywhere, on one line and inert: no markup, no control or bidi characters."""
    return Text(visible_line(text), style=style, no_wrap=True, overflow="ellipsis")


def partial_run(run: RunInfo) -> str:
    """What keeps a run from standing for its hosts; empty for a whole scan."""
    if run.recheck:
        return " · re-check"
    return " · some controls" if run.narrow else ""


def hanging(text: str, width: int, indent: int, style: str = "") -> Text:
    """Inert text in lines of `width` cells, those after the first one below it: `indent` cells from the left."""
    lines = wrap(visible_line(text), max(8, width), replace_whitespace=False, break_on_hyphens=False) or [""]
    return Text(f"\n{' ' * indent}".join(lines), style)


def severity_style(value: Severity, look: Look) -> str:
    """The style of a severity's word."""
    return {
        Severity.CRITICAL: look.critical,
        Severity.HIGH: look.high,
        Severity.MEDIUM: look.medium,
        Severity.LOW: look.low,
        Severity.INFO: look.dim,
    }[value]


def severity(value: Severity, look: Look) -> Text:
    """The word of a severity."""
    return Text(SEVERITIES[value], severity_style(value, look))


def glyph(value: Outcome, waived: bool, look: Look) -> tuple[str, str]:
    """The glyph of an outcome and its style; a waived failure is `~`."""
    if value is Outcome.FAILED and waived:
        return WAIVED, look.dim
    styles = {Outcome.FAILED: "", Outcome.UNPROVEN: look.unproven, Outcome.PASSED: look.good}
    return GLYPHS[value], styles.get(value, look.dim)


def reach(value: Reach, look: Look) -> Text:
    """How far a scan got."""
    return Text(value.value, "" if value is Reach.COMPLETE else look.unproven)


def span(seconds: float) -> str:
    """A length of time in at most five characters: `0h07`, `9h30`, `33h`, `12d`, `40w`."""
    minutes = int(abs(seconds) // 60)
    if minutes < 10 * 60:
        return f"{minutes // 60}h{minutes % 60:02}"
    if minutes < 72 * 60:
        return f"{minutes // 60}h"
    days = minutes // 1440
    return f"{days}d" if days < 1000 else f"{days // 7}w"


def took(length: timedelta) -> str:
    """How long something took: `16 s`, `38 min`, `2 h 05`."""
    seconds = round(length.total_seconds())
    if seconds < 120:
        return f"{seconds} s"
    minutes = seconds // 60
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60:02}"


def due(seconds: float, look: Look) -> tuple[str, str]:
    """Time that is left (negative: overdue) and its style."""
    if seconds < 0:
        return f"-{span(seconds)}", look.critical
    return span(seconds), look.high if seconds < SOON.total_seconds() else look.dim


def family_state(tallies: Iterable[Tally], family: str, look: Look) -> Text:
    """One cell of a matrix: worst severity and failures, else `?` and the unproven, `✓` when all is proven.

    `?` behind failures says that there are unproven ones beside them.
    """
    failed: Counter[Severity] = Counter()
    unproven = passed = other = 0
    for tally in tallies:
        if tally.family != family:
            continue
        if tally.outcome is Outcome.FAILED and not tally.waived:
            failed[tally.severity] += tally.count
        elif tally.outcome is Outcome.UNPROVEN:
            unproven += tally.count
        elif tally.outcome is Outcome.PASSED:
            passed += tally.count
        else:
            other += tally.count
    cell = Text(no_wrap=True)
    if failed:
        worst = max(failed, key=lambda found: found.rank)
        cell.append(f"{SEVERITIES[worst][0]} {failed.total()}", severity_style(worst, look))
    if unproven:
        cell.append("?" if failed else f"? {unproven}", look.unproven)
    if not failed and not unproven:
        cell.append(*(("✓", look.good) if passed else ("·", look.dim) if other else ("", "")))
    return cell


def worst_first(tallies: Iterable[Tally]) -> tuple[int, ...]:
    """A sort key: more and worse failures first, then more unproven."""
    counts: Counter[object] = Counter()
    for tally in tallies:
        if tally.outcome is Outcome.FAILED and not tally.waived:
            counts[tally.severity] -= tally.count
        elif tally.outcome is Outcome.UNPROVEN:
            counts[Outcome.UNPROVEN] -= tally.count
    return (*(counts[value] for value in reversed(Severity)), counts[Outcome.UNPROVEN])


def sparkline(counts: Sequence[int | None]) -> str:
    """Counts as bars of eight heights, the highest full; None (not known) is blank."""
    top = max((count for count in counts if count), default=0)
    return "".join(" " if count is None else BARS[count * (len(BARS) - 1) // top if top else 0] for count in counts)
