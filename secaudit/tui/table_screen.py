"""A screen with a breadcrumb, a filter line and a table whose rows are loaded by a worker."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar, cast

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widgets import DataTable, Footer, Input, Static

from secaudit.model.errors import UserError
from secaudit.model.safe_text import visible, visible_line
from secaudit.tui.source import Source

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Row(Generic[T]):
    """A table row: what it stands for, its cells, and the text that the filter looks at."""

    value: T
    cells: tuple[Text, ...]
    text: str


class TableScreen(Screen[None], Generic[T]):
    """Lists things of one kind; Enter opens one, Esc or Backspace goes back."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,backspace", "back", "Back"),
        Binding("slash", "filter", "Filter"),
        Binding("enter", "open", "Open", show=True),
        Binding("j", "cursor(1)", show=False),
        Binding("k", "cursor(-1)", show=False),
        Binding("g", "edge(0)", show=False),
        Binding("G", "edge(-1)", show=False),
        Binding("f5", "reload", "Reload"),
    ]
    COLUMNS: ClassVar[tuple[str, ...]]
    NOTHING: ClassVar[str] = "nothing here"

    def __init__(self, source: Source, trail: Sequence[str]) -> None:
        super().__init__()
        self.source = source
        self.trail = tuple(trail)
        self._rows: list[Row[T]] = []
        self._shown: list[Row[T]] = []

    @abstractmethod
    def load(self) -> list[Row[T]]:
        """Read the rows in their order; runs in a worker thread."""

    @abstractmethod
    def open_value(self, value: T) -> None:
        """Go into a row."""

    def compose(self) -> ComposeResult:
        """Breadcrumb, filter, table, message, footer."""
        yield Static(Text(" ▸ ".join(visible_line(part) for part in self.trail)), id="trail")
        yield Input(placeholder="filter: words that must all occur", id="filter")
        table: DataTable[Text] = DataTable(cursor_type="row", zebra_stripes=False, id="table")
        yield table
        yield Static("", id="message")
        yield from self.compose_below()
        yield Footer()

    def compose_below(self) -> ComposeResult:
        """What stands below the table; nothing unless a screen says otherwise."""
        return iter(())

    @property
    def table(self) -> DataTable[Text]:
        """The table widget."""
        return cast("DataTable[Text]", self.query_one("#table", DataTable))

    def on_mount(self) -> None:
        """Set up the columns and start loading."""
        self.query_one("#filter", Input).display = False
        self.table.add_columns(*self.COLUMNS)
        self.table.focus()
        self.action_reload()

    def action_reload(self) -> None:
        """Read everything again."""
        self._say("loading …")
        self._load()

    @work(thread=True, exclusive=True)
    def _load(self) -> None:
        try:
            rows = self.load()
        except UserError as error:
            self.app.call_from_thread(self._say, visible(str(error)))
            return
        self.app.call_from_thread(self._loaded, rows)

    def _loaded(self, rows: list[Row[T]]) -> None:
        self._rows = rows
        self._show()

    def _show(self) -> None:
        words = self.query_one("#filter", Input).value.lower().split()
        self._shown = [row for row in self._rows if all(word in row.text for word in words)]
        before = self.table.cursor_row
        self.table.clear()
        for row in self._shown:
            self.table.add_row(*row.cells)
        if self._shown:
            self.table.move_cursor(row=min(max(before, 0), len(self._shown) - 1))
        nothing = "nothing matches; Esc clears the filter" if words and self._rows else self.NOTHING
        self._say("" if self._shown else nothing)
        self.highlighted(self.current)

    def _say(self, text: str) -> None:
        message = self.query_one("#message", Static)
        message.update(Text(text))
        message.display = bool(text)

    @property
    def current(self) -> T | None:
        """What the cursor is on."""
        number = self.table.cursor_row
        return self._shown[number].value if 0 <= number < len(self._shown) else None

    def highlighted(self, value: T | None) -> None:
        """The cursor moved to `value`; nothing unless a screen says otherwise."""

    def on_data_table_row_highlighted(self) -> None:
        """Tell the screen where the cursor is."""
        self.highlighted(self.current)

    def on_data_table_row_selected(self) -> None:
        """Enter, or a click on the row."""
        self.action_open()

    def on_input_changed(self) -> None:
        """Filter while typing."""
        self._show()

    def on_input_submitted(self) -> None:
        """Back to the rows, with the filter kept."""
        self.table.focus()

    def action_open(self) -> None:
        """Go into the row under the cursor."""
        if (value := self.current) is not None:
            self.open_value(value)

    def action_filter(self) -> None:
        """Show the filter line and go there."""
        line = self.query_one("#filter", Input)
        line.display = True
        line.focus()

    def action_back(self) -> None:
        """Clear the filter, else leave."""
        line = self.query_one("#filter", Input)
        if line.value or line.has_focus:
            line.value = ""
            line.display = False
            self.table.focus()
        elif len(self.app.screen_stack) > 2:
            self.app.pop_screen()

    def action_cursor(self, by: int) -> None:
        """Move the cursor up or down."""
        self.table.move_cursor(row=self.table.cursor_row + by)

    def action_edge(self, row: int) -> None:
        """Move the cursor to the first or the last row."""
        self.table.move_cursor(row=row if row >= 0 else len(self._shown) - 1)
