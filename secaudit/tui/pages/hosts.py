"""The hosts of the scope, the worst first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.text import Text

from secaudit.model.answer import Reach
from secaudit.store.records import HostName, HostOverview, Tally
from secaudit.tui import words
from secaudit.tui.findings.views import View
from secaudit.tui.pages.list_page import ListPage, ListRow
from secaudit.tui.pages.page import NARROW
from secaudit.tui.pages.standing import families_in, label, standing
from secaudit.tui.scope import Scope

MISSED = "not scanned"
"""Words that filter the hosts whose newest scan did not see all of them."""


@dataclass(frozen=True, slots=True)
class HostRow:
    """A host with its open findings and what its newest scan proved."""

    overview: HostOverview
    tallies: tuple[Tally, ...]


class HostsPage(ListPage[HostRow]):
    """Screen 3."""

    PAGE = "hosts"
    NOTHING = "no host was scanned yet: `secaudit scan …`"
    CURSOR = "cell"

    def __init__(self) -> None:
        super().__init__()
        self._families: tuple[str, ...] = ()

    def show(self, value: Sequence[HostRow]) -> None:
        """With a column for each family that there is."""
        self._families = families_in(tally for row in value for tally in row.tallies)
        super().show(value)

    def load(self, scope: Scope) -> Sequence[HostRow]:
        """Worst first."""
        open_tallies = self.dashboard.source.open_tallies(scope.customer)
        rows = [
            HostRow(one, standing(open_tallies.get(HostName(one.record.customer, one.record.host), ()), one.tallies))
            for one in self.dashboard.source.hosts(scope.customer)
            if scope.host in (None, one.record.host)
        ]
        return sorted(rows, key=lambda row: (words.worst_first(row.tallies), row.overview.record.host))

    def columns(self) -> tuple[str, ...]:
        """Site, address and system where there is room."""
        wide = self.size.width >= NARROW
        whose = () if self.dashboard.scope.customer else ("customer",)
        where = ("site", "address", "os", "tags") if wide else ()
        return ("host", *whose, *where, "scan", *(label(family) for family in self._families), "scanned")

    def row(self, value: HostRow) -> ListRow[HostRow]:
        """Where it is, how the last scan went, and how it stands."""
        look, record = self.dashboard.look, value.overview.record
        customer = record.customer_name or record.customer
        system = f"{record.os_id} {record.os_version}".strip()
        wide = self.size.width >= NARROW
        age = words.span((self.dashboard.now() - value.overview.scanned).total_seconds())
        cells = (
            words.line(record.host, look.strong),
            *(() if self.dashboard.scope.customer else (words.line(customer),)),
            *((words.line(record.site), words.line(record.address), words.line(system)) if wide else ()),
            *((words.line(", ".join(record.tags), look.dim),) if wide else ()),
            words.reach(record.status, look),
            *(words.family_state(value.tallies, family, look) for family in self._families),
            Text(age, look.dim),
        )
        texts = (
            record.host,
            customer,
            record.customer,
            record.site,
            record.address,
            system,
            record.status.value,
            "" if record.status is Reach.COMPLETE else MISSED,
            *record.tags,
        )
        return ListRow(value, cells, " ".join(texts))

    def remark(self) -> str:
        """How many."""
        return f"{len(self._values or ()):,} hosts · worst first"

    def open_value(self, value: HostRow, column: str) -> None:
        """The host, or its findings in the family of the cell."""
        record = value.overview.record
        families = {label(family): family for family in self._families}
        if column in families:
            scope = Scope().of_host(record.customer, record.host, record.customer_name)
            self.dashboard.show_findings(View(f"family:{families[column]}"), scope)
        else:
            self.dashboard.open_host(record.customer, record.host, record.customer_name)
