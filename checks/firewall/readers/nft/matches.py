"""The match part of nftables rules: expressions of libnftables-json(5) as conditions.

nft leaves out what an expression implies (`tcp dport 22` asks for TCP first); here the implied conditions stand beside
the expression, so that a negated one keeps its meaning: `tcp dport != 22` is TCP to any other port.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from ipaddress import ip_address, ip_network
from typing import Any, TypeVar

from ...rules import numbers
from ...rules.matches import (
    BYTE,
    PORTS,
    UNCONNECTED,
    Addresses,
    AddressRange,
    AddressType,
    AnyOf,
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
    OfFamily,
    OutInterface,
    PacketFamily,
    Ports,
    Protocol,
    Side,
    Sometimes,
    State,
    TcpFlags,
    Unmodelled,
)
from ...rules.ruleset import TableFamily
from .text import expression_text, rule_text, tagged

T = TypeVar("T")

Elements = Mapping[str, Sequence[Any]]
"""Elements of the named sets and maps of a table, as their JSON."""

_MIXED = frozenset({TableFamily.INET, TableFamily.BRIDGE, TableFamily.NETDEV})
_FAMILIES = {"ip": PacketFamily.IPV4, "ip6": PacketFamily.IPV6, "ipv4": PacketFamily.IPV4, "ipv6": PacketFamily.IPV6}
_SIDES = {"s": Side.SOURCE, "d": Side.DESTINATION}
_DEPTH = 8
_SECURED = frozenset({"ah", "comp", "esp"})
_CONNECTED = ConntrackState(UNCONNECTED, negated=True)


def read_match(detail: Any, family: TableFamily, sets: Elements) -> tuple[Match, ...]:
    """The conditions of a `match` statement; what is not modelled becomes `Unmodelled` beside what it implies."""
    text = rule_text([{"match": detail}])
    left = detail.get("left") if isinstance(detail, dict) else None
    try:
        conditions = implied(left, family)
    except NotUnderstoodError as error:
        return (Unmodelled(text, str(error)),)
    try:
        return (*conditions, _compared(detail, sets))
    except NotUnderstoodError as error:
        return (*conditions, Unmodelled(text, str(error)))


def _compared(detail: Any, sets: Elements) -> Match:
    match detail:
        case {"op": "in" | "!" as op, "left": left, "right": right}:
            return _bits(left, values(right, sets), none=op == "!")
        case {"op": "==" | "!=" as op, "left": left, "right": right}:
            if isinstance(right, list) and tagged(left)[0] != "&":
                raise NotUnderstoodError("comparison with a list of flags is not modelled")
            return _condition(left, values(right, sets), op == "!=")
        case {"op": "<" | ">" | "<=" | ">=" as op, "left": left, "right": int() | str() as bound} if _is_byte(left):
            within = _Bound(op, _byte(left, bound)).within(BYTE)
            return _condition(left, list(range(within.low, within.high + 1)), False)
        case {"op": "<" | ">" | "<=" | ">=" as op, "left": left, "right": int(bound)}:
            return _condition(left, [_Bound(op, bound)], False)
        case {"op": "<" | ">" | "<=" | ">=" as op, "left": left, "right": str(bound)} if _is_address(left):
            return _condition(left, [_beyond(op, bound)], False)
    raise NotUnderstoodError("operator is not modelled")


def _is_byte(left: Any) -> bool:
    """Whether a field is of one byte whose values conditions list one by one."""
    match tagged(left):
        case "payload", {"protocol": "tcp", "field": "flags"} | {"protocol": "ip", "field": "protocol"}:
            return True
        case "meta", {"key": "l4proto"}:
            return True
    return False


def _byte(left: Any, value: int | str) -> int:
    """A flag or protocol as its number."""
    return (
        _flags(value)
        if tagged(left)[0] == "payload" and left["payload"]["field"] == "flags"
        else min(_protocols([value]))
    )


def _is_address(left: Any) -> bool:
    match tagged(left):
        case "payload", {"protocol": "ip" | "ip6", "field": "saddr" | "daddr"}:
            return True
    return False


def _beyond(op: str, bound: str) -> Any:
    """Addresses up to or from one, which compare as the numbers they are."""
    end = address_range(bound).low
    last = (1 << end.max_prefixlen) - 1
    low, high = {"<": (0, int(end) - 1), "<=": (0, int(end)), ">": (int(end) + 1, last), ">=": (int(end), last)}[op]
    if low > high:
        raise NotUnderstoodError("the comparison holds for nothing")
    kind = type(end)
    return {"range": [str(kind(low)), str(kind(high))]}


def _bits(left: Any, right: list[Any], none: bool) -> Match:
    """Operators on fields of bits: `in` asks whether any of them is set, `!` whether none is."""
    match tagged(left):
        case "payload", {"protocol": "tcp", "field": "flags"}:
            return TcpFlags(_flags(right), frozenset({0}), negated=not none)
        case "ct", {"key": "state" | "status"}:
            return _condition(left, right, negated=none)
    raise NotUnderstoodError("operator is not modelled for this field")


def implied_by_reject(detail: Any, family: TableFamily) -> tuple[Match, ...]:
    """The conditions that nft adds to a `reject` by its answer: a TCP reset answers TCP, an ICMP message IPv4 only."""
    match detail:
        case {"type": "tcp reset"}:
            return (Protocol(frozenset({numbers.TCP})),)
        case {"type": "icmp"} if family in _MIXED:
            return (OfFamily(frozenset({PacketFamily.IPV4})),)
        case {"type": "icmpv6"} if family in _MIXED:
            return (OfFamily(frozenset({PacketFamily.IPV6})),)
    return ()


def implied_by_change(change: Any, family: TableFamily) -> tuple[Match, ...]:
    """The conditions that nft adds to a change: the header that is written, and what the new value is read from."""
    match tagged(change):
        case "mangle", {"key": key, "value": new}:
            # Without a connection nothing is written to it, and the rule goes on; reading from it ends the rule.
            written = () if tagged(key)[0] == "ct" else implied(key, family)
            return tuple(dict.fromkeys((*written, *_implied_within(new, family))))
    return ()


def _implied_within(value: Any, family: TableFamily, depth: int = 0) -> Iterator[Match]:
    if depth > _DEPTH:
        raise NotUnderstoodError("expression is nested too deeply")
    yield from implied(value, family)
    match value:
        case {"|": [*parts]} | {"^": [*parts]} | {"&": [*parts]} | {"<<": [*parts]} | {">>": [*parts]}:
            for part in parts:
                yield from _implied_within(part, family, depth + 1)
        case {"map": {"key": key}}:
            yield from _implied_within(key, family, depth + 1)


def key_conditions(left: Any, key: Any) -> tuple[Match, ...]:
    """The conditions under which a map's key expression equals one of its keys; `*` stands for all other packets."""
    return () if key == "*" else (_condition(left, [_bare(key)], False),)


def values(right: Any, sets: Elements) -> list[Any]:
    """The values of the right side one by one, with named sets replaced by their elements."""
    match right:
        case str() if right.startswith("@"):
            if right[1:] not in sets:
                raise NotUnderstoodError(f"set {right} is not known")
            return [_bare(element) for element in sets[right[1:]]]
        case {"set": [*elements]}:
            return [_bare(element) for element in elements]
        case {"set": element}:
            return [_bare(element)]
        case list():
            return [_bare(element) for element in right]
    return [right]


@dataclass(frozen=True, slots=True)
class _Bound:
    """The right side of a comparison other than equality."""

    op: str
    bound: int

    def __str__(self) -> str:
        return f"{self.op} {self.bound}"

    def within(self, whole: NumberRange) -> NumberRange:
        low, high = whole.low, whole.high
        match self.op:
            case "<":
                high = self.bound - 1
            case "<=":
                high = self.bound
            case ">":
                low = self.bound + 1
            case _:
                low = self.bound
        if not whole.low <= low <= high <= whole.high:
            raise NotUnderstoodError("the comparison holds for everything or nothing")
        return NumberRange(low, high)


def _bare(element: Any) -> Any:
    """An element without its timeout, counter and comment."""
    match element:
        case {"elem": {"val": value}}:
            return value
    return element


def implied(left: Any, family: TableFamily, depth: int = 0) -> tuple[Match, ...]:
    """The conditions that nft adds by itself before it looks at the field."""
    if depth > _DEPTH:
        raise NotUnderstoodError("expression is nested too deeply")
    match tagged(left):
        case "payload", {"protocol": "ip" | "ip6" as name} if family in _MIXED:
            return (OfFamily(frozenset({_FAMILIES[name]})),)
        case "payload", {"protocol": "icmp" | "icmpv6" as name}:
            return (Protocol(frozenset({numbers.PROTOCOLS[name]})),)
        case "payload", {"protocol": str(name)} if name in numbers.WITH_PORTS or name in _SECURED:
            return (Protocol(frozenset({numbers.PROTOCOLS[name]})),)
        case "tcp option", _:
            return (Protocol(frozenset({numbers.TCP})),)
        case "ct", {"key": str(key)} if key != "state":
            return (_CONNECTED,)
        case "concat", [*parts]:
            found = (match for part in parts for match in implied(part, family, depth + 1))
            return tuple(dict.fromkeys(found))
        case "&", [inner, _]:
            return implied(inner, family, depth + 1)
    return ()


def _condition(left: Any, right: Sequence[Any], negated: bool) -> Match:  # noqa: C901 - one case per field
    match tagged(left):
        case "payload", {"protocol": "ip" | "ip6", "field": "saddr" | "daddr" as field}:
            return Addresses(_SIDES[field[0]], tuple(address_range(value) for value in right), negated)
        case "payload", {"protocol": str(name), "field": "sport" | "dport" as field} if (
            name in numbers.WITH_PORTS or name == "th"
        ):
            return Ports(_SIDES[field[0]], _numbers(right, PORTS, {}), negated)
        case ("payload", {"protocol": "ip", "field": "protocol"}) | ("meta", {"key": "l4proto"}):
            return Protocol(_protocols(right), negated)
        case "payload", {"protocol": "icmp" | "icmpv6" as name, "field": "type" | "code" as field}:
            return _icmp(name, field, right, negated)
        case "payload", {"protocol": "tcp", "field": "flags"}:
            return TcpFlags(0xFF, frozenset(_flags(value) for value in right), negated)
        case "&", [{"payload": {"protocol": "tcp", "field": "flags"}}, mask]:
            return TcpFlags(_flags(mask), frozenset({_flags(list(right))}), negated)
        case "&", [{"payload": {"protocol": "ip", "field": "frag-off"}}, 0x1FFF] if list(right) == [0]:
            return Fragment(not negated)
        case ("payload", {"protocol": "ether", "field": "type"}) | ("meta", {"key": "nfproto" | "protocol"}):
            return OfFamily(frozenset(_looked_up(value, _FAMILIES) for value in right), negated)
        case "meta", {"key": "iif" | "iifname"}:
            return InInterface(_interfaces(right), negated)
        case "meta", {"key": "oif" | "oifname"}:
            return OutInterface(_interfaces(right), negated)
        case (("meta" | "ct"), {"key": "mark"}):
            return _mark(left, 0xFFFFFFFF, right, negated)
        case "&", [({"meta": {"key": "mark"}} | {"ct": {"key": "mark"}}) as inner, int(mask)]:
            return _mark(inner, mask, right, negated)
        case "ct", {"key": "state"}:
            return ConntrackState(frozenset(_states(right)), negated)
        case "ct", {"key": "direction"} if len(right) == 1 and right[0] in ("original", "reply"):
            return _direction((right[0] == "original") is not negated, expression_text(left))
        case "fib", {"result": "type", "flags": ["saddr" | "daddr" as field]}:
            return AddressType(_SIDES[field[0]], frozenset(_plain(value) for value in right), negated)
        case "concat", [*parts]:
            return AnyOf(tuple(_alternative(parts, value) for value in right), negated)
    return _restriction(left, right, negated)


def _restriction(left: Any, right: Sequence[Any], negated: bool) -> Match:
    """Fields that are not modelled exactly, as far as it is known that they never hold for every packet."""
    if not all(isinstance(value, str | int) for value in right):
        raise NotUnderstoodError("only comparison with single values is modelled for this field")
    shown = ",".join(expression_text(value) for value in right)
    text = f"{expression_text(left)} {'!= ' if negated else ''}{shown}"
    match tagged(left):
        case (("numgen" | "jhash" as kind), _) | (("meta" as kind), {"key": "random" | "time" | "day" | "hour"}):
            return Sometimes(kind, text)
        case "fib", {"result": "oif", "flags": [*_]} if list(right) == [False] and not negated:
            return KnownCondition("reverse path", text)
        case "payload", {"protocol": "ether" | "vlan" | "arp" | "ah" | "esp" as name} if not negated:
            return KnownCondition(name, text)
        case "payload", {"protocol": "ip6", "field": "nexthdr"} if not negated:
            return KnownCondition("nexthdr", text)
        case "meta", {"key": "pkttype"} if set(map(str, right)) <= {"broadcast", "multicast"} and not negated:
            return KnownCondition("pkttype", text)
        case "meta", {"key": "skuid" | "skgid"} if not negated:
            return KnownCondition("owner", text)
        case "ct", {"key": "status"} if set(map(str, right)) <= {"dnat", "snat"} and not negated:
            return KnownCondition("ct status", text)
        case "exthdr", {"name": str(name)} if list(right) != [False] and not negated:
            return KnownCondition(name, text)
    raise NotUnderstoodError("field is not modelled")


def _direction(original: bool, text: str) -> Match:
    """The direction of a packet in its connection, which a packet that begins one sets; of others it is not known."""
    new = ConntrackState(frozenset({State.NEW}))
    other = KnownCondition("direction", f"{text} {'original' if original else 'reply'}")
    return AnyOf(((new,), (other,)) if original else ((replace(new, negated=True), other),))


def _states(right: Iterable[Any]) -> Iterator[State]:
    """Connection tracking states. A packet has exactly one, so it never equals a combination (`new,established`).

    nft writes `ct state != new,established` as such a comparison, which therefore holds for every packet.
    """
    for value in right:
        match tagged(value):
            case "|", [*parts] if len({_looked_up(part, _STATES) for part in parts}) > 1:
                continue
            case _:
                yield _looked_up(value, _STATES)


_STATES = {state.value: state for state in State}


def _alternative(parts: Sequence[Any], value: Any) -> tuple[Match, ...]:
    match value:
        case {"concat": [*components]} if len(components) == len(parts):
            pairs = zip(parts, components, strict=True)
            return tuple(_condition(part, [component], False) for part, component in pairs)
    raise NotUnderstoodError("element does not fit the concatenation")


def _looked_up(value: Any, names: Mapping[str, T]) -> T:
    if not isinstance(value, str) or value not in names:
        raise NotUnderstoodError(f"{expression_text(value)} is not modelled here")
    return names[value]


def _plain(value: Any) -> str:
    if not isinstance(value, str):
        raise NotUnderstoodError(f"{expression_text(value)} is not a name")
    return value


def address_range(value: Any) -> AddressRange:
    """An address, prefix or range. Raises `NotUnderstoodError` for anything else."""
    try:
        match value:
            case str():
                return AddressRange(ip_address(value), ip_address(value))
            case {"prefix": {"addr": str(address), "len": int(length)}}:
                return AddressRange.of(ip_network(f"{address}/{length}", strict=False))
            case {"range": [str(low), str(high)]}:
                found = AddressRange(ip_address(low), ip_address(high))
                if found.low.version == found.high.version and int(found.low) <= int(found.high):
                    return found
    except ValueError as error:
        raise NotUnderstoodError(f"{expression_text(value)} is not an address") from error
    raise NotUnderstoodError(f"{expression_text(value)} is not an address")


def _numbers(right: Iterable[Any], whole: NumberRange, names: Mapping[str, int]) -> tuple[NumberRange, ...]:
    def number(value: Any) -> int:
        found = names.get(value) if isinstance(value, str) else value
        if isinstance(found, bool) or not isinstance(found, int) or not whole.low <= found <= whole.high:
            raise NotUnderstoodError(f"{expression_text(value)} is not a number up to {whole.high}")
        return found

    def numbers_of(value: Any) -> NumberRange:
        match value:
            case _Bound():
                return value.within(whole)
            case {"range": [low, high]}:
                found = NumberRange(number(low), number(high))
            case _:
                found = NumberRange(number(value), number(value))
        if found.low > found.high:
            raise NotUnderstoodError(f"{expression_text(value)} is an empty range")
        return found

    return tuple(numbers_of(value) for value in right)


def _protocols(right: Iterable[Any]) -> frozenset[int]:
    protocols: set[int] = set()
    for value in right:
        number = numbers.protocol_number(str(value)) if isinstance(value, str | int) else None
        if number is None:
            raise NotUnderstoodError(f"protocol {expression_text(value)} is not known")
        protocols.add(number)
    return frozenset(protocols)


def _icmp(name: str, field: str, right: Iterable[Any], negated: bool) -> Match:
    family = PacketFamily.IPV4 if name == "icmp" else PacketFamily.IPV6
    names = numbers.ICMP_TYPES if name == "icmp" else numbers.ICMPV6_TYPES
    if field == "type":
        kinds = tuple(IcmpKind(types) for types in _numbers(right, BYTE, names))
    else:
        kinds = tuple(IcmpKind(BYTE, codes) for codes in _numbers(right, BYTE, {}))
    return Icmp(family, kinds, negated)


def _mark(left: Any, mask: int, right: Sequence[Any], negated: bool) -> Match:
    if len(right) != 1 or not isinstance(right[0], int):
        raise NotUnderstoodError("mark is not one number")
    return Mark(right[0], mask, "ct" in left, negated)


def _interfaces(right: Iterable[Any]) -> tuple[str, ...]:
    return tuple(_plain(value) for value in right)


def _flags(value: Any, depth: int = 0) -> int:
    """TCP flags as bits, from a name, a number, a list of names, or names joined by `|`."""
    match value:
        case str() if value in numbers.TCP_FLAGS:
            return numbers.TCP_FLAGS[value]
        case int() if 0 <= value <= 0xFF:
            return value
        case {"|": [*parts]} | [*parts] if parts and depth < _DEPTH:
            bits = 0
            for part in parts:
                bits |= _flags(part, depth + 1)
            return bits
    raise NotUnderstoodError(f"{expression_text(value)} are not TCP flags")
