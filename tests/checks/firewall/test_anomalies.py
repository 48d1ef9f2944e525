"""Planted anomalies of every kind are found with their reason and a packet; clean rulesets yield none."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from secaudit.checks.firewall.analysis.anomalies import Anomalies, Anomaly, Kind, find_anomalies
from secaudit.checks.firewall.path.tracer import Tracer
from secaudit.checks.firewall.readers.nft.ruleset import read_nft_ruleset
from secaudit.checks.firewall.rules.ruleset import Ruleset

from secaudit.api import Severity
from tests.checks.firewall.given import CLEAN, HARDENED, ruleset


@dataclass(frozen=True)
class Planted:
    """Rules, the kind that must be found, the rule that has it and those that are the reason, by their numbers."""

    kind: Kind
    rules: tuple[str, ...]
    at: int
    by: tuple[int, ...] = ()
    differs: bool = False
    severity: Severity | None = None


WEB, TEN = "-p tcp -m tcp --dport 443", "-s 10.0.0.0/8"

PLANTED = {
    "behind one rule": Planted(
        Kind.SHADOWED,
        ("-A INPUT -p tcp -j ACCEPT", f"-A INPUT -s 10.0.0.1/32 {WEB} -j DROP"),
        2,
        (1,),
        True,
        Severity.HIGH,
    ),
    "behind two halves": Planted(
        Kind.SHADOWED,
        ("-A INPUT -s 10.0.0.0/9 -j DROP", "-A INPUT -s 10.128.0.0/9 -j DROP", f"-A INPUT {TEN} {WEB} -j ACCEPT"),
        3,
        (1, 2),
        True,
        Severity.MEDIUM,
    ),
    "behind ranges that are no prefixes": Planted(
        Kind.SHADOWED,
        (
            "-A INPUT -m iprange --dst-range 10.0.0.10-10.0.0.20 -j DROP",
            "-A INPUT -m iprange --dst-range 10.0.0.21-10.0.0.40 -j DROP",
            f"-A INPUT -d 10.0.0.16/28 {WEB} -j ACCEPT",
        ),
        3,
        (1, 2),
        True,
    ),
    "the same before": Planted(
        Kind.REDUNDANT, ("-A INPUT -p tcp -j ACCEPT", f"-A INPUT {WEB} -j ACCEPT"), 2, (1,), False, Severity.LOW
    ),
    "the same behind": Planted(
        Kind.REDUNDANT, (f"-A INPUT {WEB} -j ACCEPT", "-A INPUT -p tcp -j ACCEPT"), 1, (2,), False, Severity.LOW
    ),
    "the policy does the same": Planted(Kind.REDUNDANT, ("-A INPUT -s 192.0.2.7/32 -p udp -j DROP",), 1),
    "behind the end": Planted(
        Kind.AFTER_TERMINAL, ("-A INPUT -j DROP", f"-A INPUT {WEB} -j ACCEPT"), 2, (1,), False, Severity.LOW
    ),
    "no packet has it": Planted(
        Kind.CONTRADICTORY, ("-A INPUT -i lo -j CHAIN", "-A CHAIN -i eth0 -j ACCEPT"), 2, (), False, Severity.LOW
    ),
    "two states at once": Planted(
        Kind.CONTRADICTORY,
        ("-A INPUT -m conntrack --ctstate NEW -m conntrack --ctstate ESTABLISHED -j ACCEPT",),
        1,
    ),
    "takes the rest": Planted(
        Kind.GENERALISATION,
        (f"-A INPUT -s 10.0.0.1/32 {WEB} -j DROP", f"-A INPUT {TEN} {WEB} -j ACCEPT"),
        2,
        (1,),
        True,
        Severity.INFO,
    ),
    "order decides": Planted(
        Kind.CORRELATED,
        (f"-A INPUT {TEN} -j DROP", f"-A INPUT {WEB} -d 192.0.2.1/32 -j ACCEPT"),
        2,
        (1,),
        True,
        Severity.INFO,
    ),
}


def found_in(found: Anomalies, kind: Kind) -> list[Anomaly]:
    assert not found.undecided
    return [anomaly for anomaly in found.found if anomaly.kind is kind]


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_anomaly_is_found(name: str) -> None:
    planted = PLANTED[name]
    known = ruleset(*planted.rules, chains="CHAIN" if "CHAIN" in str(planted.rules) else "")
    texts = [rule.removeprefix("-A ").split(" ", 1)[1] for rule in planted.rules]
    found = [
        anomaly for anomaly in found_in(find_anomalies(known), planted.kind) if anomaly.at.text == texts[planted.at - 1]
    ]
    assert len(found) == 1, [(anomaly.kind, anomaly.at.text) for anomaly in find_anomalies(known).found]
    (anomaly,) = found
    if planted.by:
        assert sorted(other.text for other in anomaly.by) == sorted(texts[number - 1] for number in planted.by)
    assert anomaly.verdict_differs is planted.differs
    if planted.severity is not None:
        assert anomaly.severity is planted.severity
    assert anomaly.at.line == next(rule.origin.line for _, _, rule in known.rules if rule is anomaly.at.rule)


@pytest.mark.parametrize("name", [name for name, planted in PLANTED.items() if planted.differs])
def test_the_witness_meets_the_blocker_and_not_the_rule(name: str) -> None:
    planted = PLANTED[name]
    known = ruleset(*planted.rules)
    (anomaly,) = found_in(find_anomalies(known), planted.kind)
    assert anomaly.witness is not None
    met = [step.rule for step in Tracer(known).trace(anomaly.witness).steps if step.certain]
    assert any(other.rule in met for other in anomaly.by)
    assert anomaly.at.rule not in met


def test_chains_that_nothing_leads_to_are_found() -> None:
    known = ruleset(
        "-A ORPHAN -p tcp -j ACCEPT", "-A INPUT -j USED", "-A USED -p udp -j ACCEPT", chains="ORPHAN USED EMPTY"
    )
    found = found_in(find_anomalies(known), Kind.UNREACHABLE_CHAIN)
    assert {(anomaly.at.chain.name, anomaly.severity) for anomaly in found} == {
        ("ORPHAN", Severity.LOW),
        ("EMPTY", Severity.INFO),
    }


def test_the_planted_cover_every_kind() -> None:
    assert {planted.kind for planted in PLANTED.values()} | {Kind.UNREACHABLE_CHAIN} == set(Kind)


@pytest.mark.parametrize("known", [ruleset(*HARDENED), read_nft_ruleset(CLEAN, "file")], ids=["iptables", "nft"])
def test_a_clean_hardened_ruleset_yields_none(known: Ruleset) -> None:
    found = find_anomalies(known)
    assert not [(anomaly.kind, anomaly.at.text) for anomaly in found.found]
    assert not found.undecided
    assert not known.unmodelled
