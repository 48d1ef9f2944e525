"""Stores that cannot be opened say why in one sentence; those that can are left tidy."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from sqlalchemy.exc import DBAPIError

from secaudit.store import FindingFilter, Store, StoreError, default_url, open_store
from secaudit.store import connect as connect_module
from secaudit.transcript.codec import compress
from tests.store.scenes import WEB, a_result, a_run, record, scan


def test_a_store_is_private_and_durable(path: Path) -> None:
    with open_store(f"sqlite:///{path}") as store:
        scan(store, 0, WEB, a_result(WEB))
        files = sorted(path.parent.iterdir())
        assert [file.name for file in files] == ["store.sqlite", "store.sqlite-shm", "store.sqlite-wal"]
        assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
        with store._engine.connect() as connection:
            pragmas = {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in
                       ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")}  # fmt: skip
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 30_000}
    assert [file.name for file in path.parent.iterdir()] == ["store.sqlite"], "closing folds the log into the file"
    store.close()


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("/srv/state", "/srv/state/secaudit/store.sqlite"),
        ("", "/home/anna/.local/state/secaudit/store.sqlite"),
        ("relative", "/home/anna/.local/state/secaudit/store.sqlite"),
        (None, "/home/anna/.local/state/secaudit/store.sqlite"),
    ],
)
def test_the_default_store(monkeypatch: pytest.MonkeyPatch, state: str | None, expected: str) -> None:
    monkeypatch.setenv("HOME", "/home/anna")
    if state is None:
        monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    else:
        monkeypatch.setenv("XDG_STATE_HOME", state)
    assert default_url() == f"sqlite:///{expected}"


def test_the_default_store_gets_its_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "new state 100%"))
    open_store(default_url()).close()
    assert stat.S_IMODE((tmp_path / "new state 100%" / "secaudit").stat().st_mode) == 0o700


def test_a_reader_sees_what_a_writer_stores_and_writes_nothing(path: Path, store: Store) -> None:
    with open_store(str(path), read_only=True) as reader:
        assert reader.latest_run() is None
        scan(store, 0, WEB, a_result(WEB))
        assert reader.count(FindingFilter()) == 1
        with pytest.raises(StoreError, match="may not be written"):
            reader.begin(a_run(1), [WEB])


def test_a_reader_waits_for_nobody(path: Path, store: Store) -> None:
    scan(store, 0, WEB, a_result(WEB))
    with store._writing(), open_store(str(path), read_only=True) as reader:
        assert reader.count(FindingFilter()) == 1


def test_a_locked_store_says_so(path: Path, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connect_module, "BUSY_SECONDS", 0)
    locked = pytest.raises(StoreError, match="is locked by another process; try again")
    with open_store(str(path)) as impatient, store._writing(), locked:
        impatient.begin(a_run(), [WEB])


def test_reading_what_is_not_there_creates_nothing(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"there is no store .*/none yet; a scan creates it"):
        open_store(str(tmp_path / "none"), read_only=True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("sqlite://", "a store in memory keeps nothing; name a file"),
        ("mysql://u:secret@h/d", "no store of the kind 'mysql'; write sqlite:///PATH or postgresql"),
        ("sqlite+nonsense:///x", "no store of the kind 'sqlite.nonsense'"),
        ("://", "that is not a store URL"),
    ],
)
def test_what_is_no_url_of_ours_is_refused(
    url: str, complaint: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StoreError, match=complaint) as raised:
        open_store(url)
    assert "secret" not in str(raised.value)
    assert list(tmp_path.iterdir()) == []


def test_a_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="is a directory; name a file"):
        open_store(str(tmp_path))


def test_a_missing_directory_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"typo/store cannot be opened: No such file or directory"):
        open_store(str(tmp_path / "typo" / "store"))


@pytest.mark.parametrize("read_only", [False, True])
def test_another_file_is_refused_and_left_alone(tmp_path: Path, read_only: bool) -> None:
    letter = tmp_path / "letter.txt"
    letter.write_text("dear customer, " * 100)
    with pytest.raises(StoreError, match=r"letter\.txt is not an SQLite database"):
        open_store(str(letter), read_only)
    assert letter.read_text() == "dear customer, " * 100


def test_a_damaged_store_is_refused(path: Path) -> None:
    with open_store(str(path)) as store:
        scan(store, 0, WEB, a_result(WEB))
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom(4096 * 4))
    with pytest.raises(StoreError, match="is damaged; restore it from a backup"), open_store(str(path)) as store:
        store.report("run-0")


def test_damaged_content_is_named(path: Path, store: Store) -> None:
    scan(store, 0, WEB, a_result(WEB))
    with store._writing() as connection:
        connection.exec_driver_sql("UPDATE blob SET data = ?", (compress(b"something else"),))
    for read in (lambda: store.report("run-0"), lambda: store.transcript("run-0", "muster", "web1")):
        with pytest.raises(StoreError, match=rf"{path} is damaged: the content of [0-9a-f]{{64}} has another digest"):
            read()


def test_a_database_of_another_program_is_refused_and_left_alone(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE letters (id INTEGER)")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match="is a database of another program"):
        open_store(str(path))
    assert path.read_bytes() == before
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("letters",)]
    connection.close()


@pytest.mark.parametrize("read_only", [False, True])
def test_a_store_of_a_newer_version_is_refused(path: Path, read_only: bool) -> None:
    open_store(str(path)).close()
    connection = sqlite3.connect(path)
    connection.execute("UPDATE alembic_version SET version_num = '0999'")
    connection.commit()
    connection.close()
    with pytest.raises(StoreError, match=r"was written by a newer secaudit \(schema 0999\); update secaudit"):
        open_store(str(path), read_only)


@pytest.mark.root
def test_a_store_of_somebody_else_is_refused() -> None:
    program = (
        "import os, sys; from secaudit.store import *; os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "try: open_store(sys.argv[1])\n"
        "except StoreError as error: print(error)"
    )
    # Not below tmp_path, which is closed to everybody: the file's own mode must be what refuses.
    with TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        path = Path(directory) / "store.sqlite"
        open_store(str(path)).close()
        done = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True)
    assert done.stdout == f"the store {path} cannot be opened: Permission denied\n"


def test_alembic_is_not_imported_for_a_current_store(path: Path) -> None:
    open_store(str(path)).close()
    program = (
        "import sys; from secaudit.store import open_store; open_store(sys.argv[1]).close()\n"
        "print(sorted(name for name in sys.modules if name in ('alembic', 'sqlalchemy.orm', 'mako')))"
    )
    done = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_an_error_leaves_no_half_of_a_host(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    run = a_run()
    store.begin(run, [WEB])

    def fail(*_: object) -> None:
        raise DBAPIError("x", {}, sqlite3.OperationalError("power failure"))

    monkeypatch.setattr("secaudit.store.store._advance_findings", fail)
    with pytest.raises(StoreError, match="failed: power failure"):
        record(store, run, WEB, [a_result(WEB)])
    monkeypatch.undo()
    assert store.report(run.id).hosts == ()
    record(store, run, WEB, [a_result(WEB)])
    assert len(store.report(run.id).results) == 1
