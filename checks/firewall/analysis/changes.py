"""Which packets fare differently under two rulesets."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from ..path.trace import Fate, Trace
from ..path.tracer import Tracer
from ..rules.attachment import AttachedChain, attached_chains, reachable_rules
from ..rules.matches import PacketFamily
from ..rules.packet import Packet
from ..rules.ruleset import Backend, Decision, Hook, Nat, NatKind, Rule, Ruleset
from ..sets.arrays import Numbers, Rows, np
from ..sets.boxes import Box, Boxes, Budget, BudgetSpentError, Covered, Grid, cover
from ..sets.expansion import Place, changing, conditions, expanded
from ..sets.meaning import Doubt, Meaning
from ..sets.packet_sets import tracks_connections
from ..sets.regions import Field, Region, Regions, Runs, TooManyRegionsError, intersection
from ..sets.universe import Universe, universe
from .acceptance import accepted_by_all

PIECES = 2_000_000
"""Pieces of boxes that a comparison of two base chains may look at."""

TRIED = 50
"""Packets that are tried where the first one that two rules treat differently ends elsewhere on both sides."""

EFFORT = 5_000
"""Places of other chains that may be looked at for such packets, in a comparison of two base chains."""

REGIONS = 200
"""Regions that the packets may need which other chains leave to two rules."""


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

    Base chains are compared by table and chain, for packets on their way through input, forward and output; each packet
    is then followed through all rules of both sides. Chains at ingress and egress, which are bound to devices, are not
    compared. Raises `TooManyPlacesError`.
    """
    tracers = Tracer(before), Tracer(after)
    found: dict[tuple[object, ...], Change] = {}
    unsure: dict[str, None] = {}
    tracked = tracks_connections(before) or tracks_connections(after)
    for family in PacketFamily:
        for hook in _WAYS:
            way = _Way(family, hook, before, after, tracked=tracked)
            for label, old, new in way.pairs():
                comparison = _Comparison(way, old, new)
                if comparison.same:
                    continue
                at = comparison.hook

                def judged(packet: Packet, first: Place, second: Place, at: Hook = at) -> Change | None:
                    return _change(at, packet, tracers, first.rule, second.rule)

                try:
                    for change in comparison.differences(judged):
                        found.setdefault((label, family, change.before, change.after, *_deciding(change)), change)
                except BudgetSpentError:
                    unsure[f"{label}: the comparison takes too many steps"] = None
                unsure |= dict.fromkeys(f"{label}: {text}" for text in comparison.doubts())
    return Changes(tuple(found.values()), tuple(unsure))


_WAYS = (Hook.INPUT, Hook.FORWARD, Hook.OUTPUT)


def _deciding(change: Change) -> tuple[object, ...]:
    return id(change.rule_before), id(change.rule_after), change.becomes_before, change.becomes_after


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


class _Way:
    """The base chains that packets of a family pass on one way through the host, before and after, in one universe."""

    def __init__(self, family: PacketFamily, hook: Hook, before: Ruleset, after: Ruleset, *, tracked: bool) -> None:
        self._chains = tuple(
            tuple(at for at in attached_chains(side, family, hook) if at.base.hook is not Hook.INGRESS)
            for side in (before, after)
        )
        asked = [match for side in self._chains for at in side for match in conditions(at)]
        self.universe: Universe = universe(family, hook, asked, tracked=tracked)
        self._places: dict[tuple[int, int], Sequence[Place]] = {}
        rules = (rule for side in self._chains for at in side for rule in reachable_rules(at))
        kinds = [part.kind for rule in rules for part in _nats(rule)]
        rerouted = hook is not Hook.OUTPUT and not _REROUTING.isdisjoint(kinds)
        self.certain: bool = not rerouted and not any(
            changing(at) for side in self._chains for at in side if at.base.type != "nat"
        )
        """Whether what chains are asked about packets is what each of them sees of the packet on its way."""

    def pairs(self) -> Iterator[_Pair]:
        """Chains of the same table and name; None where a side has none."""
        old, new = ({_label(at, side): at for at in side} for side in self._chains)
        for label in dict.fromkeys((*old, *new)):
            yield label, old.get(label), new.get(label)

    def places(self, attached: AttachedChain | None, other: AttachedChain | None) -> Sequence[Place]:
        """The places of a chain; where there is none, packets go on as if it accepted all of them."""
        if attached is None:
            everything = Meaning.exactly([self.universe.packets])
            return () if other is None else (Place(None, other.chain, everything, Decision.ACCEPT),)
        # The same chain may lead to other ones in another table.
        key = id(attached.table), id(attached.chain)
        if key not in self._places:
            self._places[key] = expanded(attached, self.universe)
        return self._places[key]

    def others(self, side: int, than: AttachedChain | None, *, earlier: bool) -> list[Sequence[Place]]:
        """The chains of a side but for one (with `earlier`: before it) that give verdicts."""
        chains = self._chains[side]
        if earlier and than is not None:
            chains = chains[: next(at for at, one in enumerate(chains) if one.chain is than.chain)]
        return [
            self.places(at, None)
            for at in chains
            if at.base.type != "nat" and (than is None or at.chain is not than.chain)
        ]


_REROUTING = {NatKind.DESTINATION, NatKind.REDIRECT}


def _label(attached: AttachedChain, side: Sequence[AttachedChain]) -> str:
    """Table and chain; where nf_tables and the legacy tables both have them, these are told apart."""
    name = f"{attached.table.label} {attached.chain.name}"
    twins = [at for at in side if (at.table.label, at.chain.name) == (attached.table.label, attached.chain.name)]
    return f"{name} (legacy)" if len(twins) > 1 and attached.table.backend is Backend.LEGACY else name


_Judge = Callable[[Packet, Place, Place], Change | None]


class _Comparison:
    """Two base chains in one grid: the rows of the old one, then those of the new one."""

    def __init__(self, way: _Way, old: AttachedChain | None, new: AttachedChain | None) -> None:
        self._way = way
        self._sides = old, new
        self._old = way.places(old, new)
        self._new = way.places(new, old)
        places = [*self._old, *self._new]
        self._places = places
        self._open: dict[str, None] = {}
        self._effort = EFFORT

    @property
    def hook(self) -> Hook:
        """Where the chains are attached."""
        return next(at.base.hook for at in reversed(self._sides) if at is not None)

    def _lay_out(self) -> None:
        """Make the grid; it has the ends of what other chains ask for as well, so that their packets have boxes."""
        way, universe = self._way, self._way.universe
        others = [place for side in (0, 1) for part in way.others(side, None, earlier=False) for place in part]
        regions = (part for place in (*self._places, *others) for part in (*place.packets.upper, *place.packets.lower))
        self._grid = Grid((universe.packets, *regions), universe.last)
        self._usual = {field: universe.usual(field) for field in Field}
        rows = [
            (at, box)
            for at, place in enumerate(self._places)
            if place.ends is not None and not _doubtful(place)
            for box in self._grid.boxes(place.packets.upper)
        ]
        self._boxes = Boxes(self._grid, [box for _, box in rows], [at for at, _ in rows], len(self._places))
        self._split = self._boxes.before(len(self._old))
        self._pieces = self._grid.usual(self._usual)

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
        yield from self._open

    def differences(self, judged: _Judge) -> Iterator[Change]:
        """A change for each pair of places with different verdicts, where there is one. Raises `BudgetSpentError`."""
        self._lay_out()
        budget = Budget(PIECES)
        boxes = self._boxes
        told: set[tuple[int, int]] = set()
        for row in range(self._split):
            box = Box(boxes.low[:, row], boxes.high[:, row])
            first = int(boxes.places[row])
            earlier = boxes.touching(box, 0, boxes.before(first))
            others = boxes.touching(box, self._split, len(boxes))
            for other in others.tolist():
                second = int(boxes.places[other])
                if (first, second) in told or _alike(self._places[first], self._places[second]):
                    continue
                shared = Box(np.maximum(box.low, boxes.low[:, other]), np.minimum(box.high, boxes.high[:, other]))
                known = np.concatenate([earlier, others[boxes.places[others] < second]])
                point = cover(shared, boxes, self._touching(known, shared), budget, self._pieces)
                if isinstance(point, Covered):
                    continue
                pair = self._places[first], self._places[second]
                change = judged(self._packet(point), *pair)
                if change is not None:
                    yield change
                if change is None or not _shows(change, pair):
                    change = self._pursue(shared, known, pair, judged, budget)
                    if change is None:
                        continue
                    yield change
                told.add((first, second))

    def _pursue(
        self, shared: Box, known: Rows, pair: tuple[Place, Place], judged: _Judge, budget: Budget
    ) -> Change | None:
        """The change of a pair that another packet shows than the first one, of which other chains decide."""
        if Decision.ACCEPT is pair[0].ends is pair[1].ends:
            return None
        text = "policy" if pair[1].rule is None else pair[1].rule.text
        passing = self._passing(pair, self._region(shared))
        tried = 0
        for low, high in map(_ends, self._grid.boxes(passing or ())):
            part = Box(low, high)
            point = cover(part, self._boxes, self._touching(known, part), budget, self._pieces)
            if isinstance(point, Covered):
                continue
            change = judged(self._packet(point), *pair)
            if change is not None and _shows(change, pair):
                return change
            tried += 1
            if tried >= TRIED:
                break
        if passing is None or tried or not self._way.certain:
            self._open[text] = None
        return None

    def _passing(self, pair: tuple[Place, Place], asked: Region) -> Regions | None:
        """The packets that other chains may leave to the pair of places; None where that takes too much."""
        old, new = self._sides
        if pair[1].ends is Decision.ACCEPT:
            chains = self._way.others(1, new, earlier=False)
        elif pair[0].ends is Decision.ACCEPT:
            chains = self._way.others(0, old, earlier=False)
        else:
            chains = [*self._way.others(0, old, earlier=True), *self._way.others(1, new, earlier=True)]
        self._effort -= sum(map(len, chains))
        if self._effort < 0:
            return None
        try:
            return accepted_by_all(chains, asked, self._way.universe.last, REGIONS)[1]
        except TooManyRegionsError:
            return None

    def _touching(self, rows: Rows, box: Box) -> Rows:
        low, high = self._boxes.low[:, rows], self._boxes.high[:, rows]
        return rows[((low <= box.high[:, None]) & (high >= box.low[:, None])).all(0)]

    def _region(self, box: Box) -> Region:
        found: dict[Field, Runs] = {}
        for field, low, high in zip(self._grid.fields, box.low.tolist(), box.high.tolist(), strict=True):
            starts = self._grid.starts[field]
            end = starts[high + 1] - 1 if high + 1 < len(starts) else self._way.universe.last[field]
            found[field] = ((starts[low], end),)
        return found

    def _packet(self, point: Numbers) -> Packet:
        return self._way.universe.packet(self._grid.point(point, self._usual))


def _shows(change: Change, pair: tuple[Place, Place]) -> bool:
    """Whether a change lets packets through, or refuses them, as the pair of places does."""
    accepts = [place.ends is Decision.ACCEPT for place in pair]
    return accepts == [change.before is Fate.ACCEPT, change.after is Fate.ACCEPT]


def _ends(box: tuple[tuple[int, int], ...]) -> tuple[Numbers, Numbers]:
    ends = np.array(box, np.int32).reshape(len(box), 2)
    return ends[:, 0], ends[:, 1]


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
