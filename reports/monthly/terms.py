"""What contracts promise by the month, as plain data: services with their certificates, and hours."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from secaudit.model.availability import Availability
from secaudit.model.hours import HoursStatement, WorkEntry

from ..states import State
from .year import ServiceMonth

RENEW_WITHIN = timedelta(days=30)
"""A certificate that expires sooner has to be renewed now."""


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

    Without `hours` it included none, or `hours_trouble` says why nothing is known of them. `services` have no year.
    """

    number: str
    first: date
    last: date
    hours: HoursStatement | None
    hours_trouble: str
    work: tuple[WorkEntry, ...]
    services: tuple[Service, ...]
