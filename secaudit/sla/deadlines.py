"""Filling in until when each failed result must be mended, from what the store knows and what a scan just saw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from secaudit.model.outcome import Outcome
from secaudit.model.result import Result
from secaudit.model.sla import EventKind, FindingEvent
from secaudit.sla.clocks import remediation_due
from secaudit.sla.history import ContractHistory


def with_deadlines(
    results: Sequence[Result], events: Mapping[str, Sequence[FindingEvent]], history: ContractHistory, now: datetime
) -> tuple[Result, ...]:
    """The results with `due` set where something failed and its remediation is promised.

    `events` are those stored before this scan, by fingerprint; `now` (aware UTC) is when the host was looked at.
    """
    return tuple(
        replace(result, due=remediation_due(_with_scan(result, events.get(result.fingerprint, ()), now), history, now))
        if result.outcome is Outcome.FAILED
        else result
        for result in results
    )


def _with_scan(result: Result, stored: Sequence[FindingEvent], now: datetime) -> list[FindingEvent]:
    """The events that there will be once the scan is stored; what it repeats changes nothing."""
    lives = [event.kind for event in stored if event.kind in (EventKind.FOUND, EventKind.REOPENED, EventKind.RESOLVED)]
    if lives and lives[-1] is not EventKind.RESOLVED:
        seen = FindingEvent(result.fingerprint, EventKind.REGRADED, now, result.severity, result.outcome)
    else:
        kind = EventKind.REOPENED if lives else EventKind.FOUND
        seen = FindingEvent(result.fingerprint, kind, result.first_seen or now, result.severity, result.outcome)
    waiver = result.waiver
    under = EventKind.WAIVED if waiver is not None else EventKind.UNWAIVED
    return [*stored, seen, FindingEvent(result.fingerprint, under, seen.at, until=waiver.expires if waiver else None)]
