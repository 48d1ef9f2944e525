"""Whether the scanner's clock can be right, by the clocks of the hosts that it scans."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from secaudit.api import ScannerLead, show_duration
from secaudit.engine.evaluate import read_facts
from secaudit.engine.plan import plan_facts
from secaudit.engine.reference import ReferenceData
from secaudit.model.answer import HostTranscript
from secaudit.model.inventory import Host
from secaudit.model.result import Result
from secaudit.model.run import HostRecord, RunInfo
from secaudit.plugins import Registry

LEAD = timedelta(days=1)
"""How far the scanner's clock may be ahead of a host's before one of them is taken to be wrong."""


class ClockJury:
    """A recorder that asks the hosts of a run for the time.

    `newest` is when the newest run before it was started. A host whose clock is before that is wrong itself and says
    nothing; without any run before it nobody can be told from the others.
    """

    def __init__(self, registry: Registry, newest: datetime | None) -> None:
        self._registry = registry
        self._newest = newest
        self._leads: list[timedelta] = []

    def known(self, customer: str, host: str) -> Mapping[str, datetime]:
        """Nothing: it looks at clocks only."""
        del customer, host
        return {}

    def begin(self, run: RunInfo, hosts: Sequence[Host]) -> None:
        """Nothing to prepare."""

    def record(self, run: RunInfo, host: HostRecord, results: Sequence[Result], transcript: HostTranscript) -> None:
        """Hear what the host's clock says."""
        del run, results
        if self._newest is None or ScannerLead not in self._registry.collectors:
            return
        plan = plan_facts(Host(host.customer, host.site, host.host, host.address), (ScannerLead,), self._registry)
        facts = read_facts(plan, self._registry, transcript, transcript.opened, ReferenceData())
        lead = facts.get(ScannerLead)
        if isinstance(lead, ScannerLead) and transcript.opened - lead.by >= self._newest:
            self._leads.append(lead.by)

    def finish(self, run: RunInfo) -> None:
        """Nothing to finish."""

    @property
    def objection(self) -> str:
        """Why the run cannot count: more than half of the clocks that may be right say that the scanner's is ahead."""
        ahead = sorted(lead for lead in self._leads if lead > LEAD)
        if 2 * len(ahead) <= len(self._leads):
            return ""
        by = show_duration(ahead[len(ahead) // 2])
        return f"the scanner's clock is {by} ahead of those of {len(ahead)} of {len(self._leads)} hosts"
