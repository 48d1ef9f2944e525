"""The sites of the scope: how many hosts, when they were scanned last, what did not work; and the coming scans."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from rich.text import Text
from textual.app import ComposeResult
from textual.widgets import Static

from secaudit.model.answer import Reach
from secaudit.store.records import HostOverview
from secaudit.tui import words
from secaudit.tui.pages.list_page import ListPage, ListRow
from secaudit.tui.scope import Scope
from secaudit.tui.services import Firing


@dataclass(frozen=True, slots=True)
class SiteRow:
    """A site of a customer, as the newest scans of its hosts found it."""

    customer: str
    name: str
    site: str
    hosts: tuple[HostOverview, ...]

    @property
    def oldest(self) -> datetime:
        """When the host was scanned that waits longest."""
        return min(host.scanned for host in self.hosts)

    def how_many(self, reach: Reach) -> int:
        """Hosts whose newest scan got that far."""
        return sum(host.record.status is reach for host in self.hosts)


class FleetPage(ListPage[SiteRow]):
    """Screen 6."""

    PAGE = "fleet"
    NOTHING = "no host was scanned yet: `secaudit scan …`"

    def __init__(self) -> None:
        super().__init__()
        self._firings: Sequence[Firing] = ()

    def load(self, scope: Scope) -> Sequence[SiteRow]:
        """Sites whose hosts wait longest first."""
        schedules = self.dashboard.services.schedules
        self._firings = schedules() if schedules is not None else ()
        hosts = sorted(self.dashboard.source.hosts(scope.customer), key=_site)
        sites = [
            SiteRow(customer, members[0].record.customer_name or customer, site, members)
            for (customer, site), found in groupby(hosts, key=_site)
            if (members := tuple(found))
        ]
        return sorted(sites, key=lambda site: site.oldest)

    def compose_body(self) -> ComposeResult:
        """Sites, and what comes next."""
        yield from super().compose_body()
        yield Static("", id="schedules")

    def columns(self) -> tuple[str, ...]:
        """How far, how long ago."""
        return ("customer", "site", "hosts", "complete", "partial", "unreachable", "oldest scan")

    def row(self, value: SiteRow) -> ListRow[SiteRow]:
        """A site."""
        look = self.dashboard.look
        age = words.span((self.dashboard.now() - value.oldest).total_seconds())
        partial, unreachable = value.how_many(Reach.PARTIAL), value.how_many(Reach.UNREACHABLE)
        cells = (
            words.line(value.name, look.strong),
            words.line(value.site),
            Text(str(len(value.hosts))),
            Text(str(value.how_many(Reach.COMPLETE)), look.good),
            Text(str(partial), look.unproven if partial else look.dim),
            Text(str(unreachable), look.unproven if unreachable else look.dim),
            Text(age, look.dim),
        )
        return ListRow(value, cells, f"{value.customer} {value.name} {value.site}")

    def show(self, value: Sequence[SiteRow]) -> None:
        """Sites and schedules."""
        super().show(value)
        look = self.dashboard.look
        text = Text("SCHEDULES\n", look.strong)
        for firing in self._firings:
            text.append(f"{firing.at:%Y-%m-%d %H:%M} UTC  ", look.accent)
            text.append_text(words.line(firing.schedule)).append_text(words.line(f"  {firing.what}", look.dim)).append(
                "\n"
            )
        if not self._firings:
            text.append(self.dashboard.services.why("schedules"), look.dim)
        self.query_one("#schedules", Static).update(text)

    def open_value(self, value: SiteRow, column: str) -> None:
        """The customer's hosts."""
        del column
        self.dashboard.go(Scope().of_customer(value.customer, value.name), "hosts")


def _site(host: HostOverview) -> tuple[str, str]:
    return host.record.customer, host.record.site
