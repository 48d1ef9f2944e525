"""What the dashboard reads: the part of the store's query API that it uses, so that tests can bring their own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from secaudit.model.answer import HostTranscript
from secaudit.model.result import Result
from secaudit.model.run import RunInfo, RunReport
from secaudit.model.sla import FindingEvent
from secaudit.store.listing import Clocks, FindingLine, Handling, ScanOfHost
from secaudit.store.records import CustomerOverview, HostName, HostOverview, Occurrence, RunOverview, Tally


class Source(Protocol):
    """Called from worker threads only; `secaudit.store.Store` is one. Every method may raise UserError."""

    def marker(self) -> str:
        """A text that is another one when something was stored."""
        ...

    def customers(self) -> tuple[CustomerOverview, ...]:
        """Every customer that has a scanned host."""
        ...

    def hosts(self, customer: str | None = None) -> tuple[HostOverview, ...]:
        """Every host (of a customer) as its newest scan found it."""
        ...

    def host_results(self, customer: str, name: str, run_id: str | None = None) -> tuple[Result, ...]:
        """The results of a host in a run, by default the newest one that scanned it."""
        ...

    def transcript(self, run_id: str, customer: str, name: str) -> HostTranscript:
        """What was asked of a host in a run and what came back."""
        ...

    def history(self, fingerprint: str, limit: int = 100) -> tuple[Occurrence, ...]:
        """What every scan said about a finding, the newest first."""
        ...

    def runs(self, customer: str | None = None, limit: int = 50) -> tuple[RunOverview, ...]:
        """The newest runs (that planned a host of a customer)."""
        ...

    def latest_run(self, customer: str | None = None) -> RunInfo | None:
        """The newest whole scan (that planned a host of a customer)."""
        ...

    def report(self, run_id: str) -> RunReport:
        """All that is stored of a run."""
        ...

    def pending(self, run_id: str) -> tuple[HostName, ...]:
        """Hosts that a run planned and has not stored."""
        ...

    def finding_lines(self, resolved_since: datetime) -> Iterator[Sequence[FindingLine]]:
        """Every finding that is open or was resolved since, in chunks."""
        ...

    def host_tags(self) -> Sequence[tuple[str, str, tuple[str, ...]]]:
        """Customer, name and tags of every host that has tags."""
        ...

    def handling(self) -> Mapping[str, Handling]:
        """What people did about open findings, by fingerprint."""
        ...

    def events(self, fingerprint: str) -> tuple[FindingEvent, ...]:
        """Every event of a finding, the oldest first."""
        ...

    def worst_lines(self, customer: str | None, host_name: str | None, limit: int) -> Sequence[FindingLine]:
        """The worst open findings, by when they are due."""
        ...

    def due_lines(self, customer: str | None, limit: int) -> Sequence[FindingLine]:
        """Open findings by when they are due."""
        ...

    def open_lines(self, customer: str | None, family: str, limit: int) -> Sequence[FindingLine]:
        """Open findings of a family that are not waived, those that are open the longest first."""
        ...

    def ending_waivers(
        self, customer: str | None, until: datetime, limit: int
    ) -> Sequence[tuple[FindingLine, datetime]]:
        """Open findings under a waiver that ends before `until`, with that end, the next one first."""
        ...

    def clocks(self, now: datetime, today_ends: datetime, new_since: datetime) -> tuple[Clocks, ...]:
        """What is due at every customer."""
        ...

    def open_tallies(self, customer: str | None = None) -> Mapping[HostName, tuple[Tally, ...]]:
        """The open findings of every host, counted."""
        ...

    def open_at(self, moments: Sequence[datetime]) -> Mapping[str, tuple[int, ...]]:
        """How many findings each customer had open at each moment."""
        ...

    def scans_of(self, customer: str, host_name: str, limit: int = 50) -> tuple[ScanOfHost, ...]:
        """The scans of a host, the newest first."""
        ...
