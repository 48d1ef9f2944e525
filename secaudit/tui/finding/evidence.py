"""Transcript entries, whole, with the lines marked that a result rests on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Static

from secaudit.model.answer import Answer
from secaudit.model.errors import UserError
from secaudit.model.evidence import Evidence
from secaudit.model.result import Result
from secaudit.model.safe_text import visible, visible_line
from secaudit.tui.pages.page import Framed
from secaudit.tui.source import Source
from secaudit.tui.themes import Look

MAX_LINES = 2000
"""Lines of one answer that are shown; a result that rests on a later line is shown around that line."""

CONTEXT = 20
"""Lines shown before the first marked one when the answer is too long."""


class Reader(VerticalScroll):
    """Scrolls with the keys of a pager."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "scroll_down", "Down", show=False),
        Binding("k", "scroll_up", "Up", show=False),
        Binding("g", "scroll_home", "First", show=False),
        Binding("G", "scroll_end", "Last", show=False),
        Binding("ctrl+d", "page_down", "Page down", show=False),
        Binding("ctrl+u", "page_up", "Page up", show=False),
    ]


class TextScreen(Framed):
    """Text that a worker makes, to be read; Esc goes back."""

    def __init__(self, levels: Sequence[str], make: Callable[[Look], Text]) -> None:
        super().__init__()
        self._levels = tuple(levels)
        self._make = make

    def trail(self) -> tuple[str, ...]:
        """As it was called with."""
        return self._levels

    def compose_body(self) -> ComposeResult:
        """The text."""
        with Reader():
            yield Static("", id="text")

    def on_mount(self) -> None:
        """Start to make the text."""
        super().on_mount()
        self.query_one(Reader).focus()
        self._load(self.dashboard.look)

    @work(thread=True, exclusive=True)
    def _load(self, look: Look) -> None:
        try:
            text = self._make(look)
        except UserError as error:
            text = Text(visible(str(error)), look.unproven)
        self.app.call_from_thread(self.query_one("#text", Static).update, text)


def evidence_of(source: Source, result: Result, run: str, look: Look) -> Text:
    """Every answer that `result` points at. Raises UserError when the transcript cannot be read."""
    transcript = source.transcript(run, result.customer, result.host)
    return entries(result, transcript.answers, look)


def entries(result: Result, answers: Sequence[Answer], look: Look) -> Text:
    """Every answer that `result` points at, marked; says so when it points at none."""
    text = Text()
    by_key = {answer.request.key: answer for answer in answers}
    for evidence in result.evidence:
        answer = by_key.get(evidence.source)
        if answer is None:
            text.append(f"{visible_line(evidence.source)}: not in the transcript\n\n", look.unproven)
        else:
            text.append_text(entry(answer, evidence, look))
    if not result.evidence:
        text.append("This result points at no transcript entry.\n")
    return text


def entry(answer: Answer, evidence: Evidence | None, look: Look) -> Text:
    """One answer as it was recorded."""
    code = "none" if answer.exit is None else str(answer.exit)
    head = f"{answer.status.value}, exit {code}, {answer.started:%Y-%m-%d %H:%M:%S} UTC"
    text = Text()
    text.append(f"$ {visible_line(answer.request.key)}\n", look.accent)
    text.append(f"  {head}{', truncated' if answer.truncated else ''} {visible_line(answer.detail)}\n", look.dim)
    lines = answer.lines
    first, last = (evidence.lines if evidence else None) or (0, -1)
    begin = max(0, first - CONTEXT) if len(lines) > MAX_LINES else 0
    for number, line in enumerate(lines[begin : begin + MAX_LINES], start=begin + 1):
        marked = first <= number <= last
        style = f"{look.strong} {look.bar}" if marked else ""
        text.append(f"{'▶' if marked else ' '}{number:>5} ", look.accent if marked else look.dim)
        text.append(f"{visible_line(line)}\n", style)
    hidden = len(lines) - MAX_LINES
    if hidden > 0:
        text.append(f"  … {hidden} more lines\n", look.dim)
    for line in answer.stderr.decode("utf-8", "replace").splitlines()[:MAX_LINES]:
        text.append("stderr  ", look.unproven).append(f"{visible_line(line)}\n")
    return text.append("\n")
