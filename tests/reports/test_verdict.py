"""The sentence on top: what it names, what it counts, and that it never sounds better than the run."""

from __future__ import annotations

from dataclasses import replace

import pytest
from secaudit.reports.technical import render

from secaudit.model.answer import Reach
from secaudit.model.gate import GateExit, judge
from secaudit.model.outcome import Outcome, UnprovenKind
from secaudit.model.result import Result
from secaudit.model.run import RunReport
from secaudit.model.severity import Severity
from tests.reports import sample
from tests.reports.parsed import Page


def said(*results: Result, **run: object) -> tuple[str, str]:
    """The verdict and the line below it for results on hosts that are all complete."""
    named = {one.host for one in results}
    whole = tuple(replace(host, status=Reach.COMPLETE) for host in sample.HOSTS if host.host in named or not named)
    page = Page(render(RunReport(replace(sample.report().run, **run), whole, results)))  # type: ignore[arg-type]  # fields by name
    return page.marked("say")[0].text, page.marked("why")[0].text


def failure(host: str, severity: Severity, control: str = "clock", reason: str = "The clock is wrong.") -> Result:
    return sample.result(control, host, Outcome.FAILED, severity=severity, reason=reason)


PASS = sample.result("clock", "web1", Outcome.PASSED)
GAP = sample.result("clock", "web1", Outcome.UNPROVEN, kind=UnprovenKind.DENIED, reason="denied", severity=Severity.LOW)


def test_one_critical_finding_is_told_with_its_reason_and_host() -> None:
    say, why = said(failure("web1", Severity.CRITICAL))
    assert say == "One critical finding: The clock is wrong (web1). Nothing is unproven."
    assert "closed: exit 1, findings" in why


def test_several_are_counted_with_their_hosts_and_listed_below() -> None:
    results = (
        failure("web1", Severity.CRITICAL),
        failure("db1", Severity.CRITICAL, "raid", "A disk is lost."),
        failure("fw1", Severity.HIGH),
    )
    assert said(*results)[0].startswith("Two critical findings on web1 and db1, and one high one.")
    leads = Page(render(RunReport(sample.report().run, sample.HOSTS, results))).marked("leads")[0].text
    assert [leads.count(text) for text in ("The clock is wrong", "A disk is lost", "db1")] == [2, 1, 1]


def test_without_grave_findings_the_milder_ones_are_counted() -> None:
    assert said(failure("web1", Severity.LOW))[0] == (
        "No critical or high finding, one milder one. Nothing is unproven."
    )


def test_a_waived_failure_is_no_finding_of_the_verdict() -> None:
    waived = replace(failure("web1", Severity.CRITICAL), waiver=sample.WAIVER)
    say, why = said(waived)
    assert say.startswith("No control failed.")
    assert "is open: exit 0" in why


def test_unproven_checks_are_counted_in_the_verdict() -> None:
    assert said(PASS, GAP)[0] == "No control failed. One check could not be proven."


@pytest.mark.parametrize("status", [Reach.PARTIAL, Reach.UNREACHABLE])
def test_an_incomplete_host_is_named_and_nothing_is_called_proven(status: Reach) -> None:
    hosts = (replace(sample.HOSTS[1], status=status, detail="cable cut"), sample.HOSTS[0])
    page = Page(render(RunReport(sample.report().run, hosts, (PASS,))))
    assert page.marked("say")[0].text == "No control failed."
    assert "closed: exit 3, incomplete. 1 of 2 hosts" in page.marked("why")[0].text
    assert f"web1 {status.value}: cable cut" in page.marked("gaps")[0].text


def test_a_run_that_was_interrupted_says_so() -> None:
    say, why = said(PASS, finished=None)
    assert say.endswith("The run was not finished.")
    assert "exit 3" in why


def test_a_run_over_nothing_proves_nothing() -> None:
    page = Page(render(sample.empty()))
    assert page.marked("say")[0].text == "No host was audited: nothing is proven."
    assert "exit 3" in page.marked("why")[0].text
    assert judge(sample.empty()) is GateExit.INCOMPLETE


def test_a_host_that_no_control_was_held_against_is_named() -> None:
    page = Page(render(RunReport(sample.report().run, sample.HOSTS[:2], (PASS,))))
    assert page.marked("say")[0].text == "No control failed."
    assert page.marked("gaps")[0].text.split("\n")[1] == "fw1 scanned, but no control was held against it"


def test_hosts_without_results_prove_nothing() -> None:
    assert "nothing is proven" in said()[0]


def test_a_spotless_run_is_told_plainly() -> None:
    page = Page(render(sample.spotless()))
    assert page.marked("say")[0].text == "No control failed. Nothing is unproven."
    assert "No unwaived result failed." in page.identified("findings").text
    assert "Every check gave an answer." in page.identified("unproven").text
