"""From what is known about a month to the report on it. A pure function."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from secaudit.model.answer import Reach
from secaudit.model.month import MonthRecord
from secaudit.model.sla import ClockState

from ..states import State, state_of
from .backups import copy_rows, rule_rows, worst
from .deadlines import patch_rows, priority_rows
from .doubts import Shown, doubts, unproven_results
from .earlier import earlier_terms
from .findings import changes, entries, waivers
from .promises import patch_findings, promises, scope
from .report import Doubt, Entry, HostRow, MonthlyReport, Promise, ScannedHost
from .scope import NETWORK_FAMILIES
from .services import certificates, services
from .trends import hours_year, open_year, trend


def build(record: MonthRecord) -> MonthlyReport:
    """Compute the report on a month."""
    found = entries(record)
    still = tuple(entry for entry in found if entry.resolved is None)
    copies = copy_rows(record)
    rules, year = rule_rows(record.contract, copies), hours_year(record)
    promised, seen, earlier = services(record), certificates(record), earlier_terms(record)
    before = {one.month: _promises(one, entries(one))[0] for one in record.before}
    made, unclear = _promises(record, found)
    unproven = unproven_results(record)
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
        promises=tuple(replace(promise, trend=trend(promise, before, record.month)) for promise in made),
        changes=changes(found, record.begin),
        open_year=open_year(record, found),
        priorities=priority_rows(record),
        late=tuple(entry for entry in found if entry.broke_since(record.begin) or _is_overdue(entry)),
        copies=copies,
        rules=rules,
        patches=patch_rows(record, patch_findings(record)),
        firewall=_host_rows(record, found),
        services=promised,
        certificates=seen,
        hours=record.hours,
        hours_year=year,
        hours_trouble=record.hours_trouble,
        work=record.work,
        earlier=earlier,
        costs=record.contract.costs if record.contract is not None else (),
        waivers=waivers(still, record.until),
        doubts=unclear,
        unproven=len(unproven),
        unproven_hosts=len({result.host for result in unproven}),
        findings=still,
        hosts=tuple(ScannedHost(host.record, host.scanned, host.run) for host in record.hosts),
        scans=len(month_scans),
        complete_scans=sum(scan.status is Reach.COMPLETE for scan in month_scans),
        last_run=record.last_run,
        calendars=record.calendars,
    )


def _promises(record: MonthRecord, found: Sequence[Entry]) -> tuple[tuple[Promise, ...], tuple[Doubt, ...]]:
    """What became of each promise and what could not be proven, of this month and of those before alike."""
    earlier, booked = earlier_terms(record), hours_year(record)[-1]
    copies = copy_rows(record)
    shown = Shown(
        entries=found,
        copies=(*(row for one in earlier for row in one.copies), *copies),
        rules=(*(row for one in earlier for row in one.rules), *rule_rows(record.contract, copies)),
        services=(*(row for one in earlier for row in one.services), *services(record)),
        certificates=(*(row for one in earlier for row in one.certificates), *certificates(record)),
        lacks_ledger=booked.is_promised and booked.there is None,
    )
    unclear = doubts(record, shown)
    return promises(record, shown, unclear), unclear


def _is_overdue(entry: Entry) -> bool:
    return entry.is_late and entry.resolved is None


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
