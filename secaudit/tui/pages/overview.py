"""The morning's answer on one screen: what is overdue, due, new and unproven, at which customer, in which family."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import ClassVar

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.message import Message
from textual.widgets import Static
from textual.worker import get_current_worker

from secaudit.model.answer import Reach
from secaudit.store.listing import Clocks
from secaudit.store.records import CustomerOverview, Tally
from secaudit.tui import words
from secaudit.tui.filter.sql import NEW_FOR
from secaudit.tui.findings.projection import Sort
from secaudit.tui.findings.views import View
from secaudit.tui.pages.blocks import Blocks, blocks
from secaudit.tui.pages.hosts import MISSED
from secaudit.tui.pages.list_page import ListPage, ListRow
from secaudit.tui.pages.page import NARROW
from secaudit.tui.pages.standing import PROVEN, families_in, label, months_before, standing
from secaudit.tui.scope import Scope
from secaudit.tui.services import FeedAge
from secaudit.tui.source import Source
from secaudit.tui.themes import Look

MOST_CLOCKS = 9
MOST_RUNS = 6
MOST_BACKUPS = 5
MOST_WAIVERS = 5
BACKUPS = "backup"
"""The family whose open findings stand in a block of their own."""

WAIVERS_AHEAD = timedelta(days=30)
"""How far ahead the end of a waiver is shown."""

COUNTED = (
    View("overdue", Sort.DUE),
    View("due<1d -overdue -waived", Sort.DUE),
    View("new -waived"),
    View("unproven"),
    View("waived -unproven"),
)
"""What the counters count; the last counter is about hosts. A waiver accepts a failure, it never proves anything."""

AHEAD = timedelta(days=1)
"""How far ahead a clock is counted as due soon."""

_SHORT = {"DUE IN 24 H": "IN 24 H", "NOT SCANNED": "MISSED"}


@dataclass(frozen=True, slots=True)
class CustomerRow:
    """A customer in the matrix; `months` are open findings at twelve moments, None before the first was known."""

    overview: CustomerOverview
    tallies: tuple[Tally, ...]
    clocks: Clocks
    months: tuple[int | None, ...]


class Counter(Static, can_focus=True):
    """A number, what it counts, and the findings behind it on Enter."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "open", "open")]

    class Opened(Message):
        """Enter or a click."""

        def __init__(self, view: View | None) -> None:
            super().__init__()
            self.view = view

    def __init__(self, view: View | None) -> None:
        super().__init__("")
        self._view = view

    def action_open(self) -> None:
        """Show what is behind."""
        self.post_message(self.Opened(self._view))

    def on_click(self) -> None:
        """The same by mouse."""
        self.action_open()


class OverviewPage(ListPage[CustomerRow]):
    """Screen 1."""

    PAGE = "overview"
    NOTHING = "no run yet: start one with `secaudit scan …`"
    CURSOR = "cell"

    def __init__(self) -> None:
        super().__init__()
        self._blocks = Blocks((), (), (), (), ())
        self._families: tuple[str, ...] = ()

    def compose_body(self) -> ComposeResult:
        """Counters, matrix, blocks."""
        with Horizontal(id="counters"):
            for view in COUNTED:
                yield Counter(view)
            yield Counter(None)
        with Horizontal(id="split"):
            with VerticalScroll(id="matrix", can_focus=False):
                yield from self.compose_list()
            with VerticalScroll(id="side", can_focus=False):
                yield Static("", id="blocks")

    def load(self, scope: Scope) -> Sequence[CustomerRow]:
        """Everything, and the blocks on the way."""
        source, now = self.dashboard.source, self.dashboard.now()
        rows = load_customers(source, now, scope)
        hosts = source.hosts(scope.customer)
        self._blocks = Blocks(
            source.due_lines(scope.customer, MOST_CLOCKS),
            source.runs(scope.customer, MOST_RUNS),
            tuple(found for found in hosts if found.record.status is not Reach.COMPLETE),
            source.open_lines(scope.customer, BACKUPS, MOST_BACKUPS),
            source.ending_waivers(scope.customer, now + WAIVERS_AHEAD, MOST_WAIVERS),
            self._blocks.feeds,
        )
        return rows

    @work(thread=True, exclusive=True, group="feeds")
    def _load_feeds(self) -> None:
        """Apart from the rest: who reads the reference data may have much to import."""
        feeds = self.dashboard.services.feeds
        known = sorted(feeds(), key=lambda feed: feed.stamp.at) if feeds is not None else ()
        if not get_current_worker().is_cancelled:
            self.app.call_from_thread(self._show_feeds, known)

    def _show_feeds(self, feeds: Sequence[FeedAge]) -> None:
        if self.is_ready:
            self._blocks = replace(self._blocks, feeds=feeds)
            self._paint_blocks()

    def columns(self) -> tuple[str, ...]:
        """Without the sparkline where it is narrow."""
        wide = self.size.width >= NARROW
        return (
            "customer",
            *(label(family) for family in self._families),
            "due",
            *(("12 months",) if wide else ()),
            "scan",
        )

    def row(self, value: CustomerRow) -> ListRow[CustomerRow]:
        """Worst severity and count by family, the next clock, a year, the last scan."""
        look, overview = self.dashboard.look, value.overview
        due = value.clocks.next_due
        left = Text(*words.due((due - self.dashboard.now()).total_seconds(), look)) if due is not None else Text("")
        gone = overview.partial + overview.unreachable
        scan = Text(f"{overview.complete}/{overview.hosts}", look.unproven) if gone else Text(PROVEN, look.good)
        year = (Text(words.sparkline(value.months), look.dim),) if self.size.width >= NARROW else ()
        cells = (
            _name(overview.name, 20 if self.size.width >= NARROW else 16, look),
            *(words.family_state(value.tallies, family, look) for family in self._families),
            left,
            *year,
            scan,
        )
        return ListRow(value, cells, f"{overview.customer} {overview.name}")

    def show(self, value: Sequence[CustomerRow]) -> None:
        """The matrix with counters and blocks."""
        self._families = families_in(tally for row in value for tally in row.tallies)
        super().show(value)
        self._paint_blocks()
        self._load_feeds()

    def repaint(self) -> None:
        """The theme changed."""
        super().repaint()
        self._paint_blocks()

    def remark(self) -> str:
        """How much there is."""
        values = self._values or ()
        customers = "1 customer" if len(values) == 1 else f"{len(values)} customers"
        return f"{customers} · {sum(value.overview.hosts for value in values):,} hosts · worst first"

    def open_value(self, value: CustomerRow, column: str) -> None:
        """The hosts of the customer, or its findings in the family of the cell."""
        scope = Scope().of_customer(value.overview.customer, value.overview.name)
        families = {label(family): family for family in self._families}
        if column in families:
            self.dashboard.show_findings(View(f"family:{families[column]}"), scope)
        elif column == "due":
            self.dashboard.show_findings(View("due<3650d -waived", Sort.DUE), scope)
        else:
            self.dashboard.go(scope, "hosts")

    def on_counter_opened(self, event: Counter.Opened) -> None:
        """The findings behind a number; hosts for those that were not scanned."""
        if event.view is None:
            self.dashboard.show_hosts(MISSED, self.dashboard.scope)
        else:
            self.dashboard.show_findings(event.view, self.dashboard.scope)

    def _paint_blocks(self) -> None:
        look, now = self.dashboard.look, self.dashboard.now()
        counted = counters(self._values or (), self._blocks, now, look, short=self.size.width < NARROW)
        for counter, text in zip(self.query(Counter), counted, strict=True):
            counter.update(text)
        names = {value.overview.customer: value.overview.name for value in self._values or ()}
        self.query_one("#blocks", Static).update(blocks(self._blocks, names, now, look))


def load_customers(source: Source, now: datetime, scope: Scope) -> list[CustomerRow]:
    """The customers of the scope, the worst first."""
    clocks = {one.customer: one for one in source.clocks(now, now + AHEAD, now - NEW_FOR)}
    moments = months_before(now, 12)
    at = source.open_at(moments)
    by_customer: dict[str, list[Tally]] = defaultdict(list)
    for name, tallies in source.open_tallies(scope.customer).items():
        by_customer[name.customer].extend(tallies)
    rows = [
        CustomerRow(
            one,
            standing(by_customer[one.customer], one.tallies),
            clocks.get(one.customer, Clocks(one.customer, 0, 0, 0, 0, 0, None)),
            _since_known(at.get(one.customer, ())),
        )
        for one in source.customers()
        if scope.customer in (None, one.customer)
    ]
    return sorted(rows, key=lambda row: (words.worst_first(row.tallies), row.overview.name))


def _since_known(counts: Sequence[int]) -> tuple[int | None, ...]:
    """Zeros before the first finding say nothing: nobody may have looked yet."""
    known = next((place for place, count in enumerate(counts) if count), len(counts))
    return tuple(None if place < known else count for place, count in enumerate(counts))


def counters(
    rows: Sequence[CustomerRow], side: Blocks, now: datetime, look: Look, *, short: bool = False
) -> list[Text]:
    """The six numbers with a remark each; `short` leaves the remarks away."""
    clocks = [row.clocks for row in rows]
    overdue = sum(one.overdue for one in clocks)
    next_due = min((one.next_due for one in clocks if one.next_due is not None), default=None)
    oldest = f"oldest {words.due((next_due - now).total_seconds(), look)[0]}" if next_due and overdue else ""
    coming = next((found.due for found in side.due if found.due is not None and found.due >= now), None)
    first_due = f"next in {words.due((coming - now).total_seconds(), look)[0]}" if coming else ""
    unproven = sum(one.unproven for one in clocks)
    missed = len(side.troubled)
    first = side.troubled[0].record.host if side.troubled else ""
    parts = (
        (overdue, "OVERDUE", oldest, look.critical),
        (sum(one.due_today for one in clocks), "DUE IN 24 H", first_due, look.high),
        (sum(one.new for one in clocks), "NEW", "in 24 hours", look.strong),
        (
            unproven,
            "UNPROVEN",
            f"at {sum(bool(one.unproven) for one in clocks)} of {len(clocks)}" if unproven else "",
            look.unproven,
        ),
        (sum(one.waived for one in clocks), "WAIVED", "", look.low),
        (missed, "NOT SCANNED", words.line(first).plain if first else "all hosts complete", look.critical),
    )
    if short:
        return [
            Text.assemble(
                ("▎", style), (f"{count:,} ", style if count else look.dim), (_SHORT.get(name, name), look.strong)
            )
            for count, name, _, style in parts
        ]
    return [
        Text.assemble(
            ("▎", style), (f"{count:<4,} ", style if count else look.dim), (name, look.strong), "\n",
            ("▎", style), ("     " + remark, look.dim),
        )
        for count, name, remark, style in parts
    ]  # fmt: skip


def _name(name: str, size: int, look: Look) -> Text:
    text = words.line(name, look.strong)
    text.truncate(size, overflow="ellipsis")
    return text
