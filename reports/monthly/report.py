"""The monthly report as plain data, without a word of any language: what was promised, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from secaudit.model.contract import Contract, Cost, Target
from secaudit.model.hours import HoursStatement, Month, WorkEntry
from secaudit.model.outcome import UnprovenKind
from secaudit.model.result import Result
from secaudit.model.run import HostRecord, RunInfo
from secaudit.model.severity import Severity
from secaudit.model.sla import ClockReading, ClockState

from ..states import State
from .terms import CertificateRow, CopyRow, EarlierTerms, RuleRow, Service
from .year import HoursMonth, OpenMonth

MOST_LISTED = 2000
"""Findings that the appendix lists; a report of more than that is no longer read but searched."""


class PromiseId(StrEnum):
    """What is promised, in the order in which it is always told."""

    FIREWALL = "firewall"
    PATCHES = "patches"
    LOCAL_BACKUPS = "local_backups"
    CLOUD_BACKUPS = "cloud_backups"
    OTHER_BACKUPS = "other_backups"
    """Backups that the contract assigns to no dataset."""
    HARDWARE = "hardware"
    RESPONSE = "response"
    AVAILABILITY = "availability"
    VERSIONS = "versions"
    HOURS = "hours"


class Cause(StrEnum):
    """Why a promise is in its state."""

    KEPT = "kept"
    IN_TIME = "in_time"
    """Something failed, and the time to mend it is not over."""
    FAILING = "failing"
    """It fails at the end of the month."""
    FAILED = "failed"
    """It failed in the month, and is mended."""
    LATE = "late"
    OVERDUE = "overdue"
    """No deadline was broken in the month, and what was broken before is still open."""
    UNPROVEN = "unproven"
    NOT_SCANNED = "not_scanned"
    NO_CHECK = "no_check"
    NOTHING_THERE = "nothing_there"
    """Every check of it answered that it does not apply."""
    NOT_MEASURED = "not_measured"
    DAYS_UNMEASURED = "days_unmeasured"
    """Fresh whenever somebody looked, and nobody looked on every day."""
    NOTHING_DUE = "nothing_due"
    OVERDRAWN = "overdrawn"
    NO_LEDGER = "no_ledger"
    NO_CONTRACT = "no_contract"


class DoubtKind(StrEnum):
    """What could not be proven."""

    UNSCANNED = "unscanned"
    """Hosts that no scan of the month looked at."""
    UNREACHABLE = "unreachable"
    """Hosts that the last scan did not reach."""
    PARTIAL = "partial"
    """Hosts that the last scan read in part."""
    SCANS = "scans"
    """Scans of the month that did not run to the end."""
    RESULTS = "results"
    """Checks without an answer, for one reason."""
    FINDINGS = "findings"
    """Open findings that the last scan neither confirmed nor refuted."""
    PART = "part"
    """A part of a promise that no check proves, on `names` or nowhere."""
    COPY = "copy"
    """A promised copy without a check."""
    DAYS = "days"
    """A copy that was not measured on every day."""
    AT_END = "at_end"
    """A copy of which nothing was known at the end."""
    RULE = "rule"
    """A number of the 3-2-1-1-0 rule or the restore test, of the datasets `names`."""
    SERVICE = "service"
    CERTIFICATE = "certificate"
    LEDGER = "ledger"
    CHANGES = "changes"
    """Hosts of which nobody knows what changed between two scans."""


class Part(StrEnum):
    """A part of a promise, or of the 3-2-1-1-0 rule, that needs a proof of its own."""

    FILTER = "filter"
    PORTS = "ports"
    UPDATES = "updates"
    FRESHNESS = "freshness"
    ARRAYS = "arrays"
    DEVICES = "devices"
    FAILOVER = "failover"
    SUPPORT = "support"
    RELEASES = "releases"
    COPIES = "copies"
    MEDIA = "media"
    OFFSITE = "offsite"
    IMMUTABLE = "immutable"
    ERRORS = "errors"
    RESTORE = "restore"


@dataclass(frozen=True, slots=True)
class Doubt:
    """One thing that could not be proven, and the promises that it leaves unproven.

    `names` are hosts, datasets, copies or services, `count` is
    how many things it stands for. `part` names what of a promise or rule is missing; `reason` says what stood in the
    way, of results with its kind (`obstacle`) and their `controls`.
    """

    kind: DoubtKind
    promises: frozenset[PromiseId]
    names: tuple[str, ...] = ()
    count: int = 1
    part: Part | None = None
    reason: str = ""
    obstacle: UnprovenKind | None = None
    controls: tuple[str, ...] = ()


class Unit(StrEnum):
    """What a promise is counted in."""

    HOSTS = "hosts"
    DEADLINES = "deadlines"
    COPIES = "copies"
    SERVICES = "services"
    MINUTES = "minutes"


@dataclass(frozen=True, slots=True)
class Point:
    """A month of a trend as its own report has it: the kept share from 0 to 1 and the state.

    The share is None when nothing was measured, or not what the last month measures: only what is counted in the same
    `unit` is compared.
    """

    month: Month
    share: float | None
    state: State
    unit: Unit | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """A failed finding, open at the end of the month or closed in it.

    `number` is its place in the appendix, 0 when it is closed. `result` is what the last scan said, None when that scan
    no longer proves it; `clock` is its promise to be mended.
    """

    number: int
    fingerprint: str
    host: str
    control: str
    check: str
    family: str
    subject: str
    title: str
    """The title of its check in the report's language; empty when `told` is in it already, or only English is there."""
    told: str
    """What its check says in a sentence without its period, in the report's language where that is known."""
    english: bool
    """Whether `told` is in the check's own words, which nobody translated."""
    severity: Severity
    opened: datetime
    resolved: datetime | None
    clock: ClockReading | None
    result: Result | None
    paused: str
    """The contract's word for why its clock stands still."""
    continued: bool = False
    """Whether it came back in the month and its clocks went on: they count there."""

    @property
    def is_waived(self) -> bool:
        """Whether somebody accepts it at the end of the month."""
        if self.result is not None and self.result.waiver is not None:
            return True
        return self.clock is not None and self.clock.state is ClockState.WAIVED

    @property
    def is_listed(self) -> bool:
        """Whether the appendix has a row for it."""
        return 0 < self.number <= MOST_LISTED

    @property
    def is_late(self) -> bool:
        """Whether it was not mended in time."""
        return not self.continued and self.clock is not None and self.clock.is_broken

    def broke_since(self, begin: datetime) -> bool:
        """Whether its deadline was broken at a moment or later."""
        broken = self.clock.broken if self.is_late and self.clock is not None else None
        return broken is not None and broken >= begin


@dataclass(frozen=True, slots=True)
class Promise:
    """A promise of the contract: its state, why, and the numbers behind it (`kept` of `whole`, counted in `unit`).

    `entries` are the findings that decide it, the gravest first; `doubts` are what leaves it unproven, and `unproven`
    counts its own results without an answer. `overdue` are deadlines that were broken in earlier months and have not
    ended yet. Numbers that are not `measured` stand for nothing that anybody saw, and are in no trend.
    """

    id: PromiseId
    state: State
    cause: Cause
    kept: int
    whole: int
    unit: Unit
    entries: tuple[Entry, ...] = ()
    doubts: tuple[Doubt, ...] = ()
    unproven: int = 0
    overdue: int = 0
    measured: bool = True
    trend: tuple[Point, ...] = ()


@dataclass(frozen=True, slots=True)
class Changes:
    """From the open findings at the begin of the month to those at its end: `before` + new - mended = `after`."""

    before: int
    new: tuple[Entry, ...]
    mended: tuple[Entry, ...]
    after: int


@dataclass(frozen=True, slots=True)
class Tally:
    """How many clocks ended how in a month, or still run at its end.

    A promise is `broken` in the month of its deadline, once; those that were `broken_before`,
    in earlier months, have not ended yet.
    """

    met: int = 0
    broken: int = 0
    broken_before: int = 0
    paused: int = 0
    waived: int = 0
    running: int = 0

    @property
    def total(self) -> int:
        """All clocks."""
        return self.decided + self.broken_before + self.paused + self.waived + self.running

    @property
    def decided(self) -> int:
        """Those that were kept or broken in the month."""
        return self.met + self.broken


@dataclass(frozen=True, slots=True)
class EarlierTarget:
    """What a contract that ended within the month promised instead."""

    number: str
    response: Target | None
    remediation: Target | None


@dataclass(frozen=True, slots=True)
class PriorityRow:
    """The promises to one class of findings and what became of them.

    `is_earlier` when only an earlier contract has that class; `before` has what contracts of the month promised
    otherwise before the last one.
    """

    id: str
    severities: tuple[Severity, ...]
    response: Target | None
    remediation: Target | None
    responded: Tally
    remediated: Tally
    is_earlier: bool = False
    before: tuple[EarlierTarget, ...] = ()


@dataclass(frozen=True, slots=True)
class Dot:
    """A deadline on the scale: the used share in thousandths."""

    used: int
    state: ClockState


@dataclass(frozen=True, slots=True)
class PatchRow:
    """The deadlines of missing updates of one severity; `before` is what contracts promised before the last one."""

    severity: Severity
    promised: Target | None
    before: tuple[EarlierTarget, ...]
    tally: Tally
    unmeasured: int
    dots: tuple[Dot, ...]


@dataclass(frozen=True, slots=True)
class HostRow:
    """A host in one part of the report: its results at the end of the month, and what changed in it."""

    host: str
    state: State
    passed: int
    failed: int
    waived: int
    unproven: int
    new: int
    mended: int


@dataclass(frozen=True, slots=True)
class WaiverRow:
    """A waiver and the open findings that it covers."""

    owner: str
    reason: str
    expires: datetime
    approver: str
    compensation: str
    entries: tuple[Entry, ...]
    left: timedelta


@dataclass(frozen=True, slots=True)
class ScannedHost:
    """A host with its last scan of the month, None when there was none."""

    record: HostRecord
    scanned: datetime | None
    run: str


@dataclass(frozen=True, slots=True)
class MonthlyReport:
    """A month of a customer, ready to be told."""

    customer: str
    name: str
    month: Month
    timezone: str
    first: date
    last: date
    until: datetime
    over: bool
    """Whether the month was over when it was told."""
    version: str
    contract: Contract | None
    """The last one that was in force in the month; what it promises is told of its own days only."""
    promises: tuple[Promise, ...]
    changes: Changes
    open_year: tuple[OpenMonth, ...]
    priorities: tuple[PriorityRow, ...]
    late: tuple[Entry, ...]
    copies: tuple[CopyRow, ...]
    rules: tuple[RuleRow, ...]
    patches: tuple[PatchRow, ...]
    firewall: tuple[HostRow, ...]
    services: tuple[Service, ...]
    certificates: tuple[CertificateRow, ...]
    hours: HoursStatement | None
    hours_year: tuple[HoursMonth, ...]
    hours_trouble: str
    work: tuple[WorkEntry, ...]
    earlier: tuple[EarlierTerms, ...]
    """Of contracts that ended within the month before `contract` began, the oldest first."""
    costs: tuple[Cost, ...]
    waivers: tuple[WaiverRow, ...]
    doubts: tuple[Doubt, ...]
    """Everything that is unproven; section 9 lists all of it."""
    unproven: int
    """Results without an answer, as results.json and the dashboard count them."""
    unproven_hosts: int
    findings: tuple[Entry, ...]
    """Every failed finding that is open at the end of the month, the gravest first."""
    hosts: tuple[ScannedHost, ...]
    scans: int
    complete_scans: int
    last_run: RunInfo | None
    calendars: tuple[tuple[str, str], ...]
    """What days are reckoned with, and its version."""

    @property
    def contract_first(self) -> date:
        """The first day of the month on which `contract` is in force."""
        return max(self.first, self.contract.since) if self.contract is not None else self.first

    @property
    def contract_last(self) -> date:
        """The last day of the month on which `contract` is in force."""
        until = self.contract.until if self.contract is not None else None
        return min(self.last, until) if until is not None else self.last

    @property
    def all_copies(self) -> tuple[CopyRow, ...]:
        """The copies that any contract of the month promised, those of the oldest first."""
        return (*(row for one in self.earlier for row in one.copies), *self.copies)

    @property
    def overdrawn(self) -> int:
        """Minutes that were worked in the month beyond what each contract included."""
        statements = [self.hours, *(one.hours for one in self.earlier)]
        return sum(one.support.overdrawn + one.development.overdrawn for one in statements if one is not None)

    def count(self, state: State) -> int:
        """How many promises are in a state."""
        return sum(promise.state is state for promise in self.promises)
