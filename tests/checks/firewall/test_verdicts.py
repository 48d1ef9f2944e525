"""What the checks say about rulesets that real tools printed."""

from __future__ import annotations

import pytest
from secaudit.checks.firewall.checks import posture
from secaudit.checks.firewall.collect import firewall
from secaudit.checks.firewall.facts import Firewall

from secaudit.api import Outcome, Verdict
from tests.checks.firewall.judging_ipv6 import OFF, ON
from tests.checks.firewall.scenarios import SCENARIOS, recorded
from tests.checks.judging import collect, judge, only, outcomes

P, F, U, N = Outcome.PASSED, Outcome.FAILED, Outcome.UNPROVEN, Outcome.NOT_APPLICABLE


def read(name: str) -> Firewall:
    return collect(firewall, *recorded(name))


# Outcomes for: input ipv4, input ipv6, forward ipv4, forward ipv6.
DEFAULTS = {
    "empty": (F, F, F, F),
    "nft-default-drop": (P, P, P, P),
    "nft-final-rule": (P, P, P, P),
    "nft-state-vmap": (P, P, F, F),
    "nft-state-vmap-open": (F, F, F, F),
    "nft-two-chains": (P, P, F, F),
    "nft-accept-all": (F, F, F, F),
    "nft-ipv4-only": (P, F, F, F),
    "nft-both-families": (P, P, F, F),
    "nft-family-in-rule": (P, F, F, F),
    "nft-ingress": (U, U, U, U),
    "nft-prerouting": (P, P, P, P),
    "nft-named-sets": (P, P, F, F),
    "nft-set-of-everyone": (F, P, F, F),
    "nft-jump-to-drop": (P, P, F, F),
    "nft-zones": (P, P, F, F),
    "nft-reset-is-tcp-only": (F, F, F, F),
    "nft-not-loopback": (P, P, F, F),
    "nft-no-packet-has-two-states": (P, P, F, F),
    "nft-dormant": (U, U, U, U),
    "nft-not-understood": (U, U, F, F),
    "nft-rate-limited": (P, P, F, F),
    "iptables-final-drop": (P, P, P, P),
    "iptables-jump-to-drop": (P, F, F, F),
    "iptables-goto": (F, F, F, F),
    "iptables-return": (F, F, F, F),
    "iptables-any-any": (F, F, P, F),
    "iptables-user-chains": (F, F, F, F),
    "iptables-drop-before-accept": (P, F, F, F),
    "iptables-negated-state": (P, F, F, F),
    "iptables-all-but-some": (F, F, F, F),
    "iptables-no-fragments": (F, F, F, F),
    "iptables-not-understood": (U, F, P, F),
    "iptables-every-match": (P, F, P, F),
    "iptables-ufw": (F, F, F, F),
    "iptables-docker": (F, F, P, F),
    "iptables-and-native": (P, P, F, F),
    "legacy-drop": (P, F, P, F),
    "legacy-behind-modern": (P, P, F, F),
}


def test_every_scenario_has_its_expectation() -> None:
    assert list(DEFAULTS) == [scenario.name for scenario in SCENARIOS]


@pytest.mark.parametrize("name", DEFAULTS)
def test_default_policy(name: str) -> None:
    verdicts = judge(posture.default_policy, {}, read(name), ON)
    subjects = ("input ipv4", "input ipv6", "forward ipv4", "forward ipv6")
    assert outcomes(verdicts) == dict(zip(subjects, DEFAULTS[name], strict=True))
    assert all(verdict.evidence for verdict in verdicts)


ANY_ANY = {
    "nft-state-vmap-open": {
        "inet filter input: ct state vmap { established : accept, invalid : drop, new : accept }": F
    },
    "nft-accept-all": {'inet filter input: accept comment "for now"': F},
    "nft-family-in-rule": {"inet filter input: meta nfproto ipv6 accept": F},
    "nft-set-of-everyone": {"inet filter input: ip saddr @everyone accept": F},
    "nft-dormant": {"": U},
    "nft-not-understood": {"inet filter input: ct zone 1 accept": U},
    "nft-rate-limited": {"inet filter input: limit rate 100/second accept": F},
    "iptables-any-any": {"ip filter INPUT: -m conntrack --ctstate NEW -j ACCEPT": F},
    "iptables-user-chains": {"ip filter wide: -j ACCEPT": F},
    "iptables-all-but-some": {"ip filter INPUT: ! -s 192.0.2.0/24 -j ACCEPT": F},
    "iptables-no-fragments": {"ip filter INPUT: ! -f -j ACCEPT": F},
    "iptables-not-understood": {"ip filter INPUT: -m length --length 0:65535 -j ACCEPT": U},
}


@pytest.mark.parametrize("name", DEFAULTS)
def test_any_any(name: str) -> None:
    assert outcomes(judge(posture.any_any, {}, read(name), ON)) == ANY_ANY.get(name, {"": P})


def test_any_any_looks_at_the_hooks_it_is_told_to() -> None:
    assert outcomes(judge(posture.any_any, {"hooks": ["forward"]}, read("nft-accept-all"), ON)) == {"": P}


UNFILTERED = {"empty": F, "nft-dormant": U, "iptables-docker": F}


@pytest.mark.parametrize("name", DEFAULTS)
def test_missing(name: str) -> None:
    assert outcomes(judge(posture.missing, {}, read(name))) == {"input": UNFILTERED.get(name, P)}


IPV6 = {
    "empty": N,
    "nft-dormant": U,
    "nft-ipv4-only": F,
    "iptables-jump-to-drop": F,
    "iptables-goto": F,
    "iptables-return": F,
    "iptables-any-any": F,
    "iptables-user-chains": F,
    "iptables-drop-before-accept": F,
    "iptables-negated-state": F,
    "iptables-all-but-some": F,
    "iptables-no-fragments": F,
    "iptables-not-understood": F,
    "iptables-every-match": F,
    "iptables-ufw": F,
    "iptables-docker": N,
    "legacy-drop": F,
}


@pytest.mark.parametrize("name", DEFAULTS)
def test_ipv6_unfiltered(name: str) -> None:
    assert outcomes(judge(posture.ipv6_unfiltered, {}, read(name), ON)) == {"input ipv6": IPV6.get(name, P)}


def test_ipv6_that_is_off_needs_no_filter() -> None:
    ruleset = read("nft-ipv4-only")
    assert outcomes(judge(posture.ipv6_unfiltered, {}, ruleset, OFF)) == {"input ipv6": N}
    expected = {"input ipv4": P, "input ipv6": N, "forward ipv4": F, "forward ipv6": N}
    assert outcomes(judge(posture.default_policy, {}, ruleset, OFF)) == expected


@pytest.mark.parametrize(
    ("name", "ipv4", "ipv6"),
    [
        ("nft-default-drop", P, P),
        ("nft-state-vmap", P, P),
        ("nft-two-chains", F, F),
        ("iptables-final-drop", P, F),
        ("iptables-ufw", P, N),
        ("empty", N, N),
    ],
)
def test_established(name: str, ipv4: Outcome, ipv6: Outcome) -> None:
    verdicts = judge(posture.established, {}, read(name), ON)
    assert outcomes(verdicts) == {"input ipv4": ipv4, "input ipv6": ipv6}


def _about(verdicts: list[Verdict], subject: str) -> Verdict:
    return only([verdict for verdict in verdicts if verdict.subject == subject])


def test_a_finding_shows_the_rule_and_its_owner() -> None:
    verdict = only(judge(posture.any_any, {}, read("iptables-user-chains"), ON))
    assert "ip filter wide: `-j ACCEPT`" in verdict.observed
    assert verdict.evidence[0].source == "sudo /usr/sbin/iptables-save -c"
    assert verdict.evidence[0].excerpt == "[0:0] -A wide -j ACCEPT"
    ufw = _about(judge(posture.default_policy, {}, read("iptables-ufw"), ON), "input ipv4")
    assert "rules managed by ufw" in ufw.observed


def test_evidence_from_json_is_the_rule_itself() -> None:
    verdict = only(judge(posture.any_any, {}, read("nft-accept-all"), ON))
    assert verdict.evidence[0].lines == (1, 1)
    assert verdict.evidence[0].excerpt.startswith('{"rule": {"family": "inet", "table": "filter", "chain": "input"')


@pytest.mark.parametrize(
    ("name", "observed"),
    [
        ("iptables-jump-to-drop", "ip filter INPUT: `-j DROP`"),
        ("iptables-return", "ip filter INPUT: policy accept"),
        ("iptables-user-chains", "ip filter INPUT: `-j ACCEPT`"),
        ("nft-zones", "inet filter input: `reject with icmpx admin-prohibited`"),
        ("nft-two-chains", "inet filter input: policy drop"),
        ("nft-prerouting", "inet raw prerouting: policy drop"),
        ("empty", "no base chain sees these packets"),
    ],
)
def test_the_rule_that_decides_is_shown(name: str, observed: str) -> None:
    assert _about(judge(posture.default_policy, {}, read(name), ON), "input ipv4").observed == observed


def test_an_undecided_default_names_the_rule_it_depends_on() -> None:
    verdict = _about(judge(posture.default_policy, {}, read("iptables-not-understood"), ON), "input ipv4")
    assert "`-m length --length 0:65535 -j ACCEPT` (line 6 of" in verdict.reason
    assert verdict.evidence[0].excerpt == "[0:0] -A INPUT -m length --length 0:65535 -j ACCEPT"


def test_a_demand_for_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="demands nothing"):
        posture.DefaultPolicy.model_validate({"input": "any", "forward": "any"})
    with pytest.raises(ValueError, match="at least 1"):
        posture.OpenHooks.model_validate({"hooks": []})
