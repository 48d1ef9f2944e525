"""A base chain with all chains that it leads to, as one list of places in the order in which a packet meets them.

Each place is a rule with the packets that meet it there if nothing before has ended their way: jumps put their
conditions in front of the chain they lead to, and what returns from a chain is taken out of the rest of it. So a
packet's way ends at the first ending place whose set it is in.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from ..rules.attachment import DEPTH, AttachedChain, before_tracking, reachable_rules
from ..rules.matches import ConntrackState, Match
from ..rules.ruleset import (
    Chain,
    Decision,
    Jump,
    Nat,
    Rewrite,
    RewrittenField,
    Rule,
    SetMark,
    Statement,
    Undecided,
    Untrack,
    Verdict,
    VerdictMap,
)
from .meaning import Doubt, Meaning, Reading
from .regions import Field, TooManyRegionsError, difference
from .universe import Universe, flattened

SHARE = 64
"""Regions that the rest of a chain may be cut into by what returns from it; bounds take their place above that."""

PLACES = 250_000
"""Places that a base chain may have: chains that lead to each other many times would give many more."""


@dataclass(frozen=True, slots=True)
class Place:
    """A rule (None: the policy) where a packet meets it. `ends` is what it does to the packets that come so far.

    `ends` is None where the next place follows; of an ending that the ruleset does not decide it is `Undecided`.
    `returned` are the rules before it in its chain that send packets with its own conditions back.
    """

    rule: Rule | None
    chain: Chain
    packets: Meaning
    ends: Decision | Undecided | None
    returned: tuple[Rule, ...] = ()

    @property
    def act(self) -> object:
        """What becomes of packets that end here: equal acts are the same.

        Translation of addresses is part of it, and what a rejection answers; an answer that is not known equals none.
        """
        if self.rule is None:
            return (self.ends, "")
        answer: object = self.rule.answer if self.ends is Decision.REJECT else ""
        nats = [part for part in self.rule.statements if isinstance(part, Nat)]
        return (self.ends, id(self.rule) if answer is None else answer, *nats)


class TooManyPlacesError(Exception):
    """The chains lead to each other too often to be followed."""


def expanded(attached: AttachedChain, universe: Universe) -> tuple[Place, ...]:
    """The places of a base chain, its policy last. Raises `TooManyPlacesError`."""
    expansion = _Expansion(attached, Reading(universe, changing(attached)), universe)
    everything = Meaning.exactly([universe.packets])
    expansion.chain(attached.chain, everything, 0)
    places = expansion.places
    places.append(Place(None, attached.chain, everything, attached.base.policy))
    return tuple(places)


def conditions(attached: AttachedChain) -> Iterator[Match]:
    """All conditions of the rules that a packet may meet."""
    for rule in reachable_rules(attached):
        if isinstance(rule.verdict, VerdictMap):
            for branch in rule.verdict.branches:
                yield from branch.matches
        yield from rule.matches


_REWRITTEN = {
    RewrittenField.SOURCE: {Field.SOURCE, Field.SOURCE_TYPE},
    RewrittenField.DESTINATION: {Field.DESTINATION, Field.DESTINATION_TYPE},
    RewrittenField.SOURCE_PORT: {Field.SOURCE_PORT},
    RewrittenField.DESTINATION_PORT: {Field.DESTINATION_PORT},
    RewrittenField.ICMP_TYPE: {Field.ICMP},
    RewrittenField.ICMP_CODE: {Field.ICMP},
    RewrittenField.TCP_FLAGS: {Field.TCP_FLAGS},
}


def changing(attached: AttachedChain) -> frozenset[Field]:
    """The fields that rules of the chains change on the way, so that what a packet brings along does not count.

    The state is one of them in a chain that asks for it before connections are looked up.
    """
    early = before_tracking(attached) is not False and any(
        isinstance(match, ConntrackState) for match in flattened(conditions(attached))
    )
    changed = frozenset(
        field for rule in reachable_rules(attached) for statement in rule.statements for field in _changed(statement)
    )
    return changed | {Field.STATE} if early else changed


def _changed(statement: Statement) -> set[Field]:
    if isinstance(statement, SetMark):
        return {Field.CONNECTION_MARK if statement.connection else Field.MARK}
    if isinstance(statement, Rewrite):
        return _REWRITTEN[statement.field]
    return {Field.STATE} if isinstance(statement, Untrack) else set()


@dataclass(slots=True)
class _Expansion:
    attached: AttachedChain
    reading: Reading
    universe: Universe
    places: list[Place] = field(default_factory=list)
    _read: dict[int, Meaning] = field(default_factory=dict)

    def chain(self, chain: Chain, coming: Meaning, depth: int) -> None:
        """Add the places of a chain for the packets that come to it."""
        returning: list[Rule] = []
        for rule in chain.rules:
            met = self._met(rule, coming)
            if met.upper:
                before = coming
                coming = self._verdict(rule, chain, rule.verdict, met, coming, depth)
                if coming is not before:
                    returning.append(rule)
            else:
                # Nothing that could meet the rule comes here; it still needs a place to be known as dead.
                own = self._read[id(rule)]
                returned = [other for other in returning if self.reading.both(own, self._read[id(other)]).upper]
                self._add(rule, chain, met, None, tuple(returned))

    def _met(self, rule: Rule, coming: Meaning) -> Meaning:
        key = id(rule)
        if key not in self._read:
            self._read[key] = self.reading.conditions(rule.matches)
        return self.reading.both(coming, self._read[key])

    def _verdict(
        self, rule: Rule, chain: Chain, verdict: Verdict | None, met: Meaning, coming: Meaning, depth: int
    ) -> Meaning:
        """Add the places of a rule's verdict; returns what of `coming` the rest of the chain may see."""
        match verdict:
            case None:
                self._add(rule, chain, met, None)
            case Decision.RETURN if depth:
                self._add(rule, chain, met, None)
                return self._without(coming, met)
            case Decision.RETURN:
                self._add(rule, chain, met, self.attached.base.policy)
            case Decision():
                self._add(rule, chain, met, verdict)
            case Undecided():
                self._add(rule, chain, met, verdict)
            case Jump():
                target = self.attached.table.chain(verdict.chain)
                if target is None or depth >= DEPTH:
                    self._add(rule, chain, met, Undecided(f"jump {verdict.chain}"))
                    return coming
                self._add(rule, chain, met, None)
                self.chain(target, met, depth + 1)
                if verdict.goto and depth:
                    return self._without(coming, met)
                if verdict.goto:
                    self._add(rule, chain, met, self.attached.base.policy)
            case VerdictMap():
                return self._map(rule, chain, verdict, met, coming, depth)
        return coming

    def _map(self, rule: Rule, chain: Chain, verdict: VerdictMap, met: Meaning, coming: Meaning, depth: int) -> Meaning:
        left = met
        for branch in verdict.branches:
            here = self.reading.both(left, self.reading.conditions(branch.matches))
            coming = self._verdict(rule, chain, branch.verdict, here, coming, depth)
            left = self._without(left, here)
        return coming

    def _without(self, of: Meaning, gone: Meaning) -> Meaning:
        last = self.universe.last
        try:
            upper = difference(of.upper, gone.lower, last, SHARE)
            exact = of.doubt is gone.doubt is Doubt.NONE
            lower = upper if exact else difference(of.lower, gone.upper, last, SHARE)
        except TooManyRegionsError:
            return Meaning([], of.upper, Doubt.UNKNOWN)
        return Meaning(lower, upper, max(of.doubt, gone.doubt))

    def _add(
        self,
        rule: Rule,
        chain: Chain,
        met: Meaning,
        ends: Decision | Undecided | None,
        returned: tuple[Rule, ...] = (),
    ) -> None:
        if len(self.places) >= PLACES:
            raise TooManyPlacesError
        self.places.append(Place(rule, chain, met, ends, returned))
