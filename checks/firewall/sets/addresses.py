"""Addresses as runs of numbers, and back."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address

from ..rules.matches import AddressRange, PacketFamily
from .regions import Runs, runs


def last_address(family: PacketFamily) -> int:
    """The highest address of the family; the lowest is 0."""
    return (1 << (32 if family is PacketFamily.IPV4 else 128)) - 1


def address_runs(ranges: Iterable[AddressRange], family: PacketFamily) -> Runs:
    """The union of those ranges that are of the family."""
    return runs((int(part.low), int(part.high)) for part in ranges if part.family is family)


def address_ranges(found: Runs, family: PacketFamily) -> tuple[AddressRange, ...]:
    """Runs of numbers as ranges of addresses of the family."""
    address = IPv4Address if family is PacketFamily.IPV4 else IPv6Address
    return tuple(AddressRange(address(low), address(high)) for low, high in found)


def most_addresses(found: Runs, family: PacketFamily) -> bool:
    """Whether more than half of all addresses of the family are among them."""
    return sum(high - low + 1 for low, high in found) > (last_address(family) + 1) // 2
