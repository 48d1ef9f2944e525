"""Sets of ipset by chance, and conditions on them: hashes of addresses, networks and ports, and lists of sets."""

from __future__ import annotations

import random
from dataclasses import dataclass

from tests.kernel.conditions import Aims, Condition, address, shown

_PORTS = (22, 53, 80, 443, 1024, 8080)
_SIDES = {"src": ("source", "source_port"), "dst": ("destination", "destination_port")}


@dataclass(frozen=True)
class GeneratedSet:
    """A set: its lines, how many dimensions it has, and the values of its elements: addresses, then ports."""

    name: str
    lines: tuple[str, ...]
    kinds: tuple[str, ...]
    values: tuple[tuple[int, ...], ...]
    protocols: tuple[int, ...] = ()

    def condition(self, chance: random.Random) -> Condition:
        """A `-m set` that asks for it, by chance with the wrong sides or one too few."""
        sides = [chance.choice(("src", "dst")) for _ in self.kinds]
        if len(sides) > 1 and chance.random() < 0.05:
            sides.pop()
        aims: Aims = {}
        for side, kind, values in zip(sides, self.kinds, self.values, strict=False):
            name = _SIDES[side][kind == "port"]
            aims[name] = aims.get(name, []) + list(values)
        if self.protocols:
            aims["protocol"] = list(self.protocols)
        negation = "! " if chance.random() < 0.25 else ""
        return Condition(f"-m set {negation}--match-set {self.name} {','.join(sides)}", aims)


def generated_sets(chance: random.Random, version: int) -> list[GeneratedSet]:
    """A few sets of one family; the last may be a list of those before."""
    made = [_one(chance, version, f"v{version}s{number}") for number in range(chance.randint(1, 3))]
    if chance.random() < 0.3:
        name = f"v{version}all"
        lines = (f"create {name} list:set size 8", *(f"add {name} {one.name}" for one in made))
        widest = max(made, key=lambda one: len(one.kinds))
        made.append(GeneratedSet(name, lines, widest.kinds, widest.values, widest.protocols))
    return made


def _one(chance: random.Random, version: int, name: str) -> GeneratedSet:
    family = "inet" if version == 4 else "inet6"
    kinds = chance.choice(
        [("ip",), ("net",), ("net",), ("port",), ("ip", "port"), ("net", "port"), ("ip", "port", "net")]
    )
    head = f"create {name} bitmap:port range 0-65535" if kinds == ("port",) else f"create {name} hash:{','.join(kinds)}"
    lines = [head if kinds == ("port",) else f"{head} family {family}"]
    values: list[list[int]] = [[] for _ in kinds]
    protocols: set[int] = set()
    written: set[str] = set()
    for _ in range(chance.randint(1, 8)):
        words = []
        for place, kind in enumerate(kinds):
            text, bounds, number = _part(chance, version, kind, alone=kinds == ("port",))
            words.append(text)
            values[place] += bounds
            protocols |= {number} if number else set()
        element = ",".join(words)
        if element in written:
            continue
        written.add(element)
        exception = " nomatch" if "net" in kinds and chance.random() < 0.2 else ""
        lines.append(f"add {name} {element}{exception}")
    return GeneratedSet(name, tuple(lines), kinds, tuple(map(tuple, values)), tuple(sorted(protocols)))


def _part(chance: random.Random, version: int, kind: str, *, alone: bool) -> tuple[str, list[int], int]:
    """An element's part, its bounds, and the protocol it is about (0: none)."""
    if kind == "port":
        port = chance.choice(_PORTS)
        if alone:
            return str(port), [port], 0
        protocol, number = chance.choice([("tcp", 6), ("udp", 17)])
        return f"{protocol}:{port}", [port], number
    at = address(chance, version, chance.choice(("source", "destination")))
    if kind == "ip":
        return shown(at, version), [at], 0
    longest = 32 if version == 4 else 128
    length = chance.choice([longest, longest - 1, longest - 7, longest - 8, longest - 16])
    low = at >> (longest - length) << (longest - length)
    return f"{shown(low, version)}/{length}", [low, low | ((1 << (longest - length)) - 1)], 0
