"""Two hosts, or one host at two times, side by side: findings, what families show, and facts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.text import Text

from secaudit.model.errors import UserError
from secaudit.model.panel import TitledPanel
from secaudit.model.result import Result
from secaudit.model.safe_text import visible_line
from secaudit.tui import words
from secaudit.tui.host.panel_changes import Section, Sign, fact_changes, panel_changes
from secaudit.tui.services import FactSheet, Services
from secaudit.tui.source import Source
from secaudit.tui.themes import Look

MOST_CHANGES = 200
"""Changes of one panel or fact that are shown."""

LONGEST = 1000
"""Characters of one change that are shown."""


@dataclass(frozen=True, slots=True)
class Side:
    """A host as one scan saw it; `trouble` says what could not be read."""

    results: tuple[Result, ...]
    panels: Sequence[TitledPanel] = ()
    facts: Sequence[FactSheet] = ()
    trouble: str = ""


def side_of(source: Source, services: Services, customer: str, host: str, run: str) -> Side:
    """Read a host as a run saw it. Raises UserError when its results cannot be read; without the rest it goes."""
    results = source.host_results(customer, host, run)
    try:
        transcript = source.transcript(run, customer, host)
        panels = services.panels(transcript, results) if services.panels is not None else ()
        facts = services.facts(transcript) if services.facts is not None else ()
    except UserError as error:
        return Side(results, trouble=str(error))
    return Side(results, panels, facts)


def beside(before: Side, after: Side, names: tuple[str, str], look: Look, width: int) -> Text:
    """What differs in panels and facts; `names` are what the sides are called."""
    text = Text()
    for name, side in zip(names, (before, after), strict=True):
        if side.trouble:
            text.append(f"\n{name}: {visible_line(side.trouble)}\n", look.unproven)
    if before.trouble or after.trouble:
        return text.append("What families show and facts are not compared.\n", look.dim)
    legend = f"  + {names[1]} only  - {names[0]} only  ~ {names[0]} → {names[1]}"
    for heading, sections in (
        ("What families show", panel_changes(before.panels, after.panels)),
        ("Facts", fact_changes(before.facts, after.facts)),
    ):
        drawn = _drawn(sections, look, width)
        text.append(f"\n{heading}", look.strong)
        text.append(f"{legend}\n" if drawn else "\n", look.dim)
        text.append_text(drawn or Text("no difference\n", look.dim))
    return text


def _drawn(sections: Iterable[Section], look: Look, width: int) -> Text:
    styles = {Sign.ADDED: look.accent, Sign.GONE: look.medium, Sign.CHANGED: look.low}
    text = Text()
    for section in sections:
        text.append(f"\n{visible_line(section.title)} ({len(section.changes):,})\n", look.strong)
        caption = ""
        for change in section.changes[:MOST_CHANGES]:
            if change.caption and change.caption != caption:
                text.append_text(words.line(f"  {change.caption}", look.dim)).append("\n")
            caption = change.caption
            text.append(f"  {change.sign} ", styles[change.sign])
            told = change.text if len(change.text) <= LONGEST else f"{change.text[:LONGEST]}…"
            text.append_text(words.hanging(told, width - 6, 6)).append("\n")
        if left := len(section.changes) - MOST_CHANGES:
            text.append(f"  … {left:,} more\n" if left > 0 else "", look.dim)
    return text
