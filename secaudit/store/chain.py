"""The chain over everything that scans have stored: what is changed, removed or put in later no longer fits it.

Each host of a run, and each end of a run, adds a link in the transaction that stores it. A link's digest covers the
link before it and what was stored, so that whoever keeps one digest elsewhere (a signed report does) can tell later
whether anything up to there is still as it was. `docs/trust.md` has the rules for people.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, RowMapping, insert, select, text

from secaudit.model.run import HostRecord, RunInfo
from secaudit.store.blobs import content
from secaudit.store.details import load_details
from secaudit.store.queries import Queries
from secaudit.store.schema import blob, link, result, run, scan
from secaudit.transcript.codec import TranscriptError, canonical_json, outputs

_NOTHING = bytes(32)
"""What stands for the link before the first one."""

_MARK = 8
"""Bytes of each result's digest that a link keeps, so that a changed result can be named."""

_BATCH = 200


@dataclass(frozen=True, slots=True)
class ChainHead:
    """How many links there are, and the digest (hex) of the last one; it stands for all of them."""

    length: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Breach:
    """Something that is not as it was stored; `control` where it is one result, no host where it is the run itself."""

    run: str
    customer: str
    host: str
    control: str
    what: str

    @property
    def where(self) -> str:
        """The place for people."""
        host = f"{self.customer}/{self.host}" if self.host else ""
        return ", ".join(part for part in (f"run {self.run}", host, self.control) if part)


@dataclass(frozen=True, slots=True)
class ChainVerdict:
    """What became of looking at every link. `older` scans were stored before there was a chain, which says nothing."""

    head: ChainHead | None
    scans: int
    older: int
    breaches: tuple[Breach, ...]


class Chain(Queries):
    """The part of a store that proves that the rest is as it was."""

    def chain_head(self) -> ChainHead | None:
        """The end of the chain; None in a store without one."""
        with self._reading() as connection:
            return _head(connection)

    def chain_holds(self, head: ChainHead) -> bool:
        """Whether the chain once ended so, that is, whether it has grown since and nothing was taken away."""
        with self._reading() as connection:
            query = select(link.c.id).where(link.c.sha256 == bytes.fromhex(head.sha256))
            found = connection.execute(query).scalar()
            if found is None:
                return False
            before = connection.execute(select(link.c.id).where(link.c.id <= found)).all()
        return len(before) == head.length

    def lacking(self, transcripts: Iterable[str]) -> frozenset[str]:
        """Those of the transcripts (digests, hex) that the store does not hold whole, with all outputs."""
        lacking = set()
        with self._reading() as connection:
            walk = _Verification(connection)
            for digest in transcripts:
                row = connection.execute(select(blob.c.id).where(blob.c.sha256 == bytes.fromhex(digest))).first()
                if row is None or not walk.whole(row.id):
                    lacking.add(digest)
        return frozenset(lacking)

    def verify_chain(self) -> ChainVerdict:
        """Compute every link again from what is stored now."""
        with self._reading() as connection:
            return _Verification(connection).verdict()


def link_scan(
    connection: Connection,
    run_id: str,
    host: HostRecord,
    opened: datetime,
    transcript: str,
    results: Sequence[Mapping[str, Any]],
    details: Sequence[str],
) -> None:
    """Add the link of a host of a run: `results` as they were stored, `details` and `transcript` as digests (hex)."""
    digests = [_result_digest(row, detail) for row, detail in zip(results, details, strict=True)]
    head = [host.site, host.customer_name, host.address, host.status.value, host.detail, host.os_id, host.os_version]
    told = _scan_digest(run_id, host.customer, host.host, [*head, _moment(opened), transcript], digests)
    _append(connection, run_id, host.customer, host.host, told, digests)


def link_run(connection: Connection, info: RunInfo) -> None:
    """Add the link of the end of a run."""
    row = connection.execute(select(run).where(run.c.id == info.id)).one()
    _append(connection, info.id, "", "", _run_digest(row), ())


def _append(
    connection: Connection, run_id: str, customer: str, host: str, told: bytes, digests: Iterable[bytes]
) -> None:
    if connection.dialect.name == "postgresql":
        # Two runs may end a host at once; the second one must see the link of the first. SQLite has one writer anyway.
        connection.execute(text("LOCK TABLE link IN SHARE ROW EXCLUSIVE MODE"))
    previous = connection.execute(select(link.c.sha256).order_by(link.c.id.desc()).limit(1)).scalar() or _NOTHING
    connection.execute(
        insert(link).values(
            run_id=run_id,
            customer=customer,
            host=host,
            marks=b"".join(digest[:_MARK] for digest in digests),
            content=told,
            sha256=hashlib.sha256(previous + told).digest(),
        )
    )


def _head(connection: Connection) -> ChainHead | None:
    last = connection.execute(select(link.c.sha256).order_by(link.c.id.desc()).limit(1)).scalar()
    if last is None:
        return None
    length = len(connection.execute(select(link.c.id)).all())
    return ChainHead(length, last.hex())


def _scan_digest(run_id: str, customer: str, host: str, head: Sequence[str | None], digests: Iterable[bytes]) -> bytes:
    return hashlib.sha256(canonical_json(["scan", run_id, customer, host, *head]) + b"".join(digests)).digest()


def _result_digest(row: Mapping[str, Any] | RowMapping, detail: str) -> bytes:
    first_seen, due = row["first_seen"], row["due"]
    told = [row["fingerprint"], row["outcome"], row["kind"], row["severity"].value]
    return hashlib.sha256(canonical_json([*told, _moment(first_seen), _moment(due), detail])).digest()


def _run_digest(row: Row[Any]) -> bytes:
    told = ["run", row.id, _moment(row.started), _moment(row.finished), row.version, row.baselines, row.feeds]
    return hashlib.sha256(canonical_json(told)).digest()


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat()


class _Verification:
    """One walk over all links, in order."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._found: list[Breach] = []
        self._known: dict[int, str] = {}
        """The digests of contents that are whole, by row id."""
        self._broken: set[int] = set()

    def verdict(self) -> ChainVerdict:
        """Everything that does not fit."""
        previous, seen = _NOTHING, set()
        ended: dict[str, Row[Any]] = {}
        for one in self._links():
            if hashlib.sha256(previous + one.content).digest() != one.sha256:
                self._note(one, "the chain is broken here: what stood before was removed, added or changed")
            previous = one.sha256
            if one.host:
                seen.add((one.run_id, one.customer, one.host))
                self._scan(one)
            else:
                ended[one.run_id] = one
        for one in ended.values():
            # A run that was resumed ended more than once; its head is what the last end left.
            self._run(one)
        older = self._unlinked(seen)
        return ChainVerdict(_head(self._connection), len(seen), older, tuple(self._found))

    def _links(self) -> Iterator[Row[Any]]:
        last = -1
        while rows := self._connection.execute(
            select(link).where(link.c.id > last).order_by(link.c.id).limit(_BATCH)
        ).all():
            yield from rows
            last = rows[-1].id

    def _note(self, one: Row[Any], what: str, control: str = "") -> None:
        self._found.append(Breach(one.run_id, one.customer, one.host, control, what))

    def _run(self, one: Row[Any]) -> None:
        row = self._connection.execute(select(run).where(run.c.id == one.run_id)).first()
        if row is None:
            self._note(one, "the run was removed")
        elif _run_digest(row) != one.content:
            self._note(one, "the run's times, baselines or feeds were changed")

    def _scan(self, one: Row[Any]) -> None:
        mine = (scan.c.run_id == one.run_id) & (scan.c.customer == one.customer) & (scan.c.host == one.host)
        row = self._connection.execute(select(scan).where(mine)).first()
        if row is None:
            self._note(one, "what was stored of the host was removed")
            return
        transcript = self._whole([row.transcript]).get(row.transcript)
        if not self.whole(row.transcript):
            self._note(one, "the transcript was changed or removed")
        rows = self._connection.execute(select(result).where(result.c.scan_id == row.id).order_by(result.c.position))
        results = rows.mappings().all()
        details = self._whole([found["detail"] for found in results])
        digests = [_result_digest(found, details.get(found["detail"], "")) for found in results]
        marks = [one.marks[at : at + _MARK] for at in range(0, len(one.marks), _MARK)]
        changed = [
            found for found, digest, mark in zip(results, digests, marks, strict=False) if digest[:_MARK] != mark
        ]
        for found in changed:
            self._note(one, "the result was changed", self._control(found["detail"]) or f"result {found['position']}")
        if len(marks) != len(results):
            self._note(one, f"{len(results)} results are stored, {len(marks)} were")
        head = [row.site, row.customer_name, row.address, row.status, row.detail, row.os_id, row.os_version]
        told = [*head, _moment(row.opened), transcript or ""]
        as_stored = _scan_digest(one.run_id, one.customer, one.host, told, digests) == one.content
        if not as_stored and transcript is not None and not changed and len(marks) == len(results):
            self._note(one, "the host's address, status, system or time was changed")

    def _whole(self, ids: Iterable[int]) -> dict[int, str]:
        """The digests of those contents that are there and are what their digest says."""
        wanted = list(dict.fromkeys(ids))
        missing = [id_ for id_ in wanted if id_ not in self._known and id_ not in self._broken]
        for at in range(0, len(missing), _BATCH):
            batch = missing[at : at + _BATCH]
            for row in self._connection.execute(select(blob).where(blob.c.id.in_(batch))):
                try:
                    content(row)
                except TranscriptError:
                    continue
                self._known[row.id] = row.sha256.hex()
            self._broken.update(id_ for id_ in batch if id_ not in self._known)
        return {id_: self._known[id_] for id_ in wanted if id_ in self._known}

    def whole(self, transcript: int) -> bool:
        """Whether the transcript in this row is there and whole, with all outputs that it names."""
        if not self._whole([transcript]):
            return False
        row = self._connection.execute(select(blob).where(blob.c.id == transcript)).one()
        named = [bytes.fromhex(digest) for digest in outputs(content(row))]
        for at in range(0, len(named), _BATCH):
            batch = named[at : at + _BATCH]
            there = {
                found.sha256: found.id
                for found in self._connection.execute(select(blob.c.sha256, blob.c.id).where(blob.c.sha256.in_(batch)))
            }
            if len(there) != len(set(batch)) or len(self._whole(there.values())) != len(there):
                return False
        return True

    def _control(self, detail: int) -> str:
        row = self._connection.execute(select(blob).where(blob.c.id == detail)).first()
        try:
            told = load_details(content(row)) if row is not None else {}
            return " ".join(str(told[part]) for part in ("control", "subject") if told.get(part))
        except (TranscriptError, ValueError, KeyError):
            return ""

    def _unlinked(self, seen: set[tuple[str, str, str]]) -> int:
        """Scans without a link: those from before the chain are counted, later ones were put in past it."""
        older = 0
        begun = False
        rows = self._connection.execute(select(scan.c.run_id, scan.c.customer, scan.c.host).order_by(scan.c.id))
        for row in rows:
            if tuple(row) in seen:
                begun = True
            elif begun:
                self._found.append(Breach(row.run_id, row.customer, row.host, "", "the scan was put in past the chain"))
            else:
                older += 1
        return older
