"""The way of one packet through one base chain and the chains that it leads to, rule by rule."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum

from ..rules.attachment import AttachedChain
from ..rules.matches import Match, OutInterface, Sometimes, State, Unmodelled
from ..rules.packet import Packet, joined
from ..rules.plain import of_translated
from ..rules.ruleset import (
    Chain,
    Decision,
    Jump,
    Nat,
    NatKind,
    Rule,
    Statement,
    Undecided,
    Verdict,
    VerdictMap,
)
from .chain_index import ChainIndex
from .effects import changed
from .holds import conditions_hold, holds
from .trace import Step

DEPTH = 16
"""Nested jumps that the kernel allows (NFT_JUMP_STACK_SIZE)."""

STEPS = 200_000
"""How many rules are looked at for one packet; only rulesets made to be slow need more."""


class End(StrEnum):
    """How a packet leaves a chain; `RETURN` at its end, to the chain that led there or to the policy."""

    ACCEPT = "accept"
    DROP = "drop"
    REJECT = "reject"
    RETURN = "return"


Ends = dict[End, Packet]
"""How the way through a chain may end, and what the packet is like then."""


@dataclass(frozen=True, slots=True)
class _Spot:
    """A chain that the packet is in: its own base chain, or one that this leads to, `depth` jumps below it."""

    attached: AttachedChain
    chain: Chain
    depth: int = 0

    def step(self, rule: Rule | None, action: str, certain: bool) -> Step:
        return Step(self.attached.table, self.chain, self.attached.base.hook, rule, action, certain)


_DESTINATIONS = (NatKind.DESTINATION, NatKind.REDIRECT)


@dataclass(slots=True)
class Walk:
    """One packet's walk through base chains and the chains that they lead to."""

    given: Packet
    indexes: dict[int, ChainIndex]
    steps: list[Step] = field(default_factory=list)
    because: dict[str, None] = field(default_factory=dict)
    left: int = STEPS
    translated: bool | None = False
    """Whether the packet was translated on the present hook; None where it is not known."""
    destination: bool | None = False
    """Whether its destination was translated on its way."""

    def base_chain(self, attached: AttachedChain, packet: Packet, *, certain: bool) -> Ends:
        """How a packet may leave a base chain, after its policy."""
        spot = _Spot(attached, attached.chain)
        ends = self._through(spot, packet, certain)
        returned = ends.pop(End.RETURN, None)
        if returned is not None:
            policy = attached.base.policy
            self.steps.append(spot.step(None, f"policy {policy}", certain and not ends))
            _add(ends, End(policy.value), returned)
        return ends

    def _through(self, spot: _Spot, packet: Packet, certain: bool) -> Ends:
        ends: Ends = {}
        for rule in self._index(spot.chain).candidates(packet):
            self.left -= 1
            if self.left < 0:
                self.because[f"more than {STEPS} rules would have to be looked at"] = None
                return dict.fromkeys(End, packet)
            matches = self._without_translation(rule.before_change, packet)
            met = False if matches is None else conditions_hold(matches, packet)
            if matches is None or met is False:
                continue
            if met is None:
                self._note(rule, matches, packet)
            behind = changed(rule.statements, packet)
            if rule.first is not None:
                late = rule.matches[rule.first :]
                then = conditions_hold(late, behind)
                if then is False:
                    packet = behind if met is True else joined(packet, behind)
                    continue
                if then is None:
                    self._note(rule, late, behind)
                    packet, met = behind if met is True else joined(packet, behind), None
            sure = certain and met is True and not ends
            if any(isinstance(statement, Nat) for statement in rule.statements):
                self.translated = True if sure else self.translated or None
                if any(isinstance(part, Nat) and part.kind in _DESTINATIONS for part in rule.statements):
                    self.destination = True if sure else self.destination or None
            found, passed = self._decide(spot, rule, rule.verdict, behind, sure)
            _merge(ends, found)
            if met is True and passed is None:
                return ends
            if met is None:
                passed = packet if passed is None else joined(packet, passed)
            packet = passed or packet
        _add(ends, End.RETURN, packet)
        return ends

    def _without_translation(self, matches: tuple[Match, ...], packet: Packet) -> tuple[Match, ...] | None:
        """The conditions but for those on a translated destination, where that is known; None when one fails.

        A packet of a connection that was there before may belong to one that was translated then.
        """
        if packet.state is not State.NEW or self.destination is None or not any(map(of_translated, matches)):
            return matches
        return tuple(match for match in matches if not of_translated(match)) if self.destination else None

    def _index(self, chain: Chain) -> ChainIndex:
        found = self.indexes.get(id(chain))
        if found is None:
            found = self.indexes[id(chain)] = ChainIndex(chain)
        return found

    def _decide(
        self, spot: _Spot, rule: Rule, verdict: Verdict | None, packet: Packet, certain: bool
    ) -> tuple[Ends, Packet | None]:
        """How the packet may end here, and what it is like when the next rule follows (None: it does not)."""

        def step(action: str) -> None:
            self.steps.append(spot.step(rule, action, certain))

        match verdict:
            case None:
                step(_told(rule.statements) or "continue")
                return {}, packet
            case Decision():
                nat = next((part for part in rule.statements if isinstance(part, Nat)), None)
                step(f"{nat.kind} to {nat.to}".removesuffix(" to ") if nat else str(verdict))
                return {End(verdict.value): packet}, None
            case Jump():
                step(f"{'goto' if verdict.goto else 'jump'} {verdict.chain}")
                target = spot.attached.table.chain(verdict.chain)
                if target is None or spot.depth >= DEPTH:
                    self.because[f"the chain {verdict.chain} is not followed"] = None
                    return {End.ACCEPT: packet, End.DROP: packet}, packet
                ends = self._through(_Spot(spot.attached, target, spot.depth + 1), packet, certain)
                if verdict.goto:
                    return ends, None
                returned = ends.pop(End.RETURN, None)
                return ends, returned
            case VerdictMap():
                return self._branch(spot, rule, verdict, packet, certain)
            case Undecided():
                step(verdict.text)
                self.because[f"the ruleset does not decide what `{verdict.text}` does"] = None
                # A program or an extension may have marked it as well.
                packet = replace(packet, mark=None, connection_mark=None)
                return {End.ACCEPT: packet, End.DROP: packet}, packet

    def _branch(
        self, spot: _Spot, rule: Rule, verdict: VerdictMap, packet: Packet, certain: bool
    ) -> tuple[Ends, Packet | None]:
        ends: Ends = {}
        passes: Packet | None = None
        for branch in verdict.branches:
            met = conditions_hold(branch.matches, packet)
            if met is False:
                continue
            if met is None:
                self._note(rule, branch.matches, packet)
            sure = certain and met is True and not ends
            found, passed = self._decide(spot, rule, branch.verdict, packet, sure)
            _merge(ends, found)
            if passed is not None:
                passes = passed if passes is None else joined(passes, passed)
            if met is True:
                return ends, passes
        return ends, packet if passes is None else joined(passes, packet)

    def _note(self, rule: Rule, matches: tuple[Match, ...], packet: Packet) -> None:
        for match in matches:
            if holds(match, packet) is None:
                self.because[f"`{rule.text}` (line {rule.origin.line}): {_why(match)}"] = None


def _add(ends: Ends, end: End, packet: Packet) -> None:
    ends[end] = joined(ends[end], packet) if end in ends else packet


def _merge(ends: Ends, more: Ends) -> None:
    for end, packet in more.items():
        _add(ends, end, packet)


def _told(statements: tuple[Statement, ...]) -> str:
    return ", ".join(type(statement).__name__.lower() for statement in statements)


def _why(match: Match) -> str:
    match match:
        case Unmodelled():
            return f"{match.why}: {match.text}"
        case Sometimes():
            return f"{match.kind} holds now and then"
        case OutInterface():
            return "the interface that it leaves by is not known; `oif NAME` says it"
    return f"whether {type(match).__name__} holds is not known"
