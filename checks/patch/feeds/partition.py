"""Writing one part: an SQLite file in which versions are kept as byte keys, so that SQL compares them."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from secaudit.api import Severity

from ..versions import InvalidVersion
from .records import (
    AdvisoryRecord,
    AffectedRange,
    ExploitedRecord,
    FeedError,
    ScoreRecord,
    State,
    StatementRecord,
    SupportRecord,
)

_TABLES = """
CREATE TABLE advisory (
  aid INTEGER PRIMARY KEY, id TEXT NOT NULL, severity INTEGER NOT NULL, published INTEGER, released INTEGER,
  cves TEXT NOT NULL
);
CREATE TABLE affected (
  name TEXT NOT NULL, introduced BLOB, fixed BLOB, version TEXT NOT NULL, state TEXT NOT NULL, channel TEXT NOT NULL,
  seen INTEGER NOT NULL, aid INTEGER NOT NULL
);
CREATE TABLE stream (id TEXT NOT NULL, stream TEXT NOT NULL);
CREATE TABLE package (name TEXT PRIMARY KEY, highest BLOB) WITHOUT ROWID;
CREATE TABLE exploited (cve TEXT PRIMARY KEY, added TEXT NOT NULL, due TEXT NOT NULL, ransomware INTEGER NOT NULL)
  WITHOUT ROWID;
CREATE TABLE score (cve TEXT PRIMARY KEY, score REAL NOT NULL, percentile REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE support (
  distribution TEXT NOT NULL, release TEXT NOT NULL, until TEXT NOT NULL, extended TEXT, extension TEXT NOT NULL,
  subscription INTEGER NOT NULL, PRIMARY KEY (distribution, release)
) WITHOUT ROWID;
CREATE TABLE statement (
  names TEXT NOT NULL, product TEXT NOT NULL, status TEXT NOT NULL, reason TEXT NOT NULL, author TEXT NOT NULL,
  at INTEGER NOT NULL, expires TEXT NOT NULL
);
"""
_BATCH = 5_000
_MOST_KEYS = 200_000
_STATES = {state: state.value for state in State}
_NEW = b"new"
"""Stands for a version that was not seen yet; compared by identity."""

SEVERITIES: tuple[Severity | None, ...] = (None, *Severity)
"""Severities by the number that is kept: 0 is not stated."""


class Head(NamedTuple):
    """An advisory as it is kept, but for its ranges; times are seconds since 1970."""

    id: str
    severity: int
    published: int | None
    released: int | None
    cves: str


def head_of(record: AdvisoryRecord) -> Head:
    """What is kept of a record beside its ranges."""
    severity = SEVERITIES.index(record.severity)
    return Head(record.id, severity, _seconds(record.published), _seconds(record.released), " ".join(record.cves))


class PartWriter:
    """Takes the records of one feed about one release and writes them to a file that nobody reads yet."""

    def __init__(self, path: Path, key: Callable[[str], bytes] | None, seen: datetime) -> None:
        self.path = path
        self.entries = 0
        self.ranges = 0
        self._key = key
        self._keys: dict[str, bytes | None] = {}
        self._seen = int(seen.timestamp())
        self._advisories: list[tuple[object, ...]] = []
        self._affected: list[tuple[object, ...]] = []
        # Nobody sees the file before it is complete, so no journal is needed.
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.executescript(f"PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; {_TABLES} BEGIN;")

    def add_streams(self, id_: str, streams: tuple[str, ...]) -> None:
        """Note which module streams an advisory is about."""
        self._connection.executemany("INSERT INTO stream VALUES (?, ?)", [(id_, stream) for stream in streams])

    def add_advisory(self, head: Head, ranges: list[AffectedRange]) -> None:
        """Add a record with those of its ranges that are about this release."""
        self.entries += 1
        self.ranges += len(ranges)
        aid = self.entries
        self._advisories.append((aid, *head))
        seen, keys, affected = self._seen, self._keys, self._affected
        for _, name, introduced, fixed, state, channel, last in ranges:
            # Looked up here before it is asked for: most versions come again, and calls are what a million ranges cost.
            low = (keys.get(introduced) or self._key_of(introduced)) if introduced else b""
            high = (keys.get(fixed) or self._key_of(fixed)) if fixed else b""
            if low is None or high is None:
                row: tuple[object, ...] = (name, None, None, fixed, State.UNREADABLE.value, channel, seen, aid)
            else:
                if low and high and high < low:
                    raise FeedError(f"{head.id}: {name}: fixed in {fixed!r}, which is before {introduced!r}")
                # Keys delimit themselves: nothing lies between a key and the same key with a byte behind it.
                bound = high + b"\0" if last else high
                row = (name, low or None, bound or None, "" if last else fixed, _STATES[state], channel, seen, aid)
            affected.append(row)
        if len(affected) >= _BATCH:
            self._flush()

    def add_exploited(self, record: ExploitedRecord) -> None:
        """Add an entry of the catalogue of exploited vulnerabilities."""
        row = record.cve, str(record.added), str(record.due), int(record.ransomware)
        self._insert("INSERT INTO exploited VALUES (?, ?, ?, ?)", row, record.cve)

    def add_score(self, record: ScoreRecord) -> None:
        """Add a score."""
        self._insert("INSERT INTO score VALUES (?, ?, ?)", record, record.cve)

    def add_support(self, record: SupportRecord) -> None:
        """Add the support dates of a release."""
        distribution, release, until, extended, extension, subscription = record
        row = distribution, release, str(until), str(extended) if extended else None, extension, int(subscription)
        self._insert("INSERT INTO support VALUES (?, ?, ?, ?, ?, ?)", row, f"{distribution} {release}")

    def add_statement(self, record: StatementRecord) -> None:
        """Add what somebody states about a flaw."""
        names, product, status, reason, author, at, expires = record
        row = " ".join(names), product, status, reason, author, int(at.timestamp()), str(expires)
        self._insert("INSERT INTO statement VALUES (?, ?, ?, ?, ?, ?, ?)", row, product)

    def _insert(self, statement: str, row: tuple[object, ...], name: str) -> None:
        self.entries += 1
        try:
            self._connection.execute(statement, row)
        except sqlite3.IntegrityError:
            raise FeedError(f"{name} comes twice") from None

    def finish(self, before: Path | None) -> None:
        """Complete the file and force it to disk.

        Fixes without a date of release keep the moment at which they were first seen in the part `before`.
        """
        self._flush()
        self._connection.execute("CREATE INDEX affected_name ON affected (name, fixed, introduced)")
        # A version that is as high as the highest fix has no flaw: most packages need no further question.
        self._connection.execute(
            "INSERT INTO package SELECT name, CASE WHEN count(fixed) = count(*) THEN max(fixed) END"
            " FROM affected GROUP BY name"
        )
        self._connection.execute("COMMIT")
        if before is not None:
            self._keep_first_sightings(before)
        self._connection.close()
        with self.path.open("rb") as file:
            os.fsync(file.fileno())

    def abandon(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def _keep_first_sightings(self, before: Path) -> None:
        self._connection.execute("ATTACH ? AS old", (f"{before}",))
        self._connection.execute(
            "UPDATE affected SET seen = min(seen, coalesce((SELECT min(o.seen) FROM old.affected o"
            " JOIN old.advisory a ON a.aid = o.aid JOIN main.advisory mine ON mine.id = a.id"
            " WHERE o.name = affected.name AND o.version = affected.version AND mine.aid = affected.aid), seen))"
            " WHERE aid IN (SELECT aid FROM main.advisory WHERE released IS NULL)"
        )
        self._connection.execute("DETACH old")

    def _flush(self) -> None:
        self._connection.executemany("INSERT INTO advisory VALUES (?, ?, ?, ?, ?, ?)", self._advisories)
        self._connection.executemany("INSERT INTO affected VALUES (?, ?, ?, ?, ?, ?, ?, ?)", self._affected)
        self._advisories.clear()
        self._affected.clear()

    def _key_of(self, version: str) -> bytes | None:
        """The key, None for what is no version; feeds repeat the same ones, and making a key costs."""
        known = self._keys.get(version, _NEW)
        if known is not _NEW:
            return known
        if self._key is None:
            return None
        try:
            key: bytes | None = self._key(version)
        except InvalidVersion:
            key = None
        if len(self._keys) >= _MOST_KEYS:
            self._keys.clear()
        self._keys[version] = key
        return key


def _seconds(value: datetime | None) -> int | None:
    return None if value is None else int(value.timestamp())
