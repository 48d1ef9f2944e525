"""What a store knows of one customer: the only way in which something that is written about a customer reads it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from secaudit.model.answer import HostTranscript
from secaudit.model.request import Request
from secaudit.model.result import Result
from secaudit.model.run import RunInfo, RunReport
from secaudit.model.sla import FindingEvent
from secaudit.store.lifecycle import Finding
from secaudit.store.listing import ScanOfHost
from secaudit.store.records import FindingFilter, HostOverview, RunOverview

if TYPE_CHECKING:
    from secaudit.store.store import Store


@dataclass(frozen=True, slots=True)
class CustomerView:
    """A store as one customer may see it: no method takes or returns anything of another one.

    A run may have scanned many customers. Here it has the hosts, results and baselines of this one only. Every method
    raises StoreError when the database fails.
    """

    _store: Store
    customer: str

    def runs(self, limit: int = 50) -> tuple[RunOverview, ...]:
        """The newest runs that planned a host of the customer, counting its hosts; `report` has their baselines."""
        found = self._store.runs(self.customer, limit)
        return tuple(replace(one, run=replace(one.run, baselines=())) for one in found)

    def latest_run(self) -> RunInfo | None:
        """The whole scan that was started last, without its baselines; None before the first."""
        found = self._store.latest_run(self.customer)
        return None if found is None else replace(found, baselines=())

    def checked_since(self, base: RunInfo) -> tuple[RunReport, ...]:
        """What re-checks and scans for some controls found that were started after `base`, the oldest first."""
        return self._store.checked_since(base, self.customer)

    def report(self, run_id: str) -> RunReport:
        """What a run found out about the customer. Raises StoreError when it planned no host of it."""
        return self._store.report_of(run_id, {self.customer})

    def hosts(self) -> tuple[HostOverview, ...]:
        """Every host as its newest scan found it, by name."""
        return self._store.hosts(self.customer)

    def scans(self, since: datetime, until: datetime) -> tuple[HostOverview, ...]:
        """Every scan that was opened from `since` up to `until` (aware UTC), oldest first."""
        return self._store.scans(self.customer, since, until)

    def scans_of(self, host: str, limit: int = 50) -> tuple[ScanOfHost, ...]:
        """The scans of a host, the newest first."""
        return self._store.scans_of(self.customer, host, limit)

    def reach_change(self, host: str) -> tuple[ScanOfHost, ScanOfHost | None] | None:
        """Since which scan a host was reached as in the newest one, and the last scan before that."""
        return self._store.reach_change(self.customer, host)

    def host_results(self, host: str, run_id: str | None = None) -> tuple[Result, ...]:
        """The results of a host in a run, or in its newest scan."""
        return self._store.host_results(self.customer, host, run_id)

    def transcript(self, run_id: str, host: str, wanted: Collection[Request] | None = None) -> HostTranscript:
        """What was asked of a host in a run and what came back. Raises StoreError when it is not stored."""
        return self._store.transcript(run_id, self.customer, host, wanted)

    def findings(self, wanted: FindingFilter, limit: int = 500, offset: int = 0) -> tuple[Finding, ...]:
        """A page of findings, whatever customer the filter names."""
        return self._store.findings(replace(wanted, customer=self.customer), limit, offset)

    def count(self, wanted: FindingFilter) -> int:
        """How many findings the filter lets through, whatever customer it names."""
        return self._store.count(replace(wanted, customer=self.customer))

    def every_finding(self, wanted: FindingFilter, page: int = 1000) -> Iterator[Finding]:
        """All findings that the filter lets through, read page by page."""
        offset = 0
        while found := self.findings(wanted, page, offset):
            yield from found
            offset += len(found)

    def events(self) -> Mapping[str, tuple[FindingEvent, ...]]:
        """What happened to every finding, by fingerprint, the oldest first."""
        return self._store.all_events(self.customer)
