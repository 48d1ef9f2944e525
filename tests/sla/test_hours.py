"""The hours ledger: what a month makes of included, carried, used and converted time."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secaudit.model.contract import Conversion, Resources
from secaudit.model.hours import Account, HoursStatement, Month, WorkEntry, WorkKind
from secaudit.sla.hours import statements
from tests.sla.contracts import a_contract

PLAIN = Resources(600, "ledger.csv", carry_cap=1200, carry_months=3)


def work(day: str, minutes: int, kind: WorkKind = WorkKind.SUPPORT) -> WorkEntry:
    return WorkEntry(date.fromisoformat(day), minutes, kind)


DECEMBER = Month(2026, 12)


def months(resources: Resources, *entries: WorkEntry, until: Month = DECEMBER) -> list[HoursStatement]:
    return list(statements(a_contract(resources=resources), entries, until))


def closings(found: list[HoursStatement]) -> list[int]:
    return [statement.support.closing for statement in found]


def test_unused_time_is_carried_up_to_its_cap_and_age() -> None:
    no_cap = replace(PLAIN, carry_cap=None)
    assert closings(months(no_cap, until=Month(2026, 6))) == [600, 1200, 1800, 1800, 1800, 1800]
    assert closings(months(PLAIN, until=Month(2026, 4))) == [600, 1200, 1200, 1200]
    third = months(PLAIN, until=Month(2026, 3))[-1]
    assert third.support == Account(1200, 600, 0, 0, 600, 0, 1200)


def test_what_expires_first_is_used_first() -> None:
    no_cap = replace(PLAIN, carry_cap=None)
    found = months(no_cap, work("2026-04-02", 700), until=Month(2026, 5))
    assert [statement.support.expired for statement in found] == [0, 0, 0, 0, 500]
    assert closings(found) == [600, 1200, 1800, 1700, 1800]


def test_without_a_carry_the_month_is_all_there_is() -> None:
    found = months(Resources(600, "l"), work("2026-01-05", 100), work("2026-02-01", 700), until=Month(2026, 2))
    assert found[0].support == Account(0, 600, 100, 100, 500, 0, 0)
    assert found[1].support == Account(0, 600, 700, 600, 0, 0, 0)
    assert (found[0].support.overdrawn, found[1].support.overdrawn) == (0, 100)


def test_a_renewal_within_a_month_begins_with_what_the_contract_before_left_over() -> None:
    def opens(resources: Resources) -> list[Account]:
        renewed = a_contract(since=date(2026, 6, 16), resources=replace(resources, opening=980))
        return [one.support for one in statements(renewed, [work("2026-06-20", 700)], Month(2026, 9))]

    carried = opens(PLAIN)
    assert (carried[0].opening, carried[0].covered, carried[0].closing) == (980, 700, 880)
    assert [one.expired for one in carried] == [0, 280, 600, 600], "what is above the cap goes, that of May first"
    alone = opens(Resources(600, "l"))
    assert (alone[0].opening, alone[0].covered, alone[0].closing) == (980, 700, 0)


def test_unused_time_becomes_development_time() -> None:
    resources = replace(PLAIN, conversion=Conversion(Decimal("1.2"), after_months=1, step=15))
    found = months(
        resources,
        work("2026-01-10", 50),
        work("2026-02-10", 30, WorkKind.DEVELOPMENT),
        work("2026-03-10", 100, WorkKind.DEVELOPMENT),
        until=Month(2026, 3),
    )
    january, february, march = found
    assert january.support == Account(0, 600, 50, 50, 0, 0, 550)
    assert february.support == Account(550, 600, 0, 0, 0, 550, 600)
    # 550 minutes are worth 660, which are 44 steps; what is worked before they are there is overdrawn.
    assert february.development == Account(0, 660, 30, 0, 0, 0, 660)
    assert (february.rounded, february.development.overdrawn) == (0, 30)
    assert march.development == Account(660, 720, 100, 100, 0, 0, 1280)


def test_converted_time_is_rounded_down_and_lapses() -> None:
    conversion = Conversion(Decimal(1), after_months=0, step=60, expires_months=2)
    found = months(Resources(100, "l", conversion=conversion), until=Month(2026, 4))
    assert [(statement.support.converted, statement.rounded) for statement in found] == [(100, 40)] * 4
    assert [statement.development.closing for statement in found] == [60, 120, 120, 120]
    assert [statement.development.expired for statement in found] == [0, 0, 60, 60]


def test_only_the_contract_s_own_days_count() -> None:
    contract = a_contract(resources=PLAIN, since=date(2026, 3, 15), until=date(2026, 5, 10))
    entries = [work(day, 10) for day in ("2026-03-14", "2026-03-15", "2026-05-10", "2026-05-11")]
    found = statements(contract, entries, Month(2027, 1))
    assert [(str(statement.month), statement.support.used) for statement in found] == [
        ("2026-03", 10),
        ("2026-04", 0),
        ("2026-05", 10),
    ]
    assert statements(contract, entries, Month(2026, 2)) == ()


def test_a_contract_without_hours_has_no_statements() -> None:
    with pytest.raises(ValueError, match="includes no hours"):
        statements(a_contract(), [], Month(2026, 1))


@settings(max_examples=200)
@given(
    included=st.integers(0, 2000),
    cap=st.none() | st.integers(0, 3000),
    carry=st.integers(0, 6),
    conversion=st.none()
    | st.builds(
        Conversion,
        st.decimals("0.1", "3", places=2),
        st.integers(0, 6),
        st.integers(1, 120),
        st.none() | st.integers(1, 6),
    ),
    worked=st.lists(
        st.builds(
            WorkEntry,
            st.integers(0, 364).map(lambda days: date(2026, 1, 1) + timedelta(days=days)),
            st.integers(1, 1500),
            st.sampled_from(WorkKind),
        ),
        max_size=20,
    ),
)
def test_every_minute_is_accounted_for(
    included: int, cap: int | None, carry: int, conversion: Conversion | None, worked: list[WorkEntry]
) -> None:
    found = months(Resources(included, "l", cap, carry, conversion), *worked)
    assert len(found) == 12
    carried = {"support": 0, "development": 0}
    for statement in found:
        for name, account in (("support", statement.support), ("development", statement.development)):
            parts = (account.covered, account.expired, account.converted, account.closing)
            assert account.opening + account.gained == sum(parts), name
            assert min(*parts, account.overdrawn, account.gained) >= 0, name
            assert account.opening == carried[name], name
            carried[name] = account.closing
        if cap is not None:
            assert statement.support.closing <= cap
        if conversion is None:
            assert statement.development.gained == statement.support.converted == 0
        else:
            worth = int(statement.support.converted * conversion.factor)
            assert statement.development.gained + statement.rounded == worth
            assert statement.development.gained % conversion.step == 0
    used = sum(entry.minutes for entry in worked)
    assert used == sum(statement.support.used + statement.development.used for statement in found)
