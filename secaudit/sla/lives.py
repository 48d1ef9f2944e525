"""From the events of a finding to its lives: when it was there, how bad it was, and when its clocks stood still."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import pairwise

from secaudit.model.outcome import Outcome
from secaudit.model.severity import Severity
from secaudit.model.sla import ClockState, EventKind, FindingEvent, withdrawals

_BEGINS = (EventKind.FOUND, EventKind.REOPENED)
_FOREVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Still:
    """A time in which clocks stand still, and whether a pause or a waiver holds them.

    `end` is exclusive; `planned` is when it would have ended by itself.
    """

    start: datetime
    end: datetime
    state: ClockState
    planned: datetime


@dataclass(frozen=True, slots=True)
class Grade:
    """A severity and since when it holds."""

    since: datetime
    severity: Severity


@dataclass(frozen=True, slots=True)
class Life:
    """One life of a finding. `started` is when a scan first saw it fail, None while it is unproven only.

    `grades` begin with the severity that it had then; `stills` may overlap and are ordered by their begin.
    """

    opened: datetime
    started: datetime | None
    grades: tuple[Grade, ...]
    stills: tuple[Still, ...]
    acknowledged: datetime | None
    resolved: datetime | None

    @property
    def severity(self) -> Severity:
        """The severity that it has, or had in the end."""
        return self.grades[-1].severity

    def held(self, moment: datetime) -> ClockState | None:
        """What holds the clocks at a moment: a waiver, else a pause, else nothing."""
        states = {still.state for still in self.stills if still.start <= moment < still.end}
        return ClockState.WAIVED if ClockState.WAIVED in states else next(iter(states), None)

    def until(self, moment: datetime) -> Life:
        """What is known of it at a moment: what begins later does not count, and what holds its clocks goes on."""
        return replace(
            self,
            stills=tuple(
                replace(still, end=still.planned) if still.end > moment else still
                for still in self.stills
                if still.start < moment
            ),
        )

    def running(self, begin: datetime) -> Iterator[tuple[datetime, datetime | None]]:
        """The times from `begin` on in which clocks run; the last one has no end, unless a pause has none."""
        for still in self.stills:
            if still.end <= begin:
                continue
            if still.start > begin:
                yield begin, still.start
            begin = still.end
        if begin < _FOREVER:
            yield begin, None


def lives(events: Sequence[FindingEvent], now: datetime) -> tuple[Life, ...]:
    """The lives that a finding had up to `now`, the oldest first; what happened later is not looked at.

    Events are of one finding, in any order; those of one moment count in the order in which they come. What was taken
    back by then counts as if it had never been.
    """
    known = sorted((event for event in events if event.at <= now), key=lambda event: event.at)
    if withdrawn := withdrawals(known):
        known = [event for event in known if event.number not in withdrawn]
    starts = [index for index, event in enumerate(known) if event.kind in _BEGINS]
    return tuple(_life(known[start:end]) for start, end in pairwise([*starts, len(known)]))


def continued(parts: Sequence[Life], goes_on: Callable[[Life], bool]) -> tuple[Life, ...]:
    """The lives with each that fails again joined to the one before it whose clocks go on, by what `goes_on` says.

    Clocks stand still while the finding was gone or unproven only; a life that is unproven so far joins nothing.
    """
    whole: list[Life] = []
    for part in parts:
        proven = next((at for at in reversed(range(len(whole))) if whole[at].started is not None), None)
        if part.started is None or proven is None or not goes_on(whole[proven]):
            whole.append(part)
        else:
            whole[proven:] = [_joined(whole[proven], part, part.started)]
    return tuple(whole)


def _joined(before: Life, after: Life, again: datetime) -> Life:
    gone = before.resolved or again
    return replace(
        before,
        grades=_changes((*before.grades, *after.grades)),
        stills=(*before.stills, Still(gone, again, ClockState.PAUSED, again), *after.stills),
        acknowledged=before.acknowledged or after.acknowledged,
        resolved=after.resolved,
    )


def _life(events: Sequence[FindingEvent]) -> Life:
    opened = events[0].at
    resolved = next((event.at for event in events if event.kind is EventKind.RESOLVED), None)
    started = next((event.at for event in events if event.outcome is Outcome.FAILED), None)
    graded = [Grade(event.at, event.severity) for event in events if event.severity is not None]
    begin = started or opened
    before = [grade for grade in graded if grade.since <= begin]
    first = replace(before[-1], since=begin)
    return Life(
        opened=opened,
        started=started,
        grades=_changes((first, *(grade for grade in graded if grade.since > begin))),
        stills=tuple(sorted(_stills(events, resolved), key=lambda still: still.start)),
        acknowledged=next((event.at for event in events if event.kind is EventKind.ACKNOWLEDGED), None),
        resolved=resolved,
    )


def _changes(grades: Sequence[Grade]) -> tuple[Grade, ...]:
    """The grades without those that repeat the severity before them: a scan that proves it again promises nothing."""
    return grades[0], *(after for before, after in pairwise(grades) if after.severity is not before.severity)


_ENDS = {
    EventKind.PAUSED: (ClockState.PAUSED, (EventKind.PAUSED, EventKind.RESUMED)),
    EventKind.WAIVED: (ClockState.WAIVED, (EventKind.WAIVED, EventKind.UNWAIVED)),
}


def _stills(events: Sequence[FindingEvent], resolved: datetime | None) -> Iterator[Still]:
    for index, event in enumerate(events):
        if event.kind not in _ENDS:
            continue
        state, enders = _ENDS[event.kind]
        ended = next((later.at for later in events[index + 1 :] if later.kind in enders), None)
        planned = event.until or _FOREVER
        end = min(moment for moment in (planned, ended, resolved) if moment is not None)
        if end > event.at:
            yield Still(event.at, end, state, planned)
