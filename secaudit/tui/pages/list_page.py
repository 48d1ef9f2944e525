"""A page with a table of some hundred rows and a filter of plain words."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import DataTable, Input

from secaudit.tui.pages.page import Page

R = TypeVar("R")

LEAST = 10
"""Cells that a column keeps however little room there is."""

LAST = 24
"""Cells that the last column, the one with the text, keeps at the others' expense."""


class Grid(DataTable[Text]):
    """Moves like every list of the dashboard."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j,down", "cursor_down", "Down", show=False),
        Binding("k,up", "cursor_up", "Up", show=False),
        Binding("h,left", "cursor_left", "Left", show=False),
        Binding("l,right", "cursor_right", "Right", show=False),
        Binding("g,home,ctrl+home", "scroll_top", "First", show=False),
        Binding("G,end,ctrl+end", "scroll_bottom", "Last", show=False),
        Binding("ctrl+d,pagedown", "page_down", "Page down", show=False),
        Binding("ctrl+u,pageup", "page_up", "Page up", show=False),
        Binding("enter", "select_cursor", "open"),
    ]

    _given: tuple[Sequence[str], Sequence[Sequence[Text]]] | None = None

    def put(self, columns: Sequence[str], rows: Sequence[Sequence[Text]]) -> None:
        """Show these rows instead; columns are as wide as what stands in them.

        Where whole rows are chosen they fit into the width: Enter shows what was cut.
        """
        self._given = columns, rows
        self.clear(columns=True)
        is_row = self.cursor_type == "row"
        gap = 2 if is_row else 1
        widths = [max(len(name), *(row[number].cell_len for row in rows), 0) for number, name in enumerate(columns)]
        if is_row and self.size.width:
            widths = fitting(widths, self.size.width - 1 - gap * len(widths))
            rows = [[_cut(cell, width) for cell, width in zip(row, widths, strict=True)] for row in rows]
        for name, width in zip(columns, widths, strict=True):
            self.add_column(name[:width], width=width + gap)
        self.add_rows(rows)

    def on_resize(self) -> None:
        """Fit anew."""
        if self._given is not None and self.cursor_type == "row":
            place = self.cursor_coordinate
            self.put(*self._given)
            self.move_cursor(row=place.row, column=place.column)


def fitting(widths: Sequence[int], room: int) -> list[int]:
    """Column widths that take `room` cells at most, as far as they can: first the last gives way, then the widest."""
    found = list(widths)
    found[-1] = max(min(found[-1], LAST), found[-1] - max(0, sum(found) - room))
    while sum(found) > room:
        widest = max(range(len(found)), key=lambda number: found[number] - LAST * (number == len(found) - 1))
        if found[widest] <= LEAST:
            break
        found[widest] -= 1
    return found


def _cut(cell: Text, width: int) -> Text:
    if cell.cell_len <= width:
        return cell
    shown = cell.copy()
    shown.truncate(width, overflow="ellipsis")
    return shown


@dataclass(frozen=True, slots=True)
class ListRow(Generic[R]):
    """What a row stands for, its cells, and the text that the filter looks at."""

    value: R
    cells: tuple[Text, ...]
    text: str


class WordsLine(Input):
    """Filters while typing; Enter and ↓ go back to the rows."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter,down", "screen.rows", "to the rows", priority=True)]


class ListPage(Page[Sequence[R]], Generic[R]):
    """Lists things of one kind."""

    # Before anything else gets the key: what is typed behind it belongs to the filter.
    BINDINGS: ClassVar[list[BindingType]] = [Binding("slash", "filter", "filter", priority=True)]
    NOTHING: ClassVar[str] = "nothing here"
    CURSOR: ClassVar[str] = "row"

    def __init__(self) -> None:
        super().__init__()
        self._values: Sequence[R] | None = None
        self._shown: list[ListRow[R]] = []
        self._narrowed = ""

    @abstractmethod
    def columns(self) -> tuple[str, ...]:
        """The names of the columns at this width."""

    @abstractmethod
    def row(self, value: R) -> ListRow[R]:
        """The row of a thing."""

    def open_value(self, value: R, column: str) -> None:
        """Enter on a row; nothing unless a page says otherwise."""

    def highlighted(self, value: R | None) -> None:
        """The cursor is on another row; nothing unless a page says otherwise."""

    def compose_body(self) -> ComposeResult:
        """Filter and table."""
        yield from self.compose_list()

    def compose_list(self) -> ComposeResult:
        """The filter line, hidden until it is used, and the table."""
        yield WordsLine(placeholder="words that must all occur", compact=True, id="words")
        yield Grid(cursor_type="cell" if self.CURSOR == "cell" else "row", id="grid", cell_padding=0)

    @property
    def grid(self) -> Grid:
        """The table."""
        return self.query_one("#grid", Grid)

    @property
    def words(self) -> Input:
        """The filter."""
        return self.query_one("#words", Input)

    @property
    def current(self) -> R | None:
        """What the cursor is on."""
        number = self.grid.cursor_row
        return self._shown[number].value if 0 <= number < len(self._shown) else None

    def on_mount(self) -> None:
        """The rows have the focus."""
        super().on_mount()
        self.words.display = bool(self._narrowed)
        self.words.value = self._narrowed
        self.set_focus(self.grid)

    def on_resize(self) -> None:
        """Other columns may fit."""
        super().on_resize()
        self._fill()

    def show(self, value: Sequence[R]) -> None:
        """Show what was loaded."""
        self._values = value
        self._fill()

    def repaint(self) -> None:
        """The theme changed."""
        self._fill()

    def _fill(self) -> None:
        if self._values is None:
            return
        wanted = self.words.value.casefold().split()
        rows = [self.row(value) for value in self._values]
        self._shown = [row for row in rows if all(word in row.text.casefold() for word in wanted)]
        grid = self.grid
        before = grid.cursor_coordinate
        grid.put(self.columns(), [row.cells for row in self._shown])
        if self._shown:
            grid.move_cursor(row=min(before.row, len(self._shown) - 1), column=before.column)
        else:
            self.say("nothing matches; Esc clears the filter" if wanted and self._values else self.NOTHING)
        self.highlighted(self.current)

    def on_input_changed(self) -> None:
        """Filter while typing."""
        self.say("")
        self._fill()

    def on_data_table_row_highlighted(self) -> None:
        """Tell where the cursor is."""
        self.highlighted(self.current)

    def on_data_table_row_selected(self) -> None:
        """Enter, or a click on the row under the cursor."""
        self._open()

    def on_data_table_cell_selected(self) -> None:
        """Enter, or a click on the cell under the cursor."""
        self._open()

    def _open(self) -> None:
        value = self.current
        if value is not None:
            self.open_value(value, self.columns()[self.grid.cursor_column] if self.CURSOR == "cell" else "")

    def narrow(self, words: str) -> None:
        """Show only what holds these words, at once or when the page is there."""
        if not self.is_ready:
            self._narrowed = words
            return
        self.words.display = True
        self.words.value = words
        self._fill()
        self.set_focus(self.grid)

    def action_rows(self) -> None:
        """Keep the filter and go back to the rows."""
        self.set_focus(self.grid)

    def action_filter(self) -> None:
        """Edit the filter."""
        self.words.display = True
        self.set_focus(self.words)

    def action_out(self) -> None:
        """Clear the filter, else widen the scope."""
        if self.words.display:
            self.words.value = ""
            self.words.display = False
            self.set_focus(self.grid)
        else:
            super().action_out()
