"""Of which month a report is due: days that a month lacks, time zones, contracts that begin and end."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secaudit.model.contract import Contract, ReportRules
from secaudit.model.hours import Month
from secaudit.sla.reporting import covering, due_at, due_month, over_at
from tests.sla.contracts import BERLIN, a_contract

SECOND = timedelta(seconds=1)


def contract(
    day: int = 1, zone: str = "Europe/Berlin", since: date = date(2020, 1, 1), until: date | None = None
) -> Contract:
    calendar = replace(BERLIN, timezone=zone)
    return replace(a_contract(), calendar=calendar, since=since, until=until, report=ReportRules(day=day))


@pytest.mark.parametrize(
    ("day", "zone", "month", "expected"),
    [
        (1, "Europe/Berlin", Month(2026, 10), datetime(2026, 10, 31, 23, tzinfo=UTC)),
        (1, "Europe/Berlin", Month(2026, 5), datetime(2026, 5, 31, 22, tzinfo=UTC)),
        (31, "UTC", Month(2026, 1), datetime(2026, 2, 28, tzinfo=UTC)),
        (31, "UTC", Month(2028, 1), datetime(2028, 2, 29, tzinfo=UTC)),
        (31, "UTC", Month(2026, 12), datetime(2027, 1, 31, tzinfo=UTC)),
        (30, "UTC", Month(2026, 3), datetime(2026, 4, 30, tzinfo=UTC)),
        (1, "Pacific/Kiritimati", Month(2026, 10), datetime(2026, 10, 31, 10, tzinfo=UTC)),
        (1, "America/Los_Angeles", Month(2026, 10), datetime(2026, 11, 1, 7, tzinfo=UTC)),
    ],
)
def test_a_report_is_due_as_its_day_begins_where_the_customer_is(
    day: int, zone: str, month: Month, expected: datetime
) -> None:
    mine = contract(day, zone)
    assert due_at(mine, month) == expected
    assert due_month([mine], expected) == month
    assert due_month([mine], expected - SECOND) == month.previous, "until then the month before is made up for"


def test_what_was_missed_stays_due_until_the_next_month_is() -> None:
    mine = contract(day=15)
    days = [datetime(2026, 11, 15, tzinfo=UTC) + timedelta(days=count) for count in range(1, 29)]
    assert {due_month([mine], now) for now in days} == {Month(2026, 10)}
    assert due_month([mine], datetime(2026, 12, 15, tzinfo=UTC)) == Month(2026, 11)


def test_a_contract_has_reports_of_its_own_months_only() -> None:
    autumn = contract(since=date(2026, 10, 15), until=date(2026, 11, 2))
    assert covering([autumn], Month(2026, 9)) is None
    assert due_month([autumn], datetime(2026, 10, 20, tzinfo=UTC)) is None
    assert due_month([autumn], datetime(2026, 11, 20, tzinfo=UTC)) == Month(2026, 10)
    assert due_month([autumn], datetime(2026, 12, 20, tzinfo=UTC)) == Month(2026, 11)
    assert due_month([autumn], datetime(2027, 3, 1, tzinfo=UTC)) is None
    assert due_month([], datetime(2026, 11, 20, tzinfo=UTC)) is None


def test_the_contract_of_the_month_says_when_it_is_due() -> None:
    old = contract(day=5, until=date(2026, 10, 31))
    new = contract(day=20, since=date(2026, 11, 1))
    assert covering([old, new], Month(2026, 10)) is old
    assert due_month([old, new], datetime(2026, 11, 6, tzinfo=UTC)) == Month(2026, 10)
    assert due_month([old, new], datetime(2026, 12, 6, tzinfo=UTC)) == Month(2026, 10)
    assert due_month([old, new], datetime(2026, 12, 21, tzinfo=UTC)) == Month(2026, 11)


@given(
    st.integers(1, 31),
    st.sampled_from(["UTC", "Europe/Berlin", "Pacific/Kiritimati", "Pacific/Pago_Pago"]),
    st.datetimes(datetime(2021, 1, 1), datetime(2035, 1, 1)),  # noqa: DTZ001 - the zone is put on below
)
def test_a_due_month_is_over_its_day_has_come_and_the_next_ones_has_not(day: int, zone: str, moment: datetime) -> None:
    mine, now = contract(day, zone), moment.replace(tzinfo=UTC)
    month = due_month([mine], now)
    assert month is not None
    assert over_at(mine, month) <= due_at(mine, month) <= now < due_at(mine, month.following)
