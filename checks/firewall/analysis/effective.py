"""What becomes of packets by default on a hook, over all base chains that see them.

The default is what happens to a packet that no narrower condition picks out (see `conditions`). Where a condition is
not understood both ways are followed, and an answer that depends on it is `UNKNOWN` with the rule it depends on.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum

from ..rules.attachment import DEPTH, AttachedChain, attached_chains, before_tracking, branches, reachable_rules
from ..rules.matches import ConntrackState, Match, PacketFamily, State
from ..rules.ruleset import Chain, Decision, Hook, Jump, Rule, Ruleset, Undecided, Verdict, VerdictMap
from .conditions import Holds, Probe, conditions_hold


class Answer(StrEnum):
    """Three-valued answers about a hook."""

    ACCEPT = "accept"
    DROP = "drop"
    UNKNOWN = "unknown"


class _End(StrEnum):
    """How the walk through a chain may end."""

    ACCEPT = "accept"
    DROP = "drop"
    RETURN = "return"


@dataclass(frozen=True, slots=True)
class ChainDefault:
    """What a base chain does by default, the rule that says so (None: the policy), and the rules it depends on."""

    attached: AttachedChain
    answer: Answer
    by: Rule | None
    depends_on: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class HookDefault:
    """What happens by default to packets of a family on a hook: over all base chains on the way, in order.

    `state` is the connection tracking state that the answer and the chains are about.
    """

    family: PacketFamily
    hook: Hook
    state: State
    answer: Answer
    chains: tuple[ChainDefault, ...]


_STATES = (State.NEW, State.INVALID, State.UNTRACKED)
"""States of packets that do not belong to a connection that was let in before."""


def hook_default(ruleset: Ruleset, family: PacketFamily, hook: Hook) -> HookDefault:
    """What happens to a packet that no rule picks out, for the connection tracking state that fares worst.

    One base chain that surely drops is enough for `DROP`, because accept in one base chain is not final and drop is.
    `ACCEPT` needs all of them to accept; a hook without base chains accepts.
    """
    found = {state: state_default(ruleset, Probe(family, state), hook) for state in _STATES}
    for worst in (Answer.ACCEPT, Answer.UNKNOWN):
        for default in found.values():
            if default.answer is worst:
                return default
    return found[State.NEW]


def state_default(ruleset: Ruleset, probe: Probe, hook: Hook) -> HookDefault:
    """Like `hook_default`, for packets of one connection tracking state."""
    attached = attached_chains(ruleset, probe.family, hook)
    chains = tuple(_chain_default(chain, probe) for chain in attached)
    answers = {chain.answer for chain in chains}
    if Answer.DROP in answers:
        answer = Answer.DROP
    elif Answer.UNKNOWN in answers:
        answer = Answer.UNKNOWN
    else:
        answer = Answer.ACCEPT
    return HookDefault(probe.family, hook, probe.state, answer, chains)


def _chain_default(attached: AttachedChain, probe: Probe) -> ChainDefault:
    early = before_tracking(attached)
    if early is False or probe.state is State.UNTRACKED:
        return _walked_default(attached, probe)
    seen = _walked_default(attached, replace(probe, state=State.INVALID))
    tracked = seen if early else _walked_default(attached, probe)
    return seen if seen.answer is tracked.answer else replace(seen, answer=Answer.UNKNOWN)


def _walked_default(attached: AttachedChain, probe: Probe) -> ChainDefault:
    walk = Walk(attached, probe)
    course = walk.through(attached.chain)
    policy = attached.base.policy
    possible = {
        Answer.ACCEPT if end is _End.ACCEPT or (end is _End.RETURN and policy is Decision.ACCEPT) else Answer.DROP
        for end in course.ends
    }
    if attached.base.hook is Hook.INGRESS and Answer.DROP in possible:
        # An ingress chain sees the packets of its own devices only, and nft 1.0.6 does not list them in JSON.
        possible.add(Answer.ACCEPT)
    answer = possible.pop() if len(possible) == 1 else Answer.UNKNOWN
    return ChainDefault(attached, answer, None if _End.RETURN in course.ends else course.by, tuple(walk.depends_on))


@dataclass(frozen=True, slots=True)
class _Course:
    """The ways in which a chain may end, and the rule that ends it if none before did (None: the end of the chain)."""

    ends: frozenset[_End]
    by: Rule | None


@dataclass(slots=True)
class Walk:
    """One walk from a base chain through the chains it leads to."""

    attached: AttachedChain
    probe: Probe
    depends_on: dict[Rule, None] = field(default_factory=dict)
    """The rules that are not understood and may end the way."""
    _known: dict[str, _Course] = field(default_factory=dict)

    def through(self, chain: Chain, depth: int = 0) -> _Course:
        """How the way through a chain may end."""
        ends: set[_End] = set()
        for rule in chain.rules:
            holds = conditions_hold(rule.matches, self.probe, self.attached.base.hook)
            if holds in (Holds.NEVER, Holds.PARTLY):
                continue
            found, passes = self._verdict(rule, rule.verdict, depth)
            if holds is Holds.MOSTLY:
                # What it accepts is as good as everything; what it drops leaves something to the rules behind it.
                if found != {_End.ACCEPT}:
                    continue
                holds = Holds.ALWAYS
            if found and (holds is Holds.UNKNOWN or rule.unmodelled):
                self.depends_on[rule] = None
            ends |= found
            if not passes and holds is Holds.ALWAYS:
                return _Course(frozenset(ends), self._decider(rule))
        return _Course(frozenset(ends | {_End.RETURN}), None)

    def _decider(self, rule: Rule) -> Rule:
        """The rule itself, or the one that ends the chain it leads to."""
        entered = self._known.get(rule.verdict.chain) if isinstance(rule.verdict, Jump) else None
        return entered.by if entered and entered.by else rule

    def passes(self, rule: Rule) -> bool:
        """Whether the next rule may follow a packet that meets the conditions of this one."""
        return self._verdict(rule, rule.verdict, 0)[1]

    def _verdict(self, rule: Rule, verdict: Verdict | None, depth: int) -> tuple[set[_End], bool]:
        """The ways in which a verdict may end the walk, and whether the next rule may follow."""
        match verdict:
            case None:
                return set(), True
            case Decision.ACCEPT:
                return {_End.ACCEPT}, False
            case Decision.RETURN:
                return {_End.RETURN}, False
            case Decision.DROP | Decision.REJECT:
                return {_End.DROP}, False
            case Jump():
                target = self.attached.table.chain(verdict.chain)
                if target is None or depth >= DEPTH:
                    self.depends_on[rule] = None
                    return {_End.ACCEPT, _End.DROP}, True
                ends = self._enter(target, depth).ends
                if verdict.goto:
                    return set(ends), False
                return set(ends - {_End.RETURN}), _End.RETURN in ends
            case VerdictMap():
                return self._branches(rule, verdict, depth)
            case Undecided():
                return {_End.ACCEPT, _End.DROP}, True

    def _enter(self, target: Chain, depth: int) -> _Course:
        if target.name not in self._known:
            self._known[target.name] = self.through(target, depth + 1)
        return self._known[target.name]

    def _branches(self, rule: Rule, verdict: VerdictMap, depth: int) -> tuple[set[_End], bool]:
        ends: set[_End] = set()
        for branch in verdict.branches:
            holds = conditions_hold(branch.matches, self.probe, self.attached.base.hook)
            if holds in (Holds.NEVER, Holds.PARTLY):
                continue
            found, passes = self._verdict(rule, branch.verdict, depth)
            if holds is Holds.MOSTLY and found != {_End.ACCEPT}:
                continue
            ends |= found
            if holds in (Holds.ALWAYS, Holds.MOSTLY):
                return ends, passes
        return ends, True


def filters(ruleset: Ruleset, family: PacketFamily, hook: Hook) -> bool:
    """Whether any packet could be dropped on the way through the hook: a policy of drop, or a rule that may drop.

    A verdict that is not decided by the ruleset counts as one that may drop.
    """
    for attached in attached_chains(ruleset, family, hook):
        if attached.base.policy is Decision.DROP:
            return True
        for rule in reachable_rules(attached):
            if any(
                isinstance(verdict, Undecided) or verdict in (Decision.DROP, Decision.REJECT)
                for _, verdict in branches(rule)
            ):
                return True
    return False


def accepts_established(ruleset: Ruleset, family: PacketFamily) -> Rule | None:
    """The first rule on the input hook that lets packets in because their connection is established."""
    for attached in attached_chains(ruleset, family, Hook.INPUT):
        for rule in reachable_rules(attached) if attached.base.hook is Hook.INPUT else ():
            for matches, verdict in branches(rule):
                if verdict is Decision.ACCEPT and any(map(_is_established, matches)):
                    return rule
    return None


def _is_established(match: Match) -> bool:
    return isinstance(match, ConntrackState) and not match.negated and State.ESTABLISHED in match.states
