"""The contracts of one customer, one after the other, as one line of time with clocks that run across their borders."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import zip_longest
from typing import Protocol
from zoneinfo import ZoneInfo

from secaudit.model.contract import BusinessCalendar, ClockKind, Contract, Target, Unit
from secaudit.sla.calendar import TICK, Ruler, local_moment


class Clock(Protocol):
    """How the time of a promise passes. Amounts are ticks, see `secaudit.sla.calendar.ticks`."""

    def begin(self, moment: datetime) -> datetime:
        """When a promise that is given at a moment begins to run."""
        ...

    def passed(self, start: datetime, end: datetime) -> int:
        """Ticks between two moments."""
        ...

    def after(self, start: datetime, amount: int) -> datetime | None:
        """The first moment at which so many ticks have passed since `start`; None when it is never reached."""
        ...

    def close(self, moment: datetime) -> datetime:
        """The deadline for which the last tick passes at a moment."""
        ...


@dataclass(frozen=True, slots=True)
class RealClock:
    """Time as it is."""

    def begin(self, moment: datetime) -> datetime:
        """At once."""
        return moment

    def passed(self, start: datetime, end: datetime) -> int:
        """Microseconds between two moments."""
        return max(0, (end - start) // TICK)

    def after(self, start: datetime, amount: int) -> datetime | None:
        """The moment `amount` microseconds later."""
        return start + TICK * amount

    def close(self, moment: datetime) -> datetime:
        """The moment itself."""
        return moment


@dataclass(frozen=True, slots=True)
class BusinessClock:
    """Time in business hours of the calendar that is in force. `rulers` have the moment from which each is."""

    rulers: tuple[tuple[datetime, Ruler], ...]

    def begin(self, moment: datetime) -> datetime:
        """At once, or when business opens next."""
        return moment

    def passed(self, start: datetime, end: datetime) -> int:
        """Ticks between two moments."""
        return sum(ruler.passed(max(start, begin), min(end, until)) for begin, until, ruler in self._parts(start, end))

    def after(self, start: datetime, amount: int) -> datetime | None:
        """The first moment at which so many ticks have passed since `start`."""
        *earlier, (last_begin, _, last) = self._parts(start, None)
        for begin, until, ruler in earlier:
            here = ruler.passed(max(start, begin), until)
            if amount <= here:
                return ruler.after(max(start, begin), amount)
            amount -= here
        return last.after(max(start, last_begin), amount)

    def close(self, moment: datetime) -> datetime:
        """The moment itself."""
        return moment

    def zone(self, moment: datetime) -> ZoneInfo:
        """The time zone that is in force."""
        return self._parts(moment, None)[0][2].zone

    def _parts(self, start: datetime, end: datetime | None) -> list[tuple[datetime, datetime, Ruler]]:
        """The calendars in force from `start` to `end`; the first reaches back, the last goes on."""
        ends = [*(begin for begin, _ in self.rulers[1:]), datetime.max.replace(tzinfo=UTC)]
        return [
            (begin if index else min(start, begin), until, ruler)
            for index, ((begin, ruler), until) in enumerate(zip(self.rulers, ends, strict=True))
            if until > start and (end is None or index == 0 or begin < end)
        ]


@dataclass(frozen=True, slots=True)
class CalendarClock:
    """Whole days of the local calendar: the day of the event does not count, and the last day counts to its end.

    That is how German law counts days (BGB sections 187(1) and 188(1)), and what people mean by "within 30 days".
    """

    days: BusinessClock

    def begin(self, moment: datetime) -> datetime:
        """The next local midnight."""
        zone = self.days.zone(moment)
        return local_moment(moment.astimezone(zone).date() + timedelta(days=1), 0, zone)

    def passed(self, start: datetime, end: datetime) -> int:
        """Ticks between two moments."""
        return self.days.passed(start, end)

    def after(self, start: datetime, amount: int) -> datetime | None:
        """The first moment at which so many ticks have passed since `start`."""
        return self.days.after(start, amount)

    def close(self, moment: datetime) -> datetime:
        """The end of the local day."""
        zone = self.days.zone(moment)
        midnight = local_moment(moment.astimezone(zone).date(), 0, zone)
        return moment if midnight == moment else self.begin(moment)


class ContractHistory:
    """What one customer was promised when.

    A promise is the one of the contract in force when it was given; business time passes by the calendar in force at
    each moment. Where no contract is in force the calendar of the one before goes on (before the first: its own).
    A contract that begins on the day after another one ends takes over when its own first day begins, so that nothing
    is left out and nothing counts twice where their time zones differ.
    """

    def __init__(self, contracts: Sequence[Contract]) -> None:
        """`contracts` are of one customer, the oldest first, without overlap (as `Contracts.of` gives them)."""
        self.contracts = tuple(contracts)
        self._terms = tuple(
            _Term.of(contract, after) for contract, after in zip_longest(self.contracts, self.contracts[1:])
        )
        self._real = RealClock()
        self._hours = self._clock(Ruler)
        self._business_days = self._clock(lambda calendar: Ruler(calendar, by_day=True))
        self._days = self._clock(lambda calendar: Ruler(calendar, always_open=True, by_day=True))

    def at(self, moment: datetime) -> Contract | None:
        """The contract in force at a moment (aware UTC)."""
        return next((term.contract for term in self._terms if term.begin <= moment < term.end), None)

    def lately(self, moment: datetime) -> Contract:
        """The contract in force at a moment, else the one that was last; before the first: the first."""
        begun = [term.contract for term in self._terms if term.begin <= moment]
        return begun[-1] if begun else self.contracts[0]

    def measures(self, moment: datetime) -> bool:
        """Whether the contract in force measures findings that are opened at a moment."""
        return any(term.begin <= moment < term.end and moment >= term.enforced for term in self._terms)

    def clock(self, target: Target) -> Clock:
        """The clock that a promise runs on."""
        if target.clock is ClockKind.REAL:
            return self._real
        if target.clock is ClockKind.CALENDAR:
            return CalendarClock(self._days)
        return self._business_days if target.unit is Unit.BUSINESS_DAYS else self._hours

    def _clock(self, make: Callable[[BusinessCalendar], Ruler]) -> BusinessClock:
        return BusinessClock(tuple((term.begin, make(term.contract.calendar)) for term in self._terms))


def day_begin(contract: Contract, day: date) -> datetime:
    """The local midnight that begins a day, in the contract's time zone, as aware UTC."""
    return local_moment(day, 0, ZoneInfo(contract.calendar.timezone))


@dataclass(frozen=True, slots=True)
class _Term:
    """When a contract is in force, and from when on it measures findings."""

    contract: Contract
    begin: datetime
    end: datetime
    enforced: datetime

    @classmethod
    def of(cls, contract: Contract, after: Contract | None) -> _Term:
        """The moments of the contract's local days; `after` is the contract that follows it."""
        end = datetime.max.replace(tzinfo=UTC)
        if contract.until is not None:
            next_day = contract.until + timedelta(days=1)
            end = day_begin(after if after is not None and after.since == next_day else contract, next_day)
        return cls(contract, day_begin(contract, contract.since), end, day_begin(contract, contract.sla.enforce_from))
