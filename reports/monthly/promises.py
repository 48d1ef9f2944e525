"""What became of each promise, by rules that are the same every month.

`docs/reports.md` has them for people. Nothing is kept that is not proven: a promise without a check, a scan or a
measurement is never shown as passed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from secaudit.model.month import MonthRecord, TrackedFinding
from secaudit.model.outcome import Outcome
from secaudit.model.result import Result
from secaudit.model.severity import Severity

from ..states import State, state_of
from .backups import FAMILY as BACKUP
from .backups import unassigned
from .deadlines import both, lives_of, tally
from .doubts import Shown
from .report import Cause, Doubt, DoubtKind, Entry, Promise, PromiseId, Unit
from .scope import HARDWARE_FAMILIES, NETWORK_FAMILIES, VERSION_CHECKS, is_patch
from .terms import CopyRow, Service
from .trends import hours_year

_DECIDED = (Outcome.PASSED, Outcome.FAILED)

_CAUSES = {
    DoubtKind.UNSCANNED: Cause.NOT_SCANNED,
    DoubtKind.RESULTS: Cause.UNPROVEN,
    DoubtKind.FINDINGS: Cause.UNPROVEN,
    DoubtKind.PART: Cause.NO_CHECK,
    DoubtKind.COPY: Cause.NO_CHECK,
    DoubtKind.RULE: Cause.NO_CHECK,
    DoubtKind.DAYS: Cause.DAYS_UNMEASURED,
    DoubtKind.AT_END: Cause.UNPROVEN,
    DoubtKind.SERVICE: Cause.NOT_MEASURED,
    DoubtKind.LEDGER: Cause.NO_LEDGER,
}
"""Why a promise is unproven, by the first thing that leaves it so."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What speaks for one promise: results at the end of the month, and the findings of the month."""

    results: tuple[Result, ...]
    entries: tuple[Entry, ...]


def scope(record: MonthRecord, found: Iterable[Entry], wanted: Callable[[str, str], bool]) -> Scope:
    """What speaks for the checks that `wanted` (family, check) chooses."""
    return Scope(
        tuple(result for host in record.hosts for result in host.results if wanted(result.family, result.check)),
        tuple(entry for entry in found if wanted(entry.family, entry.check)),
    )


def promises(record: MonthRecord, shown: Shown, doubts: Sequence[Doubt]) -> tuple[Promise, ...]:
    """Every promise in its order; backups, availability and hours only where a contract has them or checks do.

    `shown` is what all contracts that were in force in the month promised and what became of it.
    """
    found, copies = shown.entries, shown.copies
    made = [_firewall(record, found), _patches(record, found), *_backups(record, found, copies)]
    made.append(_by_family(record, found, PromiseId.HARDWARE, HARDWARE_FAMILIES))
    made.append(_response(record))
    made += _availability(shown.services)
    made.append(_versions(record, found))
    made += _hours(record)
    return tuple(_doubted(promise, doubts) for promise in made)


def _doubted(promise: Promise, doubts: Iterable[Doubt]) -> Promise:
    """What is not broken is unproven as soon as anything leaves it so."""
    mine = tuple(doubt for doubt in doubts if promise.id in doubt.promises)
    if not mine or promise.state is State.FAILED:
        return promise
    return replace(promise, state=State.UNPROVEN, cause=_CAUSES[mine[0].kind], entries=(), doubts=mine)


def _firewall(record: MonthRecord, found: Sequence[Entry]) -> Promise:
    return _by_family(record, found, PromiseId.FIREWALL, NETWORK_FAMILIES)


def _by_family(record: MonthRecord, found: Sequence[Entry], id: PromiseId, families: frozenset[str]) -> Promise:
    return _state(id, scope(record, found, lambda family, _: family in families), record)


def _patches(record: MonthRecord, found: Sequence[Entry]) -> Promise:
    here = scope(record, found, is_patch)
    promise = _state(PromiseId.PATCHES, here, record, by_deadline=True)
    readings = [life.remediation for life in lives_of(patch_findings(record))]
    counted = tally(readings, record.begin)
    if counted.decided:
        return replace(promise, kept=counted.met, whole=counted.decided, unit=Unit.DEADLINES)
    return promise


def patch_findings(record: MonthRecord) -> list[TrackedFinding]:
    """The findings about updates."""
    return [finding for finding in record.findings if is_patch(finding.family, finding.check)]


def _backups(record: MonthRecord, found: Sequence[Entry], copies: Sequence[CopyRow]) -> list[Promise]:
    made = []
    for promise_id, offsite in ((PromiseId.LOCAL_BACKUPS, False), (PromiseId.CLOUD_BACKUPS, True)):
        mine = [row for row in copies if row.offsite is offsite]
        if mine:
            made.append(_copies(promise_id, mine, record, found))
    others = unassigned(record, copies)
    claimed = {result.fingerprint for row in copies for result in row.results}
    if others or not copies:
        entries = tuple(entry for entry in found if entry.family == BACKUP and entry.fingerprint not in claimed)
        made.append(_state(PromiseId.OTHER_BACKUPS, Scope(tuple(others), entries), record))
    return made


def _copies(id: PromiseId, rows: Sequence[CopyRow], record: MonthRecord, found: Sequence[Entry]) -> Promise:
    """Copies of datasets: each has to be looked at by a check, and fresh on every day of the month.

    One that several contracts promised is one copy, and kept when it was under each of them.
    """
    known = {result.fingerprint: result for row in rows for result in row.results}
    entries = tuple(entry for entry in found if entry.fingerprint in known)
    promise = _state(id, Scope(tuple(known.values()), entries), record)
    copies = {row.name: row for row in rows}
    kept = len(copies.keys() - {row.name for row in rows if not row.is_kept})
    measured = any(result.outcome in _DECIDED for result in known.values())
    promise = replace(promise, kept=kept, whole=len(copies), unit=Unit.COPIES, measured=measured)
    if promise.state is not State.FAILED and any(row.broken_days for row in rows if row.state is not State.WAIVED):
        return replace(promise, state=State.FAILED, cause=Cause.FAILED, entries=())
    return promise


def _state(id: PromiseId, here: Scope, record: MonthRecord, *, by_deadline: bool = False) -> Promise:
    """What checks make of a promise, but for what leaves it unproven.

    It is broken by a finding whose deadline was in the month, and by one of severity high or above that was
    there in the month at all; `by_deadline` promises a time only, so there such a finding counts when nothing gives it
    time. One whose time ended in an earlier month is counted there, and breaks this one as long as it stays open. What
    is waived breaks nothing, and is said.
    """
    unwaived = [entry for entry in here.entries if not entry.is_waived]
    late = [entry for entry in unwaived if entry.broke_since(record.begin)]
    overdue = [
        entry for entry in unwaived if entry.is_late and entry.resolved is None and not entry.broke_since(record.begin)
    ]
    grave = [entry for entry in unwaived if entry.severity.at_least(Severity.HIGH)]
    if by_deadline:
        grave = [entry for entry in grave if entry.clock is None]
    failing = [entry for entry in grave if entry.resolved is None]
    still = [entry for entry in unwaived if entry.resolved is None]
    waived = [entry for entry in here.entries if entry.is_waived]
    unproven = sum(result.outcome is Outcome.UNPROVEN for result in here.results)

    def promise(state: State, cause: Cause, entries: Sequence[Entry] = ()) -> Promise:
        kept, whole = _hosts(here.results)
        return Promise(
            id, state, cause, kept, whole, Unit.HOSTS, tuple(entries), unproven=unproven, overdue=len(overdue)
        )

    if failing:
        return promise(State.FAILED, Cause.FAILING, failing)
    if late:
        return promise(State.FAILED, Cause.LATE, late)
    if overdue:
        return promise(State.FAILED, Cause.OVERDUE, overdue)
    if grave:
        return promise(State.FAILED, Cause.FAILED, grave)
    if not any(result.outcome in _DECIDED for result in here.results):
        return promise(State.NOT_APPLICABLE, Cause.NOTHING_THERE)
    if waived:
        return promise(State.WAIVED, Cause.KEPT, waived)
    return promise(State.PASSED, Cause.IN_TIME if still else Cause.KEPT, still)


def _hosts(results: Iterable[Result]) -> tuple[int, int]:
    """Hosts on which everything passed, of those on which anything was looked at."""
    states: dict[str, set[State]] = defaultdict(set)
    for result in results:
        if result.outcome is not Outcome.NOT_APPLICABLE:
            states[result.host].add(state_of(result))
    return sum(found == {State.PASSED} for found in states.values()), len(states)


def _response(record: MonthRecord) -> Promise:
    readings = both(lives_of(record.findings))
    counted = tally(readings, record.begin)
    state, cause = State.PASSED, Cause.KEPT
    if record.contract is None or not record.contract.priorities:
        state, cause = State.NOT_APPLICABLE, Cause.NO_CONTRACT
    elif counted.broken:
        state, cause = State.FAILED, Cause.LATE
    elif counted.broken_before:
        state, cause = State.FAILED, Cause.OVERDUE
    elif not counted.decided:
        state, cause = State.NOT_APPLICABLE, Cause.NOTHING_DUE
    return Promise(
        PromiseId.RESPONSE, state, cause, counted.met, counted.decided, Unit.DEADLINES, overdue=counted.broken_before
    )


def _versions(record: MonthRecord, found: Sequence[Entry]) -> Promise:
    return _state(PromiseId.VERSIONS, scope(record, found, lambda _, check: check in VERSION_CHECKS), record)


def _availability(services: Sequence[Service]) -> list[Promise]:
    if not services:
        return []
    states = {service.state for service in services}
    names = {service.name for service in services}
    kept = len(names - {service.name for service in services if service.state is not State.PASSED})
    state, cause = State.PASSED, Cause.KEPT
    if State.FAILED in states:
        state, cause = State.FAILED, Cause.FAILED
    measured = any(service.measured is not None and service.measured.percent is not None for service in services)
    return [Promise(PromiseId.AVAILABILITY, state, cause, kept, len(names), Unit.SERVICES, measured=measured)]


def _hours(record: MonthRecord) -> list[Promise]:
    booked = hours_year(record)[-1]
    if not booked.is_promised:
        return []
    state, cause = State.PASSED, Cause.KEPT
    if booked.is_overdrawn:
        state, cause = State.FAILED, Cause.OVERDRAWN
    return [Promise(PromiseId.HOURS, state, cause, booked.used or 0, booked.there or 0, Unit.MINUTES)]
