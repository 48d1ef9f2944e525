"""Business time the slow way: every minute of years is asked whether it is open, by its local wall time."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from itertools import accumulate, pairwise
from zoneinfo import ZoneInfo

MINUTE = timedelta(minutes=1)

Hours = Callable[[date], list[tuple[int, int]]]
"""Open parts of a local day in minutes of the local clock."""


@dataclass(frozen=True)
class Simulation:
    """`minutes[i]` are the open minutes in the first i minutes since `begin`; `firsts` is where each local day is."""

    zone: ZoneInfo
    begin: datetime
    minutes: list[int]
    firsts: dict[date, int]

    def index(self, moment: datetime) -> int:
        return (moment - self.begin) // MINUTE

    def passed(self, start: datetime, end: datetime) -> int:
        """Open minutes between two moments."""
        return self.minutes[self.index(end)] - self.minutes[self.index(start)]

    def days_passed(self, start: datetime, end: datetime) -> Fraction:
        """Business days between two moments, parts of days by their open minutes."""
        return self._days(end) - self._days(start)

    def after(self, start: datetime, amount: int) -> datetime | None:
        """The first moment at which `amount` open minutes have passed; None beyond the simulated years."""
        at = bisect_left(self.minutes, self.minutes[self.index(start)] + amount)
        return self.begin + at * MINUTE if at < len(self.minutes) else None

    def _days(self, moment: datetime) -> Fraction:
        bounds = [*self.firsts.values(), len(self.minutes) - 1]
        index = self.index(moment)
        days = Fraction(0)
        for first, last in pairwise(bounds):
            total = self.minutes[last] - self.minutes[first]
            if total and index > first:
                days += Fraction(self.minutes[min(index, last)] - self.minutes[first], total)
        return days


def simulate(zone: ZoneInfo, years: range, hours: Hours) -> Simulation:
    """Ask every minute of the local years."""
    begin = datetime(years.start, 1, 1, tzinfo=zone).astimezone(UTC)
    end = datetime(years.stop, 1, 1, tzinfo=zone).astimezone(UTC)
    flags: list[bool] = []
    firsts: dict[date, int] = {}
    parts: list[tuple[int, int]] = []
    moment = begin
    while moment < end:
        local = moment.astimezone(zone)
        day = local.date()
        if day not in firsts:
            firsts[day] = len(flags)
            parts = hours(day)
        wall = local.hour * 60 + local.minute
        flags.append(any(start <= wall < stop for start, stop in parts))
        moment += MINUTE
    return Simulation(zone, begin, list(accumulate(flags, initial=0)), firsts)
