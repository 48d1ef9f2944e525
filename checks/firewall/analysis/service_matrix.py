"""Which service is open to whom over which family: every service of a ruleset, and the same as a matrix."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import pairwise

from ..rules.matches import AddressRange, NumberRange, PacketFamily
from ..rules.ruleset import Ruleset
from ..sets.expansion import TooManyPlacesError
from ..sets.regions import TooManyRegionsError
from .forwarding import published_services, routed_services
from .reach import Access, Reachability, Service, Way

MOST_ACCESSES = 3
"""Sets of sources of one service that are told; the others are counted."""

MOST_SOURCES = 4
"""Ranges of one access that are named; the others are counted."""

_OF: tuple[tuple[str, Callable[[Ruleset, PacketFamily], Iterator[Service]]], ...] = (
    ("services", lambda ruleset, family: Reachability(ruleset, family).services()),
    ("services behind the host", routed_services),
    ("published services", published_services),
)


def all_services(ruleset: Ruleset, families: Collection[PacketFamily]) -> tuple[list[Service], list[str]]:
    """Services of the host, those behind it and those it publishes; and what would take too long to tell, in words."""
    found: list[Service] = []
    unsure: list[str] = []
    for family in sorted(families):
        for what, services in _OF:
            try:
                found += services(ruleset, family)
            except (TooManyPlacesError, TooManyRegionsError):
                unsure.append(f"{what} over {family.label} would need too many sets")
    return found, unsure


class Open(StrEnum):
    """How far a service is open."""

    NOBODY = "nobody"
    SOME = "some"
    EVERYWHERE = "everywhere"
    PERHAPS = "perhaps"
    """Conditions that are not known decide."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Who reaches a service over one family, in words."""

    open: Open
    who: str


NOBODY = Entry(Open.NOBODY, "nobody")


@dataclass(frozen=True, slots=True)
class Row:
    """A service, where it is (`target` for a published one), and an entry per family of the matrix."""

    service: str
    way: Way
    target: str
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Matrix:
    """Services by families, the host's own first."""

    families: tuple[PacketFamily, ...]
    rows: tuple[Row, ...]


def matrix(services: Iterable[Service], families: Collection[PacketFamily]) -> Matrix:
    """Put the families side by side: ports are cut where either family changes its mind."""
    columns = tuple(sorted(families))
    groups: dict[tuple[Way, int, str], list[Service]] = {}
    for service in services:
        # A translated port is a service by itself, whatever else leads to the same target.
        port = f" {service.label}" if service.way is Way.PUBLISHED else ""
        groups.setdefault((service.way, service.protocol, service.target + port), []).append(service)
    order = list(Way)
    ranked = sorted(groups.items(), key=lambda item: (order.index(item[0][0]), *item[0][1:]))
    return Matrix(columns, tuple(row for _, members in ranked for row in _rows(members, columns)))


def _rows(services: Sequence[Service], columns: Sequence[PacketFamily]) -> Iterator[Row]:
    """The rows of one protocol; neighbours with the same entries are one."""
    cuts = sorted({cut for service in services for cut in (service.ports.low, service.ports.high + 1)})
    entries = {id(service): entry(service) for service in services}
    begins = sorted(services, key=lambda service: service.ports.low)
    open_ones: dict[PacketFamily, Service] = {}
    at = 0
    last: tuple[NumberRange, tuple[Entry, ...]] | None = None
    for low, after in pairwise(cuts):
        while at < len(begins) and begins[at].ports.low <= low:
            open_ones[begins[at].family] = begins[at]
            at += 1
        found = tuple(
            entries[id(open_ones[family])] if family in open_ones and open_ones[family].ports.high >= low else NOBODY
            for family in columns
        )
        if last is not None and (last[1], last[0].high + 1) == (found, low):
            last = NumberRange(last[0].low, after - 1), found
            continue
        if last is not None:
            yield from _row(services[0], *last)
        last = NumberRange(low, after - 1), found
    if last is not None:
        yield from _row(services[0], *last)


def _row(like: Service, ports: NumberRange, entries: tuple[Entry, ...]) -> Iterator[Row]:
    if any(entry is not NOBODY for entry in entries):
        yield Row(replace(like, ports=ports).label, like.way, like.target, entries)


def entry(service: Service) -> Entry:
    """Who reaches a service, in words."""
    if not service.access:
        return NOBODY
    sure = [access for access in service.access if access.certain]
    if any(access.everywhere and not access.interfaces and not access.destinations for access in sure):
        kind = Open.EVERYWHERE
    else:
        kind = Open.SOME if sure else Open.PERHAPS
    shown = service.access[:MOST_ACCESSES]
    words = "; ".join(f"{_who(access)}{'' if access.certain else ' (perhaps)'}" for access in shown)
    if len(service.access) > len(shown):
        words += f"; and {len(service.access) - len(shown):,} more ways"
    return Entry(kind, words + (", unless translated" if service.translated and service.way is Way.LOCAL else ""))


def _who(access: Access) -> str:
    parts = [_sources(access)]
    if access.interfaces:
        parts.append(f"through {', '.join(access.interfaces)}")
    if access.destinations:
        parts.append(f"at {_ranges(access.destinations)}")
    return " ".join(parts)


def _sources(access: Access) -> str:
    whole = len(access.sources) == 1 and access.everywhere
    return "everywhere" if whole and str(access.sources[0]).endswith("/0") else _ranges(access.sources)


def _ranges(ranges: tuple[AddressRange, ...]) -> str:
    shown = ", ".join(map(str, ranges[:MOST_SOURCES]))
    return f"{shown} and {len(ranges) - MOST_SOURCES:,} more" if len(ranges) > MOST_SOURCES else shown
