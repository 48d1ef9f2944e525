"""How the promised times of a month were kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from secaudit.model.contract import Priority
from secaudit.model.hours import Month
from secaudit.model.month import MonthRecord, TrackedFinding
from secaudit.model.severity import Severity
from secaudit.model.sla import ClockReading, ClockState, FindingClocks, Unmeasured

from .report import Dot, EarlierTarget, PatchRow, PriorityRow, Tally

_FIELDS = {
    ClockState.MET: "met",
    ClockState.MISSED: "broken",
    ClockState.BREACHED: "broken",
    ClockState.PAUSED: "paused",
    ClockState.WAIVED: "waived",
    ClockState.RUNNING: "running",
    ClockState.WARNING: "running",
}


def tally(readings: Iterable[ClockReading | None], begin: datetime) -> Tally:
    """Count the clocks that ended or were broken at `begin` or later, or still run."""
    counted = Counter(field for reading in readings if reading is not None and (field := _field(reading, begin)))
    return Tally(**counted)


def _field(reading: ClockReading, begin: datetime) -> str:
    """What a clock counts as in a month that began at a moment; nothing when another month counts it."""
    if reading.broken is not None and reading.broken < begin:
        return "" if reading.ended is not None else "broken_before"
    if reading.state is ClockState.MET and reading.ended is not None and reading.ended < begin:
        return ""
    return _FIELDS[reading.state]


def both(lives: Iterable[FindingClocks]) -> list[ClockReading | None]:
    """The response and the remediation clocks of lives."""
    return [reading for life in lives for reading in (life.response, life.remediation)]


def lives_of(findings: Iterable[TrackedFinding]) -> list[FindingClocks]:
    """All lives of all findings whose clocks count, which are those of the last life where clocks go on."""
    return [life for finding in findings for life in finding.lives if not life.continued]


def priority_rows(record: MonthRecord) -> tuple[PriorityRow, ...]:
    """A row per priority of the contract, in its order, then those of which only earlier contracts have clocks."""
    if record.contract is None:
        return ()
    lives = lives_of(record.findings)
    rows = [_priority_row(priority, lives, record) for priority in record.contract.priorities]
    present = {row.id for row in rows}
    earlier = {reading.priority for reading in both(lives) if reading is not None} - present
    others = [_clocks_row(_earlier_row(name, record), lives, record.begin) for name in sorted(earlier)]
    return (*rows, *(row for row in others if row.responded.total or row.remediated.total))


def _priority_row(priority: Priority, lives: Sequence[FindingClocks], record: MonthRecord) -> PriorityRow:
    row = PriorityRow(
        priority.id,
        _worst_first(priority),
        priority.response,
        priority.remediation,
        Tally(),
        Tally(),
        before=tuple(
            target
            for _, target in _before(record, priority.id)
            if (target.response, target.remediation) != (priority.response, priority.remediation)
        ),
    )
    return _clocks_row(row, lives, record.begin)


def _earlier_row(name: str, record: MonthRecord) -> PriorityRow:
    """The row of a priority that the last contract does not have."""
    found = list(_before(record, name))
    severities = _worst_first(found[-1][0]) if found else ()
    before = tuple(target for _, target in found)
    return PriorityRow(name, severities, None, None, Tally(), Tally(), is_earlier=True, before=before)


def _before(record: MonthRecord, name: str) -> Iterator[tuple[Priority, EarlierTarget]]:
    """A priority as the contracts have it that ended within the month, the oldest first."""
    for part in record.earlier:
        for priority in part.contract.priorities:
            if priority.id == name:
                yield priority, EarlierTarget(part.contract.number, priority.response, priority.remediation)


def _worst_first(priority: Priority) -> tuple[Severity, ...]:
    return tuple(sorted(priority.severities, key=lambda severity: -severity.rank))


def _clocks_row(row: PriorityRow, lives: Sequence[FindingClocks], begin: datetime) -> PriorityRow:
    """The row with what became of the clocks of its priority."""
    responses = [life.response for life in lives if life.response is not None and life.response.priority == row.id]
    repairs = [life.remediation for life in lives if life.remediation and life.remediation.priority == row.id]
    return replace(row, responded=tally(responses, begin), remediated=tally(repairs, begin))


def patch_rows(record: MonthRecord, findings: Sequence[TrackedFinding]) -> tuple[PatchRow, ...]:
    """The deadlines of missing updates by severity, the worst first; severities without any are left out."""
    lives = [
        life
        for life in lives_of(findings)
        if life.unmeasured is not Unmeasured.UNPROVEN and (life.resolved is None or life.resolved >= record.begin)
    ]
    rows = (_patch_row(record, severity, lives) for severity in reversed(Severity))
    return tuple(row for row in rows if row.tally.total or row.unmeasured)


def _patch_row(record: MonthRecord, severity: Severity, lives: Sequence[FindingClocks]) -> PatchRow:
    mine = [life for life in lives if life.severity is severity]
    readings = [life.remediation for life in mine if life.remediation is not None]
    counted = [reading for reading in readings if _field(reading, record.begin)]
    priority = record.contract.priority(severity) if record.contract is not None else None
    promised = priority.remediation if priority is not None else None
    past = ((part.contract.number, part.contract.priority(severity)) for part in record.earlier)
    before = (EarlierTarget(number, one.response, one.remediation) for number, one in past if one is not None)
    return PatchRow(
        severity=severity,
        promised=promised,
        before=tuple(one for one in before if one.remediation != promised),
        tally=tally(readings, record.begin),
        unmeasured=len(mine) - len(readings),
        dots=tuple(sorted((Dot(reading.used, reading.state) for reading in counted), key=lambda dot: dot.used)),
    )


def twelve(last: Month) -> tuple[Month, ...]:
    """Twelve months that end with `last`."""
    return tuple(Month((last.index - back) // 12, (last.index - back) % 12 + 1) for back in reversed(range(12)))
