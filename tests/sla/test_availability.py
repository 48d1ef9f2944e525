"""Availability from probes: what was measured, what was planned, and what nobody knows."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secaudit.model.availability import Availability, AvailabilityState, Probe, show_percent
from secaudit.model.contract import AvailabilityTarget, MaintenanceWindow
from secaudit.model.hours import Month
from secaudit.sla.availability import measure, month_span
from secaudit.sla.windows import Span, joined, length, planned, without
from tests.sla.contracts import BERLIN, HOUR, a_contract, at

MINUTE = timedelta(minutes=1)
START = at("2026-10-01T00:00+02:00")
SHOP = AvailabilityTarget("shop", Decimal("99.9"), "shop.csv", 5 * MINUTE, Decimal(99))
CONTRACT = a_contract()


def probes(minutes: range, *, down: range = range(0)) -> list[Probe]:
    return [Probe(START + minute * MINUTE, minute not in down) for minute in minutes]


def shop(found: list[Probe], hours: int = 100, promised: AvailabilityTarget = SHOP) -> Availability:
    return measure(CONTRACT, promised, found, START, START + hours * HOUR)


def test_a_whole_month_of_probes() -> None:
    found = shop(probes(range(0, 6000, 5), down=range(100, 106)))
    assert (found.up, found.down) == (99 * HOUR + 50 * MINUTE, 10 * MINUTE)
    assert (found.planned, found.unmeasured) == (timedelta(), timedelta())
    assert found.percent == Fraction(5990, 60)
    assert show_percent(Fraction(5990, 60)) == "99.833"
    assert found.state is AvailabilityState.MISSED
    assert found.coverage == Fraction(100)
    assert shop(probes(range(0, 6000, 5), down=range(100, 101))).state is AvailabilityState.MET


def test_the_target_itself_is_met_and_a_hair_below_is_not() -> None:
    assert shop(probes(range(0, 6000, 1), down=range(6))).percent == Fraction("99.9")
    assert shop(probes(range(0, 6000, 1), down=range(6))).state is AvailabilityState.MET
    below = shop(probes(range(0, 6000, 1), down=range(7)))
    assert below.percent is not None
    assert (below.state, show_percent(below.percent, 1)) == (AvailabilityState.MISSED, "99.8")


def test_time_without_probes_is_unmeasured_and_never_up() -> None:
    gap = [probe for probe in probes(range(0, 6000, 5)) if not 1000 <= (probe.at - START) // MINUTE < 1070]
    found = shop(gap)
    assert found.unmeasured == 70 * MINUTE
    assert found.percent == Fraction(100)
    assert found.state is AvailabilityState.NOT_ASSESSABLE
    assert found.lowest == Fraction(5930, 60)
    assert shop(gap, promised=replace(SHOP, min_coverage=Decimal(98))).state is AvailabilityState.MET


def test_nothing_at_all_proves_nothing() -> None:
    found = shop([])
    assert found.percent is None
    assert (str(found.lowest), str(found.highest), str(found.coverage)) == ("0", "100", "0")
    assert found.state is AvailabilityState.NOT_ASSESSABLE
    assert measure(CONTRACT, SHOP, [], START, START).state is AvailabilityState.NOT_ASSESSABLE


def test_what_is_missed_anyway_is_missed_without_coverage() -> None:
    found = shop(probes(range(0, 60, 5), down=range(60)))
    assert found.down == HOUR
    assert found.highest == Fraction(99)
    assert found.state is AvailabilityState.MISSED


def test_of_two_probes_at_one_moment_the_one_that_failed_counts() -> None:
    both = [Probe(START, False), Probe(START, True)]
    assert shop(both).down == shop(both[::-1]).down == 5 * MINUTE


def test_a_probe_from_before_the_period_speaks_into_it() -> None:
    found = shop([Probe(START - 2 * MINUTE, True), Probe(START + 100 * HOUR - MINUTE, False)])
    assert (found.up, found.down) == (3 * MINUTE, MINUTE)


WINDOWED = a_contract(calendar=replace(BERLIN, windows=(MaintenanceWindow("FREQ=MONTHLY;BYDAY=1SU", 120, 240),)))


def test_planned_windows_are_taken_out_of_everything() -> None:
    month = month_span(WINDOWED, Month(2026, 10))
    window = Span(at("2026-10-04T02:00+02:00"), at("2026-10-04T06:00+02:00"))
    assert planned(WINDOWED, month.start, month.end) == (window,)
    down = [Probe(window.start + minutes * MINUTE, False) for minutes in range(0, 245, 5)]
    excluding = replace(SHOP, exclude_windows=True)
    found = measure(WINDOWED, excluding, down, month.start, month.end)
    assert (found.planned, found.down, found.up) == (4 * HOUR, 5 * MINUTE, timedelta())
    assert found.planned + found.down + found.unmeasured == month.end - month.start
    assert measure(WINDOWED, SHOP, down, month.start, month.end).planned == timedelta()


def test_months_are_local_and_cut_to_the_contract() -> None:
    october = month_span(CONTRACT, Month(2026, 10))
    assert october.end - october.start == timedelta(days=31, hours=1), "clocks go back"
    part = a_contract(since=date(2026, 10, 10), until=date(2026, 10, 20))
    assert month_span(part, Month(2026, 10)) == Span(at("2026-10-10T00:00+02:00"), at("2026-10-21T00:00+02:00"))
    empty = month_span(part, Month(2026, 12))
    assert empty.start == empty.end


def test_a_window_over_the_change_of_clocks_keeps_its_length() -> None:
    contract = a_contract(calendar=replace(BERLIN, windows=(MaintenanceWindow("FREQ=DAILY", 60, 180),)))
    found = planned(contract, at("2026-10-25T00:00+02:00"), at("2026-10-26T00:00+01:00"))
    assert found == (Span(at("2026-10-25T01:00+02:00"), at("2026-10-25T03:00+01:00")),)


def test_windows_that_touch_are_one_and_one_may_reach_into_the_period() -> None:
    windows = (MaintenanceWindow("FREQ=DAILY", 1380, 120), MaintenanceWindow("FREQ=DAILY", 60, 60))
    contract = a_contract(calendar=replace(BERLIN, windows=windows))
    found = planned(contract, at("2026-06-02T00:00+02:00"), at("2026-06-03T00:00+02:00"))
    assert found == (
        Span(at("2026-06-02T00:00+02:00"), at("2026-06-02T02:00+02:00")),
        Span(at("2026-06-02T23:00+02:00"), at("2026-06-03T00:00+02:00")),
    )


moments = st.integers(0, 300).map(lambda minute: START + minute * MINUTE)
spans = st.lists(st.tuples(moments, st.integers(1, 60)), max_size=12).map(
    lambda pairs: joined(Span(begin, begin + minutes * MINUTE) for begin, minutes in pairs)
)


def minutes_of(whole: tuple[Span, ...]) -> set[datetime]:
    return {span.start + index * MINUTE for span in whole for index in range((span.end - span.start) // MINUTE)}


@settings(max_examples=200)
@given(whole=spans, holes=spans)
def test_cutting_holes_is_taking_minutes_away(whole: tuple[Span, ...], holes: tuple[Span, ...]) -> None:
    left = without(whole, holes)
    assert minutes_of(left) == minutes_of(whole) - minutes_of(holes)
    assert length(left) == len(minutes_of(left)) * MINUTE
    assert joined(left) == left


@pytest.mark.parametrize(
    ("value", "shown"), [(Fraction(100), "100.000"), (Fraction(999999, 10000), "99.999"), (Fraction(0), "0.000")]
)
def test_a_percentage_is_never_rounded_up(value: Fraction, shown: str) -> None:
    assert show_percent(value) == shown
