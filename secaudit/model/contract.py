"""What a maintenance contract promises a customer: times, calendars, availability, backups, hours and costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from secaudit.model.baseline import Location
from secaudit.model.severity import Severity


class ClockKind(StrEnum):
    """How time passes for a promise: always, in business hours, or in whole days of the calendar."""

    REAL = "real"
    BUSINESS = "business"
    CALENDAR = "calendar"


class Unit(StrEnum):
    """What a promised time is counted in."""

    MINUTES = "m"
    HOURS = "h"
    DAYS = "d"
    BUSINESS_DAYS = "bd"


@dataclass(frozen=True, slots=True)
class Target:
    """A promised time, for example 5 business days on the business clock. Prints as it is written: `5bd`."""

    amount: int
    unit: Unit
    clock: ClockKind

    def __str__(self) -> str:
        return f"{self.amount}{self.unit.value}"


@dataclass(frozen=True, slots=True)
class Priority:
    """A class of findings (`P1` …) by severity, with its promises; None where nothing is promised."""

    id: str
    severities: frozenset[Severity]
    response: Target | None
    remediation: Target | None


@dataclass(frozen=True, slots=True, order=True)
class Opening:
    """A part of a day in minutes after local midnight, `end` exclusive and at most 1440."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class SpecialDay:
    """A day with openings of its own; none when it is closed. It outranks weekday and public holiday."""

    day: date
    openings: tuple[Opening, ...]


@dataclass(frozen=True, slots=True)
class MaintenanceWindow:
    """A recurring planned window: a rule of RFC 5545 without times, the local start in minutes, and its length."""

    rrule: str
    start: int
    minutes: int
    announce_days: int = 0


@dataclass(frozen=True, slots=True)
class BusinessCalendar:
    """When business hours are. `week` has the openings of Monday to Sunday; public holidays of `country` are closed.

    `country` is an ISO 3166-1 code and `subdivision` the part after the hyphen of ISO 3166-2; empty for none.
    """

    timezone: str
    week: tuple[tuple[Opening, ...], ...]
    country: str = ""
    subdivision: str = ""
    special: tuple[SpecialDay, ...] = ()
    windows: tuple[MaintenanceWindow, ...] = ()
    fixed_windows: tuple[tuple[datetime, datetime], ...] = ()
    """Planned windows from calendar files: begin and end, aware UTC."""


class Reopening(StrEnum):
    """What a finding that comes back does to its clocks."""

    RESTART = "restart"
    CONTINUE = "continue"


@dataclass(frozen=True, slots=True)
class SlaRules:
    """How clocks are judged.

    `warn_at` is the share of the promised time after which a clock warns; `grace` (real time) passes after the deadline
    before it counts as broken. Findings that were opened before the local day `enforce_from` are not measured.
    """

    enforce_from: date
    warn_at: Decimal = Decimal("0.8")
    grace: timedelta = timedelta()
    reopen: Reopening = Reopening.RESTART
    pause_reasons: tuple[str, ...] = ()
    max_pause: timedelta = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class WaiverRules:
    """How long a waiver may last and what it must name: fields of a waiver such as `approver`."""

    max_days: int = 365
    require: tuple[str, ...] = ()


class ProbeKind(StrEnum):
    """What is looked at."""

    TCP = "tcp"
    HTTP = "http"
    TLS = "tls"


@dataclass(frozen=True, slots=True)
class ServiceProbe:
    """A light probe of a service: a connection, a page, or a TLS handshake.

    `path` (with its query), `statuses` and `body` (a regular expression) are of HTTP; `is_encrypted` says that TLS is
    spoken. `name` is what the certificate must be for. The whole probe takes `timeout` at most.
    """

    kind: ProbeKind
    host: str
    port: int
    timeout: timedelta
    is_encrypted: bool = False
    name: str = ""
    path: str = ""
    statuses: tuple[int, ...] = ()
    body: str = ""
    ca_file: str = ""


@dataclass(frozen=True, slots=True)
class AvailabilityTarget:
    """A promised availability in percent of a month, and the probe data (absolute path) that proves it.

    A probe speaks for the time until the next one, for `every` at most. Below `min_coverage` percent of measured time
    nothing is said. `exclude_windows` takes planned maintenance out of the reckoning. A service is down from the first
    of `down_after` probes in a row that fail. `source` is empty where only the store holds probes, and `probe` None
    where we send none.
    """

    service: str
    target: Decimal
    source: str
    every: timedelta
    min_coverage: Decimal = Decimal(99)
    exclude_windows: bool = False
    down_after: int = 1
    probe: ServiceProbe | None = None


@dataclass(frozen=True, slots=True)
class BackupRule:
    """The least numbers of the 3-2-1-1-0 rule."""

    copies: int = 3
    media: int = 2
    offsite: int = 1
    immutable: int = 1
    errors: int = 0


@dataclass(frozen=True, slots=True)
class BackupCopy:
    """One copy of a dataset: the tool that makes it, its place, and what finds it in the tool.

    `host` is where it is looked at, empty for the host of the dataset; `host_at` is where the contract says so.
    """

    tool: str
    place: str
    immutable: bool = False
    identity: Mapping[str, str] = field(default_factory=dict)
    host: str = ""
    host_at: Location | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Dataset:
    """Data under backup: how much may be lost (`rpo`), how long a restore may take (`rto`), what is kept where.

    `host_at` is where the contract names the host.
    """

    name: str
    host: str
    rpo: timedelta
    rto: timedelta | None = None
    match: Mapping[str, str] = field(default_factory=dict)
    retention: Mapping[str, int] = field(default_factory=dict)
    copies: tuple[BackupCopy, ...] = ()
    restore_every: timedelta | None = None
    restore_evidence: str = ""
    host_at: Location | None = field(default=None, compare=False)

    def looked_at_on(self, copy: BackupCopy) -> str:
        """The one host whose scans prove a copy."""
        return copy.host or self.host


@dataclass(frozen=True, slots=True)
class Conversion:
    """Unused minutes become development time at the end of a month, `after_months` months after their own.

    They are multiplied with `factor` and rounded down to whole `step` minutes; the outcome lasts `expires_months`
    months (None: until the contract ends).
    """

    factor: Decimal = Decimal(1)
    after_months: int = 1
    step: int = 15
    expires_months: int | None = None


@dataclass(frozen=True, slots=True)
class Resources:
    """Minutes of work that each month includes, and what becomes of unused ones.

    Unused minutes are carried for `carry_months` months, `carry_cap` minutes at most (None: no cap). `ledger` is the
    absolute path of the file with the work that was done. `opening` minutes are there when the contract begins, left
    over from the one before.
    """

    included: int
    ledger: str
    carry_cap: int | None = 0
    carry_months: int = 0
    conversion: Conversion | None = None
    opening: int = 0


class Period(StrEnum):
    """What a price is for."""

    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"
    HOUR = "hour"


@dataclass(frozen=True, slots=True)
class Cost:
    """The price of a service; `currency` is an ISO 4217 code, `title` what people call the service."""

    service: str
    per: Period
    amount: Decimal
    currency: str
    title: str = ""

    @property
    def called(self) -> str:
        """Its name for people."""
        return self.title or self.service


@dataclass(frozen=True, slots=True)
class ReportRules:
    """What the customer's report looks like, who gets it and on which day of the month. Paths are absolute.

    `logo_at` is the place in the contract that names the logo.
    """

    language: str = "en"
    formats: tuple[str, ...] = ("html",)
    recipients: tuple[str, ...] = ()
    day: int = 1
    sign: str = ""
    logo: str = ""
    colour: str = ""
    logo_at: Location | None = None


@dataclass(frozen=True, slots=True)
class Contract:
    """One contract of a customer. It is in force from the local day `since` up to and including `until` (None: open).

    `file` and `sha256` name the file that it was read from, `customer_at` is where it names the customer.
    """

    customer: str
    name: str
    number: str
    since: date
    until: date | None
    notice_days: int
    calendar: BusinessCalendar
    priorities: tuple[Priority, ...]
    sla: SlaRules
    waivers: WaiverRules = field(default_factory=WaiverRules)
    availability: tuple[AvailabilityTarget, ...] = ()
    backup_rule: BackupRule | None = None
    datasets: tuple[Dataset, ...] = ()
    resources: Resources | None = None
    costs: tuple[Cost, ...] = ()
    report: ReportRules = field(default_factory=ReportRules)
    file: str = ""
    sha256: str = ""
    customer_at: Location | None = field(default=None, compare=False)

    def priority(self, severity: Severity) -> Priority | None:
        """The class that findings of a severity belong to, None when the contract promises nothing for it."""
        return next((priority for priority in self.priorities if severity in priority.severities), None)


@dataclass(frozen=True, slots=True)
class Contracts:
    """The contracts that were read, by customer and then by their first day."""

    all: tuple[Contract, ...]

    def of(self, customer: str) -> tuple[Contract, ...]:
        """The contracts of a customer, one after the other, the oldest first."""
        return tuple(contract for contract in self.all if contract.customer == customer)
