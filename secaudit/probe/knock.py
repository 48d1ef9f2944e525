"""Packets to a real host over the machine's own network, and what comes back for each.

Answers are told apart by the ports, the identifier of an echo request, or the head of the packet that an ICMP error
quotes (RFC 792, RFC 4443).
"""

from __future__ import annotations

import select
import socket
import struct
import time
from collections.abc import Sequence

from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import ICMPv6EchoRequest, IPv6

from secaudit.probe.protocol import WORDS, Wording
from secaudit.probe.send import StackSender

_ANSWER, _RESET, _PROHIBITED, _UNREACHABLE, _SILENCE = WORDS
_ETHER_TYPES = {4: 0x0800, 6: 0x86DD}
_TRIES = 3
_SO_RCVBUFFORCE, _BUFFER = 33, 16 << 20
_PROTO_ICMP, _PROTO_TCP, _PROTO_UDP, _PROTO_ICMPV6 = 1, 6, 17, 58
_RST = 4

_Key = tuple[int, int, int]
"""Protocol, and the two ports as we send them; or the identifier of an echo request, and zero."""

_ERRORS = {_PROTO_ICMP: (3, frozenset({9, 10, 13})), _PROTO_ICMPV6: (1, frozenset({1, 5, 6}))}
"""Type of destination unreachable, and its codes for a prohibition."""
_ECHOES = {_PROTO_ICMP: (8, 0), _PROTO_ICMPV6: (128, 129)}


def knock(packets: Sequence[Wording], rate: int, seconds: float) -> list[tuple[str, str]]:
    """See `protocol`. Raises OSError, and ValueError for packets that could not be told apart."""
    if not packets:
        return []
    found: dict[_Key, tuple[str, str]] = {}
    keys = [_key(packet, number) for number, packet in enumerate(packets)]
    if len(set(keys)) != len(keys):
        raise ValueError("two packets would have the same answer")
    waiting = dict(zip(keys, (_built(packet, number) for number, packet in enumerate(packets)), strict=True))
    version = 4 if len(packets[0].source) == 8 else 6
    ends = (packets[0].source, packets[0].destination)
    sender = StackSender()
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_ETHER_TYPES[version])) as listener:
        listener.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER)
        for _ in range(_TRIES):
            for key in [key for key in waiting if key not in found]:
                sender.send([waiting[key]])
                _listen(listener, 1 / rate, version, ends, found)
            end = time.monotonic() + seconds
            while any(key not in found for key in waiting) and (left := end - time.monotonic()) > 0:
                _listen(listener, left, version, ends, found)
    return [found.get(key, (_SILENCE, "")) for key in keys]


def _key(packet: Wording, number: int) -> _Key:
    if packet.protocol in _ECHOES:
        return packet.protocol, number, 0
    return packet.protocol, packet.source_port, packet.destination_port


def _built(packet: Wording, number: int) -> bytes:
    source, destination = _text(packet.source), _text(packet.destination)
    network = IP(src=source, dst=destination) if len(packet.source) == 8 else IPv6(src=source, dst=destination)
    sport, dport = packet.source_port, packet.destination_port
    if packet.protocol == _PROTO_TCP:
        return bytes(network / TCP(sport=sport, dport=dport, flags=packet.tcp_flags, seq=time.time_ns() & 0xFFFFFFFF))
    if packet.protocol == _PROTO_UDP:
        return bytes(network / UDP(sport=sport, dport=dport))
    if packet.protocol == _PROTO_ICMP and packet.icmp_type == _ECHOES[_PROTO_ICMP][0]:
        return bytes(network / ICMP(id=number))
    if packet.protocol == _PROTO_ICMPV6 and packet.icmp_type == _ECHOES[_PROTO_ICMPV6][0]:
        return bytes(network / ICMPv6EchoRequest(id=number))
    raise ValueError(f"protocol {packet.protocol} has no answer that could be recognised")


def _listen(
    listener: socket.socket, seconds: float, version: int, ends: tuple[str, str], found: dict[_Key, tuple[str, str]]
) -> None:
    """Look at what arrives for so long; at once at all that is there already."""
    end = time.monotonic() + seconds
    while select.select([listener], [], [], max(0.0, end - time.monotonic()))[0]:
        data, (_, _, direction, *_) = listener.recvfrom(2048)
        if direction == socket.PACKET_OUTGOING:
            continue
        try:
            read = _read(data, version, ends)
        except (struct.error, IndexError):
            continue
        if read is not None:
            key, word, by = read
            found.setdefault(key, (word, by))
        if time.monotonic() > end:
            return


def _read(data: bytes, version: int, ends: tuple[str, str]) -> tuple[_Key, str, str] | None:
    """What an IP packet answers, with which word, and who sent it. Raises struct.error when it is cut off."""
    source, destination, protocol, payload = _split(data, version)
    ours, theirs = ends
    if destination != ours:
        return None
    if protocol in _ECHOES:
        return _read_icmp(protocol, payload, source, version, ends)
    if source != theirs or protocol not in (_PROTO_TCP, _PROTO_UDP):
        return None
    answering, answered = struct.unpack_from(">HH", payload)
    word = _RESET if protocol == _PROTO_TCP and payload[13] & _RST else _ANSWER
    return (protocol, answered, answering), word, source


def _read_icmp(
    protocol: int, payload: bytes, source: str, version: int, ends: tuple[str, str]
) -> tuple[_Key, str, str] | None:
    kind, code, _, identifier, _ = struct.unpack_from(">BBHHH", payload)
    if kind == _ECHOES[protocol][1] and source == ends[1]:
        return (protocol, identifier, 0), _ANSWER, source
    unreachable, prohibitions = _ERRORS[protocol]
    if kind != unreachable:
        return None
    quoted_source, quoted_destination, quoted, head = _split(payload[8:], version)
    if (quoted_source, quoted_destination) != ends:
        return None
    if quoted in _ECHOES:
        key = quoted, struct.unpack_from(">H", head, 4)[0], 0
    else:
        key = quoted, *struct.unpack_from(">HH", head)
    return key, _PROHIBITED if code in prohibitions else _UNREACHABLE, source


def _split(data: bytes, version: int) -> tuple[str, str, int, bytes]:
    """Source, destination (hexadecimal), protocol and payload of an IP packet without extension headers."""
    if data[0] >> 4 != version:
        raise IndexError
    if version == 4:
        return data[12:16].hex(), data[16:20].hex(), data[9], data[(data[0] & 15) * 4 :]
    return data[8:24].hex(), data[24:40].hex(), data[6], data[40:]


def _text(octets: str) -> str:
    family = socket.AF_INET if len(octets) == 8 else socket.AF_INET6
    return socket.inet_ntop(family, bytes.fromhex(octets))
