"""Runs from the future: refused, told of, taken back."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from secaudit.api import ScannerLead
from secaudit.cli.main import run
from secaudit.model.outcome import Outcome
from secaudit.store import FindingFilter, FindingState, open_store
from tests.store.scenes import WEB, a_result, a_run, record

AHEAD = timedelta(days=400)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A store with a run of yesterday, which found a port open, and one of a clock that was 400 days ahead."""
    path = tmp_path / "store.sqlite"
    yesterday = datetime.now(UTC) - timedelta(days=1)
    with open_store(str(path)) as store:
        for name, at, outcome in (("past", yesterday, Outcome.FAILED), ("future", yesterday + AHEAD, Outcome.PASSED)):
            head = a_run(id=name)
            head = type(head)(name, at, at, head.version, head.baselines, head.feeds)
            store.begin(head, [WEB])
            record(store, head, WEB, [a_result(WEB, outcome=outcome)], at=at)
            store.finish(head)
    return path


def test_a_scan_after_a_run_of_the_future_is_refused_and_says_what_to_do(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["scan", "local", "--only", "clock-*", "--quiet", "--store", str(path)]) == 2
    told = capsys.readouterr().err
    assert "the newest run future is of" in told
    assert "secaudit store withdraw future --reason TEXT" in told


@pytest.mark.parametrize("command", ["gate", "report"])
def test_who_reads_the_newest_run_is_warned(
    command: str, path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run([command, "--store", str(path), *(["--out", str(tmp_path / "out")] if command == "report" else [])])
    assert "Warning: the newest run future is of" in capsys.readouterr().err


def test_a_run_is_withdrawn_and_the_gate_judges_the_one_before(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["gate", "--fail-on", "high", "--store", str(path)]) == 0
    why = ["--reason", "the clock was ahead", "--by", "anna"]
    assert run(["store", "withdraw", "future", *why, "--store", str(path)]) == 0
    assert "withdrawn: run future with 1 scan of hosts" in capsys.readouterr().out
    assert run(["gate", "--fail-on", "high", "--store", str(path)]) == 1
    told = capsys.readouterr()
    assert "for run past" in told.out
    assert "future" not in told.err
    assert run(["verify", "--store", str(path)]) == 0
    assert run(["scan", "local", "--only", "clock-*", "--quiet", "--store", str(path)]) in (0, 3)
    assert run(["store", "withdraw", "future", *why, "--store", str(path)]) == 2
    assert run(["report", "--run", "future", "--store", str(path)]) == 2
    assert "by anna: the clock was ahead" in capsys.readouterr().err
    assert run(["store", "withdrawals", "--store", str(path)]) == 0
    assert "by anna: the clock was ahead" in capsys.readouterr().out
    assert run(["store", "withdrawals", "--json", "--store", str(path)]) == 0
    (entry,) = json.loads(capsys.readouterr().out)
    assert (entry["run"], entry["by"], entry["reason"]) == ("future", "anna", "the clock was ahead")


def test_a_scan_that_its_hosts_contradict_is_withdrawn_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Seen from a store whose newest run is older than the host says it is now."""
    path = tmp_path / "store.sqlite"
    past = datetime.now(UTC) - AHEAD
    with open_store(str(path)) as store:
        head = a_run(id="past")
        head = type(head)("past", past, past, head.version, head.baselines, head.feeds)
        store.begin(head, [WEB])
        record(store, head, WEB, [a_result(WEB)], at=past)
        store.finish(head)
    monkeypatch.setattr("checks.host.collect.ScannerLead.__init__", _lead)
    assert run(["scan", "local", "--only", "clock-*", "--quiet", "--store", str(path)]) == 3
    assert "was withdrawn: the scanner's clock is 20d ahead of those of 1 of 1 hosts" in capsys.readouterr().err
    with open_store(str(path), read_only=True) as store:
        assert [found.run.id for found in store.runs()] == ["past"]
        (told,) = store.withdrawals()
        assert told.author == "secaudit"
        assert store.count(FindingFilter(state=FindingState.ALL, customer="ad-hoc")) == 0


def _lead(self: ScannerLead, by: timedelta) -> None:
    del by
    object.__setattr__(self, "by", timedelta(days=20))
