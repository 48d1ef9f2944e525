"""The match part of iptables rules: options of iptables(8) and iptables-extensions(8) as conditions.

An option that is not in the tables below makes the whole of its `-m` segment `Unmodelled`; it is never skipped.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Network, IPv6Network, NetmaskValueError, ip_address

from ...rules import numbers
from ...rules.matches import (
    Addresses,
    AddressRange,
    AddressType,
    ConntrackState,
    Fragment,
    Icmp,
    IcmpKind,
    InInterface,
    KnownCondition,
    Mark,
    Match,
    NotUnderstoodError,
    NumberRange,
    OutInterface,
    PacketFamily,
    Ports,
    Protocol,
    SetMembership,
    Side,
    Sometimes,
    State,
    TcpFlags,
    Unmodelled,
)


@dataclass(frozen=True, slots=True)
class Option:
    """An option with its values; `name` includes the dashes."""

    name: str
    values: tuple[str, ...]
    negated: bool
    text: str

    @property
    def value(self) -> str:
        """The only value. Raises `NotUnderstoodError` when there is another number of them."""
        if len(self.values) != 1:
            raise NotUnderstoodError(f"{self.name} has {len(self.values)} values")
        return self.values[0]


Reader = Callable[[Option, PacketFamily], Match | None]
"""Reads one option; None means that the option restricts nothing."""


def read_segment(module: str, options: Sequence[Option], family: PacketFamily) -> tuple[Match, ...]:
    """The conditions of one `-m module` segment (module empty: the general options before the first `-m`).

    Raises nothing for input: what is not understood comes back as `Unmodelled`.
    """
    text = " ".join(([f"-m {module}"] if module else []) + [option.text for option in options])
    if module in _IGNORED or (module == "recent" and _only_records(options)):
        return ()
    negated = any(option.negated for option in options)
    if module in _SOMETIMES:
        return (Sometimes(module, text),)
    if (module in _KNOWN or (module == "rpfilter" and _inverts(options))) and not negated:
        return (KnownCondition(module, text),)
    readers = _MODULES.get(module)
    if readers is None:
        return (Unmodelled(text, "match is not modelled"),)
    found: list[Match | None] = []
    for option in options:
        reader = readers.get(option.name)
        if reader is None:
            return (Unmodelled(text, f"option {option.name} is not modelled"),)
        try:
            found.append(reader(option, family))
        except NotUnderstoodError as error:
            return (Unmodelled(text, str(error)),)
    return tuple(match for match in found if match is not None)


def _only_records(options: Sequence[Option]) -> bool:
    """`recent --set` notes the address and always matches (iptables-extensions(8))."""
    return any(option.name == "--set" and not option.negated for option in options)


def _inverts(options: Sequence[Option]) -> bool:
    """`rpfilter` matches nearly everything unless `--invert` asks for packets that fail the test."""
    return any(option.name == "--invert" for option in options)


# Never hold back a packet.
_IGNORED = frozenset({"comment", "nfacct"})
_SOMETIMES = frozenset({"limit", "hashlimit", "statistic", "quota", "time", "connlimit"})
# Each restricts to fewer than all packets whatever its options say, as long as none is negated.
_KNOWN = frozenset(
    [
        "ah",
        "cluster",
        "connlabel",
        "dst",
        "esp",
        "frag",
        "geoip",
        "hbh",
        "helper",
        "ipv6header",
        "mac",
        "mh",
        "osf",
        "owner",
        "physdev",
        "recent",
        "rt",
        "socket",
        "string",
    ]
)


def _interfaces(option: Option) -> tuple[str, ...]:
    name = option.value
    return (name[:-1] + "*" if name.endswith("+") else name,)


def _in_interface(option: Option, _: PacketFamily) -> Match:
    return InInterface(_interfaces(option), option.negated)


def _out_interface(option: Option, _: PacketFamily) -> Match:
    return OutInterface(_interfaces(option), option.negated)


def _networks(option: Option, family: PacketFamily) -> tuple[AddressRange, ...]:
    network = IPv4Network if family is PacketFamily.IPV4 else IPv6Network
    try:
        return tuple(AddressRange.of(network(part, strict=False)) for part in option.value.split(","))
    except (AddressValueError, NetmaskValueError, ValueError) as error:
        raise NotUnderstoodError(f"{option.value} is not a network with a contiguous mask") from error


def _source(option: Option, family: PacketFamily) -> Match:
    return Addresses(Side.SOURCE, _networks(option, family), option.negated)


def _destination(option: Option, family: PacketFamily) -> Match:
    return Addresses(Side.DESTINATION, _networks(option, family), option.negated)


def _protocol(option: Option, _: PacketFamily) -> Match | None:
    number = 0 if option.value == "all" else numbers.protocol_number(option.value)
    if number is None or (number == 0 and option.negated):
        raise NotUnderstoodError(f"protocol {option.value} is not known")
    return Protocol(frozenset({number}), option.negated) if number else None


def _fragment(option: Option, _: PacketFamily) -> Match:
    if option.values:
        raise NotUnderstoodError(f"{option.name} takes no value")
    return Fragment(option.negated)


def _number(text: str, most: int) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 10 and int(text) <= most):
        raise NotUnderstoodError(f"{text} is not a number up to {most}")
    return int(text)


def _port_range(text: str) -> NumberRange:
    low, colon, high = text.partition(":")
    first = _number(low, 65535) if low or not colon else 0
    last = (_number(high, 65535) if high else 65535) if colon else first
    if first > last:
        raise NotUnderstoodError(f"{text} is an empty port range")
    return NumberRange(first, last)


def _ports(side: Side | None) -> Reader:
    def read(option: Option, _: PacketFamily) -> Match:
        return Ports(side, tuple(_port_range(part) for part in option.value.split(",")), option.negated)

    return read


def _tcp_flag_bits(text: str) -> int:
    if text == "NONE":
        return 0
    bits = 0
    for name in ("FIN,SYN,RST,PSH,ACK,URG" if text == "ALL" else text).split(","):
        if name.lower() not in numbers.TCP_FLAGS:
            raise NotUnderstoodError(f"{name} is not a TCP flag")
        bits |= numbers.TCP_FLAGS[name.lower()]
    return bits


def _tcp_flags(option: Option, _: PacketFamily) -> Match:
    if len(option.values) != 2:
        raise NotUnderstoodError(f"{option.name} takes a mask and a value")
    mask, value = (_tcp_flag_bits(text) for text in option.values)
    return TcpFlags(mask, frozenset({value}), option.negated)


def _syn(option: Option, _: PacketFamily) -> Match:
    return TcpFlags(_tcp_flag_bits("FIN,SYN,RST,ACK"), frozenset({numbers.TCP_FLAGS["syn"]}), option.negated)


def _states(option: Option, _: PacketFamily) -> Match:
    names = option.value.lower().split(",")
    if set(names) <= {"snat", "dnat"} and not option.negated:
        return KnownCondition("conntrack", option.text)
    try:
        return ConntrackState(frozenset(State(name) for name in names), option.negated)
    except ValueError as error:
        raise NotUnderstoodError(f"{option.value} are not connection tracking states") from error


def _packet_type(option: Option, _: PacketFamily) -> Match:
    """Broadcast and multicast are the exceptions; nearly every packet that matters is unicast."""
    if option.negated or option.value not in ("broadcast", "multicast"):
        raise NotUnderstoodError("only --pkt-type broadcast and multicast are modelled")
    return KnownCondition("pkttype", option.text)


def _narrower(option: Option, _: PacketFamily) -> Match:
    """An option that restricts to fewer than all packets, in a way that is not modelled."""
    if option.negated:
        raise NotUnderstoodError(f"negated {option.name} is not modelled")
    return KnownCondition(option.name.strip("-"), option.text)


def _icmp(option: Option, family: PacketFamily) -> Match | None:
    names = numbers.ICMP_TYPES if family is PacketFamily.IPV4 else numbers.ICMPV6_TYPES
    kind, slash, code = option.value.partition("/")
    number = names[kind] if kind in names else None if kind == "any" else _number(kind, 255)
    # 255 is how the kernel writes "any type" for ICMP (not for ICMPv6).
    if number is None or (number == 255 and family is PacketFamily.IPV4):
        if option.negated or slash:
            raise NotUnderstoodError(f"{option.text} is not understood")
        return None
    codes = NumberRange(_number(code, 255), _number(code, 255)) if slash else NumberRange(0, 255)
    return Icmp(family, (IcmpKind(NumberRange(number, number), codes),), option.negated)


def _address_range(side: Side) -> Reader:
    def read(option: Option, family: PacketFamily) -> Match:
        low, _, high = option.value.partition("-")
        try:
            first, last = ip_address(low), ip_address(high or low)
        except ValueError as error:
            raise NotUnderstoodError(f"{option.value} is not an address range") from error
        found = AddressRange(first, last)
        if first.version != last.version or found.family is not family or int(first) > int(last):
            raise NotUnderstoodError(f"{option.value} is not a range of {family} addresses")
        return Addresses(side, (found,), option.negated)

    return read


def _address_type(side: Side) -> Reader:
    def read(option: Option, family: PacketFamily) -> Match:
        types = frozenset(option.value.lower().split(","))
        return AddressType(side, types if family is PacketFamily.IPV4 else _ipv6_types(types), option.negated)

    return read


_UNICAST = frozenset({"unicast", "local", "anycast", "blackhole", "unreachable", "prohibit"})


def _ipv6_types(types: frozenset[str]) -> frozenset[str]:
    """The types that an IPv6 address can have, of those that a rule lists (xt_addrtype.c, `match_type6`).

    Unlike with IPv4 an address is unicast whatever the routing table calls it, and must be of every listed class.
    """
    classes = types & {"unicast", "multicast", "unspec"}
    found = types - classes or _UNICAST | classes
    for kind in classes:
        found &= _UNICAST if kind == "unicast" else {kind}
    return found


def _match_set(option: Option, _: PacketFamily) -> Match:
    if len(option.values) != 2:
        raise NotUnderstoodError(f"{option.name} takes a set and its fields")
    return SetMembership(option.values[0], tuple(option.values[1].split(",")), option.negated)


_MARK = re.compile(r"(0x[0-9a-fA-F]{1,8}|[0-9]{1,10})(?:/(0x[0-9a-fA-F]{1,8}|[0-9]{1,10}))?")


def _mark(connection: bool) -> Reader:
    def read(option: Option, _: PacketFamily) -> Match:
        found = _MARK.fullmatch(option.value)
        if found is None:
            raise NotUnderstoodError(f"{option.value} is not a mark")
        mask = int(found[2], 0) if found[2] else 0xFFFFFFFF
        return Mark(int(found[1], 0), mask, connection, option.negated)

    return read


def _nothing(_: Option, __: PacketFamily) -> None:
    """An option that changes bookkeeping only."""


def _both(names: str, reader: Reader) -> dict[str, Reader]:
    return dict.fromkeys(names.split(), reader)


_PORTS = _both("--sport --source-port", _ports(Side.SOURCE)) | _both(
    "--dport --destination-port", _ports(Side.DESTINATION)
)
_ICMP = _both("--icmp-type --icmpv6-type", _icmp)

_MODULES: Mapping[str, Mapping[str, Reader]] = {
    "": _both("-i --in-interface", _in_interface)
    | _both("-o --out-interface", _out_interface)
    | _both("-s --source --src", _source)
    | _both("-d --destination --dst", _destination)
    | _both("-p --protocol --proto", _protocol)
    | _both("-f --fragment", _fragment),
    "tcp": _PORTS | {"--tcp-flags": _tcp_flags, "--syn": _syn, "--tcp-option": _narrower},
    "udp": _PORTS,
    "udplite": _PORTS,
    "sctp": _PORTS | {"--chunk-types": _narrower},
    "dccp": _PORTS | {"--dccp-types": _narrower, "--dccp-option": _narrower},
    "multiport": _both("--sports --source-ports", _ports(Side.SOURCE))
    | _both("--dports --destination-ports", _ports(Side.DESTINATION))
    | _both("--ports", _ports(None)),
    "conntrack": {"--ctstate": _states}
    | _both(
        "--ctproto --ctorigsrc --ctorigdst --ctreplsrc --ctrepldst --ctorigsrcport --ctorigdstport --ctreplsrcport "
        "--ctrepldstport",
        _narrower,
    ),
    "state": {"--state": _states},
    "icmp": _ICMP,
    "icmp6": _ICMP,
    "icmpv6": _ICMP,
    "ipv6-icmp": _ICMP,
    "iprange": {"--src-range": _address_range(Side.SOURCE), "--dst-range": _address_range(Side.DESTINATION)},
    "addrtype": {"--src-type": _address_type(Side.SOURCE), "--dst-type": _address_type(Side.DESTINATION)},
    # `--return-nomatch` turns the meaning of a set's exceptions around and is left out on purpose.
    "set": _both("--match-set --set", _match_set) | _both("--update-counters --update-subcounters", _nothing),
    "pkttype": {"--pkt-type": _packet_type},
    "ttl": _both("--ttl-eq --ttl-lt --ttl-gt", _narrower),
    "hl": _both("--hl-eq --hl-lt --hl-gt", _narrower),
    "mark": {"--mark": _mark(False)},
    "connmark": {"--mark": _mark(True)},
}
