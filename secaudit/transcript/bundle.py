"""Bundles: a run's transcripts in a directory that can be carried elsewhere and evaluated again without the hosts.

    DIR/bundle.json            the run, and every host with the digests of its transcript and first-seen map
    DIR/objects/ab/cdef…       transcript heads, outputs and first-seen maps, each under its sha256 (see `objects`)

The manifest is rewritten last, after each host: what it names is there, and what it does not name does not count.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field

from secaudit.model.answer import HostTranscript, Reach
from secaudit.model.baseline import BaselineStamp
from secaudit.model.feed import FeedStamp
from secaudit.model.inventory import Host, TransportKind
from secaudit.model.request import MIB
from secaudit.model.result import Result
from secaudit.model.run import HostRecord, RunInfo
from secaudit.transcript.codec import (
    Digest,
    Document,
    Moment,
    TranscriptError,
    canonical_json,
    decode,
    encode,
    parse_document,
    show_moment,
)
from secaudit.transcript.objects import Objects, read_regular, write_durably

SCHEMA: Final = "secaudit.bundle/1"
MANIFEST = "bundle.json"
OBJECTS = "objects"
MANIFEST_LIMIT = 64 * MIB
TOTAL_LIMIT = 2048 * MIB
"""A bundle is read into memory as a whole, and one from somebody else may have been made to fill it."""


class _Stamp(Document):
    name: str
    version: int
    sha256: str


class _Feed(Document):
    name: str
    at: Moment
    sha256: str


class _Run(Document):
    id: str
    started: Moment
    finished: Moment | None
    version: str
    baselines: list[_Stamp]
    feeds: list[_Feed]


class _Host(Document):
    customer: str
    customer_name: str
    site: str
    host: str
    address: str
    transport: Literal["ssh", "local"]
    tags: list[str]
    baselines: list[str]
    status: Literal["complete", "partial", "unreachable"]
    detail: str
    os_id: str
    os_version: str
    transcript: Digest
    known: Digest


class _Manifest(Document):
    schema_: Literal["secaudit.bundle/1"] = Field(alias="schema")
    run: _Run
    hosts: list[_Host]


class _Known(Document):
    first_seen: dict[Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")], Moment]


@dataclass(frozen=True, slots=True)
class BundledHost:
    """A host of a bundle: as the inventory named it (without how to log in), what was recorded, what was known."""

    host: Host
    record: HostRecord
    transcript: HostTranscript
    known: Mapping[str, datetime]


@dataclass(frozen=True, slots=True)
class Bundle:
    """A recorded run, hosts in the order in which they were recorded."""

    run: RunInfo
    hosts: tuple[BundledHost, ...]
    _index: Mapping[tuple[str, str], BundledHost] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_index", {(found.host.customer, found.host.name): found for found in self.hosts})

    def find(self, customer: str, host: str) -> BundledHost | None:
        """The host with this identity, or None when it was not recorded."""
        return self._index.get((customer, host))

    def transcript(self, customer: str, host: str) -> HostTranscript:
        """The transcript of a host, exactly as it was recorded. Raises TranscriptError when there is none."""
        found = self.find(customer, host)
        if found is None:
            raise TranscriptError(f"the bundle holds no host {customer}/{host}")
        return found.transcript


class BundleWriter:
    """A recorder that writes a bundle. Scanning the same run again (resume) goes on; another run replaces the bundle.

    Transcripts must have been redacted. Raises TranscriptError when the directory cannot be used: not a directory,
    holding something else than a bundle, no permission, disk full.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._objects = Objects(path / OBJECTS)
        self._planned: dict[tuple[str, str], Host] = {}
        self._recorded: list[_Host] = []
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            is_bundle = (path / MANIFEST).is_file()
            if not is_bundle and any(path.iterdir()):
                raise TranscriptError(f"{path} is not empty and holds no bundle; name a new directory to record into")
        except OSError as error:
            raise _unwritable(path, error) from error

    def known(self, customer: str, host: str) -> Mapping[str, datetime]:  # noqa: ARG002 - a bundle remembers nothing
        """A bundle has no history: nothing is known."""
        return {}

    def begin(self, run: RunInfo, hosts: Sequence[Host]) -> None:
        """Start the manifest, or go on with it when the bundle holds the same run."""
        self._planned = {(host.customer, host.name): host for host in hosts}
        before = self._manifest()
        same_run = before is not None and before.run.id == run.id
        self._recorded = list(before.hosts) if before is not None and same_run else []
        self._write(run)
        if not same_run:
            shutil.rmtree(self._path / OBJECTS, ignore_errors=True)

    def record(self, run: RunInfo, host: HostRecord, results: Sequence[Result], transcript: HostTranscript) -> None:
        """Add a host; when this returns it is on disk. What was first seen when is taken from the results."""
        encoded = encode(transcript)
        first_seen = {found.fingerprint: show_moment(found.first_seen) for found in results if found.first_seen}
        known = canonical_json({"first_seen": first_seen})
        known_digest = hashlib.sha256(known).hexdigest()
        named = self._planned.get((host.customer, host.host))
        planned = named or Host(host.customer, host.site, host.host, host.address)
        try:
            self._objects.put({**encoded.blobs, encoded.digest: encoded.head, known_digest: known})
        except OSError as error:
            raise _unwritable(self._path, error) from error
        entry = _Host(
            customer=host.customer,
            customer_name=host.customer_name,
            site=host.site,
            host=host.host,
            address=host.address,
            transport=planned.transport.value,
            tags=sorted(planned.tags),
            baselines=list(planned.baselines),
            status=host.status.value,
            detail=host.detail,
            os_id=host.os_id,
            os_version=host.os_version,
            transcript=encoded.digest,
            known=known_digest,
        )
        self._recorded = [old for old in self._recorded if (old.customer, old.host) != (host.customer, host.host)]
        self._recorded.append(entry)
        self._write(run)

    def finish(self, run: RunInfo) -> None:
        """Write the end of the run down."""
        self._write(run)

    def _manifest(self) -> _Manifest | None:
        return _read_manifest(self._path) if (self._path / MANIFEST).exists() else None

    def _write(self, run: RunInfo) -> None:
        manifest = _Manifest(schema=SCHEMA, run=_encode_run(run), hosts=self._recorded)
        try:
            write_durably({self._path / MANIFEST: canonical_json(manifest.model_dump(by_alias=True)) + b"\n"})
        except OSError as error:
            raise _unwritable(self._path, error) from error


def read_bundle(path: Path) -> Bundle:
    """Read a bundle and verify every object that it names.

    Raises TranscriptError: no bundle, written by a newer secaudit, malformed, altered, incomplete or too large.
    """
    manifest = _read_manifest(path)
    objects = Objects(path / OBJECTS)
    read: dict[str, bytes] = {}

    size = 0

    def fetch(digests: Collection[str]) -> Mapping[str, bytes]:
        nonlocal size
        for digest in digests:
            if digest not in read:
                read[digest] = objects.get(digest)
                size += len(read[digest])
                if size > TOTAL_LIMIT:
                    raise TranscriptError(f"{path} holds outputs of more than {TOTAL_LIMIT} bytes in total")
        return read

    return Bundle(_decode_run(manifest.run), tuple(_decode_host(host, objects, fetch) for host in manifest.hosts))


def _read_manifest(path: Path) -> _Manifest:
    if not path.is_dir():
        raise TranscriptError(f"{path} is not a directory with a recorded bundle")
    if not (path / MANIFEST).exists():
        raise TranscriptError(f"{path} holds no {MANIFEST}: it is not a recorded bundle")
    data = read_regular(path / MANIFEST, MANIFEST_LIMIT)
    _require_version(path, data)
    return parse_document(_Manifest, data, f"{path / MANIFEST}")


def _require_version(path: Path, data: bytes) -> None:
    """A bundle of another version has other keys: say so instead of complaining about the first of them."""
    try:
        head = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise TranscriptError(f"{path / MANIFEST} is not JSON: {error}") from error
    found = head.get("schema") if isinstance(head, dict) else None
    if found != SCHEMA:
        raise TranscriptError(f"{path / MANIFEST} has the schema {str(found)[:60]!r}; this secaudit reads {SCHEMA!r}")


def _encode_run(run: RunInfo) -> _Run:
    stamps = [_Stamp(name=stamp.name, version=stamp.version, sha256=stamp.sha256) for stamp in run.baselines]
    return _Run(
        id=run.id,
        started=run.started,
        finished=run.finished,
        version=run.version,
        baselines=stamps,
        feeds=[_Feed(name=feed.name, at=feed.at, sha256=feed.sha256) for feed in run.feeds],
    )


def _decode_run(run: _Run) -> RunInfo:
    stamps = tuple(BaselineStamp(stamp.name, stamp.version, stamp.sha256) for stamp in run.baselines)
    feeds = tuple(FeedStamp(feed.name, feed.at, feed.sha256) for feed in run.feeds)
    return RunInfo(run.id, run.started, run.finished, run.version, stamps, feeds)


def _decode_host(
    entry: _Host, objects: Objects, fetch: Callable[[Collection[str]], Mapping[str, bytes]]
) -> BundledHost:
    transcript = decode(objects.get(entry.transcript), fetch)
    if (transcript.customer, transcript.host) != (entry.customer, entry.host):
        raise TranscriptError(
            f"the bundle gives {entry.customer}/{entry.host} the transcript of {transcript.customer}/{transcript.host}"
        )
    known = parse_document(_Known, objects.get(entry.known), f"the first-seen map of {entry.host!r}")
    host = Host(
        customer=entry.customer,
        site=entry.site,
        name=entry.host,
        address=entry.address,
        transport=TransportKind(entry.transport),
        tags=frozenset(entry.tags),
        baselines=tuple(entry.baselines),
    )
    record = HostRecord(
        customer=entry.customer,
        site=entry.site,
        host=entry.host,
        address=entry.address,
        status=Reach(entry.status),
        detail=entry.detail,
        os_id=entry.os_id,
        os_version=entry.os_version,
        transcript=entry.transcript,
        customer_name=entry.customer_name,
        tags=tuple(sorted(entry.tags)),
    )
    return BundledHost(host, record, transcript, known.first_seen)


def _unwritable(path: Path, error: OSError) -> TranscriptError:
    return TranscriptError(f"cannot record into {path}: {error.strerror or error}")
