"""Everything that a month could not prove, decided here and nowhere else.

Page one, the sections, what is to be done next and section 9 all read this list: a promise is unproven exactly when
something in it concerns the promise (and nothing broke it), and every cell that a section shows as unproven has its
entry here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from secaudit.model.answer import Reach
from secaudit.model.month import HostAtEnd, MonthRecord, TrackedFinding
from secaudit.model.outcome import Outcome, UnprovenKind
from secaudit.model.result import Result
from secaudit.model.section import Mark
from secaudit.model.sla import Unmeasured

from ..states import State
from ..words import unique
from .backups import FAMILY as BACKUP
from .proofs import missing
from .report import Doubt, DoubtKind, Entry, Part, PromiseId
from .scope import HARDWARE_FAMILIES, NETWORK_FAMILIES, VERSION_CHECKS, is_patch
from .terms import CertificateRow, CopyRow, RuleRow, Service

_RULE_PARTS = (Part.COPIES, Part.MEDIA, Part.OFFSITE, Part.IMMUTABLE, Part.ERRORS)
_SCANNED = frozenset(
    {
        PromiseId.FIREWALL,
        PromiseId.PATCHES,
        PromiseId.LOCAL_BACKUPS,
        PromiseId.CLOUD_BACKUPS,
        PromiseId.OTHER_BACKUPS,
        PromiseId.HARDWARE,
        PromiseId.VERSIONS,
    }
)
"""Promises that only scans prove."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What the sections show, of all contracts of the month."""

    entries: Sequence[Entry]
    copies: Sequence[CopyRow]
    rules: Sequence[RuleRow]
    services: Sequence[Service]
    certificates: Sequence[CertificateRow]
    lacks_ledger: bool


def doubts(record: MonthRecord, shown: Shown) -> tuple[Doubt, ...]:
    """What is unproven at the end of a month, in the order in which it is shown."""
    return (
        *_hosts(record),
        *_results(record, shown.copies),
        *_findings(record, shown),
        *_parts(record, shown.copies),
        *_copies(record, shown.copies),
        *_rules(shown),
        *_services(shown),
        *_changes(record),
    )


def _hosts(record: MonthRecord) -> Iterator[Doubt]:
    unseen = [host for host in record.hosts if host.scanned is None]
    if unseen or not record.hosts:
        timed = record.contract is not None and bool(record.contract.priorities)
        nobody = len(unseen) == len(record.hosts)
        promises = _SCANNED | {PromiseId.RESPONSE} if nobody and timed else _SCANNED
        yield Doubt(DoubtKind.UNSCANNED, promises, _names(unseen), len(unseen))
    for reach in (Reach.UNREACHABLE, Reach.PARTIAL):
        cut = [host for host in record.hosts if host.scanned is not None and host.record.status is reach]
        if cut:
            yield Doubt(DoubtKind(reach.value), frozenset(), _names(cut), len(cut))
    broken = [
        scan for scan in record.scans if record.begin <= scan.at < record.until and scan.status is not Reach.COMPLETE
    ]
    if broken:
        yield Doubt(DoubtKind.SCANS, frozenset(), unique(scan.host for scan in broken), len(broken))


def _names(hosts: Sequence[HostAtEnd]) -> tuple[str, ...]:
    return tuple(host.record.host for host in hosts)


def unproven_results(record: MonthRecord) -> list[Result]:
    """The results at the end of the month that are unproven, as results.json and the dashboard count them."""
    return [result for host in record.hosts for result in host.results if result.outcome is Outcome.UNPROVEN]


def _results(record: MonthRecord, copies: Sequence[CopyRow]) -> Iterator[Doubt]:
    """By what stood in the way, what concerns most results first."""
    grouped: dict[tuple[UnprovenKind | None, str], list[Result]] = defaultdict(list)
    for result in unproven_results(record):
        grouped[result.kind, result.reason].append(result)
    for (kind, reason), group in sorted(grouped.items(), key=lambda item: (-len(item[1]), item[0][1])):
        yield Doubt(
            DoubtKind.RESULTS,
            frozenset().union(*(_promises(one.family, one.check, one.fingerprint, copies) for one in group)),
            unique(result.host for result in group),
            len(group),
            reason=reason,
            obstacle=kind,
            controls=unique(result.control for result in group),
        )


def _findings(record: MonthRecord, shown: Shown) -> Iterator[Doubt]:
    """Open findings that the last scan neither confirmed nor refuted, and of which it does not say so itself."""
    told = {result.fingerprint for result in unproven_results(record)}
    failed = [entry for entry in shown.entries if entry.resolved is None]
    left: list[Entry | TrackedFinding] = [
        entry for entry in failed if entry.result is None and entry.fingerprint not in told
    ]
    told |= {entry.fingerprint for entry in failed}
    left += [one for one in record.findings if one.fingerprint not in told and _is_unproven(one)]
    grouped: dict[frozenset[PromiseId], list[Entry | TrackedFinding]] = defaultdict(list)
    for one in left:
        accepted = isinstance(one, Entry) and one.is_waived
        concerned = _promises(one.family, one.check, one.fingerprint, shown.copies)
        grouped[frozenset() if accepted else concerned].append(one)
    for promises, group in grouped.items():
        hosts, controls = unique(one.host for one in group), unique(one.control for one in group)
        yield Doubt(DoubtKind.FINDINGS, promises, hosts, len(group), controls=controls)


def _is_unproven(finding: TrackedFinding) -> bool:
    """Whether it is open and was never proven to fail: a scan that stopped early settles nothing."""
    life = finding.lives[-1] if finding.lives else None
    return life is not None and life.resolved is None and life.unmeasured is Unmeasured.UNPROVEN


def _promises(family: str, check: str, fingerprint: str, copies: Sequence[CopyRow]) -> frozenset[PromiseId]:
    """The promises that a result speaks for."""
    if family == BACKUP:
        mine = [row for row in copies if any(result.fingerprint == fingerprint for result in row.results)]
        return frozenset(map(_promise_of, mine)) or frozenset({PromiseId.OTHER_BACKUPS})
    if family in NETWORK_FAMILIES:
        return frozenset({PromiseId.FIREWALL})
    if family in HARDWARE_FAMILIES:
        return frozenset({PromiseId.HARDWARE})
    if check in VERSION_CHECKS:
        return frozenset({PromiseId.VERSIONS})
    return frozenset({PromiseId.PATCHES}) if is_patch(family, check) else frozenset()


def _promise_of(row: CopyRow) -> PromiseId:
    return PromiseId.CLOUD_BACKUPS if row.offsite else PromiseId.LOCAL_BACKUPS


def _parts(record: MonthRecord, copies: Sequence[CopyRow]) -> Iterator[Doubt]:
    if not any(host.scanned for host in record.hosts):
        return
    for promise in PromiseId:
        if promise is PromiseId.OTHER_BACKUPS and copies:
            continue  # promised copies are listed by dataset
        for one in missing(record, promise):
            yield Doubt(DoubtKind.PART, frozenset({promise}), one.hosts, len(one.hosts) or 1, part=one.part)


def _copies(record: MonthRecord, copies: Sequence[CopyRow]) -> Iterator[Doubt]:
    """Copies that are neither broken nor proven on each day, and of which no unproven result says so already."""
    told = {result.fingerprint for result in unproven_results(record)}
    for row in copies:
        name, concerned = (f"{row.dataset} ({row.place})",), frozenset({_promise_of(row)})
        if not row.results:
            yield Doubt(DoubtKind.COPY, concerned, name)
        elif row.unmeasured_days:
            yield Doubt(DoubtKind.DAYS, concerned, name, row.unmeasured_days)
        elif row.state in (State.UNPROVEN, State.NOT_APPLICABLE) and not any(
            result.fingerprint in told for result in row.results
        ):
            yield Doubt(DoubtKind.AT_END, concerned, name)


def _rules(shown: Shown) -> Iterator[Doubt]:
    """Numbers of the 3-2-1-1-0 rule and restore tests that no check proves, by what is missing."""
    for part in _RULE_PARTS:
        rows = [row for row in shown.rules if getattr(row, part.value).state is State.UNPROVEN]
        if rows:
            yield _rule(part, rows, shown)
    untested = [row for row in shown.rules if row.restore_every is not None]
    if untested:
        yield _rule(Part.RESTORE, untested, shown)


def _rule(part: Part, rows: Sequence[RuleRow], shown: Shown) -> Doubt:
    names = unique(row.dataset for row in rows)
    concerned = frozenset(_promise_of(copy) for copy in shown.copies if copy.dataset in names)
    return Doubt(DoubtKind.RULE, concerned, names, len(rows), part=part)


def _services(shown: Shown) -> Iterator[Doubt]:
    for service in shown.services:
        if service.state is State.UNPROVEN:
            concerned = frozenset({PromiseId.AVAILABILITY})
            yield Doubt(DoubtKind.SERVICE, concerned, (service.name,), reason=service.trouble)
    unseen = [row.service for row in shown.certificates if row.state is State.UNPROVEN]
    if unseen:
        yield Doubt(DoubtKind.CERTIFICATE, frozenset(), unique(unseen), len(unseen))
    if shown.lacks_ledger:
        yield Doubt(DoubtKind.LEDGER, frozenset({PromiseId.HOURS}))


def _changes(record: MonthRecord) -> Iterator[Doubt]:
    """Hosts of which nobody knows whether something changed between two scans, or how."""
    unclear = [
        change.host
        for change in record.host_changes
        if change.obstacle is not None or (change.section is not None and change.section.mark is Mark.UNSURE)
    ]
    compared = any(change.family in NETWORK_FAMILIES for change in record.host_changes)
    looked = any(result.family in NETWORK_FAMILIES for host in record.hosts for result in host.results)
    if unclear or (looked and not compared):
        yield Doubt(DoubtKind.CHANGES, frozenset(), unique(unclear), len(unclear))
