"""What a rule asks of a packet: typed conditions, and honest stand-ins for those that are not modelled.

All conditions of a rule must hold. A condition with `negated` holds for exactly the packets that the plain one does
not. Conditions of four kinds say less than the exact set of packets, and whoever computes with them must treat them
so: `Sometimes` (independent of the packet), `KnownCondition` (narrower than everything), `SetMembership` (a set whose
elements are not known) and `Unmodelled` (anything at all).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

Address = IPv4Address | IPv6Address


class NotUnderstoodError(Exception):
    """A part of a rule is not in the syntax that the reader knows; the text says why."""


class PacketFamily(StrEnum):
    """The network protocol of a packet."""

    IPV4 = "ipv4"
    IPV6 = "ipv6"

    @property
    def label(self) -> str:
        """The name as people write it."""
        return "IPv4" if self is PacketFamily.IPV4 else "IPv6"


class State(StrEnum):
    """Connection tracking states; a packet has exactly one. See `ct state` in nft(8)."""

    NEW = "new"
    ESTABLISHED = "established"
    RELATED = "related"
    INVALID = "invalid"
    UNTRACKED = "untracked"


UNCONNECTED = frozenset({State.INVALID, State.UNTRACKED})
"""States of packets without a connection: conditions on one never hold for them, negated or not (nft_ct_get_eval in
net/netfilter/nft_ct.c, connmark_mt in xt_connmark.c, conntrack_mt in xt_conntrack.c)."""


class Side(StrEnum):
    """Which end of a packet a condition is about."""

    SOURCE = "source"
    DESTINATION = "destination"


@dataclass(frozen=True, slots=True)
class AddressRange:
    """Addresses from `low` to `high`, both included and of the same version."""

    low: Address
    high: Address

    @classmethod
    def of(cls, network: IPv4Network | IPv6Network) -> AddressRange:
        """All addresses of a network."""
        return cls(network.network_address, network.broadcast_address)

    @property
    def family(self) -> PacketFamily:
        """The version of the addresses."""
        return PacketFamily.IPV4 if self.low.version == 4 else PacketFamily.IPV6

    def __str__(self) -> str:
        size = int(self.high) - int(self.low) + 1
        if size & (size - 1) == 0 and int(self.low) % size == 0:
            return f"{self.low}/{self.low.max_prefixlen - size.bit_length() + 1}"
        return f"{self.low}-{self.high}"


@dataclass(frozen=True, slots=True)
class NumberRange:
    """Numbers from `low` to `high`, both included: ports, ICMP types, ICMP codes."""

    low: int
    high: int


BYTE = NumberRange(0, 255)
PORTS = NumberRange(0, 65535)


@dataclass(frozen=True, slots=True)
class InInterface:
    """The packet came in through one of the interfaces; a final `*` stands for any rest of the name."""

    names: tuple[str, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class OutInterface:
    """The packet leaves through one of the interfaces; a final `*` stands for any rest of the name."""

    names: tuple[str, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Addresses:
    """The source or destination address lies in one of the ranges; without ranges nothing matches."""

    side: Side
    ranges: tuple[AddressRange, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class OfFamily:
    """The packet is of one of the network protocols."""

    families: frozenset[PacketFamily]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Protocol:
    """The transport protocol is one of the IANA protocol numbers (behind all IPv6 extension headers)."""

    numbers: frozenset[int]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Ports:
    """The source or destination port (`side` None: either) lies in one of the ranges.

    Holds for protocols with ports only, negated or not; readers put the `Protocol` beside it where the syntax names it.
    """

    side: Side | None
    ranges: tuple[NumberRange, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class ConntrackState:
    """The packet's connection tracking state is one of `states`."""

    states: frozenset[State]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class IcmpKind:
    """A rectangle of ICMP types and codes."""

    types: NumberRange
    codes: NumberRange = BYTE


@dataclass(frozen=True, slots=True)
class Icmp:
    """The ICMP message is of one of the kinds; `family` says whether ICMP or ICMPv6 numbers are meant."""

    family: PacketFamily
    kinds: tuple[IcmpKind, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class TcpFlags:
    """The TCP flags under `mask` are one of `values` (bits FIN 1, SYN 2, RST 4, PSH 8, ACK 16, URG 32)."""

    mask: int
    values: frozenset[int]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Fragment:
    """The packet is the second or a later fragment (`negated`: a whole packet or the first one)."""

    negated: bool = False


@dataclass(frozen=True, slots=True)
class Mark:
    """The packet's mark (`connection`: the connection's) under `mask` equals `value`."""

    value: int
    mask: int
    connection: bool = False
    negated: bool = False


@dataclass(frozen=True, slots=True)
class AddressType:
    """The routing table calls the address one of `types` (lower case: `local`, `broadcast`, `multicast`, …)."""

    side: Side
    types: frozenset[str]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class AnyOf:
    """One of the alternatives holds; an alternative holds when all its conditions do. From concatenated sets."""

    alternatives: tuple[tuple[Match, ...], ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class SetMembership:
    """The packet's fields (`src`, `dst` in the set's order) are in a set whose elements are not known, and why."""

    name: str
    fields: tuple[str, ...]
    negated: bool = False
    why: str = "the elements of the set are not known"


@dataclass(frozen=True, slots=True)
class Sometimes:
    """Holds now and then whatever the packet is like: rate limits, chance, time of day."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class KnownCondition:
    """A real restriction on the packet or its sender whose exact set is not modelled; never holds for everything."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Unmodelled:
    """Not understood: it may hold for every packet, for some or for none."""

    text: str
    why: str


Match = (
    InInterface
    | OutInterface
    | Addresses
    | OfFamily
    | Protocol
    | Ports
    | ConntrackState
    | Icmp
    | TcpFlags
    | Fragment
    | Mark
    | AddressType
    | AnyOf
    | SetMembership
    | Sometimes
    | KnownCondition
    | Unmodelled
)
"""Any condition of a rule."""


def fits(name: str, pattern: str) -> bool:
    """Whether an interface has a name, or one that begins like a pattern that ends in `*`."""
    return name.startswith(pattern[:-1]) if pattern.endswith("*") else name == pattern
