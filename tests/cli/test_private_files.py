"""What commands write is for its owner alone, leaves no draft behind, and starts nothing in a spreadsheet."""

from __future__ import annotations

import csv
import io
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from secaudit.cli.exits import CommandError
from secaudit.cli.main import run
from secaudit.cli.output import write_files
from secaudit.export import table
from secaudit.model.run import RunReport
from secaudit.model.signing import SigningError, SigningKey
from secaudit.store import open_store
from tests.store.scenes import WEB, a_result, a_run, scan


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with a store of one scan, under a umask that hides nothing."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SECAUDIT_STORE", str(tmp_path / "store.sqlite"))
    with open_store(str(tmp_path / "store.sqlite")) as store:
        scan(store, 0, WEB, a_result(WEB))
    return tmp_path


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o7777


def test_reports_are_as_private_as_the_store(place: Path) -> None:
    before = os.umask(0)
    try:
        assert run(["report", "--out", "a/out", "--format", "html,json,csv,sarif,junit"]) == 0
        assert run(["report", "--kind", "fleet", "--out", "a/fleet"]) == 0
    finally:
        os.umask(before)
    assert {mode(path) for path in (place / "a").rglob("*") if path.is_file()} == {0o600}
    assert {mode(path) for path in (place / "a", *(place / "a").rglob("*")) if path.is_dir()} == {0o700}


def test_a_folder_that_is_there_keeps_its_mode(place: Path) -> None:
    (place / "out").mkdir(mode=0o755)
    (place / "out").chmod(0o755)
    assert run(["report", "--out", "out"]) == 0
    assert mode(place / "out") == 0o755
    assert mode(place / "out" / "results.json") == 0o600


def test_a_disk_that_is_full_leaves_no_draft(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_source: Path, _target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(CommandError, match="No space left"):
        write_files({"results.json": b"{}"}, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_draft_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    (tmp_path / ".results.json.draft").symlink_to(victim)
    write_files({"results.json": b"{}"}, tmp_path)
    assert victim.read_text() == "mine"
    assert (tmp_path / "results.json").read_bytes() == b"{}"


@pytest.mark.parametrize("wrong", [0o666, 0o644, 0o640, 0o602])
def test_a_key_that_others_reach_signs_nothing(place: Path, wrong: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["keys", "new", "key"]) == 0
    (place / "key").chmod(wrong)
    assert run(["report", "--sign", "key", "--out", "out"]) == 2
    assert "chmod 600" in capsys.readouterr().err
    with pytest.raises(SigningError, match="others may read or write"):
        SigningKey.read(place / "key")


@pytest.mark.parametrize(
    "text", ["a;=cmd|'/C calc'!A0", "a; +1", 'a;"=1"', "a;''@x", "a;;-1", ' "=1', "=1;=2", "x;\t=1"]
)
def test_no_cell_is_a_formula_where_semicolons_divide(text: str) -> None:
    report = RunReport(a_run(), (), (replace(a_result(WEB), reason=text),))
    written = table.render(report).decode()
    for divided in (",", ";"):
        cells = [cell for row in csv.reader(io.StringIO(written), delimiter=divided) for cell in row]
        assert not [cell for cell in cells if cell.lstrip(' "\t').startswith(("=", "+", "-", "@"))]
    for cell in written.split(";"):
        assert not cell.lstrip(' "\t').startswith(("=", "+", "-", "@"))


def test_a_closed_terminal_ends_a_command_as_ctrl_c_does(tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "secaudit", "scan", "local", "--no-store", "--out", "out", "--quiet"]
    process = subprocess.Popen(argv, cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
    status = Path(f"/proc/{process.pid}/status")
    while process.poll() is None:
        caught = next(line for line in status.read_text().splitlines() if line.startswith("SigCgt")).split()[1]
        if int(caught, 16) & 1 << (signal.SIGHUP - 1):
            break
        time.sleep(0.01)
    process.send_signal(signal.SIGHUP)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 3, told
    assert b"Interrupted" in told or b"interrupted" in told
