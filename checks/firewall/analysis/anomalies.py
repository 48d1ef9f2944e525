"""Rules that do nothing, contradict each other, or depend on their order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from secaudit.api import Severity

from ..path.tracer import Tracer
from ..rules.attachment import AttachedChain, chains_on, reachable
from ..rules.generated import written_by_tool
from ..rules.matches import PacketFamily
from ..rules.packet import Packet
from ..rules.ruleset import Chain, Decision, Hook, Jump, Origin, Rule, Ruleset, Table
from ..sets.expansion import Place, TooManyPlacesError
from ..sets.packet_sets import Alive, ChainSets, Dead, Fate, Open, tracks_connections
from .relations import Relation, needless, related


class Kind(StrEnum):
    """What is wrong with a rule or a chain."""

    SHADOWED = "shadowed"
    """No packet meets it, and rules before it do something else with packets that it names."""
    REDUNDANT = "redundant"
    """Without it the same would become of every packet."""
    AFTER_TERMINAL = "after-terminal"
    """It stands behind a rule of the same chain that ends the way of every packet."""
    CONTRADICTORY = "contradictory"
    """Its conditions, with those that lead to it, exclude each other."""
    UNREACHABLE_CHAIN = "unreachable-chain"
    """No rule that a packet can meet leads to the chain."""
    GENERALISATION = "generalisation"
    """It takes the rest of what rules before it have picked out for another verdict."""
    CORRELATED = "correlated"
    """It and rules before it share packets and differ in the verdict: their order decides."""


SEVERITIES = {
    Kind.SHADOWED: Severity.MEDIUM,
    Kind.REDUNDANT: Severity.LOW,
    Kind.AFTER_TERMINAL: Severity.LOW,
    Kind.CONTRADICTORY: Severity.LOW,
    Kind.UNREACHABLE_CHAIN: Severity.LOW,
    Kind.GENERALISATION: Severity.INFO,
    Kind.CORRELATED: Severity.INFO,
}


_TIDYING = (Kind.REDUNDANT, Kind.AFTER_TERMINAL, Kind.CONTRADICTORY, Kind.UNREACHABLE_CHAIN)
"""What could go without any packet faring differently."""


@dataclass(frozen=True, slots=True, eq=False)
class Location:
    """A rule in its chain; `rule` None stands for the chain itself or its policy, `index` counts from 1.

    Locations of one analysis are compared by identity: there is one for each rule and chain.
    """

    table: Table
    chain: Chain
    rule: Rule | None
    index: int | None

    @property
    def text(self) -> str:
        """The rule as it is written, or what stands in its place."""
        if self.rule is not None:
            return self.rule.text
        return f"policy {self.chain.base.policy}" if self.chain.base else f"chain {self.chain.name}"

    @property
    def origin(self) -> Origin:
        """Where it was read."""
        return (self.rule or self.chain).origin

    @property
    def line(self) -> int:
        """The line where it was read."""
        return self.origin.line


@dataclass(frozen=True, slots=True)
class Anomaly:
    """One finding: the rule, those before it that are the reason, and a packet that shows it."""

    kind: Kind
    at: Location
    by: tuple[Location, ...] = ()
    witness: Packet | None = None
    verdict_differs: bool = False
    weight: Severity | None = None
    """Where it matters more or less than others of its kind: a prohibition that is not in force, an empty chain."""

    @property
    def severity(self) -> Severity:
        """How much it matters; a hint where a tool wrote what could go, since it would write it again."""
        if self.kind in _TIDYING and written_by_tool(self.at.table, self.at.chain):
            return Severity.INFO
        return self.weight or SEVERITIES[self.kind]


@dataclass(frozen=True, slots=True)
class Undecided:
    """A rule, or a whole base chain, of which it is not known whether anything is wrong with it, and why."""

    at: Location
    why: str
    on: tuple[Location, ...] = ()


@dataclass(frozen=True, slots=True)
class Anomalies:
    """Everything that was found, and everything that could not be decided."""

    found: tuple[Anomaly, ...]
    undecided: tuple[Undecided, ...]


@dataclass(slots=True)
class _Verdicts:
    """What is known about one rule from all the places where packets may meet it."""

    at: Location
    dead: list[tuple[ChainSets, Place, Dead]] = field(default_factory=list)
    opened: list[tuple[ChainSets, Open]] = field(default_factory=list)
    alive: bool = False
    relations: list[tuple[ChainSets, Relation]] = field(default_factory=list)
    needed: bool = False
    needless: list[tuple[ChainSets, tuple[int, ...], Packet]] = field(default_factory=list)


def find_anomalies(ruleset: Ruleset) -> Anomalies:
    """Look at every base chain that IP packets pass, for both families."""
    search = _Search(ruleset)
    for table in ruleset.tables:
        search.table(table)
    return search.ended()


class _Search:
    def __init__(self, ruleset: Ruleset) -> None:
        self._ruleset = ruleset
        self._tracer = Tracer(ruleset)
        self._tracked = tracks_connections(ruleset)
        self._locations = {
            id(rule): Location(table, chain, rule, index)
            for table in ruleset.tables
            for chain in table.chains
            for index, rule in enumerate(chain.rules, 1)
        }
        self._locations |= {
            id(chain): Location(table, chain, None, None) for table in ruleset.tables for chain in table.chains
        }
        self._last = {id(chain): _unconditional(chain) for table in ruleset.tables for chain in table.chains}
        self._verdicts: dict[int, _Verdicts] = {}
        self._found: list[Anomaly] = []
        self._undecided: list[Undecided] = []

    def table(self, table: Table) -> None:
        """Look at all base chains of a table, and for chains that none of them leads to."""
        self._verdicts = {
            id(rule): _Verdicts(self._locations[id(rule)]) for chain in table.chains for rule in chain.rules
        }
        reached: set[str] = set()
        complete = not table.dormant
        for family in table.family.packets:
            for attached in chains_on(self._ruleset, family, tuple(Hook)):
                if attached.table is table:
                    reached |= {chain.name for chain in reachable(attached)}
                    complete &= self._chain(attached, family)
        for chain in table.chains:
            if chain.base is None and chain.name not in reached and table.family.packets:
                # Tools keep empty chains ready.
                weight = None if chain.rules else Severity.INFO
                self._found.append(Anomaly(Kind.UNREACHABLE_CHAIN, self._locations[id(chain)], weight=weight))
        if complete:
            self._judge()

    def _chain(self, attached: AttachedChain, family: PacketFamily) -> bool:
        try:
            sets = ChainSets.of(attached, family, tracked=self._tracked)
        except TooManyPlacesError:
            at = self._locations[id(attached.chain)]
            self._undecided.append(Undecided(at, "the chains lead to each other too often to be followed"))
            return False
        for number, fate in enumerate(sets.fates()):
            place = sets.places[number]
            if place.rule is not None:
                self._note(sets, number, place, fate, self._verdicts[id(place.rule)])
        return True

    def _note(self, sets: ChainSets, at: int, place: Place, fate: Fate, verdicts: _Verdicts) -> None:
        match fate:
            case Dead():
                verdicts.dead.append((sets, place, fate))
            case Open():
                verdicts.opened.append((sets, fate))
            case Alive():
                verdicts.alive = True
                verdicts.relations += [(sets, relation) for relation in related(sets, at)]
                behind = None if verdicts.needed else needless(sets, at, fate.point)
                if behind is None:
                    verdicts.needed = True
                else:
                    verdicts.needless.append((sets, behind, sets.packet(fate.point)))

    def _judge(self) -> None:
        for verdicts in self._verdicts.values():
            if verdicts.opened and not verdicts.alive:
                self._undecided.append(self._open(verdicts))
            elif verdicts.dead and not verdicts.alive:
                for anomaly in self._dead(verdicts):
                    self._add(anomaly)
            elif verdicts.alive:
                if verdicts.needless and not verdicts.needed:
                    needless = self._needless(verdicts)
                    # Of two rules that do the same the one behind is named, as the one that no packet meets.
                    if not any(self._is_dead(other) for other in needless.by):
                        self._add(needless)
                for anomaly in self._related(verdicts):
                    self._add(anomaly)

    def _dead(self, verdicts: _Verdicts) -> Iterator[Anomaly | Undecided]:
        """Why no packet meets the rule."""
        at = verdicts.at
        last = self._last[id(at.chain)]
        blocker = at.chain.rules[last - 1] if last is not None and at.index is not None and last < at.index else None
        named = [(sets, place, fate) for sets, place, fate in verdicts.dead if fate.packet is not None]
        blockers = [(sets, place, other) for sets, place, fate in named for other in fate.by]
        by = _unique(self._locations[id(sets.places[other].rule)] for sets, _, other in blockers)
        by += tuple(
            self._locations[id(rule)] for _, place, _ in verdicts.dead for rule in place.returned if rule is not blocker
        )
        if blocker is not None:
            yield Anomaly(Kind.AFTER_TERMINAL, at, (self._locations[id(blocker)],))
            return
        if not by:
            yield Anomaly(Kind.CONTRADICTORY, at)
            return
        sets, place, fate = named[0] if named else verdicts.dead[0]
        witness = fate.packet
        if witness is not None and any(
            step.rule is at.rule and step.certain for step in self._tracer.meets(sets.attached, witness)
        ):
            yield Undecided(at, f"the packet {witness} meets it, although it should not: a defect of the analysis", by)
            return
        differs = any(sets.places[other].act != place.act for sets, place, other in blockers) or not blockers
        ends = isinstance(place.ends, Decision)
        kind = Kind.SHADOWED if differs or not ends else Kind.REDUNDANT
        prohibits = place.ends in (Decision.DROP, Decision.REJECT) and any(
            sets.places[other].ends is Decision.ACCEPT for sets, _, other in blockers
        )
        yield Anomaly(kind, at, _unique(by), witness, differs and ends, Severity.HIGH if prohibits else None)

    def _is_dead(self, at: Location) -> bool:
        verdicts = self._verdicts.get(id(at.rule))
        return verdicts is not None and bool(verdicts.dead) and not verdicts.alive

    def _open(self, verdicts: _Verdicts) -> Undecided:
        on = _unique(
            self._locations[id(sets.places[other].rule)]
            for sets, fate in verdicts.opened
            for other in fate.on
            if sets.places[other].rule is not None
        )
        why = "it depends on conditions that are not known" if on else "it would take too many steps to tell"
        return Undecided(verdicts.at, why, on)

    def _needless(self, verdicts: _Verdicts) -> Anomaly:
        by = _unique(
            self._locations[id(sets.places[other].rule or sets.places[other].chain)]
            for sets, behind, _ in verdicts.needless
            for other in behind
        )
        sets, _, packet = verdicts.needless[0]
        return Anomaly(Kind.REDUNDANT, verdicts.at, by, self._met(sets, packet, verdicts.at.rule))

    def _related(self, verdicts: _Verdicts) -> Iterator[Anomaly]:
        seen: set[Kind] = set()
        for sets, relation in verdicts.relations:
            kind = Kind.GENERALISATION if relation.inside else Kind.CORRELATED
            if kind in seen:
                continue
            seen.add(kind)
            first = sets.places[relation.others[0]].rule
            by = _unique(self._locations[id(sets.places[other].rule)] for other in relation.others)
            if verdicts.at not in by:
                witness = self._met(sets, sets.packet(relation.point), first)
                yield Anomaly(kind, verdicts.at, by, witness, verdict_differs=True)

    def _met(self, sets: ChainSets, packet: Packet, rule: Rule | None) -> Packet | None:
        """The packet if it surely meets the rule."""
        steps = self._tracer.meets(sets.attached, packet)
        return packet if any(step.rule is rule and step.certain for step in steps) else None

    def _add(self, found: Anomaly | Undecided) -> None:
        if isinstance(found, Anomaly):
            self._found.append(found)
        else:
            self._undecided.append(found)

    def ended(self) -> Anomalies:
        """What was found, by table, chain and rule."""
        return Anomalies(tuple(self._found), tuple(self._undecided))


def _unconditional(chain: Chain) -> int | None:
    """The index of the first rule that ends the way of every packet in the chain."""
    for index, rule in enumerate(chain.rules, 1):
        ends = isinstance(rule.verdict, Decision) or (isinstance(rule.verdict, Jump) and rule.verdict.goto)
        if ends and not rule.matches:
            return index
    return None


def _unique(found: Iterable[Location]) -> tuple[Location, ...]:
    return tuple(dict.fromkeys(found))
