"""Which packets can be shown to the kernel as they are described, and why the others cannot."""

from __future__ import annotations

from collections.abc import Collection

from secaudit.model.packet import ICMP, ICMPV6, TCP, UDP, Direction, Packet, Tracking
from secaudit.verification.namespaces import LOOPBACK

_FIN, _SYN, _RST, _PSH, _ACK, _URG = 1, 2, 4, 8, 16, 32
_REQUESTS = {ICMP: {8, 13, 15, 17}, ICMPV6: {128}}
_UNTRACKED_ICMPV6 = {*range(130, 137), 143, 151, 152}
"""Multicast listener, neighbour and multicast router discovery messages; older kernels call the last two invalid."""
_REPLIES = {ICMP: {0, 14, 16, 18}, ICMPV6: {129}}
# The last address that belongs to no host, the loopback addresses, and the first that belongs to several or is reserved
# (RFC 6890; ip_route_input_slow() and ip6_forward() refuse them).
_V4 = 0x00FFFFFF, (0x7F000000, 0x7FFFFFFF), 0xE0000000
_V6 = 0, (1, 1), 0xFF << 120
_LINK_LOCAL = 0xFE80 >> 6
_HEADERS = {0, 43, 44, 51, 60}
"""Extension headers, which the kernel looks behind for the protocol (RFC 8200; ipv6_ext_hdr() in exthdrs_core.c)."""


def naturally_untracked(packet: Packet) -> bool:
    """Whether connection tracking leaves the packet alone: nf_conntrack_proto_icmpv6.c, `noct_valid_new`."""
    return packet.protocol == ICMPV6 and packet.icmp_type in _UNTRACKED_ICMPV6


def naturally_invalid(packet: Packet) -> bool:
    """Whether connection tracking calls the packet invalid when it belongs to no connection.

    nf_conntrack_proto_tcp.c: only SYN and ACK may begin one (`nf_conntrack_tcp_loose`); nf_conntrack_proto_icmp.c and
    nf_conntrack_proto_icmpv6.c: only requests.
    """
    if packet.protocol == TCP:
        return packet.tcp_flags & (_FIN | _SYN | _RST | _ACK) not in (_SYN, _ACK)
    if packet.protocol in _REQUESTS:
        return packet.icmp_type not in _REQUESTS[packet.protocol] and not naturally_untracked(packet)
    return False


def why_not(packet: Packet, interfaces: Collection[str]) -> str | None:
    """Why the packet cannot be sent as it is described; None when it can."""
    return _numbers(packet) or _interfaces(packet, interfaces) or _addresses(packet) or _state(packet)


def _interfaces(packet: Packet, interfaces: Collection[str]) -> str | None:
    named = {
        Direction.INPUT: (packet.in_interface,),
        Direction.FORWARD: (packet.in_interface, packet.out_interface),
        Direction.OUTPUT: (packet.out_interface,),
    }[packet.hook]
    missing = [name for name in named if name not in ("", LOOPBACK, *interfaces)]
    if missing:
        return f"there is no interface {missing[0]!r}"
    if packet.hook is Direction.FORWARD and LOOPBACK in named:
        return "nothing is forwarded over the loopback interface"
    return None


def _addresses(packet: Packet) -> str | None:
    source, destination = int(packet.source), int(packet.destination)
    unspecified, loopback, multicast = _V4 if packet.version == 4 else _V6
    over_loopback = LOOPBACK in (packet.in_interface, packet.out_interface)
    for number, address in ((source, packet.source), (destination, packet.destination)):
        if number <= unspecified:
            return f"{address} belongs to no host"
        if number >= multicast:
            return f"{address} does not belong to one host"
        if loopback[0] <= number <= loopback[1] and not over_loopback:
            return f"the kernel refuses {address} outside of the loopback interface"
        if packet.version == 6 and packet.hook is Direction.FORWARD and number >> 118 == _LINK_LOCAL:
            return f"{address} is not forwarded"
    return None


def _numbers(packet: Packet) -> str | None:
    octets = (packet.protocol, packet.icmp_type, packet.icmp_code, packet.tcp_flags)
    if not all(0 <= octet <= 255 for octet in octets) or not all(
        0 <= port <= 65535 for port in (packet.source_port, packet.destination_port)
    ):
        return "a number is out of range"
    if packet.version == 6 and packet.protocol in _HEADERS:
        return "in IPv6 this is a header before the transport protocol, not the protocol"
    return None


def _state(packet: Packet) -> str | None:
    invalid = naturally_invalid(packet)
    if naturally_untracked(packet) and packet.state is not Tracking.UNTRACKED:
        return "connection tracking leaves it untracked"
    match packet.state:
        case Tracking.NEW if invalid:
            return "connection tracking calls it invalid"
        case Tracking.ESTABLISHED if packet.protocol == TCP and (packet.tcp_flags & (_SYN | _RST | _ACK)) != _ACK:
            return "it would change the connection that it belongs to"
        case Tracking.ESTABLISHED if packet.protocol in _REQUESTS and packet.icmp_type not in (
            _REQUESTS[packet.protocol] | _REPLIES[packet.protocol]
        ):
            return "ICMP messages of this type belong to no connection"
        case Tracking.ESTABLISHED if packet.protocol not in (TCP, UDP, ICMP, ICMPV6):
            return "connections of this protocol are not made here"
        case Tracking.INVALID if not invalid and (
            packet.hook is Direction.OUTPUT or packet.protocol not in (TCP, UDP, ICMP, ICMPV6)
        ):
            return "connection tracking would not call it invalid"
        case Tracking.RELATED:
            return "related connections are not made here"
        case _:
            return None
