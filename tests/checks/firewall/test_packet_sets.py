"""Packet sets against brute force: every packet that conditions can tell apart is sent through the rules one by one."""

from __future__ import annotations

import random
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from secaudit.checks.firewall.analysis.anomalies import Kind, find_anomalies
from secaudit.checks.firewall.path.tracer import Tracer
from secaudit.checks.firewall.readers.iptables.save import read_iptables_save
from secaudit.checks.firewall.rules.attachment import attached_chains
from secaudit.checks.firewall.rules.matches import PacketFamily
from secaudit.checks.firewall.rules.ruleset import Hook, TableFamily
from secaudit.checks.firewall.sets.packet_sets import Alive, ChainSets, Dead
from secaudit.checks.firewall.sets.regions import Field, common, complement, difference, intersection, outside, runs

from tests.checks.firewall.given import ruleset

LAST = {Field.SOURCE: 7, Field.DESTINATION: 7, Field.PROTOCOL: 3}
POINTS = [dict(zip(LAST, point, strict=True)) for point in product(range(8), range(8), range(4))]

some_runs = st.lists(
    st.tuples(st.integers(0, 7), st.integers(0, 7)).map(lambda pair: (min(pair), max(pair))), max_size=3
)


@st.composite
def regions(draw: Any) -> dict[Field, Any]:
    chosen = draw(st.sets(st.sampled_from(list(LAST))))
    found = {field: common(runs(draw(some_runs)), ((0, LAST[field]),)) for field in chosen}
    return {field: allowed for field, allowed in found.items() if allowed}


def members(region: dict[Field, Any]) -> set[tuple[int, ...]]:
    return {
        tuple(point.values())
        for point in POINTS
        if all(any(low <= point[field] <= high for low, high in allowed) for field, allowed in region.items())
    }


def union(parts: list[Any]) -> set[tuple[int, ...]]:
    return set().union(*map(members, parts))


@given(some_runs, some_runs)
def test_runs_are_sets_of_numbers(one: Any, other: Any) -> None:
    def numbers(parts: Any) -> set[int]:
        return {number for low, high in parts for number in range(low, high + 1)}

    assert numbers(runs(one)) == numbers(one)
    assert numbers(common(runs(one), runs(other))) == numbers(one) & numbers(other)
    assert numbers(outside(runs(one), 7)) == set(range(8)) - numbers(one)


@given(regions(), regions(), st.lists(regions(), max_size=3))
def test_regions_are_sets_of_packets(one: Any, other: Any, more: Any) -> None:
    both = intersection(one, other)
    assert (members(both) if both is not None else set()) == members(one) & members(other)
    rest = complement(one, LAST)
    assert union(rest) == members({}) - members(one)
    assert sum(len(members(part)) for part in rest) == len(union(rest))
    assert union(difference([one, other], more, LAST, 1000)) == (members(one) | members(other)) - union(more)


class Generator:
    """Rules over few addresses and ports, so that they overlap in every way; ranges are seldom prefixes."""

    def __init__(self, seed: int, *, chains: bool = False, ipv6: bool = False) -> None:
        self.chance = random.Random(seed)
        self.chains = ["one", "two"] if chains else []
        self.ipv6 = ipv6

    def address(self) -> str:
        return f"2001:db8::{self.chance.randrange(8):x}" if self.ipv6 else f"10.0.0.{self.chance.randrange(8)}"

    def range(self) -> str:
        return "-".join(sorted([self.address(), self.address()]))

    def condition(self) -> str:
        chance, flip = self.chance, self.chance.choice(["", "", "! "])
        low, high = sorted([chance.randrange(6), chance.randrange(6)])
        return chance.choice(
            [
                f"-m iprange {flip}--src-range {self.range()}",
                f"-m iprange {flip}--dst-range {self.range()}",
                f"{flip}-s {self.address()}",
                f"{flip}-p tcp",
                f"-p tcp -m tcp {flip}--dport {low}:{high}",
                f"-p udp -m udp {flip}--sport {low}:{high}",
                f"-p tcp -m multiport {flip}--ports {low},{high}",
                f"-p tcp -m tcp {flip}--tcp-flags SYN,ACK SYN",
                f"{flip}-i eth{chance.choice('01+')}",
                f"-m conntrack {flip}--ctstate NEW,INVALID",
                f"-m mark {flip}--mark {chance.choice(['0x1', '0x0/0x3', '0x2/0x2'])}",
                f"-m addrtype {flip}--dst-type LOCAL",
            ]
        )

    def rule(self, chain: str) -> str:
        conditions = {self.condition() for _ in range(self.chance.choice([0, 1, 1, 2, 2, 3]))}
        # One protocol per rule, as iptables has it.
        chosen = [c for c in conditions if "-p " not in c] + [c for c in conditions if "-p " in c][:1]
        targets = ["-j ACCEPT", "-j DROP", "-j DROP", "-j REJECT", "-j LOG", "-j RETURN"]
        later = self.chains[self.chains.index(chain) + 1 :] if chain in self.chains else self.chains
        targets += [f"-{way} {name}" for name in later for way in "jg"]
        return f"-A {chain} {' '.join(sorted(chosen))} {self.chance.choice(targets)}"

    def ruleset(self, rules: int) -> Any:
        names = ["INPUT", *self.chains]
        lines = [self.rule(self.chance.choice(names)) for _ in range(rules)]
        heads = [
            ":INPUT DROP [0:0]",
            ":FORWARD DROP [0:0]",
            ":OUTPUT ACCEPT [0:0]",
            *(f":{n} - [0:0]" for n in self.chains),
        ]
        text = "\n".join(["*filter", *heads, *lines, "COMMIT", ""])
        return read_iptables_save(text, TableFamily.IP6 if self.ipv6 else TableFamily.IP, "file")


def sets_of(found: Any, family: PacketFamily = PacketFamily.IPV4) -> ChainSets:
    attached = next(at for at in attached_chains(found, family, Hook.INPUT) if at.chain.name == "INPUT")
    return ChainSets.of(attached, family, tracked=True)


def met_by_any_packet(found: Any, sets: ChainSets) -> set[int]:
    """The rules that one of all packets meets, by the trace of each."""
    tracer = Tracer(found)
    met: set[int] = set()
    for pieces in product(*(range(int(size)) for size in sets.grid.sizes)):
        packet = sets.packet(np.array(pieces, np.int32))
        if packet.in_interface and not packet.out_interface:
            met |= {id(step.rule) for step in tracer.meets(sets.attached, packet) if step.certain}
    return met


def dead_and_alive(sets: ChainSets) -> tuple[set[int], set[int]]:
    """The rules that are dead in all their places, and those that are surely alive in one."""
    fates = [(place, fate) for place, fate in zip(sets.places, sets.fates(), strict=True) if place.rule is not None]
    alive = {id(place.rule) for place, fate in fates if isinstance(fate, Alive) and not place.packets.doubt}
    dead = {id(place.rule) for place, fate in fates if isinstance(fate, Dead)}
    return dead - {id(place.rule) for place, fate in fates if not isinstance(fate, Dead)}, alive


def small(seed: int, family: PacketFamily) -> tuple[Any, ChainSets]:
    """A generated ruleset that tells so few packets apart that each of them can be sent."""
    for number in range(seed, 10_000, 1000):
        found = Generator(number, chains=seed % 2 == 1, ipv6=family is PacketFamily.IPV6).ruleset(6)
        sets = sets_of(found, family)
        if np.prod(sets.grid.sizes.astype(float)) < 8000:
            return found, sets
    raise AssertionError("the generator makes no small rulesets")


@pytest.mark.parametrize("seed", range(50))
def test_dead_rules_are_those_that_no_packet_meets(seed: int) -> None:
    found, sets = small(seed, PacketFamily.IPV6 if seed % 5 == 4 else PacketFamily.IPV4)
    met = met_by_any_packet(found, sets)
    dead, alive = dead_and_alive(sets)
    assert dead.isdisjoint(met)
    assert alive <= met


@pytest.mark.parametrize("seed", range(30))
def test_a_rule_that_is_called_redundant_can_go(seed: int) -> None:
    found = Generator(seed).ruleset(8)
    sets = sets_of(found)
    redundant = [anomaly.at.index for anomaly in find_anomalies(found).found if anomaly.kind is Kind.REDUNDANT]
    lines = [rule.origin.excerpt for rule in next(table for table in found.tables).chain("INPUT").rules]
    points = [
        sets.packet(np.array([random.Random(n).randrange(int(s)) for s in sets.grid.sizes], np.int32))
        for n in range(300)
    ]
    before = Tracer(found)
    for index in redundant:
        after = Tracer(ruleset(*lines[: index - 1], *lines[index:]))
        for packet in points:
            assert after.trace(packet).possible == before.trace(packet).possible, lines[index - 1]
