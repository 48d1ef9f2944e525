"""One result, explained: expected and observed, evidence, remediation, references."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import Screen
from textual.widgets import Footer, Static

from secaudit.model.result import Result
from secaudit.model.safe_text import visible, visible_line
from secaudit.tui import words
from secaudit.tui.evidence import EvidenceScreen
from secaudit.tui.source import Source


def describe(result: Result) -> Text:
    """The result as styled, inert text."""
    text = Text()
    text.append_text(words.outcome(result)).append(" ")
    text.append_text(words.severity(result.severity)).append("  ")
    text.append(visible_line(f"{result.title} {result.subject}".strip()), "bold").append("\n")
    _part(text, "why", result.reason)
    _part(text, "unproven", result.kind.value.replace("_", " ") if result.kind else "")
    _part(text, "expected", result.expected)
    _part(text, "observed", result.observed)
    for evidence in result.evidence:
        lines = f", lines {evidence.lines[0]}-{evidence.lines[1]}" if evidence.lines else ""
        code = "" if evidence.exit is None else f", exit {evidence.exit}"
        _part(text, "evidence", f"{evidence.source}{code}{lines}")
        for shown in evidence.excerpt.splitlines():
            text.append(f"            {visible_line(shown)}\n", "dim")
    _part(text, "fix", result.remediation)
    _part(text, "control", f"{result.control} ({result.check}), set at {result.baseline}")
    references = "; ".join(f"{standard} {', '.join(clauses)}" for standard, clauses in result.references.items())
    _part(text, "required by", references)
    _part(text, "first seen", f"{result.first_seen:%Y-%m-%d %H:%M} UTC" if result.first_seen else "")
    if result.waiver is not None:
        _part(text, "waived", f"{result.waiver.owner}: {result.waiver.reason}, until {result.waiver.expires:%Y-%m-%d}")
    return text


def _part(text: Text, label: str, value: str) -> None:
    if value:
        text.append(f"{label:<11} ", "bold dim").append(visible(value)).append("\n")


class DetailScreen(Screen[None]):
    """One result on the whole screen."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,backspace", "app.pop_screen", "Back"),
        Binding("e", "evidence", "Evidence"),
    ]

    def __init__(self, source: Source, result: Result, run: str, trail: tuple[str, ...]) -> None:
        super().__init__()
        self._source = source
        self._result = result
        self._run = run
        self._trail = (*trail, f"{result.control} {result.subject}".strip())

    def compose(self) -> ComposeResult:
        """Breadcrumb and text."""
        yield Static(Text(" ▸ ".join(visible_line(part) for part in self._trail)), id="trail")
        with VerticalScroll():
            yield Static(describe(self._result))
        yield Footer()

    def action_evidence(self) -> None:
        """The transcript entry that the result points at."""
        self.app.push_screen(EvidenceScreen(self._source, self._result, self._run, self._trail))
