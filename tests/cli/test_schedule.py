"""`secaudit schedule run-due`: what is due runs once, from the command line to the store."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from secaudit.cli.main import run
from secaudit.fleet.ledger import Ledger
from secaudit.store import open_store


@pytest.fixture(autouse=True)
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A customer whose only host is this machine, scanned every minute."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("SECAUDIT_STORE", raising=False)
    (tmp_path / "schedules").mkdir()
    (tmp_path / "own.yaml").write_text(
        "baseline: own\nversion: 1\ncontrols:\n  clock: {check: host.clock-skew, expect: {max: 1h}}\n"
    )
    (tmp_path / "inventory.yaml").write_text(
        "customer: {id: own, name: Own, language: en}\n"
        "sites: {here: {hosts: {a: {address: localhost, transport: local, baselines: [./own.yaml]}}}}\n"
    )
    write_schedule(tmp_path, "minutely", "../inventory.yaml")


def write_schedule(folder: Path, name: str, inventory: str, more: str = "") -> None:
    (folder / "schedules" / f"{name}.yaml").write_text(
        f"schedule: {name}\ncron: '* * * * *'\ntimezone: UTC\ninventory: {inventory}\n{more}"
    )


def runs(folder: Path) -> int:
    store = folder / "state" / "secaudit" / "store.sqlite"
    if not store.exists():
        return 0
    with closing(open_store(f"sqlite:///{store}", read_only=True)) as opened:
        return len(opened.runs())


def handled_long_ago(folder: Path, name: str) -> None:
    with Ledger(folder / "state" / "secaudit" / "schedules").entry(name) as entry:
        assert entry is not None
        entry.handle(datetime.now(UTC) - timedelta(hours=3))


def test_a_new_schedule_waits_for_its_turn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["schedule", "run-due"]) == 0
    assert "waits for its next turn" in capsys.readouterr().err
    assert runs(tmp_path) == 0


def test_what_was_missed_runs_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    handled_long_ago(tmp_path, "minutely")
    assert run(["schedule", "run-due"]) == 0
    captured = capsys.readouterr()
    assert "minutely: due since" in captured.err
    assert "1 host: 0 failed" in captured.out
    assert runs(tmp_path) == 1


def test_a_schedule_that_still_runs_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    handled_long_ago(tmp_path, "minutely")
    with Ledger(tmp_path / "state" / "secaudit" / "schedules").entry("minutely"):
        assert run(["schedule", "run-due"]) == 0
    assert "still running" in capsys.readouterr().err
    assert runs(tmp_path) == 0


def test_one_broken_schedule_keeps_no_other_from_running(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "broken.yaml").write_text("customer: {id: own\n")
    write_schedule(tmp_path, "broken", "../broken.yaml")
    for name in ("broken", "minutely"):
        handled_long_ago(tmp_path, name)
    assert run(["schedule", "run-due"]) == 2
    assert "broken.yaml:" in capsys.readouterr().err
    assert runs(tmp_path) == 1


def test_the_exit_code_is_the_worst_of_all_scans(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(
        "baseline: own\nversion: 1\ncontrols:\n"
        "  room: {check: host.filesystem-usage, severity: high, expect: {mounts: {/: {used: 1}}}}\n"
    )
    write_schedule(tmp_path, "gated", "../inventory.yaml", "fail_on: high\n")
    for name in ("gated", "minutely"):
        handled_long_ago(tmp_path, name)
    assert run(["schedule", "run-due"]) == 1
    assert runs(tmp_path) == 2


def test_list_next_and_units(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["schedule", "list"]) == 0
    assert "minutely" in capsys.readouterr().out
    assert run(["schedule", "next", "--count", "3"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 3
    assert run(["schedule", "units", "--user", "audit", "--out", "units"]) == 0
    service = (tmp_path / "units" / "secaudit-schedule.service").read_text()
    assert f"--schedules {tmp_path}/schedules" in service
    assert "User=audit" in service
