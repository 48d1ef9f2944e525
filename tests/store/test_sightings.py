"""What scans said about results over time, asked for many at once."""

from __future__ import annotations

from datetime import timedelta

from secaudit.model.month import Sighting
from secaudit.model.outcome import Outcome
from secaudit.store import Store
from tests.store.scenes import DB, START, WEB, a_result, scan


def test_many_results_are_asked_for_at_once_and_none_is_lost(store: Store) -> None:
    many = [a_result(WEB, "listening", f"tcp/{port}", Outcome.PASSED) for port in range(1200)]
    scan(store, 0, WEB, *many)
    scan(store, 1, WEB, a_result(WEB, "listening", "tcp/7"), *many[8:])
    scan(store, 2, DB, a_result(DB))
    wanted = [one.fingerprint for one in many]
    seen = store.sightings([*wanted, "0" * 32], START, START + timedelta(days=9))
    assert sorted(seen) == sorted([*wanted, "0" * 32])
    assert seen["0" * 32] == ()
    assert seen[wanted[7]] == (Sighting(START, Outcome.PASSED), Sighting(START + timedelta(days=1), Outcome.FAILED))
    assert sum(map(len, seen.values())) == 1200 + 1193


def test_the_end_of_the_time_is_not_part_of_it(store: Store) -> None:
    scan(store, 0, WEB, a_result(WEB))
    scan(store, 1, WEB, a_result(WEB))
    one = a_result(WEB).fingerprint
    assert len(store.sightings([one], START, START + timedelta(days=1))[one]) == 1
    assert store.sightings([], START, START + timedelta(days=1)) == {}
