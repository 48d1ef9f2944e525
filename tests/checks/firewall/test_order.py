"""Rules whose order decides, and services that IPv6 opens wider than IPv4."""

from __future__ import annotations

from typing import Any

import pytest
from secaudit.checks.firewall.checks import order
from secaudit.checks.firewall.facts import Firewall
from secaudit.checks.firewall.readers.nft_ruleset import read_nft_ruleset
from secaudit.checks.firewall.review_facts import exposure
from secaudit.checks.firewall.review_facts import review as read_review

from secaudit.api import Outcome, Verdict
from tests.checks.firewall.judging_ipv6 import OFF, ON
from tests.checks.firewall.test_anomalies import CLEAN
from tests.checks.firewall.test_review import HARDENED, firewall
from tests.checks.judging import collect, facts, judge, only, outcomes

P, F, U, N = Outcome.PASSED, Outcome.FAILED, Outcome.UNPROVEN, Outcome.NOT_APPLICABLE


def ordered(fact: Firewall, **expect: Any) -> list[Verdict]:
    return judge(order.rule_order, expect, fact, collect(read_review, known=facts(fact)))


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


def wider(text: str, stack: Any = ON) -> dict[str, Outcome]:
    fact = Firewall(read_nft_ruleset(text, "file"), (), ())
    return outcomes(judge(order.ipv6_wider, {}, fact, collect(exposure, known=facts(fact)), stack))


RULES = """table inet filter {
  chain input { type filter hook input priority filter; policy drop;
    tcp dport 443 accept
    %s
  }
}
"""


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ("", {"services": P}),
        ("ip saddr 10.0.0.0/8 tcp dport 22 accept", {"services": P}),
        ("ip saddr 10.0.0.0/8 tcp dport 22 accept; meta nfproto ipv6 tcp dport 22 accept", {"tcp/22": F}),
        ("meta nfproto ipv6 udp dport 500-510 accept", {"udp/500-510": F}),
        ("meta nfproto ipv4 tcp dport 22 accept", {"services": P}),
        ("ip6 saddr fd00::/8 tcp dport 22 accept", {"services": P}),
        ("meta nfproto ipv6 fib saddr . mark oif 7 accept", {"services": U}),
    ],
)
def test_services_that_ipv6_opens_wider(rules: str, expected: dict[str, Outcome]) -> None:
    assert wider(RULES % rules) == expected
    assert wider(RULES % rules, OFF) == {"services": N}


def test_where_ipv6_is_not_filtered_another_check_says_so() -> None:
    assert wider((RULES % "").replace("table inet", "table ip")) == {"services": N}


def test_a_clean_ruleset_opens_the_same() -> None:
    assert wider(CLEAN) == {"services": P}
