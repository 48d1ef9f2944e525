"""Transcript entries, whole, with the lines marked that a result rests on."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import ClassVar

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Static
from textual.worker import get_current_worker

from secaudit.model.answer import Answer
from secaudit.model.errors import UserError
from secaudit.model.result import Result
from secaudit.model.safe_text import visible, visible_line
from secaudit.tui import words
from secaudit.tui.pages.page import Framed
from secaudit.tui.source import Source
from secaudit.tui.themes import Look

MAX_LINES = 2000
"""Lines of one answer that are shown; a result that rests on a later line is shown around that line."""

MARK = "▶"
"""What stands before a line that a result rests on."""

NAMED = "▷"
"""What stands before the first line that names the subject, where a result rests on the answer as a whole."""

_GUTTER = 7
_FRAME = 4

CONTEXT = 20
"""Lines shown before the first marked one when the answer is too long."""


class Reader(VerticalScroll):
    """Scrolls with the keys of a pager."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j,down", "scroll_down", "Down", show=False),
        Binding("k,up", "scroll_up", "Up", show=False),
        Binding("g,home", "scroll_home", "First", show=False),
        Binding("G,end", "scroll_end", "Last", show=False),
        Binding("ctrl+d,pagedown", "page_down", "Page down", show=False),
        Binding("ctrl+u,pageup", "page_up", "Page up", show=False),
    ]


Make = Callable[[Look, int], Text]
"""Makes a text for lines of so many cells; runs in a worker thread and may raise UserError."""


class TextScreen(Framed):
    """Text that a worker makes, to be read; Esc goes back."""

    def __init__(self, levels: Sequence[str], make: Make) -> None:
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
        """The text has the focus."""
        super().on_mount()
        self.set_focus(self.query_one(Reader))

    def on_resize(self) -> None:
        """Make the text as wide as there is room."""
        super().on_resize()
        self.repaint()

    def repaint(self) -> None:
        """Make it anew."""
        self._load(self.dashboard.look, self.size.width - _FRAME)

    @work(thread=True, exclusive=True)
    def _load(self, look: Look, width: int) -> None:
        try:
            text = self._make(look, width)
        except UserError as error:
            text = Text(visible(str(error)), look.unproven)
        if not get_current_worker().is_cancelled:
            self.app.call_from_thread(self._show, text)

    def _show(self, text: Text) -> None:
        """The text, from a little before the first marked line."""
        if not self.is_ready:
            return
        self.query_one("#text", Static).update(text)
        marks = [place for mark in (MARK, NAMED) if (place := text.plain.find(f"\n{mark}")) >= 0]
        if marks:
            line = text.plain.count("\n", 0, min(marks))
            self.query_one(Reader).scroll_to(y=max(0, line - CONTEXT // 2), animate=False)


def evidence_of(source: Source, result: Result, run: str, look: Look, width: int) -> Text:
    """Every answer that `result` points at. Raises UserError when the transcript cannot be read."""
    transcript = source.transcript(run, result.customer, result.host)
    return entries(result, transcript.answers, look, width)


def entries(result: Result, answers: Sequence[Answer], look: Look, width: int) -> Text:
    """Every answer that `result` points at, marked; says so when it points at none."""
    text = Text()
    by_key = {answer.request.key: answer for answer in answers}
    for evidence in result.evidence:
        answer = by_key.get(evidence.source)
        if answer is None:
            text.append(f"{visible_line(evidence.source)}: not in the transcript\n\n", look.unproven)
        else:
            text.append_text(entry(answer, evidence.lines, look, width, result.subject))
    if not result.evidence:
        text.append("This result points at no transcript entry.\n")
    return text


def naming(answer: Answer, subject: str) -> tuple[int, int] | None:
    """The first line of an answer that holds a subject as a word of its own, as a range; None when none does."""
    if not subject:
        return None
    word = re.compile(rf"(?<![\w.+-]){re.escape(subject)}(?![\w+-]|\.\w)")
    return next(((number, number) for number, line in enumerate(answer.lines, 1) if word.search(line)), None)


def entry(answer: Answer, rests_on: tuple[int, int] | None, look: Look, width: int, subject: str = "") -> Text:
    """One answer as it was recorded, with the lines (from 1) that a result rests on, or that name its subject."""
    code = "none" if answer.exit is None else str(answer.exit)
    head = f"{answer.status.value}, exit {code}, {answer.started:%Y-%m-%d %H:%M:%S} UTC"
    text = Text()
    text.append(f"$ {visible_line(answer.request.key)}\n", look.accent)
    text.append(f"  {head}{', truncated' if answer.truncated else ''} {visible_line(answer.detail)}\n", look.dim)
    lines = answer.lines
    mark = MARK if rests_on else NAMED
    first, last = rests_on or naming(answer, subject) or (0, -1)
    begin = max(0, first - CONTEXT) if len(lines) > MAX_LINES else 0
    for number, line in enumerate(lines[begin : begin + MAX_LINES], start=begin + 1):
        marked = first <= number <= last
        style = f"{look.strong} {look.bar}" if marked else ""
        text.append(f"{mark if marked else ' '}{number:>5} ", look.accent if marked else look.dim)
        text.append_text(words.hanging(line, width - _GUTTER, _GUTTER, style)).append("\n")
    hidden = len(lines) - MAX_LINES
    if hidden > 0:
        text.append(f"  … {hidden} more lines\n", look.dim)
    for line in answer.stderr.decode("utf-8", "replace").splitlines()[:MAX_LINES]:
        text.append("stderr  ", look.unproven).append(f"{visible_line(line)}\n")
    return text.append("\n")
