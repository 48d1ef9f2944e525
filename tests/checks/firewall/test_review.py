"""The checks on exact packet sets and conventions, on hand-written rulesets."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError
from secaudit.checks.firewall.checks import conventions, review
from secaudit.checks.firewall.facts import Firewall, Source
from secaudit.checks.firewall.review_facts import exposure, translations
from secaudit.checks.firewall.review_facts import review as read_review
from secaudit.checks.host.facts import Uptime

from secaudit.api import Evidence, Now, Outcome, Severity
from tests.checks.firewall.judging_ipv6 import OFF
from tests.checks.firewall.test_trace import ruleset
from tests.checks.judging import collect, facts, judge, only, outcomes

P, F, U, N = Outcome.PASSED, Outcome.FAILED, Outcome.UNPROVEN, Outcome.NOT_APPLICABLE

EVIDENCE = Evidence("iptables-save -c", 0, None, "")
NOW = datetime(2026, 11, 24, tzinfo=UTC)

HARDENED = (
    "-A INPUT -i lo -j ACCEPT",
    "-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
    "-A INPUT -m conntrack --ctstate INVALID -j DROP",
    '-A INPUT -s 10.20.0.0/24 -p tcp -m tcp --dport 22 -m comment --comment "ops: administration" -j ACCEPT',
    '-A INPUT -p tcp -m tcp --dport 443 -m comment --comment "shop: web" -j ACCEPT',
    "-A INPUT -m limit --limit 5/min -j LOG",
)


def firewall(*lines: str) -> Firewall:
    return Firewall(ruleset(*lines), (), (Source("iptables-save -c", "tables: 1", EVIDENCE),))


def reviewed(check: Any, fact: Firewall, expect: dict[str, Any] | None = None) -> Any:
    known = facts(fact)
    derived = [collect(read_review, known=known), collect(exposure, known=known)]
    return judge(check, expect or {}, fact, OFF, *derived)


def test_a_hardened_ruleset_gives_no_findings() -> None:
    fact = firewall(*HARDENED)
    for check in (review.shadowed, review.redundant, review.management_open, review.insecure_services):
        assert {verdict.outcome for verdict in reviewed(check, fact)} == {P}, check.id
    assert outcomes(judge(conventions.loopback, {}, fact, OFF)) == {"loopback IPv4": P}
    assert outcomes(judge(conventions.drop_logging, {}, fact, OFF)) == {"input IPv4": P}


def test_a_prohibition_that_is_not_in_force_is_grave() -> None:
    fact = firewall("-A INPUT -p tcp -j ACCEPT", "-A INPUT -s 192.0.2.7/32 -p tcp -j DROP")
    found = only(reviewed(review.shadowed, fact))
    assert (found.outcome, found.severity) == (F, Severity.HIGH)
    assert found.subject == "ip filter INPUT: -s 192.0.2.7/32 -p tcp -j DROP"
    assert "-p tcp -j ACCEPT" in found.observed
    assert "192.0.2.7" in found.observed


def test_rules_that_could_go_are_told_once() -> None:
    fact = firewall("-A INPUT -j ACCEPT", "-A INPUT -p tcp -j DROP", "-A INPUT -p tcp -j DROP")
    assert outcomes(reviewed(review.redundant, fact)) == {"ip filter INPUT: -p tcp -j DROP": F}


def test_what_depends_on_unknown_conditions_is_unproven() -> None:
    fact = firewall("-A INPUT -m nosuch --thing -j ACCEPT", "-A INPUT -s 10.0.0.1 -j DROP")
    found = only(reviewed(review.shadowed, fact))
    assert (found.outcome, found.subject) == (U, "ip filter INPUT: -s 10.0.0.1 -j DROP")
    assert [part.excerpt for part in found.evidence][1:] == ["-A INPUT -m nosuch --thing -j ACCEPT"]
    fact = firewall("-A INPUT -m set --match-set all src -j DROP", "-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT")
    assert outcomes(reviewed(review.management_open, fact, {"services": ["tcp/22"]})) == {"tcp/22 IPv4": U}


@pytest.mark.parametrize(
    ("line", "outcome"),
    [
        ("-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT", F),
        ("-A INPUT ! -s 10.0.0.0/8 -p tcp -m tcp --dport 20:30 -j ACCEPT", F),
        ("-A INPUT -s 10.0.0.0/8 -p tcp -m tcp --dport 22 -j ACCEPT", P),
        ("-A INPUT -i lo -p tcp -m tcp --dport 22 -j ACCEPT", P),
        ("-A INPUT -p tcp -m tcp --dport 22 -m conntrack --ctstate ESTABLISHED -j ACCEPT", P),
    ],
)
def test_management_services_open_to_everywhere(line: str, outcome: Outcome) -> None:
    found = reviewed(review.management_open, firewall(line), {"services": ["tcp/22"]})
    assert outcomes(found) == {"tcp/22 IPv4": outcome}


FLOWS = {
    "allow": [
        {"name": "administration", "sources": ["10.20.0.0/24"], "to": "tcp/22"},
        {"name": "web", "sources": ["any"], "to": "tcp/443"},
    ],
    "deny": [{"name": "guests", "sources": ["10.99.0.0/16"], "to": "tcp/22"}],
    "only": True,
}


def test_intended_flows_are_compared_as_sets() -> None:
    allowed = {"administration IPv4": P, "web IPv4": P, "guests IPv4": P}
    assert outcomes(reviewed(review.intended_flows, firewall(*HARDENED), FLOWS)) == {**allowed, "beyond IPv4": P}
    wider = [line.replace("10.20.0.0/24", "10.0.0.0/8") for line in HARDENED]
    found = reviewed(review.intended_flows, firewall(*wider), FLOWS)
    assert outcomes(found) == {**allowed, "guests IPv4": F, "beyond tcp/22 IPv4": F}
    narrower = [line.replace("10.20.0.0/24", "10.20.0.0/25") for line in HARDENED]
    found = reviewed(review.intended_flows, firewall(*narrower), FLOWS)
    assert outcomes(found) == {**allowed, "administration IPv4": F, "beyond IPv4": P}
    assert found[0].observed == "not accepted from 10.20.0.128/25"


@pytest.mark.parametrize(
    "expect",
    [
        {},
        {"allow": [{"name": "x", "sources": ["any"], "to": "tcp/99999"}]},
        {"allow": [{"name": "x", "sources": ["10.0.0.300"], "to": "tcp/22"}]},
        {"allow": [{"name": "x", "sources": ["any"], "to": "tcp/22"}] * 2},
    ],
)
def test_flows_that_make_no_sense_are_refused(expect: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        review.Flows.model_validate(expect)


def test_a_host_that_cannot_talk_to_itself() -> None:
    fact = firewall("-A INPUT -i eth0 -j ACCEPT")
    assert outcomes(judge(conventions.loopback, {}, fact, OFF)) == {"loopback IPv4": F}
    assert outcomes(judge(conventions.drop_logging, {}, fact, OFF)) == {"input IPv4": F}


DOCKER = """*nat
:PREROUTING ACCEPT [0:0]
:DOCKER - [0:0]
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A DOCKER ! -i docker0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80
COMMIT"""
FORWARDED = "-A FORWARD -d 172.17.0.2/32 -o docker0 -p tcp -m tcp --dport 80 -j ACCEPT"
OUTER = "-A FORWARD -d 172.17.0.2/32 ! -s 10.0.0.0/8 -j DROP"


@pytest.mark.parametrize(
    ("lines", "outcome"),
    [
        ([FORWARDED.replace("-o docker0 ", "")], F),
        ([FORWARDED], F),
        ([FORWARDED.replace("-o", "-m nosuch -o")], U),
        ([], P),
        (["-A INPUT -p tcp -m tcp --dport 8080 -j ACCEPT", FORWARDED.replace("-o docker0 ", "")], P),
        ([OUTER, FORWARDED.replace("-o docker0 ", "")], P),
    ],
)
def test_ports_that_docker_publishes_past_the_input_rules(lines: list[str], outcome: Outcome) -> None:
    fact = Firewall(ruleset(*lines, more=DOCKER), (), (Source("iptables-save -c", "tables: 2", EVIDENCE),))
    derived = collect(translations, known=facts(fact))
    assert only(judge(conventions.published_past_input, {}, fact, derived)).outcome is outcome
    assert only(judge(conventions.published_past_input, {"ports": [8080]}, fact, derived)).outcome is P


@pytest.mark.parametrize(("days", "packets", "outcome"), [(200, 0, F), (100, 0, U), (100, 7, P)])
def test_unused_rules(days: int, packets: int, outcome: Outcome) -> None:
    fact = firewall(f"[{packets}:0] -A INPUT -p tcp -m tcp --dport 22 -j ACCEPT")
    uptime = Uptime(timedelta(days=days), NOW - timedelta(days=days), EVIDENCE)
    assert only(judge(conventions.unused_rules, {}, fact, uptime)).outcome is outcome


@pytest.mark.parametrize(
    ("comment", "outcome"),
    [
        ('-m comment --comment "ops: needed" ', P),
        ('-m comment --comment "ops: expires 2026-11-24" ', P),
        ('-m comment --comment "ops: expires 2026-11-23" ', F),
        ('-m comment --comment "ops: expires 2026-13-99" ', F),
        ("", F),
    ],
)
def test_rules_say_who_needs_them(comment: str, outcome: Outcome) -> None:
    fact = firewall(f"-A INPUT -p tcp -m tcp --dport 22 {comment}-j ACCEPT", "-A INPUT -j ACCEPT")
    assert only(judge(conventions.rule_owners, {}, fact, Now(NOW))).outcome is outcome
