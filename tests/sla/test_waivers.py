"""Waivers over results: what they cover, when they count, and what is wrong with them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from secaudit.model.answer import Reach
from secaudit.model.baseline import Location
from secaudit.model.contract import WaiverRules
from secaudit.model.gate import GateExit, judge
from secaudit.model.inventory import Host
from secaudit.model.outcome import Outcome, UnprovenKind
from secaudit.model.result import Result, Waiver, fingerprint
from secaudit.model.run import HostRecord, RunInfo, RunReport
from secaudit.model.severity import Severity
from secaudit.model.waiver import WaiverGrant
from secaudit.sla.waivers import CONTROL, Standing, apply, assess, assess_over

NOW = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
DAY = timedelta(days=1)
WEB = Host("muster", "vienna", "web1", "10.0.0.1", tags=frozenset({"web", "prod"}))
RULES = WaiverRules(180)


def a_result(control: str = "open-ports", subject: str = "tcp/8080", outcome: Outcome = Outcome.FAILED) -> Result:
    return Result(
        fingerprint(WEB.customer, WEB.name, control, subject),
        control,
        "network.open-ports",
        "network",
        "Ports",
        WEB.customer,
        WEB.site,
        WEB.name,
        subject,
        outcome,
        Severity.HIGH,
        "8080 is open",
        kind=UnprovenKind.DENIED if outcome is Outcome.UNPROVEN else None,
    )


def a_grant(**values: Any) -> WaiverGrant:
    grant = WaiverGrant(
        customer="muster",
        control="open-ports",
        owner="anna",
        reason="migration",
        expires=NOW + 60 * DAY,
        location=Location("waivers/muster.yaml", 3),
        host="web1",
        subject="tcp/8080",
    )
    return replace(grant, **values)


def waived(grants: list[WaiverGrant], *results: Result, rules: WaiverRules = RULES, host: Host = WEB) -> list[Result]:
    return list(apply(grants, rules, host, results, NOW, {}))


WAIVER = Waiver("anna", "migration", NOW + 60 * DAY)


def test_a_waiver_is_attached_and_changes_no_outcome() -> None:
    covered, other, passed, about = waived(
        [a_grant()], a_result(), a_result(subject="tcp/9090"), a_result("clock", "", Outcome.PASSED)
    )
    assert (covered.outcome, covered.waiver) == (Outcome.FAILED, WAIVER)
    assert (other.waiver, passed.waiver) == (None, None)
    assert (about.control, about.outcome, about.subject) == (CONTROL, Outcome.PASSED, "open-ports@web1/tcp/8080")
    assert about.reason == "anna's waiver (migration): it is in force until 2027-01-23 04:00 UTC"
    assert about.baseline == "waivers/muster.yaml:3"


@pytest.mark.parametrize(
    ("values", "covers"),
    [
        ({}, True),
        ({"control": "open-*"}, True),
        ({"host": "*"}, True),
        ({"host": "*", "tag": "web", "subject": "*"}, True),
        ({"subject": "tcp/80?0"}, True),
        ({"subject": "*"}, True),
        ({"customer": "zettel"}, False),
        ({"host": "web2"}, False),
        ({"tag": "db"}, False),
        ({"control": "open-ports-udp"}, False),
        ({"subject": "tcp/80"}, False),
        ({"start": NOW}, True),
        ({"start": NOW + timedelta(seconds=1)}, False),
        ({"expires": NOW}, False),
        ({"expires": NOW + timedelta(seconds=1)}, True),
        ({"expires": NOW + 180 * DAY}, True),
        ({"expires": NOW + 181 * DAY}, False),
        ({"start": NOW - 150 * DAY, "expires": NOW + 31 * DAY}, False),
        ({"control": "*"}, False),
        ({"control": "[a-z]*"}, False),
        ({"control": "?[!x]*"}, False),
        ({"control": "[o]pen*"}, True),
        ({"host": "*", "subject": "*"}, False),
    ],
)
def test_what_a_waiver_covers(values: dict[str, Any], covers: bool) -> None:
    first, *_ = waived([a_grant(**values)], a_result())
    assert (first.waiver is not None) is covers


def test_brackets_in_a_subject_are_meant_as_they_stand() -> None:
    first, *_ = waived([a_grant(subject="chain[0]")], a_result(subject="chain[0]"))
    assert first.waiver is not None


def test_what_is_unproven_is_waived_too_and_stays_unproven() -> None:
    first, *_ = waived([a_grant()], a_result(outcome=Outcome.UNPROVEN))
    assert (first.outcome, first.waiver) == (Outcome.UNPROVEN, WAIVER)


def test_of_two_waivers_the_longer_one_counts() -> None:
    longer = a_grant(owner="bert", expires=NOW + 90 * DAY)
    first, *_ = waived([longer, a_grant()], a_result())
    assert first.waiver is not None
    assert first.waiver.owner == "bert"


def about(*grants: WaiverGrant, results: tuple[Result, ...] = (a_result(),), rules: WaiverRules = RULES) -> Result:
    """The only result about waivers."""
    (found,) = (result for result in waived(list(grants), *results, rules=rules) if result.control == CONTROL)
    return found


@pytest.mark.parametrize(
    ("grant", "observed", "severity", "reason"),
    [
        (a_grant(expires=NOW), "expired", Severity.MEDIUM, "it expired on 2026-11-24 04:00 UTC"),
        (a_grant(expires=NOW + 200 * DAY), "too long", Severity.MEDIUM, "it lasts 200 days, and 180 are allowed"),
        (a_grant(host="*", subject="*"), "too broad", Severity.HIGH, "it covers every control, or a control on every"),
        (a_grant(control="**"), "too broad", Severity.HIGH, "it covers every control"),
        (a_grant(subject="tcp/1"), "orphaned", Severity.LOW, "nothing that it covers fails any more"),
        (a_grant(control="gone"), "orphaned", Severity.LOW, "no control is called like that any more"),
        (a_grant(subject="tcp/1", expires=NOW), "orphaned", Severity.LOW, "nothing that it covers fails any more"),
        (a_grant(while_passed=("waf",)), "void", Severity.MEDIUM, "it holds only while waf passes"),
    ],
)
def test_what_is_wrong_with_a_waiver_is_a_result(
    grant: WaiverGrant, observed: str, severity: Severity, reason: str
) -> None:
    found = about(grant)
    assert (found.outcome, found.observed, found.severity) == (Outcome.FAILED, observed, severity)
    assert reason in found.reason
    assert found.remediation
    assert found.waiver is None


def test_what_the_contract_wants_is_wanted() -> None:
    rules = WaiverRules(180, ("owner", "approver", "compensation"))
    found = about(a_grant(approver="chief"), rules=rules)
    assert (found.observed, found.outcome) == ("incomplete", Outcome.FAILED)
    assert found.reason.endswith("the contract wants it to name compensation")
    assert about(a_grant(approver="chief", compensation="waf"), rules=rules).outcome is Outcome.PASSED


@pytest.mark.parametrize(
    ("outcome", "holds"), [(Outcome.PASSED, True), (Outcome.FAILED, False), (Outcome.UNPROVEN, False)]
)
def test_a_waiver_that_depends_on_a_control_holds_while_that_passes(outcome: Outcome, holds: bool) -> None:
    first, *_ = waived([a_grant(while_passed=("waf",))], a_result(), a_result("waf", "", outcome))
    assert (first.waiver is not None) is holds


def test_whether_it_is_still_needed_may_be_unknown() -> None:
    clock = a_result("clock", "", Outcome.PASSED)
    found = about(a_grant(), results=(a_result(subject="", outcome=Outcome.UNPROVEN), clock))
    assert (found.outcome, found.kind) == (Outcome.UNPROVEN, UnprovenKind.DENIED)


def test_a_waiver_over_many_hosts_is_not_orphaned_on_one_of_them() -> None:
    fleet = a_grant(host="web*", subject="tcp/1")
    found = about(fleet)
    assert (found.outcome, found.subject) == (Outcome.NOT_APPLICABLE, "")


def test_a_waiver_that_was_renewed_may_leave_its_old_one_behind() -> None:
    found = about(a_grant(expires=NOW - DAY), a_grant())
    assert found.outcome is Outcome.PASSED


def test_a_waiver_that_has_not_begun_is_no_finding() -> None:
    pending = a_grant(start=NOW + DAY)
    assert assess(pending, RULES, NOW).standing is Standing.PENDING
    assert about(pending).outcome is Outcome.NOT_APPLICABLE


def test_findings_about_waivers_keep_their_age() -> None:
    name = "open-ports@web1/tcp/8080"
    identity = fingerprint("muster", "web1", CONTROL, name)
    *_, found = apply([a_grant(expires=NOW)], RULES, WEB, [a_result()], NOW, {identity: NOW - 9 * DAY})
    assert (found.fingerprint, found.first_seen) == (identity, NOW - 9 * DAY)


def test_a_host_of_which_nothing_is_known_leaves_its_waivers_unproven() -> None:
    results = waived([a_grant()], a_result(outcome=Outcome.UNPROVEN))
    assert [(result.outcome, result.waiver is not None) for result in results] == [
        (Outcome.UNPROVEN, True),
        (Outcome.UNPROVEN, False),
    ]
    record = HostRecord(WEB.customer, WEB.site, WEB.name, WEB.address, Reach.COMPLETE)
    report = RunReport(RunInfo("r", NOW, NOW, "0"), (record,), tuple(results))
    assert judge(report, allow_unproven=True) is GateExit.INCOMPLETE, "it still looked at nothing"


def test_over_all_hosts_only_what_is_needed_nowhere_is_orphaned() -> None:
    other = replace(WEB, name="web2")
    fleet = a_grant(host="web*")
    covering, passing = (WEB, [a_result()]), (other, [a_result(outcome=Outcome.PASSED)])
    unread = (other, [a_result(subject="", outcome=Outcome.UNPROVEN)])

    def standing(grant: WaiverGrant, *hosts: tuple[Host, list[Result]]) -> Standing:
        return assess_over(grant, RULES, NOW, hosts).standing

    assert standing(fleet, covering, passing) is Standing.IN_FORCE
    assert standing(fleet, passing) is Standing.ORPHANED
    assert standing(fleet, passing, unread) is Standing.UNKNOWN
    assert standing(fleet) is Standing.ORPHANED
    assert standing(replace(fleet, expires=NOW), covering, passing) is Standing.EXPIRED
    assert standing(replace(fleet, expires=NOW), passing) is Standing.ORPHANED
    assert standing(a_grant(host="*", subject="*"), passing) is Standing.TOO_BROAD
    assert assess_over(fleet, RULES, NOW, [covering, passing]).covered == (a_result(),)
