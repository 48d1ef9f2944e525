"""What happened to a finding, and what its clocks say. Times are aware UTC."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from secaudit.model.outcome import Outcome
from secaudit.model.severity import Severity


class EventKind(StrEnum):
    """What happened. The first seven come from scans, the others from people."""

    FOUND = "found"
    """A scan reported it for the first time."""
    REOPENED = "reopened"
    """A scan reported it again after it was resolved."""
    PROVEN = "proven"
    """It was unproven so far and a scan saw it fail."""
    REGRADED = "regraded"
    """A scan gave it another severity."""
    WAIVED = "waived"
    """A scan found it under a waiver that ends at `until`; again when that end changes."""
    UNWAIVED = "unwaived"
    """A scan found it without a waiver again."""
    RESOLVED = "resolved"
    """A complete scan proved that it is gone."""
    ACKNOWLEDGED = "acknowledged"
    """Somebody takes care of it."""
    PAUSED = "paused"
    """Its clocks stand still, until `until` at most, for `reason`."""
    RESUMED = "resumed"
    """Its clocks run again."""
    NOTED = "noted"
    """Somebody wrote something down."""
    WITHDRAWN = "withdrawn"
    """Somebody took back an acknowledgement or a note; it stays in the history, and counts as if it had never been."""


@dataclass(frozen=True, slots=True)
class FindingEvent:
    """One event in the life of a finding.

    `outcome` and `severity` are set for what scans report; `author` for what people do; `reason` is one of the
    contract's words, `note` free text. `withdraws` is the number of the event that is taken back, 0 for none; `number`
    that of this event in its store, 0 before it is there.
    """

    fingerprint: str
    kind: EventKind
    at: datetime
    severity: Severity | None = None
    outcome: Outcome | None = None
    until: datetime | None = None
    author: str = ""
    reason: str = ""
    note: str = ""
    withdraws: int = 0
    number: int = field(default=0, compare=False)


def withdrawals(events: Iterable[FindingEvent]) -> Mapping[int, FindingEvent]:
    """By the number of each event that was taken back, what took it back."""
    return {event.withdraws: event for event in events if event.kind is EventKind.WITHDRAWN}


def acknowledgement(events: Iterable[FindingEvent]) -> FindingEvent | None:
    """Of all events of a finding, the oldest first, the acknowledgement that stands; a life that is over has none."""
    known = tuple(events)
    withdrawn = withdrawals(known)
    standing: FindingEvent | None = None
    for event in known:
        if event.kind in (EventKind.FOUND, EventKind.REOPENED, EventKind.RESOLVED):
            standing = None
        elif event.kind is EventKind.ACKNOWLEDGED and event.number not in withdrawn:
            standing = standing or event
    return standing


class ClockState(StrEnum):
    """What a clock says at a moment."""

    RUNNING = "running"
    WARNING = "warning"
    """It runs, and more than the contract's share of the time is used."""
    BREACHED = "breached"
    """It runs, and the deadline is over."""
    PAUSED = "paused"
    WAIVED = "waived"
    """It stands still because of a waiver."""
    MET = "met"
    """It ended in time."""
    MISSED = "missed"
    """It ended after the deadline."""


@dataclass(frozen=True, slots=True)
class ClockReading:
    """One promise to one finding, as it stands at a moment.

    `promised` is as the contract writes it (`5bd`). `due` is the deadline with every pause that is known, None when
    business never opens again. `left` is real time from now (or the end) to `due`, negative once it is over. `elapsed`
    is real time since `started`, `paused` the part of it in which the clock stood still. `used` is the used share of
    the promised time in thousandths; it can be above 1000. `broken` is the last moment at which a promise that was
    broken was not: its deadline with the grace, or when the answer that had kept it was taken back.
    """

    priority: str
    promised: str
    clock: str
    state: ClockState
    started: datetime
    due: datetime | None
    ended: datetime | None
    left: timedelta | None
    elapsed: timedelta
    paused: timedelta
    used: int
    broken: datetime | None = None

    @property
    def is_broken(self) -> bool:
        """Whether the promise was broken, be it kept late or not yet."""
        return self.state in (ClockState.BREACHED, ClockState.MISSED)


class Unmeasured(StrEnum):
    """Why a finding has no clock."""

    UNPROVEN = "unproven"
    """No scan saw it fail yet."""
    NO_CONTRACT = "no_contract"
    """No contract was in force when it was found."""
    NOT_ENFORCED = "not_enforced"
    """It was found before the contract's clocks began."""
    NO_PROMISE = "no_promise"
    """The contract promises nothing for its severity."""


@dataclass(frozen=True, slots=True)
class FindingClocks:
    """The clocks of one life of a finding: from when it was found or came back until it was resolved.

    `unmeasured` says why both clocks are None; either may be None alone where the contract promises one thing only.
    `proven` is when a scan first saw it fail in this life. Of one that is `continued` the clocks went on in a later
    life: they are shown as they stood when this one ended, and count there.
    """

    fingerprint: str
    opened: datetime
    severity: Severity
    resolved: datetime | None
    response: ClockReading | None = None
    remediation: ClockReading | None = None
    unmeasured: Unmeasured | None = None
    proven: datetime | None = None
    continued: bool = False
