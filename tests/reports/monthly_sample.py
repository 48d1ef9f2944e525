"""A realistic month of the invented customer Muster GmbH, for tests and for the eye.

`python -m tests.reports.monthly_sample OUT.html [de|en]` writes its monthly report.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from secaudit.model.answer import Reach
from secaudit.model.availability import Availability, AvailabilityState, Outage
from secaudit.model.contract import (
    AvailabilityTarget,
    BackupCopy,
    BackupRule,
    BusinessCalendar,
    ClockKind,
    Contract,
    Conversion,
    Cost,
    Dataset,
    Opening,
    Period,
    Priority,
    ProbeKind,
    ReportRules,
    Resources,
    ServiceProbe,
    SlaRules,
    Target,
    Unit,
)
from secaudit.model.hours import Month, WorkEntry, WorkKind
from secaudit.model.month import (
    Certificate,
    EarlierContract,
    FamilyCount,
    HostAtEnd,
    HostScan,
    MonthRecord,
    PastMonth,
    Sighting,
    TrackedFinding,
)
from secaudit.model.outcome import Outcome
from secaudit.model.result import Result, fingerprint
from secaudit.model.severity import Severity
from secaudit.model.sla import EventKind, FindingEvent
from secaudit.sla.availability import month_span
from secaudit.sla.clocks import read_lives
from secaudit.sla.history import ContractHistory
from secaudit.sla.hours import statements
from tests.reports import drift_sample, sample

OCTOBER = Month(2026, 10)
BEGIN = datetime(2026, 9, 30, 22, tzinfo=UTC)
END = datetime(2026, 10, 31, 23, tzinfo=UTC)
NIGHT = timedelta(hours=4, minutes=10)
"""When scans run, counted from local midnight."""

WORK = (Opening(480, 1020),)
TARGETS = {
    unit: [Target(amount, unit, kind) for amount in range(100)]
    for unit, kind in (
        (Unit.HOURS, ClockKind.BUSINESS),
        (Unit.BUSINESS_DAYS, ClockKind.BUSINESS),
        (Unit.DAYS, ClockKind.CALENDAR),
    )
}


def probe(host: str) -> ServiceProbe:
    """A page that is asked for over TLS."""
    return ServiceProbe(ProbeKind.HTTP, host, 443, timedelta(seconds=10), is_encrypted=True, path="/health")


CONTRACT = Contract(
    customer="muster",
    name="Muster GmbH",
    number="V-2025-017",
    since=date(2026, 1, 1),
    until=date(2026, 12, 31),
    notice_days=90,
    calendar=BusinessCalendar("Europe/Vienna", (WORK, WORK, WORK, WORK, WORK, (), ()), "AT"),
    priorities=(
        Priority(
            "P1",
            frozenset({Severity.CRITICAL}),
            Target(1, Unit.HOURS, ClockKind.REAL),
            Target(24, Unit.HOURS, ClockKind.REAL),
        ),
        Priority("P2", frozenset({Severity.HIGH}), TARGETS[Unit.HOURS][4], TARGETS[Unit.BUSINESS_DAYS][5]),
        Priority("P3", frozenset({Severity.MEDIUM}), TARGETS[Unit.BUSINESS_DAYS][1], TARGETS[Unit.DAYS][30]),
        Priority(
            "P4", frozenset({Severity.LOW, Severity.INFO}), TARGETS[Unit.BUSINESS_DAYS][5], TARGETS[Unit.DAYS][90]
        ),
    ),
    sla=SlaRules(date(2026, 1, 1), pause_reasons=("waiting-customer", "vendor-fix")),
    availability=(
        AvailabilityTarget("shop", Decimal("99.9"), "", timedelta(minutes=5), probe=probe("shop.muster.example")),
        AvailabilityTarget("erp", Decimal("99.5"), "", timedelta(minutes=5), probe=probe("erp.muster.example")),
        AvailabilityTarget("vpn", Decimal("99.5"), "probes/vpn.csv", timedelta(minutes=5)),
    ),
    backup_rule=BackupRule(),
    datasets=(
        Dataset(
            "shop-db",
            "db1",
            timedelta(hours=4),
            restore_every=timedelta(days=90),
            copies=(
                BackupCopy("borg", "onsite"),
                BackupCopy("restic", "cloud", immutable=True, identity={"repo_ref": "offsite1"}),
            ),
        ),
        Dataset(
            "files",
            "files1",
            timedelta(hours=24),
            copies=(BackupCopy("borg", "onsite"), BackupCopy("restic", "cloud", identity={"repo_ref": "offsite2"})),
        ),
    ),
    resources=Resources(600, "ledger/2026.csv", carry_cap=1200, carry_months=3, conversion=Conversion(after_months=2)),
    costs=(
        Cost("maintenance", Period.MONTH, Decimal("980.00"), "EUR"),
        Cost("monitoring", Period.MONTH, Decimal("120.00"), "EUR"),
    ),
    report=ReportRules(language="de"),
    sha256="9b1c" * 16,
)

LEDGER = (
    WorkEntry(date(2026, 2, 10), 300, WorkKind.SUPPORT, "MUS-311", "patch week"),
    WorkEntry(date(2026, 4, 21), 1860, WorkKind.SUPPORT, "MUS-342", "move to the new storage"),
    WorkEntry(date(2026, 6, 9), 420, WorkKind.SUPPORT, "MUS-366", "quarterly maintenance"),
    WorkEntry(date(2026, 9, 14), 480, WorkKind.SUPPORT, "MUS-401", "quarterly maintenance"),
    WorkEntry(date(2026, 10, 6), 120, WorkKind.SUPPORT, "MUS-412", "kernel updates on six hosts"),
    WorkEntry(date(2026, 10, 13), 45, WorkKind.SUPPORT, "MUS-418", "shop not reachable for 13 minutes"),
    WorkEntry(date(2026, 10, 23), 90, WorkKind.SUPPORT, "MUS-425", "advice: rights on the file server"),
    WorkEntry(date(2026, 10, 27), 60, WorkKind.DEVELOPMENT, "MUS-430", "export of stock figures"),
)


def local_day(number: int) -> datetime:
    """The scan of a day of October."""
    return BEGIN + timedelta(days=number - 1) + NIGHT


def backup(tool: str, host: str, name: str, outcome: Outcome = Outcome.PASSED, **more: object) -> Result:
    """A result of a backup check on a dataset or repository."""
    plain = replace(
        sample.result("backup-age", host, outcome, name),
        check=f"backup.{tool}-freshness",
        control=f"backup-{tool}",
        fingerprint=fingerprint("muster", host, f"backup-{tool}", name),
        severity=Severity.HIGH,
        title={"borg": "borg archives are fresh", "restic": "restic snapshots are fresh"}.get(
            tool, f"{tool} backups are fresh"
        ),
        expected="not older than 4h",
        observed=f"archive {host}-2026-10-31, 2h 10m old" if outcome is Outcome.PASSED else "",
    )
    return replace(plain, **more)  # type: ignore[arg-type]  # a test's shorthand; dataclasses checks the names


BACKUPS = (
    backup("borg", "db1", "shop-db"),
    backup("restic", "db1", "offsite1"),
    backup("borg", "files1", "files", observed="archive files-2026-10-30, 22h 50m old"),
)


def track(found: Result, *events: FindingEvent, until: datetime = END) -> TrackedFinding:
    """A finding with events and the clocks that they give."""
    return TrackedFinding(
        fingerprint=found.fingerprint,
        host=found.host,
        control=found.control,
        check=found.check,
        family=found.family,
        subject=found.subject,
        title=found.title,
        reason=found.reason,
        severity=found.severity,
        lives=read_lives(events, ContractHistory((CONTRACT,)), until),
        events=events,
    )


def seen(found: Result, when: datetime, kind: EventKind = EventKind.FOUND) -> FindingEvent:
    """A scan found it."""
    return FindingEvent(found.fingerprint, kind, when, found.severity, Outcome.FAILED)


def done(found: Result, when: datetime) -> FindingEvent:
    """A scan proved that it is gone."""
    return FindingEvent(found.fingerprint, EventKind.RESOLVED, when, outcome=Outcome.PASSED)


def did(found: Result, when: datetime, kind: EventKind = EventKind.ACKNOWLEDGED, **more: object) -> FindingEvent:
    """Somebody did something about it."""
    event = FindingEvent(found.fingerprint, kind, when, author="anna@provider.example")
    return replace(event, **more)  # type: ignore[arg-type]  # a test's shorthand; dataclasses checks the names


def _open(found: Result) -> TrackedFinding:
    first = found.first_seen or sample.STARTED
    events = [seen(found, first), did(found, first + timedelta(minutes=40))]
    if found.waiver is not None:
        events.append(
            FindingEvent(found.fingerprint, EventKind.WAIVED, first, until=found.waiver.expires, author="anna")
        )
    if found.control == "reboot":
        pause = did(found, local_day(6), EventKind.PAUSED, reason="waiting-customer", until=local_day(6 + 29))
        events.append(pause)
    return track(found, *events)


def _mended() -> list[TrackedFinding]:
    cloud = backup("restic", "db1", "offsite1", Outcome.FAILED, reason="The newest backup is too old.")
    patches = [
        sample.result(
            "security-updates",
            host,
            Outcome.FAILED,
            package,
            reason=f"A security update of {package} is available and not installed.",
        )
        for host in ("fw1", "db1", "db2", "backup1")
        for package in ("libc6", "sudo", "curl")
    ]
    mended = [
        track(
            found,
            seen(found, local_day(2 + at)),
            did(found, local_day(2 + at) + timedelta(hours=5)),
            done(found, local_day(4 + at)),
        )
        for at, found in enumerate(patches)
    ]
    late = track(cloud, seen(cloud, local_day(13)), did(cloud, local_day(13) + timedelta(hours=5)),
                 done(cloud, local_day(22)))  # fmt: skip
    return [late, *mended]


def _earlier() -> list[TrackedFinding]:
    """What came and went in the year before."""
    there = (
        ("open-ports", "web1", "tcp/9000", 2, 3),
        ("open-ports", "db2", "tcp/5432", 3, 3),
        ("reboot", "web2", "", 1, 8),
        ("reboot", "db1", "", 4, 6),
        ("clock", "files1", "", 5, 7),
        ("security-updates", "web2", "openssl", 3, 5),
        ("security-updates", "erp1", "glibc", 6, 6),
        ("end-of-life", "erp1", "old", 2, 4),
    )
    found = []
    for control, host, subject, begin, end in there:
        result = sample.result(control, host, Outcome.FAILED, subject)
        opened = datetime(2026, begin, 12, 2, tzinfo=UTC)
        events = (seen(result, opened), did(result, opened + timedelta(hours=3)))
        found.append(track(result, *events, done(result, datetime(2026, end + 1, 5, 2, tzinfo=UTC))))
    return found


def _before(findings: Sequence[TrackedFinding], results: Sequence[Result]) -> tuple[MonthRecord, ...]:
    """January to September, each scanned once: releases as October has them, but for an old one from February to April.

    Firewall and resilience are as `_scans` counts them.
    """
    return tuple(_month_before(number, findings, results) for number in range(1, 10))


def _month_before(number: int, findings: Sequence[TrackedFinding], results: Sequence[Result]) -> MonthRecord:
    month = Month(2026, number)
    span = month_span(CONTRACT, month)
    there = (_as_of(finding, span.end) for finding in findings)
    scans = tuple(scan for scan in _scans() if span.start <= scan.at < span.end)
    past = _past()[number - 1]
    return MonthRecord(
        customer="muster",
        name="Muster GmbH",
        language="de",
        month=month,
        timezone="Europe/Vienna",
        begin=span.start,
        end=span.end,
        until=span.end,
        version="1.0.0",
        contract=CONTRACT,
        hosts=tuple(_host_before(scan, results) for scan in scans),
        scans=scans,
        findings=tuple(finding for finding in there if finding is not None),
        hours=past.hours,
        availability=past.availability,
    )


def _as_of(finding: TrackedFinding, end: datetime) -> TrackedFinding | None:
    events = tuple(event for event in finding.events if event.at < end)
    lives = read_lives(events, ContractHistory((CONTRACT,)), end) if events else ()
    return replace(finding, lives=lives, events=events) if lives else None


def _host_before(scan: HostScan, results: Sequence[Result]) -> HostAtEnd:
    (record,) = (one for one in sample.HOSTS if one.host == scan.host)
    counted = [
        sample.result("clock", scan.host, outcome, f"{count.family}-{number}", family=count.family)
        for count in scan.families
        for outcome, times in (
            (Outcome.PASSED, count.passed),
            (Outcome.FAILED, count.failed),
            (Outcome.UNPROVEN, count.unproven),
        )
        for number in range(times)
    ]
    releases = [one for one in results if one.check == "patch.end-of-life" and one.host == scan.host]
    if scan.host == "erp1" and scan.at.month in (2, 3, 4):
        releases = [sample.result("end-of-life", "erp1", Outcome.FAILED, "old")]
    return HostAtEnd(record, scan.at, (*counted, *releases))


def _past() -> tuple[PastMonth, ...]:
    """January to September: the shop is probed from March on, the ERP from June on."""
    booked = {one.month: one for one in statements(CONTRACT, LEDGER, OCTOBER)}
    shop = {3: (21, 0), 4: (4, 60), 5: (96, 10), 6: (0, 0), 7: (40, 30), 8: (12, 900), 9: (31, 20)}
    erp = {6: (60, 10), 7: (10, 0), 8: (150, 30), 9: (0, 5)}
    found = []
    for number in range(1, 10):
        there = [
            past_availability(service, Month(2026, number), *minutes[number])
            for service, minutes in (("shop", shop), ("erp", erp))
            if number in minutes
        ]
        month = Month(2026, number)
        found.append(PastMonth(month, CONTRACT.availability, tuple(there), True, booked[month]))
    return tuple(found)


def past_availability(service: str, month: Month, down: int, unmeasured: int) -> Availability:
    """A month of probes, judged as `secaudit.sla.availability` does; minutes."""
    target = next(one for one in CONTRACT.availability if one.service == service)
    span = month_span(CONTRACT, month)
    lost, gap = timedelta(minutes=down), timedelta(minutes=unmeasured)
    up = span.end - span.start - lost - gap
    state = AvailabilityState.MET if up / (up + lost) * 100 >= float(target.target) else AvailabilityState.MISSED
    if gap / (span.end - span.start) > 0.01:
        state = AvailabilityState.NOT_ASSESSABLE
    return Availability(service, span.start, span.end, timedelta(), up, lost, gap, state)


def _sightings() -> dict[str, tuple[Sighting, ...]]:
    nights = {day: Sighting(local_day(day), Outcome.PASSED) for day in range(1, 32)}
    old = {day: replace(night, outcome=Outcome.FAILED) for day, night in nights.items() if 13 <= day < 22}
    gap = {day: night for day, night in nights.items() if day not in (17, 18)}
    return {
        BACKUPS[0].fingerprint: tuple(nights.values()),
        BACKUPS[1].fingerprint: tuple({**nights, **old}.values()),
        BACKUPS[2].fingerprint: tuple(gap.values()),
    }


def _scans() -> tuple[HostScan, ...]:
    found = []
    for back in range(1, 10):
        month = Month((OCTOBER.index - back) // 12, (OCTOBER.index - back) % 12 + 1)
        moment = datetime(month.year, month.number, 28, 2, tzinfo=UTC)
        for at, host in enumerate(sample.HOSTS[:8]):
            bad = int(at < back % 3)
            families = (
                FamilyCount("firewall", 4 - bad, 0, 0, bad),
                FamilyCount("resilience", 2, 0, 0, int(back == 4 and at == 1)),
            )
            found.append(HostScan(host.host, moment, Reach.COMPLETE, families))
    for day in range(1, 32):
        found += [HostScan(host.host, local_day(day), host.status, ()) for host in sample.HOSTS]
    return tuple(found)


def measured(service: str, state: AvailabilityState, down: int, unmeasured: int) -> Availability:
    """A month of probes; minutes."""
    whole = END - BEGIN
    outages = (Outage(local_day(12), local_day(12) + timedelta(minutes=down), "status 503"),)
    lost, gap, planned = timedelta(minutes=down), timedelta(minutes=unmeasured), timedelta(hours=4)
    return Availability(service, BEGIN, END, planned, whole - planned - lost - gap, lost, gap, state, outages)


def record() -> MonthRecord:
    """October 2026: things broken, unproven, waived, paused, kept, and not measured."""
    run = sample.report()
    results = [one for one in run.results if one.control != "backup-age"]
    results += BACKUPS
    failed = [one for one in results if one.outcome is Outcome.FAILED]
    statement = statements(CONTRACT, LEDGER, OCTOBER)[-1]
    return MonthRecord(
        customer="muster",
        name="Muster GmbH",
        language="de",
        month=OCTOBER,
        timezone="Europe/Vienna",
        begin=BEGIN,
        end=END,
        until=END,
        version="1.0.0",
        contract=CONTRACT,
        hosts=tuple(
            HostAtEnd(host, sample.STARTED, tuple(one for one in results if one.host == host.host), run.run.id)
            for host in sample.HOSTS
        ),
        scans=_scans(),
        findings=(*map(_open, failed), *_mended(), *_earlier()),
        last_run=run.run,
        sightings=_sightings(),
        hours=statement,
        work=tuple(entry for entry in LEDGER if Month.of(entry.day) == OCTOBER),
        availability=(
            measured("shop", AvailabilityState.MET, 13, 20),
            measured("erp", AvailabilityState.NOT_ASSESSABLE, 22, 730),
        ),
        certificates=(
            Certificate("shop", END - timedelta(minutes=5), datetime(2026, 11, 19, 12, tzinfo=UTC)),
            Certificate("erp", END - timedelta(minutes=5), datetime(2027, 2, 11, 12, tzinfo=UTC)),
        ),
        past=_past(),
        before=_before((*map(_open, failed), *_mended(), *_earlier()), results),
        calendars=(("tzdata", "2026a"), ("holidays", "0.109")),
        host_changes=drift_sample.host_changes(),
        unmeasured={"vpn": "probes/vpn.csv: cannot be read: No such file or directory"},
    )


def changed() -> MonthRecord:
    """The same month, in which another contract ended on the 15th: with less hours, one dataset and another price."""
    whole = record()
    contract = replace(CONTRACT, since=date(2026, 10, 16), availability=CONTRACT.availability[1:])
    old = replace(
        CONTRACT,
        number="V-2024-003",
        until=date(2026, 10, 15),
        priorities=(replace(CONTRACT.priorities[0], response=TARGETS[Unit.HOURS][2]), *CONTRACT.priorities[1:]),
        datasets=CONTRACT.datasets[:1],
        costs=(Cost("maintenance", Period.MONTH, Decimal("850.00"), "EUR"),),
        sha256="ab" * 32,
    )
    earlier = EarlierContract(
        old,
        date(2026, 10, 1),
        date(2026, 10, 15),
        hours=statements(old, LEDGER, OCTOBER)[-1],
        work=tuple(entry for entry in whole.work if entry.day.day < 16),
        availability=whole.availability,
        unmeasured=whole.unmeasured,
        backups=BACKUPS,
        certificates=whole.certificates[:1],
    )
    return replace(
        whole,
        contract=contract,
        earlier=(earlier,),
        hours=statements(contract, LEDGER, OCTOBER)[-1],
        work=tuple(entry for entry in whole.work if entry.day.day >= 16),
        availability=whole.availability[1:],
        certificates=whole.certificates[1:],
    )


def small() -> MonthRecord:
    """The same month on three hosts."""
    whole = record()
    there = {"fw2", "db1", "print1"}
    return replace(
        whole,
        hosts=tuple(host for host in whole.hosts if host.record.host in there),
        scans=tuple(scan for scan in whole.scans if scan.host in there),
        findings=tuple(found for found in whole.findings if found.host in there),
        host_changes=tuple(change for change in whole.host_changes if change.host in there),
    )


def bare() -> MonthRecord:
    """A month about which nothing is known: no contract, no scan, no finding."""
    whole = record()
    return MonthRecord(
        customer="muster",
        name="",
        language="en",
        month=OCTOBER,
        timezone="UTC",
        begin=datetime(2026, 10, 1, tzinfo=UTC),
        end=datetime(2026, 11, 1, tzinfo=UTC),
        until=datetime(2026, 11, 1, tzinfo=UTC),
        version="1.0.0",
        contract=None,
        hosts=tuple(HostAtEnd(host.record, None, ()) for host in whole.hosts[:2]),
        scans=(),
        findings=(),
    )


def main() -> None:
    """Write the sample's page."""
    from secaudit.reports.monthly import render

    path, language = Path(sys.argv[1]), (sys.argv[2:] or ["de"])[0]
    path.write_bytes(render(record(), language))


if __name__ == "__main__":
    main()
