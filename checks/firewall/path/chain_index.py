"""The rules of a long chain that a packet may meet, found without looking at each of them.

For source, destination, destination port and protocol the values are cut into slices, and each slice has a set of bits
that says which rules take any value of it. The sets of a packet's slices, joined by AND, leave few rules to look at.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ..rules.matches import Addresses, Match, PacketFamily, Ports, Protocol, Side
from ..rules.packet import Packet
from ..rules.ruleset import Chain, Rewrite, Rule

SHORT = 64
"""Chains up to this length are read from end to end."""

SLICES = 1024
"""Slices per field: what a rule's bit costs is bounded, and neighbours that share a slice are told apart later."""

_Span = tuple[int, int]
_Reader = Callable[[Match], "list[_Span] | None"]


@dataclass(frozen=True, slots=True)
class _Slices:
    """Where slices begin, and the rules that each slice lets through."""

    starts: list[int]
    rules: list[int]

    def at(self, value: int) -> int:
        return self.rules[bisect_right(self.starts, value) - 1]


class ChainIndex:
    """Finds the rules of a chain that a packet may meet, in order."""

    def __init__(self, chain: Chain) -> None:
        self._rules = chain.rules
        # A rule that rewrites addresses makes what was looked up before worthless.
        rewrites = any(isinstance(part, Rewrite) for rule in chain.rules for part in rule.statements)
        self._whole = len(chain.rules) <= SHORT or rewrites
        self._all = (1 << len(chain.rules)) - 1
        self._slices: dict[str, _Slices] = {}

    def candidates(self, packet: Packet) -> Iterator[Rule]:
        """The rules that the packet may meet, and perhaps others."""
        if self._whole:
            yield from self._rules
            return
        left = self._all
        for name, value in _values(packet):
            if value is not None:
                left &= self._field(name, packet.family).at(value)
        while left:
            lowest = left & -left
            yield self._rules[lowest.bit_length() - 1]
            left ^= lowest

    def _field(self, name: str, family: PacketFamily) -> _Slices:
        key = f"{name} {family}"
        if key not in self._slices:
            self._slices[key] = _slices(self._rules, _reader(name, family))
        return self._slices[key]


def _values(packet: Packet) -> Iterator[tuple[str, int | None]]:
    yield "destination", None if packet.destination is None else int(packet.destination)
    yield "source", None if packet.source is None else int(packet.source)
    yield "port", packet.destination_port if packet.has_ports and not packet.later_fragment else None
    yield "protocol", packet.protocol


def _reader(name: str, family: PacketFamily) -> _Reader:
    """Reads the spans that a condition allows for a field; None when it is not about the field."""
    side = {"source": Side.SOURCE, "destination": Side.DESTINATION, "port": Side.DESTINATION}.get(name)

    def addresses(match: Match) -> list[_Span] | None:
        if isinstance(match, Addresses) and match.side is side and not match.negated:
            return [(int(part.low), int(part.high)) for part in match.ranges if part.family is family]
        return None

    def ports(match: Match) -> list[_Span] | None:
        if isinstance(match, Ports) and match.side is side and not match.negated:
            return [(part.low, part.high) for part in match.ranges]
        return None

    def protocols(match: Match) -> list[_Span] | None:
        if isinstance(match, Protocol) and not match.negated:
            return [(number, number) for number in match.numbers]
        return None

    return {"port": ports, "protocol": protocols}.get(name, addresses)


def _slices(rules: tuple[Rule, ...], read: _Reader) -> _Slices:
    allowed = [_spans(rule, read) for rule in rules]
    ends = sorted({end for spans in allowed if spans for low, high in spans for end in (low, high + 1)} | {0})
    starts = ends[:: -(-len(ends) // SLICES)]
    sets = [bytearray((len(rules) >> 3) + 1) for _ in starts]
    everywhere = 0
    for number, spans in enumerate(allowed):
        if spans is None:
            everywhere |= 1 << number
            continue
        for low, high in spans:
            for at in range(bisect_right(starts, low) - 1, bisect_right(starts, high)):
                sets[at][number >> 3] |= 1 << (number & 7)
    return _Slices(starts, [int.from_bytes(bits, "little") | everywhere for bits in sets])


def _spans(rule: Rule, read: _Reader) -> list[_Span] | None:
    """What the first condition of the rule about the field allows."""
    return next((spans for spans in map(read, rule.before_change) if spans is not None), None)
