"""What the dashboard reads: the part of the store's query API that it uses, so that tests can bring their own."""

from __future__ import annotations

from typing import Protocol

from secaudit.model.answer import HostTranscript
from secaudit.model.result import Result
from secaudit.store.records import CustomerOverview, HostOverview


class Source(Protocol):
    """Called from worker threads."""

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
