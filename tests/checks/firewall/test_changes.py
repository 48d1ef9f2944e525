"""What changes between two rulesets: verdicts and translations, each with a packet that shows it."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from secaudit.checks.firewall.analysis.acceptance import Acceptance
from secaudit.checks.firewall.analysis.changes import Change, changes
from secaudit.checks.firewall.path.trace import Fate, Tracer
from secaudit.checks.firewall.readers.nft_ruleset import read_nft_ruleset
from secaudit.checks.firewall.rules.matches import PacketFamily
from secaudit.checks.firewall.rules.ruleset import Hook, Ruleset

from tests.checks.firewall.test_acceptance import generated, points
from tests.checks.firewall.test_trace import ruleset

HEAD = "*nat\n:PREROUTING ACCEPT [0:0]\n:POSTROUTING ACCEPT [0:0]\n"
DNAT = "-A PREROUTING -i eth0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 10.0.0.2:80"
SNAT = "-A POSTROUTING -s 10.0.0.0/24 -o eth0 -j MASQUERADE"


def between(before: list[str], after: list[str], policy: str = "ACCEPT", rules: tuple[str, ...] = ()) -> list[Change]:
    sides = [ruleset(*rules, policy=policy, more="\n".join([HEAD.rstrip(), *nat, "COMMIT"])) for nat in (before, after)]
    found = changes(*sides)
    assert not found.unsure
    return list(found.found)


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ([DNAT], [DNAT.replace("10.0.0.2:80", "10.0.0.3:80")], ("dnat to 10.0.0.2:80", "dnat to 10.0.0.3:80")),
        ([DNAT], [], ("dnat to 10.0.0.2:80", "not translated")),
        ([], [SNAT], ("not translated", "masquerade")),
        ([SNAT], [SNAT.replace("10.0.0.0/24", "10.0.0.0/25")], ("masquerade", "not translated")),
        ([SNAT], [SNAT.replace("MASQUERADE", "SNAT --to-source 192.0.2.1")], ("masquerade", "snat to 192.0.2.1")),
    ],
)
def test_a_translation_that_changes_is_a_change(before: list[str], after: list[str], told: tuple[str, str]) -> None:
    (change,) = between(before, after)
    assert (change.becomes_before, change.becomes_after) == told
    assert change.before is change.after is not Fate.DROP


def test_the_packet_of_a_changed_translation_meets_both_rules() -> None:
    (change,) = between([SNAT], [SNAT.replace("10.0.0.0/24", "10.0.0.0/25")])
    assert str(change.packet.source).startswith("10.0.0.")
    assert int(str(change.packet.source).rsplit(".", 1)[1]) >= 128
    assert change.packet.out_interface == "eth0"


def test_equal_translations_are_no_change() -> None:
    assert between([DNAT, SNAT], [SNAT, DNAT]) == []
    moved = [DNAT.replace("8080", "8080:8081")]
    split = [DNAT, DNAT.replace("8080", "8081")]
    assert between(moved, split) == []


def test_what_is_refused_all_the_same_is_no_change() -> None:
    assert between([DNAT], [DNAT.replace("10.0.0.2", "10.0.0.3")], policy="DROP") == []


def test_a_translation_may_change_the_verdict() -> None:
    through = ("-A FORWARD -d 10.0.0.2/32 -p tcp -m tcp --dport 80 -j ACCEPT",)
    (change,) = between([DNAT], [DNAT.replace("10.0.0.2", "10.0.0.3")], policy="DROP", rules=through)
    assert (change.before, change.after) == (Fate.ACCEPT, Fate.DROP)


def test_each_tool_spells_a_translation_in_its_own_way() -> None:
    nft = """table ip nat { chain PREROUTING { type nat hook prerouting priority dstnat; policy accept;
      iifname "eth0" tcp dport 8080 dnat to 10.0.0.2:%s } }"""
    before = ruleset(more="\n".join([HEAD.rstrip(), DNAT, "COMMIT"]), policy="ACCEPT")
    same = changes(before, read_nft_ruleset(nft % 80, "file"))
    assert not same.found
    (change,) = changes(before, read_nft_ruleset(nft % 81, "file")).found
    assert change.packet.destination_port == 8080


LIMITED = "-A INPUT -s 10.0.0.0/8 -m limit --limit 1/sec -j ACCEPT"
DROP = "-A INPUT -s 10.1.0.0/16 -j DROP"
ELSEWHERE = "-A INPUT -s 192.0.2.1/32 -j ACCEPT"


@pytest.mark.parametrize(
    ("before", "after", "unsure"),
    [
        ([LIMITED, DROP], [LIMITED, DROP], False),
        ([LIMITED, DROP], [DROP, LIMITED], True),
        ([LIMITED, DROP], [DROP], True),
        ([LIMITED, ELSEWHERE], [ELSEWHERE, LIMITED], False),
        (["-A INPUT -m nosuch -j DROP", ELSEWHERE], [ELSEWHERE, "-A INPUT -m nosuch -j DROP"], True),
        (["-A INPUT -j NFQUEUE --queue-num 1"], ["-A INPUT -j NFQUEUE --queue-num 1"], False),
        (["-A INPUT -j NFQUEUE --queue-num 1", DROP], [DROP, "-A INPUT -j NFQUEUE --queue-num 1"], True),
    ],
)
def test_what_is_not_known_is_compared_by_all_that_stands_beside_it(
    before: list[str], after: list[str], unsure: bool
) -> None:
    found = changes(ruleset(*before), ruleset(*after))
    assert bool(found.unsure) is unsure


def altered(known: Ruleset, chance: random.Random) -> Ruleset:
    """The ruleset with a rule left out, or two that change places."""
    table = known.tables[-1]
    at = chance.choice([number for number, chain in enumerate(table.chains) if len(chain.rules) > 1])
    rules = list(table.chains[at].rules)
    one = chance.randrange(len(rules) - 1)
    rules[one : one + 2] = chance.choice([[rules[one + 1], rules[one]], [rules[one]]])
    chains = (*table.chains[:at], replace(table.chains[at], rules=tuple(rules)), *table.chains[at + 1 :])
    return replace(known, tables=(*known.tables[:-1], replace(table, chains=chains)))


@pytest.mark.parametrize("seed", range(60))
def test_where_no_change_is_told_no_packet_fares_otherwise(seed: int) -> None:
    chance = random.Random(seed)
    before = generated(chance)
    after = altered(before, chance)
    found = changes(before, after)
    tracers = Tracer(before), Tracer(after)
    for change in found.found:
        assert change.before is not change.after
    if not found.found and not found.unsure:
        acceptance = Acceptance(before, PacketFamily.IPV4, Hook.INPUT)
        for point in points(acceptance, acceptance.from_network(), chance):
            packet = acceptance.packet(point)
            assert tracers[0].trace(packet).possible == tracers[1].trace(packet).possible, packet
