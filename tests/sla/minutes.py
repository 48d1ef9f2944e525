"""What every minute of ten months counts on the clocks of a customer's contracts, asked one by one.

Nothing here knows spans or rulers. Minutes are counted from `BEGIN`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from itertools import pairwise
from math import lcm
from zoneinfo import ZoneInfo

import holidays
import numpy as np
from numpy.typing import NDArray

from secaudit.model.contract import BusinessCalendar, ClockKind, Contract, Target, Unit

BEGIN = datetime(2025, 8, 25, tzinfo=UTC)
MINUTES = 300 * 1440
MINUTE = timedelta(minutes=1)
NEVER = 10**9
"""Beyond every minute."""

Flags = NDArray[np.bool_]
Counts = NDArray[np.int64]


def moment(minute: int) -> datetime:
    return BEGIN + minute * MINUTE


@dataclass(frozen=True)
class Days:
    """A calendar's minutes: the local day of each (days are numbered), and whether business is open in it."""

    day: Counts
    is_open: Flags

    @classmethod
    def of(cls, calendar: BusinessCalendar) -> Days:
        zone = ZoneInfo(calendar.timezone)
        quarters = [moment(minute).astimezone(zone).utcoffset() for minute in range(0, MINUTES, 15)]
        offset = np.repeat([(each or timedelta()) // MINUTE for each in quarters], 15)
        local = (BEGIN - datetime(1970, 1, 1, tzinfo=UTC)) // MINUTE + np.arange(MINUTES) + offset
        day, wall = local // 1440, local % 1440
        closed = holidays.country_holidays(calendar.country, calendar.subdivision or None, years=[2025, 2026])
        special = {each.day: each.openings for each in calendar.special}
        is_open = np.zeros(MINUTES, dtype=np.bool_)
        bounds = [0, *(np.flatnonzero(np.diff(day)) + 1), MINUTES]
        for first, last in pairwise(bounds):
            today = date(1970, 1, 1) + timedelta(days=int(day[first]))
            openings = special.get(today, () if today in closed else calendar.week[today.weekday()])
            for opening in openings:
                begin, end = (_position(wall[first:last], at) for at in (opening.start, opening.end))
                is_open[first + begin : first + end] = True
        return cls(day, is_open)


def _position(walls: Counts, wall: int) -> int:
    """How many minutes of a day pass before its clock shows a time: the first time that it does. A time that is skipped
    comes as much later as it would have come, had the clock not been changed."""
    shown = np.flatnonzero(walls == wall)
    if len(shown):
        return int(shown[0])
    if wall == 1440:
        return len(walls)
    earlier = np.flatnonzero(walls < wall)
    return int(earlier[0]) + wall - int(walls[earlier[0]]) if len(earlier) else wall


@dataclass(frozen=True)
class World:
    """The contracts of a customer, minute by minute. `begins` and `ends` say from when and until when each counts."""

    contracts: tuple[Contract, ...]
    begins: tuple[int, ...]
    ends: tuple[int, ...]
    days: tuple[Days, ...]

    @classmethod
    def of(cls, contracts: Sequence[Contract], days: Callable[[BusinessCalendar], Days]) -> World:
        found = [days(contract.calendar) for contract in contracts]
        begins = [first_minute(of_one, contract.since) for of_one, contract in zip(found, contracts, strict=True)]
        ends = []
        for index, contract in enumerate(contracts):
            after = contracts[index + 1] if index + 1 < len(contracts) else None
            if contract.until is None:
                ends.append(NEVER)
            elif after is not None and after.since == contract.until + timedelta(days=1):
                ends.append(begins[index + 1])
            else:
                ends.append(first_minute(found[index], contract.until + timedelta(days=1)))
        return cls(tuple(contracts), tuple(begins), tuple(ends), tuple(found))

    def with_terms(self, contracts: Sequence[Contract]) -> World:
        """The same calendars and days with other promises."""
        made = replace(self, contracts=tuple(contracts))
        made.__dict__.update({name: self.__dict__[name] for name in _SHARED if name in self.__dict__})
        return made

    def at(self, minute: int) -> int | None:
        """Which contract is in force."""
        found = [index for index in range(len(self.contracts)) if self.begins[index] <= minute < self.ends[index]]
        return found[0] if found else None

    def lately(self, minute: int) -> int:
        """Which contract is in force, or was last."""
        return int(self.in_force[minute])

    @cached_property
    def in_force(self) -> Counts:
        """Whose calendar counts in each minute."""
        which = np.zeros(MINUTES, dtype=np.int64)
        for index, begin in enumerate(self.begins[1:], 1):
            which[begin:] = index
        return which

    @cached_property
    def is_open(self) -> Flags:
        return np.choose(self.in_force, [each.is_open for each in self.days]).astype(np.bool_)

    @cached_property
    def business_day(self) -> tuple[Counts, int]:
        """What each minute is worth of a business day, and what a whole one is worth."""
        return self._shares([(each.day, each.is_open) for each in self.days])

    @cached_property
    def calendar_day(self) -> tuple[Counts, int]:
        """What each minute is worth of a calendar day, and what a whole one is worth."""
        return self._shares([(each.day, np.ones(MINUTES, dtype=np.bool_)) for each in self.days])

    def _shares(self, parts: Sequence[tuple[Counts, Flags]]) -> tuple[Counts, int]:
        lengths = [np.bincount(day - day[0], weights=flags).astype(np.int64) for day, flags in parts]
        whole = lcm(*(int(length) for of_one in lengths for length in np.unique(of_one[1:-1]) if length))
        assert whole < 2**53
        worth = [
            np.where(flags, whole // np.maximum(of_one[day - day[0]], 1), 0)
            for (day, flags), of_one in zip(parts, lengths, strict=True)
        ]
        return np.choose(self.in_force, worth), whole

    def next_midnight(self, minute: int) -> int:
        """When the local day of a minute ends."""
        day = self.days[self.lately(minute)].day
        return int(np.searchsorted(day, day[minute], side="right"))

    def is_midnight(self, minute: int) -> bool:
        day = self.days[self.lately(minute)].day
        return bool(day[minute] != day[minute - 1])

    def counts(self, target: Target) -> tuple[Counts, int]:
        """What each minute counts on the clock of a promise, and how much is promised."""
        if target.clock is ClockKind.CALENDAR:
            worth, whole = self.calendar_day
            return worth, whole * target.amount
        if target.unit is Unit.BUSINESS_DAYS:
            worth, whole = self.business_day
            return worth, whole * target.amount
        amount = target.amount * {Unit.MINUTES: 1, Unit.HOURS: 60, Unit.DAYS: 1440}[target.unit]
        worth = self.is_open.astype(np.int64) if target.clock is ClockKind.BUSINESS else np.ones(MINUTES, np.int64)
        return worth, amount


_SHARED = ("in_force", "is_open", "business_day", "calendar_day")


def first_minute(days: Days, day: date) -> int:
    return int(np.searchsorted(days.day, (day - date(1970, 1, 1)).days))
