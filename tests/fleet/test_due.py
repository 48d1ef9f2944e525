"""Firings in their own zone, and a missed one caught up once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secaudit.fleet.due import next_firings, owed
from secaudit.model.schedule import Schedule


def schedule(cron: str = "0 2 * * *", timezone: str = "Europe/Vienna") -> Schedule:
    return Schedule("nightly", cron, timezone, "/inventory.yaml")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_firings_are_local_times() -> None:
    assert next_firings(schedule(), utc("2026-07-01T12:00"), 2) == (utc("2026-07-02T00:00"), utc("2026-07-03T00:00"))
    assert next_firings(schedule(), utc("2026-11-24T12:00"), 1) == (utc("2026-11-25T01:00"),)


def test_a_time_in_the_spring_gap_fires_right_after_it() -> None:
    assert next_firings(schedule("30 2 * * *"), utc("2026-03-28T12:00"), 1) == (utc("2026-03-29T01:00"),)


def test_a_time_that_exists_twice_fires_once() -> None:
    assert next_firings(schedule("30 2 * * *"), utc("2026-10-24T12:00"), 2) == (
        utc("2026-10-25T00:30"),
        utc("2026-10-26T01:30"),
    )


@pytest.mark.parametrize(
    ("handled", "now", "expected"),
    [
        ("2026-11-23T01:00", "2026-11-24T00:59", None),
        ("2026-11-23T01:00", "2026-11-24T01:00", "2026-11-24T01:00"),
        ("2026-11-23T01:00", "2026-11-24T09:00", "2026-11-24T01:00"),
        ("2026-11-10T01:00", "2026-11-24T09:00", "2026-11-24T01:00"),
        ("2026-11-24T01:00", "2026-11-24T09:00", None),
    ],
    ids=["not yet", "to the minute", "late", "two weeks missed", "done"],
)
def test_only_the_newest_missed_firing_is_owed(handled: str, now: str, expected: str | None) -> None:
    assert owed(schedule(), utc(handled), utc(now)) == (utc(expected) if expected else None)


@given(
    minutes=st.integers(0, 3 * 365 * 24 * 60),
    steps=st.lists(st.integers(1, 3000), max_size=20),
    zone=st.sampled_from(["UTC", "Europe/Vienna", "America/New_York", "Australia/Lord_Howe"]),
)
def test_however_often_we_look_each_firing_is_handled_once(minutes: int, steps: list[int], zone: str) -> None:
    plan = schedule("15 */6 * * *", zone)
    start = utc("2025-01-01T00:00") + timedelta(minutes=minutes)
    handled, now, done = start, start, []
    for step in steps:
        now += timedelta(minutes=step)
        firing = owed(plan, handled, now)
        if firing is not None:
            assert handled < firing <= now
            handled = firing
            done.append(firing)
        assert owed(plan, handled, now) is None
    assert done == sorted(set(done))
