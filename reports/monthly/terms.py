"""What contracts promise by the month, as plain data: copies of datasets, services with certificates, hours, costs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from secaudit.model.availability import Availability
from secaudit.model.contract import Cost
from secaudit.model.hours import HoursStatement, WorkEntry
from secaudit.model.result import Result

from ..states import State
from .year import ServiceMonth

RENEW_WITHIN = timedelta(days=30)
"""A certificate that expires sooner has to be renewed now."""


@dataclass(frozen=True, slots=True)
class CopyRow:
    """One promised copy of a dataset from `first` on, the first day of its contract in the month.

    `state` is that at the end of the month or of the contract, `days` has one state per day from `first`. `identity`
    is what finds the copy in its tool; with the dataset, the host and the place it tells it from all others.
    """

    dataset: str
    host: str
    tool: str
    place: str
    identity: tuple[tuple[str, str], ...]
    offsite: bool
    rpo: timedelta
    first: date
    state: State
    results: tuple[Result, ...]
    days: tuple[State, ...]

    @property
    def name(self) -> tuple[object, ...]:
        """What it is called under every contract that promises it."""
        return (self.dataset, self.host, self.tool, self.place, self.identity)

    @property
    def is_kept(self) -> bool:
        """Whether it was there and fresh on every day."""
        return self.state is State.PASSED and not self.broken_days and not self.unmeasured_days

    @property
    def kept_days(self) -> int:
        """Days on which every scan found it fresh."""
        return self.days.count(State.PASSED)

    @property
    def broken_days(self) -> int:
        """Days on which a scan found it too old, or not there."""
        return self.days.count(State.FAILED)

    @property
    def unmeasured_days(self) -> int:
        """Days on which no scan could tell."""
        return self.days.count(State.UNPROVEN)


@dataclass(frozen=True, slots=True)
class RuleCell:
    """One number of the 3-2-1-1-0 rule for a dataset: promised and proven, None when no check looks at it."""

    promised: int
    proven: int | None
    state: State


@dataclass(frozen=True, slots=True)
class RuleRow:
    """A dataset against the rule, and its restore test."""

    dataset: str
    copies: RuleCell
    media: RuleCell
    offsite: RuleCell
    immutable: RuleCell
    errors: RuleCell
    restore_every: timedelta | None


@dataclass(frozen=True, slots=True)
class Service:
    """A promised availability (per cent) and what was measured; `trouble` says why nothing was."""

    name: str
    target: Decimal
    least: Decimal
    """The per cent of time that has to be measured."""
    state: State
    measured: Availability | None
    trouble: str
    year: tuple[ServiceMonth, ...]


@dataclass(frozen=True, slots=True)
class CertificateRow:
    """The certificate of a promised service: when it expires, and `left` until then, negative afterwards.

    Without `expires` none of our probes saw it; `is_asked` says whether any of them speaks TLS.
    """

    service: str
    is_asked: bool
    seen: datetime | None
    expires: datetime | None
    left: timedelta | None

    @property
    def state(self) -> State:
        """Good until it expires, and unproven when nobody saw it."""
        if self.left is None:
            return State.UNPROVEN
        return State.FAILED if self.left <= timedelta() else State.PASSED

    @property
    def is_due(self) -> bool:
        """Whether it expired, or does within `RENEW_WITHIN`."""
        return self.left is not None and self.left <= RENEW_WITHIN


@dataclass(frozen=True, slots=True)
class EarlierTerms:
    """What a contract promised from `first` to `last`, its days in a month in which another one followed it.

    Without `hours` it included none, or `hours_trouble` says why nothing is known of them. `services` have no year;
    `certificates` are of those that no later contract of the month promises.
    """

    number: str
    sha256: str
    first: date
    last: date
    hours: HoursStatement | None
    hours_trouble: str
    work: tuple[WorkEntry, ...]
    services: tuple[Service, ...]
    certificates: tuple[CertificateRow, ...]
    copies: tuple[CopyRow, ...]
    rules: tuple[RuleRow, ...]
    costs: tuple[Cost, ...]
