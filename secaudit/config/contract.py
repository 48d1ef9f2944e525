"""Contracts from YAML: one file each, several in a row for a customer. See `docs/contract.md`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

from secaudit.config.contract_availability import ProbeFile, split_endpoint
from secaudit.config.contract_fields import decimal_of, target_of, weekdays_of
from secaudit.config.contract_file import (
    BackupFile,
    ContractFile,
    DatasetFile,
    ExtraDayFile,
    ReportFile,
    ResourcesFile,
    SlaFile,
    TargetFile,
)
from secaudit.config.contract_ics import read_closed_days, read_windows
from secaudit.config.errors import ConfigError, Problem
from secaudit.config.paths import resolve_path, yaml_files
from secaudit.config.source import Located, Node, Source, YamlPath, read_yaml
from secaudit.config.validation import validate
from secaudit.model.baseline import Location
from secaudit.model.contract import (
    AvailabilityTarget,
    BackupCopy,
    BackupRule,
    BusinessCalendar,
    Contract,
    Contracts,
    Conversion,
    Cost,
    Dataset,
    MaintenanceWindow,
    Opening,
    Period,
    Priority,
    ProbeKind,
    Reopening,
    ReportRules,
    Resources,
    ServiceProbe,
    SlaRules,
    SpecialDay,
    Target,
    WaiverRules,
)

_EVERY = timedelta(minutes=5)
_MAX_PAUSE = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class _Read:
    contract: Contract
    begins: Location


def load_contracts(path: Path) -> Contracts:
    """Read a contract file, or every one of a directory; order is by customer and first day.

    Paths in a file resolve against it. Two contracts of a customer must not be in force on the same day. Raises
    ConfigError with the problems of all files.
    """
    problems: list[Problem] = []
    found: list[_Read] = []
    for file in yaml_files(path):
        try:
            found.append(_load(file))
        except ConfigError as error:
            problems += error.problems
    found.sort(key=lambda read: (read.contract.customer, read.contract.since))
    problems += _overlaps(found)
    if problems:
        raise ConfigError(problems)
    return Contracts(tuple(read.contract for read in found))


def _overlaps(found: Iterable[_Read]) -> Iterator[Problem]:
    for before, after in pairwise(found):
        ours, theirs = after.contract, before.contract
        if ours.customer == theirs.customer and (theirs.until is None or ours.since <= theirs.until):
            until = f"until {theirs.until}" if theirs.until else "without an end"
            message = f"customer {ours.customer!r} has another contract on {ours.since}"
            yield Problem(after.begins, message, f"{before.begins.file} is in force {until}")


def _load(path: Path) -> _Read:
    source = read_yaml(path)
    document = Located.of(source.root)
    file = validate(ContractFile, document)
    problems = list(_contradictions(file, document))
    if problems:
        raise ConfigError(problems)
    return _Read(_contract(file, source, document), document.values["valid", "from"])


def _contradictions(file: ContractFile, document: Located) -> Iterator[Problem]:
    """What is wrong although each value alone is right."""
    first: dict[object, YamlPath] = {}
    entries: list[tuple[str, object, YamlPath]] = []
    for name, priority in file.priorities.items():
        for index, severity in enumerate(priority.severities):
            entries.append((f"severity {severity.value!r}", severity, ("priorities", name, "from", index)))
    for index, extra in enumerate(file.calendar.holidays.extra):
        day = extra.date if isinstance(extra, ExtraDayFile) else extra
        entries.append((f"the day {day}", day, ("calendar", "holidays", "extra", index)))
    for index, promised in enumerate(file.availability):
        entries.append((f"service {promised.service!r}", ("service", promised.service), ("availability", index)))
    for index, dataset in enumerate(file.backup.datasets if file.backup else ()):
        entries.append((f"dataset {dataset.name!r}", ("dataset", dataset.name), ("backup", "datasets", index)))
    resources = file.resources
    if resources is not None and resources.convert is not None:
        months = resources.carry.expires_months if resources.carry else 0
        if resources.convert.after_months > months:
            message = f"unused hours are lost {months} months after their own, before they could be converted"
            yield Problem(
                document.keys["resources", "convert"], message, "raise carry.expires_months, or convert earlier"
            )
    for what, key, path in entries:
        if key in first:
            yield Problem(document.values[path], f"{what} is there already", f"first at {document.values[first[key]]}")
        first.setdefault(key, path)


def _contract(file: ContractFile, source: Source, document: Located) -> Contract:
    folder = source.path.parent
    return Contract(
        customer=file.customer.id,
        name=file.customer.name,
        number=file.customer.number,
        since=file.valid.since,
        until=file.valid.until,
        notice_days=file.valid.notice_days,
        calendar=_calendar(file, folder),
        priorities=tuple(
            Priority(name, frozenset(priority.severities), _target(priority.response), _target(priority.remediation))
            for name, priority in file.priorities.items()
        ),
        sla=_sla(file.sla, file),
        waivers=WaiverRules(file.waivers.max_days, tuple(file.waivers.require)),
        availability=tuple(
            AvailabilityTarget(
                service=promised.service,
                target=decimal_of(promised.target),
                source=str(resolve_path(promised.source, folder)) if promised.source else "",
                every=promised.every or _EVERY,
                min_coverage=decimal_of(promised.min_coverage),
                exclude_windows=bool(promised.exclude),
                down_after=promised.down_after,
                probe=_probe(promised.probe, folder),
            )
            for promised in file.availability
        ),
        backup_rule=_backup_rule(file.backup),
        datasets=tuple(
            _dataset(dataset, folder, document, ("backup", "datasets", index))
            for index, dataset in enumerate(file.backup.datasets if file.backup else ())
        ),
        resources=_resources(file.resources, folder),
        costs=tuple(
            Cost(cost.service, Period(cost.per), cost.amount, cost.currency, cost.title or "") for cost in file.costs
        ),
        report=_report(file.report, folder, source.root),
        file=source.shown,
        sha256=source.sha256,
        customer_at=document.values["customer", "id"],
    )


def _target(file: TargetFile | None) -> Target | None:
    return target_of(file.time, file.clock) if file else None


def _probe(file: ProbeFile | None, folder: Path) -> ServiceProbe | None:
    if file is None:
        return None
    limit, ca_file = timedelta(seconds=file.timeout), str(resolve_path(file.ca_file, folder)) if file.ca_file else ""
    if file.http is None:
        kind, endpoint = (ProbeKind.TCP, file.tcp) if file.tcp is not None else (ProbeKind.TLS, file.tls)
        assert endpoint is not None
        host, port = split_endpoint(endpoint)
        is_tls = kind is ProbeKind.TLS
        return ServiceProbe(kind, host, port, limit, is_tls, file.name or host, ca_file=ca_file)
    parts = urlsplit(file.http)
    host, is_tls = parts.hostname or "", parts.scheme == "https"
    return ServiceProbe(
        ProbeKind.HTTP,
        host,
        parts.port or (443 if is_tls else 80),
        limit,
        is_tls,
        file.name or host,
        (parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
        tuple(file.status),
        file.body or "",
        ca_file,
    )


def _calendar(contract: ContractFile, folder: Path) -> BusinessCalendar:
    file, valid = contract.calendar, contract.valid
    week: list[tuple[Opening, ...]] = [()] * 7
    for text, openings in file.hours.items():
        for weekday in weekdays_of(text):
            week[weekday] = tuple(openings)
    special = {
        day: SpecialDay(day, ())
        for name in file.holidays.ics
        for day in read_closed_days(resolve_path(name, folder), file.timezone, valid.since, valid.until)
    }
    for extra in file.holidays.extra:
        day = extra.date if isinstance(extra, ExtraDayFile) else extra
        special[day] = SpecialDay(day, tuple(extra.hours) if isinstance(extra, ExtraDayFile) else ())
    fixed = {
        window
        for name in file.maintenance_ics
        for window in read_windows(resolve_path(name, folder), file.timezone, valid.since, valid.until)
    }
    return BusinessCalendar(
        timezone=file.timezone,
        week=tuple(week),
        country=file.holidays.country or "",
        subdivision=file.holidays.subdivision or "",
        special=tuple(special[day] for day in sorted(special)),
        fixed_windows=tuple(sorted(fixed)),
        windows=tuple(
            MaintenanceWindow(window.rrule, window.start, window.minutes, window.announce_days)
            for window in file.maintenance_windows
        ),
    )


def _sla(file: SlaFile, contract: ContractFile) -> SlaRules:
    return SlaRules(
        enforce_from=file.enforce_from or contract.valid.since,
        warn_at=decimal_of(file.warn_at),
        grace=file.grace if file.grace is not None else timedelta(),
        reopen=Reopening(file.reopen),
        pause_reasons=tuple(file.pause_reasons),
        max_pause=file.max_pause if file.max_pause is not None else _MAX_PAUSE,
    )


def _backup_rule(file: BackupFile | None) -> BackupRule | None:
    if file is None:
        return None
    rule = file.rule
    return BackupRule(rule.copies, rule.media, rule.offsite, rule.immutable, rule.errors)


def _dataset(file: DatasetFile, folder: Path, document: Located, place: YamlPath) -> Dataset:
    test = file.restore_test
    return Dataset(
        name=file.name,
        host=file.host,
        rpo=file.rpo,
        rto=file.rto,
        match=file.match,
        retention={str(kind): count for kind, count in file.retention.items()},
        copies=tuple(
            BackupCopy(
                copy.tool,
                copy.place,
                copy.immutable,
                {key: value for key in ("stanza", "repo_ref", "job") if (value := getattr(copy, key)) is not None},
                copy.host or "",
                document.values.get((*place, "copies", index, "host")),
            )
            for index, copy in enumerate(file.copies)
        ),
        restore_every=test.every if test else None,
        restore_evidence=str(resolve_path(test.evidence, folder)) if test else "",
        host_at=document.values.get((*place, "host")),
    )


def _resources(file: ResourcesFile | None, folder: Path) -> Resources | None:
    if file is None:
        return None
    carry, convert = file.carry, file.convert
    return Resources(
        included=file.included,
        ledger=str(resolve_path(file.ledger, folder)),
        carry_cap=carry.cap if carry else 0,
        carry_months=carry.expires_months if carry else 0,
        conversion=Conversion(decimal_of(convert.factor), convert.after_months, convert.round, convert.expires_months)
        if convert
        else None,
        opening=file.opening or 0,
    )


def _report(file: ReportFile, folder: Path, root: Node) -> ReportRules:
    logo = root.child("report", "logo")
    return ReportRules(
        language=file.language,
        formats=tuple(file.formats or ("html",)),
        recipients=tuple(file.recipients),
        day=file.day,
        sign=file.sign or "",
        logo=str(resolve_path(file.logo, folder)) if file.logo else "",
        logo_at=logo.location if logo else None,
        colour=file.colour or "",
    )
