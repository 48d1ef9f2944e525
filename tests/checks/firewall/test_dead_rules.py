"""The dead rules of generated rulesets against binary decision diagrams, which know nothing of boxes.

The diagrams are built from the numbers that the generator wrote into the rules, not from what was read of them.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import Any

import pytest
from secaudit.checks.firewall.readers.iptables.save import read_iptables_save
from secaudit.checks.firewall.rules.matches import PacketFamily
from secaudit.checks.firewall.rules.ruleset import TableFamily
from secaudit.checks.firewall.sets.packet_sets import Dead, Open

from tests.checks.firewall.test_packet_sets import sets_of

cudd = pytest.importorskip("dd.cudd", reason="dd has no CUDD on this machine")

Range = tuple[int, int]


@dataclass(frozen=True)
class Flat:
    """A TCP or UDP rule in numbers; negated fields hold for everything else."""

    source: Range
    destination: Range
    protocol: int
    source_port: Range
    destination_port: Range
    negated: frozenset[str]
    accept: bool


@dataclass(frozen=True)
class World:
    """How wide addresses are, and where those of the rules begin."""

    bits: int
    base: int

    def shown(self, address: int) -> str:
        return str(IPv4Address(address) if self.bits == 32 else IPv6Address(address))

    def line(self, rule: Flat) -> str:
        name = "tcp" if rule.protocol == 6 else "udp"
        last = (1 << self.bits) - 1
        parts = [f"-A INPUT -p {name}"]
        for option, field, (low, high) in (
            ("src", "source", rule.source),
            ("dst", "destination", rule.destination),
        ):
            if (low, high) != (0, last):
                flip = "! " if field in rule.negated else ""
                parts.append(f"-m iprange {flip}--{option}-range {self.shown(low)}-{self.shown(high)}")
        for option, field, (low, high) in (
            ("sport", "source_port", rule.source_port),
            ("dport", "destination_port", rule.destination_port),
        ):
            flip = "! " if field in rule.negated else ""
            parts.append(f"-m {name} {flip}--{option} {low}:{high}")
        return " ".join([*parts, "-j", "ACCEPT" if rule.accept else "DROP"])

    def read(self, rules: list[Flat]) -> Any:
        heads = [":INPUT DROP [0:0]", ":FORWARD DROP [0:0]", ":OUTPUT ACCEPT [0:0]"]
        text = "\n".join(["*filter", *heads, *map(self.line, rules), "COMMIT", ""])
        return read_iptables_save(text, TableFamily.IP if self.bits == 32 else TableFamily.IP6, "file")


IPV4 = World(32, int(IPv4Address("10.0.0.0")))
IPV6 = World(128, int(IPv6Address("2001:db8::")))


class Diagrams:
    """Dead rules by decision diagrams."""

    def __init__(self, world: World) -> None:
        self.bdd = cudd.BDD()
        self.bdd.configure(reordering=False)
        widths = {"protocol": 1, "dport": 16, "sport": 16, "dst": world.bits, "src": world.bits}
        self.bits = {field: [f"{field}{bit}" for bit in range(width)] for field, width in widths.items()}
        self.bdd.declare(*(name for names in self.bits.values() for name in names))

    def at_least(self, names: list[str], bound: int) -> Any:
        found = self.bdd.true
        for bit, name in enumerate(reversed(names)):
            variable = self.bdd.var(name)
            found = variable & found if bound >> bit & 1 else variable | found
        return found

    def inside(self, field: str, span: Range) -> Any:
        names = self.bits[field]
        low = self.at_least(names, span[0])
        high = span[1] + 1
        return low if high >> len(names) else low & ~self.at_least(names, high)

    def rule(self, rule: Flat) -> Any:
        found = self.inside("protocol", (rule.protocol == 17, rule.protocol == 17))
        for field, span, name in (
            ("src", rule.source, "source"),
            ("dst", rule.destination, "destination"),
            ("sport", rule.source_port, "source_port"),
            ("dport", rule.destination_port, "destination_port"),
        ):
            part = self.inside(field, span)
            found &= ~part if name in rule.negated else part
        return found

    def dead(self, rules: list[Flat]) -> set[int]:
        taken, dead = self.bdd.false, set()
        for number, rule in enumerate(rules, 1):
            here = self.rule(rule)
            if here & ~taken == self.bdd.false:
                dead.add(number)
            taken |= here
        return dead


def ordinary(chance: random.Random, world: World, count: int) -> list[Flat]:
    """Rules over a pool of networks and ranges of which many overlap; a fifth of the fields is negated."""
    everything = (0, (1 << world.bits) - 1)
    pool = [everything, everything]
    for _ in range(max(4, int(count**0.5))):
        low = chance.randrange(1 << 12)
        size = chance.choice([1, 1, 16, 256, chance.randrange(1, 600), 1 << chance.randrange(10)])
        pool.append((world.base + low, world.base + low + size - 1))

    def ports() -> Range:
        low = chance.choice([0, 22, 53, 80, 443, 1000, 1024, 8000])
        return (0, 65535) if chance.random() < 0.4 else (low, low + chance.choice([0, 0, 10, 500, 50_000]))

    def rule() -> Flat:
        source, destination = chance.choice(pool), chance.choice(pool)
        narrow = [name for name, span in (("source", source), ("destination", destination)) if span != everything]
        negated = frozenset(name for name in (*narrow, "destination_port") if chance.random() < 0.06)
        source_ports = ports() if chance.random() < 0.3 else (0, 65535)
        return Flat(
            source, destination, chance.choice([6, 6, 17]), source_ports, ports(), negated, chance.random() < 0.8
        )

    return [rule() for _ in range(count)]


def adversarial(chance: random.Random, world: World, pieces: int, hole: bool) -> list[Flat]:
    """A box cut into many pieces at random, and the box itself; with `hole`, one packet of it is left out.

    Every point that is likely to be tried lies in a piece, so that only the exact decision sees the hole.
    """
    box = ((world.base, world.base + 4095), (world.base, world.base + 4095), (0, 65535), (0, 65535))
    parts: list[tuple[Range, ...]] = [box]
    while len(parts) < pieces:
        part = parts.pop(chance.randrange(len(parts)))
        field = chance.randrange(4)
        low, high = part[field]
        if low == high:
            parts.append(part)
            continue
        cut = chance.randint(low, high - 1)
        parts += [(*part[:field], side, *part[field + 1 :]) for side in ((low, cut), (cut + 1, high))]
    if hole:
        at = chance.randrange(len(parts))
        low, high = parts[at][3]
        if low < high:
            parts[at] = (*parts[at][:3], (low, high - 1))
    chance.shuffle(parts)
    return [Flat(a, b, 6, c, d, frozenset(), chance.random() < 0.5) for a, b, c, d in [*parts, box]]


def dead_here(world: World, rules: list[Flat]) -> set[int]:
    found = world.read(rules)
    sets = sets_of(found, PacketFamily.IPV4 if world.bits == 32 else PacketFamily.IPV6)
    numbers = {id(rule): number for number, (_, _, rule) in enumerate(found.rules, 1)}
    fates = [(place, fate) for place, fate in zip(sets.places, sets.fates(), strict=True) if place.rule is not None]
    assert not [fate for _, fate in fates if isinstance(fate, Open)]
    return {numbers[id(place.rule)] for place, fate in fates if isinstance(fate, Dead)}


@pytest.mark.parametrize("world", [IPV4, IPV6], ids=["ipv4", "ipv6"])
@pytest.mark.parametrize("block", range(5))
def test_ordinary_rulesets(world: World, block: int) -> None:
    dead = 0
    for seed in range(46):
        chance = random.Random(f"{block} {seed}")
        rules = ordinary(chance, world, chance.choice([5, 10, 20, 40]))
        expected = Diagrams(world).dead(rules)
        dead += len(expected)
        assert dead_here(world, rules) == expected
    assert dead > 50


@pytest.mark.parametrize("count", [200, 400, 1000])
def test_long_rulesets(count: int) -> None:
    rules = ordinary(random.Random(count), IPV4, count)
    expected = Diagrams(IPV4).dead(rules)
    assert len(expected) > count / 20
    assert dead_here(IPV4, rules) == expected


@pytest.mark.parametrize("world", [IPV4, IPV6], ids=["ipv4", "ipv6"])
@pytest.mark.parametrize("hole", [False, True])
def test_covers_of_many_pieces(world: World, hole: bool) -> None:
    for seed in range(12):
        chance = random.Random(seed)
        rules = adversarial(chance, world, chance.choice([2, 3, 8, 30, 100]), hole)
        expected = Diagrams(world).dead(rules)
        assert len(rules) in expected or hole
        assert dead_here(world, rules) == expected
