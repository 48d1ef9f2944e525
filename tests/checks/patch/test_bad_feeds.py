"""Feeds as an attacker, a broken mirror or a full disk may give them: a clear error, and the feed of before stays."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from secaudit.checks.patch.commands import command
from secaudit.checks.patch.feeds.importing import import_feeds
from secaudit.checks.patch.feeds.lookup import AdvisorySource

from secaudit.api import MIB, Platform
from secaudit.model.errors import UserError
from tests.checks.judging import AT

from .feeding import feed, osv

GIB = 1024 * MIB


def lines(*records: object) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        path = folder / "bad.jsonl"
        path.write_text("".join(f"{one if isinstance(one, str) else json.dumps(one)}\n" for one in records))
        return path

    return write


def archive(name: str, content: bytes) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        path = folder / "bad.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as out:
            out.writestr(name, content)
        return path

    return write


def huge_line(folder: Path) -> Path:
    """A line of 1 GiB; a sparse file, so that it costs the disk nothing."""
    path = folder / "bad.jsonl"
    with path.open("wb") as out:
        out.truncate(GIB)
    return path


GOOD = osv("DSA-1-1", "jq", "1-1")


def ranges(*events: dict[str, str]) -> dict[str, object]:
    record = osv("DSA-2-1", "jq")
    record["affected"][0]["ranges"][0]["events"] = list(events)
    return record


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        pytest.param(
            lines(GOOD, '{"id": "DSA-2-1", "affected": ['), r"bad\.jsonl: line 2: not JSON: .*column", id="malformed"
        ),
        pytest.param(lines({**GOOD, "schema_version": "2.0.0"}), r"line 1: schema version '2\.0\.0'", id="schema"),
        pytest.param(archive("a.json", b" " * (100 * MIB)), r"bad\.zip: a\.json: ", id="zip bomb"),
        pytest.param(archive("a.jsonl", b"x" * (100 * MIB)), r"line 1 is longer than 64 MiB", id="zip bomb, one line"),
        pytest.param(archive("../../etc/a.json", b"{}"), r"'\.\./\.\./etc/a\.json' leaves the archive", id="traversal"),
        pytest.param(archive("/etc/a.json", b"{}"), r"'/etc/a\.json' leaves the archive", id="absolute path"),
        pytest.param(archive("..\\..\\a.json", b"{}"), r"leaves the archive", id="backslashes"),
        pytest.param(lines(GOOD, GOOD), r"line 2: DSA-1-1 comes twice", id="duplicate ids"),
        pytest.param(lines({**GOOD, "modified": "2027-01-01T00:00:00Z"}), r"2027-01-01 .*in the future", id="future"),
        pytest.param(
            lines(ranges({"introduced": "2-1"}, {"fixed": "1-1"})),
            r"fixed in '1-1', which is before '2-1'",
            id="reversed",
        ),
        pytest.param(lines(ranges({"fixed": "1-1"})), r"without a version that introduced it", id="no introduction"),
        pytest.param(
            lines(ranges({"introduced": "0"}, {"introduced": "1-1"})), r"introduced twice", id="introduced twice"
        ),
        pytest.param(huge_line, r"line 1 is longer than 64 MiB", id="a line of 1 GiB"),
    ],
)
def test_a_bad_feed_says_what_is_wrong_and_changes_nothing(
    tmp_path: Path, bad: Callable[[Path], Path], message: str
) -> None:
    directory = tmp_path / "feeds"
    import_feeds((feed(tmp_path, osv("DSA-0-1", "zip", "1-1")),), directory, AT - timedelta(days=1), as_of=AT)
    before = {path.name: path.read_bytes() for path in directory.iterdir()}
    ran = CliRunner().invoke(command, ["import", str(bad(tmp_path)), "--feeds", str(directory)], standalone_mode=False)

    assert isinstance(ran.exception, UserError), ran.output
    with pytest.raises(UserError, match=message):
        raise ran.exception
    assert {path.name: path.read_bytes() for path in directory.iterdir()} == before
    assert AdvisorySource(directory).load(Platform("debian", "12")).names == {"zip"}
