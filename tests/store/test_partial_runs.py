"""Re-checks and scans for some controls are marked, and never taken for the newest scan."""

from __future__ import annotations

from dataclasses import replace

import pytest

from secaudit.cli.exits import CommandError, Exit
from secaudit.cli.stored import whole_run
from secaudit.model.answer import Reach
from secaudit.model.outcome import Outcome
from secaudit.model.result import Result
from secaudit.model.run import RunInfo
from secaudit.store import Store, open_store
from tests.store.scenes import DAY, DB, START, WEB, a_result, a_run, record, scan


def partial(
    store: Store, day: int, *results: Result, reach: Reach = Reach.COMPLETE, narrow: bool = True, recheck: bool = True
) -> RunInfo:
    """A re-check of the web server."""
    run = replace(a_run(day), narrow=narrow, recheck=recheck)
    store.begin(run, [WEB])
    record(store, run, WEB, results, reach)
    store.finish(replace(run, finished=run.started + DAY / 24))
    return run


def test_the_marks_are_kept(store: Store) -> None:
    partial(store, 0, a_result(WEB))
    read = store.run("run-0")
    assert (read.narrow, read.recheck, read.is_whole) == (True, True, False)
    assert scan(store, 1, WEB).is_whole
    assert store.run("run-1").is_whole


@pytest.mark.parametrize(("narrow", "recheck"), [(True, False), (True, True), (False, True)])
def test_the_newest_scan_is_the_newest_whole_one(store: Store, narrow: bool, recheck: bool) -> None:
    whole = scan(store, 0, WEB, a_result(WEB), a_result(WEB, "ssh", ""))
    later = partial(store, 1, a_result(WEB), narrow=narrow, recheck=recheck)
    assert store.latest_run("muster") == store.latest_run() == whole
    assert [report.run.id for report in store.checked_since(whole, "muster")] == [later.id]
    assert store.checked_since(whole, "zettel") == ()
    assert store.checked_since(scan(store, 2, WEB)) == ()


def test_where_there_is_no_whole_scan_nothing_stands_for_one(store: Store) -> None:
    with pytest.raises(CommandError, match="holds no run of customer 'muster' yet"):
        whole_run(store, "muster")
    partial(store, 0, a_result(WEB))
    assert store.latest_run() is None
    with pytest.raises(CommandError, match=r"only re-checks and scans for some controls.*--run run-0") as refused:
        whole_run(store, None)
    assert refused.value.exit is Exit.INCOMPLETE


def test_the_history_of_a_host_has_its_whole_scans(store: Store) -> None:
    partial(store, 0, a_result(WEB))
    assert [one.run for one in store.scans_of("muster", "web1")] == ["run-0"], "better than none"
    scan(store, 1, WEB, reach=Reach.PARTIAL)
    partial(store, 2, a_result(WEB))
    assert [one.run for one in store.scans_of("muster", "web1")] == ["run-1"]
    assert [(one.run, one.narrow) for one in store.scans("muster", START, START + 9 * DAY)] == [
        ("run-0", True),
        ("run-1", False),
        ("run-2", True),
    ]
    changed = store.reach_change("muster", "web1")
    assert changed is not None
    assert changed[0].status is Reach.PARTIAL, "that one control could be asked does not make the host whole again"
    assert store.complete_scans("muster", "web1", START, START + 9 * DAY) == 0


def test_a_run_counts_the_hosts_that_it_read_to_the_end(store: Store) -> None:
    partial(store, 0, a_result(WEB, outcome=Outcome.UNPROVEN), reach=Reach.UNREACHABLE)
    run = a_run(1)
    store.begin(run, [WEB, DB])
    record(store, run, WEB, [], Reach.PARTIAL)
    record(store, run, DB, [])
    assert [(one.planned, one.recorded, one.complete) for one in store.runs()] == [(2, 2, 1), (1, 1, 0)]


def test_who_changes_a_mark_is_noticed(store: Store, path: object) -> None:
    import sqlite3

    scan(store, 0, WEB)
    partial(store, 1)
    assert store.verify_chain().breaches == ()
    store.close()
    with sqlite3.connect(str(path)) as database:
        database.execute("UPDATE run SET narrow = 1 - narrow, recheck = 0")
    database.close()
    with open_store(str(path)) as opened:
        assert {breach.run for breach in opened.verify_chain().breaches} == {"run-0", "run-1"}
