"""What the overview tells beside clocks: backups that are not fresh, and waivers that end soon."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from secaudit.model.outcome import Outcome
from secaudit.store import Store
from tests.store.scenes import DAY, DB, START, WEB, a_result, scan, waived


def test_open_findings_of_a_family_come_by_age(store: Store) -> None:
    backup = replace(a_result(DB, "fresh", "shop-db"), family="backup", first_seen=START)
    scan(store, 0, DB, backup)
    scan(store, 1, WEB, a_result(WEB), replace(a_result(WEB, "fresh", "files"), family="backup"))
    found = store.open_lines(None, "backup", 10)
    assert [(line.host, line.subject) for line in found] == [("db1", "shop-db"), ("web1", "files")]
    scan(store, 2, DB, replace(backup, outcome=Outcome.PASSED))
    assert [line.subject for line in store.open_lines("muster", "backup", 10)] == ["files"]
    assert store.open_lines("zettel", "backup", 10) == []


def test_waivers_come_by_when_they_end_and_only_while_they_hold(store: Store) -> None:
    scan(store, 0, WEB, waived(a_result(WEB)), a_result(WEB, subject="tcp/22"))
    ((line, until),) = store.ending_waivers(None, START + 60 * DAY, 10)
    assert (line.subject, until) == ("tcp/8080", START + 30 * DAY)
    assert store.ending_waivers(None, until - timedelta(seconds=1), 10) == []
    assert store.ending_waivers("zettel", START + 60 * DAY, 10) == []
    scan(store, 1, WEB, a_result(WEB))
    assert store.ending_waivers(None, START + 60 * DAY, 10) == []
