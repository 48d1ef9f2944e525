"""Availability of whole months, held against one that asks every half minute what is known about it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secaudit.model.availability import Availability, AvailabilityState, Probe
from secaudit.model.contract import (
    AvailabilityTarget,
    BusinessCalendar,
    Contract,
    MaintenanceWindow,
    ProbeKind,
    ServiceProbe,
)
from secaudit.model.hours import Month
from secaudit.sla.availability import measure, month_span
from secaudit.sla.windows import planned
from tests.sla.contracts import BERLIN, HOUR, a_contract, at

TICK = timedelta(seconds=30)
MINUTE = timedelta(minutes=1)
PORT = ServiceProbe(ProbeKind.TCP, "127.0.0.1", 9, timedelta(seconds=1))

MONTHS = (
    ("Europe/Berlin", Month(2026, 3)),
    ("Europe/Berlin", Month(2026, 10)),
    ("Australia/Lord_Howe", Month(2026, 4)),
    ("America/Santiago", Month(2026, 9)),
)
"""Each has a change of clocks; in Santiago at midnight."""


# Windows: asked of every moment by its local time.

RULES: dict[str, Callable[[date], bool]] = {
    "FREQ=DAILY": lambda day: day.day > 0,
    "FREQ=WEEKLY;BYDAY=SU": lambda day: day.weekday() == 6,
    "FREQ=MONTHLY;BYDAY=1SU": lambda day: day.weekday() == 6 and day.day <= 7,
    "FREQ=MONTHLY;BYMONTHDAY=-1": lambda day: (day + timedelta(days=1)).day == 1,
}


def window_ticks(contract: Contract, start: datetime, end: datetime) -> set[int]:
    """Which half minutes between two moments are planned."""
    zone = ZoneInfo(contract.calendar.timezone)
    spans = [(begin, until) for begin, until in contract.calendar.fixed_windows]
    for window in contract.calendar.windows:
        day = start.astimezone(zone).date() - timedelta(days=9)
        while day <= end.astimezone(zone).date():
            if day >= contract.since and RULES[window.rrule](day):
                begin = first_showing(day, window.start, zone)
                spans.append((begin, begin + window.minutes * MINUTE))
            day += timedelta(days=1)
    count = (end - start) // TICK
    return {
        tick
        for begin, until in spans
        for tick in range(max(0, (begin - start) // TICK), min(count, (until - start) // TICK))
    }


def first_showing(day: date, minutes: int, zone: ZoneInfo) -> datetime:
    """The first moment at which the clock on the wall shows a time; later by as much as it jumped, if it never does."""
    wanted = datetime.combine(day, time()) + minutes * MINUTE
    around = datetime.combine(day, time(), UTC) + minutes * MINUTE
    for quarter in range(-15 * 4, 15 * 4):
        moment = around + quarter * 15 * MINUTE
        if moment.astimezone(zone).replace(tzinfo=None) == wanted:
            return moment
    before = (around - timedelta(days=1)).astimezone(zone).utcoffset()
    assert before is not None
    return around - before


# Probes: asked of every half minute.


@dataclass(frozen=True)
class Counted:
    up: int
    down: int
    planned: int
    unmeasured: int


def count(
    probes: Sequence[Probe], promised: AvailabilityTarget, excluded: set[int], start: datetime, end: datetime
) -> Counted:
    """What every half minute of a period is."""
    failed = {probe.at for probe in probes if not probe.is_up}
    moments = sorted({probe.at for probe in probes})
    longest = promised.every + (timedelta(seconds=90) if promised.probe else timedelta())
    found = {"up": 0, "down": 0, "planned": 0, "unmeasured": 0}
    spoken: dict[int, str] = {}
    for index, moment in enumerate(moments):
        until = min([moment + longest, *moments[index + 1 : index + 2]])
        for tick in range((moment - start) // TICK, (until - start) // TICK):
            spoken[tick] = called(moments, failed, index, promised.down_after)
    for tick in range((end - start) // TICK):
        found["planned" if tick in excluded else spoken.get(tick, "unmeasured")] += 1
    return Counted(**found)


def called(moments: Sequence[datetime], failed: set[datetime], index: int, down_after: int) -> str:
    """What a probe makes of the service."""
    if moments[index] not in failed:
        return "up"
    first = last = index
    while first > 0 and moments[first - 1] in failed:
        first -= 1
    while last + 1 < len(moments) and moments[last + 1] in failed:
        last += 1
    if last - first + 1 >= down_after:
        return "down"
    return "up" if last + 1 < len(moments) else "unmeasured"


@st.composite
def windows(draw: st.DrawFn, calendar: BusinessCalendar, start: datetime) -> BusinessCalendar:
    """The calendar with planned windows, some of which reach out of the month that begins at `start`."""
    recurring = st.builds(
        MaintenanceWindow,
        st.sampled_from(sorted(RULES)),
        st.sampled_from([0, 60, 105, 150, 180, 1380, 1425]),
        st.sampled_from([1, 60, 240, 1500]),
    )
    fixed = st.tuples(st.integers(-3000, 50_000).map(lambda minute: start + minute * MINUTE), st.integers(1, 3000)).map(
        lambda pair: (pair[0], pair[0] + pair[1] * MINUTE)
    )
    return replace(
        calendar,
        windows=tuple(draw(st.lists(recurring, max_size=2))),
        fixed_windows=tuple(draw(st.lists(fixed, max_size=2))),
    )


@st.composite
def bursts(draw: st.DrawFn, start: datetime, every: timedelta) -> list[Probe]:
    """Probes around a month: regular for a while, with failures, gaps, duplicates, and in no order."""
    probes: list[Probe] = []
    for _ in range(draw(st.integers(0, 6))):
        first = start + draw(st.integers(-120, 2 * 44_700)) * TICK
        signs = draw(st.lists(st.sampled_from("++++--"), min_size=1, max_size=40))
        step = every if draw(st.booleans()) else draw(st.integers(1, 40)) * TICK
        probes += [Probe(first + index * step, sign == "+") for index, sign in enumerate(signs)]
    again = draw(st.lists(st.sampled_from(probes), max_size=5)) if probes else []
    probes += [replace(probe, is_up=draw(st.booleans())) for probe in again]
    return draw(st.permutations(probes)) if len(probes) < 30 else probes[::-1]


@pytest.mark.parametrize(("zone", "month"), MONTHS)
@settings(max_examples=20)
@given(data=st.data())
def test_every_half_minute_of_a_month(zone: str, month: Month, data: Any) -> None:
    plain = a_contract(calendar=replace(BERLIN, timezone=zone, country="", subdivision="", special=()))
    if data.draw(st.booleans()):
        plain = replace(plain, since=date(month.year, month.number, 10), until=date(month.year, month.number, 28))
    span = month_span(plain, month)
    contract = replace(plain, calendar=data.draw(windows(plain.calendar, span.start)))
    every = data.draw(st.sampled_from([MINUTE, 5 * MINUTE, HOUR]))
    promised = AvailabilityTarget(
        "shop",
        Decimal("99.9"),
        "",
        every,
        exclude_windows=data.draw(st.booleans()),
        down_after=data.draw(st.integers(1, 3)),
        probe=data.draw(st.sampled_from([None, PORT])),
    )
    probes = data.draw(bursts(span.start, every))
    excluded = window_ticks(contract, span.start, span.end) if promised.exclude_windows else set()
    found = measure(contract, promised, probes, span.start, span.end)
    counted = count(probes, promised, excluded, span.start, span.end)
    assert (found.up, found.down, found.planned, found.unmeasured) == (
        *(counted.up * TICK, counted.down * TICK),
        *(counted.planned * TICK, counted.unmeasured * TICK),
    )
    assert found.up + found.down + found.planned + found.unmeasured == span.end - span.start
    assert sum((outage.end - outage.start for outage in found.outages), timedelta()) == found.down
    if promised.exclude_windows:
        assert sum((each.end - each.start for each in planned(contract, span.start, span.end)), timedelta()) == (
            found.planned
        )
    assert found.state is judged(counted, promised)


def judged(counted: Counted, promised: AvailabilityTarget) -> AvailabilityState:
    known, whole = counted.up + counted.down, counted.up + counted.down + counted.unmeasured
    if whole and Fraction(counted.up + counted.unmeasured, whole) * 100 < Fraction(promised.target):
        return AvailabilityState.MISSED
    if not known or Fraction(known, whole) * 100 < Fraction(promised.min_coverage):
        return AvailabilityState.NOT_ASSESSABLE
    is_met = Fraction(counted.up, known) * 100 >= Fraction(promised.target)
    return AvailabilityState.MET if is_met else AvailabilityState.MISSED


# At the edges.

START = at("2026-06-01T00:00+02:00")


def a_day(promised: AvailabilityTarget, probes: Sequence[Probe]) -> Availability:
    return measure(a_contract(), promised, probes, START, START + 1000 * MINUTE)


@pytest.mark.parametrize(
    ("unmeasured", "state"),
    [(9, AvailabilityState.MET), (10, AvailabilityState.MET), (11, AvailabilityState.NOT_ASSESSABLE)],
)
def test_coverage_at_its_very_minimum(unmeasured: int, state: AvailabilityState) -> None:
    promised = AvailabilityTarget("shop", Decimal(98), "", MINUTE, min_coverage=Decimal(99))
    found = a_day(promised, [Probe(START + minute * MINUTE, True) for minute in range(unmeasured, 1000)])
    assert (found.unmeasured, found.state) == (unmeasured * MINUTE, state)


@pytest.mark.parametrize(
    ("down", "unmeasured", "state"),
    [
        (10, 0, AvailabilityState.MET),
        (11, 0, AvailabilityState.MISSED),
        (10, 400, AvailabilityState.NOT_ASSESSABLE),
        (11, 400, AvailabilityState.MISSED),
    ],
)
def test_the_very_target_and_what_it_would_be_at_best(down: int, unmeasured: int, state: AvailabilityState) -> None:
    promised = AvailabilityTarget("shop", Decimal(99), "", MINUTE)
    minutes = range(1000 - unmeasured)
    assert a_day(promised, [Probe(START + at * MINUTE, at >= down) for at in minutes]).state is state


def test_what_file_and_store_both_hold_is_one_failure() -> None:
    """A probe that is imported and named as a file is one probe, and no row of two."""
    promised = AvailabilityTarget("shop", Decimal(99), "", MINUTE, down_after=2)
    once = [Probe(START + minute * MINUTE, minute != 500) for minute in range(1000)]
    assert a_day(promised, once * 2).down == timedelta()


def test_a_moment_at_which_both_was_seen_breaks_no_row() -> None:
    promised = AvailabilityTarget("shop", Decimal(99), "", MINUTE, down_after=3)
    seen = [Probe(START + minute * MINUTE, not 500 <= minute < 503) for minute in range(1000)]
    found = a_day(promised, [*seen, Probe(START + 501 * MINUTE, True)])
    assert found.down == 3 * MINUTE
    told = Probe(START + 500 * MINUTE, False, "refused")
    assert [outage.detail for outage in a_day(promised, [told, *seen]).outages] == ["refused"]


def test_a_period_that_is_planned_from_end_to_end_says_nothing() -> None:
    calendar = replace(BERLIN, fixed_windows=((START - HOUR, START + 1100 * MINUTE),))
    promised = AvailabilityTarget("shop", Decimal(99), "", MINUTE, exclude_windows=True)
    found = measure(a_contract(calendar=calendar), promised, [Probe(START, False)], START, START + 1000 * MINUTE)
    assert (found.planned, found.percent, found.coverage) == (1000 * MINUTE, None, None)
    assert (found.state, found.outages) == (AvailabilityState.NOT_ASSESSABLE, ())
