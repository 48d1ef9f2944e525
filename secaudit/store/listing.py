"""Queries of the dashboard: every finding in short, the clocks that run, and what changed since it looked last."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Integer, Select, and_, case, cast, func, or_, select, type_coerce

from secaudit.model.answer import Reach
from secaudit.model.outcome import Outcome
from secaudit.model.severity import Severity
from secaudit.model.sla import EventKind
from secaudit.store.queries import Queries, counts
from secaudit.store.records import HostName, Tally
from secaudit.store.schema import finding, finding_event, host, run, scan
from secaudit.store.types import Ended

CHUNK = 1000
"""Findings that are read at a time, so that whoever reads them can do something else in between."""


class FindingLine(NamedTuple):
    """A finding as a list shows it; a tuple, because there may be a hundred thousand. Times are aware UTC."""

    fingerprint: str
    customer: str
    name: str
    """How people call the customer."""
    host: str
    site: str
    control: str
    check: str
    family: str
    subject: str
    title: str
    reason: str
    severity: Severity
    outcome: Outcome
    waived: bool
    opened: datetime
    due: datetime | None
    resolved: datetime | None
    run: str
    """The run that reported it last."""
    advisories: str | None = None
    """The ids and CVEs that it is about, one a line, with a line end before the first and after the last."""


_HANDLING = tuple(
    kind.value for kind in (EventKind.ACKNOWLEDGED, EventKind.WITHDRAWN, EventKind.PAUSED, EventKind.RESUMED)
)


@dataclass(frozen=True, slots=True)
class Clocks:
    """Open findings of a customer, without waived ones except in `waived`; `next_due` is the earliest, also past."""

    customer: str
    overdue: int
    due_today: int
    new: int
    unproven: int
    waived: int
    next_due: datetime | None


@dataclass(frozen=True, slots=True)
class ScanOfHost:
    """One scan of a host, newest first in lists."""

    run: str
    at: datetime
    status: Reach
    detail: str


@dataclass(frozen=True, slots=True)
class Handling:
    """What people did about an open finding in its present life."""

    acknowledged_by: str = ""
    paused_until: datetime | None = None


class Listing(Queries):
    """The queries of the dashboard. Every method raises StoreError when the database fails."""

    def marker(self) -> str:
        """A text that is another one after a scan or what a person did was stored, or a run began or ended."""
        newest = (func.max(scan.c.id), func.max(finding_event.c.id), func.count(run.c.id), func.max(run.c.finished))
        with self._reading() as connection:
            return "/".join(str(connection.execute(select(value)).scalar()) for value in newest)

    def finding_lines(self, resolved_since: datetime) -> Iterator[Sequence[FindingLine]]:
        """Every finding that is open or was resolved at that time or later, in chunks, in no order."""
        wanted = or_(finding.c.resolved.is_(None), finding.c.resolved >= resolved_since)
        with self._reading() as connection:
            rows = connection.execution_options(yield_per=CHUNK).execute(_lines().where(wanted))
            for part in rows.partitions():
                yield list(map(FindingLine._make, part))

    def host_tags(self) -> Sequence[tuple[str, str, tuple[str, ...]]]:
        """Customer, name and tags of every host that had tags when it was scanned last."""
        query = select(scan.c.customer, scan.c.host, scan.c.tags).join(host, host.c.latest_id == scan.c.id)
        query = query.where(counts(scan.c.run_id))
        with self._reading() as connection:
            return [(customer, name, tuple(tags)) for customer, name, tags in connection.execute(query) if tags]

    def handling(self) -> Mapping[str, Handling]:
        """What people did about open findings, by fingerprint; only those about which somebody did something."""
        columns = finding_event.c
        # Asked for each of these few events: a join would begin with the findings, of which there are many more.
        opened = (
            select(finding.c.opened)
            .where(finding.c.fingerprint == columns.fingerprint, finding.c.resolved.is_(None))
            .scalar_subquery()
        )
        query = (
            select(columns.id, columns.fingerprint, columns.kind, columns.author, columns.until, columns.withdraws)
            .where(columns.kind.in_(_HANDLING), columns.at >= opened)
            .order_by(columns.at, columns.id)
        )
        found: dict[str, Handling] = {}
        acknowledged: dict[str, int] = {}
        with self._reading() as connection:
            for number, fingerprint, kind, author, until, withdraws in connection.execute(query):
                before = found.get(fingerprint, Handling())
                if kind == EventKind.ACKNOWLEDGED.value:
                    acknowledged[fingerprint] = number
                    found[fingerprint] = replace(before, acknowledged_by=author)
                elif kind == EventKind.WITHDRAWN.value:
                    if acknowledged.get(fingerprint) == withdraws:
                        found[fingerprint] = replace(before, acknowledged_by="")
                else:
                    found[fingerprint] = replace(before, paused_until=until)
        return found

    def worst_lines(self, customer: str | None, host_name: str | None, limit: int) -> Sequence[FindingLine]:
        """The worst open findings (of a customer, of a host), those of equal severity by when they are due."""
        query = _lines().where(finding.c.resolved.is_(None))
        if customer is not None:
            query = query.where(finding.c.customer == customer)
        if host_name is not None:
            query = query.where(finding.c.host == host_name)
        return self._some(query.order_by(finding.c.severity, finding.c.due.is_(None), finding.c.due), limit)

    def due_lines(self, customer: str | None, limit: int) -> Sequence[FindingLine]:
        """Open findings that are not waived, by when they are due, the most overdue first."""
        ticking = and_(finding.c.resolved.is_(None), finding.c.due.is_not(None), finding.c.waived.is_(False))
        query = _lines().where(ticking)
        if customer is not None:
            query = query.where(finding.c.customer == customer)
        return self._some(query.order_by(finding.c.due, finding.c.severity), limit)

    def open_lines(self, customer: str | None, family: str, limit: int) -> Sequence[FindingLine]:
        """Open findings of a family that are not waived, those that are open the longest first."""
        query = _lines().where(finding.c.resolved.is_(None), finding.c.family == family, finding.c.waived.is_(False))
        if customer is not None:
            query = query.where(finding.c.customer == customer)
        return self._some(query.order_by(finding.c.opened, finding.c.severity), limit)

    def ending_waivers(
        self, customer: str | None, until: datetime, limit: int
    ) -> Sequence[tuple[FindingLine, datetime]]:
        """Open findings under a waiver that ends before `until` (aware UTC), with that end, the next one first."""
        newest = (
            select(func.max(finding_event.c.id))
            .where(finding_event.c.kind == EventKind.WAIVED.value)
            .group_by(finding_event.c.fingerprint)
        )
        query = (
            _lines()
            .add_columns(finding_event.c.until)
            .join(finding_event, finding_event.c.fingerprint == finding.c.fingerprint)
            .where(finding_event.c.id.in_(newest), finding_event.c.until < until)
            .where(finding.c.resolved.is_(None), finding.c.waived.is_(True))
            .order_by(finding_event.c.until)
            .limit(limit)
        )
        if customer is not None:
            query = query.where(finding.c.customer == customer)
        with self._reading() as connection:
            return [(FindingLine._make(row[:-1]), row[-1]) for row in connection.execute(query)]

    def _some(self, query: Select[Any], limit: int) -> Sequence[FindingLine]:
        with self._reading() as connection:
            return list(map(FindingLine._make, connection.execute(query.limit(limit))))

    def clocks(self, now: datetime, today_ends: datetime, new_since: datetime) -> tuple[Clocks, ...]:
        """What is due in the open findings of every customer that has one, by customer."""
        columns = finding.c
        counted = columns.waived.is_(False)
        query = (
            select(
                columns.customer,
                _how_many(and_(counted, columns.due < now)),
                _how_many(and_(counted, columns.due >= now, columns.due < today_ends)),
                _how_many(and_(counted, columns.opened >= new_since)),
                _how_many(columns.outcome == Outcome.UNPROVEN.value),
                _how_many(and_(columns.waived.is_(True), columns.outcome != Outcome.UNPROVEN.value)),
                func.min(case((counted, columns.due))),
            )
            .where(columns.resolved.is_(None))
            .group_by(columns.customer)
            .order_by(columns.customer)
        )
        with self._reading() as connection:
            return tuple(Clocks(*row) for row in connection.execute(query))

    def open_tallies(self, customer: str | None = None) -> Mapping[HostName, tuple[Tally, ...]]:
        """The open findings of every host (of `customer`) that has one, counted."""
        columns = finding.c
        kinds = (columns.customer, columns.host, columns.family, columns.outcome, columns.severity, columns.waived)
        query = select(*kinds, func.count()).where(columns.resolved.is_(None)).group_by(*kinds).order_by(*kinds)
        if customer is not None:
            query = query.where(columns.customer == customer)
        found: dict[HostName, list[Tally]] = {}
        with self._reading() as connection:
            for owner, host_name, family, outcome, severity, waived, count in connection.execute(query):
                counted = Tally(family, Outcome(outcome), severity, waived, count)
                found.setdefault(HostName(owner, host_name), []).append(counted)
        return {name: tuple(tallies) for name, tallies in found.items()}

    def open_at(self, moments: Sequence[datetime]) -> Mapping[str, tuple[int, ...]]:
        """How many findings each customer had open at each moment, in whichever of their lives.

        A store that was upgraded from before there were events knows nothing of lives that were over then.
        """
        columns = finding.c
        at = (
            _how_many(and_(columns.opened <= moment, or_(columns.resolved.is_(None), columns.resolved > moment)))
            for moment in moments
        )
        present = select(columns.customer, *at).group_by(columns.customer)
        # Few come back: only of these the events are read. What begins and ends adds up to the lives that went on at a
        # moment, from which the present life is taken, as it is counted already.
        event = finding_event.c
        begun = event.kind.in_((EventKind.FOUND.value, EventKind.REOPENED.value))
        ended = event.kind == EventKind.RESOLVED.value
        earlier = (
            select(
                columns.customer,
                *(
                    _how_many(and_(begun, event.at <= moment)) - _how_many(and_(ended, event.at <= moment))
                    for moment in moments
                ),
            )
            .join(finding_event, event.fingerprint == columns.fingerprint)
            .where(columns.reopened > 0, event.at < columns.opened)
            .group_by(columns.customer)
        )
        found: dict[str, tuple[int, ...]] = {}
        with self._reading() as connection:
            for customer, *counts in (*connection.execute(present), *connection.execute(earlier)):
                before = found.get(customer, (0,) * len(counts))
                found[customer] = tuple(map(int.__add__, before, counts))
        return found

    def scans_of(self, customer: str, host_name: str, limit: int = 50) -> tuple[ScanOfHost, ...]:
        """The scans of a host, the newest first, without those that judged only some of its controls.

        Where there was no other scan yet, that one is all that is known of the host.
        """
        only_one = select(host.c.latest_id).where(host.c.customer == customer, host.c.name == host_name)
        query = (
            select(scan.c.run_id, scan.c.opened, scan.c.status, scan.c.detail)
            .join(run, run.c.id == scan.c.run_id)
            .where(scan.c.customer == customer, scan.c.host == host_name, counts(scan.c.run_id))
            .where(or_(run.c.narrow.is_(False), scan.c.id == only_one.scalar_subquery()))
            .order_by(scan.c.opened.desc(), scan.c.id.desc())
            .limit(limit)
        )
        with self._reading() as connection:
            return tuple(_scan_of_host(row) for row in connection.execute(query))

    def reach_change(self, customer: str, host_name: str) -> tuple[ScanOfHost, ScanOfHost | None] | None:
        """Since which scan a host was reached as in the newest one, without a break, and the last scan before that.

        How it is reached: to the end, in part, or not at all. The last scan before is None when it was never reached
        otherwise; the whole is None for a host that was never scanned. Scans for some controls only do not count: that
        few questions were answered does not say that all would be.
        """
        mine = and_(scan.c.customer == customer, scan.c.host == host_name, counts(scan.c.run_id))
        mine = and_(mine, run.c.narrow.is_(False))
        query = select(scan.c.id, scan.c.run_id, scan.c.opened, scan.c.status, scan.c.detail).where(mine)
        query = query.join(run, run.c.id == scan.c.run_id)
        late_first, early_first = (scan.c.opened.desc(), scan.c.id.desc()), (scan.c.opened, scan.c.id)
        with self._reading() as connection:
            newest = connection.execute(query.order_by(*late_first).limit(1)).first()
            if newest is None:
                return None
            other = query.where(scan.c.status != newest.status)
            before = connection.execute(other.order_by(*late_first).limit(1)).first()
            if before is not None:
                later = or_(scan.c.opened > before.opened, and_(scan.c.opened == before.opened, scan.c.id > before.id))
                query = query.where(later)
            first = connection.execute(query.order_by(*early_first).limit(1)).one()
        return _scan_of_host(first), None if before is None else _scan_of_host(before)


def _scan_of_host(row: Any) -> ScanOfHost:
    return ScanOfHost(row.run_id, row.opened, Reach(row.status), row.detail)


def _lines() -> Select[Any]:
    columns = finding.c
    return (
        select(
            columns.fingerprint,
            columns.customer,
            case((scan.c.customer_name != "", scan.c.customer_name), else_=columns.customer),
            columns.host,
            columns.site,
            columns.control,
            columns.check,
            columns.family,
            columns.subject,
            columns.title,
            columns.reason,
            columns.severity,
            type_coerce(columns.outcome, Ended),
            columns.waived,
            columns.opened,
            columns.due,
            columns.resolved,
            columns.last_run,
            columns.advisories,
        )
        .join(host, and_(host.c.customer == columns.customer, host.c.name == columns.host))
        .join(scan, scan.c.id == host.c.latest_id)
    )


def _how_many(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(func.sum(cast(case((condition, 1), else_=0), Integer)), 0)
