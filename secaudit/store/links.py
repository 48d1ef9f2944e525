"""The links of the chain: what each one covers, and how it is added in the transaction that stores what it is about.

A link's digest covers the link before it, what was stored (`content`: a host of a run, the head of a run, that somebody
worked on a host's findings, probes of a service), and how what changes later was left (`state`): of a host its
findings, their events and which scans are its newest ones, of a run the hosts that it planned. Only the last link of
each host or run tells its state. Links of probes, and those from before there were states, have none.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    Connection,
    Integer,
    Row,
    RowMapping,
    Select,
    Table,
    bindparam,
    cast,
    func,
    insert,
    select,
    text,
)

from secaudit.model.run import HostRecord
from secaudit.store.schema import finding, finding_event, host, link, planned, run, scan, service_probe, withdrawal
from secaudit.transcript.codec import canonical_json

NOTHING = bytes(32)
"""What stands for the link before the first one."""

MARK = 8
"""Bytes of each result's digest that a link keeps, so that a changed result can be named."""


def link_scan(
    connection: Connection,
    run_id: str,
    record: HostRecord,
    opened: datetime,
    transcript: str,
    tallies: Sequence[Sequence[object]],
    results: Sequence[Mapping[str, Any]],
    details: Sequence[str],
) -> None:
    """Add the link of a host of a run: `results` as they were stored, `details` and `transcript` as digests (hex)."""
    digests = [result_digest(row, detail) for row, detail in zip(results, details, strict=True)]
    system = [record.status.value, record.detail, record.os_id, record.os_version]
    head = [record.site, record.customer_name, record.address, *system, shown(opened), transcript]
    _lock(connection)
    _append(
        connection,
        (run_id, record.customer, record.host),
        scan_digest((run_id, record.customer, record.host), [*head, tallies, record.tags], digests),
        host_state(connection, record.customer, record.host),
        b"".join(digest[:MARK] for digest in digests),
    )


def link_run(connection: Connection, run_id: str) -> None:
    """Add the link of a run whose head or plan was stored. Its marks count the scans from before the chain."""
    _lock(connection)
    row = connection.execute(select(run).where(run.c.id == run_id)).one()
    older = _scans_without_link(connection).to_bytes(MARK, signed=True)
    _append(connection, (run_id, "", ""), run_digest(row), run_state(connection, run_id, older), older)


def link_work(connection: Connection, customer: str, name: str) -> None:
    """Add the link of something that somebody did with findings of a host."""
    _lock(connection)
    _append(connection, ("", customer, name), work_digest(customer, name), host_state(connection, customer, name))


def link_probes(connection: Connection, customer: str, service: str, added: Collection[datetime]) -> None:
    """Add the link of probes that were stored; the first one of a service covers all that are there."""
    _lock(connection)
    of_service = (link.c.customer == customer) & (link.c.service == service)
    is_first = connection.execute(select(link.c.id).where(of_service).limit(1)).first() is None
    digests = [
        digest
        for at, digest in probe_digests(connection, customer, service, None if is_first else min(added))
        if is_first or at in added
    ]
    _append(
        connection,
        ("", customer, ""),
        probes_digest(customer, service, digests),
        None,
        b"".join(digest[:MARK] for digest in digests),
        service,
    )


def probe_digests(
    connection: Connection, customer: str, service: str, since: datetime | None = None
) -> Iterator[tuple[datetime, bytes]]:
    """The moment and the digest of each probe of a service as it is stored (from a moment on), the oldest first."""
    query = _PROBES.where(service_probe.c.customer == customer, service_probe.c.service == service)
    if since is not None:
        query = query.where(service_probe.c.at >= since)
    for row in connection.execute(query.order_by(service_probe.c.at)):
        told = [shown(row.at), row.up, row.detail, shown(row.expires)]
        yield row.at, hashlib.sha256(canonical_json(["probe", customer, service, *told])).digest()


def probes_digest(customer: str, service: str, digests: Iterable[bytes]) -> bytes:
    """The digest of what a link says of a service: each of its probes, in order."""
    return hashlib.sha256(canonical_json(["probes", customer, service]) + b"".join(digests)).digest()


def link_digest(previous: bytes, content: bytes, state: bytes | None, marks: bytes) -> bytes:
    """What a link is known by; without a state its marks are not part of it: they are in the content of probes."""
    return hashlib.sha256(previous + content + (b"" if state is None else state + marks)).digest()


def scan_digest(place: tuple[str, str, str], head: Sequence[object], results: Iterable[bytes]) -> bytes:
    """The digest of what a scan stored of the host in `place` (run, customer, host); tally and tags end its head.

    In links without a state they are left out.
    """
    return hashlib.sha256(canonical_json(["scan", *place, *head]) + b"".join(results)).digest()


def result_digest(row: Mapping[str, Any] | RowMapping, detail: str) -> bytes:
    """The digest of a result as it is stored, with the digest (hex) of its details."""
    told = [row["fingerprint"], row["outcome"], row["kind"], row["severity"].value]
    return hashlib.sha256(canonical_json([*told, shown(row["first_seen"]), shown(row["due"]), detail])).digest()


def run_digest(row: Row[Any]) -> bytes:
    """The digest of the head of a run."""
    told = ["run", row.id, shown(row.started), shown(row.finished), row.version, row.baselines, row.feeds]
    if row.narrow or row.recheck:  # Links of whole runs are as they were before there was this difference.
        told.append([row.narrow, row.recheck])
    return hashlib.sha256(canonical_json(told)).digest()


def work_digest(customer: str, name: str) -> bytes:
    """The digest of somebody's having worked on findings of a host; what was done stands in its state."""
    return hashlib.sha256(canonical_json(["work", customer, name])).digest()


def run_state(connection: Connection, run_id: str, older: bytes) -> bytes:
    """The digest of what a run planned, of who took it back, and of the number of scans from before the chain.

    That number is as the run's link has it.
    """
    columns = (planned.c.customer, planned.c.host)
    rows = connection.execute(select(*columns).where(planned.c.run_id == run_id).order_by(planned.c.position, *columns))
    told: list[object] = ["planned", [list(row) for row in rows]]
    gone = connection.execute(select(withdrawal).where(withdrawal.c.run_id == run_id)).first()
    if gone is not None:
        told.append([shown(gone.at), gone.author, gone.reason])
    return hashlib.sha256(canonical_json(told) + older).digest()


def host_state(connection: Connection, customer: str, name: str) -> bytes:
    """The digest of a host's findings and their events, and of which scans are its newest ones."""
    here = {"customer": customer, "name": name}
    told = [_told(connection, query, here) for query in (_NEWEST_SCANS, _FINDINGS, _EVENTS)]
    return hashlib.sha256(json.dumps([customer, name, *told], separators=(",", ":"), default=shown).encode()).digest()


def shown(value: object) -> object:
    """A stored value as digests have it: times as text. Raises TypeError for what nobody stores."""
    if value is None:
        return None
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    raise TypeError(f"{type(value).__name__} is nothing that secaudit stores")


def _exactly(table: Table) -> Select[Any]:
    """Every column as it lies there: SQLite keeps a 5 for true, which is neither among the true ones nor the others."""
    return select(*(cast(one, Integer).label(one.name) if isinstance(one.type, Boolean) else one for one in table.c))


_HERE = (finding.c.customer == bindparam("customer")) & (finding.c.host == bindparam("name"))
_FINDINGS = _exactly(finding).where(_HERE).order_by(finding.c.fingerprint)
_EVENTS = (
    _exactly(finding_event)
    .join(finding, finding.c.fingerprint == finding_event.c.fingerprint)
    .where(_HERE)
    .order_by(finding_event.c.id)
)
_latest, _complete = scan.alias(), scan.alias()
_NEWEST_SCANS = (
    select(*(alias.c[name] for alias in (_latest, _complete) for name in ("run_id", "customer", "host")))
    .select_from(host)
    .join(_latest, _latest.c.id == host.c.latest_id)
    .join(_complete, _complete.c.id == host.c.complete_id, isouter=True)
    .where(host.c.customer == bindparam("customer"), host.c.name == bindparam("name"))
)

_PROBES = _exactly(service_probe)

_LATER_COLUMNS = (None, 0)
"""What columns hold that came to these tables later, at their end, in rows that say nothing of them."""


def _told(connection: Connection, query: Select[Any], here: Mapping[str, str]) -> list[list[object]]:
    """Rows without what says nothing at their end, so that a column which is added there changes no digest."""
    rows = [list(row) for row in connection.execute(query, here)]
    for row in rows:
        while row and row[-1] in _LATER_COLUMNS:
            row.pop()
    return rows


def _append(
    connection: Connection,
    place: tuple[str, str, str],
    content: bytes,
    state: bytes | None,
    marks: bytes = b"",
    service: str | None = None,
) -> None:
    run_id, customer, name = place
    previous = connection.execute(select(link.c.sha256).order_by(link.c.id.desc()).limit(1)).scalar() or NOTHING
    values = {"run_id": run_id, "customer": customer, "host": name, "marks": marks, "content": content, "state": state}
    values["service"] = service
    connection.execute(insert(link).values(**values, sha256=link_digest(previous, content, state, marks)))


def _lock(connection: Connection) -> None:
    """Wait for other writers on PostgreSQL: the state has to hold what they did, and the link to follow theirs.

    SQLite has one writer anyway.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("LOCK TABLE link IN SHARE ROW EXCLUSIVE MODE"))


def _scans_without_link(connection: Connection) -> int:
    of_scans = (link.c.host != "") & (link.c.run_id != "")
    linked = connection.execute(select(func.count()).select_from(link).where(of_scans)).scalar_one()
    stored = connection.execute(select(func.count()).select_from(scan)).scalar_one()
    return int(stored - linked)
