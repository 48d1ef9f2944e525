"""A month of service levels: what falls into it, and how it stands at its end."""

from __future__ import annotations

from secaudit.model.severity import Severity
from secaudit.model.sla import ClockState, EventKind, Unmeasured
from secaudit.sla.history import ContractHistory
from secaudit.sla.months import service_levels
from tests.sla.contracts import a_contract, at, event, found, paused

HISTORY = ContractHistory([a_contract()])
OCTOBER = (at("2026-10-01T00:00+02:00"), at("2026-11-01T00:00+01:00"))


def test_a_month_as_it_stood_at_its_end() -> None:
    acknowledged = event(EventKind.ACKNOWLEDGED, "2026-09-30T12:30+02:00", author="anna")
    met = [found("2026-09-30T12:00+02:00"), acknowledged, event(EventKind.RESOLVED, "2026-10-01T06:00+02:00")]
    earlier = [found("2026-09-01T12:00+02:00"), event(EventKind.RESOLVED, "2026-09-02T06:00+02:00")]
    later = [found("2026-11-01T12:00+01:00")]
    late = [found("2026-10-10T12:00+02:00"), event(EventKind.RESOLVED, "2026-11-20T06:00+01:00")]
    resting = [found("2026-10-20T12:00+02:00"), paused("2026-10-20T12:30+02:00", "2026-11-05T00:00+01:00")]
    free = [found("2026-10-20T12:00+02:00", Severity.LOW)]
    levels = service_levels([met, earlier, later, late, resting, free], HISTORY, *OCTOBER)
    assert [clocks.opened.day for clocks in levels.clocks] == [30, 10, 20, 20]
    assert levels.remediation == {
        "P1": {ClockState.MET: 1, ClockState.BREACHED: 1, ClockState.PAUSED: 1},
    }, "what was resolved in November was still open"
    assert levels.response == {"P1": {ClockState.BREACHED: 1, ClockState.PAUSED: 1}}, "one was answered in September"
    assert levels.unmeasured == {Unmeasured.NO_PROMISE: 1}


def test_a_month_without_findings() -> None:
    levels = service_levels([], HISTORY, *OCTOBER)
    assert (levels.clocks, levels.response, levels.remediation, levels.unmeasured) == ((), {}, {}, {})
