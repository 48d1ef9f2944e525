"""The files of real hosts, and what mutation makes of them and of recorded listings."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from secaudit.checks.firewall import collect, review_facts
from secaudit.checks.firewall.analysis.anomalies import Kind, find_anomalies
from secaudit.checks.firewall.checks import anomalies, conventions, flows, posture, services
from secaudit.checks.firewall.readers.iptables.save import read_iptables_save
from secaudit.checks.firewall.readers.nft.document import read_nft_json
from secaudit.checks.firewall.rules.ruleset import Ruleset, RulesetError, TableFamily

from secaudit.api import Now, Unproven
from tests.checks.firewall.judging_ipv6 import ON
from tests.checks.firewall.reading import SHARED, sample
from tests.checks.firewall.scenarios import COMMANDS, RECORDED, Scenario, answers, load_and_read, recorded
from tests.checks.judging import AT, ended, facts, judge
from tests.checks.judging import collect as gather
from tests.checks.judging import collect_or_refuse as gather_or_refuse

DEEP = 12_000
"""Listings up to this length are analysed wholly; what longer ones have more of is more of the same."""

FLOWS = {"allow": [{"name": "ssh", "sources": ["10.0.0.0/8"], "to": "tcp/22"}], "only": True}
ALL_CHECKS = (posture.missing, posture.default_policy, posture.any_any, posture.ipv6_unfiltered, posture.established)


def shape(ruleset: Ruleset) -> list[tuple[str, str, str]]:
    return [(table.label, chain.name, rule.text) for table, chain, rule in ruleset.rules]


@pytest.mark.parametrize("name", ["docker", "home_user", "openlab", "shorewall", "ufw_server2"])
def test_real_rulesets_are_read_line_by_line(name: str) -> None:
    text = sample(f"{name}_iptables-save.txt")
    ruleset = read_iptables_save(text, TableFamily.IP, name)
    lines = {number for number, line in enumerate(text.split("\n"), 1) if line.startswith(("-A", "["))}
    assert {rule.origin.line for _, _, rule in ruleset.rules} == lines
    assert not ruleset.unmodelled
    found = find_anomalies(ruleset)
    # openlab refuses ICMP to a network before it accepts it: six rules are not in force.
    shadowed = {anomaly.at.line for anomaly in found.found if anomaly.kind is Kind.SHADOWED and anomaly.verdict_differs}
    assert (shadowed == set(range(384, 390))) is (name == "openlab"), shadowed
    assert all(anomaly.by or anomaly.kind is Kind.UNREACHABLE_CHAIN for anomaly in found.found)


def judged(nft: str, ipv4: str) -> None:
    """Collect and judge: any verdicts or an `Unproven`, and nothing else."""
    given_answers = {
        **{answer.request: answer for answer in recorded("empty")},
        COMMANDS["nft.json"]: ended(COMMANDS["nft.json"], nft),
        COMMANDS["iptables-save.txt"]: ended(COMMANDS["iptables-save.txt"], ipv4),
    }
    try:
        fact = gather(collect.firewall, *given_answers.values())
    except Unproven:
        return
    for check in ALL_CHECKS:
        judge(check, {}, fact, ON)
    if len(ipv4) > DEEP:
        return
    known = facts(fact)
    found = gather(review_facts.review, known=known)
    exposed = gather_or_refuse(review_facts.exposure, known=known)
    for check in (anomalies.shadowed, anomalies.redundant):
        judge(check, {}, fact, found)
    for check in (services.management_open, flows.intended_flows):
        judge(check, {} if check is services.management_open else FLOWS, fact, exposed, ON)
    judge(conventions.loopback, {}, fact, ON)
    judge(conventions.rule_owners, {}, fact, Now(AT))


def mutated(text: str, chance: random.Random) -> str:
    """A text with a few pieces cut out, doubled, swapped or replaced."""
    pieces = text.split(" ")
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(pieces))
        action = chance.randrange(5)
        if action == 0:
            del pieces[at : at + chance.randint(1, 3)]
        elif action == 1:
            pieces.insert(at, pieces[chance.randrange(len(pieces))])
        elif action == 2:
            other = chance.randrange(len(pieces))
            pieces[at], pieces[other] = pieces[other], pieces[at]
        elif action == 3:
            pieces[at] = chance.choice(["!", '"', "\n", "-j", "--dport", "-A", ":", "*", "\0", "\u202e", "99999999999"])
        else:
            pieces = pieces[: at + 1]
        pieces = pieces or [""]
    return " ".join(pieces)


@pytest.mark.parametrize("seed", range(4))
def test_no_mutation_of_a_listing_breaks_the_reader(seed: int) -> None:
    chance = random.Random(seed)
    texts = [path.read_text() for path in sorted(RECORDED.glob("*/iptables-save.txt")) if path.stat().st_size]
    texts += [path.read_text() for path in sorted(SHARED.glob("*_iptables-save.txt"))]
    for text in texts:
        judged('{"nftables": []}', mutated(text, chance))


def damaged(value: Any, chance: random.Random) -> Any:
    """A JSON value with one of its inner values replaced by something else."""
    junk: list[Any] = [
        None,
        True,
        -1,
        10**30,
        "",
        "@x",
        "*",
        [],
        {},
        [[]],
        {"set": []},
        {"accept": None},
        {"range": [9, 1]},
    ]
    if not isinstance(value, dict | list) or not value or chance.random() < 0.15:
        return chance.choice(junk)
    copy = value.copy()
    key = chance.choice(list(value)) if isinstance(value, dict) else chance.randrange(len(value))
    copy[key] = damaged(value[key], chance)
    return copy


@pytest.mark.parametrize("seed", range(4))
def test_no_damage_to_the_json_breaks_the_reader(seed: int) -> None:
    chance = random.Random(seed)
    documents = [json.loads(path.read_text()) for path in sorted(RECORDED.glob("*/nft.json"))]
    for document in documents * 4:
        judged(json.dumps(damaged(document, chance)), "")


@settings(max_examples=150)
@given(st.text())
def test_any_text_is_read(text: str) -> None:
    assert isinstance(read_iptables_save(text, TableFamily.IP, "x"), Ruleset)
    assert isinstance(
        read_iptables_save(f"*filter\n:INPUT DROP\n-A INPUT {text}\nCOMMIT\n", TableFamily.IP6, "x"), Ruleset
    )
    with pytest.raises(RulesetError):
        read_nft_json(text, "x")


@pytest.mark.root
@pytest.mark.parametrize("variant", ["ipv4", "legacy4"])
@pytest.mark.parametrize("name", ["docker", "home_user", "openlab", "shorewall", "ufw_server2"])
def test_real_rulesets_come_back_from_the_kernel_whole(name: str, variant: str) -> None:
    text = sample(f"{name}_iptables-save.txt")
    fact = gather(collect.firewall, *answers(load_and_read(Scenario(name, **{variant: text}))))
    assert len(shape(fact.ruleset)) == sum(line.startswith("-A") for line in text.split("\n"))
    assert not fact.ruleset.unmodelled
    assert all(rule.origin.source.endswith("save -c") for _, _, rule in fact.ruleset.rules)
