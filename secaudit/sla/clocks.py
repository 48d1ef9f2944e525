"""Response and remediation clocks, computed from events and contracts whenever somebody asks; nothing is stored.

`docs/sla.md` has the rules for people.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from fractions import Fraction

from secaudit.model.contract import Contract, Priority, Reopening, Target
from secaudit.model.sla import ClockReading, ClockState, FindingClocks, FindingEvent, Unmeasured
from secaudit.sla.calendar import ticks
from secaudit.sla.history import Clock, ContractHistory
from secaudit.sla.lives import Life, continued, lives, spells


def read_clocks(events: Sequence[FindingEvent], history: ContractHistory, now: datetime) -> tuple[FindingClocks, ...]:
    """The clocks of every life of a finding as they stand at `now` (aware UTC), the oldest life first.

    `events` are all events of one finding; what happened after `now` is not looked at, so that a past month can be
    reported as it was. Under a contract whose `reopen` is `continue` a life and the next one that fails are one.
    """
    parts = continued(lives(events, now), lambda life: _continues(life, history))
    return tuple(_read(events[0].fingerprint, life, history, now) for life in parts)


def read_lives(events: Sequence[FindingEvent], history: ContractHistory, now: datetime) -> tuple[FindingClocks, ...]:
    """As `read_clocks`, but with every life by itself, when it was there and when it was gone.

    Where clocks go on over several lives, the last of them has the clocks of all, and those before are `continued`.
    """
    return tuple(
        replace(
            _read(events[0].fingerprint, spell.whole, history, now),
            opened=spell.life.opened,
            proven=spell.life.started,
            continued=spell.is_continued,
        )
        for spell in spells(lives(events, now), lambda life: _continues(life, history))
    )


def remediation_due(events: Sequence[FindingEvent], history: ContractHistory, now: datetime) -> datetime | None:
    """Until when the present life of a finding must be over; None where nothing is promised or measured."""
    clocks = read_clocks(events, history, now)
    reading = clocks[-1].remediation if clocks else None
    return reading.due if reading is not None else None


@dataclass(frozen=True, slots=True)
class _Deadline:
    """The promise that counts, its clock and when that began to run."""

    contract: Contract
    priority: Priority
    target: Target
    clock: Clock
    begin: datetime
    due: datetime | None


def _continues(life: Life, history: ContractHistory) -> bool:
    """Whether the clocks of a life go on when its finding comes back: there are clocks, and their contract says so."""
    if life.started is None or _unmeasured(life, history) is not None:
        return False
    contract = history.at(life.started)
    return contract is not None and contract.sla.reopen is Reopening.CONTINUE


def _read(fingerprint: str, life: Life, history: ContractHistory, now: datetime) -> FindingClocks:
    unmeasured = _unmeasured(life, history)
    response = remediation = None
    if unmeasured is None:
        answered = min((at for at in (life.acknowledged, life.resolved) if at is not None), default=None)
        response = _reading(life, history, now, lambda priority: priority.response, answered)
        if response is not None and response.broken is not None:
            response = replace(response, broken=life.unanswered(response.broken))
        remediation = _reading(life, history, now, lambda priority: priority.remediation, life.resolved)
        if response is None and remediation is None:
            unmeasured = Unmeasured.NO_PROMISE
    return FindingClocks(
        fingerprint, life.opened, life.severity, life.resolved, response, remediation, unmeasured, life.started
    )


def _unmeasured(life: Life, history: ContractHistory) -> Unmeasured | None:
    if life.started is None:
        return Unmeasured.UNPROVEN
    if history.at(life.started) is None:
        return Unmeasured.NO_CONTRACT
    return None if history.measures(life.started) else Unmeasured.NOT_ENFORCED


def _reading(
    life: Life,
    history: ContractHistory,
    now: datetime,
    promise: Callable[[Priority], Target | None],
    ended: datetime | None,
) -> ClockReading | None:
    started = life.started
    if started is None:  # such a life is not measured
        return None
    # Somebody may have acknowledged it while it was unproven only.
    end = max(ended or now, started)
    if ended is not None:
        # What happens after a clock has ended moves nothing any more.
        life = life.until(end)
    counting = _deadline(life, history, promise, end)
    if counting is None:
        return None
    passed = sum(
        counting.clock.passed(begin, end if until is None else min(until, end))
        for begin, until in life.running(counting.begin)
        if begin < end
    )
    state = _state(life, counting, passed, now, end if ended is not None else None)
    is_broken = state in (ClockState.BREACHED, ClockState.MISSED)
    return ClockReading(
        priority=counting.priority.id,
        promised=str(counting.target),
        clock=counting.target.clock.value,
        state=state,
        started=started,
        due=counting.due,
        ended=end if ended is not None else None,
        left=None if counting.due is None else counting.due - end,
        elapsed=end - started,
        paused=_stood_still(life, started, end),
        used=passed * 1000 // ticks(counting.target),
        broken=counting.due + counting.contract.sla.grace if is_broken and counting.due is not None else None,
    )


def _deadline(
    life: Life, history: ContractHistory, promise: Callable[[Priority], Target | None], end: datetime
) -> _Deadline | None:
    """The promise that counts at `end`.

    A finding that becomes worse gets the time of its new severity from then on, but never more than it had; one that
    becomes milder gets the time of its new severity from the start. A promise that is broken already stays broken.
    """
    counting: _Deadline | None = None
    before = None
    for grade in life.grades:
        if grade.since > end:
            break
        contract = history.lately(grade.since)
        is_worse = before is not None and grade.severity.rank > before.rank
        start = grade.since if is_worse else life.grades[0].since
        fresh = _promised(life, history, contract, contract.priority(grade.severity), promise, start)
        if counting is None or not (_is_over(counting, grade.since) or (is_worse and _is_earlier(counting, fresh))):
            counting = fresh
        before = grade.severity
    return counting


def _promised(
    life: Life,
    history: ContractHistory,
    contract: Contract,
    priority: Priority | None,
    promise: Callable[[Priority], Target | None],
    start: datetime,
) -> _Deadline | None:
    target = promise(priority) if priority is not None else None
    if priority is None or target is None:
        return None
    clock = history.clock(target)
    begin = clock.begin(start)
    return _Deadline(contract, priority, target, clock, begin, _due(life, clock, begin, ticks(target)))


def _due(life: Life, clock: Clock, begin: datetime, left: int) -> datetime | None:
    """When so many ticks will have passed since `begin`, pauses not counted."""
    for start, end in life.running(begin):
        passed = clock.passed(start, end) if end is not None else left
        if left <= passed:
            moment = clock.after(start, left)
            return None if moment is None else clock.close(moment)
        left -= passed
    return None


def _is_earlier(counting: _Deadline, fresh: _Deadline | None) -> bool:
    """Whether a deadline comes before another one."""
    if fresh is None or fresh.due is None:
        return True
    return counting.due is not None and counting.due < fresh.due


def _is_over(counting: _Deadline, moment: datetime) -> bool:
    """Whether a deadline and its grace are over."""
    return counting.due is not None and moment > counting.due + counting.contract.sla.grace


def _state(life: Life, counting: _Deadline, passed: int, now: datetime, ended: datetime | None) -> ClockState:
    if ended is not None:
        return ClockState.MISSED if _is_over(counting, ended) else ClockState.MET
    if _is_over(counting, now):
        return ClockState.BREACHED
    held = life.held(now)
    if held is not None:
        return held
    is_late = passed >= Fraction(counting.contract.sla.warn_at) * ticks(counting.target)
    return ClockState.WARNING if is_late else ClockState.RUNNING


def _stood_still(life: Life, start: datetime, end: datetime) -> timedelta:
    running = sum(
        (max(timedelta(), (end if until is None else min(until, end)) - begin) for begin, until in life.running(start)),
        timedelta(),
    )
    return end - start - running
