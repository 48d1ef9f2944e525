"""Business time, held against a minute-by-minute simulation over years, and the moments where clocks are changed."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import holidays
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secaudit.model.contract import BusinessCalendar, Opening, SpecialDay
from secaudit.sla.calendar import DAY, TICK, Ruler, local_moment
from tests.sla.simulation import MINUTE, Simulation, simulate

YEARS = range(2025, 2027)
WORK, SHORT, NIGHT = (
    (Opening(480, 1020),),
    (Opening(480, 720), Opening(780, 900)),
    (Opening(0, 360), Opening(1200, 1440)),
)

ZONES = {
    "Europe/Berlin": ("DE", "BY"),
    "America/New_York": ("US", "NY"),
    "Australia/Lord_Howe": ("AU", "NSW"),  # changes its clocks by half an hour
    "America/Santiago": ("CL", ""),  # changes them at midnight
}


def a_calendar(zone: str) -> BusinessCalendar:
    country, region = ZONES[zone]
    return BusinessCalendar(
        timezone=zone,
        # Saturday and Sunday nights hold every change of clocks.
        week=(WORK, WORK, WORK, WORK, SHORT, NIGHT, NIGHT),
        country=country,
        subdivision=region,
        special=(SpecialDay(date(2025, 12, 24), ()), SpecialDay(date(2026, 12, 31), (Opening(480, 720),))),
    )


@cache
def simulated(zone: str) -> tuple[Simulation, Ruler, Ruler]:
    calendar = a_calendar(zone)
    closed = holidays.country_holidays(calendar.country, calendar.subdivision or None, years=list(YEARS))
    special = {day.day: day.openings for day in calendar.special}

    def hours(day: date) -> list[tuple[int, int]]:
        openings = special.get(day, () if day in closed else calendar.week[day.weekday()])
        return [(opening.start, opening.end) for opening in openings]

    return simulate(ZoneInfo(zone), YEARS, hours), Ruler(calendar), Ruler(calendar, by_day=True)


minutes = st.integers(0, 2 * 365 * 1440 - 1)


@pytest.mark.parametrize("zone", ZONES)
@settings(max_examples=300)
@given(first=minutes, second=minutes)
def test_open_time_between_two_moments(zone: str, first: int, second: int) -> None:
    simulation, hours, days = simulated(zone)
    start, end = (simulation.begin + MINUTE * at for at in sorted((first, second)))
    assert hours.passed(start, end) == simulation.passed(start, end) * 60_000_000
    assert abs(days.passed(start, end) - simulation.days_passed(start, end) * DAY) <= 2
    assert hours.passed(end, start) == 0


@pytest.mark.parametrize("zone", ZONES)
@settings(max_examples=300)
@given(first=minutes, amount=st.integers(1, 400 * 60))
def test_when_open_time_is_used_up(zone: str, first: int, amount: int) -> None:
    simulation, hours, _ = simulated(zone)
    start = simulation.begin + MINUTE * first
    expected = simulation.after(start, amount)
    found = hours.after(start, amount * 60_000_000)
    assert found is not None
    if expected is not None:
        assert found == expected
    else:
        assert found >= local_moment(date(YEARS.stop, 1, 1), 0, hours.zone)


@pytest.mark.parametrize("zone", ZONES)
@settings(max_examples=200)
@given(first=minutes, microsecond=st.integers(0, 59_999_999), amount=st.integers(1, 200 * DAY))
def test_adding_and_measuring_are_inverse(zone: str, first: int, microsecond: int, amount: int) -> None:
    simulation, *rulers = simulated(zone)
    start = simulation.begin + MINUTE * first + TICK * microsecond
    for ruler in rulers:
        end = ruler.after(start, amount)
        assert end is not None
        assert end > start
        assert ruler.passed(start, end) >= amount
        assert ruler.passed(start, end - TICK) < amount, "there is no earlier such moment"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def test_the_published_example() -> None:
    ruler = Ruler(BusinessCalendar("Europe/Berlin", (WORK,) * 5 + ((), ()), "DE", "BY"))
    start, end = at("2026-12-23T16:00+01:00"), at("2026-12-28T10:00+01:00")
    assert timedelta(microseconds=ruler.passed(start, end)) == timedelta(hours=12)


def test_a_night_shift_is_an_hour_longer_or_shorter_when_clocks_change() -> None:
    ruler = Ruler(BusinessCalendar("Europe/Berlin", ((Opening(0, 360),),) * 7))
    lengths = {
        day: timedelta(microseconds=ruler.passed(local_moment(day, 0, ruler.zone), local_moment(day, 1440, ruler.zone)))
        for day in (date(2026, 3, 29), date(2026, 6, 1), date(2026, 10, 25))
    }
    assert list(lengths.values()) == [timedelta(hours=hours) for hours in (5, 6, 7)]


def test_an_opening_in_the_hour_that_is_skipped_is_read_with_the_offset_before() -> None:
    zone = ZoneInfo("Europe/Berlin")
    assert local_moment(date(2026, 3, 29), 150, zone) == at("2026-03-29T03:30+02:00")
    swallowed = Ruler(BusinessCalendar("Europe/Berlin", ((Opening(150, 180),),) * 7))
    day = date(2026, 3, 29)
    assert swallowed.passed(local_moment(day, 0, zone), local_moment(day, 1440, zone)) == 0


def test_of_two_moments_with_one_local_time_the_first_counts() -> None:
    assert local_moment(date(2026, 10, 25), 150, ZoneInfo("Europe/Berlin")) == at("2026-10-25T02:30+02:00")


def test_a_deadline_falls_on_closing_time_rather_than_the_next_morning() -> None:
    ruler = Ruler(a_calendar("Europe/Berlin"))
    assert ruler.after(at("2026-11-24T16:00+01:00"), 3_600_000_000) == at("2026-11-24T17:00+01:00")


def test_a_business_day_is_a_day_whatever_its_length() -> None:
    ruler = Ruler(BusinessCalendar("Europe/Berlin", (*(WORK,) * 4, SHORT, (), ())), by_day=True)
    thursday = at("2026-11-26T12:30+01:00")  # half of nine hours
    assert ruler.after(thursday, DAY) == at("2026-11-27T11:00+01:00")  # half of six hours
    assert ruler.after(thursday, 2 * DAY) == at("2026-11-30T12:30+01:00")


def test_a_calendar_that_never_opens_reaches_nothing() -> None:
    ruler = Ruler(BusinessCalendar("UTC", ((),) * 7))
    assert ruler.after(at("2026-01-01T00:00Z"), 1) is None
    assert ruler.after(at("2026-01-01T00:00Z"), 0) == at("2026-01-01T00:00Z")
