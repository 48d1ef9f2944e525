"""Business time: how much of it passes between two moments, and when a promised amount of it is used up.

Every moment is aware UTC. Local days and times become moments by RFC 5545 section 3.3.5: of two moments with one local
time the first counts, and a local time that is skipped is read with the offset from before the gap.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import accumulate, pairwise
from zoneinfo import ZoneInfo

from secaudit.model.contract import BusinessCalendar, Opening, Target, Unit

TICK = timedelta(microseconds=1)
DAY = 86_400_000_000
"""Ticks of a whole day on a clock that counts days."""

_TICKS = {Unit.MINUTES: 60_000_000, Unit.HOURS: 3_600_000_000, Unit.DAYS: DAY, Unit.BUSINESS_DAYS: DAY}
_WHOLE_DAY = (Opening(0, 1440),)
_LONGEST_YEARS = 40


def ticks(target: Target) -> int:
    """A promised time in ticks of its clock."""
    return target.amount * _TICKS[target.unit]


def local_moment(day: date, minutes: int, zone: ZoneInfo) -> datetime:
    """The moment (aware UTC) that is `minutes` of the local clock after the midnight that begins `day`."""
    local = datetime.combine(day, time()) + timedelta(minutes=minutes)
    return local.replace(tzinfo=zone).astimezone(UTC)


def holidays_of(calendar: BusinessCalendar, year: int) -> frozenset[date]:
    """The public holidays of a calendar's country and region in a year; none when it names no country."""
    if not calendar.country:
        return frozenset()
    from holidays import country_holidays  # noqa: PLC0415 - slow to import, and needed for such calendars only

    return frozenset(country_holidays(calendar.country, calendar.subdivision or None, years=year))


@dataclass(frozen=True, slots=True)
class _Year:
    """The spans of a local year in which a clock runs. `before` are the ticks up to the begin of each, and in all."""

    starts: list[datetime]
    ends: list[datetime]
    before: list[int]

    def position(self, moment: datetime) -> int:
        """Ticks of this year up to a moment."""
        at = bisect_right(self.starts, moment) - 1
        if at < 0:
            return 0
        if moment >= self.ends[at]:
            return self.before[at + 1]
        worth, length = self._measure(at)
        return self.before[at] + worth * ((moment - self.starts[at]) // TICK) // length

    def moment(self, position: int) -> datetime:
        """The first moment at which so many ticks (above 0, at most all) have passed."""
        at = bisect_left(self.before, position) - 1
        worth, length = self._measure(at)
        return self.starts[at] + TICK * -(-(position - self.before[at]) * length // worth)

    @property
    def total(self) -> int:
        """All ticks of the year."""
        return self.before[-1]

    def _measure(self, at: int) -> tuple[int, int]:
        return self.before[at + 1] - self.before[at], (self.ends[at] - self.starts[at]) // TICK


class Ruler:
    """A clock that runs in some hours of a calendar; asks for a year are answered from a table made once.

    With `by_day` every day on which it runs counts one whole day, however long it is; else it counts real time.
    """

    def __init__(self, calendar: BusinessCalendar, *, always_open: bool = False, by_day: bool = False) -> None:
        self.zone = ZoneInfo(calendar.timezone)
        self._calendar = calendar
        self._always_open = always_open
        self._by_day = by_day
        self._special = {special.day: special.openings for special in calendar.special}
        self._years: dict[int, _Year] = {}
        self._holidays: dict[int, frozenset[date]] = {}

    def passed(self, start: datetime, end: datetime) -> int:
        """Ticks between two moments; 0 when `end` is not after `start`."""
        if end <= start:
            return 0
        first, last = start.astimezone(self.zone).year, end.astimezone(self.zone).year
        whole = sum(self._year(year).total for year in range(first, last))
        return whole - self._year(first).position(start) + self._year(last).position(end)

    def after(self, start: datetime, amount: int) -> datetime | None:
        """The first moment at which `amount` ticks have passed since `start`; None when that is beyond 40 years."""
        if amount <= 0:
            return start
        first = start.astimezone(self.zone).year
        left = amount + self._year(first).position(start)
        for year in range(first, first + _LONGEST_YEARS):
            table = self._year(year)
            if left <= table.total:
                return table.moment(left)
            left -= table.total
        return None

    def openings(self, day: date) -> tuple[Opening, ...]:
        """The parts of a local day in which the clock runs."""
        if self._always_open:
            return _WHOLE_DAY
        if day in self._special:
            return self._special[day]
        if day.year not in self._holidays:
            self._holidays[day.year] = holidays_of(self._calendar, day.year)
        return () if day in self._holidays[day.year] else self._calendar.week[day.weekday()]

    def _year(self, year: int) -> _Year:
        if year not in self._years:
            self._years[year] = self._table(year)
        return self._years[year]

    def _table(self, year: int) -> _Year:
        starts: list[datetime] = []
        ends: list[datetime] = []
        worths: list[int] = []
        day = date(year, 1, 1)
        while day.year == year:
            spans = list(self._spans(day))
            starts += [start for start, _ in spans]
            ends += [end for _, end in spans]
            worths += _worths(spans, self._by_day)
            day += timedelta(days=1)
        return _Year(starts, ends, list(accumulate(worths, initial=0)))

    def _spans(self, day: date) -> Iterator[tuple[datetime, datetime]]:
        last = local_moment(day, 0, self.zone)
        for opening in self.openings(day):
            start, end = local_moment(day, opening.start, self.zone), local_moment(day, opening.end, self.zone)
            # The hour that is skipped in spring may swallow an opening, or push its end into the next one.
            start = max(start, last)
            if start < end:
                yield start, end
                last = end


def _worths(spans: list[tuple[datetime, datetime]], by_day: bool) -> list[int]:
    """What each span of a day is worth in ticks."""
    lengths = [(end - start) // TICK for start, end in spans]
    if not (by_day and lengths):
        return lengths
    total = sum(lengths)
    marks = [DAY * part // total for part in accumulate(lengths, initial=0)]
    return [after - before for before, after in pairwise(marks)]
