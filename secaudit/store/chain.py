"""The chain over what the store holds: what is changed, removed or put in behind our back no longer fits it.

Whoever keeps one digest of it elsewhere (a signed report does) can tell later whether anything up to there is still as
it was. `links` has what is covered, `docs/trust.md` the rules for people.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, select, true

from secaudit.model.counted import counted
from secaudit.store.blobs import content
from secaudit.store.details import load_details
from secaudit.store.links import (
    MARK,
    NOTHING,
    host_state,
    link_digest,
    probe_digests,
    probes_digest,
    result_digest,
    run_digest,
    run_state,
    scan_digest,
    shown,
    work_digest,
)
from secaudit.store.queries import Queries
from secaudit.store.schema import blob, finding, host, link, result, run, scan, service_probe
from secaudit.transcript.codec import TranscriptError, outputs

_BATCH = 200

_IMPOSSIBLE = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What reading raises where a column holds what secaudit never writes."""


@dataclass(frozen=True, slots=True)
class ChainHead:
    """How many links there are, and the digest (hex) of the last one; it stands for all of them."""

    length: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Breach:
    """Something that is not as it was stored.

    `control` where it is one result, no host where it is the run itself, no run where it is what is known of a host,
    `service` where it is what was probed of one.
    """

    run: str
    customer: str
    host: str
    control: str
    what: str
    service: str = ""

    @property
    def where(self) -> str:
        """The place for people."""
        run_id = f"run {self.run}" if self.run else ""
        host = f"{self.customer}/{self.host}" if self.host else ""
        service = f"service {self.customer}/{self.service}" if self.service else ""
        return ", ".join(part for part in (run_id, host, self.control, service) if part) or "the store"


@dataclass(frozen=True, slots=True)
class ChainVerdict:
    """What became of looking at every link. `older` scans were stored before there was a chain, which says nothing.

    `probes` of services are covered. `older_probes` are not yet: they were stored before probes were, and are covered
    from the next probe of their service on.
    """

    head: ChainHead | None
    scans: int
    older: int
    breaches: tuple[Breach, ...]
    probes: int = 0
    older_probes: int = 0


class Chain(Queries):
    """The part of a store that proves that the rest is as it was."""

    def chain_head(self) -> ChainHead | None:
        """The end of the chain; None in a store without one."""
        with self._reading() as connection:
            return _head(connection)

    def chain_holds(self, sha256: str, length: int | None = None) -> bool:
        """Whether the chain once ended with this digest (hex), being so long: it has only grown since."""
        with self._reading() as connection:
            found = connection.execute(select(link.c.id).where(link.c.sha256 == bytes.fromhex(sha256))).scalar()
            if found is None:
                return False
            before = connection.execute(select(link.c.id).where(link.c.id <= found)).all()
        return length is None or len(before) == length

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


def _head(connection: Connection) -> ChainHead | None:
    last = connection.execute(select(link.c.sha256).order_by(link.c.id.desc()).limit(1)).scalar()
    if last is None:
        return None
    length = len(connection.execute(select(link.c.id)).all())
    return ChainHead(length, last.hex())


class _Verification:
    """One walk over all links, in order."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._found: list[Breach] = []
        self._known: dict[int, str] = {}
        """The digests of contents that are whole, by row id."""
        self._probed: dict[tuple[str, str], list[Row[Any]]] = {}
        """The links of each customer's service."""
        self._broken: set[int] = set()

    def verdict(self) -> ChainVerdict:
        """Everything that does not fit."""
        scans: set[tuple[str, str, str]] = set()
        runs: dict[str, Row[Any]] = {}
        hosts: dict[tuple[str, str], Row[Any]] = {}
        with self._looking():
            for one in self._whole_links():
                if one.service is not None:
                    self._probed.setdefault((one.customer, one.service), []).append(one)
                    continue
                if not one.host:
                    runs[one.run_id] = one
                    continue
                hosts[one.customer, one.host] = one
                if one.run_id:
                    scans.add((one.run_id, one.customer, one.host))
                    with self._looking(one):
                        self._scan(one)
        # What changes later is as the last link about it has it.
        for one in runs.values():
            with self._looking(one):
                self._run(one)
        for one in hosts.values():
            with self._looking(one):
                self._host(one)
        older = self._older(scans, next(reversed(runs.values()), None))
        with self._looking():
            self._runs_without_link(runs)
        self._hosts_without_link(hosts)
        probes, older_probes = self._probes()
        return ChainVerdict(
            _head(self._connection), len(scans), older, tuple(self._found), len(probes), len(older_probes)
        )

    def _probes(self) -> tuple[list[bytes], list[bytes]]:
        """Look at the probes of every service: those that are covered, and those of services without a link."""
        covered: list[bytes] = []
        older: list[bytes] = []
        columns = (service_probe.c.customer, service_probe.c.service)
        stored = {tuple(row) for row in self._connection.execute(select(*columns).distinct())}
        for customer, service in sorted(stored | self._probed.keys()):
            try:
                there = {digest[:MARK]: digest for _, digest in probe_digests(self._connection, customer, service)}
                links = self._probed.get((customer, service), [])
                linked, gone = self._linked_probes(customer, service, there, links)
            except _IMPOSSIBLE:
                self._note_service(customer, service, "what is stored is nothing that secaudit writes")
                continue
            # One that was changed is gone as it was, and there as it never was.
            more = len(there.keys() - linked) - gone
            if links and more > 0:
                self._note_service(customer, service, f"{counted(more, 'probe')} put in past the chain")
            (covered if links else older).extend(there.values())
        return covered, older

    def _linked_probes(
        self, customer: str, service: str, there: Mapping[bytes, bytes], links: Iterable[Row[Any]]
    ) -> tuple[set[bytes], int]:
        """The marks of all probes that links cover, and how many of them are not there any more, which is noted."""
        linked: set[bytes] = set()
        gone = 0
        for one in links:
            marks = [one.marks[at : at + MARK] for at in range(0, len(one.marks), MARK)]
            lacking = sum(mark not in there for mark in marks)
            gone += lacking
            if not lacking and probes_digest(customer, service, [there[mark] for mark in marks]) != one.content:
                self._note_service(customer, service, "the link was changed")
            linked.update(marks)
        if gone:
            self._note_service(customer, service, f"{counted(gone, 'probe')} changed or removed")
        return linked, gone

    def _note_service(self, customer: str, service: str, what: str) -> None:
        self._found.append(Breach("", customer, "", "", what, service))

    def _whole_links(self) -> Iterator[Row[Any]]:
        """All links, each held against the one before."""
        previous = NOTHING
        for one in self._links():
            with self._looking(one):
                if link_digest(previous, one.content, one.state, one.marks) != one.sha256:
                    self._note(one, "the chain is broken here: what stood before was removed, added or changed")
                is_work = not one.run_id and one.content == work_digest(one.customer, one.host)
                is_probed = one.service is not None and not one.run_id and not one.host
                if not (is_probed or is_work or (one.run_id and bool(one.customer) == bool(one.host))):
                    self._note(one, "the link was changed")
            previous = one.sha256
            yield one

    def _links(self) -> Iterator[Row[Any]]:
        last = None
        while rows := self._connection.execute(
            select(link).where(true() if last is None else link.c.id > last).order_by(link.c.id).limit(_BATCH)
        ).all():
            yield from rows
            last = rows[-1].id

    @contextmanager
    def _looking(self, one: Row[Any] | None = None) -> Iterator[None]:
        """Look at what a link is about; columns of SQLite take anything, and what no secaudit writes is a change."""
        try:
            yield
        except _IMPOSSIBLE:
            what = "what is stored is nothing that secaudit writes"
            if one is None:
                self._found.append(Breach("", "", "", "", what))
            else:
                self._note(one, what)

    def _note(self, one: Row[Any], what: str, control: str = "") -> None:
        self._found.append(Breach(one.run_id, one.customer, one.host, control, what))

    def _run(self, one: Row[Any]) -> None:
        row = self._connection.execute(select(run).where(run.c.id == one.run_id)).first()
        if row is None:
            self._note(one, "the run was removed")
        elif run_digest(row) != one.content:
            self._note(one, "whether the run is a whole scan, or its times, baselines or feeds were changed")
        if one.state is not None and run_state(self._connection, one.run_id, one.marks) != one.state:
            self._note(one, "the hosts that the run planned, or its withdrawal, were changed")

    def _host(self, one: Row[Any]) -> None:
        if one.state is not None and host_state(self._connection, one.customer, one.host) != one.state:
            what = "its findings, what was done about them, or which scan is its newest were changed"
            self._found.append(Breach("", one.customer, one.host, "", what))

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
        digests = [result_digest(found, details.get(found["detail"], "")) for found in results]
        marks = [one.marks[at : at + MARK] for at in range(0, len(one.marks), MARK)]
        changed = [found for found, digest, mark in zip(results, digests, marks, strict=False) if digest[:MARK] != mark]
        for found in changed:
            self._note(one, "the result was changed", self._control(found["detail"]) or f"result {found['position']}")
        if len(marks) != len(results):
            self._note(one, f"{len(results)} results are stored, {len(marks)} were")
        head = [row.site, row.customer_name, row.address, row.status, row.detail, row.os_id, row.os_version]
        told = [*head, shown(row.opened), transcript or ""]
        if one.state is not None:
            told += [row.tally, row.tags]
        as_stored = scan_digest((one.run_id, one.customer, one.host), told, digests) == one.content
        if not as_stored and transcript is not None and not changed and len(marks) == len(results):
            self._note(one, "the host's address, status, system, tags, counts or time were changed")

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
        except (TranscriptError, *_IMPOSSIBLE):
            return ""

    def _older(self, linked: AbstractSet[tuple[str, str, str]], last: Row[Any] | None) -> int:
        """How many scans have no link, being from before the chain; others were put in past it."""
        older = 0
        begun = False
        rows = self._connection.execute(select(scan.c.run_id, scan.c.customer, scan.c.host).order_by(scan.c.id))
        for row in rows:
            if tuple(row) in linked:
                begun = True
            elif begun:
                self._found.append(Breach(row.run_id, row.customer, row.host, "", "the scan was put in past the chain"))
            else:
                older += 1
        if last is not None and last.state is not None:
            were = int.from_bytes(last.marks, signed=True)
            if older != were:
                self._note(last, f"{counted(older, 'scan')} from before the chain are stored, {were} were then")
        return older

    def _runs_without_link(self, linked: Mapping[str, Row[Any]]) -> None:
        """Runs that were put in: each begins with a link now, and each ended with one since there is a chain."""
        rows = self._connection.execute(select(run).order_by(run.c.started)).all()
        first = next((row.started for row in rows if row.id in linked), None)
        begun = next((row.started for row in rows if row.id in linked and linked[row.id].state is not None), None)
        for row in rows:
            since = begun if row.finished is None else first
            if row.id not in linked and since is not None and row.started > since:
                self._found.append(Breach(row.id, "", "", "", "the run was put in past the chain"))

    def _hosts_without_link(self, linked: Mapping[tuple[str, str], Row[Any]]) -> None:
        """Hosts and findings that no scan stored."""
        scanned = {tuple(row) for row in self._connection.execute(select(scan.c.customer, scan.c.host).distinct())}
        named = {tuple(row) for row in self._connection.execute(select(host.c.customer, host.c.name))}
        found = self._connection.execute(select(finding.c.customer, finding.c.host).distinct())
        for customer, name in sorted((named | {tuple(row) for row in found}) - scanned - linked.keys()):
            self._found.append(Breach("", customer, name, "", "the host and its findings were put in past the chain"))
