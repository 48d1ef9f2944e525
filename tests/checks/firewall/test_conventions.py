"""The checks of what a firewall engineer expects beside the verdicts, on hand-written rulesets."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from secaudit.checks.firewall.checks import conventions
from secaudit.checks.firewall.facts import Firewall, Source
from secaudit.checks.firewall.review_facts import translations
from secaudit.checks.host.facts import Uptime

from secaudit.api import Now, Outcome
from tests.checks.firewall.given import EVIDENCE, HARDENED, firewall, ruleset
from tests.checks.firewall.judging_ipv6 import OFF
from tests.checks.judging import collect, facts, judge, only, outcomes

P, F, U = Outcome.PASSED, Outcome.FAILED, Outcome.UNPROVEN

NOW = datetime(2026, 11, 24, tzinfo=UTC)


def test_a_hardened_ruleset_lets_the_host_talk_to_itself_and_logs() -> None:
    fact = firewall(*HARDENED)
    assert outcomes(judge(conventions.loopback, {}, fact, OFF)) == {"loopback IPv4": P}
    assert outcomes(judge(conventions.drop_logging, {}, fact, OFF)) == {"input IPv4": P}


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
