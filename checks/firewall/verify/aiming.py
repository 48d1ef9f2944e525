"""Packets aimed at the bounds of rules: where readers and models go wrong first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address, IPv6Address
from typing import Any, TypeVar

from ..rules import numbers
from ..rules.attachment import branches
from ..rules.matches import (
    Address,
    Addresses,
    AnyOf,
    ConntrackState,
    Icmp,
    InInterface,
    Match,
    OfFamily,
    OutInterface,
    PacketFamily,
    Ports,
    Protocol,
    Side,
    State,
    TcpFlags,
)
from ..rules.packet import NO_INTERFACE, Packet
from ..rules.ruleset import Hook, Jump, Ruleset

Choose = Callable[[int], int]
"""Gives a number from 0 to below its argument; the same sequence gives the same packets."""

ENDS = (Hook.INPUT, Hook.FORWARD, Hook.OUTPUT)
MOST_INTERFACES = 64
_OWN = 40
_LONGEST_NAME = 15
_ALTERNATIVES = 64
"""How many elements of a concatenated set are aimed at."""

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Aim:
    """Values that one rule turns on: bounds of ranges, members of sets. Empty where it does not ask."""

    families: tuple[PacketFamily, ...] = ()
    protocols: tuple[int, ...] = ()
    sources: tuple[Address, ...] = ()
    destinations: tuple[Address, ...] = ()
    source_ports: tuple[int, ...] = ()
    destination_ports: tuple[int, ...] = ()
    icmp_types: tuple[int, ...] = ()
    icmp_codes: tuple[int, ...] = ()
    tcp_flags: tuple[int, ...] = ()
    states: tuple[State, ...] = ()
    in_interfaces: tuple[str, ...] = ()
    out_interfaces: tuple[str, ...] = ()


def interfaces(ruleset: Ruleset) -> tuple[str, ...]:
    """Names that the rules give to interfaces, with one for every pattern; at most `MOST_INTERFACES`."""
    named = (name for aim in aims(ruleset) for name in (*aim.in_interfaces, *aim.out_interfaces))
    return tuple(dict.fromkeys(named))[:MOST_INTERFACES]


def aims(ruleset: Ruleset) -> Iterator[Aim]:
    """What every rule, and every element of its verdict map, turns on.

    For what a rule of a user chain does not ask it is what the rules ask that lead there, on one of the ways.
    """
    for table in ruleset.tables:
        anything = Aim(families=tuple(sorted(table.family.packets)))
        waiting = [(chain, anything) for chain in table.chains if chain.base is not None]
        seen = {chain.name for chain, _ in waiting}
        while waiting:
            chain, way = waiting.pop()
            for rule in chain.rules:
                for matches, verdict in branches(rule):
                    aim = _narrowed(way, matches)
                    yield aim
                    target = table.chain(verdict.chain) if isinstance(verdict, Jump) else None
                    if target is not None and target.name not in seen:
                        seen.add(target.name)
                        waiting.append((target, aim))


def _narrowed(way: Aim, matches: Iterable[Match]) -> Aim:
    found: dict[str, tuple[Any, ...]] = {}
    for match in matches:
        for name, values in _turns_on(match):
            found[name] = found.get(name, ()) + values
    return replace(way, **{name: values for name, values in found.items() if values})


def _turns_on(match: Match) -> Iterator[tuple[str, tuple[Any, ...]]]:  # noqa: C901 - one case per kind of condition
    match match:
        case Addresses():
            side = "sources" if match.side is Side.SOURCE else "destinations"
            yield side, tuple(bound for found in match.ranges for bound in (found.low, found.high))
            yield "families", tuple(dict.fromkeys(found.family for found in match.ranges))
        case Ports():
            bounds = tuple(bound for found in match.ranges for bound in (found.low, found.high))
            if match.side is not Side.DESTINATION:
                yield "source_ports", bounds
            if match.side is not Side.SOURCE:
                yield "destination_ports", bounds
        case Protocol():
            yield "protocols", tuple(sorted(match.numbers))
        case ConntrackState():
            yield "states", tuple(sorted(match.states))
        case Icmp():
            yield "icmp_types", tuple(bound for kind in match.kinds for bound in (kind.types.low, kind.types.high))
            yield "icmp_codes", tuple(bound for kind in match.kinds for bound in (kind.codes.low, kind.codes.high))
        case TcpFlags():
            yield "tcp_flags", tuple(sorted(match.values))
        case InInterface() | OutInterface():
            side = "in_interfaces" if isinstance(match, InInterface) else "out_interfaces"
            yield side, tuple(name.replace("*", "0")[:_LONGEST_NAME] for name in match.names if name != "lo")
        case OfFamily():
            yield "families", tuple(sorted(match.families))
        case AnyOf():
            for alternative in match.alternatives[:_ALTERNATIVES]:
                for one in alternative:
                    yield from _turns_on(one)


def aimed_packets(targets: Iterable[Aim], names: Sequence[str], count: int, choose: Choose) -> Iterator[Packet]:
    """So many packets, each near the bounds of one rule, and for what that does not ask near those of another.

    `names` are the interfaces that there are. The host has some of the addresses that rules name: as destinations while
    it receives, as sources while it sends. Packets are such as connection tracking calls what they say.
    """
    archer = _Archer(list(targets) or [Aim()], tuple(names) or (NO_INTERFACE,), choose)
    for family in PacketFamily:
        archer.settle(family)
    for _ in range(count):
        yield archer.packet()


@dataclass(frozen=True, slots=True)
class _Archer:
    targets: Sequence[Aim]
    names: Sequence[str]
    choose: Choose
    own: dict[Hook, dict[Address, None]] = field(default_factory=lambda: {hook: {} for hook in ENDS})
    """The addresses that the host has while it receives, and while it sends."""

    def settle(self, family: PacketFamily) -> None:
        """Give the host addresses of the family: of those that rules name as destinations, and as sources."""
        for hook, side in ((Hook.INPUT, "destinations"), (Hook.OUTPUT, "sources")):
            for _ in range(_OWN):
                target = _of_family(self._one_of(self.targets), family)
                self.own[hook][self._address(target, target, side, family)] = None

    def packet(self) -> Packet:
        target, other = self._one_of(self.targets), self._one_of(self.targets)
        family = self._one_of(target.families or tuple(PacketFamily))
        one, two = (_of_family(aim, family) for aim in (target, other))

        def near(name: str, most: int, otherwise: Sequence[int], off: int = 30) -> int:
            bounds = getattr(one, name) or getattr(two, name)
            return self._near(bounds, most, off) if bounds else self._one_of(otherwise)

        hook = self._one_of(ENDS)
        protocol = self._one_of(one.protocols or two.protocols or _usual_protocols(one, family))
        more: dict[str, Any] = {}
        if protocol in numbers.WITH_PORTS.values():
            more["source_port"] = near("source_ports", 0xFFFF, (0, 1024, 40000, 0xFFFF))
            more["destination_port"] = near("destination_ports", 0xFFFF, (0, 22, 80, 443, 0xFFFF))
        if protocol == numbers.TCP:
            more["tcp_flags"] = near("tcp_flags", 0x3F, (2, 2, 2, 16, 18, 4), off=10)
        if protocol in (numbers.ICMP, numbers.ICMPV6):
            more["icmp_type"] = near("icmp_types", 0xFF, (8,) if family is PacketFamily.IPV4 else (128,), off=10)
            more["icmp_code"] = near("icmp_codes", 0xFF, (0,), off=10)
        if hook is not Hook.OUTPUT:
            more["in_interface"] = self._one_of(self._there(one.in_interfaces) or self.names)
        if hook is not Hook.INPUT:
            more["out_interface"] = self._one_of(self._there(one.out_interfaces) or self.names)
        ends = [
            self._home(one, name, family, hook) if hook is at_home else self._away(one, two, name, family, hook)
            for name, at_home in (("sources", Hook.OUTPUT), ("destinations", Hook.INPUT))
        ]
        packet = Packet(hook, family, protocol, ends[0], ends[1], **more)
        wished = self._one_of(one.states or (State.NEW, State.NEW, State.NEW, *two.states, State.ESTABLISHED))
        return replace(packet, state=_state(packet, wished))

    def _there(self, wanted: Sequence[str]) -> list[str]:
        return [name for name in wanted if name in self.names]

    def _home(self, one: Aim, name: str, family: PacketFamily, hook: Hook) -> Address:
        """One of the host's addresses, if there is one that the rule names."""
        own = [end for end in self.own[hook] if end.version == (4 if family is PacketFamily.IPV4 else 6)]
        return self._one_of([end for end in own if end in getattr(one, name)] or own)

    def _away(self, one: Aim, two: Aim, name: str, family: PacketFamily, hook: Hook) -> Address:
        """An address that is not the host's."""
        kind = _KINDS[family][2]
        number = int(self._address(one, two, name, family))
        while kind(number) in self.own[hook]:
            number += 1
        return kind(number)

    def _address(self, one: Aim, two: Aim, name: str, family: PacketFamily) -> Address:
        bounds = [int(bound) for bound in getattr(one, name) or getattr(two, name)]
        bits, default, kind = _KINDS[family]
        if not bounds:
            side = 0 if name == "sources" else 1 << (bits // 4)
            return kind(default + side + self.choose(4))
        return kind(self._near(bounds, (1 << bits) - 1, 30))

    def _near(self, bounds: Sequence[int], most: int, off: int) -> int:
        """A bound or a value between two; with `off` percent the one before or behind."""
        value = self._one_of(bounds)
        if len(bounds) > 1 and self.choose(100) < 30:
            low, high = sorted((value, self._one_of(bounds)))
            value = low + self.choose(high - low + 1)
        if self.choose(100) < off:
            value += self._one_of((-1, 1))
        return min(most, max(0, value))

    def _one_of(self, values: Sequence[_T]) -> _T:
        return values[self.choose(len(values))]


_KINDS: dict[PacketFamily, tuple[int, int, Callable[[int], Address]]] = {
    PacketFamily.IPV4: (32, int(IPv4Address("198.18.0.1")), IPv4Address),
    PacketFamily.IPV6: (128, int(IPv6Address("2001:2::1")), IPv6Address),
}
"""Bits, an address of a range for benchmarks (RFC 2544, RFC 5180) for what no rule speaks of, and the type."""


def _of_family(aim: Aim, family: PacketFamily) -> Aim:
    """The aim without the protocols of the other family, and without addresses that no packet of this one has."""
    version = 4 if family is PacketFamily.IPV4 else 6
    foreign = {numbers.ICMPV6} if version == 4 else {numbers.ICMP, *numbers.EXTENSION_HEADERS}
    return replace(
        aim,
        sources=tuple(end for end in aim.sources if end.version == version and _is_of_a_host(end)),
        destinations=tuple(end for end in aim.destinations if end.version == version and _is_of_a_host(end)),
        protocols=tuple(number for number in aim.protocols if number not in foreign),
    )


def _is_of_a_host(end: Address) -> bool:
    return not (end.is_loopback or end.is_multicast or end.is_unspecified or end.is_reserved)


def _usual_protocols(aim: Aim, family: PacketFamily) -> tuple[int, ...]:
    icmp = numbers.ICMP if family is PacketFamily.IPV4 else numbers.ICMPV6
    if aim.icmp_types:
        return (icmp,)
    return (numbers.TCP, numbers.TCP, numbers.TCP, numbers.UDP, numbers.UDP, icmp, numbers.PROTOCOLS["gre"])


_SYN, _RST, _ACK, _BEGINNING = 2, 4, 16, 23
_REQUESTS = {numbers.ICMP: (8, 13, 15, 17), numbers.ICMPV6: (128,)}
_REPLIES = {numbers.ICMP: (0, 14, 16, 18), numbers.ICMPV6: (129,)}
_NEVER_TRACKED = (*range(130, 137), 143, 151, 152)
_WITH_CHECKSUM = (numbers.TCP, numbers.UDP, numbers.ICMP, numbers.ICMPV6)


def _state(packet: Packet, wished: State) -> State:
    """The state wished for where packets of the kind can be in it, else one that they are in by themselves."""
    flags = packet.tcp_flags or 0
    if packet.protocol == numbers.ICMPV6 and packet.icmp_type in _NEVER_TRACKED:
        return State.UNTRACKED
    if packet.protocol == numbers.TCP:
        begins, belongs = flags & _BEGINNING in (_SYN, _ACK), flags & (_SYN | _RST | _ACK) == _ACK
    elif packet.protocol in _REQUESTS:
        begins = packet.icmp_type in _REQUESTS[packet.protocol]
        belongs = begins or packet.icmp_type in _REPLIES[packet.protocol]
    else:
        begins, belongs = True, packet.protocol == numbers.UDP
    alone = State.NEW if begins else State.INVALID
    if wished is State.UNTRACKED or (wished is State.ESTABLISHED and belongs):
        return wished
    if wished is State.INVALID and packet.hook is not Hook.OUTPUT and packet.protocol in _WITH_CHECKSUM:
        return wished
    return alone
