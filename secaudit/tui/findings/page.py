"""All findings: filter, table, and what the cursor is on explained beside or below it."""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import Callable, Sequence
from typing import ClassVar, TypeVar

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.timer import Timer
from textual.widgets import Input, Static

from secaudit.tui.dialogs import Choose
from secaudit.tui.exporting import Picked
from secaudit.tui.filter.language import parse
from secaudit.tui.filter.line import FilterLine
from secaudit.tui.finding.detail import Detail, Finding
from secaudit.tui.finding.screen import DetailScreen, FindingScreen
from secaudit.tui.finding.view import DetailView
from secaudit.tui.findings.choose_view import ChooseView, save_view
from secaudit.tui.findings.feed import Crashed, Failed, Feed, Found, FoundGroups, FoundPage
from secaudit.tui.findings.projection import PAGE, Group, Projection, Query, Row, Sort
from secaudit.tui.findings.row_paint import OPTIONAL
from secaudit.tui.findings.table import FindingsTable
from secaudit.tui.findings.views import View, ViewsError

A = TypeVar("A")

DETAIL_FROM = 30
"""Rows of the terminal from which the detail is shown with the table."""

SETTLED = 0.12
"""Seconds that the cursor must rest before the detail is read."""

TYPED = 0.4
"""The same while a filter is typed: who types looks at the rows, and to draw an explanation takes longer than they."""


class FindingsPage(FindingScreen):
    """Screen 2."""

    PAGE = "findings"
    BINDINGS: ClassVar[list[BindingType]] = [
        # Before anything else gets the key: what is typed behind it belongs to the filter.
        Binding("slash", "filter", "filter", priority=True),
        Binding("apostrophe", "views", "views", tooltip="Choose a view; again: the last one"),
        Binding("t", "group", "group"),
        Binding("s", "sort", "sort"),
        Binding("A", "select_all", "Select all shown", show=False),
        Binding("S", "save_view", "Save this view", show=False),
        Binding("x", "export", "export"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._feed: Feed | None = None
        self._number = 0
        self._view = View()
        self._last_view = View()
        self._came_from: list[View] = []
        self._detail: Detail | None = None
        self._asked: Finding | None = None
        self._settling: Timer | None = None
        self._shown: tuple[object, ...] = ()
        self._whole = False
        self._loaded = False
        self._keep_cursor = False

    def compose_body(self) -> ComposeResult:
        """Filter line, table, detail."""
        with Horizontal(id="filter-bar"):
            yield Static(" / ", id="slash")
            yield FilterLine(lambda: self.feed.known, lambda: self.set_focus(self.table))
            yield Static("", id="count")
        with Horizontal(id="split"):
            yield FindingsTable(lambda: self.dashboard.look, lambda: self.dashboard.now().timestamp())
            yield DetailView(id="detail", can_focus=False)

    @property
    def feed(self) -> Feed:
        """The thread that answers."""
        if self._feed is None:
            self._feed = Feed(self.dashboard.source, self.dashboard.now, self.post_message)
            self._feed.start()
        return self._feed

    @property
    def table(self) -> FindingsTable:
        """The table."""
        return self.query_one(FindingsTable)

    @property
    def detail(self) -> Detail | None:
        """The finding under the cursor, once it was read."""
        row = self.table.current
        if row is None or self._detail is None or self._detail.finding.fingerprint != row.fingerprint:
            return None
        return self._detail

    def remark(self) -> str:
        """The order."""
        return f"by {self._view.group.value}" if self._view.group else f"sorted by {self._view.sort.value}"

    def on_mount(self) -> None:
        """Ask for everything."""
        super().on_mount()
        self.set_focus(self.table)
        self._show_filter()
        self._ask()

    def on_unmount(self) -> None:
        """End the thread."""
        if self._feed is not None:
            self._feed.close()

    def on_resize(self) -> None:
        """Show the detail where there is room."""
        super().on_resize()
        self.query_one("#detail").display = self._has_detail
        self._read_detail()

    @property
    def _has_detail(self) -> bool:
        return self.size.height >= DETAIL_FROM

    def follow(self) -> None:
        """Follow scope, theme and time."""
        super().follow()
        self.table.relayout()
        self._ask(keep_cursor=True)

    def repaint(self) -> None:
        """The theme changed."""
        self.table.relayout()
        self.query_one(DetailView).draw()

    def reload(self) -> None:
        """The store changed."""
        self._keep_cursor = True
        self.feed.reload()
        self._asked = None
        self._read_detail()

    def show_view(self, view: View) -> None:
        """Show another filter, order and grouping, at once or when the page is there."""
        if view != self._view:
            self._last_view = self._view
        self._view = view
        if self.is_ready:
            self._show_filter()
            self._ask()
            self.paint_frame()

    def _show_filter(self) -> None:
        line = self.query_one(FilterLine)
        if line.value != self._view.filter:
            with line.prevent(Input.Changed):
                line.value = self._view.filter

    def _ask(self, *, keep_cursor: bool = False) -> None:
        """Put the question to the feed, unless it is the one that was answered."""
        view = self._view
        asked = (view.filter, view.sort, view.group, self.dashboard.scope)
        if asked == self._shown:
            return
        self._shown = asked
        self._keep_cursor = keep_cursor
        read = parse(view.filter)
        self.say("; ".join(problem.message for problem in read.problems))
        self._number = self.feed.ask(Query(read.terms, self.dashboard.scope, view.sort, view.group))

    def on_found(self, event: Found) -> None:
        """The first rows, or the end of the list."""
        if event.number < self._number:
            return
        self._number = event.number
        self._whole, self._loaded = event.whole, event.loaded
        if event.rows or not event.ids:
            self.table.begin_answer(event.ids, event.rows, keep_cursor=self._keep_cursor)
        else:
            self.table.complete_answer(event.ids)
        self._count()

    def on_found_groups(self, event: FoundGroups) -> None:
        """All groups."""
        if event.number >= self._number:
            self._number = event.number
            self._whole, self._loaded = True, event.loaded
            self.table.show_groups(event.groups, keep_cursor=self._keep_cursor)
            self._count()

    def on_found_page(self, event: FoundPage) -> None:
        """Rows in view."""
        if event.number == self._number:
            self.table.put_page(event.page, event.rows)

    def on_failed(self, event: Failed) -> None:
        """What is shown is older."""
        self.say(f"{event.text}; what is shown is older")

    def on_crashed(self, event: Crashed) -> None:
        """End the dashboard with it: a list that no longer answers would look like an answer."""
        raise event.error

    def on_findings_table_wanted(self, event: FindingsTable.Wanted) -> None:
        """Pass it on."""
        self.feed.want(self._number, event.page, event.ids)

    def _count(self) -> None:
        many = f"{self.table.count:,}{'' if self._whole else '+'}"
        what = (self._view.group.value if self._view.group else "finding") + ("" if self.table.count == 1 else "s")
        selected = f"{len(self.table.selected):,} selected · " if self.table.selected else ""
        loading = "" if self._loaded else "reading · "
        text = Text(f"{loading}{selected}{many} {what} ", self.dashboard.look.dim, no_wrap=True)
        self.query_one("#count", Static).update(text, layout=False)
        if not self.table.count and self._loaded:
            self.query_one(DetailView).say(self._nothing())
            self._asked = None

    def _nothing(self) -> Text:
        if self._view.filter:
            text = "nothing matches; Esc clears the filter"
        else:
            text = "no open finding here; no scan yet? `secaudit scan …` makes one"
        self.say(text)
        return Text(text, self.dashboard.look.dim)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filter while typing."""
        self._view = View(event.value, self._view.sort, self._view.group)
        self._ask()
        if self._settling is not None:
            self.on_findings_table_moved()

    def on_findings_table_moved(self) -> None:
        """Explain what the cursor is on once it rests."""
        if self._settling is not None:
            self._settling.stop()
        is_typing = isinstance(self.focused, FilterLine)
        self._settling = self.set_timer(TYPED if is_typing else SETTLED, self._read_detail)

    def _read_detail(self) -> None:
        row = self.table.current
        if row is None:
            return
        finding = _finding(row)
        if finding != self._asked:
            self._asked = finding
            self.dashboard.load_detail(self, finding)

    def put(self, detail: Detail) -> None:
        """The finding under the cursor was read."""
        self._detail = detail
        if self.detail is not None and self._has_detail:
            self.query_one(DetailView).put(detail)

    def on_findings_table_opened(self) -> None:
        """A finding in full, or the findings of a group."""
        group, row = self.table.current_group, self.table.current
        if group is not None:
            self._came_from.append(self._view)
            self.show_view(self._view.inside(group))
        elif row is not None:
            self.app.push_screen(DetailScreen(_finding(row), self.detail))

    def action_out(self) -> None:
        """Back to the groups, else clear the filter, the selection, else widen the scope."""
        if self._came_from:
            self.show_view(self._came_from.pop())
        elif self._view.filter or self._view.group:
            self.show_view(View(sort=self._view.sort))
        elif self.table.selected:
            self._select(set())
        else:
            self.dashboard.go(self.dashboard.scope.up)

    def action_filter(self) -> None:
        """Edit the filter."""
        line = self.query_one(FilterLine)
        line.can_focus = True
        self.set_focus(line)

    def action_sort(self) -> None:
        """Choose an order."""
        options = [(sort.name, sort.value) for sort in Sort]
        self.app.push_screen(Choose("Sort by", options), self._sorted)

    def _sorted(self, chosen: str | None) -> None:
        if chosen:
            self.show_view(View(self._view.filter, Sort[chosen], self._view.group))

    def action_group(self) -> None:
        """Choose what to count by."""
        options = [("", "nothing: one line per finding"), *((group.name, group.value) for group in Group)]
        self.app.push_screen(Choose("Group by", options), self._grouped)

    def _grouped(self, chosen: str | None) -> None:
        if chosen is not None:
            self._came_from.clear()
            self.show_view(View(self._view.filter, self._view.sort, Group[chosen] if chosen else None))

    def action_views(self) -> None:
        """Choose a saved view; ' again takes the last one."""
        try:
            self.dashboard.views.all()
        except ViewsError as error:
            self.dashboard.complain(error)
        dialog = ChooseView(self.dashboard.views)

        def chosen(name: str | None) -> None:
            if name == ChooseView.LAST:
                self.show_view(self._last_view)
            elif name:
                self._came_from.clear()
                self.show_view(dialog.view(name))

        self.app.push_screen(dialog, chosen)

    @work(group="talk")
    async def action_save_view(self) -> None:
        """Keep filter, order and grouping under a name."""
        await save_view(self._view, self.dashboard)

    def toggle_column(self, name: str) -> None:
        """Show or hide a column."""
        if name in OPTIONAL:
            self.table.hidden ^= {name}
            self.table.relayout()

    @work(group="talk")
    async def action_select_all(self) -> None:
        """Select every row that matches, also those that were not loaded."""
        query, now = self._query(), self.dashboard.now()
        found = await self._asked_feed(lambda projection: projection.fingerprints(query, now))
        self._select(self.table.selected | found)

    def on_findings_table_picked(self, event: FindingsTable.Picked) -> None:
        """Select the row, or no longer."""
        self._select(self.table.selected ^ {event.fingerprint})

    def on_findings_table_ranged(self, event: FindingsTable.Ranged) -> None:
        """Select the rows of a range."""
        self._select_rows(event.ids)

    @work(group="talk")
    async def _select_rows(self, ids: array[int]) -> None:
        parts = [ids[begin : begin + PAGE] for begin in range(0, len(ids), PAGE)]
        rows = await self._asked_feed(
            lambda projection: [row for part in parts for row in projection.rows(part)], self._number
        )
        self._select(self.table.selected | {row.fingerprint for row in rows})

    def _select(self, fingerprints: set[str]) -> None:
        before = set(self.table.selected)
        self.dashboard.remember("the selection", lambda: self._restore(before))
        self._restore(fingerprints)

    def _restore(self, fingerprints: set[str]) -> None:
        self.table.selected = fingerprints
        self.table.refresh()
        self._count()

    def _query(self) -> Query:
        view = self._view
        return Query(parse(view.filter).terms, self.dashboard.scope, view.sort)

    async def _rows(self) -> Sequence[Row]:
        """What is selected, else the row under the cursor."""
        selected, row = frozenset(self.table.selected), self.table.current
        if selected:
            return await self._asked_feed(lambda projection: projection.of(selected))
        return [row] if row is not None else []

    async def chosen(self) -> Sequence[Finding]:
        """What is selected, else the row under the cursor."""
        return [_finding(row) for row in await self._rows()]

    @work(group="talk")
    async def action_export(self) -> None:
        """Write the selection, or the row under the cursor, to a file."""
        rows = await self._rows()
        if rows:
            self.dashboard.jobs.export([Picked(row.fingerprint, row.customer, row.host, row.run) for row in rows])
        else:
            self.dashboard.tell("nothing is selected; Space selects, A selects all that are shown")

    async def _asked_feed(self, question: Callable[[Projection], A], of: int | None = None) -> A:
        """What the thread of the feed answers; never, when that is `of` an answer which is no longer shown."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[A] = loop.create_future()

        def asked(projection: Projection) -> None:
            loop.call_soon_threadsafe(answer.set_result, question(projection))

        self.feed.call(asked, of)
        return await answer


def _finding(row: Row) -> Finding:
    return Finding(row.fingerprint, row.customer, row.host, row.control, row.subject, row.run, row.name)
