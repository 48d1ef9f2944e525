"""Parts that others made: only our tables, with values of their types, are asked anything."""

from __future__ import annotations

import hashlib
import io
import json
import sqlite3
import tarfile
import time
from datetime import timedelta
from pathlib import Path

import pytest
from secaudit.checks.patch.feeds import schema
from secaudit.checks.patch.feeds.bundles import export_bundle, import_bundle
from secaudit.checks.patch.feeds.importing import import_feeds
from secaudit.checks.patch.feeds.index import read_index
from secaudit.checks.patch.feeds.lookup import AdvisorySource
from secaudit.checks.patch.feeds.records import FeedError

from secaudit.api import Platform, Unproven
from tests.checks.judging import AT

from .feeding import feed, osv

BOOKWORM = Platform("debian", "12")
ENDLESS = (
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT 'p' || i AS name, NULL AS highest FROM n"
)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Feeds with two advisories."""
    path = feed(tmp_path, osv("DSA-1-1", "jq", "1-1"), osv("DSA-2-1", "zip", "1-1"))
    import_feeds((path,), tmp_path / "feeds", AT)
    return tmp_path / "feeds"


def change(directory: Path, *statements: str) -> None:
    """Run statements on the part, and give it the name and the entry in the index that it should have."""
    index = json.loads((directory / "feeds.json").read_text())
    (part,) = index["parts"]
    old = directory / f"{part['sha256']}.sqlite"
    connection = sqlite3.connect(old, isolation_level=None)
    for statement in statements:
        connection.execute(statement)
    connection.close()
    part["sha256"] = hashlib.sha256(old.read_bytes()).hexdigest()
    old.rename(directory / f"{part['sha256']}.sqlite")
    (directory / "feeds.json").write_text(json.dumps(index))


def bundled(directory: Path) -> Path:
    export_bundle(directory, directory.parent / "all.feeds.tar")
    return directory.parent / "all.feeds.tar"


@pytest.mark.parametrize(
    ("statements", "named"),
    [
        (["DROP TABLE package", f"CREATE VIEW package AS {ENDLESS}"], "the view 'package'"),
        (["CREATE VIEW more AS SELECT 1"], "the view 'more'"),
        (["CREATE TRIGGER t AFTER INSERT ON advisory BEGIN DELETE FROM affected; END"], "the trigger 't'"),
        (["CREATE TABLE more (name TEXT)"], "the table 'more'"),
        (["CREATE INDEX more ON affected (state)"], "the index 'more'"),
        (["CREATE INDEX more ON affected (upper(name))"], "the index 'more'"),
        (["ALTER TABLE affected ADD COLUMN more TEXT AS (upper(name)) VIRTUAL"], "the table 'affected'"),
        (["ALTER TABLE package RENAME TO packages"], "the table 'packages'"),
        (["DROP TABLE statement"], "no table 'statement'"),
    ],
)
def test_what_a_part_never_has_is_refused_before_anything_is_asked(
    directory: Path, tmp_path: Path, statements: list[str], named: str
) -> None:
    change(directory, *statements)
    began = time.process_time()
    with pytest.raises(FeedError, match=named):
        import_bundle(bundled(directory), tmp_path / "there", AT)
    assert read_index(tmp_path / "there").parts == ()
    with pytest.raises(Unproven, match=named):
        AdvisorySource(directory).load(BOOKWORM)
    with pytest.raises(FeedError, match=named):
        import_feeds((feed(tmp_path, osv("DSA-3-1", "curl", "1-1"), name="b.jsonl"),), directory, AT)
    assert time.process_time() - began < 20


def test_a_virtual_table_is_refused(directory: Path, tmp_path: Path) -> None:
    try:
        change(directory, "CREATE VIRTUAL TABLE more USING fts5(name)")
    except sqlite3.OperationalError:
        pytest.skip("this SQLite has no fts5")
    with pytest.raises(FeedError, match="the table 'more"):
        import_bundle(bundled(directory), tmp_path / "there", AT)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE affected SET fixed = 'text'",
        "UPDATE affected SET state = 'forgotten'",
        "UPDATE affected SET name = x'00'",
        "UPDATE affected SET seen = 1e300",
        "UPDATE affected SET version = zeroblob(100000000)",
        "UPDATE advisory SET severity = 77",
        "UPDATE advisory SET published = 9223372036854775807",
        "UPDATE package SET highest = 7.5",
        "INSERT INTO exploited VALUES ('CVE-2026-1', 'tomorrow', '2026-01-01', 0)",
        "INSERT INTO score VALUES ('CVE-2026-1', 9e99, 0)",
        "INSERT INTO support VALUES ('debian', '12', '2026-13-01', NULL, '', 0)",
        "INSERT INTO newest_minor VALUES ('rhel', '9', 'four', '2026-01-01')",
        "INSERT INTO statement VALUES ('CVE-1', 'pkg:deb/x', 'fixed', '', '', 0, '2026-02-30', 1)",
    ],
)
def test_values_that_a_part_cannot_have_are_refused(directory: Path, tmp_path: Path, statement: str) -> None:
    change(directory, statement)
    with pytest.raises(FeedError, match=r"a value that it cannot have|too big"):
        import_bundle(bundled(directory), tmp_path / "there", AT)
    assert read_index(tmp_path / "there").parts == ()


def test_a_part_takes_bounded_time_and_room(directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = bundled(directory)
    with monkeypatch.context() as patched:
        patched.setattr(schema, "_MAX_STEPS", 10)
        patched.setattr(schema, "_STEPS", 1)
        with pytest.raises(FeedError, match="more work to look at"):
            import_bundle(bundle, tmp_path / "there", AT)
    monkeypatch.setattr("secaudit.checks.patch.feeds.bundles.MAX_PART", 100)
    with pytest.raises(FeedError, match="larger than a part can be"):
        import_bundle(bundle, tmp_path / "there", AT)


def test_what_is_no_database_is_refused(tmp_path: Path) -> None:
    data = b"SQLite format 3\0" + b"x" * 5000
    part: dict[str, object] = {"feed": "osv", "release": "debian:12", "at": AT.isoformat(), "imported": AT.isoformat()}
    part |= {"sha256": hashlib.sha256(data).hexdigest(), "entries": 1, "ranges": 1, "left_out": {}}
    members = {"feeds.json": json.dumps({"schema": "secaudit.feeds/1", "parts": [part]}).encode()}
    members[f"{part['sha256']}.sqlite"] = data
    with tarfile.open(tmp_path / "all.feeds.tar", "w") as out:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            out.addfile(info, io.BytesIO(content))
    with pytest.raises(FeedError, match=r"not a database|malformed|damaged"):
        import_bundle(tmp_path / "all.feeds.tar", tmp_path / "there", AT)


def test_parts_of_earlier_versions_are_read(directory: Path, tmp_path: Path) -> None:
    """Without an account of sources and streams, as they lie in directories and bundles."""
    change(
        directory,
        "ALTER TABLE advisory DROP COLUMN changed",
        "ALTER TABLE advisory DROP COLUMN source",
        "ALTER TABLE affected DROP COLUMN stream",
        "ALTER TABLE statement DROP COLUMN source",
        *(f"DROP TABLE {name}" for name in ("source", "superseded", "stream", "newest_minor")),
    )
    index = json.loads((directory / "feeds.json").read_text())
    del index["parts"][0]["sources"]
    (directory / "feeds.json").write_text(json.dumps(index))
    import_bundle(bundled(directory), tmp_path / "there", AT)
    standing = AdvisorySource(tmp_path / "there").load(BOOKWORM).standing("jq", "0-1")
    assert standing is not None
    assert [flaw.id for flaw in standing.flaws] == ["DSA-1-1"]

    paths = [feed(tmp_path, osv("DSA-1-1", "jq", "1-1"), osv("DSA-4-1", "jq", "1-1"), name="b.jsonl")]
    (part,) = import_feeds(tuple(paths), tmp_path / "there", AT + timedelta(days=1))
    assert (part.ranges, len(part.sources)) == (2, 1)
