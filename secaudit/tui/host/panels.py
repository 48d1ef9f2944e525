"""Panels that families show of a host, drawn alike for all of them."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import wrap
from typing import ClassVar

from rich.cells import cell_len, set_cell_size
from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Input, Static

from secaudit.model.panel import Panel, PanelLines, PanelQuery, PanelTable, Tone, Words
from secaudit.model.safe_text import visible_line
from secaudit.tui.finding.evidence import Reader
from secaudit.tui.themes import Look

MOST_LINES = 3000
"""Lines and rows of one part that are shown."""

WIDEST = 44
"""Cells that a column but the last one takes at most."""

NARROWEST = 10
"""Cells that a column keeps however little room there is."""

LAST = 24
"""Cells that the last column gets at the others' expense."""

LONGEST = 2000
"""Characters of a text that are shown."""


class QueryLine(Input):
    """Asks with Enter; Esc and ↓ go back to the panel."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,down", "leave", "to the panel", priority=True)]

    def __init__(self, query: PanelQuery) -> None:
        super().__init__(placeholder=f"{query.prompt}: {query.example}", compact=True)
        # Keys that are typed before `/` belong to the panel.
        self.can_focus = False

    def action_leave(self) -> None:
        """Keep question and answer."""
        self.can_focus = False
        if self.parent is not None:
            self.screen.set_focus(self.parent.query_one(Reader))


class PanelView(Vertical):
    """One panel, with a line to ask in where it can be asked something."""

    def __init__(self, panel: Panel, look: Look) -> None:
        super().__init__()
        self._panel = panel
        self._look = look

    def compose(self) -> ComposeResult:
        """Question and answer stay above what scrolls."""
        if self._panel.query is not None:
            yield QueryLine(self._panel.query)
            yield Static("", classes="answer")
        with Reader():
            yield Static("", classes="panel")

    def on_resize(self) -> None:
        """Draw it as wide as there is room."""
        width = self.query_one(Reader).scrollable_content_region.width
        self.query_one(".panel", Static).update(drawn(self._panel, self._look, width))

    @property
    def takes_questions(self) -> bool:
        """Whether it can be asked something."""
        return self._panel.query is not None

    def ask(self) -> bool:
        """Take a question; False where nothing can be asked."""
        if not self.takes_questions:
            return False
        line = self.query_one(QueryLine)
        line.can_focus = True
        self.screen.set_focus(line)
        return True

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Answer in a worker: it may take a while."""
        event.stop()
        if event.value.strip():
            self._answer(event.value)

    @work(thread=True, exclusive=True, group="panel-query")
    def _answer(self, question: str) -> None:
        query = self._panel.query
        assert query is not None
        try:
            text = Text("\n").join(_part(query.answer(question), self._look, self.size.width - 2))
        except Exception as error:  # noqa: BLE001 - a plugin may raise anything, and one plugin's trouble stays its own
            text = Text(visible_line(f"no answer: {type(error).__name__}: {error}"), self._look.unproven)
        self.app.call_from_thread(self._show, text)

    def _show(self, text: Text) -> None:
        if self.is_mounted:
            self.query_one(".answer", Static).update(text)


def drawn(panel: Panel, look: Look, width: int) -> Text:
    """The panel as text of so many cells."""
    lines = [Text(_bounded(panel.lead))] if panel.lead else []
    for part in panel.parts:
        lines += [Text(), *_part(part, look, width)]
    return Text("\n").join(lines)


def _part(part: PanelTable | PanelLines, look: Look, width: int) -> Iterator[Text]:
    if part.caption:
        yield Text(_bounded(part.caption), look.strong)
    shown = part.rows[:MOST_LINES] if isinstance(part, PanelTable) else part.lines[:MOST_LINES]
    whole = len(part.rows) if isinstance(part, PanelTable) else len(part.lines)
    if isinstance(part, PanelTable):
        yield from _table(part.head, shown, look, width)
    else:
        yield from (Text(" ").join(_word(word, look) for word in line) for line in shown)
    if left := part.left + whole - len(shown):
        yield Text(f"… {left:,} more", look.dim)


def _table(head: tuple[str, ...], rows: tuple[tuple[Words, ...], ...], look: Look, width: int) -> Iterator[Text]:
    """Columns beside each other; the last one goes on below itself where it has no room."""
    cells = [[_word(word, look) for word in row] for row in rows]
    widths = [
        min(WIDEST, max([cell_len(name), *(row[at].cell_len for row in cells if at < len(row))]))
        for at, name in enumerate(head[:-1])
    ]
    last = max((row[-1].cell_len for row in cells), default=0)
    while widths and sum(widths) + 2 * len(widths) + min(last, LAST) > width and max(widths) > NARROWEST:
        widths[widths.index(max(widths))] -= 1
    left = max(NARROWEST, width - sum(widths) - 2 * len(widths))
    yield Text("  ").join([
        *(Text(set_cell_size(name, taken), look.dim) for name, taken in zip(head, widths, strict=False)),
        Text(head[-1], look.dim),
    ])  # fmt: skip
    indent = " " * (sum(widths) + 2 * len(widths))
    for *row, end in cells:
        for cell, taken in zip(row, widths, strict=False):
            cell.truncate(taken, overflow="ellipsis", pad=True)
        first, *more = wrap(end.plain, left) or [""]
        yield Text("  ").join([*row, Text(first, end.style)])
        yield from (Text(indent + line, end.style) for line in more)


def _word(word: Words, look: Look) -> Text:
    return Text(_bounded(word.text), _style(word.tone, look))


def _bounded(text: str) -> str:
    shown = visible_line(text[: LONGEST + 1])
    return shown if len(text) <= LONGEST else f"{shown[:LONGEST]}…"


def _style(tone: Tone, look: Look) -> str:
    return {
        Tone.PLAIN: "",
        Tone.DIM: look.dim,
        Tone.STRONG: look.strong,
        Tone.GOOD: look.good,
        Tone.UNSURE: look.unproven,
        Tone.LOW: look.low,
        Tone.MEDIUM: look.medium,
        Tone.HIGH: look.high,
        Tone.CRITICAL: look.critical,
    }[tone]
