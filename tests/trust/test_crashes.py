"""Commands that are killed at every kind of moment: what is there is whole, and going on does nothing twice."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from secaudit.cli.main import run
from secaudit.model.outcome import Outcome
from secaudit.store import open_store
from secaudit.store.migrate import upgrade
from tests.store.scenes import WEB, a_result, a_run, record

ROOT = Path(__file__).parents[2]
FILES = {"results.json", "results.json.intoto.json"}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A store with a finding of an hour ago."""
    home = tmp_path / "place"
    home.mkdir()
    with open_store(str(home / "store.sqlite")) as store:
        at = datetime.now(UTC) - timedelta(hours=1)
        info = replace(a_run(id="run-1"), started=at)
        store.begin(info, [WEB])
        record(store, info, WEB, [a_result(WEB), a_result(WEB, subject="tcp/22", outcome=Outcome.PASSED)])
        store.finish(replace(info, finished=at))
    return home


def killed(place: Path, times: int, *command: str) -> Iterator[Path]:
    """About so many copies of the place, in which the command was killed, each at another moment."""
    argv = [sys.executable, "-m", "tests.trust.crashing", str(place), str(times), *command]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    moments = done.stdout.split()
    assert len(moments) >= 2, "it was killed indeed"
    for moment in moments:
        yield place.with_name(f"{place.name}-{moment}")


def stored(place: Path) -> str:
    return str(place / "store.sqlite")


def whole(place: Path) -> None:
    """The store opens, for writing too, and its chain is unbroken."""
    with open_store(stored(place)) as store:
        assert store.verify_chain().breaches == ()


def test_a_scan_stores_hosts_whole_or_not_at_all(place: Path) -> None:
    command = ("scan", "local", "--only", "host.clock-skew", "--quiet", "--record", "bundle", "--out", "out")
    for copy in killed(place, 5, *command, "--format", "json"):
        whole(copy)
        with open_store(stored(copy)) as store:
            (newest, *_) = store.runs()
            report = store.report(newest.run.id)
            assert all(host.transcript for host in report.hosts)
        for file in copy.glob("out/*.json"):
            json.loads(file.read_bytes())
        for file in copy.glob("bundle/bundle.json"):
            json.loads(file.read_bytes())


def test_a_report_is_there_whole_with_its_statement_or_not(place: Path, tmp_path: Path) -> None:
    key = str(tmp_path / "audit.key")
    assert run(["keys", "new", key]) == 0
    for copy in killed(place, 5, "report", "--out", "out", "--format", "json", "--sign", key):
        whole(copy)
        for file in copy.glob("out/[!.]*"):
            assert file.name in FILES
            json.loads(file.read_bytes())
        for statement in copy.glob("out/[!.]*.intoto.json"):
            signed = statement.with_name(statement.name.removesuffix(".intoto.json"))
            assert run(["verify", str(signed), "--key", f"{key}.pub"]) == 0
    again = ["report", "--out", str(copy / "out"), "--format", "json", "--sign", key, "--store", stored(copy)]
    assert run(again) == 0
    assert {file.name for file in (copy / "out").iterdir()} == FILES, "nothing half-written is left"


def test_a_message_is_sent_once_or_a_person_decides(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / "delivery").mkdir()
    (place / "delivery" / "all.yaml").write_text(
        "targets: {archive: {directory: ./sent}}\nsubscriptions: [{customer: muster, changes: [archive]}]\n"
    )
    for copy in killed(place, 7, "deliver", "--send"):
        whole(copy)
        monkeypatch.chdir(copy)
        monkeypatch.setenv("SECAUDIT_STORE", stored(copy))
        sent = list((copy / "delivery" / "sent").glob("[0-9]*")) if (copy / "delivery" / "sent").is_dir() else []
        with open_store(stored(copy)) as store:
            for left in store.posted():
                store.expire(left.next)
            stages = {left.stage.value for left in store.posted()}
        assert run(["deliver", "--send"]) == (3 if "uncertain" in stages else 0)
        now = list((copy / "delivery" / "sent").glob("[0-9]*")) if (copy / "delivery" / "sent").is_dir() else []
        assert len(now) <= 1, "never twice"
        assert "uncertain" in stages or len(now) == 1, "and not lost without a word"
        assert not sent or now == sent
        for folder in now:
            assert {file.name for file in folder.iterdir()} == {"message.txt", "message.json"}
            json.loads((folder / "message.json").read_bytes())


def test_what_somebody_did_is_there_whole(place: Path) -> None:
    with open_store(stored(place)) as store:
        (fingerprint,) = store.known("muster", "web1")
    for copy in killed(place, 3, "findings", "note", fingerprint, "known", "--by", "Anna"):
        whole(copy)


def test_a_store_is_migrated_whole_or_stays_as_it_was(tmp_path: Path) -> None:
    home = tmp_path / "place"
    home.mkdir()
    engine = create_engine(f"sqlite:///{home / 'store.sqlite'}")
    with engine.begin() as connection:
        upgrade(connection, "0003")
    engine.dispose()
    for copy in killed(home, 4, "scan", "local", "--only", "host.clock-skew", "--quiet"):
        with open_store(stored(copy)) as store:
            assert store.verify_chain().breaches == ()
