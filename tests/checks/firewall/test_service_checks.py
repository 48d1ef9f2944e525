"""The checks of who reaches which service, on hand-written rulesets."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError
from secaudit.checks.firewall.checks import flows, services
from secaudit.checks.firewall.facts import Firewall
from secaudit.checks.firewall.readers.nft.ruleset import read_nft_ruleset
from secaudit.checks.firewall.review_facts import exposure

from secaudit.api import Outcome
from tests.checks.firewall.given import CLEAN, HARDENED, firewall, reviewed
from tests.checks.firewall.judging_ipv6 import OFF, ON
from tests.checks.judging import collect, facts, judge, outcomes

P, F, U, N = Outcome.PASSED, Outcome.FAILED, Outcome.UNPROVEN, Outcome.NOT_APPLICABLE


def test_a_hardened_ruleset_opens_nothing_that_is_not_meant() -> None:
    fact = firewall(*HARDENED)
    for check in (services.management_open, services.insecure_services):
        assert {verdict.outcome for verdict in reviewed(check, fact)} == {P}, check.id


def test_who_is_let_in_by_unknown_conditions_is_unproven() -> None:
    fact = firewall("-A INPUT -m set --match-set all src -j DROP", "-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT")
    assert outcomes(reviewed(services.management_open, fact, {"services": ["tcp/22"]})) == {"tcp/22 IPv4": U}


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
    found = reviewed(services.management_open, firewall(line), {"services": ["tcp/22"]})
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
    assert outcomes(reviewed(flows.intended_flows, firewall(*HARDENED), FLOWS)) == {**allowed, "beyond IPv4": P}
    wider = [line.replace("10.20.0.0/24", "10.0.0.0/8") for line in HARDENED]
    found = reviewed(flows.intended_flows, firewall(*wider), FLOWS)
    assert outcomes(found) == {**allowed, "guests IPv4": F, "beyond tcp/22 IPv4": F}
    narrower = [line.replace("10.20.0.0/24", "10.20.0.0/25") for line in HARDENED]
    found = reviewed(flows.intended_flows, firewall(*narrower), FLOWS)
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
        flows.Flows.model_validate(expect)


def wider(text: str, stack: Any = ON) -> dict[str, Outcome]:
    fact = Firewall(read_nft_ruleset(text, "file"), (), ())
    return outcomes(judge(services.ipv6_wider, {}, fact, collect(exposure, known=facts(fact)), stack))


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
