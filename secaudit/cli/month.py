"""Gathering what is known about a customer's month: contract, store, ledger and probes put together."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from operator import attrgetter
from pathlib import Path
from zoneinfo import TZPATH, ZoneInfo

from secaudit import __version__
from secaudit.cli.exits import CommandError
from secaudit.cli.logo import read_logo
from secaudit.cli.month_promised import Promised, in_force
from secaudit.model.answer import Reach
from secaudit.model.contract import Contract, Contracts
from secaudit.model.hours import Month
from secaudit.model.month import EarlierContract, FamilyCount, HostAtEnd, HostScan, MonthRecord, TrackedFinding
from secaudit.model.outcome import Outcome
from secaudit.model.run import RunInfo
from secaudit.model.severity import Severity
from secaudit.model.sla import EventKind, FindingEvent
from secaudit.sla.availability import month_span
from secaudit.sla.calendar import local_moment
from secaudit.sla.clocks import read_lives
from secaudit.sla.history import ContractHistory
from secaudit.store import CustomerView, Finding, FindingFilter, FindingState, HostOverview, Store, Tally

DAILY_FAMILIES = frozenset({"backup"})
"""Families whose results are told day by day."""

_SAID_BY_ALL = (Outcome.FAILED, Outcome.UNPROVEN)

_MOST_SCANS = 5000
"""So many scans of one finding are looked through for what was said of it before a moment."""


def month_record(store: Store, contracts: Contracts, customer: str, month: Month, now: datetime) -> MonthRecord:
    """What is known about a month of a customer, as it stood at its end or stands `now` (aware UTC).

    Raises CommandError when the month has not begun, or neither the store nor a contract knows the customer,
    ConfigError when the logo that the contract names is none, and StoreError.
    """
    mine = contracts.of(customer)
    span = _Span.of(mine, month, now)
    if span.until <= span.begin:
        raise CommandError(f"the month {month} has not begun")
    if not mine and not store.of(customer).hosts():
        raise CommandError(f"neither the store nor a contract knows the customer {customer!r}")
    known = _Known(store, customer, mine, span)
    record = known.month(span, is_told=True)
    earlier = (_Span.of(mine, _back(month, back), now) for back in range(11, 0, -1))
    return replace(
        record,
        last_run=known.last_run(span),
        past=known.promised.past(known.history, month, span.until),
        before=tuple(one for one in map(known.month, earlier) if one.contract is not None or one.scans),
        logo=read_logo(record.contract.report) if record.contract is not None else b"",
        scans=tuple(map(_scan, known.scans)),
    )


def _back(month: Month, months: int) -> Month:
    return Month((month.index - months) // 12, (month.index - months) % 12 + 1)


@dataclass(frozen=True, slots=True)
class _Span:
    """A month of a customer's calendar: its begin and end, and the moment up to which it is reported."""

    month: Month
    zone: ZoneInfo
    begin: datetime
    end: datetime
    until: datetime

    @classmethod
    def of(cls, contracts: Sequence[Contract], month: Month, now: datetime) -> _Span:
        """By the time zone of the contract that is in force in it."""
        zone = ZoneInfo(_timezone(contracts, month))
        end = local_moment(month.following.first, 0, zone)
        return cls(month, zone, local_moment(month.first, 0, zone), end, min(end, now))


class _Known:
    """What store, contracts, ledgers and probes know of a customer; every month is made of it in the same way."""

    def __init__(self, store: Store, customer: str, contracts: Sequence[Contract], last: _Span) -> None:
        self.history = ContractHistory(contracts)
        self.promised = Promised(store)
        # A year of months, and one more: see `month`.
        self._every_scan = store.of(customer).scans(local_moment(_back(last.month, 12).first, 0, last.zone), last.until)
        # What a scan for some controls only did not judge would seem to be gone.
        self.scans = tuple(scan for scan in self._every_scan if not scan.narrow)
        self._store = store
        self._view = store.of(customer)
        self._events = self._view.events()
        self._findings = tuple(self._view.every_finding(FindingFilter(state=FindingState.ALL)))

    def month(self, span: _Span, *, is_told: bool = False) -> MonthRecord:
        """A month from what was known and true until its end: nothing later changes it.

        Of one that `is_told` the words are those of then as well.
        """
        view, month, until = self._view, span.month, span.until
        there = in_force(self.history.contracts, month, until)
        contract = there[-1] if there else None
        scans = _between(self.scans, span.begin, until)
        newest = {scan.record.host: scan for scan in scans}
        # A host that was left alone for longer than that is taken to have left the contract.
        reach = local_moment(month.previous.first, 0, span.zone)
        lately = {scan.record.host: scan for scan in _between(self._every_scan, reach, until)}
        ended = tuple(_host(view, lately[host], newest.get(host)) for host in sorted(lately))
        promised = self.promised
        hours, work, hours_trouble = promised.hours(contract, month) if contract is not None else (None, (), "")
        availability, unmeasured = promised.availability(contract, month, until) if contract is not None else ((), {})
        earlier = tuple(_earlier(view, promised, one, month, until, self.scans) for one in there[:-1])
        named = (*([contract.name] if contract is not None else []), *(one.name for one in self.history.contracts[-1:]))
        return MonthRecord(
            customer=view.customer,
            name=next((name for name in named if name), "")
            or next((host.record.customer_name for host in ended if host.record.customer_name), ""),
            language=contract.report.language if contract is not None else "en",
            month=month,
            timezone=span.zone.key,
            begin=span.begin,
            end=span.end,
            until=until,
            version=__version__,
            contract=contract,
            hosts=ended,
            scans=tuple(map(_scan, scans)),
            findings=tuple(self._tracked(span, is_told=is_told)),
            sightings=self._store.sightings(_daily(ended, earlier), span.begin, until),
            hours=hours,
            hours_trouble=hours_trouble,
            work=work,
            availability=availability,
            unmeasured=unmeasured,
            certificates=promised.certificates(contract, until) if contract is not None else (),
            earlier=earlier,
            calendars=_calendars(),
        )

    def last_run(self, span: _Span) -> RunInfo | None:
        """The newest run that scanned a host in a month."""
        scans = _between(self.scans, span.begin, span.until)
        return self._view.report(max(scans, key=lambda scan: scan.scanned).run).run if scans else None

    def _reason(self, found: Finding, until: datetime) -> str:
        """What the last scan before a moment said of a finding."""
        if max(found.last_seen, found.resolved or found.last_seen) < until:
            return found.reason
        seen = self._store.history(found.fingerprint, _MOST_SCANS)
        # A scan that was not complete proves nothing gone, so what it saw passing was not said of an open finding.
        said = (one for one in seen if one.outcome in _SAID_BY_ALL or one.status is Reach.COMPLETE)
        return next((one.reason for one in said if one.at < until), found.reason)

    def _tracked(self, span: _Span, *, is_told: bool) -> Iterator[TrackedFinding]:
        """The findings that were there in a month, or of which something was said in it."""
        for found in self._findings:
            events = tuple(event for event in self._events.get(found.fingerprint, ()) if event.at < span.until)
            if not events or (_is_over(events) and events[-1].at < span.begin):
                continue
            lives = read_lives(events, self.history, span.until)
            if lives:
                yield TrackedFinding(
                    found.fingerprint,
                    found.host,
                    found.control,
                    found.check,
                    found.family,
                    found.subject,
                    found.title,
                    self._reason(found, span.until) if is_told else "",
                    found.severity,
                    lives,
                    events,
                )


def _is_over(events: Sequence[FindingEvent]) -> bool:
    """Whether the newest life of a finding is over."""
    turns = (EventKind.FOUND, EventKind.REOPENED, EventKind.RESOLVED)
    return next((event.kind for event in reversed(events) if event.kind in turns), None) is EventKind.RESOLVED


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


def _between(scans: Sequence[HostOverview], begin: datetime, end: datetime) -> Sequence[HostOverview]:
    first, last = (bisect_left(scans, moment, key=attrgetter("scanned")) for moment in (begin, end))
    return scans[first:last]


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


def _daily(hosts: Sequence[HostAtEnd], earlier: Sequence[EarlierContract]) -> set[str]:
    seen = [result for host in hosts for result in host.results if result.family in DAILY_FAMILIES]
    seen += [result for part in earlier for result in part.backups]
    return {result.fingerprint for result in seen if result.outcome is not Outcome.NOT_APPLICABLE}
