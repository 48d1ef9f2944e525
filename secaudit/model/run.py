"""A run: which hosts were scanned when, with what, and all that came out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import PurePath

from secaudit.model.answer import Reach
from secaudit.model.baseline import BaselineStamp
from secaudit.model.feed import FeedStamp
from secaudit.model.outcome import Outcome
from secaudit.model.result import Result
from secaudit.model.section import HostSection
from secaudit.model.severity import Severity


@dataclass(frozen=True, slots=True)
class RunInfo:
    """Head of a run. `finished` is None while it runs or when it was interrupted. Times are aware UTC."""

    id: str
    started: datetime
    finished: datetime | None
    version: str
    baselines: tuple[BaselineStamp, ...] = ()
    feeds: tuple[FeedStamp, ...] = ()
    narrow: bool = False
    """Whether only some of the hosts' controls were judged. Kept in the store; not part of what is published."""
    recheck: bool = False
    """Whether it checked something again from the dashboard. Kept in the store; not part of what is published."""

    @property
    def is_whole(self) -> bool:
        """Whether it can stand for what it scanned: neither a re-check nor a scan for some controls only."""
        return not (self.narrow or self.recheck)


@dataclass(frozen=True, slots=True)
class HostRecord:
    """One host of a run. `transcript` is the sha256 over its recorded transcript, `os` id and version when known."""

    customer: str
    site: str
    host: str
    address: str
    status: Reach
    detail: str = ""
    os_id: str = ""
    os_version: str = ""
    transcript: str = ""
    customer_name: str = ""
    tags: tuple[str, ...] = ()
    """Those of the inventory, sorted. Kept in the store and not part of what is published."""


@dataclass(frozen=True, slots=True)
class Summary:
    """Counts over results; waived failures are counted in `waived` and not in `failed`."""

    failed: dict[Severity, int]
    unproven: int
    passed: int
    not_applicable: int
    waived: int

    @classmethod
    def of(cls, results: Iterable[Result]) -> Summary:
        """Count the results of a run."""
        outcomes: Counter[Outcome] = Counter()
        failed: Counter[Severity] = Counter()
        waived = 0
        for result in results:
            if result.outcome is Outcome.FAILED and result.waiver is not None:
                waived += 1
            elif result.outcome is Outcome.FAILED:
                failed[result.severity] += 1
            else:
                outcomes[result.outcome] += 1
        return cls(
            failed={severity: failed[severity] for severity in reversed(Severity)},
            unproven=outcomes[Outcome.UNPROVEN],
            passed=outcomes[Outcome.PASSED],
            not_applicable=outcomes[Outcome.NOT_APPLICABLE],
            waived=waived,
        )


@dataclass(frozen=True, slots=True)
class RunReport:
    """A whole run as reports, exports and the gate see it, whether it comes from a scan, the store or a file.

    `sections` is what families add about hosts, where somebody asked for it.
    """

    run: RunInfo
    hosts: tuple[HostRecord, ...]
    results: tuple[Result, ...]
    sections: tuple[HostSection, ...] = ()
    summary: Summary = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "summary", Summary.of(self.results))

    def of_customers(self, customers: Collection[str]) -> RunReport:
        """The part of it that is about these customers, with the baselines that their results come from."""
        results = tuple(result for result in self.results if result.customer in customers)
        return replace(
            self,
            run=replace(self.run, baselines=baselines_of(self.run.baselines, results)),
            hosts=tuple(host for host in self.hosts if host.customer in customers),
            results=results,
            sections=tuple(section for section in self.sections if section.customer in customers),
        )


def baselines_of(stamps: Iterable[BaselineStamp], results: Iterable[Result]) -> tuple[BaselineStamp, ...]:
    """Those of a run's baselines that define a control of these results; a baseline is called like its file."""
    named = {PurePath(result.baseline.rpartition(":")[0]).stem for result in results}
    return tuple(stamp for stamp in stamps if stamp.name in named)
