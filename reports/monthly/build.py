"""From what is known about a month to the report on it. A pure function."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta

from secaudit.model.answer import Reach
from secaudit.model.month import MonthRecord
from secaudit.model.outcome import Outcome, UnprovenKind
from secaudit.model.result import Result
from secaudit.model.sla import ClockState

from ..states import State, state_of
from ..words import unique
from .backups import copy_rows, rule_rows, worst
from .deadlines import patch_rows, priority_rows
from .earlier import earlier_terms
from .findings import changes, entries, waivers
from .promises import NETWORK_FAMILIES, patch_findings, promises, scope
from .report import Entry, Gap, HostRow, MonthlyReport, Promise, ScannedHost
from .services import certificates, services
from .trends import hours_year, open_year, trend


def build(record: MonthRecord) -> MonthlyReport:
    """Compute the report on a month."""
    found = entries(record)
    still = tuple(entry for entry in found if entry.resolved is None)
    copies = copy_rows(record)
    promised, earlier = services(record), earlier_terms(record)
    before = {one.month: _promises(one, entries(one)) for one in record.before}
    unproven = [result for result in _results(record) if result.outcome is Outcome.UNPROVEN]
    month_scans = [scan for scan in record.scans if record.begin <= scan.at < record.until]
    return MonthlyReport(
        customer=record.customer,
        name=record.name,
        month=record.month,
        timezone=record.timezone,
        first=record.month.first,
        last=record.month.following.first - timedelta(days=1),
        until=record.until,
        over=record.until >= record.end,
        version=record.version,
        contract=record.contract,
        promises=tuple(
            replace(promise, trend=trend(promise, before, record.month)) for promise in _promises(record, found)
        ),
        changes=changes(found, record.begin),
        open_year=open_year(record, found),
        priorities=priority_rows(record),
        late=tuple(entry for entry in found if entry.broke_since(record.begin) or _is_overdue(entry)),
        copies=copies,
        rules=rule_rows(record.contract, copies),
        patches=patch_rows(record, patch_findings(record)),
        firewall=_host_rows(record, found),
        services=promised,
        certificates=certificates(record),
        hours=record.hours,
        hours_year=hours_year(record),
        hours_trouble=record.hours_trouble,
        work=record.work,
        earlier=earlier,
        costs=record.contract.costs if record.contract is not None else (),
        waivers=waivers(still, record.until),
        gaps=_gaps(unproven),
        unproven=len(unproven),
        unproven_hosts=len({result.host for result in unproven}),
        findings=still,
        hosts=tuple(ScannedHost(host.record, host.scanned, host.run) for host in record.hosts),
        scans=len(month_scans),
        complete_scans=sum(scan.status is Reach.COMPLETE for scan in month_scans),
        last_run=record.last_run,
        calendars=record.calendars,
    )


def _promises(record: MonthRecord, found: Sequence[Entry]) -> tuple[Promise, ...]:
    """What became of each promise in a month, the same for the month of the report and for those before."""
    earlier = earlier_terms(record)
    return promises(
        record,
        found,
        (*(row for one in earlier for row in one.copies), *copy_rows(record)),
        (*services(record), *(row for one in earlier for row in one.services)),
    )


def _is_overdue(entry: Entry) -> bool:
    return entry.is_late and entry.resolved is None


def _results(record: MonthRecord) -> list[Result]:
    return [result for host in record.hosts for result in host.results]


def _host_rows(record: MonthRecord, found: Sequence[Entry]) -> tuple[HostRow, ...]:
    """Network and firewall on every host on which a check of them had something to look at, or something changed."""
    here = scope(record, found, lambda family, _: family in NETWORK_FAMILIES)
    by_host: dict[str, list[Entry]] = defaultdict(list)
    for entry in here.entries:
        by_host[entry.host].append(entry)
    rows = []
    for host in record.hosts:
        name = host.record.host
        results = [result for result in host.results if result.family in NETWORK_FAMILIES]
        mine = by_host[name]
        states = [state_of(result) for result in results]
        if not mine and set(states) <= {State.NOT_APPLICABLE} and host.scanned is not None:
            continue
        rows.append(
            HostRow(
                host=name,
                state=worst(results) if host.scanned is not None else State.UNPROVEN,
                passed=states.count(State.PASSED),
                failed=states.count(State.FAILED),
                waived=states.count(State.WAIVED),
                unproven=states.count(State.UNPROVEN),
                new=sum(entry.opened >= record.begin for entry in mine),
                mended=sum(entry.resolved is not None for entry in mine),
            )
        )
    return tuple(rows)


def _gaps(unproven: Iterable[Result]) -> tuple[Gap, ...]:
    """What stood in the way of proof, by reason, what concerns most results first."""
    grouped: dict[tuple[UnprovenKind | None, str], list[Result]] = defaultdict(list)
    for result in unproven:
        grouped[result.kind, result.reason].append(result)
    gaps = [
        Gap(
            kind,
            reason,
            unique(result.host for result in members),
            unique(result.control for result in members),
            len(members),
        )
        for (kind, reason), members in grouped.items()
    ]
    return tuple(sorted(gaps, key=lambda gap: (-gap.count, gap.reason)))


def most_urgent(report: MonthlyReport) -> Entry | None:
    """The open finding that is named first: worst severity, then what is due first; none that is waived or paused."""
    ticking = [
        entry
        for entry in report.findings
        if not entry.is_waived and (entry.clock is None or entry.clock.state is not ClockState.PAUSED)
    ]
    return min(ticking, key=lambda entry: (-entry.severity.rank, _due(entry), entry.number), default=None)


def _due(entry: Entry) -> float:
    due = entry.clock.due if entry.clock is not None else None
    return due.timestamp() if due is not None else float("inf")
