"""The chain over what scans store: whatever is changed behind our back is named."""

from __future__ import annotations

import hashlib
import sqlite3
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from secaudit.store import Store
from tests.store.scenes import DB, START, WEB, a_result, a_run, record, scan


@pytest.fixture
def filled(store: Store) -> Store:
    """Three runs: two of one host, and one of two hosts with three results."""
    scan(store, 0, WEB, a_result(WEB))
    scan(store, 1, WEB, a_result(WEB))
    run = a_run(2)
    store.begin(run, [WEB, DB])
    record(store, run, WEB, [a_result(WEB), a_result(WEB, subject="tcp/8080")])
    record(store, run, DB, [a_result(DB)])
    store.finish(replace(run, finished=START))
    return store


def _tamper(path: Path, statement: str) -> None:
    with sqlite3.connect(path) as connection:
        assert connection.execute(statement).rowcount > 0
    connection.close()


def test_what_nobody_touched_is_whole(filled: Store) -> None:
    verdict = filled.verify_chain()
    assert (verdict.breaches, verdict.older, verdict.scans) == ((), 0, 4)
    assert verdict.head == filled.chain_head()


def test_an_empty_store_has_no_chain(store: Store) -> None:
    assert store.chain_head() is None
    assert store.verify_chain().breaches == ()


@pytest.mark.parametrize(
    ("statement", "where", "what"),
    [
        ("UPDATE result SET outcome = 'passed' WHERE position = 1", "run run-2, muster/web1", "result was changed"),
        ("UPDATE result SET severity = 4 WHERE position = 1", "tcp/8080", "result was changed"),
        (
            "UPDATE result SET first_seen = '2020-01-01 00:00:00.000000' WHERE position = 1",
            "run-2",
            "result was changed",
        ),
        ("DELETE FROM result WHERE position = 1", "run run-2, muster/web1", "1 results are stored, 2 were"),
        ("UPDATE scan SET status = 'partial' WHERE host = 'db1'", "muster/db1", "status"),
        ("UPDATE scan SET address = '10.0.0.1' WHERE host = 'db1'", "muster/db1", "address"),
        ("DELETE FROM scan WHERE host = 'db1'", "run run-2, muster/db1", "removed"),
        ("UPDATE run SET feeds = '[]' WHERE id = 'run-2'", "run run-2", "feeds were changed"),
        ("UPDATE run SET finished = NULL WHERE id = 'run-2'", "run run-2", "times"),
        ("DELETE FROM link WHERE id = 1", "run run-", "the chain is broken here"),
        ("UPDATE link SET content = x'00' WHERE id = 1", "run run-0", "the chain is broken here"),
        ("UPDATE link SET run_id = 'run-7' WHERE id = 1", "run run-7", "removed"),
    ],
)
def test_what_was_changed_is_named(filled: Store, path: Path, statement: str, where: str, what: str) -> None:
    _tamper(path, statement)
    breaches = filled.verify_chain().breaches
    assert any(where in breach.where and what in breach.what for breach in breaches), breaches


def _changed(data: bytes) -> bytes:
    return zlib.compress(zlib.decompress(data).replace(b"up 3 days", b"up 9 days"))


@pytest.mark.parametrize("change", [_changed, lambda _data: b"rubbish", lambda _data: zlib.compress(b"x")])
def test_a_changed_output_breaks_every_transcript_that_names_it(
    filled: Store, path: Path, change: Callable[[bytes], bytes]
) -> None:
    digest = hashlib.sha256(b"up 3 days\n").digest()
    with sqlite3.connect(path) as connection:
        (data,) = connection.execute("SELECT data FROM blob WHERE sha256 = ?", (digest,)).fetchone()
        connection.execute("UPDATE blob SET data = ? WHERE sha256 = ?", (change(data), digest))
    connection.close()
    breaches = filled.verify_chain().breaches
    assert {breach.what for breach in breaches} == {"the transcript was changed or removed"}
    assert {(breach.run, breach.host) for breach in breaches} == {
        ("run-0", "web1"), ("run-1", "web1"), ("run-2", "web1"), ("run-2", "db1"),
    }  # fmt: skip
    lost = filled.report("run-0").hosts[0].transcript
    assert filled.lacking([lost, "ab" * 32]) == {lost, "ab" * 32}


def test_a_scan_that_was_put_in_is_named(filled: Store, path: Path) -> None:
    columns = "site, customer_name, address, status, detail, os_id, os_version, opened, transcript, tally"
    _tamper(
        path,
        f"INSERT INTO scan (run_id, customer, host, {columns}) "
        f"SELECT run_id, customer, 'ghost', {columns} FROM scan WHERE host = 'db1'",
    )
    (breach,) = filled.verify_chain().breaches
    assert (breach.host, breach.what) == ("ghost", "the scan was put in past the chain")


def test_a_head_that_somebody_kept_shows_that_the_end_was_cut_off(filled: Store, path: Path) -> None:
    head = filled.chain_head()
    assert head is not None
    scan(filled, 3, WEB, a_result(WEB))
    assert filled.chain_holds(head.sha256, head.length), "it has only grown"
    assert filled.chain_holds(head.sha256)
    assert not filled.chain_holds(head.sha256, head.length + 1)
    _tamper(path, "DELETE FROM link WHERE run_id = 'run-2'")
    assert not filled.chain_holds(head.sha256)


def test_scans_from_before_the_chain_are_counted_and_not_blamed(filled: Store, path: Path) -> None:
    _tamper(path, "DELETE FROM link")
    scan(filled, 3, WEB, a_result(WEB))
    verdict = filled.verify_chain()
    assert (verdict.older, verdict.scans, verdict.breaches) == (4, 1, ())


def test_a_resumed_run_ends_twice(store: Store) -> None:
    run = a_run()
    store.begin(run, [WEB, DB])
    record(store, run, WEB, [])
    store.finish(run)
    store.begin(run, [WEB, DB])
    record(store, run, DB, [])
    store.finish(replace(run, finished=START))
    assert store.verify_chain().breaches == ()
