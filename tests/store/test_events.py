"""Events of findings: what scans leave behind, what people may add, and what an upgrade makes of older stores."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from secaudit.model.answer import Reach
from secaudit.model.outcome import Outcome
from secaudit.model.severity import Severity
from secaudit.model.sla import EventKind, FindingEvent, withdrawals
from secaudit.store import Store, StoreError, open_store
from tests.store.scenes import DAY, DB, OTHER, START, WEB, a_result, scan, waived
from tests.store.test_migrations import migrated

FAILED = a_result(WEB)
UNPROVEN = replace(a_result(WEB, outcome=Outcome.UNPROVEN), severity=Severity.MEDIUM)
PASSED = a_result(WEB, outcome=Outcome.PASSED)
PRINT = FAILED.fingerprint


def kinds(store: Store) -> list[tuple[EventKind, int]]:
    """Kind and day of every event of the finding."""
    return [(event.kind, (event.at - START).days) for event in store.events(PRINT)]


def by_anna(kind: EventKind, day: float, **values: object) -> FindingEvent:
    event = FindingEvent(PRINT, kind, START + day * DAY, author="anna")
    return replace(event, **values)  # type: ignore[arg-type]  # fields of the event


def test_a_whole_life_and_a_second_one(store: Store) -> None:
    scan(store, 0, WEB, UNPROVEN)
    scan(store, 1, WEB, UNPROVEN)
    scan(store, 2, WEB, FAILED)
    scan(store, 3, WEB, UNPROVEN)
    scan(store, 4, WEB, FAILED)
    scan(store, 5, WEB, replace(FAILED, severity=Severity.CRITICAL))
    scan(store, 6, WEB, PASSED)
    scan(store, 7, WEB, PASSED)
    scan(store, 8, WEB, FAILED)
    assert kinds(store) == [
        (EventKind.FOUND, 0),
        (EventKind.PROVEN, 2),
        (EventKind.PROVEN, 4),
        (EventKind.REGRADED, 5),
        (EventKind.RESOLVED, 6),
        (EventKind.REOPENED, 8),
    ]
    found, proven, *_, resolved, reopened = store.events(PRINT)
    assert (found.severity, found.outcome) == (Severity.MEDIUM, Outcome.UNPROVEN)
    assert (proven.severity, proven.outcome) == (Severity.HIGH, Outcome.FAILED)
    assert resolved.outcome is Outcome.PASSED
    assert (reopened.severity, reopened.outcome) == (Severity.HIGH, Outcome.FAILED)


@pytest.mark.parametrize("reach", [Reach.PARTIAL, Reach.UNREACHABLE])
def test_only_a_complete_scan_resolves(store: Store, reach: Reach) -> None:
    scan(store, 0, WEB, FAILED)
    scan(store, 1, WEB, PASSED, reach=reach)
    scan(store, 2, WEB, UNPROVEN)
    assert kinds(store) == [(EventKind.FOUND, 0)]


def test_waivers_begin_change_and_end(store: Store) -> None:
    under = waived(FAILED)
    assert under.waiver is not None
    longer = replace(under, waiver=replace(under.waiver, expires=START + 60 * DAY))
    for day, result in enumerate((under, under, longer, FAILED, FAILED, PASSED, under)):
        scan(store, day, WEB, result)
    assert kinds(store) == [
        (EventKind.FOUND, 0),
        (EventKind.WAIVED, 0),
        (EventKind.WAIVED, 2),
        (EventKind.UNWAIVED, 3),
        (EventKind.RESOLVED, 5),
        (EventKind.REOPENED, 6),
        (EventKind.WAIVED, 6),
    ]
    first = store.events(PRINT)[1]
    assert (first.until, first.author, first.note) == (START + 30 * DAY, "anna@provider.example", "migration")


def test_a_waiver_of_one_life_says_nothing_about_the_next(store: Store) -> None:
    for day, result in enumerate((waived(FAILED), PASSED, waived(FAILED), FAILED)):
        scan(store, day, WEB, result)
    assert [kind for kind, _ in kinds(store)] == [
        EventKind.FOUND,
        EventKind.WAIVED,
        EventKind.RESOLVED,
        EventKind.REOPENED,
        EventKind.WAIVED,
        EventKind.UNWAIVED,
    ]


def test_events_of_a_customer_and_of_a_host(store: Store) -> None:
    other = a_result(DB)
    scan(store, 0, WEB, FAILED)
    scan(store, 1, DB, other)
    store.add_event(by_anna(EventKind.NOTED, 2, note="looked at it"))
    everything = store.all_events(WEB.customer)
    assert {fingerprint: len(events) for fingerprint, events in everything.items()} == {PRINT: 2, other.fingerprint: 1}
    assert store.all_events(WEB.customer, "db1") == {other.fingerprint: store.events(other.fingerprint)}
    assert store.all_events("nobody") == {}


def test_what_people_add_is_kept_as_it_is(store: Store) -> None:
    scan(store, 0, WEB, FAILED)
    pause = by_anna(EventKind.PAUSED, 2, reason="vendor_fix", until=START + 9 * DAY, note="ticket \x00 5")
    added = [by_anna(EventKind.ACKNOWLEDGED, 1), pause, by_anna(EventKind.RESUMED, 3)]
    for event in added:
        store.add_event(event)
    assert list(store.events(PRINT)[1:]) == added


def test_what_does_not_fit_is_refused(store: Store) -> None:
    pause = by_anna(EventKind.PAUSED, 2, reason="vendor_fix", until=START + 5 * DAY)
    with pytest.raises(StoreError, match="knows no finding"):
        store.add_event(pause)
    scan(store, 0, WEB, FAILED)
    with pytest.raises(StoreError, match="is not paused"):
        store.add_event(by_anna(EventKind.RESUMED, 1))
    store.add_event(by_anna(EventKind.ACKNOWLEDGED, 1))
    with pytest.raises(StoreError, match=r"was acknowledged by anna on 2026-11-\d\d \d\d:\d\d UTC"):
        store.add_event(by_anna(EventKind.ACKNOWLEDGED, 2))
    store.add_event(pause)
    with pytest.raises(StoreError, match="is paused already until"):
        store.add_event(replace(pause, at=START + 3 * DAY))
    store.add_event(replace(pause, at=START + 5 * DAY, until=START + 6 * DAY))
    with pytest.raises(StoreError, match="is not paused"):
        store.add_event(by_anna(EventKind.RESUMED, 6))
    scan(store, 7, WEB, PASSED)
    with pytest.raises(StoreError, match="is resolved"):
        store.add_event(by_anna(EventKind.ACKNOWLEDGED, 8))
    store.add_event(by_anna(EventKind.NOTED, 8, note="good"))
    scan(store, 9, WEB, FAILED)
    store.add_event(by_anna(EventKind.ACKNOWLEDGED, 10))


def test_what_was_acknowledged_or_noted_can_be_taken_back(store: Store) -> None:
    """By events of its own: nothing of the history goes away."""
    scan(store, 0, WEB, FAILED)
    noted = store.add_event(by_anna(EventKind.NOTED, 1, note="wrong host"))
    taken = store.add_event(by_anna(EventKind.ACKNOWLEDGED, 2))
    assert store.handling()[PRINT].acknowledged_by == "anna"
    back = by_anna(EventKind.WITHDRAWN, 3, withdraws=taken)
    store.add_event(back)
    store.add_event(replace(back, withdraws=noted))
    assert store.handling()[PRINT].acknowledged_by == ""
    assert [event.note for event in store.events(PRINT) if event.kind is EventKind.NOTED] == ["wrong host"]
    assert {by.author for by in withdrawals(store.events(PRINT)).values()} == {"anna"}
    with pytest.raises(StoreError, match=r"had that taken back by anna on 2026-11-\d\d"):
        store.add_event(back)
    again = store.add_event(by_anna(EventKind.ACKNOWLEDGED, 4))
    assert store.handling()[PRINT].acknowledged_by == "anna"
    for number in (0, 999, store.events(PRINT)[0].number):
        with pytest.raises(StoreError, match=f"has no acknowledgement or note {number}"):
            store.add_event(replace(back, withdraws=number))
    scan(store, 5, WEB, PASSED)
    with pytest.raises(StoreError, match="what was acknowledged is over"):
        store.add_event(by_anna(EventKind.WITHDRAWN, 6, withdraws=again))
    store.add_event(
        by_anna(EventKind.WITHDRAWN, 6, withdraws=store.add_event(by_anna(EventKind.NOTED, 6, note="gone")))
    )
    scan(store, 7, WEB, FAILED)
    with pytest.raises(StoreError, match="came back since it was acknowledged"):
        store.add_event(by_anna(EventKind.WITHDRAWN, 8, withdraws=again))


def test_nothing_of_another_finding_is_taken_back(store: Store) -> None:
    other = a_result(DB)
    scan(store, 0, WEB, FAILED)
    scan(store, 0, DB, other)
    theirs = store.add_event(replace(by_anna(EventKind.ACKNOWLEDGED, 1), fingerprint=other.fingerprint))
    with pytest.raises(StoreError, match="has no acknowledgement or note"):
        store.add_event(by_anna(EventKind.WITHDRAWN, 2, withdraws=theirs))


@pytest.mark.parametrize(
    "event",
    [
        by_anna(EventKind.RESOLVED, 1),
        by_anna(EventKind.NOTED, 1, author=""),
        by_anna(EventKind.PAUSED, 1, until=START + DAY),
        by_anna(EventKind.PAUSED, 1, reason="vendor_fix"),
    ],
)
def test_what_no_command_line_may_send(store: Store, event: FindingEvent) -> None:
    scan(store, 0, WEB, FAILED)
    with pytest.raises(ValueError, match=r"not for people|needs a reason"):
        store.add_event(event)
    assert kinds(store) == [(EventKind.FOUND, 0)]


def test_an_older_store_begins_with_what_is_known(path: Path) -> None:
    migrated(path, "0001")
    engine = create_engine(f"sqlite:///{path}")
    rows = [
        ("a" * 32, "failed", None),
        ("b" * 32, "unproven", None),
        ("c" * 32, "passed", "2026-11-02 00:00:00.000000"),
    ]
    with engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO run VALUES ('r', '2026-11-01 00:00:00.000000', NULL, '0', '[]', '[]')")
        connection.exec_driver_sql("INSERT INTO blob VALUES (1, x'00', x'00')")
        connection.exec_driver_sql(
            "INSERT INTO scan VALUES (1, 'r', 'c', 'h', 's', '', '', 'complete', '', '', '', "
            "'2026-11-01 00:00:00.000000', 1, '[]')"
        )
        connection.exec_driver_sql("INSERT INTO host VALUES ('c', 'h', 1, 1)")
        for fingerprint, outcome, resolved in rows:
            connection.exec_driver_sql(
                "INSERT INTO finding VALUES (?, 'c', 'h', 's', 'x', 'x.y', 'x', '', '', '', 1, ?, NULL, 0, ?, ?, ?, "
                "'r', NULL, ?, 0, '')",
                (fingerprint, outcome, *("2026-11-01 00:00:00.000000",) * 3, resolved),
            )
    engine.dispose()
    with open_store(str(path)) as store:
        events = store.all_events("c")
    shown = {key[0]: [(event.kind, event.at.day, event.outcome) for event in found] for key, found in events.items()}
    assert shown == {
        "a": [(EventKind.FOUND, 1, Outcome.FAILED)],
        "b": [(EventKind.FOUND, 1, Outcome.UNPROVEN)],
        "c": [(EventKind.FOUND, 1, Outcome.FAILED), (EventKind.RESOLVED, 2, Outcome.PASSED)],
    }
    assert all(found[0].severity is Severity.HIGH for found in events.values())
    assert events["a" * 32][0].at.utcoffset() == timedelta()


def test_findings_that_came_back_were_open_in_each_of_their_lives(store: Store) -> None:
    """Day by day, for one that came and went three times beside one that stays and one of another customer."""
    seen = (FAILED, PASSED, PASSED, UNPROVEN, FAILED, PASSED, FAILED)
    for day, result in enumerate(seen):
        scan(store, day, WEB, result)
    scan(store, 0, DB, a_result(DB))
    scan(store, 2, OTHER, a_result(OTHER))
    noons = [START + (day + 0.5) * DAY for day in range(-1, len(seen) + 1)]
    counted = store.open_at(noons)
    own = [result.outcome is not Outcome.PASSED for result in seen]
    assert counted["muster"] == (0, *(1 + is_open for is_open in own), 1 + own[-1])
    assert counted["zettel"] == (0, 0, 0, *[1] * (len(noons) - 3))
    assert store.open_at([START])["muster"] == (2,)
