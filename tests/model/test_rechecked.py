"""What the gate judges: a whole scan with what was checked again since."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from secaudit.model.answer import Reach
from secaudit.model.gate import GateExit, judge
from secaudit.model.outcome import Outcome
from secaudit.model.rechecked import rechecked
from secaudit.model.result import Result
from secaudit.model.run import HostRecord, RunInfo, RunReport
from secaudit.model.severity import Severity
from tests.store.scenes import DB, START, WEB, a_result

FAILED, UNPROVEN, PASSED = Outcome.FAILED, Outcome.UNPROVEN, Outcome.PASSED


def ports(outcome: Outcome, subject: str = "tcp/8080") -> Result:
    return replace(a_result(WEB, subject=subject, outcome=outcome), severity=Severity.CRITICAL)


def ssh(outcome: Outcome) -> Result:
    return replace(a_result(WEB, "ssh", "", outcome), severity=Severity.CRITICAL)


def report(
    *results: Result, reach: Reach = Reach.COMPLETE, narrow: bool = False, host: str = "web1", id: str = "whole"
) -> RunReport:
    record = HostRecord("muster", "vienna", host, "10.20.0.11", reach)
    return RunReport(RunInfo(id, START, START, "1", narrow=narrow, recheck=narrow), (record,), results)


def again(*results: Result, reach: Reach = Reach.COMPLETE) -> RunReport:
    return report(*results, reach=reach, narrow=True, id="again")


def test_a_recheck_replaces_what_it_judged_and_nothing_else() -> None:
    merged = rechecked(report(ports(FAILED), ports(FAILED, "tcp/9090"), ssh(PASSED)), [again(ports(PASSED))])
    assert merged.run.id == "whole"
    assert sorted((one.control, one.subject, one.outcome) for one in merged.results) == [
        ("open-ports", "tcp/8080", PASSED),
        ("ssh", "", PASSED),
    ]


def test_what_a_recheck_finds_closes_the_gate() -> None:
    whole = report(ports(PASSED), ssh(PASSED))
    assert judge(whole) is GateExit.OPEN
    assert judge(rechecked(whole, [again(ports(FAILED))])) is GateExit.FINDINGS
    assert judge(rechecked(whole, [again(ports(UNPROVEN))])) is GateExit.INCOMPLETE
    assert judge(rechecked(whole, [again(reach=Reach.UNREACHABLE)])) is GateExit.INCOMPLETE
    assert judge(rechecked(whole, [again(ports(FAILED)), again(ports(PASSED))])) is GateExit.OPEN, "the last word"


@pytest.mark.parametrize(
    ("before", "now", "reach", "narrow"), list(product((FAILED, UNPROVEN), (UNPROVEN, PASSED), Reach, (True, False)))
)
def test_a_recheck_that_saw_less_opens_no_gate(before: Outcome, now: Outcome, reach: Reach, narrow: bool) -> None:
    whole = report(ports(before), ssh(PASSED))
    later = again(ports(now), ssh(PASSED), reach=reach)
    later = replace(later, run=replace(later.run, narrow=narrow))
    opened = judge(rechecked(whole, [later])) is GateExit.OPEN
    assert opened == (now is PASSED and reach is Reach.COMPLETE)
    if before is FAILED and not opened:
        assert judge(rechecked(whole, [later])) is GateExit.FINDINGS


def test_a_host_that_was_not_read_to_the_end_stays_so_until_all_of_it_is_read() -> None:
    whole = report(ports(PASSED), reach=Reach.PARTIAL)
    assert judge(rechecked(whole, [again(ports(PASSED))])) is GateExit.INCOMPLETE
    full = again(ports(PASSED), ssh(PASSED))
    assert judge(rechecked(whole, [replace(full, run=replace(full.run, narrow=False))])) is GateExit.OPEN


def test_a_host_that_only_a_later_run_saw_counts() -> None:
    there = replace(a_result(DB), severity=Severity.CRITICAL)
    assert judge(rechecked(report(ssh(PASSED)), [report(there, narrow=True, host="db1")])) is GateExit.FINDINGS
