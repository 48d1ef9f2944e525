"""From paths to records: which format a stream has, and its reader."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from io import BufferedReader
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from .catalogues import read_epss, read_kev
from .csaf import is_csaf, read_csaf
from .documents import Source, explained, lines, members, parse, sources, whole
from .osv import read_osv
from .records import AdvisoryRecord, Count, FeedError, Record
from .secdb import read_secdb
from .support import is_distro_info, is_endoflife, read_distro_info, read_endoflife
from .tracker import is_tracker, read_tracker
from .vex import is_vex, read_vex


class Found(NamedTuple):
    """A record, the feed it belongs to as in `feed info`, and the place where it stands."""

    feed: str
    record: Record
    place: str


def read(path: Path, left_out: Count) -> Iterator[Found]:
    """All records below `path`. Raises FeedError at the first thing that is not understood."""
    for source in sources(path):
        with source.opened() as stream, explained(source.name):
            yield from _read(source, stream, left_out)


def _read(source: Source, stream: BufferedReader, left_out: Count) -> Iterator[Found]:
    name = source.name
    if source.suffix == ".jsonl":
        for number, line in enumerate(lines(stream, name), 1):
            place = f"{name}: line {number}"
            yield from _document(parse(line, place), place, left_out)
    elif source.suffix in (".yaml", ".yml"):
        text = whole(stream, name).decode("utf-8")
        for advisory in read_secdb(text, name, left_out):
            yield Found("alpine-secdb", advisory, name)
    elif source.suffix == ".csv":
        rows = (line.decode("utf-8") for line in lines(stream, name))
        head = next(rows, "")
        if is_distro_info(head):
            for dates in read_distro_info(chain([head], rows), name, left_out):
                yield Found("distro-info", dates, name)
            return
        for record in read_epss(chain([head], rows), name):
            yield Found("epss", record, name)
    elif source.suffix == ".json":
        yield from _json(stream, name, left_out)
    else:
        raise FeedError(f"{name}: no feed has the suffix {source.suffix!r}; see docs/feeds.md for the formats")


def _json(stream: BufferedReader, name: str, left_out: Count) -> Iterator[Found]:
    """A JSON object: the tracker's is read package by package, every other one is small enough to be read whole."""
    if stream.peek(64).lstrip()[:1] == b"[":
        yield from _document(parse(whole(stream, name), name), name, left_out)
        return
    document: dict[str, Any] = {}
    in_tracker = False
    for key, value in members(stream, name):
        in_tracker = in_tracker or (not document and is_tracker(value))
        if not in_tracker:
            document[key] = value
        elif not isinstance(value, dict):
            raise FeedError(f"{name}: {key[:80]}: not of the tracker's form")
        else:
            for advisory in read_tracker(key, value, name, left_out):
                yield Found("debian-tracker", advisory, name)
    if not in_tracker:
        yield from _document(document, name, left_out)


def _document(document: Any, place: str, left_out: Count) -> Iterator[Found]:
    if is_endoflife(document):
        for dates in read_endoflife(document, place, left_out):
            yield Found("endoflife-date", dates, place)
    elif not isinstance(document, Mapping):
        raise FeedError(f"{place}: a {type(document).__name__} where a JSON object is due")
    elif "catalogVersion" in document:
        for entry in read_kev(document, place):
            yield Found("kev", entry, place)
    elif is_vex(document):
        for statement in read_vex(document, place, left_out):
            yield Found("vex", statement, place)
    elif is_csaf(document):
        for found in read_csaf(document, place, left_out):
            yield Found("csaf" if isinstance(found, AdvisoryRecord) else "csaf-vex", found, place)
    elif "id" in document and ("affected" in document or "withdrawn" in document or "schema_version" in document):
        record = read_osv(document, place, left_out)
        if record is not None:
            yield Found("osv", record, place)
    else:
        keys = ", ".join(list(document)[:5])
        raise FeedError(f"{place}: no feed has this form (its keys are {keys[:120]}); see docs/feeds.md")
