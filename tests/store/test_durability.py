"""What was reported as stored is there after SIGKILL and after the disk ran full."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from secaudit.model.inventory import Host
from secaudit.store import Store, StoreError, open_store
from tests.store.scenes import a_result, a_run, record

HOSTS = [Host("muster", "vienna", f"host{number}", f"10.0.0.{number}") for number in range(200)]
ROOT = Path(__file__).parents[2]

# Prints each host once record() has returned, so that the test knows what was promised.
WRITER = """
import sys
from secaudit.store import open_store
from tests.store.scenes import a_result, a_run, record
from tests.store.test_durability import HOSTS
store = open_store(sys.argv[1])
run = a_run()
store.begin(run, HOSTS)
for host in HOSTS:
    print("begins", host.name, flush=True)
    record(store, run, host, [a_result(host, subject=f"tcp/{port}") for port in range(300)])
    print("stored", host.name, flush=True)
"""


def killed(path: Path, last_line: str) -> list[str]:
    """Run the writer, kill it when it prints `last_line`, and return the hosts that it reported as stored."""
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line.strip())
            if lines[-1] == last_line:
                break
        process.send_signal(signal.SIGKILL)
        # What was in the pipe when it died was promised as well.
        lines += [line.strip() for line in process.stdout]
    assert process.returncode == -signal.SIGKILL
    return [line.removeprefix("stored ") for line in lines if line.startswith("stored ")]


@pytest.mark.parametrize("last_line", ["begins host0", "begins host7", "stored host5"])
def test_sigkill_loses_nothing_that_was_reported(path: Path, last_line: str) -> None:
    promised = killed(path, last_line)
    with open_store(str(path)) as store:
        report = store.report("run-0")
        stored = [host.host for host in report.hosts]
        assert stored[: len(promised)] == promised
        assert len(stored) <= len(promised) + 1, "at most the one whose commit was done but not yet reported"
        assert len(report.results) == 300 * len(stored), "a host is stored as a whole"
        assert [name.host for name in store.pending("run-0")] == [host.name for host in HOSTS[len(stored) :]]
        with store._engine.connect() as connection:
            assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
            assert connection.exec_driver_sql("PRAGMA foreign_key_check").all() == []
        record(store, a_run(), HOSTS[len(stored)], [a_result(HOSTS[len(stored)])])


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of two megabytes."""
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m,mode=0700", "tmpfs", str(disk)], check=True)
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.root
def test_a_full_disk_is_named_and_earlier_hosts_are_intact(small_disk: Path) -> None:
    run = a_run()
    with open_store(str(small_disk / "store.sqlite")) as store:
        store.begin(run, HOSTS)
        stored = _record_until_full(store)
        assert [host.host for host in store.report(run.id).hosts] == stored
    with open_store(str(small_disk / "store.sqlite"), read_only=True) as store:
        assert [host.host for host in store.report(run.id).hosts] == stored
        assert [name.host for name in store.pending(run.id)] == [host.name for host in HOSTS[len(stored) :]]


def _record_until_full(store: Store) -> list[str]:
    stored: list[str] = []
    try:
        for host in HOSTS:
            record(store, a_run(), host, [a_result(host, subject=f"tcp/{port}") for port in range(300)])
            stored.append(host.name)
    except StoreError as error:
        assert "store.sqlite has no room: the disk is full" in str(error)  # noqa: PT017 - the loop must count up to it
    assert 0 < len(stored) < len(HOSTS), "the disk must run full in the middle"
    return stored


@pytest.mark.root
def test_a_disk_that_is_full_from_the_start_is_named(small_disk: Path) -> None:
    (small_disk / "store.sqlite").touch()
    subprocess.run(["dd", "if=/dev/zero", f"of={small_disk / 'filler'}", "bs=4096"], capture_output=True, check=False)
    with pytest.raises(StoreError, match=r"store\.sqlite has no room: the disk is full"):
        open_store(str(small_disk / "store.sqlite"))
