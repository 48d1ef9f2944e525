"""Addresses, services, interfaces and zones of a FortiGate, which its policies name.

Defaults of settings are those of the FortiOS CLI Reference (`firewall address`, `firewall service custom`, …).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network

from ...rules import numbers
from ...rules.matches import (
    BYTE,
    Addresses,
    AddressRange,
    AnyOf,
    Icmp,
    IcmpKind,
    InInterface,
    Match,
    NotUnderstoodError,
    NumberRange,
    OutInterface,
    PacketFamily,
    Ports,
    Protocol,
    SetMembership,
    Side,
    Unmodelled,
)
from .fortios import Node

_NO_LIMIT = {PacketFamily.IPV4: ip_network("0.0.0.0/0"), PacketFamily.IPV6: ip_network("::/0")}
_PORTS = {"tcp-portrange": "tcp", "udp-portrange": "udp", "sctp-portrange": "sctp"}
# Settings that say nothing about packets.
_DECORATION = frozenset(
    {"allow-routing", "associated-interface", "cache-ttl", "category", "color", "comment", "comments"}
    | {"fabric-object", "helper", "list", "obsolete", "passive-fqdn-learning", "route-tag", "session-ttl", "tagging"}
    | {"tcp-halfclose-timer", "tcp-halfopen-timer", "tcp-rst-timer", "tcp-timewait-timer", "udp-idle-timer", "uuid"}
    | {"visibility"}
)


@dataclass(slots=True)
class _Found:
    """What a list of address names stands for."""

    ranges: list[AddressRange] = field(default_factory=list)
    others: list[Match] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Objects:
    """The objects of a virtual domain; `device` holds what all of them share."""

    domain: Node
    device: Node

    def addresses(self, side: Side, names: Sequence[str], family: PacketFamily, *, negated: bool) -> Match:
        """The condition that one of the named addresses and groups contains the address of a packet."""
        found = _Found()
        for name in self._members(f"firewall addrgrp{_six(family)}", names):
            self._address(name, family, side, found)
        if not found.others:
            return Addresses(side, tuple(found.ranges), negated)
        alternatives = [(match,) for match in found.others]
        if found.ranges:
            alternatives.append((Addresses(side, tuple(found.ranges)),))
        return AnyOf(tuple(alternatives), negated)

    def _members(self, section: str, names: Sequence[str]) -> list[str]:
        """The names with groups replaced by their members, each once; a group that is not understood stays a name."""
        groups = self.domain.section(section).entries
        pending = list(reversed(names))
        seen: dict[str, bool] = {}
        while pending:
            name = pending.pop()
            if name in seen:
                continue
            group = groups.get(name)
            seen[name] = group is None or not _is_plain_group(group)
            if not seen[name] and group is not None:
                pending += reversed(group.values("member"))
        return [name for name, wanted in seen.items() if wanted]

    def _address(self, name: str, family: PacketFamily, side: Side, found: _Found) -> None:
        entry = self.domain.section(f"firewall address{_six(family)}").entries.get(name)
        if name in self.domain.section(f"firewall addrgrp{_six(family)}").entries:
            found.others.append(Unmodelled(name, "the address group has exceptions or fields that are not modelled"))
        elif entry is not None:
            try:
                found.ranges.append(_range(entry, family))
            except NotUnderstoodError as error:
                found.others.append(Unmodelled(name, str(error)))
            except _LookedUp:
                why = "the addresses of the name are not in the configuration"
                found.others.append(SetMembership(name, (side,), why=why))
        elif name == "all":
            found.ranges.append(AddressRange.of(_NO_LIMIT[family]))
        else:
            found.others.append(Unmodelled(name, "the address is not in the configuration"))

    def interfaces(self, names: Sequence[str], *, incoming: bool) -> tuple[Match, ...]:
        """The condition that a packet passes one of the interfaces and zones; none for `any`."""
        if "any" in names:
            return ()
        found: list[str] = []
        for name in names:
            zone = self._named("system zone", name)
            if zone is not None:
                found += zone.values("interface")
            elif self._named("system interface", name) is not None:
                found.append(name)
            else:
                return (Unmodelled(name, "the interface is not in the configuration"),)
        return (InInterface(tuple(found)) if incoming else OutInterface(tuple(found)),)

    def _named(self, section: str, name: str) -> Node | None:
        return self.domain.section(section).entries.get(name) or self.device.section(section).entries.get(name)

    def services(self, names: Sequence[str], *, negated: bool) -> tuple[Match, ...]:
        """The condition that a packet is of one of the services and groups."""
        members = self._members("firewall service group", names)
        alternatives = tuple(dict.fromkeys(part for name in members for part in self._service(name)))
        if () in alternatives and not negated:
            return ()
        if len(alternatives) == 1 and not negated:
            return alternatives[0]
        return (AnyOf(alternatives, negated),)

    def _service(self, name: str) -> list[tuple[Match, ...]]:
        entry = self.domain.section("firewall service custom").entries.get(name)
        if name in self.domain.section("firewall service group").entries:
            return [(Unmodelled(name, "the service group has fields that are not modelled"),)]
        if entry is not None:
            try:
                return _custom(entry)
            except NotUnderstoodError as error:
                return [(Unmodelled(name, str(error)),)]
        if name == "ALL":
            return [()]
        return [(Unmodelled(name, "the service is not in the configuration"),)]


def _six(family: PacketFamily) -> str:
    return "6" if family is PacketFamily.IPV6 else ""


def _is_plain_group(group: Node) -> bool:
    """Whether a group is its members and nothing else."""
    exceptions = group.value("exclude", "disable") != "disable"
    return not exceptions and group.settings.keys() <= _DECORATION | {"member", "exclude"} and not group.sections


class _LookedUp(Exception):
    """The addresses of an object are looked up elsewhere."""


def _range(entry: Node, family: PacketFamily) -> AddressRange:
    """The addresses of an object. Raises `NotUnderstoodError`, and `_LookedUp` for names and countries."""
    kind = entry.value("type", "ipmask" if family is PacketFamily.IPV4 else "ipprefix")
    first, last = "start-ip", "end-ip"
    try:
        match kind:
            case "ipmask":
                words, known = entry.value("subnet", "0.0.0.0 0.0.0.0").split(), {"subnet"}
                found = AddressRange.of(ip_network("/".join(words)))
            case "ipprefix":
                found, known = AddressRange.of(ip_network(entry.value("ip6", "::/128"))), {"ip6"}
            case "iprange":
                found, known = AddressRange(*(ip_address(entry.value(key)) for key in (first, last))), {first, last}
            case "fqdn" | "geography":
                raise _LookedUp
            case _:
                raise NotUnderstoodError(f"addresses of the type {kind} are not modelled")
    except ValueError as error:
        raise NotUnderstoodError("the address is not a network or range") from error
    unknown = sorted(entry.settings.keys() - _DECORATION - known - {"type"} | entry.sections.keys() - _DECORATION)
    if unknown:
        raise NotUnderstoodError(f"the field {unknown[0]} of an address is not modelled")
    if found.family is not family or found.low.version != found.high.version or int(found.low) > int(found.high):
        raise NotUnderstoodError("the address is not of the policy's family or an empty range")
    return found


def _custom(entry: Node) -> list[tuple[Match, ...]]:
    kind = entry.value("protocol", "TCP/UDP/SCTP")
    match kind:
        case "TCP/UDP/SCTP" | "TCP/UDP/UDP-Lite/SCTP":
            found, known = _ported(entry), set(_PORTS)
        case "IP":
            number = _number(entry.value("protocol-number", "0"), 254)
            found, known = [(Protocol(frozenset({number})),) if number else ()], {"protocol-number"}
        case "ICMP" | "ICMP6":
            found, known = [_icmp(entry, kind)], {"icmptype", "icmpcode"}
        case _:
            raise NotUnderstoodError(f"services of the protocol {kind} are not modelled")
    unknown = sorted(entry.settings.keys() - _DECORATION - known - {"protocol"})
    if unknown:
        raise NotUnderstoodError(f"the field {unknown[0]} of a service is not modelled")
    return found


def _ported(entry: Node) -> list[tuple[Match, ...]]:
    found: list[tuple[Match, ...]] = []
    for key, name in _PORTS.items():
        for text in entry.values(key):
            destination, colon, source = text.partition(":")
            ports: list[Match] = [Ports(Side.DESTINATION, (_port_range(destination),))]
            if colon:
                ports.append(Ports(Side.SOURCE, (_port_range(source),)))
            found.append((Protocol(frozenset({numbers.WITH_PORTS[name]})), *ports))
    if not found:
        raise NotUnderstoodError("the service names no ports")
    return found


def _port_range(text: str) -> NumberRange:
    low, dash, high = text.partition("-")
    first = _number(low, 65535)
    last = _number(high, 65535) if dash else first
    if first > last:
        raise NotUnderstoodError(f"{text} is an empty range")
    return NumberRange(first, last)


def _number(text: str, most: int) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and int(text) <= most):
        raise NotUnderstoodError(f"{text} is not a number up to {most}")
    return int(text)


def _icmp(entry: Node, kind: str) -> tuple[Match, ...]:
    family, number = (PacketFamily.IPV4, numbers.ICMP) if kind == "ICMP" else (PacketFamily.IPV6, numbers.ICMPV6)
    only = Protocol(frozenset({number}))
    if "icmptype" not in entry.settings:
        if "icmpcode" in entry.settings:
            raise NotUnderstoodError("the service has a code of ICMP without a type")
        return (only,)
    message = _number(entry.value("icmptype"), 255)
    codes = BYTE
    if "icmpcode" in entry.settings:
        code = _number(entry.value("icmpcode"), 255)
        codes = NumberRange(code, code)
    return only, Icmp(family, (IcmpKind(NumberRange(message, message), codes),))
