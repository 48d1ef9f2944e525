"""Interfaces, aliases, addresses and ports of a pfSense or OPNsense configuration, which its rules name."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network

from ...rules.matches import (
    PORTS,
    Addresses,
    AddressRange,
    AddressType,
    AnyOf,
    Match,
    NotUnderstoodError,
    NumberRange,
    OfFamily,
    PacketFamily,
    SetMembership,
    Side,
    Unmodelled,
)
from .xml_tree import Element

_ADDRESS_TYPES = frozenset({"host", "network", "networkgroup"})
_HOST_NAME = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)+\.?", re.ASCII)
# Interfaces that the system makes by itself, as its rules name them: those of VPN servers and clients, and of IPsec.
_BUILT_IN = {"openvpn": ("ovpns*", "ovpnc*"), "enc0": ("enc0",), "ipsec": ("enc0",), "wireguard": ("tun_wg*", "wg*")}


@dataclass(frozen=True, slots=True)
class Alias:
    """A named list of addresses or ports; entries may name other aliases."""

    name: str
    kind: str
    entries: tuple[str, ...]


@dataclass(slots=True)
class _Found:
    ranges: list[AddressRange] = field(default_factory=list)
    others: list[tuple[Match, ...]] = field(default_factory=list)


class Objects:
    """What the rules of one configuration may name."""

    def __init__(self, root: Element) -> None:
        self._root = root
        self.interfaces: Mapping[str, Element] = {
            element.tag: element for section in root.all("interfaces") for element in section.children
        }
        self._aliases = {alias.name: alias for alias in _aliases(root)}
        self.groups: Mapping[str, tuple[str, ...]] = {
            entry.value("ifname"): tuple(re.split(r"[\s,]+", entry.value("members")))
            for entry in root.all("ifgroups", "ifgroupentry")
        }
        self._more_addresses = root.has("virtualip", "vip")

    def devices(self, names: Sequence[str]) -> tuple[str, ...]:
        """The devices of interfaces and groups of them. Raises `NotUnderstoodError` for one that is not configured."""
        found: list[str] = []
        for name in names:
            for member in self.groups.get(name, (name,)):
                element = self.interfaces.get(member)
                if element is not None and element.value("if"):
                    found.append(element.value("if"))
                elif member.lower() in _BUILT_IN:
                    found += _BUILT_IN[member.lower()]
                else:
                    raise NotUnderstoodError(f"the interface {member} is not in the configuration")
        return tuple(dict.fromkeys(found))

    def end(self, element: Element, side: Side) -> tuple[Match, ...]:
        """The condition that `source` or `destination` put on the addresses of a packet."""
        known = {"any", "network", "address", "not", "port"}
        strange = [child.tag for child in element.children if child.tag not in known]
        if strange:
            raise NotUnderstoodError(f"the field {strange[0]} of a {side} is not modelled")
        names = [element.value(tag) for tag in ("network", "address") if element.has(tag)]
        negated = is_on(element, "not")
        if element.has("any") or names == ["any"]:
            if negated or len(names) > 1:
                raise NotUnderstoodError(f"the {side} is all addresses and something else")
            return ()
        if len(names) != 1 or not names[0]:
            raise NotUnderstoodError(f"the {side} is not one name or address")
        if names[0] == "(self)":
            return (AddressType(side, frozenset({"local"}), negated),)
        found = _Found()
        for name in names[0].split(",") if element.has("network") else names:
            self._address(name, side, found)
        if not found.others:
            return (Addresses(side, tuple(found.ranges), negated),)
        plain = [(Addresses(side, tuple(found.ranges)),)] if found.ranges else []
        return (AnyOf((*plain, *found.others), negated),)

    def _address(self, name: str, side: Side, found: _Found) -> None:
        for entry in self._entries(name, ports=False):
            interface = entry.removesuffix("ip") if entry not in self.interfaces else entry
            if interface in self.interfaces:
                self._interface(self.interfaces[interface], interface != entry, side, found)
                continue
            try:
                found.ranges.append(address_range(entry))
            except NotUnderstoodError as error:
                if entry in self._aliases or _HOST_NAME.fullmatch(entry):
                    why = "the addresses of the name are not in the configuration"
                    found.others.append((SetMembership(entry, (side,), why=why),))
                else:
                    found.others.append((Unmodelled(entry, str(error)),))

    def _interface(self, element: Element, only_address: bool, side: Side, found: _Found) -> None:
        """The network of an interface, or its address; that of a family may be given to it by somebody else."""
        for family, tag, length in (
            (PacketFamily.IPV4, "ipaddr", "subnet"),
            (PacketFamily.IPV6, "ipaddrv6", "subnetv6"),
        ):
            address = element.value(tag)
            try:
                text = address if only_address else f"{address}/{element.value(length)}"
                found.ranges.append(AddressRange.of(ip_network(text, strict=False)))
            except ValueError:
                if address:
                    self._given(
                        element.tag,
                        family,
                        side,
                        found,
                        f"the {family.label} addresses of the interface are given to it",
                    )
        if self._more_addresses:
            for family in PacketFamily:
                self._given(element.tag, family, side, found, "virtual addresses of interfaces are not modelled")

    def _given(self, name: str, family: PacketFamily, side: Side, found: _Found, why: str) -> None:
        found.others.append((OfFamily(frozenset({family})), SetMembership(name, (side,), why=why)))

    def _entries(self, name: str, *, ports: bool) -> list[str]:
        """The entries of an alias and those it names, each once; a name that is no such alias is its only entry."""
        pending = [name]
        seen: dict[str, bool] = {}
        while pending:
            entry = pending.pop()
            if entry in seen:
                continue
            alias = self._aliases.get(entry)
            follow = alias is not None and (alias.kind == "port" if ports else alias.kind in _ADDRESS_TYPES)
            seen[entry] = not follow
            if follow and alias is not None:
                pending += reversed(alias.entries)
        return [entry for entry, wanted in seen.items() if wanted]

    def ports(self, text: str) -> tuple[NumberRange, ...]:
        """Ports of a rule: a number, a range, or an alias. Raises `NotUnderstoodError` for anything else."""
        if text in ("", "any"):
            return (PORTS,)
        return tuple(port_range(entry) for entry in self._entries(text, ports=True))


def is_on(element: Element, *path: str) -> bool:
    """Whether a switch is on: pfSense writes the element, be it empty, OPNsense may write 0 into it."""
    return element.has(*path) and element.value(*path).lower() not in ("0", "no", "off", "false")


def _aliases(root: Element) -> list[Alias]:
    """Aliases of pfSense, and of OPNsense, which are enabled and written one entry per line."""
    found = [
        Alias(one.value("name"), one.value("type"), tuple(one.value("address").split()))
        for one in root.all("aliases", "alias")
    ]
    found += [
        Alias(one.value("name"), one.value("type"), tuple(one.value("content").split()))
        for one in root.all("OPNsense", "Firewall", "Alias", "aliases", "alias")
        if is_on(one, "enabled")
    ]
    return found


def address_range(text: str) -> AddressRange:
    """An address, network or range. Raises `NotUnderstoodError` for anything else."""
    low, dash, high = text.partition("-")
    try:
        if not dash:
            return AddressRange.of(ip_network(text, strict=False))
        found = AddressRange(ip_address(low), ip_address(high))
    except ValueError as error:
        raise NotUnderstoodError("is not an address, an alias or an interface of the configuration") from error
    if found.low.version != found.high.version or int(found.low) > int(found.high):
        raise NotUnderstoodError("is an empty range of addresses")
    return found


_PORT_RANGE = re.compile(r"(\d{1,5})(?:[-:](\d{1,5}))?", re.ASCII)


def port_range(text: str) -> NumberRange:
    """A port or a range of ports, written `80`, `80-90` or `80:90`."""
    found = _PORT_RANGE.fullmatch(text)
    low, high = (int(found[1]), int(found[2] or found[1])) if found else (1, 0)
    if not low <= high <= PORTS.high:
        raise NotUnderstoodError(f"{text} is not a port, a range or an alias of ports")
    return NumberRange(low, high)
