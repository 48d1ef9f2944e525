"""The same store on PostgreSQL, against a throw-away cluster on a Unix socket."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

from secaudit.model.answer import Reach
from secaudit.model.delivery import Letter, Message
from secaudit.model.inventory import Host
from secaudit.model.outcome import Outcome
from secaudit.model.severity import Severity
from secaudit.model.sla import EventKind, FindingEvent
from secaudit.store import FindingFilter, FindingState, HostName, Store, StoreError, open_store
from secaudit.store.migrate import upgrade
from secaudit.store.schema import metadata
from tests.store.hammer import hammer
from tests.store.scenes import DAY, DB, START, WEB, a_result, a_run, a_transcript, record, scan, waived

pytest.importorskip("psycopg", reason="needs the driver: pip install secaudit[postgresql]")


def programs() -> Path:
    """Where initdb is; Debian keeps it off the PATH."""
    on_path = shutil.which("initdb")
    found = [Path(on_path)] if on_path else sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        pytest.skip("needs the PostgreSQL server: apt install postgresql")
    return found[-1].parent


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The URL of an empty cluster. It refuses to run as root, so root starts it as `postgres`."""
    directory_of_programs = programs()
    user = "postgres" if os.geteuid() == 0 else None
    with TemporaryDirectory(prefix="pg") as directory:
        if user is not None:
            account = pwd.getpwnam(user)
            os.chown(directory, account.pw_uid, account.pw_gid)

        def call(program: str, *arguments: str) -> None:
            argv = [str(directory_of_programs / program), "-D", f"{directory}/data", *arguments]
            subprocess.run(argv, user=user, cwd=directory, check=True, capture_output=True)

        call("initdb", "-U", "postgres", "-A", "trust", "-N")
        call("pg_ctl", "start", "-w", "-l", f"{directory}/log", "-o", f"-F -k {directory} -c listen_addresses=")
        try:
            yield f"postgresql+psycopg://postgres@/postgres?host={directory}"
        finally:
            call("pg_ctl", "stop", "-m", "immediate")


@pytest.fixture
def store(server: str) -> Iterator[Store]:
    """An empty store."""
    with open_store(server) as opened:
        with opened._writing() as connection:
            connection.exec_driver_sql(f"TRUNCATE {', '.join(metadata.tables)} RESTART IDENTITY")
        yield opened


def test_the_migrated_schema_is_that_of_the_code(store: Store) -> None:
    with store._engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []


def test_what_is_recorded_comes_back(store: Store) -> None:
    run = a_run()
    store.begin(run, [WEB, DB])
    hostile = replace(a_result(WEB, subject="nul \0 \ud800"), first_seen=START, due=START + DAY, observed="\0\ud800")
    entry = record(store, run, WEB, [hostile])
    assert store.pending(run.id) == (HostName("muster", "db1"),)
    report = store.report(run.id)
    assert (report.run, report.hosts, report.results) == (run, (entry,), (hostile,))
    assert store.transcript(run.id, "muster", "web1") == a_transcript(WEB, START)
    assert store.latest_run("muster") == run
    with pytest.raises(StoreError, match="holds muster/web1 in the run run-0 already"):
        record(store, run, WEB, [])


def test_findings_live_and_are_filtered(store: Store) -> None:
    long = "x" * 20_000
    scan(store, 0, WEB, a_result(WEB), a_result(WEB, subject=long))
    scan(store, 1, WEB, a_result(WEB, outcome=Outcome.PASSED), a_result(WEB, subject=long))
    scan(store, 2, DB, a_result(DB, outcome=Outcome.UNPROVEN), reach=Reach.PARTIAL)
    assert [found.host for found in store.findings(FindingFilter(text="TCP/80", minimum=Severity.LOW))] == ["db1"]
    everything = store.findings(FindingFilter(state=FindingState.ALL))
    assert [(found.host, found.resolved) for found in everything] == [
        ("db1", None),
        ("web1", None),
        ("web1", START + DAY),
    ]
    assert [seen.outcome for seen in store.history(a_result(WEB).fingerprint)] == [Outcome.PASSED, Outcome.FAILED]
    (muster,) = store.customers()
    assert (muster.hosts, muster.partial) == (2, 1)
    assert [found.host for found in store.latest_transcripts()] == ["web1"]


def test_events_are_kept_and_people_do_not_overtake_one_another(server: str, store: Store) -> None:
    scan(store, 0, WEB, waived(a_result(WEB)))
    scan(store, 1, WEB, a_result(WEB))
    fingerprint = a_result(WEB).fingerprint
    acknowledged = FindingEvent(fingerprint, EventKind.ACKNOWLEDGED, START + 2 * DAY, author="anna", note="nul \0")
    outcomes: list[str] = []

    def acknowledge() -> None:
        with open_store(server) as own:
            try:
                own.add_event(acknowledged)
                outcomes.append("stored")
            except StoreError:
                outcomes.append("refused")

    threads = [threading.Thread(target=acknowledge) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["refused", "refused", "refused", "stored"]
    events = store.events(fingerprint)
    assert [event.kind for event in events] == [
        EventKind.FOUND,
        EventKind.WAIVED,
        EventKind.UNWAIVED,
        EventKind.ACKNOWLEDGED,
    ]
    assert events[1].until == START + 30 * DAY
    store.add_event(replace(acknowledged, kind=EventKind.WITHDRAWN, withdraws=events[-1].number))
    assert store.handling()[fingerprint].acknowledged_by == ""
    scan(store, 3, WEB, a_result(WEB, outcome=Outcome.PASSED))
    scan(store, 4, WEB, a_result(WEB))
    assert store.open_at([START + day * DAY for day in (0, 2, 3, 4)])["muster"] == (1, 1, 0, 1)
    assert events[3] == acknowledged


def test_an_older_store_is_upgraded(server: str) -> None:
    """In a database of its own: the others of this module begin with the newest schema."""
    admin = create_engine(server, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.exec_driver_sql("CREATE DATABASE older")
    admin.dispose()
    url = server.replace("/postgres?", "/older?")
    engine = create_engine(url)
    moment = "'2026-11-01 00:00+00'"
    with engine.begin() as connection:
        upgrade(connection, "0001")
        for statement in (
            f"INSERT INTO run VALUES ('r', {moment}, NULL, '0', '[]', '[]')",
            "INSERT INTO blob VALUES (1, ''::bytea, ''::bytea)",
            f"INSERT INTO scan VALUES (1, 'r', 'c', 'h', 's', '', '', 'complete', '', '', '', {moment}, 1, '[]')",
            "INSERT INTO host VALUES ('c', 'h', 1, 1)",
            (
                "INSERT INTO finding VALUES ('f', 'c', 'h', 's', 'x', 'x.y', 'x', '', '', '', 0, 'passed', NULL, "
                f"false, {moment}, {moment}, {moment}, 'r', NULL, {moment}, 0, '')"
            ),
        ):
            connection.exec_driver_sql(statement)
    engine.dispose()
    with open_store(url) as upgraded:
        found, resolved = upgraded.events("f")
    assert (found.kind, found.severity, found.outcome) == (EventKind.FOUND, Severity.CRITICAL, Outcome.FAILED)
    assert (resolved.kind, resolved.outcome) == (EventKind.RESOLVED, Outcome.PASSED)


def test_many_writers_share_blobs_without_deadlock(server: str, store: Store) -> None:
    run = a_run()
    hosts = [Host("muster", "vienna", f"host{number}", "10.0.0.1") for number in range(24)]
    store.begin(run, hosts)

    def write(mine: list[Host]) -> None:
        with open_store(server) as own:
            for host in mine:
                record(own, run, host, [a_result(host, subject=f"tcp/{port}") for port in range(30)])

    threads = [threading.Thread(target=write, args=(hosts[part::4],)) for part in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.pending(run.id) == ()
    assert len(store.report(run.id).results) == 24 * 30
    assert store.verify_chain().breaches == ()


@pytest.mark.usefixtures("store")
def test_two_processes_lose_nothing(server: str) -> None:
    found = hammer(server, rounds=20)
    assert found.errors == ()
    assert found.promised == {"acknowledged": 20, "withdrawn": 20, "scan": 20, "noted": 60}
    assert found.stored == found.promised
    assert found.breaches == 0


def test_a_reader_writes_nothing(server: str, store: Store) -> None:
    with open_store(server, read_only=True) as reader:
        assert reader.latest_run() is None
        with pytest.raises(StoreError, match="read-only transaction"):
            reader.begin(a_run(), [WEB])


def test_a_server_that_does_not_answer_is_named_without_its_password(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be reached") as raised:
        open_store(f"postgresql://audit:s3cret@/db?host={tmp_path}")
    assert "s3cret" not in str(raised.value)


def test_composers_at_once_tell_a_change_once(server: str, store: Store) -> None:
    posted: list[int] = []

    def compose(number: int) -> None:
        letter = Letter(Message("muster", "chat", f"digest {number}", "text"), (f"own {number}", "shared"))
        with open_store(server) as own:
            posted.append(own.post({str(number): letter}, START))

    threads = [threading.Thread(target=compose, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(posted) == [0, 0, 0, 1]
    (number,) = store.waiting(START)
    assert store.claim(number, START, DAY)
    assert not store.claim(number, START, DAY)
