"""The gate is closed unless everything that matters was looked at and is fine."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from secaudit.model.answer import Reach
from secaudit.model.gate import GateExit, completeness, judge
from secaudit.model.outcome import Outcome, UnprovenKind
from secaudit.model.result import Result, Waiver
from secaudit.model.run import HostRecord, RunInfo, RunReport
from secaudit.model.severity import Severity

NOW = datetime(2026, 11, 24, tzinfo=UTC)
RUN = RunInfo("run", NOW, NOW, "1")
HOST = HostRecord("muster", "vienna", "web1", "10.0.0.1", Reach.COMPLETE)
PASSED = Result(
    "0" * 32,
    "c",
    "f.c",
    "f",
    "t",
    "muster",
    "vienna",
    "web1",
    "",
    Outcome.PASSED,
    Severity.CRITICAL,
    "",
    first_seen=NOW,
)
FAILED = replace(PASSED, fingerprint="1" * 32, outcome=Outcome.FAILED)
UNPROVEN = replace(PASSED, outcome=Outcome.UNPROVEN, kind=UnprovenKind.DENIED)
WAIVED = replace(FAILED, waiver=Waiver("anna", "migration", NOW))


def report(*results: Result, host: HostRecord = HOST, run: RunInfo = RUN) -> RunReport:
    return RunReport(run, (host,), results)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (report(PASSED), GateExit.OPEN),
        (report(PASSED, FAILED), GateExit.FINDINGS),
        (report(PASSED, replace(FAILED, severity=Severity.MEDIUM)), GateExit.OPEN),
        (report(PASSED, WAIVED), GateExit.OPEN),
        (report(PASSED, UNPROVEN), GateExit.INCOMPLETE),
        (report(PASSED, UNPROVEN, FAILED), GateExit.FINDINGS),
        (report(PASSED, replace(UNPROVEN, severity=Severity.LOW)), GateExit.OPEN),
        (report(PASSED, host=replace(HOST, status=Reach.PARTIAL)), GateExit.INCOMPLETE),
        (report(PASSED, host=replace(HOST, status=Reach.UNREACHABLE)), GateExit.INCOMPLETE),
        (report(PASSED, run=replace(RUN, finished=None)), GateExit.INCOMPLETE),
        (report(), GateExit.INCOMPLETE),
        (report(replace(PASSED, outcome=Outcome.NOT_APPLICABLE)), GateExit.INCOMPLETE),
    ],
)
def test_the_gate(found: RunReport, expected: GateExit) -> None:
    assert judge(found, Severity.HIGH) is expected


def test_unproven_can_be_let_through_but_never_nothing_at_all() -> None:
    assert judge(report(PASSED, UNPROVEN), Severity.HIGH, allow_unproven=True) is GateExit.OPEN
    assert judge(report(UNPROVEN), Severity.HIGH, allow_unproven=True) is GateExit.INCOMPLETE


def test_known_findings_can_be_let_through() -> None:
    assert judge(report(FAILED), Severity.HIGH, known={FAILED.fingerprint}) is GateExit.OPEN


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (report(FAILED, UNPROVEN), GateExit.OPEN),
        (report(PASSED, host=replace(HOST, status=Reach.PARTIAL)), GateExit.INCOMPLETE),
        (report(PASSED, run=replace(RUN, finished=None)), GateExit.INCOMPLETE),
        (RunReport(RUN, (), ()), GateExit.INCOMPLETE),
    ],
)
def test_a_scan_without_a_gate_only_asks_whether_it_was_whole(found: RunReport, expected: GateExit) -> None:
    assert completeness(found) is expected
