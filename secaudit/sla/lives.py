"""From the events of a finding to its lives: when it was there, how bad it was, and when its clocks stood still."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
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

    `grades` begin with the severity that it had then; `stills` may overlap and are ordered by their begin. `retracted`
    are the acknowledgements that were taken back: when each was given, and when it was taken back.
    """

    opened: datetime
    started: datetime | None
    grades: tuple[Grade, ...]
    stills: tuple[Still, ...]
    acknowledged: datetime | None
    resolved: datetime | None
    retracted: tuple[tuple[datetime, datetime], ...] = ()

    @property
    def severity(self) -> Severity:
        """The severity that it has, or had in the end."""
        return self.grades[-1].severity

    def held(self, moment: datetime) -> ClockState | None:
        """What holds the clocks at a moment: a waiver, else a pause, else nothing."""
        states = {still.state for still in self.stills if still.start <= moment < still.end}
        return ClockState.WAIVED if ClockState.WAIVED in states else next(iter(states), None)

    def unanswered(self, due: datetime) -> datetime:
        """Since when it is known that nobody answered by a moment: later, if an answer in time was taken back."""
        return max([due, *(back for given, back in self.retracted if given <= due)])

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
    withdrawn = withdrawals(known)
    starts = [index for index, event in enumerate(known) if event.kind in _BEGINS]
    return tuple(_life(known[start:end], withdrawn) for start, end in pairwise([*starts, len(known)]))


def paused_until(events: Sequence[FindingEvent], now: datetime) -> timedelta:
    """How long the present life of a finding was paused up to `now` (aware UTC), all its pauses together."""
    parts = lives(events, now)
    stills = parts[-1].stills if parts else ()
    held = (min(still.end, now) - still.start for still in stills if still.state is ClockState.PAUSED)
    return sum(held, timedelta())


def continued(parts: Sequence[Life], goes_on: Callable[[Life], bool]) -> tuple[Life, ...]:
    """The lives with each that fails again joined to the one before it whose clocks go on, by what `goes_on` says.

    Clocks stand still while the finding was gone or unproven only; a life that is unproven so far joins nothing.
    """
    whole: list[Life] = []
    for spell in spells(parts, goes_on):
        if spell.joins is not None:
            del whole[spell.joins :]
        whole.append(spell.whole)
    return tuple(whole)


@dataclass(frozen=True, slots=True)
class Spell:
    """One life by itself, and with all those before it whose clocks go on in it.

    `joins` is the place of the first of these among the lives that are joined so far. `is_continued` when the clocks
    go on in a later one.
    """

    life: Life
    whole: Life
    joins: int | None = None
    is_continued: bool = False


def spells(parts: Sequence[Life], goes_on: Callable[[Life], bool]) -> tuple[Spell, ...]:
    """Every life, with what `continued` joins it to."""
    found: list[Spell] = []
    last: list[int] = []
    """Of each joined life so far the place of its last spell."""
    for part in parts:
        proven = next((at for at in reversed(range(len(last))) if found[last[at]].whole.started is not None), None)
        if part.started is None or proven is None or not goes_on(found[last[proven]].whole):
            last.append(len(found))
            found.append(Spell(part, part))
            continue
        before = found[last[proven]]
        found[last[proven]] = replace(before, is_continued=True)
        last[proven:] = [len(found)]
        found.append(Spell(part, _joined(before.whole, part, part.started), proven))
    return tuple(found)


def _joined(before: Life, after: Life, again: datetime) -> Life:
    gone = before.resolved or again
    return replace(
        before,
        grades=_changes((*before.grades, *after.grades)),
        stills=(*before.stills, Still(gone, again, ClockState.PAUSED, again), *after.stills),
        acknowledged=before.acknowledged or after.acknowledged,
        retracted=(*before.retracted, *after.retracted),
        resolved=after.resolved,
    )


def _life(every: Sequence[FindingEvent], withdrawn: Mapping[int, FindingEvent]) -> Life:
    events = [event for event in every if event.number not in withdrawn] if withdrawn else every
    retracted = (
        (event.at, withdrawn[event.number].at)
        for event in every
        if event.kind is EventKind.ACKNOWLEDGED and event.number in withdrawn
    )
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
        retracted=tuple(retracted),
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
