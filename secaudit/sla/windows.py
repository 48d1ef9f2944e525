"""Planned maintenance windows as spans of time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from secaudit.model.contract import BusinessCalendar, Contract
from secaudit.model.recurrence import Recurrence
from secaudit.sla.calendar import local_moment


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A part of time, aware UTC, `end` exclusive."""

    start: datetime
    end: datetime


def planned(contract: Contract, start: datetime, end: datetime) -> tuple[Span, ...]:
    """The maintenance windows of a contract between two moments, cut to them, joined and in order.

    A rule counts its intervals from the contract's first day. A window begins at its local time and lasts its minutes
    of real time, also when clocks are changed in it.
    """
    zone = ZoneInfo(contract.calendar.timezone)
    fixed = (Span(begin, until) for begin, until in contract.calendar.fixed_windows)
    found = [
        Span(max(window.start, start), min(window.end, end))
        for window in (*_windows(contract.calendar, contract.since, zone, start, end), *fixed)
        if window.start < end and window.end > start
    ]
    return joined(found)


def joined(spans: Iterable[Span]) -> tuple[Span, ...]:
    """The same time without overlaps, in order."""
    whole: list[Span] = []
    for span in sorted(spans):
        if whole and span.start <= whole[-1].end:
            whole[-1] = Span(whole[-1].start, max(whole[-1].end, span.end))
        else:
            whole.append(span)
    return tuple(whole)


def without(spans: Iterable[Span], holes: Iterable[Span]) -> tuple[Span, ...]:
    """The spans with the holes cut out; both in order and without overlaps of their own."""
    holes = tuple(holes)
    left: list[Span] = []
    first = 0
    for span in spans:
        begin = span.start
        while first < len(holes) and holes[first].end <= begin:
            first += 1
        for hole in holes[first:]:
            if hole.start >= span.end:
                break
            if hole.start > begin:
                left.append(Span(begin, hole.start))
            begin = max(begin, hole.end)
        if begin < span.end:
            left.append(Span(begin, span.end))
    return tuple(left)


def length(spans: Iterable[Span]) -> timedelta:
    """How long spans without overlaps are together."""
    return sum((span.end - span.start for span in spans), timedelta())


def _windows(calendar: BusinessCalendar, since: date, zone: ZoneInfo, start: datetime, end: datetime) -> Iterable[Span]:
    for window in calendar.windows:
        rule = Recurrence.parse(window.rrule)
        # A window may begin before the first day and reach into it.
        day = start.astimezone(zone).date() - timedelta(days=1, minutes=window.minutes)
        while day <= end.astimezone(zone).date():
            if rule.matches(day, since):
                opened = local_moment(day, window.start, zone)
                yield Span(opened, opened + timedelta(minutes=window.minutes))
            day += timedelta(days=1)
