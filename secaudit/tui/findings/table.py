"""A table of any number of findings that draws only the lines in view and asks for rows when it needs them."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.cache import LRUCache
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import Reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from secaudit.tui.findings.projection import PAGE, GroupRow, Row
from secaudit.tui.findings.row_paint import Layout, head, paint, paint_group
from secaudit.tui.themes import Look

_KEPT_PAGES = 64
_KEPT_STRIPS = 512


class FindingsTable(ScrollView, can_focus=True):
    """Line 0 holds the names of the columns and stays; below it the rows scroll."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "open"),
        Binding("j,down", "move(1)", "Down", show=False),
        Binding("k,up", "move(-1)", "Up", show=False),
        Binding("g,home", "edge(False)", "First", show=False),
        Binding("G,end", "edge(True)", "Last", show=False),
        Binding("ctrl+d", "leap(0.5)", "Half a page down", show=False),
        Binding("ctrl+u", "leap(-0.5)", "Half a page up", show=False),
        Binding("pagedown", "leap(1)", "Page down", show=False),
        Binding("pageup", "leap(-1)", "Page up", show=False),
        Binding("space", "select", "Select", show=False),
        Binding("V", "range", "Select a range", show=False),
    ]

    virtual_size = Reactive(Size(0, 0))
    """How far the rows can be scrolled. The scrollbar is always there: nothing is laid out anew when that changes."""

    class Moved(Message):
        """The cursor is on another row, or the row under it was loaded."""

    class Opened(Message):
        """Enter, or a click on the row under the cursor."""

    class Wanted(Message):
        """A page of rows is in view and not there."""

        def __init__(self, page: int, ids: array[int]) -> None:
            super().__init__()
            self.page = page
            self.ids = ids

    class Picked(Message):
        """A row is to be selected, or no longer."""

        def __init__(self, fingerprint: str) -> None:
            super().__init__()
            self.fingerprint = fingerprint

    class Ranged(Message):
        """All rows from the one selected last to the cursor are to be selected."""

        def __init__(self, ids: array[int]) -> None:
            super().__init__()
            self.ids = ids

    def __init__(self, look: Callable[[], Look], now: Callable[[], float]) -> None:
        super().__init__(id="findings")
        self._look = look
        self._now = now
        self._ids: array[int] = array("L")
        self._groups: tuple[GroupRow, ...] | None = None
        self._pages: LRUCache[int, tuple[Row, ...]] = LRUCache(_KEPT_PAGES)
        self._asked: set[int] = set()
        self._strips: LRUCache[tuple[Row, bool, bool], Strip] = LRUCache(_KEPT_STRIPS)
        """By row, so that those that stay from one answer to the next are not painted anew."""
        self._layout = Layout.of(80)
        self._cursor = 0
        self._anchor: int | None = None
        self.hidden: set[str] = set()
        self.selected: set[str] = set()

    @property
    def count(self) -> int:
        """Rows that are known to match."""
        return len(self._ids) if self._groups is None else len(self._groups)

    @property
    def cursor(self) -> int:
        """The number of the row under the cursor, from 0."""
        return self._cursor

    @property
    def current(self) -> Row | None:
        """The finding under the cursor, if it was loaded."""
        return self._row(self._cursor) if self._groups is None else None

    @property
    def current_group(self) -> GroupRow | None:
        """The group under the cursor."""
        if self._groups is None or self._cursor >= len(self._groups):
            return None
        return self._groups[self._cursor]

    def begin_answer(self, ids: array[int], rows: tuple[Row, ...], *, keep_cursor: bool) -> None:
        """Show another answer, of which the first page is given."""
        self._groups = None
        self._ids = ids
        self._pages.clear()
        self._asked.clear()
        if rows:
            self._pages[0] = rows
        self._anchor = None
        self._renew(keep_cursor)

    def complete_answer(self, ids: array[int]) -> None:
        """The same answer to its end."""
        self._ids = ids
        self._measure()
        self.refresh()

    def show_groups(self, groups: tuple[GroupRow, ...], *, keep_cursor: bool) -> None:
        """Show groups instead of findings."""
        self._groups = groups
        self._renew(keep_cursor)

    def put_page(self, page: int, rows: tuple[Row, ...]) -> None:
        """Rows that were wanted."""
        self._pages[page] = rows
        self._asked.discard(page)
        self.refresh()
        if self._cursor // PAGE == page:
            self.post_message(self.Moved())

    def relayout(self) -> None:
        """Theme, width, columns or the time changed."""
        width = self.scrollable_content_region.width or self.size.width
        self._layout = Layout.of(width, self.hidden)
        self._strips.clear()
        self.virtual_size = Size(width, self.count + 1)
        self.refresh()

    def on_resize(self, _event: events.Resize) -> None:
        """Lay out anew."""
        self.relayout()

    def render_line(self, y: int) -> Strip:
        """The strip of a line in view; asks for its row when that is not there."""
        width = self.size.width
        look = self._look()
        if y == 0:
            return Strip(head(self._layout, look)).adjust_cell_length(width, Style.parse(look.row))
        number = y - 1 + self.scroll_offset.y
        if number >= self.count:
            return Strip.blank(width, Style.parse(look.row))
        strip = self._strip(number, look)
        return strip.adjust_cell_length(width, Style.parse(look.row))

    def _strip(self, number: int, look: Look) -> Strip:
        is_cursor = number == self._cursor
        if self._groups is not None:
            group = self._groups[number]
            return Strip(paint_group(group, self._layout, look, self._now(), cursor=is_cursor))
        row = self._row(number)
        if row is None:
            return Strip([Segment("  ·", Style.parse(f"{look.row} dim"))])
        is_selected = row.fingerprint in self.selected
        key = (row, is_cursor, is_selected)
        strip = self._strips.get(key)
        if strip is None:
            cells = paint(row, self._layout, look, self._now(), selected=is_selected, cursor=is_cursor)
            strip = self._strips[key] = Strip(cells)
        return strip

    def _row(self, number: int) -> Row | None:
        if not 0 <= number < len(self._ids):
            return None
        page = number // PAGE
        rows = self._pages.get(page)
        if rows is None:
            if page not in self._asked:
                self._asked.add(page)
                self.post_message(self.Wanted(page, self._ids[page * PAGE : (page + 1) * PAGE]))
            return None
        place = number % PAGE
        return rows[place] if place < len(rows) else None

    def _renew(self, keep_cursor: bool) -> None:
        self._measure()
        self._cursor = min(self._cursor, max(0, self.count - 1)) if keep_cursor else 0
        top = self.scroll_offset.y if keep_cursor else 0
        self.scroll_to(y=top, animate=False, force=True, immediate=True)
        self.refresh()
        self.post_message(self.Moved())

    def _measure(self) -> None:
        self.virtual_size = Size(self._layout.width, self.count + 1)
        self.vertical_scrollbar.window_virtual_size = self.count + 1

    def move_to(self, number: int) -> None:
        """Put the cursor on a row and bring it into view."""
        number = max(0, min(number, self.count - 1))
        before, self._cursor = self._cursor, number
        height = self.size.height - 1
        top = self.scroll_offset.y
        if number < top:
            self.scroll_to(y=number, animate=False, force=True, immediate=True)
        elif number >= top + height:
            self.scroll_to(y=number - height + 1, animate=False, force=True, immediate=True)
        if self.scroll_offset.y == top:
            for changed in (before, number):
                self.refresh(Region(0, changed - top + 1, self.size.width, 1))
        else:
            self.refresh()
        self.post_message(self.Moved())

    def action_move(self, by: int) -> None:
        """Move by rows."""
        self.move_to(self._cursor + by)

    def action_leap(self, pages: float) -> None:
        """Move by parts of what is in view."""
        self.move_to(self._cursor + int(pages * (self.size.height - 1)))

    def action_edge(self, last: bool) -> None:
        """Move to the first or the last row."""
        self.move_to(self.count - 1 if last else 0)

    def action_open(self) -> None:
        """Open what the cursor is on."""
        if self.count:
            self.post_message(self.Opened())

    def action_select(self) -> None:
        """Select the row or not, and move on."""
        row = self.current
        if row is not None:
            self._anchor = self._cursor
            self.post_message(self.Picked(row.fingerprint))
            self.move_to(self._cursor + 1)

    def action_range(self) -> None:
        """Select from the row that was selected last to the cursor."""
        begin = self._cursor if self._anchor is None else self._anchor
        first, last = sorted((begin, self._cursor))
        self._anchor = self._cursor
        if self._groups is None:
            self.post_message(self.Ranged(self._ids[first : last + 1]))

    def on_click(self, event: events.Click) -> None:
        """Move to the row that was clicked; open it when the cursor is there already."""
        number = event.y - 1 + self.scroll_offset.y
        if event.y > 0 and number < self.count:
            if number == self._cursor:
                self.action_open()
            else:
                self.move_to(number)
