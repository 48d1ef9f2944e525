"""What changes between two rulesets: verdicts and translations, each with a packet that shows it."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from secaudit.checks.firewall.analysis.acceptance import Acceptance
from secaudit.checks.firewall.analysis.changes import Change, changes
from secaudit.checks.firewall.path.trace import Fate
from secaudit.checks.firewall.path.tracer import Tracer
from secaudit.checks.firewall.readers.nft.ruleset import read_nft_ruleset
from secaudit.checks.firewall.rules.matches import PacketFamily
from secaudit.checks.firewall.rules.ruleset import Hook, Ruleset

from tests.checks.firewall.given import ruleset
from tests.checks.firewall.test_acceptance import generated, points

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


def test_a_packet_that_another_chain_drops_does_not_hide_those_that_it_lets_through() -> None:
    text = """table ip edge { chain pre { type filter hook prerouting priority -300; policy accept; %s } }
      table inet filter { chain input { type filter hook input priority 0; policy drop; %s } }"""
    usual = "ip saddr 198.51.100.0/24 drop"
    opened = "tcp dport 5432 accept"
    (v4, v6) = changes(*(read_nft_ruleset(text % (usual, rule), "file") for rule in ("", opened))).found
    assert (v4.before, v4.after, v6.before, v6.after) == (Fate.DROP, Fate.ACCEPT) * 2
    assert not str(v4.packet.source).startswith("198.51.100.")
    nobody = changes(*(read_nft_ruleset(text % ("drop", rule), "file") for rule in ("", opened)))
    assert [change.packet.family for change in nobody.found] == [PacketFamily.IPV6]
    assert not nobody.unsure


def test_what_prerouting_drops_may_have_been_on_its_way_through_the_host() -> None:
    through = "-A FORWARD -s 10.0.0.0/8 -j ACCEPT"
    before = ruleset(through, policy="DROP")
    raw = "*raw\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -s 10.1.0.0/16 -j DROP\nCOMMIT"
    (change,) = changes(before, ruleset(through, policy="DROP", more=raw)).found
    assert (change.before, change.after, change.packet.hook) == (Fate.ACCEPT, Fate.DROP, Hook.FORWARD)


SOURCES = ("-s 10.0.0.0/8", "! -s 10.0.0.0/9", "-s 198.51.100.0/24", "", "")
DESTINATIONS = ("-d 192.0.2.1/32", "-d 192.0.2.0/30", "", "")
PORTS = ("-p tcp -m tcp --dport 22", "-p tcp -m tcp --dport 20:30", "-p udp -m multiport --dports 53,123", "", "-p tcp")


def layered(chance: random.Random) -> Ruleset:
    """Tables one behind the other, of which each decides about some packets."""

    def lines(chain: str, count: int, *verdicts: str) -> list[str]:
        parts = ([chance.choice(kind) for kind in (SOURCES, DESTINATIONS, PORTS)] for _ in range(count))
        return [f"-A {chain} {' '.join(filter(None, part))} -j {chance.choice(verdicts)}" for part in parts]

    raw = ["*raw", f":PREROUTING {chance.choice(['ACCEPT', 'DROP'])} [0:0]"]
    mangle = ["*mangle", ":INPUT ACCEPT [0:0]", ":FORWARD ACCEPT [0:0]"]
    raw += lines("PREROUTING", 3, "ACCEPT", "DROP")
    mangle += [*lines("INPUT", 2, "ACCEPT", "DROP"), *lines("FORWARD", 2, "ACCEPT", "DROP")]
    rules = [*lines("INPUT", 5, "ACCEPT", "DROP", "REJECT", "one"), *lines("one", 3, "ACCEPT", "DROP", "RETURN")]
    rules += lines("FORWARD", 4, "ACCEPT", "DROP")
    more = "\n".join([*raw, "COMMIT", *mangle, "COMMIT"])
    return ruleset(*rules, policy=chance.choice(["DROP", "ACCEPT"]), chains="one", more=more)


@pytest.mark.parametrize("seed", range(80))
def test_more_open_and_more_closed_are_never_missed(seed: int) -> None:
    chance = random.Random(seed)
    before = layered(chance)
    number = chance.randrange(len(before.tables))
    tables = [altered(replace(before, tables=(table,)), chance).tables[0] if at == number else table
              for at, table in enumerate(before.tables)]  # fmt: skip
    after = replace(before, tables=tuple(tables))
    found = changes(before, after)
    told = {(change.before is Fate.ACCEPT, change.after is Fate.ACCEPT) for change in found.found}
    tracers = Tracer(before), Tracer(after)
    for hook in (Hook.INPUT, Hook.FORWARD):
        for side in (before, after):
            acceptance = Acceptance(side, PacketFamily.IPV4, hook)
            for point in points(acceptance, acceptance.from_network(), chance):
                packet = acceptance.packet(point)
                passes = [tracer.trace(packet).fate is Fate.ACCEPT for tracer in tracers]
                assert passes[0] == passes[1] or tuple(passes) in told or found.unsure, packet
