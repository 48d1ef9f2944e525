"""Taking back a run that should not count, as one does that was made while the scanner's clock was wrong.

The run stays with all that it recorded, and the chain goes on covering it; who took it back, when and why is kept
beside it. Nothing counts it any more: of every host that it scanned, the newest scan and the findings become what the
other scans make of them. Scans that came after it and moved nothing, being older by the clock, count now.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, insert, select, update

from secaudit.model.answer import Reach
from secaudit.model.outcome import Outcome
from secaudit.model.result import Result
from secaudit.model.sla import EventKind, FindingEvent
from secaudit.store.finding_events import transitions
from secaudit.store.finding_rows import finding_row
from secaudit.store.lifecycle import Finding, advance
from secaudit.store.links import link_run, link_work
from secaudit.store.queries import Queries, counts, finding_of, results_of
from secaudit.store.schema import finding, finding_event, host, link, run, scan, withdrawal

_WAIVERS = (EventKind.WAIVED, EventKind.UNWAIVED)


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """Who took back which run, when (aware UTC) and why."""

    run: str
    started: datetime
    at: datetime
    author: str
    reason: str


@dataclass(frozen=True, slots=True)
class _Scan:
    """A scan of the host; `row` numbers scans in the order in which they were recorded."""

    row: int
    run: str
    opened: datetime
    reach: Reach
    narrow: bool


@dataclass(slots=True)
class _Life:
    """The findings of a host while its scans are counted one after the other."""

    findings: dict[str, Finding] = field(default_factory=dict)
    waived: dict[str, FindingEvent] = field(default_factory=dict)
    events: list[FindingEvent] = field(default_factory=list)
    touched: set[str] = field(default_factory=set)

    def copy(self) -> _Life:
        """The same, to go on differently; what it says was done begins anew."""
        return _Life(dict(self.findings), dict(self.waived))

    def count(self, one: _Scan, results: Sequence[Result]) -> None:
        """Take a scan into account, as recording it does."""
        changed = advance(self.findings, results, one.run, one.opened, one.reach)
        for event in transitions(self.findings, changed, results, self.waived):
            self.events.append(event)
            if event.kind in _WAIVERS:
                self.waived[event.fingerprint] = event
        self.findings |= changed
        self.touched |= changed.keys()


def _seen_anew(life: _Life, one: _Scan, results: Sequence[Result]) -> list[Result]:
    """What a scan found, first seen when a scan that counts saw it: it may have known of it by the one that is gone."""
    known = {fingerprint: found.opened for fingerprint, found in life.findings.items() if found.resolved is None}
    return [replace(found, first_seen=known.get(found.fingerprint, one.opened)) for found in results]


class Withdrawals(Queries):
    """The part of a store that takes runs back."""

    def _writing(self) -> AbstractContextManager[Connection]:
        raise NotImplementedError

    def withdrawals(self) -> tuple[Withdrawal, ...]:
        """Every run that was taken back, the newest withdrawal first."""
        query = (
            select(withdrawal, run.c.started)
            .join(run, run.c.id == withdrawal.c.run_id)
            .order_by(withdrawal.c.at.desc(), withdrawal.c.run_id)
        )
        with self._reading() as connection:
            rows = connection.execute(query).all()
        return tuple(Withdrawal(row.run_id, row.started, row.at, row.author, row.reason) for row in rows)

    def withdraw(self, run_id: str, author: str, reason: str, at: datetime) -> int:
        """Take back a run and return how many scans of hosts it had.

        Raises StoreError when there is no such run or it was taken back already, ValueError without author or reason.
        """
        if not author or not reason:
            raise ValueError("a withdrawal needs an author and a reason")
        with self._writing() as connection:
            self._run(connection, run_id)
            connection.execute(insert(withdrawal).values(run_id=run_id, at=at, author=author, reason=reason))
            # In one order, so that two writers on PostgreSQL wait for each other instead of for ever.
            mine = select(scan).where(scan.c.run_id == run_id).order_by(scan.c.customer, scan.c.host)
            scans = connection.execute(mine).all()
            for one in scans:
                _recount(connection, one, at)
            for one in scans:
                link_work(connection, one.customer, one.host)
            # A run from before there was a chain has no link, and one in the middle of it would be put in.
            if connection.execute(select(link.c.id).where(link.c.run_id == run_id).limit(1)).first() is not None:
                link_run(connection, run_id)
        return len(scans)


def _recount(connection: Connection, gone: Row[Any], at: datetime) -> None:
    """Make of a host what its scans without this one make of it."""
    mine = (host.c.customer == gone.customer) & (host.c.name == gone.host)
    connection.execute(select(host).where(mine).with_for_update())
    rows = connection.execute(
        select(scan.c.id, scan.c.run_id, scan.c.opened, scan.c.status, run.c.narrow)
        .join(run, run.c.id == scan.c.run_id)
        .where(scan.c.customer == gone.customer, scan.c.host == gone.host, counts(scan.c.run_id))
        .order_by(scan.c.opened, scan.c.id)
    )
    counted = [_Scan(row.id, row.run_id, row.opened, Reach(row.status), row.narrow) for row in rows]
    _point(connection, mine, counted)
    before = _Life()
    for one in counted:
        if one.row < gone.id:
            before.count(one, _results(connection, one))
    before.waived = dict(_last_waivers(connection, gone))
    # What was made of this scan and of those after it, of which the older ones moved nothing …
    were = before.copy()
    newest = max((one.opened for one in counted if one.row < gone.id), default=None)
    narrow = connection.execute(select(run.c.narrow).where(run.c.id == gone.run_id)).scalar_one()
    this = _Scan(gone.id, gone.run_id, gone.opened, Reach(gone.status), narrow)
    since = [this, *sorted((one for one in counted if one.row > gone.id), key=lambda one: one.row)]
    for one in since:
        if newest is None or one.opened >= newest:
            were.count(one, _results(connection, one))
            newest = newest if one.narrow else one.opened
    # … and what is to be made of those after it.
    now = before.copy()
    for one in counted:
        if one.row > gone.id:
            now.count(one, _seen_anew(now, one, _results(connection, one)))
    for event in were.events:
        connection.execute(
            delete(finding_event).where(
                finding_event.c.fingerprint == event.fingerprint,
                finding_event.c.kind == event.kind.value,
                finding_event.c.at == event.at,
            )
        )
    _store(connection, now.findings, were.touched | now.touched, at)
    if now.events:
        connection.execute(insert(finding_event), [_event_row(event) for event in now.events])


def _point(connection: Connection, mine: ColumnElement[bool], counted: Sequence[_Scan]) -> None:
    """Let the host point at the newest scans that count; without one it stays, and nothing takes it for a scan."""
    whole = [one for one in counted if not one.narrow] or counted
    complete = [one.row for one in whole if one.reach is Reach.COMPLETE]
    values = {"complete_id": complete[-1] if complete else None}
    if whole:
        values["latest_id"] = whole[-1].row
    connection.execute(update(host).where(mine).values(values))


def _results(connection: Connection, one: _Scan) -> list[Result]:
    return results_of(connection, scan.c.id == one.row).get(one.row, [])


def _last_waivers(connection: Connection, gone: Row[Any]) -> Iterator[tuple[str, FindingEvent]]:
    """The last event about a waiver of each finding of the host from before the scan."""
    query = (
        select(finding_event)
        .join(finding, finding.c.fingerprint == finding_event.c.fingerprint)
        .where(
            finding.c.customer == gone.customer,
            finding.c.host == gone.host,
            finding_event.c.kind.in_([kind.value for kind in _WAIVERS]),
            finding_event.c.at < gone.opened,
        )
        .order_by(finding_event.c.at, finding_event.c.id)
    )
    for row in connection.execute(query):
        yield row.fingerprint, FindingEvent(row.fingerprint, EventKind(row.kind), row.at, until=row.until)


def _store(connection: Connection, findings: Mapping[str, Finding], touched: set[str], at: datetime) -> None:
    """Write those of the findings that another scan is the latest word about, and let go of what only it had seen."""
    for fingerprint in sorted(touched):
        stored = connection.execute(select(finding).where(finding.c.fingerprint == fingerprint)).first()
        known = findings.get(fingerprint)
        its = finding.c.fingerprint == fingerprint
        if known is not None and stored is None:
            connection.execute(insert(finding).values(finding_row(known)))
        elif known is not None:
            connection.execute(update(finding).where(its).values(finding_row(known)))
        elif stored is not None and _has_events(connection, fingerprint):
            # Somebody worked on it, which is not thrown away.
            over = replace(finding_of(stored), outcome=Outcome.NOT_APPLICABLE, kind=None, resolved=at)
            moments = {name: min(getattr(over, name), at) for name in ("first_seen", "opened", "last_seen")}
            connection.execute(update(finding).where(its).values(finding_row(replace(over, **moments))))
        elif stored is not None:
            connection.execute(delete(finding).where(its))


def _has_events(connection: Connection, fingerprint: str) -> bool:
    found = select(finding_event.c.id).where(finding_event.c.fingerprint == fingerprint).limit(1)
    return connection.execute(found).first() is not None


def _event_row(event: FindingEvent) -> dict[str, Any]:
    row = {one.name: getattr(event, one.name) for one in fields(event) if one.name != "number"}
    return {**row, "kind": event.kind.value, "outcome": event.outcome.value if event.outcome else None}
