"""Clocks across contracts: hours that change in the middle, held against a simulation; days, against plain dates."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import holidays
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secaudit.model.contract import BusinessCalendar, Opening
from secaudit.sla.calendar import DAY, ticks
from secaudit.sla.history import ContractHistory
from tests.sla.contracts import BERLIN, WORK, a_contract, at, business, business_days, days
from tests.sla.simulation import MINUTE, Simulation, simulate

CHANGE = date(2026, 7, 15)
LATE = BusinessCalendar("Europe/Berlin", ((Opening(600, 720), Opening(780, 1200)),) * 6 + ((),), "DE", "BE")
HISTORY = ContractHistory(
    [
        a_contract(until=date(2026, 5, 31)),
        a_contract(since=CHANGE, until=None, calendar=LATE),
    ]
)
"""Between June and the middle of July no contract is in force: the hours of the old one go on."""


@cache
def simulated() -> Simulation:
    closed = {region: holidays.country_holidays("DE", region, years=[2026]) for region in ("BY", "BE")}

    def hours(day: date) -> list[tuple[int, int]]:
        calendar = BERLIN if day < CHANGE else LATE
        special = {own.day: own.openings for own in calendar.special}
        openings = () if day in closed[calendar.subdivision] else calendar.week[day.weekday()]
        return [(opening.start, opening.end) for opening in special.get(day, openings)]

    return simulate(ZoneInfo("Europe/Berlin"), range(2026, 2027), hours)


minutes = st.integers(0, 365 * 1440 - 1)


@settings(max_examples=300)
@given(first=minutes, second=minutes)
def test_time_passes_by_the_hours_in_force(first: int, second: int) -> None:
    simulation = simulated()
    start, end = (simulation.begin + MINUTE * minute for minute in sorted((first, second)))
    hours, whole = HISTORY.clock(business(1)), HISTORY.clock(business_days(1))
    assert hours.passed(start, end) == simulation.passed(start, end) * 60_000_000
    assert abs(whole.passed(start, end) - simulation.days_passed(start, end) * DAY) <= 4


@settings(max_examples=300)
@given(first=minutes, amount=st.integers(1, 900))
def test_a_promise_that_runs_into_the_next_contract(first: int, amount: int) -> None:
    simulation = simulated()
    start = simulation.begin + MINUTE * first
    expected = simulation.after(start, amount * 60)
    found = HISTORY.clock(business(amount)).after(start, ticks(business(amount)))
    assert found is not None
    if expected is not None:
        assert found == expected


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/Santiago", "Australia/Lord_Howe", "Asia/Kathmandu"])
@settings(max_examples=100)
@given(minute=st.integers(0, 3 * 365 * 1440), amount=st.integers(1, 400))
def test_calendar_days_are_what_a_calendar_on_the_wall_says(zone: str, minute: int, amount: int) -> None:
    calendar = replace(BERLIN, timezone=zone)
    clock = ContractHistory([a_contract(calendar=calendar)]).clock(days(amount))
    found = at("2025-01-01T00:00Z") + MINUTE * minute
    begin = clock.begin(found)
    local = found.astimezone(ZoneInfo(zone)).date()
    assert begin == midnight(local + timedelta(days=1), zone)
    due = clock.after(begin, ticks(days(amount)))
    assert due is not None
    assert clock.close(due) == midnight(local + timedelta(days=1 + amount), zone)


def midnight(day: date, zone: str) -> datetime:
    """When a day begins: the first moment of which the local clock says that it belongs to it."""
    moment = datetime.combine(day, time(), UTC) - timedelta(hours=15)
    while moment.astimezone(ZoneInfo(zone)).date() < day:
        moment += timedelta(minutes=15)
    return moment


def test_which_contract_is_in_force() -> None:
    old, new = HISTORY.contracts
    assert HISTORY.at(at("2025-12-31T23:59+01:00")) is None
    assert HISTORY.at(at("2026-01-01T00:00+01:00")) is old
    assert HISTORY.at(at("2026-05-31T23:59+02:00")) is old
    assert HISTORY.at(at("2026-06-01T00:00+02:00")) is None
    assert HISTORY.at(at("2026-07-15T00:00+02:00")) is new
    assert not HISTORY.measures(at("2026-06-01T00:00+02:00"))
    assert HISTORY.measures(at("2026-07-15T00:00+02:00"))


def test_before_the_first_contract_its_own_hours_count() -> None:
    history = ContractHistory([a_contract(calendar=replace(BERLIN, week=(WORK,) * 7, country="", special=()))])
    passed = history.clock(business(1)).passed(at("2025-12-30T00:00+01:00"), at("2026-01-03T00:00+01:00"))
    assert timedelta(microseconds=passed) == timedelta(hours=4 * 9)
