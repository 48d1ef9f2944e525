"""Gathering what is known about a customer's month: contract, store, ledger and probes put together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from zoneinfo import TZPATH, ZoneInfo

from secaudit import __version__
from secaudit.cli.exits import CommandError
from secaudit.cli.logo import read_logo
from secaudit.cli.month_promised import Promised, in_force
from secaudit.model.contract import Contract, Contracts
from secaudit.model.hours import Month
from secaudit.model.month import EarlierContract, FamilyCount, HostAtEnd, HostScan, MonthRecord, TrackedFinding
from secaudit.model.outcome import Outcome
from secaudit.model.severity import Severity
from secaudit.sla.availability import month_span
from secaudit.sla.calendar import local_moment
from secaudit.sla.clocks import read_clocks
from secaudit.sla.history import ContractHistory
from secaudit.store import CustomerView, FindingFilter, FindingState, HostOverview, Store, Tally

DAILY_FAMILIES = frozenset({"backup"})
"""Families whose results are told day by day."""

YEARLY_CHECKS = frozenset({"patch.end-of-life"})
"""Checks whose results are told month by month for a year."""


def month_record(store: Store, contracts: Contracts, customer: str, month: Month, now: datetime) -> MonthRecord:
    """What is known about a month of a customer, as it stood at its end or stands `now` (aware UTC).

    Raises CommandError when the month has not begun, or neither the store nor a contract knows the customer,
    ConfigError when the logo that the contract names is none, and StoreError.
    """
    mine = contracts.of(customer)
    history = ContractHistory(mine)
    zone = ZoneInfo(_timezone(mine, month))
    begin = local_moment(month.first, 0, zone)
    end = local_moment(month.following.first, 0, zone)
    until = min(end, now)
    if until <= begin:
        raise CommandError(f"the month {month} has not begun")
    there = in_force(mine, month, until)
    contract = there[-1] if there else None
    view = store.of(customer)
    hosts = view.hosts()
    if not hosts and not mine:
        raise CommandError(f"neither the store nor a contract knows the customer {customer!r}")
    year_ago = Month((month.index - 11) // 12, (month.index - 11) % 12 + 1)
    year_began = local_moment(year_ago.first, 0, zone)
    scans = view.scans(year_began, until)
    newest = {scan.record.host: scan for scan in scans if scan.scanned >= begin}
    # A host that was left alone for longer than that is taken to have left the contract.
    lately = {scan.record.host for scan in scans if scan.scanned >= local_moment(month.previous.first, 0, zone)}
    ended = tuple(_host(view, host, newest.get(host.record.host)) for host in hosts if host.record.host in lately)
    promised = Promised(store)
    hours, work, hours_trouble = promised.hours(contract, month) if contract is not None else (None, (), "")
    availability, unmeasured = promised.availability(contract, month, until) if contract is not None else ((), {})
    findings = tuple(_findings(view, history, until))
    earlier = tuple(_earlier(view, promised, one, month, until, scans) for one in there[:-1])
    return MonthRecord(
        customer=customer,
        name=(mine[-1].name if mine else "") or next((host.record.customer_name for host in hosts), ""),
        language=contract.report.language if contract is not None else "en",
        month=month,
        timezone=zone.key,
        begin=begin,
        end=end,
        until=until,
        version=__version__,
        contract=contract,
        hosts=ended,
        scans=tuple(map(_scan, scans)),
        findings=findings,
        last_run=view.report(max(newest.values(), key=lambda scan: scan.scanned).run).run if newest else None,
        sightings={
            **store.sightings(_daily(ended, earlier), begin, until),
            **store.sightings(_yearly(ended, findings), year_began, until),
        },
        hours=hours,
        hours_trouble=hours_trouble,
        work=work,
        availability=availability,
        unmeasured=unmeasured,
        certificates=promised.certificates(contract, until) if contract is not None else (),
        earlier=earlier,
        past=promised.past(history, month, until),
        logo=read_logo(contract.report) if contract is not None else b"",
        calendars=_calendars(),
    )


def _calendars() -> tuple[tuple[str, str], ...]:
    """The time zone rules and holiday calendars that days are reckoned with, with their versions."""
    return (("tzdata", _tzdata()), ("holidays", version("holidays")))


def _tzdata() -> str:
    """The version of the zone rules that `zoneinfo` reads: of the system, else of the package."""
    for folder in TZPATH:
        # tzdata.zi, which tells its version in its first line; see zic(8).
        rules = Path(folder, "tzdata.zi")
        if rules.is_file():
            with rules.open(encoding="ascii", errors="replace") as file:
                first = file.readline(200).split()
            return first[2] if first[:2] == ["#", "version"] else ""
    try:
        return version("tzdata")
    except PackageNotFoundError:
        return ""


def _timezone(contracts: Sequence[Contract], month: Month) -> str:
    """The zone of the contract that is in force in the month, else of the newest one; UTC without a contract."""
    there = [contract for contract in contracts if contract.since < month.following.first]
    chosen = there[-1:] or list(contracts[:1])
    return chosen[0].calendar.timezone if chosen else "UTC"


def _host(view: CustomerView, host: HostOverview, newest: HostOverview | None) -> HostAtEnd:
    if newest is None:
        return HostAtEnd(replace(host.record, transcript=""), None, ())
    results = view.host_results(host.record.host, newest.run)
    return HostAtEnd(newest.record, newest.scanned, results, newest.run)


def _earlier(
    view: CustomerView,
    promised: Promised,
    contract: Contract,
    month: Month,
    until: datetime,
    scans: Sequence[HostOverview],
) -> EarlierContract:
    """What became of the part of a month before another contract began, backups as its own last scans found them."""
    span = month_span(contract, month)
    end = min(span.end, until)
    newest = {scan.record.host: scan for scan in scans if span.start <= scan.scanned < end}
    backups = tuple(
        result
        for host, scan in newest.items()
        for result in view.host_results(host, scan.run)
        if result.family in DAILY_FAMILIES
    )
    part = promised.earlier(contract, month, until)
    return replace(part, backups=backups, certificates=promised.certificates(contract, end))


def _scan(scan: HostOverview) -> HostScan:
    by_family: dict[str, list[Tally]] = {}
    for tally in scan.tallies:
        by_family.setdefault(tally.family, []).append(tally)
    counts = tuple(_count(family, tallies) for family, tallies in by_family.items())
    return HostScan(scan.record.host, scan.scanned, scan.record.status, counts, scan.run)


def _count(family: str, tallies: Sequence[Tally]) -> FamilyCount:
    def total(outcome: Outcome) -> int:
        return sum(tally.count for tally in tallies if tally.outcome is outcome)

    grave = sum(
        tally.count
        for tally in tallies
        if tally.outcome is Outcome.FAILED and not tally.waived and tally.severity.at_least(Severity.HIGH)
    )
    return FamilyCount(family, total(Outcome.PASSED), total(Outcome.FAILED), grave, total(Outcome.UNPROVEN))


def _findings(view: CustomerView, history: ContractHistory, until: datetime) -> Iterator[TrackedFinding]:
    events = view.events()
    for found in view.every_finding(FindingFilter(state=FindingState.ALL)):
        mine = tuple(event for event in events.get(found.fingerprint, ()) if event.at < until)
        lives = read_clocks(mine, history, until) if mine else ()
        if lives:
            yield TrackedFinding(
                found.fingerprint,
                found.host,
                found.control,
                found.check,
                found.family,
                found.subject,
                found.title,
                found.reason,
                found.severity,
                lives,
                mine,
            )


def _daily(hosts: Sequence[HostAtEnd], earlier: Sequence[EarlierContract]) -> set[str]:
    seen = [result for host in hosts for result in host.results if result.family in DAILY_FAMILIES]
    seen += [result for part in earlier for result in part.backups]
    return {result.fingerprint for result in seen if result.outcome is not Outcome.NOT_APPLICABLE}


def _yearly(hosts: Sequence[HostAtEnd], findings: Sequence[TrackedFinding]) -> set[str]:
    there = {result.fingerprint for host in hosts for result in host.results if result.check in YEARLY_CHECKS}
    return there | {finding.fingerprint for finding in findings if finding.check in YEARLY_CHECKS}
