"""One packet as a packet filter sees it, and how people write one down."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from ipaddress import ip_address
from typing import Any

from . import numbers
from .matches import Address, PacketFamily, State
from .ruleset import Hook

NO_INTERFACE = ""
"""The name that a packet has for the interface that it does not pass."""


@dataclass(frozen=True, slots=True)
class Packet:
    """A packet on its way through `hook`: INPUT, FORWARD or OUTPUT as routing decides before any address translation.

    None stands for "not known": a condition on such a field is undecided. `source_type` and `destination_type` are
    what the routing table calls the addresses (`local`, `unicast`, `broadcast`, `multicast`, …).
    """

    hook: Hook
    family: PacketFamily
    protocol: int
    source: Address | None
    destination: Address | None
    source_port: int | None = None
    destination_port: int | None = None
    in_interface: str | None = NO_INTERFACE
    out_interface: str | None = NO_INTERFACE
    state: State | None = State.NEW
    icmp_type: int | None = None
    icmp_code: int | None = None
    tcp_flags: int | None = None
    mark: int | None = 0
    connection_mark: int | None = 0
    later_fragment: bool = False
    source_type: str | None = None
    destination_type: str | None = None

    @property
    def has_ports(self) -> bool:
        """Whether packets of its protocol have ports."""
        return self.protocol in PORT_PROTOCOLS

    @property
    def protocol_name(self) -> str:
        """What its protocol is called, else its number."""
        return _NAMES.get(self.protocol, str(self.protocol))

    def __str__(self) -> str:
        return " ".join(_words(self))


PORT_PROTOCOLS = frozenset(numbers.WITH_PORTS.values())
_NAMES = {number: name for name, number in reversed(numbers.PROTOCOLS.items())} | {
    number: name for name, number in numbers.WITH_PORTS.items()
}
_FLAGS = {bit: name for name, bit in numbers.TCP_FLAGS.items()}


def joined(one: Packet, other: Packet) -> Packet:
    """A packet that is one of the two: what they differ in is not known."""
    if one == other:
        return one
    different = {field.name: None for field in fields(Packet) if getattr(one, field.name) != getattr(other, field.name)}
    return replace(one, **different)  # type: ignore[arg-type]  # the fields that rules change may all be None


def _words(packet: Packet) -> Iterator[str]:
    yield f"hook {packet.hook}"
    for word, name in (("iif", packet.in_interface), ("oif", packet.out_interface)):
        if name:
            yield f"{word} {name}"
    yield packet.protocol_name
    yield f"{_end(packet.source, packet.source_port)} -> {_end(packet.destination, packet.destination_port)}"
    if packet.icmp_type is not None:
        yield f"type {packet.icmp_type}"
    if packet.icmp_code:
        yield f"code {packet.icmp_code}"
    if packet.tcp_flags is not None:
        yield "flags " + (",".join(name for bit, name in _FLAGS.items() if packet.tcp_flags & bit) or "none")
    if packet.state is not None:
        yield packet.state
    for word, mark in (("mark", packet.mark), ("ctmark", packet.connection_mark)):
        if mark:
            yield f"{word} {mark:#x}"
    if packet.later_fragment:
        yield "fragment"
    for word, kind, usual in (
        ("stype", packet.source_type, _usual_source(packet.hook, packet.source)),
        ("dtype", packet.destination_type, _usual_destination(packet.hook, packet.destination)),
    ):
        if kind is not None and kind != usual:
            yield f"{word} {kind}"


def _end(address: Address | None, port: int | None) -> str:
    shown = "any" if address is None else str(address)
    if port is None:
        return shown
    return f"[{shown}]:{port}" if ":" in shown else f"{shown}:{port}"


class PacketTextError(ValueError):
    """The text does not describe a packet; says what is wrong."""


_END = re.compile(
    r"(?:\[(?P<bracketed>[0-9a-fA-F:.]+)\]|(?P<plain>any|[0-9.]+|[0-9a-fA-F:.]+?))(?::(?P<port>\d{1,5}))?"
)
_WORDS = frozenset(
    {"hook", "iif", "oif", "type", "code", "flags", "mark", "ctmark", "stype", "dtype", "ct", "state", "fragment"}
)


_SHORT = re.compile(r"(\S+)\s+([a-z]+)/(\d{1,5})(?:\s+(.*))?")


def _long(text: str) -> str:
    """`10.0.0.1 tcp/5432` in the words of a packet."""
    found = _SHORT.fullmatch(text.strip())
    if found is None:
        return text
    source, protocol, port, rest = found.groups()
    return f"{protocol} {source} -> any:{port} {rest or 'new'}"


def read_packet(text: str) -> Packet:
    """Read a packet as people write it: `iif eth0 tcp 10.0.0.1:4000 -> 192.0.2.1:22 new`.

    Words, in any order: `hook input|forward|output` (else: from the interfaces, forward with both, output with `oif`
    alone, input otherwise), `iif`, `oif`, a protocol, `SOURCE[:PORT] -> DESTINATION[:PORT]` (IPv6 with a port in
    brackets; `any` for an address that is not known), a connection tracking state (else `new`), `type` and `code` of
    ICMP (else an echo request), `flags syn,ack` of TCP (else those that the state suggests), `mark`, `ctmark`
    (else 0), `fragment`, `stype`, `dtype`. Raises `PacketTextError`.
    """
    text = _long(text)
    words = text.replace("->", " -> ").split()
    if words.count("->") != 1 or not 0 < words.index("->") < len(words) - 1:
        raise PacketTextError("say where the packet comes from and goes to: SOURCE[:PORT] -> DESTINATION[:PORT]")
    arrow = words.index("->")
    source, source_port = _read_end(words[arrow - 1])
    destination, destination_port = _read_end(words[arrow + 1])
    given = _read_words([*words[: arrow - 1], *words[arrow + 2 :]])
    protocol = given.pop("protocol", None)
    family = _family(source, destination, protocol)
    if protocol is None:
        raise PacketTextError("name the protocol: tcp, udp, icmp, … or its number")
    interfaces = given.get("in_interface"), given.get("out_interface")
    hook = given.pop("hook", None) or _hook(*interfaces)
    packet = Packet(hook, family, protocol, source, destination, source_port, destination_port)
    return completed(replace(packet, **given))


def completed(packet: Packet) -> Packet:
    """The packet with what is usual for its kind in the place of what is not given."""
    if not packet.has_ports and (packet.source_port, packet.destination_port) != (None, None):
        raise PacketTextError(f"packets of the protocol {packet.protocol_name} have no ports")
    more: dict[str, Any] = {}
    if packet.protocol == numbers.TCP and packet.tcp_flags is None:
        names = numbers.TCP_FLAGS
        more["tcp_flags"] = names["syn"] if packet.state in (State.NEW, State.UNTRACKED) else names["ack"]
    request = {numbers.ICMP: 8, numbers.ICMPV6: 128}.get(packet.protocol)
    if request is not None and packet.icmp_type is None:
        more["icmp_type"] = request
    if request is not None and packet.icmp_code is None:
        more["icmp_code"] = 0
    if packet.source_type is None:
        more["source_type"] = _usual_source(packet.hook, packet.source)
    if packet.destination_type is None:
        more["destination_type"] = _usual_destination(packet.hook, packet.destination)
    if packet.hook is not Hook.OUTPUT and packet.in_interface == NO_INTERFACE:
        more["in_interface"] = None
    if packet.hook is not Hook.INPUT and packet.out_interface == NO_INTERFACE:
        more["out_interface"] = None
    return replace(packet, **more)


def _usual_source(hook: Hook, source: Address | None) -> str:
    if hook is Hook.OUTPUT or (source is not None and source.is_loopback):
        return "local"
    return "unicast"


def _usual_destination(hook: Hook, destination: Address | None) -> str:
    if destination is not None and destination.is_multicast:
        return "multicast"
    if str(destination) == "255.255.255.255":
        return "broadcast"
    return "local" if hook is Hook.INPUT else "unicast"


def _hook(iif: str | None, oif: str | None) -> Hook:
    if oif is None:
        return Hook.INPUT
    return Hook.OUTPUT if iif is None else Hook.FORWARD


def _family(source: Address | None, destination: Address | None, protocol: int | None) -> PacketFamily:
    versions = {address.version for address in (source, destination) if address is not None}
    if len(versions) > 1:
        raise PacketTextError("source and destination are of different IP versions")
    if not versions:
        raise PacketTextError("give the source or the destination address")
    family = PacketFamily.IPV4 if versions == {4} else PacketFamily.IPV6
    if protocol == (numbers.ICMPV6 if family is PacketFamily.IPV4 else numbers.ICMP):
        raise PacketTextError("ICMP belongs to IPv4, ICMPv6 to IPv6")
    return family


def _read_end(text: str) -> tuple[Address | None, int | None]:
    """An address with or without a port; of an IPv6 address without brackets all is address."""
    found = _END.fullmatch(text)
    if found is None:
        raise PacketTextError(f"{text!r} is not an address with or without a port")
    port = int(found["port"]) if found["port"] else None
    written = found["bracketed"] or found["plain"]
    if text.count(":") > 1 and not found["bracketed"]:
        written, port = text, None
    if port is not None and port > 65535:
        raise PacketTextError(f"{port} is not a port")
    if written == "any":
        return None, port
    try:
        return ip_address(written), port
    except ValueError as error:
        raise PacketTextError(f"{written!r} is not an IP address") from error


def _read_words(words: list[str]) -> dict[str, Any]:
    given: dict[str, Any] = {}
    rest = iter(words)
    for word in rest:
        if word not in _WORDS:
            name, value = _lone_word(word)
        elif word == "fragment":
            name, value = "later_fragment", True
        elif word in ("ct", "state"):
            continue
        else:
            name, value = _field(word, next(rest, ""))
        if name in given:
            raise PacketTextError(f"{word!r} is one thing too many of its kind")
        given[name] = value
    return given


def _lone_word(word: str) -> tuple[str, Any]:
    if word in list(State):
        return "state", State(word)
    protocol = numbers.protocol_number(word)
    if protocol is None:
        raise PacketTextError(f"{word!r} is not understood")
    return "protocol", protocol


_TEXTS = {"iif": "in_interface", "oif": "out_interface", "stype": "source_type", "dtype": "destination_type"}
_NUMBERS = {
    "type": ("icmp_type", 255),
    "code": ("icmp_code", 255),
    "mark": ("mark", 0xFFFFFFFF),
    "ctmark": ("connection_mark", 0xFFFFFFFF),
}


def _field(word: str, value: str) -> tuple[str, Any]:
    if not value:
        raise PacketTextError(f"{word} lacks its value")
    if word in _TEXTS:
        return _TEXTS[word], value
    if word == "hook":
        if value not in (Hook.INPUT, Hook.FORWARD, Hook.OUTPUT):
            raise PacketTextError("hook is input, forward or output")
        return "hook", Hook(value)
    if word == "flags":
        return "tcp_flags", _flags(value)
    name, most = _NUMBERS[word]
    number = numbers.ICMP_TYPES.get(value, numbers.ICMPV6_TYPES.get(value)) if word == "type" else None
    try:
        number = int(value, 0) if number is None else number
    except ValueError:
        number = -1
    if not 0 <= number <= most:
        raise PacketTextError(f"{word} is a number up to {most}")
    return name, number


def _flags(text: str) -> int:
    bits = 0
    for name in () if text == "none" else text.split(","):
        if name not in numbers.TCP_FLAGS:
            raise PacketTextError(f"{name!r} is not a TCP flag")
        bits |= numbers.TCP_FLAGS[name]
    return bits
