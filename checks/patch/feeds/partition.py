"""Writing one part: an SQLite file in which versions are kept as byte keys, so that SQL compares them."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
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
from .schema import INDEX_BY_NAME, TABLES, refuse_foreign

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
    changed: int | None


def head_of(record: AdvisoryRecord) -> Head:
    """What is kept of a record beside its ranges."""
    severity = SEVERITIES.index(record.severity)
    dates = _seconds(record.published), _seconds(record.released)
    return Head(record.id, severity, *dates, " ".join(record.cves), _seconds(record.changed))


@dataclass
class Size:
    """How many entries, and how many ranges of versions."""

    entries: int = 0
    ranges: int = 0


class PartWriter:
    """Takes the records of one feed about one release and writes them to a file that nobody reads yet.

    Every record belongs to the source that `from_source` named last.
    """

    def __init__(self, path: Path, key: Callable[[str], bytes] | None, seen: datetime, *, unique: bool = False) -> None:
        """`unique`: an id stands for one record; of several sources' the newest counts, and identical ones are one."""
        self.path = path
        self._unique = unique
        self._sources: dict[str, Size] = {}
        self._source = 0
        self._size = Size()
        self._aid = 0
        self._outdated: set[tuple[str, int]] = set()
        self._key = key
        self._keys: dict[str, bytes | None] = {}
        self._seen = int(seen.timestamp())
        self._advisories: list[tuple[object, ...]] = []
        self._affected: list[tuple[object, ...]] = []
        # Nobody sees the file before it is complete, so no journal is needed.
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.executescript(
            f"PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; {'; '.join(TABLES)}; BEGIN;"
        )

    def from_source(self, name: str) -> None:
        """What is added from here on comes from this source."""
        if name not in self._sources:
            self._sources[name] = Size()
            row = len(self._sources), name
            self._connection.execute("INSERT INTO source VALUES (?, ?)", row)
        self._source = 1 + list(self._sources).index(name)
        self._size = self._sources[name]

    @property
    def sources(self) -> Mapping[str, Size]:
        """How much came from each source, by its name; right when `finish` was called."""
        return self._sources

    def outdate(self, id_: str) -> None:
        """Only the newest of the records of this id is to stay, of those of the present source."""
        self._outdated.add((id_, self._source))

    def add_streams(self, id_: str, streams: tuple[str, ...]) -> None:
        """Note which module streams an advisory is about."""
        self._connection.executemany("INSERT INTO stream VALUES (?, ?)", [(id_, stream) for stream in streams])

    def add_advisory(self, head: Head, ranges: list[AffectedRange]) -> None:
        """Add a record with those of its ranges that are about this release."""
        self._size.entries += 1
        self._size.ranges += len(ranges)
        self._aid = aid = self._aid + 1
        self._advisories.append((aid, *head, self._source))
        seen, keys, affected = self._seen, self._keys, self._affected
        for _, name, introduced, fixed, state, channel, last, stream in ranges:
            # Looked up here before it is asked for: most versions come again, and calls are what a million ranges cost.
            low = (keys.get(introduced) or self._key_of(introduced)) if introduced else b""
            high = (keys.get(fixed) or self._key_of(fixed)) if fixed else b""
            if low is None or high is None:
                row: tuple[object, ...] = (name, None, None, fixed, State.UNREADABLE.value, channel, seen, aid, stream)
            else:
                if low and high and high < low:
                    raise FeedError(f"{head.id}: {name}: fixed in {fixed!r}, which is before {introduced!r}")
                # Keys delimit themselves: nothing lies between a key and the same key with a byte behind it.
                bound = high + b"\0" if last else high
                row = (
                    name,
                    low or None,
                    bound or None,
                    "" if last else fixed,
                    _STATES[state],
                    channel,
                    seen,
                    aid,
                    stream,
                )
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
        distribution, release, until, extended, extension, subscription, minor, since = record
        row = distribution, release, str(until), str(extended) if extended else None, extension, int(subscription)
        self._insert("INSERT INTO support VALUES (?, ?, ?, ?, ?, ?)", row, f"{distribution} {release}")
        if minor is not None:
            self._connection.execute(
                "INSERT INTO newest_minor VALUES (?, ?, ?, ?)", (distribution, release, minor, str(since))
            )

    def add_statement(self, record: StatementRecord) -> None:
        """Add what somebody states about a flaw."""
        names, product, status, reason, author, at, expires = record
        row = " ".join(names), product, status, reason, author, int(at.timestamp()), str(expires), self._source
        self._insert("INSERT INTO statement VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row, product)

    def _insert(self, statement: str, row: tuple[object, ...], name: str) -> None:
        self._size.entries += 1
        try:
            self._connection.execute(statement, row)
        except sqlite3.IntegrityError:
            raise FeedError(f"{name} comes twice") from None

    def keep(self, part: Path, names: Collection[str]) -> None:
        """Take over what came from these sources, out of another part; an earlier version's has the nameless one."""
        self._flush()
        self._connection.execute("COMMIT")
        self._attach(part)
        self._connection.execute("BEGIN")
        known = self._connection.execute("SELECT 1 FROM other.sqlite_master WHERE name = 'source'").fetchone()
        others = self._connection.execute("SELECT sid, name FROM other.source").fetchall() if known else [(0, "")]
        for sid, name in others:
            if name in names:
                self.from_source(name)
                self._take(sid, with_sources=bool(known))
        streams = self._connection.execute("SELECT 1 FROM other.sqlite_master WHERE name = 'stream'").fetchone()
        if streams:
            self._connection.execute(
                "INSERT INTO stream SELECT id, stream FROM other.stream WHERE id IN (SELECT id FROM main.advisory)"
                " EXCEPT SELECT id, stream FROM main.stream"
            )
        self._connection.execute("COMMIT")
        self._connection.execute("DETACH other")
        self._connection.execute("BEGIN")

    def _attach(self, part: Path) -> None:
        """Make another part readable as `other`. Raises FeedError when it is not of our form."""
        self._connection.execute("ATTACH ? AS other", (f"{part}",))
        refuse_foreign(self._connection, f"{part}", "other")

    def _take(self, sid: int, *, with_sources: bool) -> None:
        """Copy the rows of the source that has the number `sid` in the attached part."""
        run, mine = self._connection.execute, self._source
        changed, of_source = ("changed", "source = ?1") if with_sources else ("NULL", "?1 = 0")
        run(
            "INSERT INTO advisory SELECT aid + ?2, id, severity, published, released, cves,"  # noqa: S608 - constants
            f" {changed}, ?3 FROM other.advisory WHERE {of_source}",
            (sid, self._aid, mine),
        )
        stream = "stream" if with_sources else "''"
        run(
            "INSERT INTO affected"  # noqa: S608 - constants
            f" SELECT name, introduced, fixed, version, state, channel, seen, aid + ?2, {stream}"
            f" FROM other.affected WHERE aid IN (SELECT aid FROM other.advisory WHERE {of_source})",
            (sid, self._aid),
        )
        run(
            "INSERT INTO statement SELECT names, product, status, reason, author, at, expires, ?2"  # noqa: S608
            f" FROM other.statement WHERE {of_source}",
            (sid, mine),
        )
        (highest,) = run("SELECT coalesce(max(aid), 0) FROM main.advisory").fetchone()
        self._aid = max(self._aid, int(highest))

    def repeats(self, part: Path, source: str) -> bool:
        """Whether at least half of what `source` says in another part was added here: an edition of the same thing."""
        self._flush()
        self._connection.execute("COMMIT")
        self._attach(part)
        try:
            of_source = "source = (SELECT sid FROM other.source WHERE name = ?)"
            said = repeated = 0
            for table, column in (("advisory", "id"), ("statement", "author || ' ' || product || ' ' || names")):
                each = f"SELECT DISTINCT {column} FROM other.{table} WHERE {of_source}"  # noqa: S608 - constants
                mine = f"SELECT {column} FROM main.{table}"  # noqa: S608 - constants
                counted = "SELECT count(*) FROM ({})"
                said += self._connection.execute(counted.format(each), (source,)).fetchone()[0]
                both = f"{each} INTERSECT {mine}"
                repeated += self._connection.execute(counted.format(both), (source,)).fetchone()[0]
            return bool(said) and 2 * repeated >= said
        finally:
            self._connection.execute("DETACH other")
            self._connection.execute("BEGIN")

    def finish(self, before: Path | None) -> Size:
        """Complete the file, force it to disk, and say how much it holds.

        Fixes without a date of release keep the moment at which they were first seen in the part `before`.
        """
        self._flush()
        self._drop_outdated()
        if self._unique and len(self._sources) > 1:
            self._supersede()
        self._connection.execute(INDEX_BY_NAME)
        # A version that is as high as the highest fix has no flaw: most packages need no further question.
        self._connection.execute(
            "INSERT INTO package SELECT name, CASE WHEN count(fixed) = count(*) THEN max(fixed) END"
            " FROM affected GROUP BY name"
        )
        self._count()
        size = self._connection.execute(
            "SELECT (SELECT count(*) FROM advisory WHERE aid NOT IN (SELECT aid FROM superseded))"
            " + (SELECT count(*) FROM statement) + (SELECT count(*) FROM exploited) + (SELECT count(*) FROM score)"
            " + (SELECT count(*) FROM support),"
            " (SELECT count(*) FROM affected WHERE aid NOT IN (SELECT aid FROM superseded))"
        ).fetchone()
        self._connection.execute("COMMIT")
        if before is not None:
            self._keep_first_sightings(before)
        self._connection.close()
        with self.path.open("rb") as file:
            os.fsync(file.fileno())
        return Size(*size)

    def _drop_outdated(self) -> None:
        for id_, source in sorted(self._outdated):
            older = (
                "SELECT aid FROM advisory WHERE id = ?1 AND source = ?2 AND changed <"
                " (SELECT max(changed) FROM advisory WHERE id = ?1 AND source = ?2)"
            )
            self._connection.execute(f"DELETE FROM affected WHERE aid IN ({older})", (id_, source))  # noqa: S608
            self._connection.execute(f"DELETE FROM advisory WHERE aid IN ({older})", (id_, source))  # noqa: S608

    def _supersede(self) -> None:
        """Of one id's records keep the newest; of those of one moment all that differ, since none is the better."""
        run = self._connection.execute
        several = "SELECT id FROM advisory GROUP BY id HAVING count(*) > 1"
        run(
            "INSERT INTO superseded SELECT a.aid FROM advisory a JOIN"
            " (SELECT id, max(changed) AS newest FROM advisory GROUP BY id HAVING count(*) > 1) b ON b.id = a.id"
            " WHERE a.changed < b.newest"
        )
        said: dict[int, set[tuple[object, ...]]] = {}
        rows = run(
            "SELECT f.aid, f.name, f.introduced, f.fixed, f.version, f.state, f.channel, f.stream"  # noqa: S608
            f" FROM affected f JOIN advisory a ON a.aid = f.aid WHERE a.id IN ({several})"
            " AND a.aid NOT IN (SELECT aid FROM superseded)"
        )
        for aid, *row in rows:
            said.setdefault(int(aid), set()).add(tuple(row))
        seen: set[tuple[object, ...]] = set()
        heads = run(
            "SELECT aid, id, severity, published, released, cves, changed FROM advisory"  # noqa: S608 - constants
            f" WHERE id IN ({several}) AND aid NOT IN (SELECT aid FROM superseded) ORDER BY aid"
        ).fetchall()
        for aid, *head in heads:
            content = (*head, frozenset(said.get(int(aid), ())))
            if content in seen:
                run("INSERT INTO superseded VALUES (?)", (aid,))
            seen.add(content)

    def _count(self) -> None:
        """Count anew what belongs to each source, where something was taken over or dropped."""
        for sid, (name, size) in enumerate(self._sources.items(), 1):
            entries, ranges = self._connection.execute(
                "SELECT (SELECT count(*) FROM advisory WHERE source = ?1)"
                " + (SELECT count(*) FROM statement WHERE source = ?1),"
                " (SELECT count(*) FROM affected JOIN advisory USING (aid) WHERE source = ?1)",
                (sid,),
            ).fetchone()
            # What is in the tables of catalogues has one source only and was counted as it came.
            if entries or not size.entries or self._outdated:
                self._sources[name] = Size(entries, ranges)

    def abandon(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def _keep_first_sightings(self, before: Path) -> None:
        self._attach(before)
        self._connection.execute(
            "UPDATE affected SET seen = min(seen, coalesce((SELECT min(o.seen) FROM other.affected o"
            " JOIN other.advisory a ON a.aid = o.aid JOIN main.advisory mine ON mine.id = a.id"
            " WHERE o.name = affected.name AND o.version = affected.version AND mine.aid = affected.aid), seen))"
            " WHERE aid IN (SELECT aid FROM main.advisory WHERE released IS NULL)"
        )
        self._connection.execute("DETACH other")

    def _flush(self) -> None:
        self._connection.executemany("INSERT INTO advisory VALUES (?, ?, ?, ?, ?, ?, ?, ?)", self._advisories)
        self._connection.executemany("INSERT INTO affected VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", self._affected)
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
