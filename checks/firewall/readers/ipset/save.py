"""Reader for `ipset save`, the sets that `-m set --match-set` refers to.

Types and options are those of ipset(8). What an element means for a packet is in `ipset_members`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from ...rules import numbers
from ...rules.matches import AddressRange, Icmp, IcmpKind, NotUnderstoodError, NumberRange, PacketFamily
from ...rules.ruleset import Origin, Unread
from .icmp import ICMP_NAMES, ICMPV6_NAMES


@dataclass(frozen=True, slots=True)
class Service:
    """A protocol with a port, as sets hold it: ports are None for protocols whose ports a set does not look at."""

    protocols: frozenset[int]
    ports: NumberRange | None
    icmp: Icmp | None = None


@dataclass(frozen=True, slots=True)
class Interface:
    """An interface by name (a final `*` stands for any rest), or the port of a bridge."""

    name: str
    bridge_port: bool


@dataclass(frozen=True, slots=True)
class Hardware:
    """A MAC address."""

    text: str


@dataclass(frozen=True, slots=True)
class MarkValue:
    """A packet mark under the mask of the set."""

    value: int
    mask: int


Part = AddressRange | Service | Interface | Hardware | MarkValue


@dataclass(frozen=True, slots=True)
class Element:
    """One element: a part per dimension of the set. A `nomatch` element is an exception to a wider one."""

    parts: tuple[Part, ...]
    nomatch: bool = False


@dataclass(frozen=True, slots=True)
class IpSet:
    """A set. `family` is None where elements are not addresses; `members` are the names that a `list:set` holds.

    `not_understood` says why the elements are not known, and is empty when they are.
    """

    name: str
    type: str
    family: PacketFamily | None
    origin: Origin
    elements: tuple[Element, ...] = ()
    members: tuple[str, ...] = ()
    not_understood: str = ""

    @property
    def kinds(self) -> tuple[str, ...]:
        """What each dimension is: `ip`, `net`, `port`, `iface`, `mac`, `mark` or `set`."""
        return tuple(self.type.partition(":")[2].split(","))


@dataclass(frozen=True, slots=True)
class IpSets:
    """The sets of a listing by name, and the lines that belong to none of them."""

    sets: Mapping[str, IpSet] = field(default_factory=dict)
    unread: tuple[Unread, ...] = ()


@dataclass(slots=True)
class _Growing:
    """A set while it is being read."""

    head: IpSet
    options: Mapping[str, str]
    elements: list[Element] = field(default_factory=list)
    members: list[str] = field(default_factory=list)
    why: str = ""


_KINDS = frozenset({"ip", "net", "port", "iface", "mac", "mark", "set"})
_TYPE = re.compile(r"(?:bitmap|hash|list):[a-z]+(?:,[a-z]+){0,2}", re.ASCII)
# Options of `create` and `add`, by whether a value follows.
_CREATE = dict.fromkeys(["counters", "comment", "skbinfo", "forceadd"], False) | dict.fromkeys(
    ["family", "hashsize", "maxelem", "timeout", "bucketsize", "initval", "range", "netmask", "markmask", "size"], True
)
_ADD = dict.fromkeys(["nomatch", "wildcard"], False) | dict.fromkeys(
    ["timeout", "packets", "bytes", "skbmark", "skbprio", "skbqueue", "comment"], True
)
_WORD = re.compile(r'"[^"]*"|[^\s"]+')


def read_ipset_save(text: str, source: str) -> IpSets:
    """Read what `ipset save` printed; `source` is what origins name.

    Never raises for its input: an element that is not understood makes the elements of its set unknown, any other
    line is listed in `unread`. Elements with a timeout count as long as they are listed.
    """
    growing: dict[str, _Growing] = {}
    unread: list[Unread] = []
    for number, line in enumerate(text.split("\n"), 1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        origin = Origin(source, number, stripped)
        why = _read_line(stripped, origin, growing)
        if why:
            unread.append(Unread(origin, why))
    return IpSets({name: _finish(one) for name, one in growing.items()}, tuple(unread))


def _finish(growing: _Growing) -> IpSet:
    if growing.why:
        return replace(growing.head, not_understood=growing.why)
    return replace(growing.head, elements=tuple(growing.elements), members=tuple(growing.members))


def _read_line(line: str, origin: Origin, growing: dict[str, _Growing]) -> str:
    """Take a line in; returns why it was not understood, or nothing."""
    words = _WORD.findall(line)
    match words:
        case ["create", name, kind, *rest] if _TYPE.fullmatch(kind):
            if name in growing:
                growing[name].why = f"line {origin.line} creates it a second time"
            else:
                growing[name] = _created(name, kind, rest, origin)
            return ""
        case ["add", name, element, *rest] if name in growing:
            one = growing[name]
            try:
                _add(one, element, rest)
            except NotUnderstoodError as error:
                one.why = one.why or f"line {origin.line} ({line}): {error}"
            return ""
    return "is neither a set nor an element of a set before it"


def _options(words: Sequence[str], known: Mapping[str, bool]) -> dict[str, str]:
    options: dict[str, str] = {}
    rest = iter(words)
    for word in rest:
        if word not in known:
            raise NotUnderstoodError(f"{word} is not understood")
        options[word] = next(rest, "") if known[word] else ""
    return options


def _created(name: str, kind: str, words: Sequence[str], origin: Origin) -> _Growing:
    head = IpSet(name, kind, None, origin)
    try:
        options = _options(words, _CREATE)
        if not set(head.kinds) <= _KINDS:
            raise NotUnderstoodError(f"sets of the type {kind} are not modelled")
    except NotUnderstoodError as error:
        return _Growing(head, {}, why=f"line {origin.line} ({origin.excerpt}): {error}")
    if not {"ip", "net"}.isdisjoint(head.kinds):
        family = PacketFamily.IPV6 if options.get("family") == "inet6" else PacketFamily.IPV4
        head = replace(head, family=family)
    return _Growing(head, options)


def _add(growing: _Growing, element: str, words: Sequence[str]) -> None:
    options = _options(words, _ADD)
    kinds = growing.head.kinds
    if kinds == ("set",):
        growing.members.append(element)
        return
    # Only the last part, an interface name, may hold a comma itself.
    texts = element.split(",", len(kinds) - 1)
    if len(texts) != len(kinds):
        raise NotUnderstoodError(f"the element does not fit the type {growing.head.type}")
    parts = tuple(
        _part(kind, text, growing, wildcard="wildcard" in options) for kind, text in zip(kinds, texts, strict=True)
    )
    growing.elements.append(Element(parts, nomatch="nomatch" in options))


def _part(kind: str, text: str, growing: _Growing, *, wildcard: bool) -> Part:
    match kind:
        case "ip" | "net":
            return _addresses(text, growing.head.family, growing.options.get("netmask") if kind == "ip" else None)
        case "port":
            return _service(text, growing.head)
        case "iface":
            name = text.removeprefix("physdev:")
            return Interface(name + "*" if wildcard else name, bridge_port=name != text)
        case "mac":
            return Hardware(text)
        case _:
            return MarkValue(_number(text, 0xFFFFFFFF), _number(growing.options.get("markmask", "0xffffffff"), 2**32))


def _number(text: str, most: int) -> int:
    try:
        number = int(text, 0) if len(text) <= 10 else -1
    except ValueError:
        number = -1
    if not 0 <= number <= most:
        raise NotUnderstoodError(f"{text} is not a number up to {most}")
    return number


def _addresses(text: str, family: PacketFamily | None, netmask: str | None) -> AddressRange:
    try:
        low, dash, high = text.partition("-")
        if dash:
            found = AddressRange(ip_address(low), ip_address(high))
        elif netmask and "/" not in text:
            # A set with a netmask holds networks, and shows their first addresses.
            found = AddressRange.of(_network(f"{text}/{netmask}"))
        else:
            found = AddressRange.of(_network(text))
        if found.low.version != found.high.version or int(found.low) > int(found.high) or found.family is not family:
            raise NotUnderstoodError(f"{text} are not addresses of the set's family")
    except ValueError as error:
        raise NotUnderstoodError(f"{text} is not an address or network") from error
    return found


def _network(text: str) -> IPv4Network | IPv6Network:
    return ip_network(text, strict=False)


_PORT_PROTOCOLS = frozenset({"tcp", "udp", "sctp", "udplite"})


def _service(text: str, head: IpSet) -> Service:
    """`tcp:80`, `icmp:echo-request`, `icmp:3/4`, `esp:0`; in a `bitmap:port` a bare number for both TCP and UDP."""
    protocol, colon, port = text.rpartition(":")
    if not colon:
        if head.type != "bitmap:port":
            raise NotUnderstoodError(f"{text} names no protocol")
        return Service(frozenset({numbers.TCP, numbers.UDP}), _ports(port))
    number = numbers.protocol_number(protocol)
    if number is None:
        raise NotUnderstoodError(f"protocol {protocol} is not known")
    only = frozenset({number})
    if any(number == numbers.WITH_PORTS[name] for name in _PORT_PROTOCOLS):
        return Service(only, _ports(port))
    family = {numbers.ICMP: PacketFamily.IPV4, numbers.ICMPV6: PacketFamily.IPV6}.get(number)
    if family is not None:
        if family is not head.family:
            raise NotUnderstoodError(f"{protocol} does not belong to the set's family")
        return Service(only, None, Icmp(family, (_icmp(port, family),)))
    if port != "0":
        raise NotUnderstoodError(f"a port of the protocol {protocol} is not modelled")
    return Service(only, None)


def _ports(text: str) -> NumberRange:
    low, dash, high = text.partition("-")
    first = _number(low, 65535)
    last = _number(high, 65535) if dash else first
    if first > last:
        raise NotUnderstoodError(f"{text} is an empty range")
    return NumberRange(first, last)


def _icmp(text: str, family: PacketFamily) -> IcmpKind:
    names = ICMP_NAMES if family is PacketFamily.IPV4 else ICMPV6_NAMES
    if text in names:
        kind, code = names[text]
    else:
        first, slash, second = text.partition("/")
        if not slash:
            raise NotUnderstoodError(f"{text} is not a type and code of ICMP")
        kind, code = _number(first, 255), _number(second, 255)
    return IcmpKind(NumberRange(kind, kind), NumberRange(code, code))
