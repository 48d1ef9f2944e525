"""What membership in an ipset asks of a packet: `--match-set NAME src,dst` as exact conditions.

How the kernel looks a packet up follows net/netfilter/ipset: the longest prefix decides, whether or not its element
says `nomatch`; a set with more dimensions than the rule gives fields, or of the other family, holds no packet; later
fragments have no ports.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

from ...rules.matches import (
    Addresses,
    AddressRange,
    AnyOf,
    Fragment,
    Icmp,
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
)
from ...rules.ruleset import Chain, Effect, Rule, Ruleset, Table, TableFamily
from .save import Element, Hardware, Interface, IpSet, IpSets, MarkValue, Part, Service

_CHANGES = frozenset({"--add-set", "--del-set"})
_SIDES = {"src": Side.SOURCE, "dst": Side.DESTINATION}


def resolve_sets(ruleset: Ruleset, sets: IpSets) -> Ruleset:
    """The ruleset with every membership in a set replaced by what the set's elements ask for.

    A set that is not listed or not understood, and one that rules of the ruleset change (`-j SET`), stays a
    `SetMembership` that says why. Lines of the listing that are not understood are added to `unread`.
    """
    changed = frozenset(_changed(ruleset))
    reader = _Reader(sets.sets, changed)
    tables = tuple(_resolved_table(table, reader) for table in ruleset.tables)
    return Ruleset(tables, (*ruleset.unread, *sets.unread))


def _changed(ruleset: Ruleset) -> Iterator[str]:
    for _, _, rule in ruleset.rules:
        for statement in rule.statements:
            if isinstance(statement, Effect):
                words = statement.text.split()
                yield from (name for option, name in pairwise(words) if option in _CHANGES)


def _resolved_table(table: Table, reader: _Reader) -> Table:
    packets = {TableFamily.IP: PacketFamily.IPV4, TableFamily.IP6: PacketFamily.IPV6}.get(table.family)
    if packets is None:
        return table
    return replace(table, chains=tuple(_resolved_chain(chain, packets, reader) for chain in table.chains))


def _resolved_chain(chain: Chain, family: PacketFamily, reader: _Reader) -> Chain:
    return replace(chain, rules=tuple(_resolved_rule(rule, family, reader) for rule in chain.rules))


def _resolved_rule(rule: Rule, family: PacketFamily, reader: _Reader) -> Rule:
    if not any(isinstance(match, SetMembership) for match in rule.matches):
        return rule
    matches: list[Match] = []
    for match in rule.matches:
        if isinstance(match, SetMembership):
            try:
                matches += reader.membership(match, family)
            except NotUnderstoodError as error:
                matches.append(replace(match, why=str(error)))
        else:
            matches.append(match)
    return replace(rule, matches=tuple(dict.fromkeys(matches)))


_Alternative = tuple[Match, ...]


class _Reader:
    """Looks sets up by name, and remembers what they mean."""

    def __init__(self, sets: Mapping[str, IpSet], changed: frozenset[str]) -> None:
        self._sets = sets
        self._changed = changed
        self._known: dict[tuple[str, tuple[str, ...], PacketFamily], tuple[_Alternative, ...]] = {}

    def membership(self, match: SetMembership, family: PacketFamily) -> tuple[Match, ...]:
        """The conditions of one `--match-set`. Raises `NotUnderstoodError` when the elements are not known."""
        key = match.name, match.fields, family
        if key not in self._known:
            self._known[key] = tuple(self._alternatives(*key))
        found = self._known[key]
        if not found:
            # Also the negation of "no packet" is exact.
            return (Addresses(Side.SOURCE, (), match.negated),)
        if len(found) == 1 and len(found[0]) == 1 and isinstance(only := found[0][0], Addresses):
            return (replace(only, negated=match.negated),)
        if len(found) == 1 and not match.negated:
            return found[0]
        return (AnyOf(found, match.negated),)

    def _alternatives(self, name: str, fields: tuple[str, ...], family: PacketFamily) -> list[_Alternative]:
        one = self._set(name)
        if one.kinds == ("set",):
            return [part for member in one.members for part in self._of_member(member, fields, family)]
        if one.family not in (None, family) or len(fields) < len(one.kinds):
            return []
        return _meaning(one, fields, family)

    def _of_member(self, name: str, fields: tuple[str, ...], family: PacketFamily) -> list[_Alternative]:
        if self._set(name).kinds == ("set",):
            raise NotUnderstoodError(f"the set {name} is a list within a list")
        return self._alternatives(name, fields, family)

    def _set(self, name: str) -> IpSet:
        one = self._sets.get(name)
        if one is None:
            raise NotUnderstoodError(f"the set {name} is not listed")
        if name in self._changed:
            raise NotUnderstoodError(f"rules change the set {name} as packets pass")
        if one.not_understood:
            raise NotUnderstoodError(f"the set {name} is not understood: {one.not_understood}")
        return one


def _meaning(one: IpSet, fields: Sequence[str], family: PacketFamily) -> list[_Alternative]:
    """Addresses that share all other parts make up one alternative; so do the ports of a set of ports."""
    sides = [_side(name) for name in fields[: len(one.kinds)]]
    if one.kinds == ("port",):
        return _ports_only(one.elements, sides[0])
    at = next((one.kinds.index(kind) for kind in ("net", "ip") if kind in one.kinds), None)
    if at is None:
        return [_conditions(element.parts, sides, family) for element in one.elements]
    if any(element.nomatch for element in one.elements):
        _check_exceptions(one)
    groups: dict[tuple[Part, ...], list[Element]] = {}
    for element in one.elements:
        groups.setdefault(element.parts[:at] + element.parts[at + 1 :], []).append(element)
    found = []
    for others, elements in groups.items():
        ranges = _ranges([(element.parts[at], element.nomatch) for element in elements])
        rest = _conditions(others, sides[:at] + sides[at + 1 :], family)
        if ranges:
            found.append((Addresses(sides[at], ranges), *rest))
    return found


def _side(name: str) -> Side:
    if name not in _SIDES:
        raise NotUnderstoodError(f"{name} is neither src nor dst")
    return _SIDES[name]


def _check_exceptions(one: IpSet) -> None:
    """Exceptions are modelled where one prefix decides and all other parts are compared for equality."""
    parts = [part for element in one.elements for part in element.parts if isinstance(part, Interface)]
    if one.kinds.count("net") != 1 or any("*" in part.name for part in parts):
        raise NotUnderstoodError(f"the exceptions (nomatch) of the set {one.name} are not modelled")


def _ports_only(elements: Iterable[Element], side: Side) -> list[_Alternative]:
    by_protocol: dict[frozenset[int], list[tuple[int, int]]] = {}
    for element in elements:
        for part in element.parts:
            if isinstance(part, Service) and part.ports is not None:
                by_protocol.setdefault(part.protocols, []).append((part.ports.low, part.ports.high))
    return [
        (Protocol(protocols), Ports(side, tuple(NumberRange(low, high) for low, high in _joined(runs))))
        for protocols, runs in by_protocol.items()
    ]


def _conditions(parts: Sequence[Part], sides: Sequence[Side], family: PacketFamily) -> _Alternative:
    return tuple(
        match for part, side in zip(parts, sides, strict=True) for match in _part_conditions(part, side, family)
    )


def _part_conditions(part: Part, side: Side, family: PacketFamily) -> _Alternative:
    match part:
        case AddressRange():
            return (Addresses(side, (part,)),)
        case Service(ports=NumberRange() as ports):
            return (Protocol(part.protocols), Ports(side, (ports,)))
        case Service(icmp=Icmp() as icmp):
            return (Protocol(part.protocols), icmp)
        case Service():
            # Of later IPv6 fragments the kernel does not tell the protocol here.
            whole = (Fragment(negated=True),) if family is PacketFamily.IPV6 else ()
            return (Protocol(part.protocols), *whole)
        case Interface(bridge_port=True) | Hardware():
            return (KnownCondition("ipset", str(part)),)
        case Interface(name):
            return (InInterface((name,)) if side is Side.SOURCE else OutInterface((name,)),)
        case MarkValue(value, mask):
            return (Mark(value & mask, mask),)


def _ranges(parts: Iterable[tuple[Part, bool]]) -> tuple[AddressRange, ...]:
    """The addresses of all elements but those for which a more specific exception decides."""
    plain: list[AddressRange] = []
    exceptions: list[AddressRange] = []
    for part, nomatch in parts:
        if isinstance(part, AddressRange):
            (exceptions if nomatch else plain).append(part)
    exceptions.sort(key=lambda one: int(one.low))
    starts = [int(one.low) for one in exceptions]
    runs: list[tuple[int, int]] = []
    for one in plain:
        # Prefixes lie within each other or apart, so an exception that starts inside and is not wider lies inside.
        inside = exceptions[bisect_left(starts, int(one.low)) : bisect_right(starts, int(one.high))]
        runs += _without(one, [part for part in inside if int(part.high) <= int(one.high)])
    address = type(plain[0].low) if plain else None
    return tuple(AddressRange(address(low), address(high)) for low, high in _joined(runs)) if address else ()


def _without(one: AddressRange, holes: Sequence[AddressRange]) -> Iterator[tuple[int, int]]:
    """What is left of a range; the holes are in order."""
    low = int(one.low)
    for hole in holes:
        if int(hole.low) > low:
            yield low, int(hole.low) - 1
        low = max(low, int(hole.high) + 1)
    if low <= int(one.high):
        yield low, int(one.high)


def _joined(runs: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Runs in order, with those that touch each other made one."""
    joined: list[tuple[int, int]] = []
    for low, high in sorted(runs):
        if joined and low <= joined[-1][1] + 1:
            joined[-1] = joined[-1][0], max(joined[-1][1], high)
        else:
            joined.append((low, high))
    return joined
