"""Bundles carry a run elsewhere, survive a crash, and trust nothing that they hold."""

from __future__ import annotations

import json
import os
import shutil
import stat
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from secaudit.model.answer import Answer, AnswerStatus, HostTranscript, Reach
from secaudit.model.baseline import BaselineStamp
from secaudit.model.feed import FeedStamp
from secaudit.model.inventory import Host, TransportKind
from secaudit.model.outcome import Outcome
from secaudit.model.request import Command
from secaudit.model.result import Result, fingerprint
from secaudit.model.run import HostRecord, RunInfo
from secaudit.model.severity import Severity
from secaudit.transcript import BundleWriter, TranscriptError, digest, read_bundle
from secaudit.transcript import bundle as bundle_module

NOW = datetime(2026, 11, 24, 6, 30, 0, 5, tzinfo=UTC)
FEED = FeedStamp("debian-security", NOW - timedelta(hours=9), "cd" * 32)
RUN = RunInfo("run-1", NOW, None, "0.1.0", (BaselineStamp("web-server", 2, "ab" * 32),), (FEED,))
WEB = Host("muster", "vienna", "web1", "10.0.0.1", tags=frozenset({"web", "dmz"}), baselines=("web-server",))
DB = Host("muster", "vienna", "db1", "10.0.0.2", transport=TransportKind.LOCAL)


def transcript_of(host: Host) -> HostTranscript:
    """A short transcript; the first answer is the same on every host."""
    answers = (
        Answer(Command(("uname", "-r")), AnswerStatus.ENDED, NOW, timedelta(seconds=1), 0, b"6.1.0\n"),
        Answer(Command(("hostname",)), AnswerStatus.ENDED, NOW, timedelta(seconds=1), 0, host.name.encode()),
    )
    return HostTranscript("muster", "vienna", host.name, host.address, NOW, NOW, Reach.COMPLETE, "", answers)


def record(writer: BundleWriter, host: Host, run: RunInfo = RUN) -> HostRecord:
    """Record a host with one result that was seen the day before."""
    entry = HostRecord(
        "muster", "vienna", host.name, host.address, Reach.COMPLETE, "", "debian", "12",
        digest(transcript_of(host)), "Muster GmbH",
    )  # fmt: skip
    identity = fingerprint("muster", host.name, "c", "s")
    result = Result(
        identity, "c", "network.c", "network", "T", "muster", "vienna", host.name, "s", Outcome.FAILED, Severity.LOW,
        "because", first_seen=NOW - timedelta(days=1),
    )  # fmt: skip
    writer.record(run, entry, [result], transcript_of(host))
    return entry


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    """A finished bundle with two hosts."""
    writer = BundleWriter(tmp_path / "bundle")
    writer.begin(RUN, [WEB, DB])
    for host in (WEB, DB):
        record(writer, host)
    writer.finish(replace(RUN, finished=NOW))
    return tmp_path / "bundle"


def test_a_bundle_is_what_was_recorded(recorded: Path) -> None:
    bundle = read_bundle(recorded)
    assert bundle.run == replace(RUN, finished=NOW)
    web, db = bundle.hosts
    assert (web.host, db.host) == (WEB, DB)
    assert web.record.customer_name == "Muster GmbH"
    assert web.record.transcript == digest(web.transcript)
    assert bundle.transcript("muster", "web1") == transcript_of(WEB)
    assert web.known == {fingerprint("muster", "web1", "c", "s"): NOW - timedelta(days=1)}
    assert bundle.find("muster", "nobody") is None
    with pytest.raises(TranscriptError, match="holds no host other/web1"):
        bundle.transcript("other", "web1")


def test_equal_answers_are_stored_once_and_only_the_owner_may_read(recorded: Path) -> None:
    files = [path for path in (recorded / "objects").rglob("*") if path.is_file()]
    # Two heads, two first-seen maps, two host names, one kernel release, one empty stderr.
    assert len(files) == 8
    assert all(len(path.parent.name + path.name) == 64 for path in files)
    assert {stat.S_IMODE(path.stat().st_mode) for path in [*files, recorded / "bundle.json"]} == {0o600}
    assert stat.S_IMODE(recorded.stat().st_mode) == 0o700


def test_the_same_run_goes_on_and_another_replaces_it(recorded: Path) -> None:
    writer = BundleWriter(recorded)
    writer.begin(RUN, [DB])
    assert [found.host.name for found in read_bundle(recorded).hosts] == ["web1", "db1"]
    record(writer, DB)
    assert [found.host.name for found in read_bundle(recorded).hosts] == ["web1", "db1"]
    other = replace(RUN, id="run-2")
    writer = BundleWriter(recorded)
    writer.begin(other, [DB])
    assert not (recorded / "objects").exists(), "nothing of the old run may be carried along"
    record(writer, DB, other)
    bundle = read_bundle(recorded)
    assert (bundle.run.id, [found.host.name for found in bundle.hosts]) == ("run-2", ["db1"])


@pytest.mark.parametrize("failing", ["fsync", "replace"])
def test_a_crash_leaves_what_was_recorded(recorded: Path, monkeypatch: pytest.MonkeyPatch, failing: str) -> None:
    writer = BundleWriter(recorded)
    writer.begin(replace(RUN, id="run-2"), [WEB, DB])
    record(writer, WEB, replace(RUN, id="run-2"))

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    owner: object = os if failing == "fsync" else Path
    monkeypatch.setattr(owner, failing, fail)
    with pytest.raises(TranscriptError, match=r"cannot record into .*: No space left on device"):
        record(writer, DB, replace(RUN, id="run-2"))
    monkeypatch.undo()
    assert [found.host.name for found in read_bundle(recorded).hosts] == ["web1"]
    assert not list(recorded.rglob("*.new"))


def test_only_an_empty_directory_or_a_bundle_is_written_to(tmp_path: Path) -> None:
    (tmp_path / "letters").write_text("dear")
    with pytest.raises(TranscriptError, match="is not empty and holds no bundle"):
        BundleWriter(tmp_path)
    with pytest.raises(TranscriptError, match=r"cannot record into .*letters: (File exists|Not a directory)"):
        BundleWriter(tmp_path / "letters")
    assert (tmp_path / "letters").read_text() == "dear"


def test_an_altered_object_is_refused(recorded: Path) -> None:
    other, altered, *_ = sorted(path for path in (recorded / "objects").rglob("*") if path.is_file())
    shutil.copy(other, altered)
    with pytest.raises(TranscriptError, match=r"object [0-9a-f]{64}: .*another digest; the bundle was altered"):
        read_bundle(recorded)


@pytest.mark.parametrize("spoil", [Path.unlink, lambda path: (path.unlink(), path.symlink_to("/etc/passwd"))])
def test_an_object_that_is_gone_or_a_link_is_refused(recorded: Path, spoil: Callable[[Path], object]) -> None:
    spoil(next(path for path in (recorded / "objects").rglob("*") if path.is_file()))
    with pytest.raises(TranscriptError, match=r"object [0-9a-f]{64}: cannot read"):
        read_bundle(recorded)


def test_a_pipe_in_place_of_an_object_does_not_block(recorded: Path) -> None:
    path = next(path for path in (recorded / "objects").rglob("*") if path.is_file())
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(TranscriptError, match="is not a regular file"):
        read_bundle(recorded)


@pytest.mark.parametrize("escape", ["../../../etc/passwd", "/etc/passwd", "ab/" + "0" * 61, "A" * 64])
def test_no_name_leads_out_of_the_bundle(recorded: Path, escape: str) -> None:
    manifest = json.loads((recorded / "bundle.json").read_bytes())
    manifest["hosts"][0]["transcript"] = escape
    (recorded / "bundle.json").write_text(json.dumps(manifest))
    with pytest.raises(TranscriptError, match=r"bundle.json is malformed: hosts\.0\.transcript: String should match"):
        read_bundle(recorded)


def test_a_transcript_of_another_host_is_refused(recorded: Path) -> None:
    manifest = json.loads((recorded / "bundle.json").read_bytes())
    manifest["hosts"][0]["transcript"] = manifest["hosts"][1]["transcript"]
    (recorded / "bundle.json").write_text(json.dumps(manifest))
    with pytest.raises(TranscriptError, match="gives muster/web1 the transcript of muster/db1"):
        read_bundle(recorded)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b'{"schema": "secaudit.bundle/2", "new": 1}', "has the schema 'secaudit.bundle/2'; this secaudit reads"),
        (b'{"hosts": []}', "has the schema 'None'"),
        (b"[]", "has the schema 'None'"),
        (b"{", "is not JSON"),
        (b'{"schema": "secaudit.bundle/1", "hosts": []}', "malformed: run: Field required"),
    ],
)
def test_a_strange_manifest_is_refused(recorded: Path, content: bytes, complaint: str) -> None:
    (recorded / "bundle.json").write_bytes(content)
    with pytest.raises(TranscriptError, match=complaint):
        read_bundle(recorded)


def test_what_is_no_bundle_is_refused(tmp_path: Path, recorded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TranscriptError, match="is not a directory"):
        read_bundle(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(TranscriptError, match=r"holds no bundle\.json"):
        read_bundle(tmp_path / "empty")
    monkeypatch.setattr(bundle_module, "TOTAL_LIMIT", 5)
    with pytest.raises(TranscriptError, match="holds outputs of more than 5 bytes in total"):
        read_bundle(recorded)
    monkeypatch.setattr(bundle_module, "MANIFEST_LIMIT", 10)
    with pytest.raises(TranscriptError, match="is larger than 10 bytes"):
        read_bundle(recorded)
