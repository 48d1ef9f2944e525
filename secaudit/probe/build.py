"""Packets from words: scapy builds one template per kind, the rest is patched in place.

Every packet ends with eight octets: a cookie and its number, both big-endian. TCP carries four times the number in its
sequence and acknowledgement numbers too. So the answers of a host that rejects the packet can be recognised: an ICMP
error quotes the packet to its end, and a reset repeats the acknowledgement number, or acknowledges the sequence number
plus eight octets, SYN and FIN (RFC 9293, section 3.10.7.1).
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.packet import Raw

from secaudit.probe.protocol import Wording

COOKIE = b"\x9e\x5e\xca\xd1"
TAIL = len(COOKIE) + 4

_PROTO_ICMP, _PROTO_TCP, _PROTO_UDP, _PROTO_ICMPV6 = 1, 6, 17, 58
_PATCH_NUMBER = struct.Struct(">I").pack_into
_PATCH_SHORT = struct.Struct(">H").pack_into
_PATCH_PORTS = struct.Struct(">HH").pack_into
_RESET = struct.Struct(">IIxB").unpack_from
_RST, _ACK = 4, 16
MOST = 1 << 30
"""Numbers are below this."""


@dataclass(frozen=True, slots=True)
class _Template:
    """A packet with zeros where packets of its kind differ, and where its transport header and checksum begin."""

    packet: bytes
    transport: int
    checksum: int | None


@cache
def _template(version: int, protocol: int) -> _Template:
    tail = COOKIE + bytes(4)
    network = IP(src="0.0.0.0", dst="0.0.0.0", chksum=0) if version == 4 else IPv6(src="::", dst="::")  # noqa: S104 - patched
    header = 20 if version == 4 else 40
    if protocol == _PROTO_TCP:
        return _Template(bytes(network / TCP(chksum=0) / Raw(tail)), header, header + 16)
    if protocol == _PROTO_UDP:
        return _Template(bytes(network / UDP(chksum=0) / Raw(tail)), header, header + 6)
    if protocol in (_PROTO_ICMP, _PROTO_ICMPV6):
        network[type(network)].setfieldval("proto" if version == 4 else "nh", protocol)
        # The first eight octets are laid out alike: type, code, checksum, and four that depend on the type.
        return _Template(bytes(network / ICMP(chksum=0) / Raw(tail)), header, header + 2)
    network.setfieldval("proto" if version == 4 else "nh", protocol)
    return _Template(bytes(network / Raw(bytes(12) + tail)), header, None)


def build(wording: Wording, number: int) -> bytearray:
    """The IP packet with this number. Raises ValueError and struct.error for what does not fit."""
    (source, destination, protocol, sport, dport, icmp_type, icmp_code, flags, identity, broken) = wording
    version = 4 if len(source) == 8 else 6
    template = _template(version, protocol)
    packet = bytearray(template.packet)
    at = template.transport
    addresses = bytes.fromhex(source + destination)
    if len(addresses) != (8 if version == 4 else 32):
        raise ValueError("addresses are of four or of sixteen octets")
    if version == 4:
        packet[12:20] = addresses
        _PATCH_SHORT(packet, 4, identity)
        _PATCH_SHORT(packet, 10, _internet_checksum(packet[:20]))
    else:
        packet[8:40] = addresses
        _PATCH_NUMBER(packet, 0, 6 << 28 | identity)
    _PATCH_NUMBER(packet, len(packet) - 4, number)
    if protocol in (_PROTO_ICMP, _PROTO_ICMPV6):
        packet[at] = icmp_type
        packet[at + 1] = icmp_code
    else:
        _PATCH_PORTS(packet, at, sport, dport)
        if protocol == _PROTO_TCP:
            _PATCH_NUMBER(packet, at + 4, 4 * number)
            _PATCH_NUMBER(packet, at + 8, 4 * number)
            packet[at + 13] = flags
    if template.checksum is not None:
        pseudo = b"" if protocol == _PROTO_ICMP else addresses + struct.pack(">II", len(packet) - at, protocol)
        checksum = _internet_checksum(pseudo + packet[at:])
        if protocol == _PROTO_UDP:
            checksum = checksum or 0xFFFF
        _PATCH_SHORT(packet, template.checksum, _wrong(checksum) if broken else checksum)
    return packet


@cache
def _words(length: int) -> Callable[[bytes | bytearray], tuple[int, ...]]:
    return struct.Struct(f">{length // 2}H").unpack


def _internet_checksum(data: bytes | bytearray) -> int:
    """RFC 1071, for an even number of octets."""
    total = sum(_words(len(data))(data))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF


def _wrong(checksum: int) -> int:
    """Another checksum than the right one, and not the zero that says that there is none."""
    return checksum ^ 0x0F0F or 0xF0F0


def number_in(data: bytes | bytearray | memoryview) -> int | None:
    """The number of the packet at the end of `data`, one that the probe built or an ICMP error about one, or None."""
    if data[-TAIL:-4] != COOKIE:
        return None
    return int.from_bytes(data[-4:], "big")


def number_reset(data: bytes | bytearray | memoryview) -> int | None:
    """The number of the packet that the TCP reset at the end of `data` answers, or None when there is none."""
    ipv4, ipv6 = data[-40:], data[-60:]
    if not (ipv4[0] == 4 << 4 | 5 and ipv4[9] == _PROTO_TCP) and not (ipv6[0] >> 4 == 6 and ipv6[6] == _PROTO_TCP):
        return None
    sequence, acknowledged, flags = _RESET(data[-16:])
    if not flags & _RST:
        return None
    return int(acknowledged - TAIL if flags & _ACK else sequence) // 4
