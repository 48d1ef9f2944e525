"""Which packets fare differently under two rulesets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..path.trace import Fate, Trace, Tracer
from ..rules.attachment import AttachedChain, chains_on
from ..rules.matches import PacketFamily
from ..rules.packet import Packet
from ..rules.ruleset import Decision, Hook, Nat, Rule, Ruleset
from ..sets.arrays import np
from ..sets.boxes import Box, Boxes, Budget, BudgetSpentError, Covered, Grid, cover
from ..sets.expansion import Place, conditions, expanded
from ..sets.meaning import Doubt, Meaning
from ..sets.packet_sets import tracks_connections
from ..sets.regions import Field, intersection
from ..sets.universe import Universe, universe

PIECES = 2_000_000
"""Pieces of boxes that a comparison of two base chains may look at."""


@dataclass(frozen=True, slots=True)
class Change:
    """A packet that fares differently, and the rules (None: the policy) that decide about it before and after.

    Where translations of addresses differ, `becomes_before` and `becomes_after` say what is done to it, as rules write
    it; both are empty where only the verdict changes.
    """

    hook: Hook
    packet: Packet
    before: Fate
    after: Fate
    rule_before: Rule | None
    rule_after: Rule | None
    becomes_before: str = ""
    becomes_after: str = ""


@dataclass(frozen=True, slots=True)
class Changes:
    """What changes; `unsure` says why there may be more."""

    found: tuple[Change, ...]
    unsure: tuple[str, ...]


def changes(before: Ruleset, after: Ruleset) -> Changes:
    """One packet for each pair of rules that decide differently, or translate addresses differently.

    Base chains are compared by table, chain and hook; each packet is then followed through all rules of both sides.
    Raises `TooManyPlacesError`.
    """
    tracers = Tracer(before), Tracer(after)
    found: list[Change] = []
    unsure: dict[str, None] = {}
    tracked = tracks_connections(before) or tracks_connections(after)
    for family in PacketFamily:
        for hook in _HOOKS:
            for label, old, new in _pairs(before, after, family, hook):
                comparison = _Comparison(family, hook, old, new, tracked=tracked)
                if comparison.same:
                    continue
                try:
                    for packet, first, second in comparison.differences():
                        change = _change(hook, packet, tracers, first.rule, second.rule)
                        if change is not None:
                            found.append(change)
                except BudgetSpentError:
                    unsure[f"{label}: the comparison takes too many steps"] = None
                unsure |= dict.fromkeys(f"{label}: {text}" for text in comparison.doubts())
    return Changes(tuple(found), tuple(unsure))


_HOOKS = (Hook.PREROUTING, Hook.INPUT, Hook.FORWARD, Hook.OUTPUT, Hook.POSTROUTING)


def _change(
    hook: Hook, packet: Packet, tracers: tuple[Tracer, Tracer], before: Rule | None, after: Rule | None
) -> Change | None:
    """The change if the packet's whole way shows one: what ends it earlier makes a difference behind it void."""
    then, now = (tracer.trace(packet) for tracer in tracers)
    if then.fate is not now.fate:
        return Change(hook, packet, then.fate, now.fate, before, after)
    if then.fate in (Fate.DROP, Fate.REJECT) or _translations(then) == _translations(now):
        return None
    return Change(hook, packet, then.fate, now.fate, before, after, _told(then), _told(now))


def _translations(trace: Trace) -> tuple[object, ...]:
    return tuple(_meant(nat) for step in trace.steps if step.rule is not None for nat in _nats(step.rule))


def _told(trace: Trace) -> str:
    done = (step.action for step in trace.steps if step.rule is not None and _nats(step.rule))
    return ", ".join(done) or "not translated"


def _nats(rule: Rule) -> tuple[Nat, ...]:
    return tuple(part for part in rule.statements if isinstance(part, Nat))


def _meant(nat: Nat) -> object:
    """What a translation does: in numbers where they are known, so that each tool's spelling counts for nothing."""
    return nat.kind, nat.to if nat.target is None else nat.target


_Pair = tuple[str, AttachedChain | None, AttachedChain | None]


def _pairs(before: Ruleset, after: Ruleset, family: PacketFamily, hook: Hook) -> Iterator[_Pair]:
    def named(ruleset: Ruleset) -> dict[str, AttachedChain]:
        return {f"{at.table.label} {at.chain.name}": at for at in chains_on(ruleset, family, (hook,))}

    old, new = named(before), named(after)
    for label in dict.fromkeys((*old, *new)):
        yield label, old.get(label), new.get(label)


class _Comparison:
    """Two base chains in one grid: the rows of the old one, then those of the new one."""

    def __init__(
        self,
        family: PacketFamily,
        hook: Hook,
        old: AttachedChain | None,
        new: AttachedChain | None,
        *,
        tracked: bool,
    ) -> None:
        asked = [match for at in (old, new) if at is not None for match in conditions(at)]
        self._universe: Universe = universe(family, hook, asked, tracked=tracked)
        self._old = _places(old, new, self._universe)
        self._new = _places(new, old, self._universe)
        places = [*self._old, *self._new]
        self._places = places
        self._grid = Grid((region for place in places for region in place.packets.upper), self._universe.last)
        self._usual = {field: self._universe.usual(field) for field in Field}
        rows = [
            (at, box)
            for at, place in enumerate(places)
            if place.ends is not None and not _doubtful(place)
            for box in self._grid.boxes(place.packets.upper)
        ]
        self._boxes = Boxes(self._grid, [box for _, box in rows], [at for at, _ in rows], len(places))
        self._split = self._boxes.before(len(self._old))

    @property
    def same(self) -> bool:
        """Whether both chains say the same, place by place."""
        return [_said(place) for place in self._old] == [_said(place) for place in self._new]

    def doubts(self) -> Iterator[str]:
        """Rules that are not wholly understood, unless all that a packet of theirs may meet is the same on both sides.

        What they do is not compared, so it must be the same because everything is.
        """
        said = {id(place): _said(place) for place in self._places}
        texts: set[str] = set()
        for place in self._places:
            if place.rule is None or place.rule.text in texts or not _doubtful(place):
                continue
            beside = ([said[id(other)] for other in _beside(side, place)] for side in (self._old, self._new))
            if next(beside) != next(beside):
                texts.add(place.rule.text)
        yield from sorted(texts)

    def differences(self) -> Iterator[tuple[Packet, Place, Place]]:
        """A packet for each pair of places with different verdicts. Raises `BudgetSpentError`."""
        budget = Budget(PIECES)
        pieces = self._grid.usual(self._usual)
        boxes = self._boxes
        seen: set[tuple[int, int]] = set()
        for row in range(self._split):
            box = Box(boxes.low[:, row], boxes.high[:, row])
            first = int(boxes.places[row])
            earlier = boxes.touching(box, 0, boxes.before(first))
            others = boxes.touching(box, self._split, len(boxes))
            for other in others.tolist():
                second = int(boxes.places[other])
                if (first, second) in seen or _alike(self._places[first], self._places[second]):
                    continue
                shared = Box(np.maximum(box.low, boxes.low[:, other]), np.minimum(box.high, boxes.high[:, other]))
                known = np.concatenate([earlier, others[boxes.places[others] < second]])
                low, high = boxes.low[:, known], boxes.high[:, known]
                touching = known[((low <= shared.high[:, None]) & (high >= shared.low[:, None])).all(0)]
                point = cover(shared, boxes, touching, budget, pieces)
                if not isinstance(point, Covered):
                    seen.add((first, second))
                    packet = self._universe.packet(self._grid.point(point, self._usual))
                    yield packet, self._places[first], self._places[second]


def _doubtful(place: Place) -> bool:
    """Whether a packet's way may end at the place without our knowing."""
    undecided = place.ends is not None and not isinstance(place.ends, Decision)
    return undecided or (place.ends is not None and place.packets.doubt is not Doubt.NONE)


def _beside(places: Sequence[Place], doubtful: Place) -> list[Place]:
    """The places of a chain where a packet that may meet the doubtful one may end, in order."""
    return [
        place
        for place in places
        if place.ends is not None
        and any(intersection(one, other) is not None for one in place.packets.upper for other in doubtful.packets.upper)
    ]


def _said(place: Place) -> object:
    packets = frozenset(frozenset(region.items()) for region in place.packets.upper)
    conditions = frozenset(place.rule.matches) if place.rule is not None and _doubtful(place) else None
    nats = tuple(map(_meant, _nats(place.rule))) if place.rule is not None else ()
    return packets, conditions, place.ends, nats


def _alike(one: Place, other: Place) -> bool:
    """Whether both do the same to a packet that ends its way there."""
    if one.ends is not other.ends:
        return False
    done = (tuple(map(_meant, _nats(place.rule))) if place.rule is not None else () for place in (one, other))
    return next(done) == next(done)


def _places(attached: AttachedChain | None, other: AttachedChain | None, found: Universe) -> Sequence[Place]:
    """The places of a chain; where there is none, packets go on as if it accepted all of them."""
    if attached is not None:
        return expanded(attached, found)
    return () if other is None else (Place(None, other.chain, Meaning.exactly([found.packets]), Decision.ACCEPT),)
