"""Connections that connection tracking is told about: linux/netfilter/nfnetlink_conntrack.h."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable

from secaudit.probe.netlink import ACK, CREATE, NETFILTER, ask, attribute, message, nested
from secaudit.probe.protocol import Wording

_NEW, _DELETE = 1 << 8, 1 << 8 | 2
_TUPLE_ORIGINAL, _TUPLE_REPLY, _STATUS, _PROTOINFO, _TIMEOUT = 1, 2, 3, 4, 7
_TUPLE_IP, _TUPLE_PROTO = 1, 2
_SEEN_REPLY, _ASSURED, _CONFIRMED = 2, 4, 8
_PROTO_NUM, _SOURCE_PORT, _DESTINATION_PORT = 1, 2, 3
_PROTOINFO_TCP, _TCP_STATE, _TCP_FLAGS_ORIGINAL, _TCP_FLAGS_REPLY = 1, 1, 4, 5
_TCP_ESTABLISHED, _TCP_BE_LIBERAL = 3, 8
_SECONDS = 600

_ICMP, _ICMPV6, _TCP = 1, 58, 6
_ICMP_ATTRIBUTES = {_ICMP: (4, 5, 6), _ICMPV6: (7, 8, 9)}
"""Numbers of the attributes for identifier, type and code."""
_ICMP_PAIRS = {_ICMP: ((8, 0), (13, 14), (15, 16), (17, 18)), _ICMPV6: ((128, 129),)}
"""Requests and their replies that connection tracking knows."""


def connect(packets: Iterable[Wording]) -> None:
    """Let the thread's namespace know, for every packet, an established connection in which it is a reply.

    An ICMP request belongs to a connection that it began itself. Raises OSError, and ValueError for an ICMP message
    that cannot belong to a connection.
    """
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETFILTER) as link:
        link.bind((0, 0))
        for packet in set(packets):
            version = socket.AF_INET if len(packet.source) == 8 else socket.AF_INET6
            try:
                ask(link, message(_NEW, ACK | CREATE, version, 0, _connection(packet)))
            except FileExistsError:
                continue


def disconnect() -> None:
    """Let the thread's namespace forget every connection."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETFILTER) as link:
        link.bind((0, 0))
        ask(link, message(_DELETE, ACK, socket.AF_UNSPEC, 0, b""))


def _connection(packet: Wording) -> bytes:
    there, back = _ends(packet)
    protocol = b""
    if packet.protocol == _TCP:
        liberal = struct.pack("BB", _TCP_BE_LIBERAL, _TCP_BE_LIBERAL)
        protocol = nested(
            _PROTOINFO,
            nested(
                _PROTOINFO_TCP,
                attribute(_TCP_STATE, struct.pack("B", _TCP_ESTABLISHED)),
                attribute(_TCP_FLAGS_ORIGINAL, liberal),
                attribute(_TCP_FLAGS_REPLY, liberal),
            ),
        )
    return b"".join(
        (
            nested(_TUPLE_ORIGINAL, *there),
            nested(_TUPLE_REPLY, *back),
            attribute(_STATUS, struct.pack(">I", _SEEN_REPLY | _ASSURED | _CONFIRMED)),
            attribute(_TIMEOUT, struct.pack(">I", _SECONDS)),
            protocol,
        )
    )


def _ends(packet: Wording) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
    """The tuples of the connection's original direction and of its replies."""
    if packet.protocol not in _ICMP_ATTRIBUTES:
        ports = (packet.source_port, packet.destination_port)
        mine = _tuple(packet.source, packet.destination, packet.protocol, _ports(*ports))
        other = _tuple(packet.destination, packet.source, packet.protocol, _ports(*reversed(ports)))
        return other, mine
    for request, reply in _ICMP_PAIRS[packet.protocol]:
        if packet.icmp_type in (request, reply):
            answered = reply if packet.icmp_type == request else request
            mine = _tuple(packet.source, packet.destination, packet.protocol, _icmp(packet, packet.icmp_type))
            other = _tuple(packet.destination, packet.source, packet.protocol, _icmp(packet, answered))
            return (mine, other) if packet.icmp_type == request else (other, mine)
    raise ValueError(f"ICMP type {packet.icmp_type} belongs to no connection")


def _tuple(source: str, destination: str, protocol: int, details: tuple[bytes, ...]) -> tuple[bytes, ...]:
    kinds = (1, 2) if len(source) == 8 else (3, 4)
    ends = zip(kinds, (source, destination), strict=True)
    addresses = (attribute(kind, bytes.fromhex(text)) for kind, text in ends)
    number = attribute(_PROTO_NUM, struct.pack("B", protocol))
    return nested(_TUPLE_IP, *addresses), nested(_TUPLE_PROTO, number, *details)


def _ports(source: int, destination: int) -> tuple[bytes, ...]:
    return (
        attribute(_SOURCE_PORT, struct.pack(">H", source)),
        attribute(_DESTINATION_PORT, struct.pack(">H", destination)),
    )


def _icmp(packet: Wording, icmp_type: int) -> tuple[bytes, ...]:
    identifier, kind, code = _ICMP_ATTRIBUTES[packet.protocol]
    return (
        attribute(identifier, bytes(2)),
        attribute(kind, struct.pack("B", icmp_type)),
        attribute(code, struct.pack("B", packet.icmp_code)),
    )
