"""What base chains together accept of a set of packets, with a lower and an upper bound."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice

from ..rules.attachment import AttachedChain, attached_chains
from ..rules.matches import Match, PacketFamily
from ..rules.packet import Packet, completed
from ..rules.ruleset import Decision, Hook, Ruleset
from ..sets.expansion import Place, conditions, expanded
from ..sets.packet_sets import tracks_connections
from ..sets.regions import Field, Region, Regions, Runs, common, difference, intersection, intersections, runs
from ..sets.universe import Universe, universe

MOST = 2000
"""Regions that an answer may need."""


_REQUESTS = {
    PacketFamily.IPV4: tuple((kind << 8, kind << 8 | 0xFF) for kind in (8, 13, 15, 17)),
    PacketFamily.IPV6: tuple((kind << 8, kind << 8 | 0xFF) for kind in (128, 139)),
}
"""ICMP messages that begin a connection (nf_conntrack_proto_icmp.c, nf_conntrack_proto_icmpv6.c)."""


TRIED = 200
"""Packets that are tried before sets are computed."""


class Acceptance:
    """The base chains of a family on the way through a hook, ready to be asked what they accept.

    `more` are conditions that the questions will tell packets apart by, beside those of the rules. Chains that
    translate addresses are left out: what they do to packets is no verdict. Raises `TooManyPlacesError`.
    """

    def __init__(
        self,
        ruleset: Ruleset,
        family: PacketFamily,
        hook: Hook,
        more: Iterable[Match] = (),
        where: Callable[[AttachedChain], bool] = lambda _: True,
    ) -> None:
        on_way = (at for at in attached_chains(ruleset, family, hook) if at.base.type != "nat")
        self.chains: tuple[AttachedChain, ...] = tuple(at for at in on_way if where(at))
        asked = (*more, *(match for at in self.chains for match in conditions(at)))
        self._tracked = tracks_connections(ruleset)
        self.universe: Universe = universe(family, hook, asked, tracked=self._tracked)
        self.places: tuple[tuple[Place, ...], ...] = tuple(expanded(at, self.universe) for at in self.chains)
        self.last: Mapping[Field, int] = self.universe.last

    def from_network(self, **given: Runs) -> Region:
        """New connections that come in from anywhere but the loopback; fields nobody asks about are as usual.

        `given` are the fields of `Field` by name that shall be otherwise.
        """
        found: dict[Field, Runs] = dict(self.universe.packets)
        outer = outside_interfaces(self.universe)
        if self.universe.hook is not Hook.OUTPUT:
            found[Field.IN_INTERFACE] = common(found.get(Field.IN_INTERFACE, outer), outer)
        found[Field.FRAGMENT] = ((0, 0),)
        for field in (Field.STATE, Field.MARK, Field.CONNECTION_MARK, Field.SOURCE_TYPE, Field.DESTINATION_TYPE):
            usual = self.universe.usual(field)
            if usual:
                found[field] = ((usual[0], usual[0]),)
        if self._tracked and "state" not in given:
            found[Field.ICMP] = _REQUESTS[self.universe.family]
        return {**found, **{Field(name): allowed for name, allowed in given.items()}}

    def accepted(self, asked: Region) -> tuple[Regions, Regions]:
        """What all chains surely and perhaps accept of the packets asked about.

        Raises `TooManyRegionsError`.
        """
        return accepted_by_all(self.places, asked, self.last)

    def candidates(self, asked: Region) -> Iterator[Packet]:
        """Packets asked about that rules or policies might accept, a few of many: whoever finds one need not count all.

        What becomes of each must be followed through all rules.
        """
        accepting = (place for places in self.places for place in places if place.ends is Decision.ACCEPT)
        regions = (
            both for place in accepting for region in place.packets.lower if (both := intersection(region, asked))
        )
        yield from map(self.packet, islice(regions, TRIED))

    def packet(self, region: Region) -> Packet:
        """A packet of the region, with values that people know where there are such."""
        point: dict[Field, int] = {}
        for field in Field:
            allowed = region.get(field, ((0, self.last[field]),))
            usual = (value for value in self.universe.usual(field) if any(a <= value <= b for a, b in allowed))
            point[field] = next(usual, allowed[0][0])
        return completed(self.universe.packet(point))


def outside_interfaces(found: Universe) -> Runs:
    """The interfaces that packets from the network come in through."""
    return runs((at, at) for at, name in enumerate(found.interfaces) if name not in ("", "lo"))


def accepted_by_all(
    chains: Iterable[Sequence[Place]], asked: Region, last: Mapping[Field, int], most: int = MOST
) -> tuple[Regions, Regions]:
    """What base chains one after the other surely and perhaps accept, in up to `most` regions.

    Raises `TooManyRegionsError`.
    """
    sure: Regions = [asked]
    possible: Regions = [asked]
    for places in chains:
        chain_sure, chain_possible = accepted_by(places, asked, last, most)
        sure = intersections(sure, chain_sure, most)
        possible = intersections(possible, chain_possible, most)
    return sure, possible


def accepted_by(
    places: Sequence[Place], asked: Region, last: Mapping[Field, int], most: int = MOST
) -> tuple[Regions, Regions]:
    """What a base chain surely and perhaps accepts of the packets asked about, in up to `most` regions.

    Raises `TooManyRegionsError`.
    """
    sure: Regions = []
    possible: Regions = []
    left_sure: Regions = [asked]
    left_possible = left_sure
    for place in places:
        if place.ends is None or not left_possible:
            continue
        upper = within(place.packets.upper, asked)
        if not upper:
            continue
        lower = upper if not place.packets.doubt else within(place.packets.lower, asked)
        decided = isinstance(place.ends, Decision)
        accepts = place.ends is Decision.ACCEPT
        # Up to the first rule that is in doubt both come to the same, and nothing takes longer than to tell them apart.
        alike = left_possible is left_sure and decided and lower is upper
        surely: Regions = intersections(left_sure, lower, most) if accepts else []
        sure += surely
        if accepts or not decided:
            possible += surely if alike else intersections(left_possible, upper, most)
        left_sure = difference(left_sure, upper, last, most)
        if decided:
            left_possible = left_sure if alike else difference(left_possible, lower, last, most)
    return sure, possible


def within(regions: Iterable[Region], asked: Region) -> Regions:
    """The parts of the regions that lie in the one asked about, said by what they add to it."""
    found: Regions = []
    for region in regions:
        both = intersection(region, asked)
        if both is not None:
            found.append({field: allowed for field, allowed in both.items() if allowed != asked.get(field)})
    return found
