"""Fetching whole archives: what breaks off is gone on with, editions never mix, and a pointer names the newest."""

from __future__ import annotations

import hashlib
import io
import json
import lzma
import tarfile
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
from secaudit.checks.patch.feeds.index import read_index
from secaudit.checks.patch.feeds.updating import Outcome, update

from secaudit.model.feed import FeedSource, FeedSources

from .feeding import osv

DAY = timedelta(days=1)


class _Archive(BaseHTTPRequestHandler):
    """Gives at most `most` bytes of a file at a time, and notes what was asked for."""

    files: ClassVar[dict[str, bytes]] = {}
    asked: ClassVar[list[tuple[str, str | None]]] = []
    most = 1_000_000
    resumes = True
    lies = False

    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        self.asked.append((self.path, wanted))
        data = self.files.get(self.path)
        if data is None:
            self.send_error(404)
            return
        etag = f'"{hashlib.sha256(data).hexdigest()[:8]}"'
        if self.headers.get("If-None-Match") == etag:
            self.send_response(304)
            self.end_headers()
            return
        start = 0
        if wanted and self.resumes and self.headers.get("If-Range") == etag:
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
            self.send_response(206)
            told = start + 1 if self.lies else start
            self.send_header("Content-Range", f"bytes {told}-{len(data) - 1}/{len(data)}")
        else:
            self.send_response(200)
        self.send_header("ETag", etag)
        self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        self.wfile.write(data[start : start + self.most])

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def publisher(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A server on loopback; gives its address."""
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    _Archive.files, _Archive.asked = {}, []
    _Archive.most, _Archive.resumes, _Archive.lies = 1_000_000, True, False
    with ThreadingHTTPServer(("127.0.0.1", 0), _Archive) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def archive(*numbers: int) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as made:
        for number in numbers:
            data = json.dumps(osv(f"DSA-{number}-1", "jq", f"2.{number}-1")).encode()
            info = tarfile.TarInfo(f"osv/DSA-{number}-1.json")
            info.size = len(data)
            made.addfile(info, io.BytesIO(data))
    return lzma.compress(out.getvalue())


def updated(url: str, tmp_path: Path, now: datetime | None = None) -> Outcome:
    (outcome,) = update(FeedSources((FeedSource(url),)), tmp_path / "feeds", now or datetime.now(UTC))
    return outcome


def ranges(tmp_path: Path) -> int:
    return sum(part.ranges for part in read_index(tmp_path / "feeds").parts)


def begun(tmp_path: Path) -> list[str]:
    return sorted(path.suffix for path in (tmp_path / "feeds").glob("fetched-*"))


def test_what_breaks_off_is_gone_on_with_at_once(publisher: str, tmp_path: Path) -> None:
    data = _Archive.files["/osv-all.tar.xz"] = archive(*range(200))
    _Archive.most = len(data) // 3 + 1
    assert not updated(f"{publisher}/osv-all.tar.xz", tmp_path).failed
    assert ranges(tmp_path) == 200
    assert [wanted for _, wanted in _Archive.asked] == [None, f"bytes={_Archive.most}-", f"bytes={2 * _Archive.most}-"]
    assert begun(tmp_path) == []
    assert updated(f"{publisher}/osv-all.tar.xz", tmp_path).text.endswith("not changed")


def test_and_at_the_next_update(publisher: str, tmp_path: Path) -> None:
    data = _Archive.files["/osv-all.tar.xz"] = archive(*range(200))
    _Archive.most = len(data) // 20
    first = updated(f"{publisher}/osv-all.tar.xz", tmp_path)
    assert first.failed
    assert "the next update goes on from there" in first.text
    assert begun(tmp_path) == [".json", ".part"]
    _Archive.most, _Archive.asked[:] = len(data), []
    assert not updated(f"{publisher}/osv-all.tar.xz", tmp_path).failed
    assert _Archive.asked == [("/osv-all.tar.xz", f"bytes={8 * (len(data) // 20)}-")]
    assert ranges(tmp_path) == 200


def test_two_editions_never_mix(publisher: str, tmp_path: Path) -> None:
    _Archive.files["/osv-all.tar.xz"] = archive(*range(200))
    _Archive.most = 100
    assert updated(f"{publisher}/osv-all.tar.xz", tmp_path).failed
    _Archive.files["/osv-all.tar.xz"], _Archive.most = archive(*range(300)), 1_000_000
    assert not updated(f"{publisher}/osv-all.tar.xz", tmp_path).failed
    assert ranges(tmp_path) == 300


@pytest.mark.parametrize("lies", [False, True])
def test_a_server_that_does_not_go_on(publisher: str, tmp_path: Path, lies: bool) -> None:
    _Archive.files["/osv-all.tar.xz"] = archive(*range(200))
    _Archive.most, _Archive.resumes, _Archive.lies = 100, lies, lies
    outcome = updated(f"{publisher}/osv-all.tar.xz", tmp_path)
    assert outcome.failed
    assert ("another part of the file" if lies else "broke off after 100 of") in outcome.text
    assert len(_Archive.asked) == 2
    assert ranges(tmp_path) == 0


def test_a_pointer_names_the_newest_archive(publisher: str, tmp_path: Path) -> None:
    pointer, now = f"{publisher}/vex/archive_latest.txt", datetime.now(UTC)
    for day, count in ((1, 20), (2, 30)):
        name = f"csaf_vex_2026-11-0{day}.tar.xz"
        _Archive.files["/vex/archive_latest.txt"] = f"{name}\n".encode()
        _Archive.files[f"/vex/{name}"] = archive(*range(count))
        assert updated(pointer, tmp_path, now).text.endswith("osv debian:12")
        assert updated(pointer, tmp_path, now + DAY).text.endswith("not changed")
        assert ranges(tmp_path) == count
    (part,) = read_index(tmp_path / "feeds").parts
    assert [one.name for one in part.sources] == [pointer], "the pointer is the source, whatever it points to"


@pytest.mark.parametrize("text", ["../../etc/passwd", "https://evil.example/a.tar.xz", "", "<html>", "a b.tar.xz"])
def test_a_pointer_to_elsewhere_is_refused(publisher: str, tmp_path: Path, text: str) -> None:
    _Archive.files["/vex/archive_latest.txt"] = text.encode()
    outcome = updated(f"{publisher}/vex/archive_latest.txt", tmp_path)
    assert outcome.failed
    assert "names no archive" in outcome.text
    assert len(_Archive.asked) == 1


def test_what_was_begun_of_an_address_goes_with_it(publisher: str, tmp_path: Path) -> None:
    _Archive.files["/a.tar.xz"] = archive(*range(200))
    _Archive.files["/b.tar.xz"] = archive(1)
    _Archive.most = 100
    assert updated(f"{publisher}/a.tar.xz", tmp_path).failed
    assert begun(tmp_path) == [".json", ".part"]
    _Archive.most = 1_000_000
    assert not updated(f"{publisher}/b.tar.xz", tmp_path).failed
    assert begun(tmp_path) == []
