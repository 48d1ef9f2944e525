"""What is recorded comes back."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from secaudit.model.answer import Reach
from secaudit.model.outcome import Outcome
from secaudit.model.request import Command
from secaudit.model.severity import Severity
from secaudit.store import FindingFilter, HostName, Store, StoreError, Tally
from secaudit.transcript import digest
from tests.store.scenes import DAY, DB, OTHER, START, WEB, a_result, a_run, a_transcript, record, scan, waived


def test_a_report_is_what_was_recorded(store: Store) -> None:
    run = a_run()
    store.begin(run, [WEB, DB])
    failed = replace(a_result(WEB), first_seen=START, due=START + DAY)
    hostile = replace(a_result(WEB, subject="nul \0 \ud800 \x1bjson:"), first_seen=START, observed="\0\ud800\U0010ffff")
    entry_db = record(store, run, DB, [])
    entry_web = record(store, run, WEB, [waived(failed), hostile])
    store.finish(replace(run, finished=START + DAY))
    report = store.report(run.id)
    assert report.run == replace(run, finished=START + DAY)
    assert report.hosts == (entry_web, entry_db), "in planned order, not in the order of completion"
    assert report.results == (waived(failed), hostile)
    assert [list(found.references) for found in report.results] == [["pci-4.0", "cis-v8"]] * 2, "order is kept"


def test_a_transcript_is_what_was_recorded(store: Store) -> None:
    scan(store, 0, WEB)
    stored = store.transcript("run-0", "muster", "web1")
    assert stored == a_transcript(WEB, START)
    assert [answer.request.timeout for answer in stored.answers] == [timedelta(seconds=30)] * 2 + [timedelta(minutes=5)]
    assert store.report("run-0").hosts[0].transcript == digest(stored)


def test_of_a_transcript_only_what_is_wanted_is_read(store: Store) -> None:
    scan(store, 0, WEB)
    whole = a_transcript(WEB, START)
    wanted = [whole.answers[2].request, Command(("uptime",)), Command(("never", "asked"))]
    found = store.transcript("run-0", "muster", "web1", wanted)
    assert found == replace(whole, answers=(whole.answers[0], whole.answers[2]))


def test_an_interrupted_run_knows_what_is_pending(store: Store) -> None:
    run = a_run()
    store.begin(run, [WEB, DB, OTHER])
    record(store, run, DB, [])
    assert store.pending(run.id) == (HostName("muster", "web1"), HostName("zettel", "web1"))
    store.finish(run)
    assert store.run(run.id).finished is None
    store.begin(run, [WEB, OTHER])
    record(store, run, WEB, [])
    record(store, run, OTHER, [])
    store.finish(replace(run, finished=START + DAY))
    assert store.pending(run.id) == ()
    assert [host.host for host in store.report(run.id).hosts] == ["web1", "db1", "web1"]
    (overview,) = store.runs()
    assert (overview.planned, overview.recorded, overview.run.finished) == (3, 3, START + DAY)


def test_a_host_is_recorded_once_per_run(store: Store) -> None:
    scan(store, 0, WEB, a_result(WEB))
    with pytest.raises(StoreError, match="holds muster/web1 in the run run-0 already"):
        record(store, a_run(), WEB, [])
    assert len(store.report("run-0").results) == 1


def test_a_record_that_names_another_transcript_is_refused(store: Store) -> None:
    run = a_run()
    store.begin(run, [WEB])
    entry = record(store, run, WEB, [])
    with pytest.raises(ValueError, match="names the transcript"):
        store.record(run, replace(entry, transcript="00" * 32), [], a_transcript(WEB, START))


def test_runs_come_newest_first_and_by_customer(store: Store) -> None:
    for day, host in enumerate((WEB, OTHER, DB)):
        scan(store, day, host)
    assert [found.run.id for found in store.runs()] == ["run-2", "run-1", "run-0"]
    assert [found.run.id for found in store.runs("muster")] == ["run-2", "run-0"]
    assert [found.run.id for found in store.runs(limit=1)] == ["run-2"]
    latest = store.latest_run("zettel")
    assert latest is not None
    assert latest.id == "run-1"


def test_an_empty_store_says_so(store: Store) -> None:
    assert store.latest_run() is None
    assert store.runs() == ()
    assert store.customers() == ()
    assert store.finding("0" * 32) is None
    for ask in (store.run, store.report, store.pending):
        with pytest.raises(StoreError, match="the store holds no run 'run-9'"):
            ask("run-9")
    with pytest.raises(StoreError, match="no transcript of muster/web1"):
        store.transcript("run-9", "muster", "web1")


def test_overviews_show_the_newest_scan_of_each_host(store: Store) -> None:
    scan(store, 0, WEB, a_result(WEB), a_result(WEB, subject="tcp/9090"))
    scan(store, 1, WEB, waived(a_result(WEB)), a_result(WEB, "ssh", "", Outcome.PASSED))
    scan(store, 2, DB, a_result(DB, outcome=Outcome.UNPROVEN), reach=Reach.UNREACHABLE)
    scan(store, 3, OTHER)
    db, web, other = store.hosts()
    assert (web.run, web.scanned, web.record.os_id) == ("run-1", START + DAY, "debian")
    assert web.tallies == (
        Tally("network", Outcome.FAILED, Severity.HIGH, True, 1),
        Tally("network", Outcome.PASSED, Severity.HIGH, False, 1),
    )
    assert (db.record.status, other.tallies) == (Reach.UNREACHABLE, ())
    muster, zettel = store.customers()
    assert (muster.customer, muster.name, muster.hosts) == ("muster", "Muster", 2)
    assert (muster.complete, muster.partial, muster.unreachable) == (1, 0, 1)
    assert sum(part.count for part in muster.tallies) == 3
    assert muster.scanned == START + DAY
    assert zettel.hosts == 1
    assert [found.subject for found in store.host_results("muster", "web1")] == ["tcp/8080", ""]
    assert len(store.host_results("muster", "web1", "run-0")) == 2
    assert store.host_results("muster", "nobody") == ()


def test_the_newest_complete_transcripts_can_be_evaluated_again(store: Store) -> None:
    scan(store, 0, WEB)
    scan(store, 1, WEB)
    scan(store, 2, WEB, reach=Reach.PARTIAL)
    scan(store, 3, DB, reach=Reach.UNREACHABLE)
    scan(store, 4, OTHER)
    assert list(store.latest_transcripts()) == [a_transcript(WEB, START + DAY), a_transcript(OTHER, START + 4 * DAY)]
    assert [found.customer for found in store.latest_transcripts("zettel")] == ["zettel"]


def test_a_narrow_scan_settles_findings_and_does_not_stand_for_the_host(store: Store) -> None:
    scan(store, 0, WEB, a_result(WEB), a_result(WEB, "ssh", "", Outcome.PASSED))
    narrow = replace(a_run(1), narrow=True)
    store.begin(narrow, [WEB])
    record(store, narrow, WEB, [a_result(WEB, outcome=Outcome.PASSED)])
    assert store.count(FindingFilter(customer="muster")) == 0
    (web,) = store.hosts()
    assert web.run == "run-0"
    assert list(store.latest_transcripts()) == [a_transcript(WEB, START)]
    assert len(store.report("run-1").results) == 1


def test_a_narrow_scan_of_a_new_host_is_better_than_none(store: Store) -> None:
    narrow = replace(a_run(), narrow=True)
    store.begin(narrow, [WEB])
    record(store, narrow, WEB, [a_result(WEB)])
    (web,) = store.hosts()
    assert web.run == "run-0"
