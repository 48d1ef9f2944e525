"""What the integers of a packet set's fields stand for, for the packets of one family on one hook.

Addresses, ports, protocols and ICMP kinds (type × 256 + code) are their own numbers. Interfaces, states, TCP flags,
marks and address types are numbered: values that no condition tells apart share a number.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from itertools import chain, count

from ..rules import numbers
from ..rules.matches import (
    AddressType,
    AnyOf,
    Fragment,
    InInterface,
    Mark,
    Match,
    OutInterface,
    PacketFamily,
    State,
    TcpFlags,
)
from ..rules.packet import NO_INTERFACE, PORT_PROTOCOLS, Packet
from ..rules.ruleset import Hook
from .addresses import last_address
from .regions import Field, Region, Runs, runs

MARK_BITS = 12
"""Marks are told apart bit by bit; with more bits than these that conditions ask for, marks are not modelled."""

STATES = tuple(State)
ADDRESS_TYPES = (
    "unicast",
    "local",
    "broadcast",
    "multicast",
    "anycast",
    "blackhole",
    "unreachable",
    "prohibit",
    "throw",
    "nat",
    "xresolve",
    "unspec",
)
"""Route types of rtnetlink(7), the most usual one first."""

_WHOLE, _LATER = 0, 1


@dataclass(frozen=True, slots=True)
class Universe:
    """All packets of a family on a hook that the conditions of a ruleset tell apart.

    `marks` and `connection_marks` are empty where they are not modelled.
    """

    family: PacketFamily
    hook: Hook
    interfaces: tuple[str, ...]
    tcp_flags: tuple[int, ...]
    marks: tuple[int, ...]
    connection_marks: tuple[int, ...]
    address_types: tuple[str, ...]
    fragments: bool

    @property
    def last(self) -> Mapping[Field, int]:
        """The last value of each field."""
        return {
            Field.SOURCE: last_address(self.family),
            Field.DESTINATION: last_address(self.family),
            Field.DESTINATION_PORT: 65535,
            Field.SOURCE_PORT: 65535,
            Field.PROTOCOL: 255,
            Field.IN_INTERFACE: len(self.interfaces) - 1,
            Field.OUT_INTERFACE: len(self.interfaces) - 1,
            Field.STATE: len(STATES) - 1,
            Field.ICMP: 65535,
            Field.TCP_FLAGS: len(self.tcp_flags) - 1,
            Field.MARK: max(len(self.marks) - 1, 0),
            Field.CONNECTION_MARK: max(len(self.connection_marks) - 1, 0),
            Field.SOURCE_TYPE: len(self.address_types) - 1,
            Field.DESTINATION_TYPE: len(self.address_types) - 1,
            Field.FRAGMENT: _LATER,
        }

    @property
    def packets(self) -> Region:
        """The packets that there are on the hook: those that come in have no outgoing interface yet, and so on."""
        some = tuple(runs((at, at) for at, name in enumerate(self.interfaces) if name != NO_INTERFACE))
        none = tuple(runs((at, at) for at, name in enumerate(self.interfaces) if name == NO_INTERFACE))
        has = {
            Hook.INGRESS: (some, none),
            Hook.PREROUTING: (some, none),
            Hook.INPUT: (some, none),
            Hook.FORWARD: (some, some),
            Hook.OUTPUT: (none, some),
        }
        found: dict[Field, Runs] = {}
        if self.hook in has:
            found[Field.IN_INTERFACE], found[Field.OUT_INTERFACE] = has[self.hook]
        if not self.fragments:
            found[Field.FRAGMENT] = ((_WHOLE, _WHOLE),)
        return found

    def packet(self, point: Mapping[Field, int]) -> Packet:
        """The packet at a point that has a value for every field."""
        protocol = point[Field.PROTOCOL]
        ports = protocol in PORT_PROTOCOLS and point[Field.FRAGMENT] == _WHOLE
        icmp = protocol in (numbers.ICMP, numbers.ICMPV6) and point[Field.FRAGMENT] == _WHOLE
        address = IPv4Address if self.family is PacketFamily.IPV4 else IPv6Address
        ways = {Hook.OUTPUT: Hook.OUTPUT, Hook.FORWARD: Hook.FORWARD, Hook.POSTROUTING: Hook.FORWARD}
        return Packet(
            hook=ways.get(self.hook, Hook.INPUT),
            family=self.family,
            protocol=protocol,
            source=address(point[Field.SOURCE]),
            destination=address(point[Field.DESTINATION]),
            source_port=point[Field.SOURCE_PORT] if ports else None,
            destination_port=point[Field.DESTINATION_PORT] if ports else None,
            in_interface=self.interfaces[point[Field.IN_INTERFACE]],
            out_interface=self.interfaces[point[Field.OUT_INTERFACE]],
            state=STATES[point[Field.STATE]],
            icmp_type=point[Field.ICMP] >> 8 if icmp else None,
            icmp_code=point[Field.ICMP] & 0xFF if icmp else None,
            tcp_flags=self.tcp_flags[point[Field.TCP_FLAGS]] if ports and protocol == numbers.TCP else None,
            mark=self.marks[point[Field.MARK]] if self.marks else None,
            connection_mark=self.connection_marks[point[Field.CONNECTION_MARK]] if self.connection_marks else None,
            later_fragment=point[Field.FRAGMENT] == _LATER,
            source_type=self.address_types[point[Field.SOURCE_TYPE]],
            destination_type=self.address_types[point[Field.DESTINATION_TYPE]],
        )

    def usual(self, field: Field) -> tuple[int, ...]:
        """Values that make a packet look like one that people know, the best first."""
        v4 = self.family is PacketFamily.IPV4
        return {
            Field.SOURCE: (0xC6336407, 0x0A000001) if v4 else (0x20010DB8 << 96 | 7,),
            Field.DESTINATION: (0xC0000201, 0x0A000002) if v4 else (0x20010DB8 << 96 | 1,),
            Field.DESTINATION_PORT: (443, 22, 53),
            Field.SOURCE_PORT: (40000, 1024),
            Field.PROTOCOL: (numbers.TCP, numbers.UDP, numbers.ICMP if v4 else numbers.ICMPV6),
            Field.ICMP: ((8 if v4 else 128) << 8,),
            Field.STATE: (STATES.index(State.NEW),),
            Field.TCP_FLAGS: tuple(at for at, bits in enumerate(self.tcp_flags) if bits == numbers.TCP_FLAGS["syn"]),
            Field.MARK: tuple(at for at, mark in enumerate(self.marks) if mark == 0),
            Field.CONNECTION_MARK: tuple(at for at, mark in enumerate(self.connection_marks) if mark == 0),
            Field.DESTINATION_TYPE: (self.address_types.index("local"),) if self.hook is Hook.INPUT else (0,),
            Field.SOURCE_TYPE: (self.address_types.index("local"),) if self.hook is Hook.OUTPUT else (0,),
        }.get(field, ())


def universe(family: PacketFamily, hook: Hook, matches: Iterable[Match], *, tracked: bool) -> Universe:
    """The universe in which all the conditions can be said.

    `tracked` says that connections are tracked, so that fragments are put together before any rule sees them
    (nf_defrag_ipv4, nf_defrag_ipv6), unless a condition asks for fragments.
    """
    flat = list(flattened(matches))
    marks = [match for match in flat if isinstance(match, Mark)]
    types = {name for match in flat if isinstance(match, AddressType) for name in match.types}
    return Universe(
        family,
        hook,
        _interfaces({name for match in flat if isinstance(match, InInterface | OutInterface) for name in match.names}),
        _classes(range(256), [match for match in flat if isinstance(match, TcpFlags)]),
        _marks([match for match in marks if not match.connection]),
        _marks([match for match in marks if match.connection]),
        (*ADDRESS_TYPES, *sorted(types - set(ADDRESS_TYPES))),
        not tracked or any(isinstance(match, Fragment) for match in flat),
    )


def flattened(matches: Iterable[Match]) -> Iterator[Match]:
    """All conditions, those of alternatives in their place."""
    for match in matches:
        if isinstance(match, AnyOf):
            for alternative in match.alternatives:
                yield from flattened(alternative)
        else:
            yield match


def _interfaces(patterns: set[str]) -> tuple[str, ...]:
    """Names in alphabetical order, so that those with a common beginning stand together.

    For each pattern there is a name that fits no longer pattern, and one more name that fits none.
    """
    names = {NO_INTERFACE} | {pattern for pattern in patterns if not pattern.endswith("*")}
    for pattern in sorted(patterns - names | {"if*"}):
        names.add(_unheard(pattern[:-1], patterns, names))
    return tuple(sorted(names))


def _unheard(prefix: str, patterns: set[str], names: set[str]) -> str:
    """The prefix with one more character, so that the name is none of `names` and fits no longer pattern."""
    taken = {pattern[len(prefix)] for pattern in patterns | names if pattern[: len(prefix)] == prefix != pattern}
    first = (character for character in "0123456789abcdefghijklmnopqrstuvwxyz" if character not in taken)
    others = (chr(code) for code in count(ord("{")) if chr(code) not in taken)
    return prefix + next(chain(first, others))


def _classes(values: range, matches: list[TcpFlags]) -> tuple[int, ...]:
    """One value for each class that the conditions tell apart, alike ones side by side; SYN stands for its class."""
    found: dict[tuple[bool, ...], int] = {}
    for value in (2, 16, 18, *values):
        found.setdefault(tuple(value & match.mask in match.values for match in matches), value)
    return tuple(found[answers] for answers in sorted(found))


def _marks(matches: list[Mark]) -> tuple[int, ...]:
    """One mark for each class that the conditions tell apart; none when there are too many to try.

    Conditions on the widest mask ask for single values; the others look at few bits, of which all values are tried.
    """
    asked_for = sorted({(match.mask, match.value) for match in matches})
    widest = max((mask for mask, _ in asked_for), key=int.bit_count, default=0)
    others = 0
    for mask, _ in asked_for:
        others |= mask if mask != widest else 0
    if others & ~widest or others.bit_count() > MARK_BITS:
        return ()
    values = {value for mask, value in asked_for if mask == widest and value & widest == value}
    tried = [*_submasks(others), *sorted(values)]
    tried += [_other(part, widest & ~others, values) for part in _submasks(others)]
    found: dict[tuple[bool, ...], int] = {}
    for mark in tried:
        found.setdefault(tuple(mark & mask == value for mask, value in asked_for), mark)
    return tuple(found[answers] for answers in sorted(found))


def _other(part: int, free: int, values: set[int]) -> int:
    """A mark with the bits of `part` that is none of the values, if bits in `free` can make one."""
    return next((part | bits for bits in _submasks(free) if part | bits not in values), part)


def _submasks(bits: int) -> Iterator[int]:
    """All numbers that have no other bits, from 0 upwards."""
    found = 0
    while True:
        yield found
        found = (found - bits) & bits
        if not found:
            return
