"""Writing a store: the recorder of scans."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import astuple
from datetime import datetime
from typing import Any

from sqlalchemy import URL, Connection, Engine, and_, bindparam, insert, select, update

from secaudit.model.answer import HostTranscript, Reach
from secaudit.model.inventory import Host
from secaudit.model.result import Result
from secaudit.model.run import HostRecord, RunInfo
from secaudit.store import schema
from secaudit.store.blobs import keep
from secaudit.store.chain import Chain
from secaudit.store.connect import WRITING, connect, parse_url
from secaudit.store.customer_view import CustomerView
from secaudit.store.details import dump_details
from secaudit.store.errors import StoreError, explained
from secaudit.store.finding_events import FindingEvents, keep_events
from secaudit.store.finding_rows import finding_row
from secaudit.store.lifecycle import advance
from secaudit.store.links import link_run, link_scan
from secaudit.store.listing import Listing
from secaudit.store.outbox import Outbox
from secaudit.store.queries import finding_of
from secaudit.store.records import tally
from secaudit.store.service_probes import ServiceProbes
from secaudit.store.sightings import Sightings
from secaudit.store.tracker_issues import TrackerIssues
from secaudit.store.withdrawals import Withdrawals
from secaudit.transcript.codec import encode

_latest, _complete = schema.scan.alias(), schema.scan.alias()
_NEWEST = (
    select(
        _latest.c.opened.label("latest"),
        _complete.c.opened.label("complete"),
        _latest.c.run_id.in_(select(schema.withdrawal.c.run_id)).label("is_withdrawn"),
    )
    .select_from(schema.host)
    .join(_latest, _latest.c.id == schema.host.c.latest_id)
    .join(_complete, _complete.c.id == schema.host.c.complete_id, isouter=True)
    .with_for_update(of=schema.host)
)
"""When the newest scan and the newest complete scan of a host opened it, and whether no scan of it counts any more.

The lock is for PostgreSQL, where two runs may record one host at once; SQLite has one writer anyway.
"""

_MOVE_FINDING = (
    update(schema.finding)
    .where(schema.finding.c.fingerprint == bindparam("this"))
    .values({column.name: bindparam(column.name) for column in schema.finding.c if not column.primary_key})
)
"""Replaces every column but the fingerprint, which is passed as `this`."""


def open_store(url: str, read_only: bool = False, *, create: bool = True) -> Store:
    """Open a store, creating or upgrading it first unless `read_only`; without `create` it must be there.

    `url` is `sqlite:///PATH`, a plain path, or `postgresql+psycopg://…`. Raises StoreError with one clear sentence:
    no such store, not a database, another program's, written by a newer secaudit, a directory, no
    permission, locked, disk full, no driver, no server.
    """
    parsed = parse_url(url)
    return Store(connect(parsed, read_only=read_only, create=create and not read_only), parsed)


class Store(Listing, FindingEvents, Sightings, ServiceProbes, TrackerIssues, Chain, Outbox, Withdrawals):
    """A store that scans are recorded in (the engine's `Recorder`) and that answers every query."""

    def __init__(self, engine: Engine, url: URL) -> None:
        super().__init__(engine, url)
        self._writer = engine.execution_options(**{WRITING: True})

    def of(self, customer: str) -> CustomerView:
        """What the store knows of one customer, and nothing else."""
        return CustomerView(self, customer)

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        """One transaction; what it wrote is on disk when it ends without an error."""
        with explained(self._url), self._writer.begin() as connection:
            yield connection

    def known(self, customer: str, host: str) -> Mapping[str, datetime]:
        """Since when each finding of the host that is open now has been seen (fingerprint → aware UTC)."""
        columns = schema.finding.c
        query = select(columns.fingerprint, columns.opened).where(
            columns.customer == customer, columns.host == host, columns.resolved.is_(None)
        )
        with self._reading() as connection:
            return {row.fingerprint: row.opened for row in connection.execute(query)}

    def begin(self, run: RunInfo, hosts: Sequence[Host]) -> None:
        """Store the run's head and what it plans; beginning a stored run again (resume) adds hosts it did not plan."""
        with self._writing() as connection:
            _store_head(connection, run)
            query = select(schema.planned.c.customer, schema.planned.c.host).where(schema.planned.c.run_id == run.id)
            before = {(row.customer, row.host) for row in connection.execute(query)}
            added = dict.fromkeys(
                (host.customer, host.name) for host in hosts if (host.customer, host.name) not in before
            )
            rows = [
                {"run_id": run.id, "customer": customer, "host": name, "position": position}
                for position, (customer, name) in enumerate(added, len(before))
            ]
            if rows:
                connection.execute(insert(schema.planned), rows)
            link_run(connection, run.id)

    def record(self, run: RunInfo, host: HostRecord, results: Sequence[Result], transcript: HostTranscript) -> None:
        """Store a host of a run that was begun, in one transaction: all of it or nothing.

        The transcript must have been redacted. Raises StoreError also when the run holds the host already,
        TranscriptError when the transcript cannot be encoded, and ValueError when `host` names another transcript.
        """
        encoded = encode(transcript)
        if host.transcript not in ("", encoded.digest):
            raise ValueError(f"the record of {host.host} names the transcript {host.transcript}, not {encoded.digest}")
        details = [dump_details(found) for found in results]
        digests = [hashlib.sha256(data).hexdigest() for data in details]
        contents = {**encoded.blobs, encoded.digest: encoded.head, **dict(zip(digests, details, strict=True))}
        with self._writing() as connection:
            ids = keep(connection, contents)
            scan_id = _store_scan(connection, run, host, results, transcript.opened, ids[encoded.digest])
            rows = [
                _result_row(scan_id, position, found, ids[digest])
                for position, (found, digest) in enumerate(zip(results, digests, strict=True))
            ]
            if rows:
                connection.execute(insert(schema.result), rows)
            if _advance_host(connection, run, host, scan_id, transcript.opened):
                _advance_findings(connection, run, host, results, transcript.opened)
            # Last, because on PostgreSQL it makes the other writers wait.
            counts = _tallies(results)
            link_scan(connection, run.id, host, transcript.opened, encoded.digest, counts, rows, digests)

    def finish(self, run: RunInfo) -> None:
        """Store the end of a run."""
        with self._writing() as connection:
            _store_head(connection, run)
            link_run(connection, run.id)


def _store_head(connection: Connection, run: RunInfo) -> None:
    values = {
        "started": run.started,
        "finished": run.finished,
        "version": run.version,
        "baselines": [[stamp.name, stamp.version, stamp.sha256] for stamp in run.baselines],
        "feeds": [[feed.name, feed.at.isoformat(), feed.sha256] for feed in run.feeds],
        "narrow": run.narrow,
        "recheck": run.recheck,
    }
    updated = connection.execute(update(schema.run).where(schema.run.c.id == run.id).values(values))
    if updated.rowcount == 0:
        connection.execute(insert(schema.run).values(id=run.id, **values))


def _store_scan(
    connection: Connection, run: RunInfo, host: HostRecord, results: Sequence[Result], opened: datetime, transcript: int
) -> int:
    scan = schema.scan
    gone = select(schema.withdrawal.c.run_id).where(schema.withdrawal.c.run_id == run.id)
    if connection.execute(gone).first() is not None:
        raise StoreError(f"the run {run.id} was withdrawn while it went on")
    twice = select(scan.c.id).where(scan.c.run_id == run.id, scan.c.customer == host.customer, scan.c.host == host.host)
    if connection.execute(twice).first() is not None:
        raise StoreError(f"the store holds {host.customer}/{host.host} in the run {run.id} already")
    scan_id: int = connection.execute(
        insert(scan)
        .returning(scan.c.id)
        .values(
            run_id=run.id,
            customer=host.customer,
            host=host.host,
            site=host.site,
            customer_name=host.customer_name,
            address=host.address,
            status=host.status.value,
            detail=host.detail,
            os_id=host.os_id,
            os_version=host.os_version,
            opened=opened,
            transcript=transcript,
            tally=_tallies(results),
            tags=list(host.tags),
        )
    ).scalar_one()
    return scan_id


def _tallies(results: Sequence[Result]) -> list[list[object]]:
    return [list(astuple(part)) for part in tally(results)]


def _result_row(scan_id: int, position: int, found: Result, detail: int) -> dict[str, Any]:
    return {
        "scan_id": scan_id,
        "position": position,
        "fingerprint": found.fingerprint,
        "outcome": found.outcome.value,
        "kind": found.kind.value if found.kind else None,
        "severity": found.severity,
        "first_seen": found.first_seen,
        "due": found.due,
        "detail": detail,
    }


def _advance_host(connection: Connection, run: RunInfo, host: HostRecord, scan_id: int, opened: datetime) -> bool:
    """Point the host at this scan unless a later one is stored; returns whether its findings are the latest word.

    An older scan is history and moves nothing. Neither does a narrow one where there is another, although its findings
    count: what it did not judge would seem to be gone.
    """
    table = schema.host
    mine = and_(table.c.customer == host.customer, table.c.name == host.host)
    row = connection.execute(_NEWEST.where(mine)).first()
    is_complete = host.status is Reach.COMPLETE
    values = {"latest_id": scan_id, "complete_id": scan_id if is_complete else None}
    if row is not None and row.is_withdrawn:
        connection.execute(update(table).where(mine).values(values))
        return True
    if row is None:
        connection.execute(insert(table).values(customer=host.customer, name=host.host, **values))
        return True
    if run.narrow:
        return bool(opened >= row.latest)
    moved = {}
    if opened >= row.latest:
        moved["latest_id"] = scan_id
    if is_complete and (row.complete is None or opened >= row.complete):
        moved["complete_id"] = scan_id
    if moved:
        connection.execute(update(table).where(mine).values(moved))
    return "latest_id" in moved


def _advance_findings(
    connection: Connection, run: RunInfo, host: HostRecord, results: Sequence[Result], opened: datetime
) -> None:
    table = schema.finding
    query = select(table).where(table.c.customer == host.customer, table.c.host == host.host)
    before = {row.fingerprint: finding_of(row) for row in connection.execute(query)}
    changed = advance(before, results, run.id, opened, host.status)
    created = [finding_row(found) for fingerprint, found in changed.items() if fingerprint not in before]
    moved = [
        {**finding_row(found), "this": fingerprint} for fingerprint, found in changed.items() if fingerprint in before
    ]
    if created:
        connection.execute(insert(table), created)
    if moved:
        connection.execute(_MOVE_FINDING, moved)
    keep_events(connection, before, changed, results)
