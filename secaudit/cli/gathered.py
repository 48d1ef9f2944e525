"""Keeping the results of a scan in memory, for the reports that are written right after it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from secaudit.model.answer import HostTranscript
from secaudit.model.inventory import Host
from secaudit.model.result import Result
from secaudit.model.run import HostRecord, RunInfo, RunReport
from secaudit.model.section import HostSection


class Gathered:
    """A recorder that keeps the results, for reports right after the scan.

    `sections` makes what families add to the report out of a host's transcript; None leaves it out.
    """

    def __init__(self, sections: Callable[[HostTranscript], tuple[HostSection, ...]] | None = None) -> None:
        self._make = sections
        self._sections: dict[tuple[str, str], tuple[HostSection, ...]] = {}
        self._hosts: dict[tuple[str, str], tuple[HostRecord, tuple[Result, ...]]] = {}

    def known(self, customer: str, host: str) -> Mapping[str, datetime]:
        """Nothing: it begins empty."""
        del customer, host
        return {}

    def begin(self, run: RunInfo, hosts: Sequence[Host]) -> None:
        """Nothing to prepare."""

    def record(self, run: RunInfo, host: HostRecord, results: Sequence[Result], transcript: HostTranscript) -> None:
        """Keep the results and the sections, let go of the transcript."""
        del run
        if self._make is not None:
            self._sections[host.customer, host.host] = self._make(transcript)
        self._hosts[host.customer, host.host] = host, tuple(results)

    def finish(self, run: RunInfo) -> None:
        """Nothing to finish."""

    def report(self, run: RunInfo, order: Sequence[Host]) -> RunReport:
        """The run's report with its hosts in the order in which they were planned."""
        there = [self._hosts[host.customer, host.name] for host in order if (host.customer, host.name) in self._hosts]
        return RunReport(
            run,
            tuple(host for host, _ in there),
            tuple(result for _, results in there for result in results),
            tuple(part for host, _ in there for part in self._sections.get((host.customer, host.host), ())),
        )
