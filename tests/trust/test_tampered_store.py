"""A store changed behind our back in every way that we could think of: `verify` names it, and never says 0."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from secaudit.cli.main import run

COVERED = {
    "run": ("id", "started", "finished", "version", "baselines", "feeds"),
    "planned": ("run_id", "customer", "host"),
    "blob": ("sha256", "data"),
    "scan": (
        *("run_id", "customer", "host", "site", "customer_name", "address", "status", "detail", "os_id", "os_version"),
        *("opened", "transcript", "tally", "tags"),
    ),
    "result": ("scan_id", "fingerprint", "outcome", "kind", "severity", "first_seen", "due", "detail"),
    "host": ("customer", "name", "latest_id", "complete_id"),
    "finding": (
        *("fingerprint", "customer", "host", "site", "control", "check", "family", "subject", "title", "reason"),
        *("severity", "outcome", "kind", "waived", "first_seen", "opened", "last_seen", "last_run", "due", "resolved"),
        *("reopened", "searched"),
    ),
    "finding_event": (
        *("id", "fingerprint", "kind", "at", "severity", "outcome", "until", "author", "reason", "note", "withdraws"),
    ),
    "link": ("run_id", "customer", "host", "marks", "content", "sha256", "state"),
}
"""What the chain covers. Not the numbers that only order rows: `position` and the ids of scans, contents and links."""

TAMPERING = settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """The store as somebody who has sqlite3 and bad intentions opens it."""
    with closing(sqlite3.connect(path)) as connection, connection:
        yield connection


def snapshot(path: Path) -> object:
    """Everything that the chain covers, as it is stored."""
    with opened(path) as connection:
        rows = {
            table: connection.execute(f"""SELECT {", ".join(f'"{name}"' for name in names)} FROM "{table}" """)
            for table, names in COVERED.items()
        }
        return {table: sorted(found.fetchall(), key=repr) for table, found in rows.items()}


def verify(place: Path) -> int:
    return run(["verify", "--store", str(place / "store.sqlite")])


@pytest.fixture
def worked(place: Path) -> Path:
    """The place, where somebody has acknowledged a finding."""
    store = str(place / "store.sqlite")
    with opened(place / "store.sqlite") as connection:
        (fingerprint,) = connection.execute("SELECT min(fingerprint) FROM finding").fetchone()
    assert run(["findings", "note", fingerprint, "known since spring", "--by", "Anna", "--store", store]) == 0
    return place


Output = pytest.CaptureFixture[str]

VALUES = st.sampled_from(
    [None, 0, 1, 5, -1, 2**62, 1.5, float("inf"), "", "x", "passed", "[]", "\x1b[2J\u202e", "muster", b"", b"\xff\x00"]
)


@given(data=st.data())
@TAMPERING
def test_no_cell_changes_unseen(worked: Path, data: st.DataObject) -> None:
    path = worked / "store.sqlite"
    shutil.copy(path, worked / "whole.sqlite")
    try:
        before = snapshot(path)
        table = data.draw(st.sampled_from(sorted(COVERED)))
        column = data.draw(st.sampled_from(COVERED[table]))
        with opened(path) as connection:
            values = connection.execute(f'SELECT rowid, "{column}" FROM "{table}" ORDER BY 1').fetchall()
            row, _ = data.draw(st.sampled_from(values))
            new = data.draw(st.one_of(VALUES, st.sampled_from([value for _, value in values])))
            try:
                connection.execute(f'UPDATE "{table}" SET "{column}" = ? WHERE rowid = ?', (new, row))
            except sqlite3.IntegrityError:
                assume(False)
        changed = snapshot(path) != before
        assert verify(worked) in ((1, 2) if changed else (0,)), (table, column, new)
    finally:
        shutil.copy(worked / "whole.sqlite", path)


@given(data=st.data())
@TAMPERING
def test_no_row_goes_unseen(worked: Path, data: st.DataObject) -> None:
    path = worked / "store.sqlite"
    shutil.copy(path, worked / "whole.sqlite")
    try:
        table = data.draw(st.sampled_from(sorted(COVERED)))
        with opened(path) as connection:
            rows = [row for (row,) in connection.execute(f'SELECT rowid FROM "{table}" ORDER BY 1')]
            # The end of the chain is another test's.
            rows = rows[:-1] if table == "link" else rows
            chosen = data.draw(st.lists(st.sampled_from(rows), min_size=1, unique=True))
            connection.executemany(f'DELETE FROM "{table}" WHERE rowid = ?', [(row,) for row in chosen])
        assert verify(worked) in (1, 2), table
    finally:
        shutil.copy(worked / "whole.sqlite", path)


def _copied(table: str, where: str = "true", **changed: str) -> str:
    """SQL that puts a copy of a row in, with other values (SQL) in some columns."""
    names = [*COVERED[table], *(("position",) if table in ("planned", "result") else ())]
    named = ", ".join(f'"{name}"' for name in (*names, *(set(changed) - set(names))))
    values = ", ".join(changed.get(name, f'"{name}"') for name in (*names, *(set(changed) - set(names))))
    return f'INSERT INTO "{table}" ({named}) SELECT {values} FROM "{table}" WHERE {where} LIMIT 1'


PUT_IN = {
    "a run that ended": _copied("run", "id = 'run-1'", id="'ghost'", started="'2026-11-24 00:00:00.000000'"),
    "a run that never ended": _copied(
        "run", "id = 'run-1'", id="'ghost'", started="'2026-11-24 00:00:00.000000'", finished="NULL"
    ),
    "a planned host": _copied("planned", host="'ghost'", position="7"),
    "a scan at the end": _copied("scan", host="'ghost'"),
    "a scan before all others": _copied("scan", host="'ghost'", id="-5"),
    "a result": _copied("result", position="99"),
    "a host": _copied("host", name="'ghost'"),
    "a finding": _copied("finding", fingerprint="'" + "0" * 32 + "'"),
    "a finding of nobody": _copied("finding", fingerprint="'" + "0" * 32 + "'", host="'ghost'"),
    "an event": _copied("finding_event", id="99", kind="'paused'", until="'2030-01-01 00:00:00.000000'"),
    "a link": _copied("link", sha256="x'" + "00" * 32 + "'"),
    "a link before all others": _copied("link", sha256="x'" + "00" * 32 + "'", id="-5"),
}


@pytest.mark.parametrize("what", PUT_IN)
def test_what_is_put_in_is_told(worked: Path, what: str) -> None:
    with opened(worked / "store.sqlite") as connection:
        assert connection.execute(PUT_IN[what]).rowcount == 1
    assert verify(worked) == 1


SWAPPED = {
    "the scans of two runs": (
        "UPDATE scan SET run_id = 'run-9' WHERE run_id = 'run-0'",
        "UPDATE scan SET run_id = 'run-0' WHERE run_id = 'run-1'",
        "UPDATE scan SET run_id = 'run-1' WHERE run_id = 'run-9'",
    ),
    "the hosts of two scans": (
        "UPDATE scan SET host = 'ghost' WHERE run_id = 'run-2' AND host = 'db1'",
        "UPDATE scan SET host = 'db1' WHERE run_id = 'run-2' AND customer = 'muster' AND host = 'web1'",
        "UPDATE scan SET host = 'web1' WHERE host = 'ghost'",
    ),
    "the customers": (
        "UPDATE scan SET customer = 'ghost' WHERE customer = 'zettel'",
        "UPDATE scan SET customer = 'zettel' WHERE customer = 'muster'",
        "UPDATE scan SET customer = 'muster' WHERE customer = 'ghost'",
    ),
    "the results of two scans": (
        "UPDATE result SET scan_id = 99 WHERE scan_id = 1",
        "UPDATE result SET scan_id = 1 WHERE scan_id = 2",
        "UPDATE result SET scan_id = 2 WHERE scan_id = 99",
    ),
    "the transcripts of two scans": (
        "UPDATE scan SET transcript = (SELECT transcript FROM scan WHERE id = 1) WHERE id = 2",
    ),
    "the newest scan for an older one": (
        "UPDATE host SET latest_id = 1, complete_id = 1 WHERE customer = 'muster' AND name = 'web1'",
    ),
    "a finding for a resolved one": ("UPDATE finding SET resolved = last_seen",),
    "a pause for a note": (
        "UPDATE finding_event SET kind = 'paused', until = '2030-01-01 00:00:00.000000' WHERE kind = 'noted'",
    ),
    "what all counts say": ("UPDATE scan SET tally = '[]'",),
    "what a host is tagged with": ("UPDATE scan SET tags = '[\"lab\"]'",),
}


@pytest.mark.parametrize("what", SWAPPED)
def test_what_is_swapped_is_told(worked: Path, what: str) -> None:
    with opened(worked / "store.sqlite") as connection:
        for statement in SWAPPED[what]:
            assert connection.execute(statement).rowcount >= 1
    assert verify(worked) == 1


def test_a_whole_run_that_was_removed_is_told_by_its_digest_and_by_its_report(worked: Path, capsys: Output) -> None:
    """The end of a chain can be cut off so that nothing of it is left: a digest that was kept elsewhere tells."""
    path, key = worked / "store.sqlite", str(worked / "audit.key.pub")
    capsys.readouterr()
    assert verify(worked) == 0
    digest = capsys.readouterr().out.split()[-1]
    assert run(["verify", "--store", str(path), "--anchor", digest]) == 0
    with opened(worked / "store.sqlite") as connection:
        connection.execute("DELETE FROM link WHERE id = (SELECT max(id) FROM link)")
        connection.execute("DELETE FROM finding_event WHERE kind = 'noted'")
    assert verify(worked) == 0, "nothing in the store can tell"
    assert run(["verify", "--store", str(path), "--anchor", digest]) == 1
    report = str(worked / "run-2" / "report.html")
    assert run(["verify", report, "--key", key, "--store", str(path), "--against-store"]) == 0
    with opened(worked / "store.sqlite") as connection:
        connection.execute("DELETE FROM link WHERE run_id = 'run-2'")
    assert run(["verify", report, "--key", key, "--store", str(path), "--against-store"]) == 1


@given(where=st.floats(0, 1), new=st.binary(min_size=1, max_size=8))
@TAMPERING
def test_a_damaged_file_is_told_or_harmless(place: Path, where: float, new: bytes) -> None:
    path = place / "store.sqlite"
    whole = path.read_bytes()
    before = snapshot(path)
    at = int(where * (len(whole) - len(new)))
    path.write_bytes(whole[:at] + new + whole[at + len(new) :])
    try:
        code = verify(place)
        assert code in (0, 1, 2)
        assert code != 0 or snapshot(path) == before
    finally:
        path.write_bytes(whole)
