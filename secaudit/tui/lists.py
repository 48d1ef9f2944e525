"""The way in: customers, then hosts, then the results of a host."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Static

from secaudit.model.outcome import Outcome
from secaudit.model.result import Result
from secaudit.store.records import CustomerOverview, HostOverview
from secaudit.tui import words
from secaudit.tui.detail import DetailScreen, describe
from secaudit.tui.evidence import EvidenceScreen
from secaudit.tui.source import Source
from secaudit.tui.table_screen import Row, TableScreen

FAMILIES = ("network", "firewall", "patch", "backup", "resilience", "host")
"""Order of the matrix columns; a family that is not named here has no column of its own but is in the lists."""

_RANK = {Outcome.FAILED: 0, Outcome.UNPROVEN: 1, Outcome.PASSED: 2, Outcome.NOT_APPLICABLE: 3}


class CustomersScreen(TableScreen[CustomerOverview]):
    """Every customer, worst first, with the state per family."""

    COLUMNS = ("customer", "hosts", *FAMILIES, "oldest scan (UTC)")
    NOTHING = "no run yet: start one with `secaudit scan`"

    def __init__(self, source: Source) -> None:
        super().__init__(source, ["all customers"])

    def load(self) -> list[Row[CustomerOverview]]:
        """Worst first."""
        found = sorted(self.source.customers(), key=lambda one: (words.worst_first(one.tallies), one.customer))
        return [Row(one, self._cells(one), f"{one.customer} {one.name}".lower()) for one in found]

    def _cells(self, one: CustomerOverview) -> tuple[Text, ...]:
        gone = one.partial + one.unreachable
        hosts = Text(f"{one.complete}/{one.hosts}", style="magenta" if gone else "")
        states = (words.family_state(one.tallies, family) for family in FAMILIES)
        return (words.line(one.name or one.customer), hosts, *states, Text(f"{one.scanned:%Y-%m-%d %H:%M}"))

    def open_value(self, value: CustomerOverview) -> None:
        """The customer's hosts."""
        self.app.push_screen(HostsScreen(self.source, value.customer, value.name or value.customer))


class HostsScreen(TableScreen[HostOverview]):
    """The hosts of a customer, worst first."""

    COLUMNS = ("host", "site", "address", "os", "scan", *FAMILIES, "scanned (UTC)")

    def __init__(self, source: Source, customer: str, name: str) -> None:
        super().__init__(source, ["all customers", name])
        self._customer = customer

    def load(self) -> list[Row[HostOverview]]:
        """Worst first."""
        found = sorted(
            self.source.hosts(self._customer), key=lambda one: (words.worst_first(one.tallies), one.record.host)
        )
        return [Row(one, self._cells(one), self._text(one)) for one in found]

    def _text(self, one: HostOverview) -> str:
        record = one.record
        return f"{record.host} {record.site} {record.address} {record.os_id} {record.status.value}".lower()

    def _cells(self, one: HostOverview) -> tuple[Text, ...]:
        record = one.record
        return (
            words.line(record.host),
            words.line(record.site),
            words.line(record.address),
            words.line(f"{record.os_id} {record.os_version}"),
            words.reach(record.status),
            *(words.family_state(one.tallies, family) for family in FAMILIES),
            Text(f"{one.scanned:%Y-%m-%d %H:%M}"),
        )

    def open_value(self, value: HostOverview) -> None:
        """The host's results."""
        self.app.push_screen(ResultsScreen(self.source, value, self.trail))


class ResultsScreen(TableScreen[Result]):
    """The results of a host, worst first; what the cursor is on is explained below where there is room."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("e", "evidence", "Evidence")]
    COLUMNS = ("sev", "", "family", "control", "subject", "reason")

    def __init__(self, source: Source, host: HostOverview, trail: tuple[str, ...]) -> None:
        super().__init__(source, [*trail, host.record.host])
        self._host = host

    def compose_below(self) -> ComposeResult:
        """The explanation."""
        with VerticalScroll(id="detail", can_focus=False):
            yield Static("", id="detail-text")

    def load(self) -> list[Row[Result]]:
        """Failed, unproven, passed, not applicable; the worst severity first."""
        record = self._host.record
        found = sorted(
            self.source.host_results(record.customer, record.host, self._host.run),
            key=lambda one: (_RANK[one.outcome], -one.severity.rank, one.family, one.control, one.subject),
        )
        return [Row(one, self._cells(one), self._text(one)) for one in found]

    def _text(self, one: Result) -> str:
        parts = (one.control, one.check, one.subject, one.title, one.reason, one.outcome.value, one.severity.value)
        return " ".join(parts).lower()

    def _cells(self, one: Result) -> tuple[Text, ...]:
        shown = words.severity(one.severity) if one.outcome is Outcome.FAILED else Text("")
        return (
            shown,
            words.outcome(one),
            words.line(one.family),
            words.line(one.control),
            words.line(one.subject),
            words.line(one.reason or one.title),
        )

    def highlighted(self, value: Result | None) -> None:
        """Explain the result below the table."""
        self.query_one("#detail-text", Static).update(describe(value) if value is not None else Text(""))

    def open_value(self, value: Result) -> None:
        """The whole result."""
        self.app.push_screen(DetailScreen(self.source, value, self._host.run, self.trail))

    def action_evidence(self) -> None:
        """The transcript entry that the result points at."""
        if (value := self.current) is not None:
            self.app.push_screen(EvidenceScreen(self.source, value, self._host.run, self.trail))
