"""Whether the conditions of a rule hold for one packet: yes (True), no (False), or not known (None)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..rules import numbers
from ..rules.matches import (
    UNCONNECTED,
    Addresses,
    AddressType,
    AnyOf,
    ConntrackState,
    Fragment,
    Icmp,
    InInterface,
    KnownCondition,
    Mark,
    Match,
    OfFamily,
    OutInterface,
    PacketFamily,
    Ports,
    Protocol,
    SetMembership,
    Side,
    Sometimes,
    TcpFlags,
    Unmodelled,
    fits,
)
from ..rules.packet import Packet
from ..rules.plain import IPSEC, of_extension


def conditions_hold(matches: Sequence[Match], packet: Packet) -> bool | None:
    """Whether all conditions hold together."""
    return _all(holds(match, packet) for match in matches)


def holds(match: Match, packet: Packet) -> bool | None:  # noqa: C901 - one case per kind of condition
    """Whether one condition holds."""
    match match:
        case Addresses():
            return _addresses(match, packet)
        case Ports():
            return _ports(match, packet)
        case Protocol():
            return (packet.protocol in match.numbers) is not match.negated
        case ConntrackState():
            return None if packet.state is None else (packet.state in match.states) is not match.negated
        case InInterface():
            return _interface(packet.in_interface, match.names, match.negated)
        case OutInterface():
            return _interface(packet.out_interface, match.names, match.negated)
        case OfFamily():
            return (packet.family in match.families) is not match.negated
        case Icmp():
            return _icmp(match, packet)
        case TcpFlags():
            return _tcp_flags(match, packet)
        case Fragment():
            return packet.later_fragment is not match.negated
        case Mark():
            return _mark(match, packet)
        case AddressType():
            kind = packet.source_type if match.side is Side.SOURCE else packet.destination_type
            return None if kind is None else (kind in match.types) is not match.negated
        case AnyOf():
            return _any_of(match, packet)
        case KnownCondition() if of_extension(match):
            return False
        case KnownCondition() if match.kind in IPSEC:
            return None if packet.protocol == IPSEC[match.kind] else False
        case SetMembership() | Sometimes() | KnownCondition() | Unmodelled():
            return None


def _all(found: Iterable[bool | None]) -> bool | None:
    answer: bool | None = True
    for one in found:
        if one is False:
            return False
        if one is None:
            answer = None
    return answer


def _turned(answer: bool | None, negated: bool) -> bool | None:
    return answer if answer is None or not negated else not answer


def _addresses(match: Addresses, packet: Packet) -> bool | None:
    address = packet.source if match.side is Side.SOURCE else packet.destination
    if address is None:
        return None
    version = address.version
    inside = any(
        part.low.version == version and int(part.low) <= int(address) <= int(part.high) for part in match.ranges
    )
    return inside is not match.negated


def _interface(name: str | None, names: tuple[str, ...], negated: bool) -> bool | None:
    if name is None:
        return None if names != ("*",) else not negated
    return any(fits(name, pattern) for pattern in names) is not negated


def _ports(match: Ports, packet: Packet) -> bool | None:
    if packet.later_fragment:
        return False
    if not packet.has_ports:
        # nft's `th dport` without a protocol looks at the bytes that would be a port.
        return None
    by_side = {
        Side.SOURCE: (packet.source_port,),
        Side.DESTINATION: (packet.destination_port,),
        None: (packet.source_port, packet.destination_port),
    }
    found = [
        None if port is None else any(part.low <= port <= part.high for part in match.ranges)
        for port in by_side[match.side]
    ]
    inside = True if True in found else None if None in found else False
    return _turned(inside, match.negated)


def _mark(match: Mark, packet: Packet) -> bool | None:
    if match.connection and packet.state in UNCONNECTED:
        return False
    mark = packet.connection_mark if match.connection else packet.mark
    met = None if mark is None else (mark & match.mask == match.value) is not match.negated
    return None if met and match.connection and packet.state is None else met


def _icmp(match: Icmp, packet: Packet) -> bool | None:
    if packet.protocol != (numbers.ICMP if match.family is PacketFamily.IPV4 else numbers.ICMPV6):
        return match.negated
    if packet.later_fragment:
        return False
    if packet.icmp_type is None or packet.icmp_code is None:
        return None
    found = any(
        kind.types.low <= packet.icmp_type <= kind.types.high and kind.codes.low <= packet.icmp_code <= kind.codes.high
        for kind in match.kinds
    )
    return found is not match.negated


def _tcp_flags(match: TcpFlags, packet: Packet) -> bool | None:
    if packet.protocol != numbers.TCP or packet.later_fragment:
        return False
    if packet.tcp_flags is None:
        return None
    return (packet.tcp_flags & match.mask in match.values) is not match.negated


def _any_of(match: AnyOf, packet: Packet) -> bool | None:
    found = [conditions_hold(alternative, packet) for alternative in match.alternatives]
    if packet.later_fragment and match.negated:
        # Whether the kernel gives up on the rule depends on whether a port is part of the concatenation.
        return None
    return _turned(True if True in found else None if None in found else False, match.negated)
