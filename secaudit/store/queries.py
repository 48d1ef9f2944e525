"""Reading a store: the one query API for reports, dashboard, gate and exports."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from datetime import datetime
from itertools import groupby
from types import TracebackType
from typing import Any, Self

from sqlalchemy import (
    URL,
    ColumnElement,
    Connection,
    Engine,
    Row,
    Select,
    Text,
    and_,
    func,
    or_,
    select,
    type_coerce,
)

from secaudit.model.answer import HostTranscript, Reach
from secaudit.model.baseline import BaselineStamp
from secaudit.model.feed import FeedStamp
from secaudit.model.outcome import Outcome, UnprovenKind
from secaudit.model.request import Request
from secaudit.model.result import Result
from secaudit.model.run import HostRecord, RunInfo, RunReport
from secaudit.model.severity import Severity
from secaudit.store.blobs import content, load, load_ids
from secaudit.store.details import load_details
from secaudit.store.errors import StoreError, explained
from secaudit.store.lifecycle import Finding
from secaudit.store.records import (
    CustomerOverview,
    FindingFilter,
    FindingState,
    HostName,
    HostOverview,
    Occurrence,
    RunOverview,
    Tally,
    merge,
)
from secaudit.store.schema import blob, finding, host, planned, result, run, scan, withdrawal
from secaudit.transcript.codec import decode

_FINDING_FIELDS = tuple(field.name for field in fields(Finding))


class Queries:
    """Everything that can be asked of a store. Methods may be called from any thread; each sees one snapshot.

    Every method raises StoreError when the database fails.
    """

    def __init__(self, engine: Engine, url: URL) -> None:
        self._engine = engine
        self._url = url

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of every connection; safe to call twice."""
        self._engine.dispose()

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with explained(self._url), self._engine.connect() as connection:
            yield connection

    def runs(self, customer: str | None = None, limit: int = 50) -> tuple[RunOverview, ...]:
        """The newest runs first; with `customer` only those that planned a host of it (counting its hosts only)."""
        mine = planned.c.customer == customer if customer is not None else None
        asked = select(func.count()).select_from(planned).where(planned.c.run_id == run.c.id)
        done = select(func.count()).select_from(scan).where(scan.c.run_id == run.c.id)
        if mine is not None:
            asked = asked.where(mine)
            done = done.where(scan.c.customer == customer)
        whole = done.where(scan.c.status == Reach.COMPLETE.value)
        named = (("asked", asked), ("done", done), ("whole", whole))
        counts = [count.scalar_subquery().label(name) for name, count in named]
        query = _newest_runs(customer, limit).add_columns(*counts)
        with self._reading() as connection:
            rows = connection.execute(query).all()
        return tuple(RunOverview(_run_info(row), row.asked, row.done, row.whole) for row in rows)

    def run(self, id: str) -> RunInfo:
        """The head of a run. Raises StoreError when there is none with this id."""
        with self._reading() as connection:
            return self._run(connection, id)

    def latest_run(self, customer: str | None = None) -> RunInfo | None:
        """The whole scan that was started last (that planned a host of `customer`), finished or not.

        Neither a re-check nor a scan for some controls only is one. None where there is no whole scan.
        """
        with self._reading() as connection:
            row = connection.execute(_newest_runs(customer, 1).where(_WHOLE)).first()
        return None if row is None else _run_info(row)

    def checked_since(self, base: RunInfo, customer: str | None = None) -> tuple[RunReport, ...]:
        """What re-checks and scans for some controls found that were started after `base`, the oldest first."""
        later = and_(or_(run.c.narrow, run.c.recheck), run.c.started >= base.started, run.c.id != base.id)
        query = _newest_runs(customer, None).with_only_columns(run.c.id).where(later)
        with self._reading() as connection:
            newest_first = [row.id for row in connection.execute(query)]
        in_order = reversed(newest_first)
        return tuple(self.report(one) if customer is None else self.report_of(one, {customer}) for one in in_order)

    def report(self, run_id: str) -> RunReport:
        """A run with all that is stored of it, hosts in planned order. Raises StoreError when there is no such run."""
        with self._reading() as connection:
            return self._report(connection, run_id, scan.c.run_id == run_id)

    def report_of(self, run_id: str, customers: Collection[str]) -> RunReport:
        """The part of a run that is about these customers. Raises StoreError when it planned no host of them."""
        with self._reading() as connection:
            self._run(connection, run_id)
            query = select(planned.c.customer).where(planned.c.run_id == run_id).distinct()
            there = set(connection.execute(query).scalars())
            if there.isdisjoint(customers):
                raise StoreError(f"the run {run_id} planned no host of {', '.join(sorted(customers))}")
            mine = and_(scan.c.run_id == run_id, scan.c.customer.in_(customers))
            report = self._report(connection, run_id, mine)
        # Whose a baseline is, is not stored: where all hosts are theirs, so are all baselines.
        return report if there <= set(customers) else report.of_customers(customers)

    def _report(self, connection: Connection, run_id: str, chosen: ColumnElement[bool]) -> RunReport:
        info = self._run(connection, run_id)
        rows = connection.execute(_scans().where(chosen)).all()
        position = {(row.customer, row.host): row.position for row in connection.execute(_planned(run_id))}
        rows = sorted(rows, key=lambda row: (position.get((row.customer, row.host), len(position)), row.id))
        results = results_of(connection, chosen)
        ordered = tuple(found for row in rows for found in results.get(row.id, ()))
        return RunReport(info, tuple(_host_record(row) for row in rows), ordered)

    def pending(self, run_id: str) -> tuple[HostName, ...]:
        """Hosts that the run planned and has not stored, in planned order. Raises StoreError for an unknown run."""
        with self._reading() as connection:
            self._run(connection, run_id)
            done = select(scan.c.customer, scan.c.host).where(scan.c.run_id == run_id)
            stored = {(row.customer, row.host) for row in connection.execute(done)}
            rows = connection.execute(_planned(run_id)).all()
        return tuple(HostName(row.customer, row.host) for row in rows if (row.customer, row.host) not in stored)

    def transcript(
        self, run_id: str, customer: str, name: str, wanted: Collection[Request] | None = None
    ) -> HostTranscript:
        """What was asked of a host in a run and what came back, with `wanted` of these requests only.

        Raises StoreError when it is not stored.
        """
        chosen = and_(scan.c.run_id == run_id, scan.c.customer == customer, scan.c.host == name)
        with self._reading() as connection:
            head = connection.execute(select(blob).join(scan, scan.c.transcript == blob.c.id).where(chosen)).first()
            if head is None:
                raise StoreError(f"the store holds no transcript of {customer}/{name} in the run {run_id}")
            return decode(content(head), lambda digests: load(connection, digests), wanted)

    def latest_transcripts(self, customer: str | None = None) -> Iterator[HostTranscript]:
        """The newest complete transcript of every host (of `customer`), one after the other, to be evaluated anew."""
        query = select(scan.c.run_id, host.c.customer, host.c.name).join(scan, scan.c.id == host.c.complete_id)
        query = query.where(counts(scan.c.run_id))
        if customer is not None:
            query = query.where(host.c.customer == customer)
        with self._reading() as connection:
            rows = connection.execute(query.order_by(host.c.customer, host.c.name)).all()
        for row in rows:
            yield self.transcript(row.run_id, row.customer, row.name)

    def customers(self) -> tuple[CustomerOverview, ...]:
        """Every customer that has a scanned host, by id."""
        grouped = groupby(self.hosts(), key=lambda found: found.record.customer)
        return tuple(_customer(customer, list(hosts)) for customer, hosts in grouped)

    def hosts(self, customer: str | None = None) -> tuple[HostOverview, ...]:
        """Every host (of `customer`) as its newest scan found it, by customer and name."""
        query = _scans().join(host, host.c.latest_id == scan.c.id).where(counts(scan.c.run_id))
        query = query.order_by(host.c.customer, host.c.name)
        if customer is not None:
            query = query.where(host.c.customer == customer)
        with self._reading() as connection:
            rows = connection.execute(query).all()
        return tuple(_host_overview(row) for row in rows)

    def scans(self, customer: str, since: datetime, until: datetime) -> tuple[HostOverview, ...]:
        """Every scan of the customer's hosts that was opened from `since` up to `until` (aware UTC), oldest first.

        Those for some controls only are among them and say so.
        """
        mine = and_(scan.c.customer == customer, counts(scan.c.run_id))
        chosen = and_(mine, scan.c.opened >= since, scan.c.opened < until)
        query = _scans().add_columns(run.c.narrow).join(run, run.c.id == scan.c.run_id).where(chosen)
        with self._reading() as connection:
            rows = connection.execute(query.order_by(scan.c.opened, scan.c.id)).all()
        return tuple(replace(_host_overview(row), narrow=row.narrow) for row in rows)

    def host_results(self, customer: str, name: str, run_id: str | None = None) -> tuple[Result, ...]:
        """The results of a host in a run, or in its newest scan. Empty when it was never scanned there."""
        if run_id is None:
            newest = select(host.c.latest_id).where(host.c.customer == customer, host.c.name == name)
            chosen: ColumnElement[bool] = and_(scan.c.id == newest.scalar_subquery(), counts(scan.c.run_id))
        else:
            chosen = and_(scan.c.run_id == run_id, scan.c.customer == customer, scan.c.host == name)
        with self._reading() as connection:
            results = results_of(connection, chosen)
        return tuple(found for part in results.values() for found in part)

    def findings(self, wanted: FindingFilter, limit: int = 500, offset: int = 0) -> tuple[Finding, ...]:
        """A page of findings: open before resolved, worst first, then by customer, host, control and subject."""
        query = (
            select(finding).where(*_conditions(wanted)).order_by(*_finding_order(wanted)).limit(limit).offset(offset)
        )
        with self._reading() as connection:
            return tuple(finding_of(row) for row in connection.execute(query))

    def count(self, wanted: FindingFilter) -> int:
        """How many findings the filter lets through."""
        with self._reading() as connection:
            query = select(func.count()).select_from(finding).where(*_conditions(wanted))
            return connection.execute(query).scalar_one()

    def finding(self, fingerprint: str) -> Finding | None:
        """The finding with this fingerprint; None when it never failed and was never unproven."""
        with self._reading() as connection:
            row = connection.execute(select(finding).where(finding.c.fingerprint == fingerprint)).first()
        return None if row is None else finding_of(row)

    def history(self, fingerprint: str, limit: int = 100) -> tuple[Occurrence, ...]:
        """What every scan said about a fingerprint (passed ones too), newest first."""
        query = (
            select(scan.c.run_id, scan.c.opened, scan.c.status, result, blob.c.sha256, blob.c.data)
            .join(scan, scan.c.id == result.c.scan_id)
            .join(blob, blob.c.id == result.c.detail)
            .where(result.c.fingerprint == fingerprint, counts(scan.c.run_id))
            .order_by(scan.c.opened.desc(), scan.c.id.desc(), result.c.position)
            .limit(limit)
        )
        with self._reading() as connection:
            return tuple(_occurrence(row) for row in connection.execute(query))

    def _run(self, connection: Connection, id: str) -> RunInfo:
        row = connection.execute(select(run).where(run.c.id == id)).first()
        if row is None:
            raise StoreError(f"the store holds no run {id!r}")
        gone = connection.execute(select(withdrawal).where(withdrawal.c.run_id == id)).first()
        if gone is not None:
            raise StoreError(f"the run {id} was withdrawn on {gone.at:%Y-%m-%d} by {gone.author}: {gone.reason}")
        return _run_info(row)


def counts(run_id: ColumnElement[str]) -> ColumnElement[bool]:
    """That a run was not taken back; `run_id` is the column that names it."""
    return run_id.not_in(select(withdrawal.c.run_id))


def finding_of(row: Row[Any]) -> Finding:
    """A finding from all columns of its row."""
    values = {name: row._mapping[name] for name in _FINDING_FIELDS}  # noqa: SLF001 - a row's documented view by name
    values["outcome"] = Outcome(row.outcome)
    values["kind"] = UnprovenKind(row.kind) if row.kind else None
    values["advisories"] = tuple((row.advisories or "").split())
    return Finding(**values)


def lines_of(names: Iterable[str]) -> str | None:
    """Names of advisories as they are stored, so that a whole one can be looked for; None for none."""
    told = "\n".join("".join(name.split()) for name in names)
    return f"\n{told}\n" if told else None


_WHOLE = and_(run.c.narrow.is_(False), run.c.recheck.is_(False))


def _newest_runs(customer: str | None, limit: int | None) -> Select[Any]:
    query = select(run).where(counts(run.c.id)).order_by(run.c.started.desc(), run.c.id.desc()).limit(limit)
    if customer is None:
        return query
    asked = select(planned.c.run_id).where(planned.c.customer == customer)
    return query.where(run.c.id.in_(asked))


def _planned(run_id: str) -> Select[Any]:
    return select(planned).where(planned.c.run_id == run_id).order_by(planned.c.position)


def _scans() -> Select[Any]:
    return select(scan, blob.c.sha256).join(blob, blob.c.id == scan.c.transcript)


def results_of(connection: Connection, chosen: ColumnElement[bool]) -> dict[int, list[Result]]:
    """Results by scan id, in the order in which they were recorded."""
    query = (
        select(result, scan.c.customer, scan.c.site, scan.c.host)
        .join(scan, scan.c.id == result.c.scan_id)
        .where(chosen)
        .order_by(result.c.scan_id, result.c.position)
    )
    rows = connection.execute(query).all()
    stored = load_ids(connection, {row.detail for row in rows})
    details = {key: load_details(data) for key, data in stored.items()}
    results: dict[int, list[Result]] = {}
    for row in rows:
        loaded = Result(
            fingerprint=row.fingerprint,
            customer=row.customer,
            site=row.site,
            host=row.host,
            outcome=Outcome(row.outcome),
            kind=UnprovenKind(row.kind) if row.kind else None,
            severity=row.severity,
            first_seen=row.first_seen,
            due=row.due,
            **details[row.detail],
        )
        results.setdefault(row.scan_id, []).append(loaded)
    return results


def _run_info(row: Row[Any]) -> RunInfo:
    stamps = tuple(BaselineStamp(*stamp) for stamp in row.baselines)
    feeds = tuple(FeedStamp(name, datetime.fromisoformat(at), sha256) for name, at, sha256 in row.feeds)
    return RunInfo(row.id, row.started, row.finished, row.version, stamps, feeds, row.narrow, row.recheck)


def _host_record(row: Row[Any]) -> HostRecord:
    return HostRecord(
        customer=row.customer,
        site=row.site,
        host=row.host,
        address=row.address,
        status=Reach(row.status),
        detail=row.detail,
        os_id=row.os_id,
        os_version=row.os_version,
        transcript=row.sha256.hex(),
        customer_name=row.customer_name,
        tags=tuple(row.tags),
    )


def _occurrence(row: Row[Any]) -> Occurrence:
    return Occurrence(
        run=row.run_id,
        at=row.opened,
        status=Reach(row.status),
        outcome=Outcome(row.outcome),
        severity=row.severity,
        kind=UnprovenKind(row.kind) if row.kind else None,
        reason=load_details(content(row))["reason"],
    )


def _host_overview(row: Row[Any]) -> HostOverview:
    tallies = tuple(
        Tally(family, Outcome(outcome), Severity(severity), waived, count)
        for family, outcome, severity, waived, count in row.tally
    )
    return HostOverview(_host_record(row), row.run_id, row.opened, tallies)


def _customer(customer: str, hosts: list[HostOverview]) -> CustomerOverview:
    reached = [found.record.status for found in hosts]
    newest = max(hosts, key=lambda found: found.scanned)
    return CustomerOverview(
        customer=customer,
        name=newest.record.customer_name or customer,
        hosts=len(hosts),
        complete=reached.count(Reach.COMPLETE),
        partial=reached.count(Reach.PARTIAL),
        unreachable=reached.count(Reach.UNREACHABLE),
        scanned=min(found.scanned for found in hosts),
        tallies=merge(part for found in hosts for part in found.tallies),
    )


def _finding_order(wanted: FindingFilter) -> list[ColumnElement[Any]]:
    """Open first, worst first. With one state only, its index gives that order without sorting everything."""
    state = [finding.c.resolved.is_not(None)] if wanted.state is FindingState.ALL else []
    columns = finding.c
    return [
        *state,
        columns.severity,
        columns.customer,
        columns.host,
        columns.control,
        columns.subject,
        columns.fingerprint,
    ]


def _conditions(wanted: FindingFilter) -> list[ColumnElement[bool]]:
    exact = {
        finding.c.customer: wanted.customer,
        finding.c.site: wanted.site,
        finding.c.host: wanted.host,
        finding.c.family: wanted.family,
        finding.c.control: wanted.control,
        finding.c.waived: wanted.waived,
    }
    conditions: list[ColumnElement[bool]] = [column == value for column, value in exact.items() if value is not None]
    if wanted.outcomes:
        conditions.append(finding.c.outcome.in_(sorted(wanted.outcomes)))
    if wanted.minimum is not None:
        conditions.append(finding.c.severity <= wanted.minimum)
    if wanted.state is FindingState.OPEN:
        conditions.append(finding.c.resolved.is_(None))
    elif wanted.state is FindingState.RESOLVED:
        conditions.append(finding.c.resolved.is_not(None))
    if wanted.advisory:
        lines = func.lower(type_coerce(finding.c.advisories, Text))
        conditions.append(lines.contains(f"\n{wanted.advisory.lower()}\n", autoescape=True))
    if wanted.new_since is not None:
        conditions.append(finding.c.opened >= wanted.new_since)
    if wanted.text:
        conditions.append(type_coerce(finding.c.searched, Text).contains(wanted.text.casefold(), autoescape=True))
    return conditions
