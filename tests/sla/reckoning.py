"""Clocks the slow way: every minute of ten months says what it counts, and deadlines are found by adding minutes up.

Nothing here knows spans, rulers or events: it goes from what scans saw and people did straight to minutes, by the words
of `docs/sla.md`. A story is told in minutes since `BEGIN`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from functools import cached_property
from itertools import pairwise
from math import lcm
from zoneinfo import ZoneInfo

import holidays
import numpy as np
from numpy.typing import NDArray

from secaudit.model.contract import BusinessCalendar, ClockKind, Contract, Priority, Reopening, Target, Unit
from secaudit.model.outcome import Outcome
from secaudit.model.severity import Severity
from secaudit.model.sla import ClockState, Unmeasured

BEGIN = datetime(2025, 8, 25, tzinfo=UTC)
MINUTES = 300 * 1440
MINUTE = timedelta(minutes=1)
NEVER = 10**9
"""Beyond every minute: a hold without an end."""

Flags = NDArray[np.bool_]
Counts = NDArray[np.int64]


def moment(minute: int) -> datetime:
    return BEGIN + minute * MINUTE


# What people and scans did.


@dataclass(frozen=True)
class Scan:
    """A scan of the host: what it says about the finding, and until when a waiver covers that (None: there is none)."""

    at: int
    outcome: Outcome
    severity: Severity
    waived_until: int | None = None
    is_complete: bool = True


@dataclass(frozen=True)
class Acknowledged:
    at: int


@dataclass(frozen=True)
class Paused:
    at: int
    until: int


@dataclass(frozen=True)
class Resumed:
    at: int


Step = Scan | Acknowledged | Paused | Resumed


# What a minute counts.


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
        begins = [_first(of_one, contract.since) for of_one, contract in zip(found, contracts, strict=True)]
        ends = []
        for index, contract in enumerate(contracts):
            after = contracts[index + 1] if index + 1 < len(contracts) else None
            if contract.until is None:
                ends.append(NEVER)
            elif after is not None and after.since == contract.until + timedelta(days=1):
                ends.append(begins[index + 1])
            else:
                ends.append(_first(found[index], contract.until + timedelta(days=1)))
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
    def day(self) -> Counts:
        """The local day of each minute by the calendar in force."""
        return np.choose(self.in_force, [each.day for each in self.days])

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


_SHARED = ("in_force", "day", "is_open", "business_day", "calendar_day")


def _first(days: Days, day: date) -> int:
    return int(np.searchsorted(days.day, (day - date(1970, 1, 1)).days))


# What became of the finding.


@dataclass
class Hold:
    """From `begin` to `until` clocks stand still, unless somebody ends it at `ended`."""

    begin: int
    until: int
    state: ClockState
    ended: int | None = None

    def end(self, known: int) -> int:
        """When it ends, as far as is known at a minute."""
        return self.until if self.ended is None or self.ended > known else min(self.until, self.ended)


@dataclass
class Story:
    """One life of a finding, as far as it was told."""

    opened: int
    started: int | None = None
    grades: list[tuple[int, Severity]] = field(default_factory=list)
    holds: list[Hold] = field(default_factory=list)
    acknowledged: int | None = None
    resolved: int | None = None
    severity: Severity = Severity.INFO

    def open_hold(self, state: ClockState, minute: int) -> Hold | None:
        return next(
            (hold for hold in self.holds if hold.state is state and hold.ended is None and hold.until > minute), None
        )


def told(steps: Sequence[Step], world: World) -> list[Story]:
    """The lives of a finding, the oldest first."""
    stories: list[Story] = []
    for step in steps:
        life = stories[-1] if stories and stories[-1].resolved is None else None
        match step:
            case Scan(outcome=Outcome.PASSED):
                if life is not None and step.is_complete:
                    life.resolved = step.at
                    for hold in life.holds:
                        hold.ended = step.at if hold.ended is None else hold.ended
            case Scan():
                if life is None:
                    life = Story(step.at, severity=step.severity)
                    stories.append(life)
                _seen(life, step)
            case Acknowledged() if life is not None:
                life.acknowledged = step.at if life.acknowledged is None else life.acknowledged
            case Paused() if life is not None:
                life.holds.append(Hold(step.at, step.until, ClockState.PAUSED))
            case Resumed() if life is not None and (paused := life.open_hold(ClockState.PAUSED, step.at)) is not None:
                paused.ended = step.at
    return _continued(stories, world)


def _seen(life: Story, scan: Scan) -> None:
    if scan.outcome is Outcome.FAILED:
        if life.started is None:
            life.started = scan.at
        if not life.grades or life.grades[-1][1] is not scan.severity:
            life.grades.append((scan.at, scan.severity))
        life.severity = scan.severity
    waiver = life.open_hold(ClockState.WAIVED, scan.at - 1)
    if waiver is not None and waiver.until != scan.waived_until:
        waiver.ended = scan.at
        waiver = None
    if waiver is None and scan.waived_until is not None:
        life.holds.append(Hold(scan.at, scan.waived_until, ClockState.WAIVED))


def _continued(stories: Sequence[Story], world: World) -> list[Story]:
    """A finding that comes back under a promise that says `continue` goes on with its clocks."""
    whole: list[Story] = []
    for story in stories:
        proven = [index for index, life in enumerate(whole) if life.started is not None]
        before = whole[proven[-1]] if proven else None
        if story.started is None or before is None or not _goes_on(before, world):
            whole.append(story)
            continue
        del whole[proven[-1] + 1 :]
        assert before.resolved is not None
        before.holds += [Hold(before.resolved, story.started, ClockState.PAUSED), *story.holds]
        is_same = story.grades[0][1] is before.grades[-1][1]
        before.grades += story.grades[1:] if is_same else story.grades
        before.acknowledged = story.acknowledged if before.acknowledged is None else before.acknowledged
        before.resolved, before.severity = story.resolved, story.severity
    return whole


def _goes_on(before: Story, world: World) -> bool:
    if before.started is None or unmeasured(before, world) is not None:
        return False
    contract = world.at(before.started)
    return contract is not None and world.contracts[contract].sla.reopen is Reopening.CONTINUE


def unmeasured(life: Story, world: World) -> Unmeasured | None:
    if life.started is None:
        return Unmeasured.UNPROVEN
    contract = world.at(life.started)
    if contract is None:
        return Unmeasured.NO_CONTRACT
    enforced = _first(world.days[contract], world.contracts[contract].sla.enforce_from)
    return Unmeasured.NOT_ENFORCED if life.started < enforced else None


# What the clocks say.


@dataclass(frozen=True)
class Reckoned:
    """One clock; `due` is a minute with its parts."""

    priority: str
    promised: Target
    state: ClockState
    due: Fraction
    used: Fraction
    elapsed: int
    paused: int
    ended: int | None
    breach: Fraction
    """From when on (exclusive) the promise is broken."""


@dataclass(frozen=True)
class _Promise:
    contract: Contract
    priority: Priority
    target: Target
    begin: int
    due: Fraction

    @property
    def breach(self) -> Fraction:
        return self.due + self.contract.sla.grace // MINUTE

    def is_over(self, minute: int) -> bool:
        return minute > self.breach


def reckon(
    life: Story, world: World, now: int, promise: Callable[[Priority], Target | None], ended: int | None
) -> Reckoned | None:
    """What a clock of a life that is measured says at a minute; `ended` is when it ended."""
    assert life.started is not None
    end = max(life.started, now if ended is None else ended)
    holds = [hold for hold in life.holds if ended is None or hold.begin < end]
    runs = np.ones(MINUTES, dtype=np.bool_)
    for hold in holds:
        runs[hold.begin : hold.end(end)] = False
    given = _given(life, world, promise, end, runs)
    if given is None:
        return None
    worth, promised = world.counts(given.target)
    used = Fraction(int((worth[given.begin : end] * runs[given.begin : end]).sum()), promised)
    held = {hold.state for hold in holds if hold.begin <= now < hold.end(end)}
    if ended is not None:
        state = ClockState.MISSED if given.is_over(end) else ClockState.MET
    elif given.is_over(now):
        state = ClockState.BREACHED
    elif held:
        state = ClockState.WAIVED if ClockState.WAIVED in held else ClockState.PAUSED
    else:
        state = ClockState.WARNING if used >= Fraction(given.contract.sla.warn_at) else ClockState.RUNNING
    return Reckoned(
        given.priority.id,
        given.target,
        state,
        given.due,
        used,
        end - life.started,
        int((~runs[life.started : end]).sum()),
        None if ended is None else end,
        given.breach,
    )


def _given(
    life: Story, world: World, promise: Callable[[Priority], Target | None], end: int, runs: Flags
) -> _Promise | None:
    """The promise that counts: that of the first severity, and what each change of it made of it."""
    counts: _Promise | None = None
    first = life.grades[0][0]
    before: Severity | None = None
    for minute, severity in life.grades:
        if minute > end:
            break
        is_worse = before is not None and severity.rank > before.rank
        before = severity
        if counts is not None and counts.is_over(minute):
            continue
        contract = world.contracts[world.lately(minute)]
        priority = next((each for each in contract.priorities if severity in each.severities), None)
        target = promise(priority) if priority is not None else None
        fresh = None
        if priority is not None and target is not None:
            start = minute if is_worse else first
            begin = world.next_midnight(start) if target.clock is ClockKind.CALENDAR else start
            fresh = _Promise(contract, priority, target, begin, _due(world, target, begin, runs))
        if counts is None or not is_worse or (fresh is not None and fresh.due <= counts.due):
            counts = fresh
    return counts


_STRETCH = 20 * 1440
"""Minutes that are added up at once."""


class TooFar(Exception):
    """A deadline is beyond the minutes that there are."""


def _due(world: World, target: Target, begin: int, runs: Flags) -> Fraction:
    worth, promised = world.counts(target)
    before = 0
    for first in range(begin, MINUTES, _STRETCH):
        passed = before + np.cumsum(worth[first : first + _STRETCH] * runs[first : first + _STRETCH])
        if passed[-1] >= promised:
            break
        before = int(passed[-1])
    else:
        raise TooFar
    index = int(np.searchsorted(passed, promised))
    minute = first + index
    before = int(passed[index - 1]) if index else before
    due = minute + Fraction(promised - before, int(worth[minute]))
    if target.clock is not ClockKind.CALENDAR:
        return due
    if due.denominator == 1 and int(due) < MINUTES and world.is_midnight(int(due)):
        return due
    last = world.next_midnight(int(due)) if due < MINUTES else MINUTES
    if last >= MINUTES:
        raise TooFar
    return Fraction(last)
