"""The checks of rules against each other, on hand-written rulesets."""

from __future__ import annotations

from typing import Any

from secaudit.checks.firewall.checks import anomalies
from secaudit.checks.firewall.facts import Firewall

from secaudit.api import Outcome, Severity, Verdict
from tests.checks.firewall.given import HARDENED, firewall, reviewed
from tests.checks.judging import only, outcomes

P, F, U = Outcome.PASSED, Outcome.FAILED, Outcome.UNPROVEN


def test_a_hardened_ruleset_has_no_rule_without_effect() -> None:
    fact = firewall(*HARDENED)
    for check in (anomalies.shadowed, anomalies.redundant):
        assert {verdict.outcome for verdict in reviewed(check, fact)} == {P}, check.id


def test_a_prohibition_that_is_not_in_force_is_grave() -> None:
    fact = firewall("-A INPUT -p tcp -j ACCEPT", "-A INPUT -s 192.0.2.7/32 -p tcp -j DROP")
    found = only(reviewed(anomalies.shadowed, fact))
    assert (found.outcome, found.severity) == (F, Severity.HIGH)
    assert found.subject == "ip filter INPUT: -s 192.0.2.7/32 -p tcp -j DROP"
    assert "-p tcp -j ACCEPT" in found.observed
    assert "192.0.2.7" in found.observed


def test_rules_that_could_go_are_told_once() -> None:
    fact = firewall("-A INPUT -j ACCEPT", "-A INPUT -p tcp -j DROP", "-A INPUT -p tcp -j DROP")
    assert outcomes(reviewed(anomalies.redundant, fact)) == {"ip filter INPUT: -p tcp -j DROP": F}


def test_what_depends_on_unknown_conditions_is_unproven() -> None:
    fact = firewall("-A INPUT -m nosuch --thing -j ACCEPT", "-A INPUT -s 10.0.0.1 -j DROP")
    found = only(reviewed(anomalies.shadowed, fact))
    assert (found.outcome, found.subject) == (U, "ip filter INPUT: -s 10.0.0.1 -j DROP")
    assert [part.excerpt for part in found.evidence][1:] == ["-A INPUT -m nosuch --thing -j ACCEPT"]


def ordered(fact: Firewall, **expect: Any) -> list[Verdict]:
    return reviewed(anomalies.rule_order, fact, expect)


def test_rules_that_disagree_about_shared_packets() -> None:
    fact = firewall("-A INPUT -s 10.0.0.0/8 -j DROP", "-A INPUT -d 192.0.2.1/32 -p tcp -m tcp --dport 443 -j ACCEPT")
    found = only(ordered(fact))
    assert (found.outcome, found.subject) == (F, "ip filter INPUT: -d 192.0.2.1/32 -p tcp -m tcp --dport 443 -j ACCEPT")
    assert "-> 192.0.2.1:443" in found.observed
    assert [part.lines for part in found.evidence] == [(7, 7), (6, 6)]
    assert only(ordered(firewall(*HARDENED))).outcome is P


def test_exceptions_are_told_where_it_is_asked_for() -> None:
    fact = firewall("-A INPUT -s 10.0.0.1/32 -j DROP", "-A INPUT -s 10.0.0.0/8 -j ACCEPT")
    assert only(ordered(fact)).outcome is P
    assert only(ordered(fact, exceptions=True)).outcome is F
