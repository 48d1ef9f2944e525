"""Twelve months of each promise, and of what is open: months of which nothing is known have no number."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from secaudit.model.answer import Reach
from secaudit.model.availability import Availability, AvailabilityState
from secaudit.model.contract import AvailabilityTarget
from secaudit.model.hours import HoursStatement, Month
from secaudit.model.month import EarlierContract, MonthRecord

from ..states import State
from .deadlines import twelve
from .findings import entries
from .report import Entry, Point, Promise, Unit
from .year import WORST_FIRST, HoursMonth, OpenMonth, ServiceMonth

SERVICE_STATES = {
    AvailabilityState.MET: State.PASSED,
    AvailabilityState.MISSED: State.FAILED,
    AvailabilityState.NOT_ASSESSABLE: State.UNPROVEN,
}

_SERVICE_WORST_FIRST = (State.FAILED, State.UNPROVEN, State.PASSED, State.NOT_APPLICABLE)


def trend(promise: Promise, before: Mapping[Month, Sequence[Promise]], last: Month) -> tuple[Point, ...]:
    """Twelve months of a promise, each as its own report has it; `before` are the promises of the months before."""
    points = []
    for month in twelve(last):
        made = (promise,) if month == last else before.get(month, ())
        then = next((one for one in made if one.id is promise.id), None)
        points.append(_point(month, then, promise.unit))
    return tuple(points)


def _point(month: Month, then: Promise | None, unit: Unit) -> Point:
    if then is None:
        return Point(month, None, State.NOT_APPLICABLE)
    comparable = then.whole and then.measured and then.unit is unit
    return Point(month, then.kept / then.whole if comparable else None, then.state, then.unit)


def service_year(record: MonthRecord, service: str) -> tuple[ServiceMonth, ...]:
    """Twelve months of a promised service; of a month in which contracts change the worse part."""
    return tuple(_service_month(month, service, parts) for month, parts in _availability_months(record))


@dataclass(frozen=True, slots=True)
class _Part:
    """What one contract promised in a month, and what was measured of it."""

    promised: tuple[AvailabilityTarget, ...]
    measured: tuple[Availability, ...]


def _availability_months(record: MonthRecord) -> list[tuple[Month, list[_Part]]]:
    """Each month with the contracts that were in force in it."""
    known = {one.month: [*_earlier_parts(one.earlier), _Part(one.promised, one.availability)] for one in record.past}
    if record.contract is not None:
        present = _Part(record.contract.availability, record.availability)
        known[record.month] = [*_earlier_parts(record.earlier), present]
    return [(month, known.get(month, [])) for month in twelve(record.month)]


def _earlier_parts(earlier: Iterable[EarlierContract]) -> list[_Part]:
    return [_Part(one.contract.availability, one.availability) for one in earlier]


def _service_month(month: Month, service: str, parts: Iterable[_Part]) -> ServiceMonth:
    """The worst of its parts."""
    found = (_service_part(month, service, part) for part in parts)
    nothing = ServiceMonth(month, None, None, State.NOT_APPLICABLE)
    return min(found, key=lambda one: _SERVICE_WORST_FIRST.index(one.state), default=nothing)


def _service_part(month: Month, service: str, part: _Part) -> ServiceMonth:
    target = next((one.target for one in part.promised if one.service == service), None)
    found = next((one for one in part.measured if one.service == service), None)
    if target is None:
        return ServiceMonth(month, None, None, State.NOT_APPLICABLE)
    if found is None or found.percent is None:
        return ServiceMonth(month, target, None, State.UNPROVEN)
    return ServiceMonth(month, target, found.percent, SERVICE_STATES[found.state])


def hours_year(record: MonthRecord) -> tuple[HoursMonth, ...]:
    """Twelve months of included hours; of a month in which contracts change all of them together."""
    includes = record.contract is not None and record.contract.resources is not None
    known = {one.month: [*_earlier_hours(one.earlier), (one.includes_hours, one.hours)] for one in record.past}
    known[record.month] = [*_earlier_hours(record.earlier), (includes, record.hours)]
    return tuple(_hours_month(month, known.get(month, ())) for month in twelve(record.month))


def _earlier_hours(earlier: Iterable[EarlierContract]) -> list[tuple[bool, HoursStatement | None]]:
    return [(one.contract.resources is not None, one.hours) for one in earlier]


def _hours_month(month: Month, parts: Iterable[tuple[bool, HoursStatement | None]]) -> HoursMonth:
    """`parts` say whether a contract included hours, and what became of them."""
    promised = [statement for is_promised, statement in parts if is_promised]
    known = [statement for statement in promised if statement is not None]
    is_known = bool(known) and len(known) == len(promised)
    return HoursMonth(
        month,
        is_promised=bool(promised),
        there=sum(one.support.opening + one.support.gained for one in known) if is_known else None,
        used=sum(one.support.used for one in known) if is_known else None,
        beyond=sum(one.support.overdrawn for one in known) if is_known else 0,
        is_overdrawn=any(one.support.overdrawn or one.development.overdrawn for one in known),
    )


def open_year(record: MonthRecord, found: Iterable[Entry]) -> tuple[OpenMonth, ...]:
    """What was open at the end of each month, as its own report has it; of the last one it is `found`."""
    known = {one.month: _open(one, entries(one)) for one in record.before}
    known[record.month] = _open(record, found)
    return tuple(known.get(month, OpenMonth(month, None)) for month in twelve(record.month))


def _open(record: MonthRecord, found: Iterable[Entry]) -> OpenMonth:
    looked = any(one.status is not Reach.UNREACHABLE and record.begin <= one.at < record.until for one in record.scans)
    if not looked:
        return OpenMonth(record.month, None)
    counted = Counter(entry.severity for entry in found if entry.resolved is None)
    return OpenMonth(record.month, tuple(counted.get(severity, 0) for severity in WORST_FIRST))
