"""How outcomes, severities and counts look in a terminal: a glyph or a word first, colour second."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from rich.text import Text

from secaudit.model.answer import Reach
from secaudit.model.outcome import Outcome
from secaudit.model.result import Result
from secaudit.model.safe_text import visible_line
from secaudit.model.severity import Severity
from secaudit.store.records import Tally

GLYPHS = {
    Outcome.FAILED: ("✗", "red"),
    Outcome.UNPROVEN: ("?", "magenta"),
    Outcome.PASSED: ("✓", "green"),
    Outcome.NOT_APPLICABLE: ("·", "dim"),
}
SEVERITIES = {
    Severity.CRITICAL: ("CRIT", "bold red"),
    Severity.HIGH: ("HIGH", "dark_orange"),
    Severity.MEDIUM: ("MED", "yellow"),
    Severity.LOW: ("LOW", ""),
    Severity.INFO: ("INFO", "dim"),
}
REACHES = {
    Reach.COMPLETE: ("complete", ""),
    Reach.PARTIAL: ("partial", "magenta"),
    Reach.UNREACHABLE: ("unreachable", "magenta"),
}


def line(text: str, style: str = "") -> Text:
    """Text from anywhere, on one line and inert: no markup, no control or bidi characters."""
    return Text(visible_line(text), style=style, no_wrap=True, overflow="ellipsis")


def outcome(result: Result) -> Text:
    """The glyph of a result; a waived failure is `~`."""
    if result.outcome is Outcome.FAILED and result.waiver is not None:
        return Text("~")
    return Text(*GLYPHS[result.outcome])


def severity(value: Severity) -> Text:
    """The word of a severity."""
    return Text(*SEVERITIES[value])


def reach(value: Reach) -> Text:
    """How far a scan got."""
    return Text(*REACHES[value])


def family_state(tallies: Iterable[Tally], family: str) -> Text:
    """One cell of a matrix: worst failed severity and count, then `?` and the unproven, `✓` when all is proven."""
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
        word, style = SEVERITIES[worst]
        cell.append(f"{word} {failed.total()}", style)
    if unproven:
        glyph, style = GLYPHS[Outcome.UNPROVEN]
        cell.append(f"{' ' if failed else ''}{glyph}{unproven}", style)
    if not failed and not unproven:
        cell.append(*(GLYPHS[Outcome.PASSED] if passed else GLYPHS[Outcome.NOT_APPLICABLE] if other else ("", "")))
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
