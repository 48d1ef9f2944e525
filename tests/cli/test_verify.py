"""`secaudit verify`: what was touched is told, what was not is not, and what cannot be told says so."""

from __future__ import annotations

import base64
import json
import shutil
import sqlite3
from pathlib import Path

import pytest

from secaudit.cli.main import run
from secaudit.store import open_store


def report(store: str) -> list[str]:
    """The command line that reports the only run; it has to be named, because it is no scan of everything."""
    with open_store(store, read_only=True) as opened:
        (only,) = opened.runs()
    return ["report", "--run", only.run.id, "--store", store]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key, a scan of this machine in a store and a signed bundle, and its signed reports."""
    root = tmp_path_factory.mktemp("made")
    key, store = str(root / "audit.key"), str(root / "store.sqlite")
    assert run(["keys", "new", key]) == 0
    scan = ["scan", "local", "--only", "patch.*", "--record", str(root / "bundle"), "--sign", key, "--quiet"]
    assert run([*scan, "--store", store]) in (0, 3)
    assert run([*report(store), "--sign", key, "--out", str(root / "out")]) == 0
    return root


@pytest.fixture
def place(made: Path, tmp_path: Path) -> Path:
    """A copy that may be tampered with."""
    return Path(shutil.copytree(made, tmp_path / "place"))


def verify(place: Path, *arguments: str) -> int:
    return run(["verify", *arguments, "--key", str(place / "audit.key.pub"), "--store", str(place / "store.sqlite")])


def test_what_nobody_touched_is_as_it_was_signed(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = [str(place / name) for name in ("bundle", "out/report.html", "out/results.json")]
    assert verify(place, *files) == 0
    assert verify(place, *files[1:], "--against-store") == 0
    assert run(["verify", "--store", str(place / "store.sqlite")]) == 0
    assert capsys.readouterr().err == ""


def test_the_store_is_not_read_as_a_file(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert verify(place, str(place / "store.sqlite"), "--against-store") == 2
    assert "that is the store itself: leave FILE out to verify it" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["out/report.html", "out/results.json", "bundle/bundle.json"])
def test_a_changed_file_is_told(place: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = place / name
    path.write_bytes(path.read_bytes().replace(b"unproven", b"passed  ", 1) + b" ")
    assert verify(place, str(path.parent if name.startswith("bundle") else path)) == 1
    assert "CHANGED" in capsys.readouterr().err


def test_a_changed_output_in_a_bundle_is_told(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    largest = max((place / "bundle" / "objects").rglob("*"), key=lambda path: path.stat().st_size)
    largest.write_bytes(largest.read_bytes()[:-1] + b"?")
    assert verify(place, str(place / "bundle")) == 1
    assert "CHANGED" in capsys.readouterr().err


def test_a_statement_by_somebody_else_is_told(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = str(place / "other.key")
    assert run(["keys", "new", other]) == 0
    assert run([*report(str(place / "store.sqlite")), "--sign", other, "--out", str(place / "out")]) == 0
    assert verify(place, str(place / "out" / "report.html")) == 1
    assert "no trusted key" in capsys.readouterr().err


def test_a_file_without_a_statement_is_not_proven(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (place / "out" / "report.html.intoto.json").unlink()
    assert verify(place, str(place / "out" / "report.html")) == 3
    assert "UNPROVEN" in capsys.readouterr().err


def test_a_bundle_says_nothing_about_a_store(place: Path) -> None:
    assert verify(place, str(place / "bundle"), "--against-store") == 3


def test_a_changed_result_and_a_cut_off_end_are_told(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with sqlite3.connect(place / "store.sqlite") as connection:
        connection.execute("UPDATE result SET outcome = 'passed' WHERE outcome != 'passed'")
    assert run(["verify", "--store", str(place / "store.sqlite")]) == 1
    assert "the result was changed" in capsys.readouterr().err
    with sqlite3.connect(place / "store.sqlite") as connection:
        connection.execute("DELETE FROM link WHERE id = (SELECT max(id) FROM link)")
    connection.close()
    assert verify(place, str(place / "out" / "report.html"), "--against-store") == 1
    assert "chain" in capsys.readouterr().err


def test_nobody_is_trusted_unasked(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["verify", str(place / "out" / "report.html")]) == 2
    assert "--key" in capsys.readouterr().err


def test_the_statement_tells_what_the_report_was_made_from(place: Path) -> None:
    envelope = json.loads((place / "out" / "results.json.intoto.json").read_bytes())
    told = json.loads(base64.b64decode(envelope["payload"]))["predicate"]
    results = json.loads((place / "out" / "results.json").read_bytes())
    assert told["runs"] == [results["run"]["id"]]
    assert [f"sha256:{digest}" for digest in told["transcripts"].values()] == [results["hosts"][0]["transcript"]]
