"""Several processes on one SQLite file: none of them takes the locks, the log or the events of another away."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from secaudit.store import Store, open_store
from tests.store.hammer import hammer
from tests.store.scenes import WEB, a_result, scan

# Runs commands in one process, of which none may open the store, its log or its index beside SQLite: POSIX drops the
# process's locks on a file when any descriptor of it is closed. SQLite's own opening raises no event.
GUARD = """
import os, sys
store = os.path.realpath(sys.argv[1])
def watch(event, arguments):
    if event == "open" and isinstance(arguments[0], (str, bytes, os.PathLike)):
        if os.path.realpath(os.fsdecode(arguments[0])).startswith(store):
            print("opened beside SQLite:", arguments[0], flush=True)
sys.addaudithook(watch)
from secaudit.cli.main import run
for line in sys.stdin.read().splitlines():
    print("exit", run(line.split()), line, flush=True)
"""

OTHER = "import sys; from secaudit.store import open_store; open_store(sys.argv[1]).close()"


def test_opening_a_store_again_keeps_the_locks_of_this_process(path: Path, store: Store) -> None:
    scan(store, 0, WEB, a_result(WEB))
    with open_store(str(path), read_only=True) as reader:
        reader.customers()
        open_store(str(path)).close()
        log = path.with_name("store.sqlite-wal").stat().st_ino
        # Who takes itself for the last one removes the log when it closes.
        subprocess.run([sys.executable, "-c", OTHER, str(path)], check=True)
        assert path.with_name("store.sqlite-wal").stat().st_ino == log
        scan(store, 1, WEB, a_result(WEB))
        assert len(reader.runs()) == 2


def test_a_store_behind_a_link_is_as_private(tmp_path: Path) -> None:
    link = tmp_path / "link.sqlite"
    link.symlink_to(tmp_path / "store.sqlite")
    open_store(str(link)).close()
    assert (tmp_path / "store.sqlite").stat().st_mode & 0o777 == 0o600


def test_no_command_opens_the_store_beside_sqlite(path: Path, tmp_path: Path, store: Store) -> None:
    scan(store, 0, WEB, a_result(WEB))
    finding = a_result(WEB).fingerprint
    here = f"--store {path}"
    commands = [
        f"scan local --baseline base --only *clock* {here} --out {tmp_path}/scan --quiet",
        f"gate {here}",
        f"findings list {here}",
        f"findings show {finding} {here}",
        f"findings ack {finding} --by anna {here}",
        f"findings note {finding} seen --by anna {here}",
        f"report {here} --out {tmp_path}/report",
        f"findings history {finding} {here}",
        f"deliver list {here}",
        f"verify {here}",
    ]
    told = subprocess.run(
        [sys.executable, "-c", GUARD, str(path)],
        input="\n".join(commands),
        capture_output=True,
        text=True,
        check=True,
    )
    lines = told.stdout.splitlines()
    assert [line for line in lines if line.startswith(("exit 2", "exit 4", "opened beside"))] == [], told.stderr
    assert len([line for line in lines if line.startswith("exit ")]) == len(commands)


@pytest.mark.parametrize("rounds", [30])
def test_two_processes_lose_nothing(path: Path, rounds: int) -> None:
    found = hammer(f"sqlite:///{path}", rounds=rounds)
    assert found.errors == ()
    assert found.promised == {"acknowledged": rounds, "withdrawn": rounds, "scan": rounds, "noted": 3 * rounds}
    assert found.stored == found.promised
    assert found.breaches == 0
