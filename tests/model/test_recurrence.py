"""Days that come back, held against dateutil's rules."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from itertools import takewhile

from dateutil.rrule import rrulestr
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from secaudit.model.recurrence import Frequency, Recurrence

weekdays = st.sampled_from(["MO", "TU", "WE", "TH", "FR", "SA", "SU"])
numbers = st.lists(st.integers(1, 12), max_size=2).map(lambda found: ",".join(map(str, found)))
month_days = st.lists(st.integers(1, 31) | st.integers(-31, -1), max_size=2).map(
    lambda found: ",".join(map(str, found))
)


@st.composite
def rules(draw: st.DrawFn) -> str:
    frequency = draw(st.sampled_from(Frequency))
    # Where some weekdays have a number and others none, dateutil takes what is both, and RFC 5545 what is either.
    is_short = frequency in (Frequency.DAILY, Frequency.WEEKLY)
    ordinal = st.just("") if is_short or draw(st.booleans()) else st.sampled_from(["1", "2", "-1", "5"])
    by_day = draw(st.lists(st.tuples(ordinal, weekdays).map("".join), max_size=2))
    parts = {
        "INTERVAL": str(draw(st.integers(1, 5))),
        "BYMONTH": draw(numbers),
        "BYMONTHDAY": "" if frequency is Frequency.WEEKLY else draw(month_days),
        "BYDAY": ",".join(by_day),
    }
    return ";".join([f"FREQ={frequency.value}", *(f"{name}={value}" for name, value in parts.items() if value)])


@settings(max_examples=100)
@given(text=rules(), since=st.dates(date(2023, 1, 1), date(2025, 12, 31)))
def test_a_rule_chooses_the_days_that_dateutil_finds(text: str, since: date) -> None:
    rule = Recurrence.parse(text)
    chosen = [day for offset in range(-40, 3000) if rule.matches(day := since + timedelta(days=offset), since)]
    # dateutil searches for the next day of a rule until the year 9999, so there must be one.
    last = since + timedelta(days=1000)
    assume(chosen and chosen[-1] > last)
    first = datetime(since.year, since.month, since.day)  # noqa: DTZ001 - rules are about local days
    found = takewhile(lambda moment: moment.date() <= last, rrulestr(text, dtstart=first))
    assert [moment.date() for moment in found] == [day for day in chosen if day <= last]


def test_weekdays_with_and_without_a_number_are_joined() -> None:
    rule = Recurrence.parse("FREQ=MONTHLY;BYDAY=1SU,FR")
    since = date(2026, 11, 1)
    november = [since + timedelta(days=offset) for offset in range(30)]
    assert [day.day for day in november if rule.matches(day, since)] == [1, 6, 13, 20, 27]


def test_a_rule_without_a_day_costs_nothing() -> None:
    empty = Recurrence.parse("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30")
    since = date(2026, 1, 1)
    assert not any(empty.matches(since + timedelta(days=offset), since) for offset in range(3000))
