"""What is known about one customer's month: the material of reports to customers. Times are aware UTC."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from secaudit.model.answer import Reach
from secaudit.model.availability import Availability
from secaudit.model.change import HostChange
from secaudit.model.contract import AvailabilityTarget, Contract
from secaudit.model.hours import HoursStatement, Month, WorkEntry
from secaudit.model.outcome import Outcome
from secaudit.model.phrasebook import Phrasebook
from secaudit.model.result import Result
from secaudit.model.run import HostRecord, RunInfo
from secaudit.model.severity import Severity
from secaudit.model.sla import FindingClocks, FindingEvent


@dataclass(frozen=True, slots=True)
class FamilyCount:
    """How the results of one family on one host ended in one scan; `grave` are unwaived failures of high or above."""

    family: str
    passed: int
    failed: int
    grave: int
    unproven: int


@dataclass(frozen=True, slots=True)
class HostScan:
    """One scan of one host in the run `run`, in short."""

    host: str
    at: datetime
    status: Reach
    families: tuple[FamilyCount, ...]
    run: str = ""


@dataclass(frozen=True, slots=True)
class HostAtEnd:
    """A host as the last scan of the month found it, in the run `run`.

    Without `scanned` (and results and run) no scan of the month did.
    """

    record: HostRecord
    scanned: datetime | None
    results: tuple[Result, ...]
    run: str = ""


@dataclass(frozen=True, slots=True)
class TrackedFinding:
    """A finding with its clocks, one per life, and its events, as they stand at the end of the month."""

    fingerprint: str
    host: str
    control: str
    check: str
    family: str
    subject: str
    title: str
    reason: str
    severity: Severity
    lives: tuple[FindingClocks, ...]
    events: tuple[FindingEvent, ...]


@dataclass(frozen=True, slots=True)
class Sighting:
    """What one scan said about a result."""

    at: datetime
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Certificate:
    """The certificate of a service as our newest probe that saw one did, at `seen`."""

    service: str
    seen: datetime
    expires: datetime


@dataclass(frozen=True, slots=True)
class EarlierContract:
    """A contract that another one followed within a month: what became of it from `first` to `last`, its local days.

    `backups` are the backup results of each host's last scan in these days; `certificates` are as they were seen up to
    their end. The other fields are those of `MonthRecord`.
    """

    contract: Contract
    first: date
    last: date
    hours: HoursStatement | None = None
    hours_trouble: str = ""
    work: tuple[WorkEntry, ...] = ()
    availability: tuple[Availability, ...] = ()
    unmeasured: Mapping[str, str] = field(default_factory=dict)
    backups: tuple[Result, ...] = ()
    certificates: tuple[Certificate, ...] = ()


@dataclass(frozen=True, slots=True)
class PastMonth:
    """A month before: what its contract promised then, what was measured of it, and the statement of hours.

    A service that is promised and not in `availability` was not measured. `includes_hours` without `hours` is a ledger
    that cannot be read. `earlier` are the contracts that ended within the month before that one began.
    """

    month: Month
    promised: tuple[AvailabilityTarget, ...]
    availability: tuple[Availability, ...]
    includes_hours: bool
    hours: HoursStatement | None
    earlier: tuple[EarlierContract, ...] = ()


@dataclass(frozen=True, slots=True)
class MonthRecord:
    """Everything that a report on a month is computed from.

    The month goes from `begin` up to `end`, local midnights of `timezone`; it is told as it stood at `until`, which is
    `end` unless the month is not over. `contract` is the last one that was in force in it, `earlier` are those before,
    the oldest first. `scans` reach back thirteen months; `last_run` is the newest run that scanned a host in the month.
    `sightings` has what scans said of results (by fingerprint) that a single look at the end of the month says too
    little about: of backups in the month. `past` are the months before that a contract covers,
    up to eleven, the oldest first. `hours_trouble` says why there is no statement although the contract includes hours,
    `unmeasured` (by service) why there is no availability although it is promised. `certificates` are of promised
    services. `calendars` names what days are reckoned with (time zones, holidays) and its version. `host_changes` is
    what families tell of each host between the last complete scan before the month (else the first in it) and the last
    one in it. `translations` tells what checks say in the language of the report, `phrases` has the sentences of
    `host_changes`.
    """

    customer: str
    name: str
    language: str
    month: Month
    timezone: str
    begin: datetime
    end: datetime
    until: datetime
    version: str
    contract: Contract | None
    hosts: tuple[HostAtEnd, ...]
    scans: tuple[HostScan, ...]
    findings: tuple[TrackedFinding, ...]
    last_run: RunInfo | None = None
    sightings: Mapping[str, tuple[Sighting, ...]] = field(default_factory=dict)
    hours: HoursStatement | None = None
    hours_trouble: str = ""
    work: tuple[WorkEntry, ...] = ()
    availability: tuple[Availability, ...] = ()
    unmeasured: Mapping[str, str] = field(default_factory=dict)
    certificates: tuple[Certificate, ...] = ()
    earlier: tuple[EarlierContract, ...] = ()
    past: tuple[PastMonth, ...] = ()
    calendars: tuple[tuple[str, str], ...] = ()
    host_changes: tuple[HostChange, ...] = ()
    translations: Phrasebook = field(default_factory=Phrasebook)
    phrases: Mapping[str, str] = field(default_factory=dict)
    before: tuple[MonthRecord, ...] = ()
    """The months before, the oldest first, up to eleven: each as it stood at its own end, with no month before it.

    A month that nothing is known of, neither by a scan nor by a contract, is left out.
    """
    logo: bytes = b""
    """The customer's logo, a PNG; empty where there is none."""
