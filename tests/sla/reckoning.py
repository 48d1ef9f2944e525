"""Clocks the slow way: deadlines are found by adding minutes up, by the words of `docs/sla.md`.

It goes from what scans saw and people did straight to minutes, and knows neither events nor the program's lives.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from secaudit.model.contract import ClockKind, Contract, Priority, Reopening, Target
from secaudit.model.outcome import Outcome
from secaudit.model.severity import Severity
from secaudit.model.sla import ClockState, Unmeasured
from tests.sla.minutes import MINUTE, MINUTES, Flags, World, first_minute

# What people and scans did.


@dataclass(frozen=True)
class Scan:
    """A scan of the host: what it says about the finding, and until when a waiver covers that (None: there is none)."""

    at: int
    outcome: Outcome
    severity: Severity
    waived_until: int | None = None
    is_complete: bool = True


@dataclass(frozen=True)
class Acknowledged:
    at: int


@dataclass(frozen=True)
class Paused:
    at: int
    until: int


@dataclass(frozen=True)
class Resumed:
    at: int


@dataclass(frozen=True)
class Withdrawn:
    """Somebody takes back the acknowledgement that stands."""

    at: int


Step = Scan | Acknowledged | Paused | Resumed | Withdrawn


# What became of the finding.


@dataclass
class Hold:
    """From `begin` to `until` clocks stand still, unless somebody ends it at `ended`."""

    begin: int
    until: int
    state: ClockState
    ended: int | None = None

    def end(self, known: int) -> int:
        """When it ends, as far as is known at a minute."""
        return self.until if self.ended is None or self.ended > known else min(self.until, self.ended)


@dataclass
class Story:
    """One life of a finding, as far as it was told."""

    opened: int
    started: int | None = None
    grades: list[tuple[int, Severity]] = field(default_factory=list)
    holds: list[Hold] = field(default_factory=list)
    acknowledged: int | None = None
    resolved: int | None = None
    severity: Severity = Severity.INFO

    def open_hold(self, state: ClockState, minute: int) -> Hold | None:
        return next(
            (hold for hold in self.holds if hold.state is state and hold.ended is None and hold.until > minute), None
        )


def told(steps: Sequence[Step], world: World) -> list[Story]:
    """The lives of a finding, the oldest first."""
    stories: list[Story] = []
    for step in steps:
        life = stories[-1] if stories and stories[-1].resolved is None else None
        match step:
            case Scan(outcome=Outcome.PASSED):
                if life is not None and step.is_complete:
                    life.resolved = step.at
                    for hold in life.holds:
                        hold.ended = step.at if hold.ended is None else hold.ended
            case Scan():
                if life is None:
                    life = Story(step.at, severity=step.severity)
                    stories.append(life)
                _seen(life, step)
            case Acknowledged() if life is not None:
                life.acknowledged = step.at if life.acknowledged is None else life.acknowledged
            case Withdrawn() if life is not None:
                life.acknowledged = None
            case Paused() if life is not None:
                life.holds.append(Hold(step.at, step.until, ClockState.PAUSED))
            case Resumed() if life is not None and (paused := life.open_hold(ClockState.PAUSED, step.at)) is not None:
                paused.ended = step.at
    return _continued(stories, world)


def _seen(life: Story, scan: Scan) -> None:
    if scan.outcome is Outcome.FAILED:
        if life.started is None:
            life.started = scan.at
        if not life.grades or life.grades[-1][1] is not scan.severity:
            life.grades.append((scan.at, scan.severity))
        life.severity = scan.severity
    waiver = life.open_hold(ClockState.WAIVED, scan.at - 1)
    if waiver is not None and waiver.until != scan.waived_until:
        waiver.ended = scan.at
        waiver = None
    if waiver is None and scan.waived_until is not None:
        life.holds.append(Hold(scan.at, scan.waived_until, ClockState.WAIVED))


def _continued(stories: Sequence[Story], world: World) -> list[Story]:
    """A finding that comes back under a promise that says `continue` goes on with its clocks."""
    whole: list[Story] = []
    for story in stories:
        proven = [index for index, life in enumerate(whole) if life.started is not None]
        before = whole[proven[-1]] if proven else None
        if story.started is None or before is None or not _goes_on(before, world):
            whole.append(story)
            continue
        del whole[proven[-1] + 1 :]
        assert before.resolved is not None
        before.holds += [Hold(before.resolved, story.started, ClockState.PAUSED), *story.holds]
        is_same = story.grades[0][1] is before.grades[-1][1]
        before.grades += story.grades[1:] if is_same else story.grades
        before.acknowledged = story.acknowledged if before.acknowledged is None else before.acknowledged
        before.resolved, before.severity = story.resolved, story.severity
    return whole


def _goes_on(before: Story, world: World) -> bool:
    if before.started is None or unmeasured(before, world) is not None:
        return False
    contract = world.at(before.started)
    return contract is not None and world.contracts[contract].sla.reopen is Reopening.CONTINUE


def unmeasured(life: Story, world: World) -> Unmeasured | None:
    if life.started is None:
        return Unmeasured.UNPROVEN
    contract = world.at(life.started)
    if contract is None:
        return Unmeasured.NO_CONTRACT
    enforced = first_minute(world.days[contract], world.contracts[contract].sla.enforce_from)
    return Unmeasured.NOT_ENFORCED if life.started < enforced else None


# What the clocks say.


@dataclass(frozen=True)
class Reckoned:
    """One clock; `due` is a minute with its parts."""

    priority: str
    promised: Target
    state: ClockState
    due: Fraction
    used: Fraction
    elapsed: int
    paused: int
    ended: int | None
    breach: Fraction
    """From when on (exclusive) the promise is broken."""


@dataclass(frozen=True)
class _Promise:
    contract: Contract
    priority: Priority
    target: Target
    begin: int
    due: Fraction

    @property
    def breach(self) -> Fraction:
        return self.due + self.contract.sla.grace // MINUTE

    def is_over(self, minute: int) -> bool:
        return minute > self.breach


def reckon(
    life: Story, world: World, now: int, promise: Callable[[Priority], Target | None], ended: int | None
) -> Reckoned | None:
    """What a clock of a life that is measured says at a minute; `ended` is when it ended."""
    assert life.started is not None
    end = max(life.started, now if ended is None else ended)
    holds = [hold for hold in life.holds if ended is None or hold.begin < end]
    runs = np.ones(MINUTES, dtype=np.bool_)
    for hold in holds:
        runs[hold.begin : hold.end(end)] = False
    given = _given(life, world, promise, end, runs)
    if given is None:
        return None
    worth, promised = world.counts(given.target)
    used = Fraction(int((worth[given.begin : end] * runs[given.begin : end]).sum()), promised)
    held = {hold.state for hold in holds if hold.begin <= now < hold.end(end)}
    if ended is not None:
        state = ClockState.MISSED if given.is_over(end) else ClockState.MET
    elif given.is_over(now):
        state = ClockState.BREACHED
    elif held:
        state = ClockState.WAIVED if ClockState.WAIVED in held else ClockState.PAUSED
    else:
        state = ClockState.WARNING if used >= Fraction(given.contract.sla.warn_at) else ClockState.RUNNING
    return Reckoned(
        given.priority.id,
        given.target,
        state,
        given.due,
        used,
        end - life.started,
        int((~runs[life.started : end]).sum()),
        None if ended is None else end,
        given.breach,
    )


def _given(
    life: Story, world: World, promise: Callable[[Priority], Target | None], end: int, runs: Flags
) -> _Promise | None:
    """The promise that counts: that of the first severity, and what each change of it made of it."""
    counts: _Promise | None = None
    first = life.grades[0][0]
    before: Severity | None = None
    for minute, severity in life.grades:
        if minute > end:
            break
        is_worse = before is not None and severity.rank > before.rank
        before = severity
        if counts is not None and counts.is_over(minute):
            continue
        contract = world.contracts[world.lately(minute)]
        priority = next((each for each in contract.priorities if severity in each.severities), None)
        target = promise(priority) if priority is not None else None
        fresh = None
        if priority is not None and target is not None:
            start = minute if is_worse else first
            begin = world.next_midnight(start) if target.clock is ClockKind.CALENDAR else start
            fresh = _Promise(contract, priority, target, begin, _due(world, target, begin, runs))
        if counts is None or not is_worse or (fresh is not None and fresh.due <= counts.due):
            counts = fresh
    return counts


_STRETCH = 20 * 1440
"""Minutes that are added up at once."""


class TooFar(Exception):
    """A deadline is beyond the minutes that there are."""


def _due(world: World, target: Target, begin: int, runs: Flags) -> Fraction:
    worth, promised = world.counts(target)
    before = 0
    for first in range(begin, MINUTES, _STRETCH):
        passed = before + np.cumsum(worth[first : first + _STRETCH] * runs[first : first + _STRETCH])
        if passed[-1] >= promised:
            break
        before = int(passed[-1])
    else:
        raise TooFar
    index = int(np.searchsorted(passed, promised))
    minute = first + index
    before = int(passed[index - 1]) if index else before
    due = minute + Fraction(promised - before, int(worth[minute]))
    if target.clock is not ClockKind.CALENDAR:
        return due
    if due.denominator == 1 and int(due) < MINUTES and world.is_midnight(int(due)):
        return due
    last = world.next_midnight(int(due)) if due < MINUTES else MINUTES
    if last >= MINUTES:
        raise TooFar
    return Fraction(last)
