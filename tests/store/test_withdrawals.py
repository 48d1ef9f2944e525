"""A run that is taken back: the store becomes what the other runs make of it, and says who took it back and why."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secaudit.model.answer import Reach
from secaudit.model.outcome import Outcome
from secaudit.model.sla import EventKind, FindingEvent
from secaudit.store import FindingFilter, FindingState, Store, StoreError, open_store
from tests.store.scenes import DAY, DB, START, WEB, a_result, a_run, record, scan, waived

PORT, OTHER_PORT, NEW = (a_result(WEB, subject=subject) for subject in ("tcp/8080", "tcp/9090", "tcp/7070"))
CLOSED = a_result(WEB, subject="tcp/8080", outcome=Outcome.PASSED)
FUTURE = 400


def withdraw(store: Store, day: int, at: datetime = START + 3 * DAY) -> int:
    """Take back the run of a day."""
    return store.withdraw(f"run-{day}", "anna", "the clock was 400 days ahead", at)


def content(store: Store) -> Mapping[str, Any]:
    """Everything that readers may see, without the numbers of rows."""
    events = store.all_events("muster")
    return {
        "findings": store.findings(FindingFilter(state=FindingState.ALL)),
        "events": {key: sorted(map(repr, value)) for key, value in _without_numbers(events).items()},
        "hosts": store.hosts(),
        "runs": store.runs(),
        "latest": store.latest_run(),
        "history": store.history(PORT.fingerprint),
        "scans": store.scans("muster", START - DAY, START + 10_000 * DAY),
        "scans_of": store.scans_of("muster", "web1"),
        "reach": store.reach_change("muster", "web1"),
        "results": store.host_results("muster", "web1"),
        "transcripts": list(store.latest_transcripts()),
        "sightings": store.sightings([PORT.fingerprint], START - DAY, START + 10_000 * DAY),
        "complete": store.complete_scans("muster", "web1", START - DAY, START + 10_000 * DAY),
    }


def _without_numbers(events: Mapping[str, tuple[FindingEvent, ...]]) -> dict[str, list[tuple[object, ...]]]:
    return {
        key: [(one.kind, one.at, one.severity, one.outcome, one.until, one.author, one.note) for one in found]
        for key, found in events.items()
    }


def test_a_run_of_the_future_freezes_its_hosts_until_it_is_withdrawn(store: Store) -> None:
    scan(store, 0, WEB, PORT, OTHER_PORT)
    scan(store, FUTURE, WEB, CLOSED, OTHER_PORT, NEW)
    scan(store, 1, WEB, PORT)
    latest = store.latest_run()
    assert latest is not None
    assert latest.id == f"run-{FUTURE}"
    assert withdraw(store, FUTURE) == 1
    latest = store.latest_run()
    assert latest is not None
    assert latest.id == "run-1"
    (still,) = store.findings(FindingFilter())
    assert (still.fingerprint, still.opened, still.last_run, still.reopened) == (PORT.fingerprint, START, "run-1", 0)
    assert store.finding(NEW.fingerprint) is None
    gone = store.finding(OTHER_PORT.fingerprint)
    assert gone is not None
    assert gone.resolved == START + DAY, "the scan that was frozen counts now"
    scan(store, 2, WEB, CLOSED, NEW)
    assert [found.fingerprint for found in store.findings(FindingFilter())] == [NEW.fingerprint]
    assert store.verify_chain().breaches == ()


def test_the_run_stays_and_nobody_takes_it_for_one(store: Store) -> None:
    scan(store, 0, WEB, PORT)
    scan(store, FUTURE, WEB, CLOSED)
    withdraw(store, FUTURE)
    (told,) = store.withdrawals()
    assert (told.run, told.author, told.reason) == (f"run-{FUTURE}", "anna", "the clock was 400 days ahead")
    assert told.started == START + FUTURE * DAY
    assert store.transcript(f"run-{FUTURE}", "muster", "web1").opened == START + FUTURE * DAY, "it is not thrown away"
    for use in (
        lambda: store.report(f"run-{FUTURE}"),
        lambda: store.report_of(f"run-{FUTURE}", {"muster"}),
        lambda: store.pending(f"run-{FUTURE}"),
        lambda: withdraw(store, FUTURE),
    ):
        with pytest.raises(StoreError, match="was withdrawn on 2026-11-23 by anna: the clock was 400 days ahead"):
            use()
    with pytest.raises(StoreError, match="was withdrawn while it went on"):
        record(store, a_run(FUTURE), DB, [])
    with pytest.raises(StoreError, match="holds no run 'run-77'"):
        withdraw(store, 77)


def test_a_host_that_no_other_run_knows(store: Store) -> None:
    scan(store, FUTURE, WEB, PORT)
    withdraw(store, FUTURE)
    assert store.hosts() == ()
    assert store.customers() == ()
    assert store.host_results("muster", "web1") == ()
    assert list(store.latest_transcripts()) == []
    assert store.reach_change("muster", "web1") is None
    assert store.verify_chain().breaches == ()
    scan(store, 0, WEB, PORT, reach=Reach.PARTIAL)
    assert [found.run for found in store.hosts()] == ["run-0"]
    assert [found.last_run for found in store.findings(FindingFilter())] == ["run-0"]
    assert list(store.latest_transcripts()) == []


def test_what_people_did_with_a_finding_of_the_run_stays(store: Store) -> None:
    scan(store, 0, WEB)
    scan(store, FUTURE, WEB, NEW)
    store.add_event(FindingEvent(NEW.fingerprint, EventKind.NOTED, START + DAY, author="ben", note="who is that?"))
    withdraw(store, FUTURE)
    found = store.finding(NEW.fingerprint)
    assert found is not None
    assert (found.resolved, found.opened) == (START + 3 * DAY, START + 3 * DAY)
    assert [event.note for event in store.events(NEW.fingerprint)] == ["who is that?"]


def test_a_withdrawal_that_is_changed_behind_our_back_is_a_breach(path: Path, store: Store) -> None:
    scan(store, 0, WEB, PORT)
    scan(store, FUTURE, WEB, CLOSED)
    withdraw(store, FUTURE)
    assert store.verify_chain().breaches == ()
    store.close()
    for change in ("UPDATE withdrawal SET author = 'ben'", "DELETE FROM withdrawal"):
        with closing(sqlite3.connect(path)) as raw:
            raw.execute(change)
            raw.commit()
        with open_store(str(path)) as again:
            assert [found.run for found in again.verify_chain().breaches] == [f"run-{FUTURE}"]


def test_a_withdrawal_is_whole_or_not_at_all(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    scan(store, 0, WEB, PORT)
    scan(store, FUTURE, WEB, CLOSED)
    before = content(store)

    def fail(*_: object) -> None:
        raise RuntimeError("killed")

    monkeypatch.setattr("secaudit.store.withdrawals.link_work", fail)
    with pytest.raises(RuntimeError):
        withdraw(store, FUTURE)
    monkeypatch.undo()
    assert content(store) == before
    assert store.withdrawals() == ()


@pytest.mark.parametrize(("author", "reason"), [("", "why"), ("anna", "")])
def test_a_withdrawal_says_who_and_why(store: Store, author: str, reason: str) -> None:
    scan(store, 0, WEB, PORT)
    with pytest.raises(ValueError, match="needs an author and a reason"):
        store.withdraw("run-0", author, reason, START)


RESULTS = st.lists(
    st.builds(
        lambda subject, outcome, under: (
            waived(a_result(WEB, "ports", subject, outcome)) if under else a_result(WEB, "ports", subject, outcome)
        ),
        st.sampled_from(["tcp/1", "tcp/2", "tcp/3"]),
        st.sampled_from([Outcome.FAILED, Outcome.UNPROVEN, Outcome.PASSED]),
        st.booleans(),
    ),
    max_size=3,
    unique_by=lambda result: result.fingerprint,
)
REACHES = st.sampled_from([Reach.COMPLETE, Reach.COMPLETE, Reach.PARTIAL])
SCANS = st.lists(st.tuples(RESULTS, REACHES), max_size=4)


@settings(max_examples=15, deadline=None)
@given(
    before=SCANS,
    wrong=st.tuples(RESULTS, REACHES),
    after=SCANS,
    ahead=st.sampled_from([0, FUTURE]),
    narrow=st.booleans(),
)
def test_the_store_is_as_if_the_run_had_never_been(
    tmp_path_factory: pytest.TempPathFactory, before: Any, wrong: Any, after: Any, ahead: int, narrow: bool
) -> None:
    """With the clock ahead, and with a run that is taken back for any other reason."""
    directory = tmp_path_factory.mktemp("stores")
    with open_store(str(directory / "with.sqlite")) as one, open_store(str(directory / "without.sqlite")) as other:
        for store in (one, other):
            for day, (results, reach) in enumerate(before):
                scan(store, day, WEB, *results, reach=reach)
        wrong_day = len(before) + ahead
        run = replace(a_run(wrong_day), narrow=narrow)
        one.begin(run, [WEB])
        record(one, run, WEB, wrong[0], wrong[1])
        for store in (one, other):
            for day, (results, reach) in enumerate(after, len(before) + 1):
                scan(store, day, WEB, *results, reach=reach)
        withdraw(one, wrong_day, START + 10 * DAY)
        assert one.verify_chain().breaches == ()
        mine, theirs = content(one), content(other)
        # What the scans after it knew of its findings stays in their results, as they were stored.
        for one_of in (mine, theirs):
            del one_of["results"]  # type: ignore[attr-defined]
        assert mine == theirs
        scan(one, 20, WEB, PORT)
        scan(other, 20, WEB, PORT)
        assert content(one)["findings"] == content(other)["findings"]
        assert content(one)["events"] == content(other)["events"]
