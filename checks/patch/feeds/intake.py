"""Reading paths into parts: each source by itself, and together with what other sources gave before."""

from __future__ import annotations

import hashlib
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from .index import Index, Origin, Part, read_part
from .partition import PartWriter, Size, head_of
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

WHOLE = frozenset({"kev", "epss", "distro-info", "endoflife-date"})
"""Feeds that are one document each: the last one takes the place of all. The others are unions of their sources."""

_UNIQUE = frozenset({"osv", "csaf"})
"""Feeds in which an id stands for one record; the others name a flaw once for every package."""

_TAKEN_BACK = frozenset({"csaf-vex"})
"""Feeds whose documents take the place of earlier ones even when they state nothing any more."""


def united(directory: Path, scratch: Path, like: Part, given: Sequence[tuple[Path, tuple[Origin, ...]]]) -> Part:
    """A part like another, of the given sources of the given files; its file is in the directory afterwards."""
    writer = PartWriter(scratch / f"{like.sha256}.united", None, like.imported, unique=like.feed in _UNIQUE)
    try:
        for file, origins in given:
            writer.keep(file, {one.name for one in origins})
        size = writer.finish(None)
    finally:
        writer.abandon()
    digest = _sha256(writer.path)
    part = _part(like.feed, like.release, [one for _, origins in given for one in origins], size, digest)
    shutil.move(writer.path, directory / part.file)
    return part


def _part(feed: str, release: str, origins: Sequence[Origin], size: Size, digest: str) -> Part:
    left_out: Counter[str] = Counter()
    for one in origins:
        left_out.update(one.left_out)
    return Part(
        feed=feed,
        release=release,
        at=min(one.at for one in origins),
        imported=max(one.imported for one in origins),
        sha256=digest,
        entries=size.entries,
        ranges=size.ranges,
        left_out=dict(sorted(left_out.items())),
        sources=tuple(sorted(origins, key=lambda one: one.name)),
    )


@dataclass
class _Told:
    """What is known of a source: the moment that it speaks for, the one that it tells itself, what was left out."""

    at: datetime
    own: datetime | None
    left_out: Counter[str] = field(default_factory=Counter)


class _Given(NamedTuple):
    """What a record was, when it was changed, and which of the streams that were read it came in."""

    content: int
    changed: datetime | None
    stream: int


class Intake:
    """The parts that an import writes, and what it saw on the way."""

    def __init__(self, scratch: Path, now: datetime, expires: date | None) -> None:
        self._scratch = scratch
        self._now = now
        self._expires = expires
        self._writers: dict[tuple[str, str], PartWriter] = {}
        self._source = ""
        self._sources: list[str] = []
        self._stream, self._place = 0, ""
        self._ids: dict[tuple[str, str, str], _Given] = {}
        self._told: dict[tuple[str, str, str], _Told] = {}

    def take(self, path: Path, as_of: datetime | None, source: str) -> None:
        """Read one path into the parts; it is `source`, or belongs to it."""
        self._source = source
        if source not in self._sources:
            self._sources.append(source)
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
            known = self._told.setdefault((feed, release, source), _Told(at, told.get(feed)))
            known.at = min(known.at, at)
            known.left_out.update(left_out)

    def _keep(self, found: Found, fed: dict[tuple[str, str], None]) -> datetime | None:
        """Write one record; return the moment that it tells about its feed."""
        feed, record, place = found
        stream = place.rpartition(": line ")[0] or place
        if stream != self._place:
            self._stream, self._place = self._stream + 1, stream
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
        """Whether the source gave the same record already, or a newer one in its place.

        An advisory for two releases may be in the files of both. Of two that differ the last changed one counts.
        """
        given = _Given(hash(record), record.changed, self._stream)
        for source in self._sources[:-1]:
            other = self._ids.get((feed, record.id, source), given)
            if other.changed == given.changed and other.content != given.content:
                raise FeedError(f"{record.id[:80]} was another one in an earlier file, changed at the same moment")
        key = feed, record.id, self._source
        earlier = self._ids.setdefault(key, given)
        if earlier is given:
            return False
        if earlier.stream == given.stream:
            raise FeedError(f"{record.id[:80]} comes twice")
        if earlier.content == given.content:
            return True
        if earlier.changed is None or given.changed is None or earlier.changed == given.changed:
            raise FeedError(f"{record.id[:80]} was another one in an earlier file, and neither says that it is newer")
        if given.changed < earlier.changed:
            return True
        self._ids[key] = given
        for (of, _), writer in self._writers.items():
            if of == feed:
                writer.from_source(self._source)
                writer.outdate(record.id)
        return False

    def _writer(self, feed: str, release: str) -> PartWriter:
        writer = self._writers.get((feed, release))
        if writer is None:
            key = distribution_of(release).key if ":" in release else None
            path = self._scratch / f"{len(self._writers)}.sqlite"
            writer = self._writers[feed, release] = PartWriter(path, key, self._now, unique=feed in _UNIQUE)
        writer.from_source(self._source)
        return writer

    def finish(self, directory: Path, index: Index, *, shrink: bool) -> tuple[Part, ...]:
        """Complete the parts, with what other sources gave, and move them beside those that are in use."""
        parts = []
        for (feed, release), writer in self._writers.items():
            old = index.of(feed, release)
            mine = {name: told for (of, about, name), told in self._told.items() if (of, about) == (feed, release)}
            file = directory / old.file if old is not None else None
            replaced = self._replaced(writer, old, file, mine) if old is not None and file is not None else ()
            kept = [one for one in old.origins if one not in replaced] if old is not None else []
            if kept and file is not None:
                writer.keep(file, {one.name for one in kept})
            size = writer.finish(file if file is not None and file.exists() else None)
            new = [
                Origin(
                    name=name,
                    at=told.at,
                    told=told.own,
                    imported=self._now,
                    entries=writer.sources[name].entries,
                    ranges=writer.sources[name].ranges,
                    left_out=dict(sorted(told.left_out.items())),
                )
                for name, told in mine.items()
            ]
            if old is not None and not shrink:
                _refuse_shrinking(old, new, replaced)
            part = _part(feed, release, [*new, *kept], size, _sha256(writer.path))
            shutil.move(writer.path, directory / part.file)
            parts.append(part)
        return tuple(parts)

    def _replaced(self, writer: PartWriter, old: Part, file: Path, mine: Mapping[str, _Told]) -> tuple[Origin, ...]:
        """The sources of a part whose place the new ones take: they themselves, and earlier editions of them.

        An edition is a file of the same name elsewhere, most of which was given again.
        """
        if old.feed in WHOLE:
            for one in old.origins:
                newest = [told.own for told in mine.values() if told.own is not None]
                if one.name not in mine and one.told is not None and newest and max(newest) < one.told:
                    than = f"older than the one of {one.told:%Y-%m-%d} from {one.name}"
                    raise FeedError(f"{old.name}: of {max(newest):%Y-%m-%d}, {than}")
            return old.origins
        read_part(file.parent, old)
        files = {Path(name).name for name in mine if name.startswith("/")}
        return tuple(
            one
            for one in old.origins
            if not one.name
            or one.name in mine
            or (one.name.startswith("/") and Path(one.name).name in files and writer.repeats(file, one.name))
        )

    def close(self) -> None:
        """Let go of all files."""
        for writer in self._writers.values():
            writer.abandon()


def refuse_future(at: datetime, now: datetime, what: str) -> None:
    """Raise FeedError when data that speak for `at` cannot have been there `now` (both aware UTC)."""
    if at > now + _FUTURE:
        raise FeedError(f"{what}: dated {at:%Y-%m-%d %H:%M} UTC, which is in the future")


def _refuse_shrinking(old: Part, new: Sequence[Origin], replaced: Sequence[Origin]) -> None:
    """Raise FeedError when a source gives much less than it did; what has no namesake is compared with all of them."""
    names = {one.name: one for one in new}
    for one in replaced:
        against = [names[one.name]] if one.name in names else new
        for noun, count, was in (
            ("entries", sum(each.entries for each in against), one.entries),
            ("ranges", sum(each.ranges for each in against), one.ranges),
        ):
            if count < was * _LEAST_SHARE:
                where = f" from {one.name}" if one.name and len(old.origins) > 1 else ""
                raise FeedError(
                    f"{old.name}{where}: {count} {noun} where there were {was}: the feed looks half-filled; "
                    "import it with --allow-shrink when that is right"
                )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
