"""A base chain as sets of packets: which places packets meet, decided exactly or not at all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ..rules.attachment import AttachedChain
from ..rules.matches import ConntrackState, PacketFamily
from ..rules.packet import Packet
from ..rules.ruleset import Decision, Ruleset
from .arrays import Numbers, Rows, np
from .boxes import Box, Boxes, Budget, BudgetSpentError, Covered, Grid, cover, usual_point
from .expansion import Place, changing, conditions, expanded
from .meaning import Doubt
from .regions import Field, Region
from .universe import Universe, universe

PIECES = 20_000
"""Pieces of boxes that one question may look at."""

PIECES_PER_CHAIN = 1_000_000
"""Pieces that all questions about a base chain may look at together."""

TRIED = 16
"""With up to so many blockers it is tried to do without each of them."""


@dataclass(frozen=True, slots=True)
class Dead:
    """No packet meets the place: all that could end at the places `by` (none: its conditions exclude each other).

    `packet` meets the place's own conditions, if any packet does.
    """

    by: tuple[int, ...]
    packet: Packet | None


@dataclass(frozen=True, slots=True)
class Alive:
    """A packet meets the place, unless conditions that are not known to hold keep it away: the packet's pieces."""

    point: Numbers


@dataclass(frozen=True, slots=True)
class Open:
    """Whether any packet meets the place is not known: it depends on the places `on`, or (none) takes too long."""

    on: tuple[int, ...]


Fate = Dead | Alive | Open


def tracks_connections(ruleset: Ruleset) -> bool:
    """Whether the ruleset makes the kernel track connections: it translates addresses or asks for states."""
    bases = (chain.base for table in ruleset.tables for chain in table.chains)
    return any(base is not None and base.type == "nat" for base in bases) or any(
        isinstance(match, ConntrackState) for _, _, rule in ruleset.rules for match in rule.matches
    )


class ChainSets:
    """The places of a base chain for the packets of a family, ready to be asked about.

    `met` are the boxes of the packets that may meet each place; `sure` those of the packets whose way surely ends at
    a place; `possible` are `sure` and those whose way may end there for a reason that is not known; `perhaps` are all
    whose way may end there for any reason, a rate or a chance included. `changes` says that rules change packets on
    their way.
    """

    def __init__(self, attached: AttachedChain, found: Universe, places: Sequence[Place]) -> None:
        self.attached = attached
        self.universe = found
        self.places = tuple(places)
        regions = (part for place in places for part in (*place.packets.upper, *place.packets.lower))
        self.grid = Grid(regions, found.last)
        self._usual = {name: found.usual(name) for name in Field}
        self.pieces = self.grid.usual(self._usual)
        self.met = self._boxes((at, place.packets.upper) for at, place in enumerate(places))
        ending = [(at, place) for at, place in enumerate(places) if isinstance(place.ends, Decision)]
        self.sure = self._boxes((at, place.packets.lower) for at, place in ending)
        self.doubtful = tuple(at for at, place in enumerate(places) if _doubtful(place))
        self.possible = self.sure
        if self.doubtful:
            self.possible = self._boxes(
                (at, place.packets.upper if _doubtful(place) else place.packets.lower)
                for at, place in enumerate(places)
                if _doubtful(place) or isinstance(place.ends, Decision)
            )
        self.perhaps = self.possible
        if any(place.packets.doubt is Doubt.INDEPENDENT for _, place in ending):
            self.perhaps = self._boxes((at, place.packets.upper) for at, place in enumerate(places) if place.ends)
        self.changes = bool(changing(attached))
        self._alive = np.ones(len(self.sure), np.bool_)
        self._budget = Budget(PIECES_PER_CHAIN)
        self._asked: dict[tuple[int, bytes, bytes], Rows] = {}

    @classmethod
    def of(cls, attached: AttachedChain, family: PacketFamily, *, tracked: bool) -> ChainSets:
        """Read a base chain. Raises `TooManyPlacesError`."""
        found = universe(family, attached.base.hook, conditions(attached), tracked=tracked)
        return cls(attached, found, expanded(attached, found))

    def _boxes(self, sets: Iterable[tuple[int, Iterable[Region]]]) -> Boxes:
        rows = [(at, box) for at, regions in sets for box in self.grid.boxes(regions)]
        return Boxes(self.grid, [box for _, box in rows], [at for at, _ in rows], len(self.places))

    def boxes(self, place: int) -> Iterator[Box]:
        """The boxes of the packets that may meet a place."""
        for row in range(self.met.before(place), self.met.before(place + 1)):
            yield Box(self.met.low[:, row], self.met.high[:, row])

    def packet(self, point: Numbers) -> Packet:
        """A packet that stands for a point."""
        return self.universe.packet(self.grid.point(point, self._usual))

    def budget(self) -> Budget:
        """What the next question may cost."""
        return Budget(PIECES, self._budget)

    def before(self, box: Box, place: int) -> Rows:
        """The rows of `sure` that may end the way of the box's packets before they meet a place."""
        asked = (place, box.low.tobytes(), box.high.tobytes())
        if asked not in self._asked:
            rows = self.sure.touching(box, 0, self.sure.before(place))
            # The questions about one place follow each other.
            self._asked = {asked: rows[self._alive[rows]]}
        return self._asked[asked]

    def fates(self) -> Iterator[Fate]:
        """Whether any packet meets each place, in order."""
        for at in range(len(self.places)):
            fate = self._fate(at)
            if isinstance(fate, Dead):
                # What it could take was taken before it.
                self._alive[self.sure.before(at) : self.sure.before(at + 1)] = False
            yield fate

    def _fate(self, place: int) -> Fate:
        used: set[int] = set()
        packet: Packet | None = None
        try:
            for box in self.boxes(place):
                found = cover(box, self.sure, self.before(box, place), self.budget(), self.pieces)
                if not isinstance(found, Covered):
                    return self._doubted(place) if self._in_doubt(found, place) else Alive(found)
                used.update(self.sure.places[list(found.rows)].tolist())
                packet = packet or self.packet(usual_point(box, self.pieces))
            return Dead(self._fewest(place, sorted(used)), packet)
        except BudgetSpentError:
            return Open(())

    def _in_doubt(self, point: Numbers, place: int) -> bool:
        """Whether the packet's way may end before the place for a reason that is not known."""
        if not self.doubtful or self.doubtful[0] >= place:
            return False
        return len(self.possible.touching(Box(point, point), 0, self.possible.before(place))) > 0

    def _doubted(self, place: int) -> Fate:
        """Look for a packet that nothing doubtful keeps away."""
        used: set[int] = set()
        for box in self.boxes(place):
            rows = self.possible.touching(box, 0, self.possible.before(place))
            found = cover(box, self.possible, rows, self.budget(), self.pieces)
            if not isinstance(found, Covered):
                return Alive(found)
            used.update(self.possible.places[list(found.rows)].tolist())
        return Open(tuple(sorted(used.intersection(self.doubtful))))

    def _fewest(self, place: int, used: list[int]) -> tuple[int, ...]:
        """Enough of the places for no packet to be left, none of which is needless."""
        if not 1 < len(used) <= TRIED:
            return tuple(used)
        needed = list(used)
        for one in reversed(used):
            fewer = [at for at in needed if at != one]
            if self._covers(place, fewer):
                needed = fewer
        return tuple(needed)

    def _covers(self, place: int, others: list[int]) -> bool:
        try:
            for box in self.boxes(place):
                rows = self.before(box, place)
                rows = rows[np.isin(self.sure.places[rows], others)]
                if not isinstance(cover(box, self.sure, rows, self.budget(), self.pieces), Covered):
                    return False
        except BudgetSpentError:
            return False
        return True


def _doubtful(place: Place) -> bool:
    """Whether a packet's way may end at the place without our knowing."""
    return place.ends is not None and (not isinstance(place.ends, Decision) or place.packets.doubt is Doubt.UNKNOWN)
