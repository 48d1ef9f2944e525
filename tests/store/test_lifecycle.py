"""The life of findings: only proof ends one."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secaudit.model.answer import Reach
from secaudit.model.outcome import Outcome, UnprovenKind
from secaudit.model.result import Result
from secaudit.model.severity import Severity
from secaudit.store.lifecycle import Finding, advance
from tests.store.scenes import DAY, START, WEB, a_result, waived

FAILED = a_result(WEB)
UNPROVEN = a_result(WEB, outcome=Outcome.UNPROVEN)
PASSED = a_result(WEB, outcome=Outcome.PASSED)
NOT_APPLICABLE = a_result(WEB, outcome=Outcome.NOT_APPLICABLE)
KEY = FAILED.fingerprint


class Life:
    """A host over several scans, one a day."""

    def __init__(self) -> None:
        self.findings: dict[str, Finding] = {}
        self.day = -1

    def scan(self, *results: Result, reach: Reach = Reach.COMPLETE) -> Finding | None:
        """Scan the host; the finding that most tests are about afterwards."""
        self.day += 1
        self.findings |= advance(self.findings, results, f"run-{self.day}", self.at, reach)
        return self.findings.get(KEY)

    @property
    def at(self) -> datetime:
        """When the latest scan opened the host."""
        return START + self.day * DAY


def test_a_failure_opens_a_finding_and_keeps_its_age() -> None:
    life = Life()
    first = life.scan(FAILED)
    assert first is not None
    assert (first.first_seen, first.opened, first.last_seen, first.last_run) == (START, START, START, "run-0")
    second = life.scan(replace(waived(FAILED), severity=Severity.LOW, reason="still"))
    assert second == replace(
        first, last_seen=START + DAY, last_run="run-1", severity=Severity.LOW, reason="still", waived=True
    )


@pytest.mark.parametrize("outcome", [Outcome.PASSED, Outcome.NOT_APPLICABLE])
def test_passed_results_alone_make_no_finding(outcome: Outcome) -> None:
    assert Life().scan(a_result(WEB, outcome=outcome)) is None


@pytest.mark.parametrize(
    ("proof", "outcome"),
    [
        ([PASSED], Outcome.PASSED),
        ([NOT_APPLICABLE], Outcome.NOT_APPLICABLE),
        ([a_result(WEB, subject="", outcome=Outcome.PASSED)], Outcome.NOT_APPLICABLE),
        ([a_result(WEB, subject="tcp/9090")], Outcome.NOT_APPLICABLE),
    ],
)
def test_a_complete_scan_that_evaluated_the_control_resolves(proof: list[Result], outcome: Outcome) -> None:
    life = Life()
    life.scan(FAILED)
    resolved = life.scan(*proof)
    assert resolved is not None
    assert (resolved.resolved, resolved.outcome, resolved.kind) == (START + DAY, outcome, None)
    assert (resolved.last_seen, resolved.last_run) == (START, "run-0")


@pytest.mark.parametrize(
    ("results", "reach"),
    [
        ([PASSED], Reach.PARTIAL),
        ([], Reach.PARTIAL),
        ([PASSED], Reach.UNREACHABLE),
        ([], Reach.COMPLETE),
        ([a_result(WEB, "other-control", "", Outcome.PASSED)], Reach.COMPLETE),
        ([a_result(WEB, subject="", outcome=Outcome.UNPROVEN)], Reach.COMPLETE),
        ([a_result(WEB, subject="", outcome=Outcome.UNPROVEN), a_result(WEB, subject="tcp/1")], Reach.COMPLETE),
    ],
)
def test_without_proof_a_finding_stays_open_and_unchanged(results: list[Result], reach: Reach) -> None:
    life = Life()
    before = life.scan(FAILED)
    assert life.scan(*results, reach=reach) == before


def test_an_unproven_finding_stays_open_and_says_why() -> None:
    life = Life()
    life.scan(FAILED)
    unproven = life.scan(UNPROVEN)
    assert unproven is not None
    assert (unproven.outcome, unproven.kind) == (Outcome.UNPROVEN, UnprovenKind.DENIED)
    assert (unproven.opened, unproven.resolved) == (START, None)


def test_a_finding_that_comes_back_is_counted_and_starts_anew() -> None:
    life = Life()
    life.scan(FAILED)
    life.scan(PASSED)
    back = life.scan(FAILED)
    assert back is not None
    assert (back.first_seen, back.opened, back.resolved, back.reopened) == (START, START + 2 * DAY, None, 1)
    life.scan(PASSED)
    again = life.scan(UNPROVEN)
    assert again is not None
    assert again.reopened == 2


def test_a_resolved_finding_is_not_resolved_again() -> None:
    life = Life()
    life.scan(FAILED)
    resolved = life.scan(PASSED)
    assert life.scan(PASSED) == resolved


def test_the_age_that_the_engine_knows_wins_over_the_scan() -> None:
    imported = Life().scan(replace(FAILED, first_seen=START - DAY))
    assert imported is not None
    assert imported.first_seen == imported.opened == START - DAY


def test_of_two_results_with_one_identity_the_worse_counts() -> None:
    for results in ([PASSED, FAILED, UNPROVEN], [UNPROVEN, PASSED, FAILED]):
        found = Life().scan(*results)
        assert found is not None
        assert found.outcome is Outcome.FAILED


_results = st.builds(
    a_result,
    st.just(WEB),
    st.sampled_from(["a", "b"]),
    st.sampled_from(["", "x", "y"]),
    st.sampled_from(Outcome),
)
_scans = st.lists(st.tuples(st.lists(_results, max_size=4), st.sampled_from(Reach)), max_size=6)


@given(_scans)
def test_over_any_history(scans: list[tuple[list[Result], Reach]]) -> None:
    life = Life()
    for results, reach in scans:
        before = dict(life.findings)
        life.scan(*results, reach=reach)
        after = life.findings
        assert before.keys() <= after.keys(), "a finding is never forgotten"
        bad = {found.fingerprint for found in results if found.outcome in (Outcome.FAILED, Outcome.UNPROVEN)}
        assert all(after[key].resolved is None for key in bad), "what is bad now is open"
        unproven = {found.control for found in results if found.outcome is Outcome.UNPROVEN}
        for key, finding in after.items():
            assert finding.first_seen <= finding.opened <= finding.last_seen <= life.at
            is_new = key not in before or before[key].resolved is not None
            assert finding.opened == life.at if is_new and key in bad else finding.opened == before[key].opened
            if finding.resolved == life.at:
                assert reach is Reach.COMPLETE
                assert key not in bad
                by_name = any(found.fingerprint == key for found in results)
                assert by_name or finding.control not in unproven
                assert finding.control in {found.control for found in results}
