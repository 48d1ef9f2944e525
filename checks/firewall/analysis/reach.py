"""Which sources reach which services, as exact sets of packets with a lower and an upper bound."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from ..rules import numbers
from ..rules.attachment import chains_on
from ..rules.matches import AddressRange, NumberRange, PacketFamily
from ..rules.plain import for_connections
from ..rules.ruleset import Hook, Nat, Ruleset
from ..sets.addresses import address_ranges, address_runs, most_addresses
from ..sets.expansion import Place, conditions, expanded
from ..sets.regions import Field, Region, Regions, Runs, TooManyRegionsError, difference, intersection, runs
from ..sets.universe import Universe
from .acceptance import MOST, Acceptance, accepted_by_all

WORK = 1_000_000
"""Rules to look at for all services together: a list that takes more would take minutes."""


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
        """Whether the sources are more than half of all addresses."""
        return any(most_addresses(address_runs(self.sources, family), family) for family in PacketFamily)


class Way(StrEnum):
    """Where a service is."""

    LOCAL = "local"
    ROUTED = "routed"
    """Behind this host, at the destinations of its accesses."""
    PUBLISHED = "published"
    """Behind this host; a translation sends the connections on to it."""


@dataclass(frozen=True, slots=True)
class Service:
    """Ports of a protocol, and who reaches them with a new connection. `translated`: DNAT may take it.

    `target` is where a published service is.
    """

    family: PacketFamily
    protocol: int
    ports: NumberRange
    access: tuple[Access, ...]
    translated: bool
    way: Way = Way.LOCAL
    target: str = ""

    @property
    def label(self) -> str:
        """`tcp/22`, `udp/5000-5010`."""
        name = "tcp" if self.protocol == numbers.TCP else "udp"
        low, high = self.ports.low, self.ports.high
        return f"{name}/{low}" if low == high else f"{name}/{low}-{high}"


def sources(accesses: Iterable[Access], family: PacketFamily) -> Runs:
    """The union of the sources of some accesses of a family."""
    return address_runs((part for access in accesses for part in access.sources), family)


class Reachability:
    """Answers who reaches services of this host over one family, or with `Hook.FORWARD` those behind it.

    Packets are honest ones: they come in through the interface that leads back to their source. Raises
    `TooManyPlacesError` for endless chains.
    """

    def __init__(self, ruleset: Ruleset, family: PacketFamily, hook: Hook = Hook.INPUT) -> None:
        self._family = family
        ruleset = for_connections(ruleset, translated=False)
        nats = [at for at in chains_on(ruleset, family, (Hook.PREROUTING,)) if at.base.type == "nat"]
        self._found = Acceptance(ruleset, family, hook, (match for at in nats for match in conditions(at)))
        self._universe = self._found.universe
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
        return self._service(protocol, ports, self._found.places, self._nats)

    def _service(
        self, protocol: int, ports: NumberRange, chains: Sequence[Sequence[Place]], nats: Sequence[Place]
    ) -> Service:
        asked = self._asked(protocol, ports)
        sure, possible = accepted_by_all(chains, asked, self._last)
        translated = any(intersection(asked, region) is not None for place in nats for region in place.packets.upper)
        unsure = difference(possible, sure, self._last, MOST) if possible != sure else []
        found = self._universe
        access = (*accesses(found, sure, certain=True), *accesses(found, unsure, certain=False))
        return Service(self._family, protocol, ports, access, translated)

    def services(self) -> Iterator[Service]:
        """All ports of TCP and UDP that anyone may reach, those with the same access side by side as one.

        Ports that the same rules speak about are asked about once, with these rules only. Raises
        `TooManyRegionsError` when there are so many ports and rules that it would take too long.
        """
        work = 0
        for protocol in (numbers.TCP, numbers.UDP):
            last: Service | None = None
            known: dict[tuple[int, ...], Service] = {}
            for ports, key, chains, nats in self._ranges_of_ports(protocol):
                if key not in known:
                    work += len(key)
                    if work > WORK:
                        raise TooManyRegionsError
                    known[key] = self._service(protocol, ports, chains, nats)
                found = replace(known[key], ports=ports)
                if last is not None and (last.access, last.translated) == (found.access, found.translated):
                    last = replace(last, ports=NumberRange(last.ports.low, ports.high))
                    continue
                if last is not None and last.access:
                    yield last
                last = found
            if last is not None and last.access:
                yield last

    def _ranges_of_ports(self, protocol: int) -> Iterator[_Stretch]:
        """The ranges of ports that no rule tells apart, in order, with the places that speak about them.

        The key of a stretch is the same as that of another one where the same packets, but for the port, meet the
        same places: it names the regions of all places.
        """
        chains = (*self._found.places, self._nats)
        owners = [
            (chain, place) for chain, places in enumerate(chains) for place in places for _ in place.packets.upper
        ]
        regions = (region for places in chains for place in places for region in place.packets.upper)
        begins: dict[int, list[int]] = {0: []}
        ends: dict[int, list[int]] = {}
        for number, region in enumerate(regions):
            if _allows(region.get(Field.PROTOCOL), protocol):
                for low, high in region.get(Field.DESTINATION_PORT, ((0, 65535),)):
                    begins.setdefault(low, []).append(number)
                    ends.setdefault(high + 1, []).append(number)
        cuts = sorted((begins.keys() | ends.keys()) - {65536})
        active: set[int] = set()
        for low, after in zip(cuts, [*cuts[1:], 65536], strict=True):
            active -= set(ends.get(low, ()))
            active |= set(begins.get(low, ()))
            key = tuple(sorted(active))
            parts: list[dict[int, Place]] = [{} for _ in chains]
            for number in key:
                chain, place = owners[number]
                parts[chain][id(place)] = place
            *verdicts, nats = (tuple(part.values()) for part in parts)
            yield NumberRange(low, after - 1), key, verdicts, nats

    def _asked(self, protocol: int, ports: NumberRange) -> Region:
        """New connections from the network to the ports."""
        found = self._found.from_network(protocol=((protocol, protocol),), destination_port=((ports.low, ports.high),))
        flags = self._universe.usual(Field.TCP_FLAGS)
        if flags and protocol == numbers.TCP:
            return {**found, Field.TCP_FLAGS: ((flags[0], flags[0]),)}
        return found


def accesses(found: Universe, regions: Regions, *, certain: bool) -> Iterator[Access]:
    """The sets by interface: those with the same sources and destinations together."""
    names = found.interfaces
    by_interface: dict[tuple[Runs, Runs], list[int]] = {}
    for at, name in enumerate(names):
        if name in ("", "lo"):
            continue
        here = [region for region in regions if _allows(region.get(Field.IN_INTERFACE), at)]
        for destinations, sources in _by_destination(here, found.last).items():
            by_interface.setdefault((sources, destinations), []).append(at)
    outer = [at for at, name in enumerate(names) if name not in ("", "lo")]
    for (sources, destinations), through in by_interface.items():
        whole = destinations == ((0, found.last[Field.DESTINATION]),)
        yield Access(
            address_ranges(sources, found.family),
            () if through == outer else tuple(names[at] for at in through),
            () if whole else address_ranges(destinations, found.family),
            certain,
        )


_Stretch = tuple[NumberRange, tuple[int, ...], Sequence[Sequence[Place]], Sequence[Place]]


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
