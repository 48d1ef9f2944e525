"""The hours ledger over years, held against one that looks at every single minute."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secaudit.model.contract import Conversion, Resources
from secaudit.model.hours import Account, HoursStatement, Month, WorkEntry, WorkKind
from secaudit.sla.hours import statements
from tests.sla.contracts import a_contract

FIRST, LAST = Month(2025, 11), Month(2028, 4)
"""Two and a half years with three ends of years and a leap day."""

LEAST = date(2025, 11, 1)
DAYS = (date(2028, 4, 30) - LEAST).days


@dataclass
class Minutes:
    """Unused minutes, each as the number of the month that it was gained in, the oldest first."""

    support: list[int]
    development: list[int]


def month_end(have: Minutes, month: int, resources: Resources) -> tuple[int, int, int, int, int]:
    """Look at each minute: what expires, is converted, and what comes out of it, is lost in rounding, or lapses."""
    conversion = resources.conversion
    kept: list[int] = []
    expired = converted = gained = rounded = lapsed = 0
    if conversion is not None and conversion.expires_months is not None:
        alive = [minute for minute in have.development if month - minute < conversion.expires_months]
        lapsed = len(have.development) - len(alive)
        have.development = alive
    for minute in have.support:
        age = month - minute
        if conversion is not None and age >= conversion.after_months:
            converted += 1
        elif age >= resources.carry_months:
            expired += 1
        else:
            kept.append(minute)
    if conversion is not None:
        worth = Fraction(converted) * Fraction(conversion.factor)
        steps = worth // conversion.step
        gained = int(steps) * conversion.step
        rounded = int(worth) - gained
    while resources.carry_cap is not None and len(kept) > resources.carry_cap:
        kept.pop(0)
        expired += 1
    have.support = kept
    have.development += [month] * gained
    return expired, converted, gained, rounded, lapsed


def by_the_minute(resources: Resources, entries: list[WorkEntry]) -> list[HoursStatement]:
    have = Minutes([], [])
    found: list[HoursStatement] = []
    month = FIRST
    while month <= LAST:
        opening, spare = len(have.support), len(have.development)
        have.support += [month.index] * resources.included
        used = dict.fromkeys(WorkKind, 0)
        covered = dict.fromkeys(WorkKind, 0)
        for entry in entries:
            if (entry.day.year, entry.day.month) == (month.year, month.number):
                pile = have.support if entry.kind is WorkKind.SUPPORT else have.development
                used[entry.kind] += entry.minutes
                covered[entry.kind] += len(pile[: entry.minutes])
                del pile[: entry.minutes]
        expired, converted, gained, rounded, lapsed = month_end(have, month.index, resources)
        found.append(
            HoursStatement(
                month,
                Account(
                    opening,
                    resources.included,
                    used[WorkKind.SUPPORT],
                    covered[WorkKind.SUPPORT],
                    expired,
                    converted,
                    len(have.support),
                ),
                Account(
                    spare,
                    gained,
                    used[WorkKind.DEVELOPMENT],
                    covered[WorkKind.DEVELOPMENT],
                    lapsed,
                    0,
                    len(have.development),
                ),
                rounded,
            )
        )
        month = month.following
    return found


conversions = st.builds(
    Conversion,
    st.decimals("0.01", "3", places=2).filter(bool),
    st.integers(0, 5),
    st.integers(1, 30),
    st.none() | st.integers(1, 5),
)
resources = st.builds(
    Resources,
    st.integers(0, 60),
    st.just("l"),
    st.none() | st.integers(0, 150),
    st.integers(0, 6),
    st.none() | conversions,
)
borders = st.sampled_from(
    [date(2025, 12, 31), date(2026, 1, 1), date(2026, 2, 28), date(2028, 2, 29), date(2028, 3, 1), date(2028, 4, 30)]
)
entries = st.lists(
    st.builds(
        WorkEntry,
        borders | st.integers(0, DAYS).map(lambda days: LEAST + timedelta(days=days)),
        st.integers(1, 120),
        st.sampled_from(WorkKind),
    ),
    max_size=30,
)


@settings(max_examples=150)
@given(promised=resources, worked=entries)
def test_every_month_is_what_its_minutes_say(promised: Resources, worked: list[WorkEntry]) -> None:
    contract = a_contract(resources=promised, since=LEAST, until=date(2028, 4, 30))
    found = list(statements(contract, worked, LAST))
    assert found == by_the_minute(promised, worked)
    assert list(statements(contract, worked[::-1], LAST)) == found, "the order of lines changes nothing"
    for statement in found:
        for account in (statement.support, statement.development):
            parts = (account.opening, account.gained, account.used, account.covered, account.expired)
            numbers = (*parts, account.converted, account.closing, account.overdrawn, statement.rounded)
            assert all(type(number) is int and number >= 0 for number in numbers)
            assert account.opening + account.gained == (
                account.covered + account.expired + account.converted + account.closing
            )
            is_short = account.used > account.opening + (account.gained if account is statement.support else 0)
            assert (account.overdrawn > 0) == is_short, "what there was not enough of is never silent"


@settings(max_examples=60)
@given(promised=resources, other=resources, worked=entries, change=st.integers(1, DAYS - 1))
def test_a_change_of_contract_begins_anew_and_loses_no_work(
    promised: Resources, other: Resources, worked: list[WorkEntry], change: int
) -> None:
    day = LEAST + timedelta(days=change)
    old = a_contract(resources=promised, since=LEAST, until=day - timedelta(days=1))
    new = a_contract(resources=other, since=day, until=None)
    before, after = (list(statements(contract, worked, LAST)) for contract in (old, new))
    assert before[-1].month == Month.of(day - timedelta(days=1))
    assert after[0].month == Month.of(day)
    assert (after[0].support.opening, after[0].development.opening) == (0, 0)
    used = sum(each.support.used + each.development.used for each in (*before, *after))
    assert used == sum(entry.minutes for entry in worked)
    if day.day == 1:
        assert {each.month for each in before}.isdisjoint(each.month for each in after)


@pytest.mark.parametrize("factor", ["0.1", "0.3333", "1.1", "2.675"])
@pytest.mark.parametrize("minutes", [1, 3, 59, 100, 1440, 44640])
def test_converted_minutes_are_cut_off_and_never_floating(factor: str, minutes: int) -> None:
    conversion = Conversion(Decimal(factor), after_months=0, step=1)
    contract = a_contract(resources=Resources(minutes, "l", None, 1, conversion))
    first, *_ = statements(contract, [], Month(2026, 1))
    assert first.development.gained == minutes * Fraction(factor) // 1
