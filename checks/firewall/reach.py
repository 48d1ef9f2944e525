"""Which sources reach which services, as exact sets of packets with a lower and an upper bound."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from . import numbers
from .effective import attached_chains, chains_on
from .expansion import Place, conditions, expanded
from .matches import AddressRange, NumberRange, PacketFamily
from .packet_sets import tracks_connections
from .regions import (
    Field,
    Region,
    Regions,
    Runs,
    TooManyRegionsError,
    common,
    difference,
    intersection,
    intersections,
    runs,
)
from .ruleset import Decision, Hook, Nat, Ruleset
from .universe import universe

MOST = 2000
"""Regions that the sources of one service may need."""

WORK = 1_000_000
"""Ranges of ports times rules that a list of all services may take: some seconds."""


@dataclass(frozen=True, slots=True)
class Access:
    """Sources that reach a service through interfaces (empty: all but the loopback), at destinations (empty: all).

    `certain` is False where conditions that are not known decide about them.
    """

    sources: tuple[AddressRange, ...]
    interfaces: tuple[str, ...]
    destinations: tuple[AddressRange, ...]
    certain: bool

    @property
    def everywhere(self) -> bool:
        """Whether the sources are all addresses, or all but very few of them."""
        size = sum(int(part.high) - int(part.low) + 1 for part in self.sources)
        bits = 32 if self.sources and self.sources[0].family is PacketFamily.IPV4 else 128
        return size > (1 << bits) // 2


@dataclass(frozen=True, slots=True)
class Service:
    """Ports of a protocol of this host, and who reaches them with a new connection. `translated`: DNAT may take it."""

    family: PacketFamily
    protocol: int
    ports: NumberRange
    access: tuple[Access, ...]
    translated: bool

    @property
    def label(self) -> str:
        """`tcp/22`, `udp/5000-5010`."""
        name = "tcp" if self.protocol == numbers.TCP else "udp"
        low, high = self.ports.low, self.ports.high
        return f"{name}/{low}" if low == high else f"{name}/{low}-{high}"


class Reachability:
    """Answers who reaches services of this host over one family. Raises `TooManyPlacesError` for endless chains."""

    def __init__(self, ruleset: Ruleset, family: PacketFamily, hook: Hook = Hook.INPUT) -> None:
        self._family = family
        chains = [at for at in attached_chains(ruleset, family, hook) if at.base.type != "nat"]
        nats = [at for at in chains_on(ruleset, family, (Hook.PREROUTING,)) if at.base.type == "nat"]
        asked = (match for at in (*chains, *nats) for match in conditions(at))
        self._universe = universe(family, hook, asked, tracked=tracks_connections(ruleset))
        self._chains = [expanded(at, self._universe) for at in chains]
        self._nats = [
            place
            for at in nats
            for place in expanded(at, self._universe)
            if place.rule is not None and any(isinstance(part, Nat) for part in place.rule.statements)
        ]
        self._last = self._universe.last

    def service(self, protocol: int, ports: NumberRange) -> Service:
        """Who reaches some ports; packets of a new connection to any of them are asked about.

        Raises `TooManyRegionsError` when the sources cannot be told in a reasonable number of ranges.
        """
        asked = self._asked(protocol, ports)
        sure, possible = [asked], [asked]
        for places in self._chains:
            chain_sure, chain_possible = self._accepted(places, asked)
            sure = intersections(sure, chain_sure, MOST)
            possible = intersections(possible, chain_possible, MOST)
        translated = any(
            intersection(asked, region) is not None for place in self._nats for region in place.packets.upper
        )
        unsure = difference(possible, sure, self._last, MOST)
        access = (*self._access(sure, certain=True), *self._access(unsure, certain=False))
        return Service(self._family, protocol, ports, access, translated)

    def services(self) -> Iterator[Service]:
        """All ports of TCP and UDP that anyone may reach, those with the same access side by side as one.

        Raises `TooManyRegionsError` when there are so many ports and rules that it would take too long.
        """
        places = sum(map(len, self._chains))
        for protocol in (numbers.TCP, numbers.UDP):
            last: Service | None = None
            ranges = list(self._port_ranges(protocol))
            if len(ranges) * places > WORK:
                raise TooManyRegionsError
            for ports in ranges:
                found = self.service(protocol, ports)
                if last is not None and (last.access, last.translated) == (found.access, found.translated):
                    last = Service(
                        self._family, protocol, NumberRange(last.ports.low, ports.high), found.access, found.translated
                    )
                    continue
                if last is not None and last.access:
                    yield last
                last = found
            if last is not None and last.access:
                yield last

    def _port_ranges(self, protocol: int) -> Iterator[NumberRange]:
        cuts = {0}
        places = [place for listed in self._chains for place in listed] + self._nats
        for place in places:
            for region in place.packets.upper:
                if any(low <= protocol <= high for low, high in region.get(Field.PROTOCOL, ((0, 255),))):
                    for low, high in region.get(Field.DESTINATION_PORT, ()):
                        cuts |= {low, high + 1}
        starts = sorted(cuts - {65536})
        for low, after in zip(starts, [*starts[1:], 65536], strict=True):
            yield NumberRange(low, after - 1)

    def _asked(self, protocol: int, ports: NumberRange) -> Region:
        """New connections from the network; fields that nobody would ask about have their usual values."""
        found: dict[Field, Runs] = dict(self._universe.packets)
        names = self._universe.interfaces
        outer = runs((at, at) for at, name in enumerate(names) if name != "lo")
        found[Field.IN_INTERFACE] = common(found.get(Field.IN_INTERFACE, outer), outer)
        found[Field.PROTOCOL] = ((protocol, protocol),)
        found[Field.DESTINATION_PORT] = ((ports.low, ports.high),)
        found[Field.FRAGMENT] = ((0, 0),)
        for field in (Field.STATE, Field.MARK, Field.CONNECTION_MARK, Field.SOURCE_TYPE, Field.DESTINATION_TYPE):
            usual = self._universe.usual(field)
            if usual:
                found[field] = ((usual[0], usual[0]),)
        flags = self._universe.usual(Field.TCP_FLAGS)
        if flags and protocol == numbers.TCP:
            found[Field.TCP_FLAGS] = ((flags[0], flags[0]),)
        return found

    def _accepted(self, places: Sequence[Place], asked: Region) -> tuple[Regions, Regions]:
        """What a base chain surely and perhaps accepts of the packets asked about."""
        sure: Regions = []
        possible: Regions = []
        left_sure: Regions = [asked]
        left_possible: Regions = [asked]
        for place in places:
            if place.ends is None or not left_possible:
                continue
            upper = _within(place.packets.upper, asked)
            if not upper:
                continue
            lower = _within(place.packets.lower, asked)
            decided = isinstance(place.ends, Decision)
            accepts = place.ends is Decision.ACCEPT
            if accepts:
                sure += intersections(left_sure, lower, MOST)
            if accepts or not decided:
                possible += intersections(left_possible, upper, MOST)
            left_sure = difference(left_sure, upper, self._last, MOST)
            if decided:
                left_possible = difference(left_possible, lower, self._last, MOST)
        return sure, possible

    def _access(self, regions: Regions, *, certain: bool) -> Iterator[Access]:
        """The sets by interface: those with the same sources and destinations together."""
        names = self._universe.interfaces
        by_interface: dict[tuple[Runs, Runs], list[int]] = {}
        for at, name in enumerate(names):
            if name in ("", "lo"):
                continue
            here = [region for region in regions if _allows(region.get(Field.IN_INTERFACE), at)]
            for destinations, sources in _by_destination(here, self._last).items():
                by_interface.setdefault((sources, destinations), []).append(at)
        outer = [at for at, name in enumerate(names) if name not in ("", "lo")]
        for (sources, destinations), through in by_interface.items():
            whole = destinations == ((0, self._last[Field.DESTINATION]),)
            yield Access(
                self._ranges(sources),
                () if through == outer else tuple(names[at] for at in through),
                () if whole else self._ranges(destinations),
                certain,
            )

    def _ranges(self, of: Runs) -> tuple[AddressRange, ...]:
        address = IPv4Address if self._family is PacketFamily.IPV4 else IPv6Address
        return tuple(AddressRange(address(low), address(high)) for low, high in of)


def _within(regions: Iterable[Region], asked: Region) -> Regions:
    return [both for region in regions if (both := intersection(region, asked)) is not None]


def _allows(allowed: Runs | None, value: int) -> bool:
    return allowed is None or any(low <= value <= high for low, high in allowed)


def _by_destination(regions: Regions, last: Mapping[Field, int]) -> dict[Runs, Runs]:
    """The sources of each set of destinations; regions that overlap in the destinations stay apart."""
    whole: dict[Field, Runs] = {field: ((0, last[field]),) for field in (Field.SOURCE, Field.DESTINATION)}
    found: dict[Runs, list[tuple[int, int]]] = {}
    for region in regions:
        destinations = region.get(Field.DESTINATION, whole[Field.DESTINATION])
        found.setdefault(destinations, []).extend(region.get(Field.SOURCE, whole[Field.SOURCE]))
    return {destinations: runs(parts) for destinations, parts in found.items()}
