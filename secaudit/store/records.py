"""What queries take and return beside the records of the model. Times are aware UTC."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from secaudit.model.answer import Reach
from secaudit.model.outcome import Outcome, UnprovenKind
from secaudit.model.result import Result
from secaudit.model.run import HostRecord, RunInfo
from secaudit.model.severity import Severity


@dataclass(frozen=True, slots=True, order=True)
class HostName:
    """The identity of a host."""

    customer: str
    host: str


@dataclass(frozen=True, slots=True)
class Tally:
    """How many results of one kind there are; `waived` ones are failures under a waiver."""

    family: str
    outcome: Outcome
    severity: Severity
    waived: bool
    count: int


@dataclass(frozen=True, slots=True)
class RunOverview:
    """A run with how many hosts were planned, how many are stored, and how many of those were scanned to the end."""

    run: RunInfo
    planned: int
    recorded: int
    complete: int


@dataclass(frozen=True, slots=True)
class HostOverview:
    """A host as its newest scan found it."""

    record: HostRecord
    run: str
    scanned: datetime
    tallies: tuple[Tally, ...]
    narrow: bool = False
    """Whether that scan judged only some of its controls; known where scans are asked for, not where hosts are."""


@dataclass(frozen=True, slots=True)
class CustomerOverview:
    """A customer's hosts as their newest scans found them; `scanned` is the oldest of these scans."""

    customer: str
    name: str
    hosts: int
    complete: int
    partial: int
    unreachable: int
    scanned: datetime
    tallies: tuple[Tally, ...]


@dataclass(frozen=True, slots=True)
class Occurrence:
    """What one scan said about a fingerprint; `at` is when it opened the host."""

    run: str
    at: datetime
    status: Reach
    outcome: Outcome
    severity: Severity
    kind: UnprovenKind | None
    reason: str


class FindingState(StrEnum):
    """Which findings are wanted."""

    OPEN = "open"
    RESOLVED = "resolved"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class FindingFilter:
    """Which findings a query returns; what is empty or None does not restrict. Conditions are joined by AND.

    `text` is looked for in host, control, subject and title, ignoring case.
    `advisory` is the whole name of a CVE or an advisory, in whichever case.
    `new_since` keeps those opened at that time or later.
    """

    customer: str | None = None
    site: str | None = None
    host: str | None = None
    family: str | None = None
    control: str | None = None
    outcomes: frozenset[Outcome] = frozenset()
    minimum: Severity | None = None
    state: FindingState = FindingState.OPEN
    waived: bool | None = None
    new_since: datetime | None = None
    text: str = ""
    advisory: str = ""


def tally(results: Iterable[Result]) -> tuple[Tally, ...]:
    """Count results, in a stable order."""
    counted = Counter(
        (result.family, result.outcome, result.severity, result.outcome is Outcome.FAILED and result.waiver is not None)
        for result in results
    )
    return tuple(Tally(*key, count) for key, count in sorted(counted.items()))


def merge(tallies: Iterable[Tally]) -> tuple[Tally, ...]:
    """Add tallies up, in a stable order."""
    merged: Counter[tuple[str, Outcome, Severity, bool]] = Counter()
    for part in tallies:
        merged[part.family, part.outcome, part.severity, part.waived] += part.count
    return tuple(Tally(*key, count) for key, count in sorted(merged.items()))
