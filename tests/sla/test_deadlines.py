"""Deadlines of results: from the store's events and from what the scan itself saw."""

from __future__ import annotations

from dataclasses import replace

from secaudit.model.outcome import Outcome
from secaudit.model.result import Result, Waiver
from secaudit.model.severity import Severity
from secaudit.model.sla import EventKind, FindingEvent
from secaudit.sla.deadlines import with_deadlines
from secaudit.sla.history import ContractHistory
from tests.sla.contracts import HOUR, a_contract, at, event, found, paused

HISTORY = ContractHistory([a_contract()])
NOW = at("2026-11-24T10:00+01:00")
RESULT = Result(
    "f" * 32, "c", "a.b", "a", "T", "muster", "s", "h", "x", Outcome.FAILED, Severity.CRITICAL, "r", first_seen=NOW
)


def due(result: Result, *events: FindingEvent) -> object:
    (filled,) = with_deadlines([result], {result.fingerprint: events} if events else {}, HISTORY, NOW)
    assert replace(filled, due=None) == result
    return filled.due


def test_a_new_finding() -> None:
    assert due(RESULT) == NOW + 24 * HOUR
    assert due(replace(RESULT, waiver=Waiver("a", "b", NOW + 10 * HOUR))) == NOW + 34 * HOUR


def test_a_known_finding_keeps_its_clock_with_its_pauses() -> None:
    first = found("2026-11-23T20:00+01:00")
    assert due(RESULT, first) == NOW + 10 * HOUR
    assert due(RESULT, first, paused("2026-11-23T21:00+01:00", "2026-11-24T01:00+01:00")) == NOW + 14 * HOUR


def test_what_the_scan_saw_counts_at_once() -> None:
    mild = found("2026-11-23T20:00+01:00", Severity.MEDIUM)
    assert due(RESULT, mild) == NOW + 24 * HOUR
    unproven = found("2026-11-20T20:00+01:00", outcome=Outcome.UNPROVEN)
    assert due(RESULT, unproven) == NOW + 24 * HOUR
    resolved = event(EventKind.RESOLVED, "2026-11-23T21:00+01:00")
    assert due(RESULT, found("2026-11-20T20:00+01:00"), resolved) == NOW + 24 * HOUR
    waived = event(EventKind.WAIVED, "2026-11-23T21:00+01:00", until=at("2027-01-01T00:00+01:00"))
    assert due(RESULT, found("2026-11-23T20:00+01:00"), waived) == NOW + 23 * HOUR, "the waiver is gone"


def test_what_is_no_failure_has_no_deadline() -> None:
    assert due(replace(RESULT, outcome=Outcome.UNPROVEN)) is None
    assert due(replace(RESULT, outcome=Outcome.PASSED)) is None
    assert due(replace(RESULT, severity=Severity.INFO)) is None
