"""Importing feeds: everything of one command or nothing."""

from __future__ import annotations

import fcntl
import gc
import hashlib
import os
import shutil
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from .index import INDEX, Index, Part, read_index, write_index
from .partition import PartWriter, head_of
from .reading import Found, read
from .records import (
    AdvisoryRecord,
    AffectedRange,
    Dated,
    ExploitedRecord,
    FeedError,
    ScoreRecord,
    StatementRecord,
    SupportRecord,
)
from .releases import distribution_of

_FUTURE = timedelta(days=1)
"""Clocks differ, and feeds are dated by the day."""

_LEAST_SHARE = 0.5
"""A part that is less than this share of the one before was cut off more likely than corrected."""

_UNIQUE = frozenset({"osv", "csaf"})
"""Feeds in which an id stands for one record; the others name a flaw once for every package."""

_TAKEN_BACK = frozenset({"csaf-vex"})
"""Feeds whose documents take the place of earlier ones even when they state nothing any more."""


def import_feeds(
    paths: tuple[Path, ...],
    directory: Path,
    now: datetime,
    *,
    as_of: datetime | None = None,
    expires: date | None = None,
    shrink: bool = False,
) -> tuple[Part, ...]:
    """Read all `paths` and put what they hold in the place of the same feeds' data about the same releases.

    `now` and `as_of` are aware UTC; `as_of` is the moment the feeds speak for, when they do not tell it themselves or
    were confirmed later. `expires` is the last day on which statements (VEX) count. `shrink` accepts a part that is
    much smaller than the one before. Raises FeedError, and then everything is as it was.
    """
    if as_of is not None:
        refuse_future(as_of, now, "--as-of")
    if expires is not None and expires < now.date():
        raise FeedError(f"--expires: {expires} is over")
    try:
        with locked(directory):
            index = read_index(directory)
            with tempfile.TemporaryDirectory(prefix="import-", dir=directory) as scratch, _without_cycles():
                parts = _write_parts(
                    paths, _Intake(Path(scratch), now, expires), directory, index, as_of, shrink=shrink
                )
            switch(directory, index, parts)
            return parts
    except sqlite3.Error as error:
        raise FeedError(f"{directory}: {error}") from None


def _write_parts(
    paths: tuple[Path, ...],
    intake: _Intake,
    directory: Path,
    index: Index,
    as_of: datetime | None,
    *,
    shrink: bool,
) -> tuple[Part, ...]:
    try:
        for path in paths:
            intake.take(path, as_of)
        return intake.finish(directory, index, shrink=shrink)
    finally:
        intake.close()


def confirm(directory: Path, names: tuple[str, ...], at: datetime) -> None:
    """Note that the parts of these names are at the moment `at` (aware UTC) still what their publisher gives."""
    with locked(directory):
        index = read_index(directory)
        same = [part.model_copy(update={"at": at}) for part in index.parts if part.name in names]
        switch(directory, index, tuple(same))


def remove(directory: Path, names: Collection[str]) -> None:
    """Take the parts of these names out of use. Raises FeedError, and removes none, when one of them is not there."""
    with locked(directory):
        index = read_index(directory)
        missing = set(names) - {part.name for part in index.parts}
        if missing:
            raise FeedError(f"{directory} has no feed {', '.join(sorted(missing))}; see `secaudit feed info`")
        _put_in_use(directory, index, index.without(names))


class _Intake:
    """The parts that an import writes, and what it saw on the way."""

    def __init__(self, scratch: Path, now: datetime, expires: date | None) -> None:
        self._scratch = scratch
        self._now = now
        self._expires = expires
        self._writers: dict[tuple[str, str], PartWriter] = {}
        self._dates: dict[tuple[str, str], datetime] = {}
        self._paths = 0
        self._ids: dict[tuple[str, str], tuple[int, int]] = {}
        self._left_out: dict[tuple[str, str], Counter[str]] = {}

    def take(self, path: Path, as_of: datetime | None) -> None:
        """Read one path into the parts."""
        self._paths += 1
        fed: dict[tuple[str, str], None] = {}
        told: dict[str, datetime] = {}
        left_out: Counter[str] = Counter()
        for found in read(path, lambda reason: left_out.update((reason,))):
            at = self._keep(found, fed)
            if at is not None and (found.feed not in told or at > told[found.feed]):
                told[found.feed] = at
        if not fed:
            shown = ", ".join(f"{count} {reason}" for reason, count in left_out.most_common())
            raise FeedError(f"{path}: nothing in it is about anything that can be checked ({shown or 'empty'})")
        modified = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        for feed, release in fed:
            at = as_of or told.get(feed, modified)
            refuse_future(at, self._now, f"{path}: {feed}")
            key = feed, release
            self._dates[key] = min(self._dates.get(key, at), at)
            self._left_out.setdefault(key, Counter()).update(left_out)

    def _keep(self, found: Found, fed: dict[tuple[str, str], None]) -> datetime | None:
        """Write one record; return the moment that it tells about its feed."""
        feed, record, place = found
        try:
            if isinstance(record, AdvisoryRecord):
                fed.update(((feed, one.release), None) for one in record.ranges)
                if feed in _UNIQUE and self._known(feed, record):
                    return record.changed
                self._add(feed, record)
                return record.changed
            if isinstance(record, Dated):
                if feed in _TAKEN_BACK:
                    fed[feed, ""] = None
                    self._writer(feed, "")
                return record.at
            of = record.distribution if isinstance(record, SupportRecord) else ""
            fed[feed, of] = None
            writer = self._writer(feed, of)
            if isinstance(record, SupportRecord):
                writer.add_support(record)
            elif isinstance(record, StatementRecord):
                writer.add_statement(record if self._expires is None else record._replace(expires=self._expires))
            elif isinstance(record, ExploitedRecord):
                writer.add_exploited(record)
            elif isinstance(record, ScoreRecord):
                writer.add_score(record)
        except FeedError as error:
            raise FeedError(f"{place}: {error}") from None
        return None

    def _add(self, feed: str, record: AdvisoryRecord) -> None:
        by_release: dict[str, list[AffectedRange]] = {}
        for one in record.ranges:
            by_release.setdefault(one.release, []).append(one)
        head = head_of(record)
        for release, ranges in by_release.items():
            writer = self._writer(feed, release)
            writer.add_advisory(head, ranges)
            if record.streams:
                writer.add_streams(record.id, record.streams)

    def _known(self, feed: str, record: AdvisoryRecord) -> bool:
        """Whether another path gave the same record: an advisory for two releases is in the files of both."""
        earlier = self._ids.get((feed, record.id))
        if earlier is None:
            self._ids[feed, record.id] = self._paths, hash(record)
            return False
        path, content = earlier
        if path == self._paths:
            raise FeedError(f"{record.id[:80]} comes twice")
        if content != hash(record):
            raise FeedError(f"{record.id[:80]} was another one in an earlier file")
        return True

    def _writer(self, feed: str, release: str) -> PartWriter:
        writer = self._writers.get((feed, release))
        if writer is None:
            key = distribution_of(release).key if ":" in release else None
            path = self._scratch / f"{len(self._writers)}.sqlite"
            writer = self._writers[feed, release] = PartWriter(path, key, self._now)
        return writer

    def finish(self, directory: Path, index: Index, *, shrink: bool) -> tuple[Part, ...]:
        """Complete the parts and move them beside those that are in use."""
        before = {(part.feed, part.release): part for part in index.parts}
        parts = []
        for (feed, release), writer in self._writers.items():
            old = before.get((feed, release))
            if old is not None and not shrink:
                _refuse_shrinking(writer, old)
            writer.finish(directory / old.file if old is not None and (directory / old.file).exists() else None)
            digest = _sha256(writer.path)
            part = Part(
                feed=feed,
                release=release,
                at=self._dates[feed, release],
                imported=self._now,
                sha256=digest,
                entries=writer.entries,
                ranges=writer.ranges,
                left_out=dict(sorted(self._left_out[feed, release].items())),
            )
            shutil.move(writer.path, directory / part.file)
            parts.append(part)
        return tuple(parts)

    def close(self) -> None:
        """Let go of all files."""
        for writer in self._writers.values():
            writer.abandon()


def refuse_future(at: datetime, now: datetime, what: str) -> None:
    """Raise FeedError when data that speak for `at` cannot have been there `now` (both aware UTC)."""
    if at > now + _FUTURE:
        raise FeedError(f"{what}: dated {at:%Y-%m-%d %H:%M} UTC, which is in the future")


def _refuse_shrinking(writer: PartWriter, old: Part) -> None:
    for noun, new, was in (("entries", writer.entries, old.entries), ("ranges", writer.ranges, old.ranges)):
        if new < was * _LEAST_SHARE:
            raise FeedError(
                f"{old.name}: {new} {noun} where there were {was}: the feed looks half-filled; "
                "import it with --allow-shrink when that is right"
            )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def switch(directory: Path, old: Index, parts: tuple[Part, ...]) -> None:
    """Put parts, whose files are there, in use.

    Runs on their way need the replaced ones: those stay until the next time.
    """
    _put_in_use(directory, old, old.replaced(parts))


def _put_in_use(directory: Path, old: Index, new: Index) -> None:
    folder = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
        write_index(directory, new)
        os.fsync(folder)
    finally:
        os.close(folder)
    in_use = {part.file for part in (*old.parts, *new.parts)}
    for path in directory.glob("*.sqlite"):
        if path.name not in in_use:
            path.unlink(missing_ok=True)


@contextmanager
def _without_cycles() -> Iterator[None]:
    """Switch the search for reference cycles off: documents and records make none, and it took a fifth of the time."""
    searching = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if searching:
            gc.enable()


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Make the directory and keep other imports out. Raises FeedError when another one is running."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        lock = os.open(directory / f"{INDEX}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise FeedError(f"{directory}: {error.strerror or error}") from None
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise FeedError(f"{directory}: another import is running") from None
        yield
    except OSError as error:
        raise FeedError(f"{directory}: {error.strerror or error}") from None
    finally:
        os.close(lock)
