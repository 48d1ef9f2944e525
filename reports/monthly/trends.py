"""Twelve months of each promise, and of what is open: months of which nothing is known have no number."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from itertools import pairwise
from operator import attrgetter
from zoneinfo import ZoneInfo

from secaudit.model.answer import Reach
from secaudit.model.availability import Availability, AvailabilityState
from secaudit.model.contract import AvailabilityTarget
from secaudit.model.hours import HoursStatement, Month
from secaudit.model.month import EarlierContract, FamilyCount, HostScan, MonthRecord, TrackedFinding
from secaudit.model.outcome import Outcome
from secaudit.model.severity import Severity
from secaudit.model.sla import EventKind, FindingClocks, Unmeasured

from ..states import State
from .backups import FAMILY as BACKUP
from .deadlines import twelve
from .report import Entry, Point
from .terms import CopyRow
from .year import WORST_FIRST, HoursMonth, OpenMonth, ServiceMonth

SERVICE_STATES = {
    AvailabilityState.MET: State.PASSED,
    AvailabilityState.MISSED: State.FAILED,
    AvailabilityState.NOT_ASSESSABLE: State.UNPROVEN,
}

_SERVICE_WORST_FIRST = (State.FAILED, State.UNPROVEN, State.PASSED, State.NOT_APPLICABLE)


def _month_of(moment: datetime, record: MonthRecord) -> Month:
    return Month.of(moment.astimezone(ZoneInfo(record.timezone)).date())


def _unknown(month: Month) -> Point:
    return Point(month, None, State.NOT_APPLICABLE)


def _begin_of(month: Month, record: MonthRecord) -> datetime:
    return datetime.combine(month.first, time(), ZoneInfo(record.timezone))


def _scans_by_month(record: MonthRecord) -> list[tuple[Month, Sequence[HostScan]]]:
    """The scans of each of the twelve months, the oldest first. There may be hundreds of thousands."""
    ordered = sorted(record.scans, key=attrgetter("at"))
    months = twelve(record.month)
    begins = [_begin_of(month, record) for month in (*months, record.month.following)]
    places = [bisect_left(ordered, begin, key=attrgetter("at")) for begin in begins]
    return [(month, ordered[begin:end]) for month, (begin, end) in zip(months, pairwise(places), strict=True)]


def host_trend(record: MonthRecord, families: frozenset[str]) -> tuple[Point, ...]:
    """Month by month the share of hosts on which all results of some families passed, by the last scan of each."""
    return tuple(_host_point(month, _newest_counts(scans, families)) for month, scans in _scans_by_month(record))


def _newest_counts(scans: Sequence[HostScan], families: frozenset[str]) -> list[list[FamilyCount]]:
    """What the last scan of each host counted in some families; hosts on which they looked at nothing are left out."""
    newest = {one.host: one for one in scans}
    chosen = ([count for count in one.families if count.family in families] for one in newest.values())
    return [counts for counts in chosen if any(count.passed or count.failed or count.unproven for count in counts)]


def _host_point(month: Month, hosts: Sequence[Sequence[FamilyCount]]) -> Point:
    if not hosts:
        return _unknown(month)
    kept = sum(not any(count.failed or count.unproven for count in counts) for counts in hosts)
    every = [count for counts in hosts for count in counts]
    state = State.PASSED
    if any(count.grave for count in every):
        state = State.FAILED
    elif any(count.unproven for count in every):
        state = State.UNPROVEN
    return Point(month, kept / len(hosts), state)


def copies_trend(rows: Sequence[CopyRow], record: MonthRecord) -> tuple[Point, ...]:
    """Month by month the share of copies that every scan found fresh; nothing for months in which none looked."""
    wanted = {result.host for row in rows for result in row.results}
    looked = {
        (month, one.host)
        for month, scans in _scans_by_month(record)
        for one in scans
        if one.host in wanted
        and any(count.family == BACKUP and (count.passed or count.failed) for count in one.families)
    }
    lives = {finding.fingerprint: finding.lives for finding in record.findings}

    def state_in(month: Month, row: CopyRow) -> State:
        if not any((month, result.host) in looked for result in row.results):
            return State.NOT_APPLICABLE
        there = [
            life
            for result in row.results
            for life in lives.get(result.fingerprint, ())
            if _month_of(life.opened, record) <= month <= _month_of(life.resolved or record.until, record)
        ]
        if any(life.unmeasured is not Unmeasured.UNPROVEN for life in there):
            return State.FAILED
        return State.UNPROVEN if there else State.PASSED

    return tuple(_copies_point(month, [state_in(month, row) for row in rows]) for month in twelve(record.month))


def _copies_point(month: Month, states: Sequence[State]) -> Point:
    if all(state is State.NOT_APPLICABLE for state in states):
        return _unknown(month)
    share = states.count(State.PASSED) / len(states)
    if State.FAILED in states:
        return Point(month, share, State.FAILED)
    return Point(month, share, State.PASSED if share == 1 else State.UNPROVEN)


def checks_trend(record: MonthRecord, checks: frozenset[str]) -> tuple[Point, ...]:
    """Month by month the share of hosts on which the last results of some checks passed, as far as scans saw them."""
    tracked = {finding.fingerprint: finding for finding in record.findings if finding.check in checks}
    host_of = {fingerprint: finding.host for fingerprint, finding in tracked.items()}
    host_of |= {
        result.fingerprint: result.host for host in record.hosts for result in host.results if result.check in checks
    }
    by_month: dict[Month, dict[str, list[State]]] = defaultdict(lambda: defaultdict(list))
    for fingerprint, host in host_of.items():
        newest = {_month_of(seen.at, record): seen for seen in record.sightings.get(fingerprint, ())}
        for month, seen in newest.items():
            if seen.outcome is not Outcome.NOT_APPLICABLE:
                state = _seen_state(seen.outcome, seen.at, tracked.get(fingerprint))
                by_month[month][host].append(state)
    return tuple(_checks_point(month, by_month.get(month, {})) for month in twelve(record.month))


def _seen_state(outcome: Outcome, at: datetime, finding: TrackedFinding | None) -> State:
    if outcome is not Outcome.FAILED:
        return State.PASSED if outcome is Outcome.PASSED else State.UNPROVEN
    return State.WAIVED if finding is not None and _is_waived(finding, at) else State.FAILED


def _is_waived(finding: TrackedFinding, at: datetime) -> bool:
    known = [event for event in finding.events if event.at <= at]
    moved = [event for event in known if event.kind in (EventKind.WAIVED, EventKind.UNWAIVED)]
    return bool(moved) and moved[-1].kind is EventKind.WAIVED and (moved[-1].until is None or moved[-1].until > at)


def _checks_point(month: Month, hosts: Mapping[str, Sequence[State]]) -> Point:
    if not hosts:
        return _unknown(month)
    every = {state for states in hosts.values() for state in states}
    worst = next((state for state in (State.FAILED, State.UNPROVEN, State.WAIVED) if state in every), State.PASSED)
    kept = sum(set(states) == {State.PASSED} for states in hosts.values())
    return Point(month, kept / len(hosts), worst)


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


def availability_trend(record: MonthRecord) -> tuple[Point, ...]:
    """Month by month the share of promised services that met their target; nothing where none was measured."""
    return tuple(
        _availability_point(month, [_service_month(month, name, parts) for name in _names(parts)])
        for month, parts in _availability_months(record)
    )


def _names(parts: Iterable[_Part]) -> set[str]:
    return {promised.service for part in parts for promised in part.promised}


def _availability_point(month: Month, services: Sequence[ServiceMonth]) -> Point:
    if all(one.percent is None for one in services):
        return _unknown(month)
    states = [one.state for one in services]
    worst = next((state for state in (State.FAILED, State.UNPROVEN) if state in states), State.PASSED)
    return Point(month, states.count(State.PASSED) / len(states), worst)


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


def hours_trend(record: MonthRecord) -> tuple[Point, ...]:
    """Month by month the used share of the hours that were there; above 1 is beyond them."""
    return tuple(map(_hours_point, hours_year(record)))


def _hours_point(one: HoursMonth) -> Point:
    if not one.there or one.used is None:
        return _unknown(one.month)
    return Point(one.month, one.used / one.there, State.FAILED if one.is_overdrawn else State.PASSED)


def open_year(record: MonthRecord, found: Iterable[Entry]) -> tuple[OpenMonth, ...]:
    """What was open at the end of each month; of the last one the entries of the report itself."""
    looked = {
        month for month, scans in _scans_by_month(record) if any(one.status is not Reach.UNREACHABLE for one in scans)
    }
    now = Counter(entry.severity for entry in found if entry.resolved is None)
    return tuple(
        OpenMonth(month, None)
        if month not in looked
        else OpenMonth(month, _counts(now if month == record.month else _open_at(record, month)))
        for month in twelve(record.month)
    )


def _counts(by_severity: Mapping[Severity, int]) -> tuple[int, ...]:
    return tuple(by_severity.get(severity, 0) for severity in WORST_FIRST)


def _open_at(record: MonthRecord, month: Month) -> Counter[Severity]:
    end = _begin_of(month.following, record)
    return Counter(
        _severity_at(finding, life, end)
        for finding in record.findings
        for life in finding.lives
        if life.unmeasured is not Unmeasured.UNPROVEN
        and _began(life) < end
        and (life.resolved is None or life.resolved >= end)
    )


def _began(life: FindingClocks) -> datetime:
    """When a scan first saw it fail."""
    readings = (life.remediation, life.response)
    return next((reading.started for reading in readings if reading is not None), life.opened)


def _severity_at(finding: TrackedFinding, life: FindingClocks, end: datetime) -> Severity:
    graded = [event.severity for event in finding.events if event.severity is not None and event.at < end]
    return graded[-1] if graded else life.severity
