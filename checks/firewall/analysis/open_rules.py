"""Rules that let everything through."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..rules.attachment import DEPTH, AttachedChain, branches
from ..rules.matches import Match, PacketFamily, Sometimes, State
from ..rules.ruleset import Chain, Decision, Hook, Jump, Rule, Ruleset, Table, Verdict
from .conditions import Holds, Probe, conditions_hold
from .effective import Answer, Walk, state_default


@dataclass(frozen=True, slots=True)
class OpenRule:
    """A rule that accepts everything that reaches it (`certain`), or may do so because it is not wholly understood."""

    table: Table
    chain: Chain
    rule: Rule
    attached: AttachedChain
    certain: bool


def open_rules(ruleset: Ruleset, family: PacketFamily, hook: Hook) -> Iterator[OpenRule]:
    """Rules that accept every new connection that reaches them, in filter chains of the hook itself.

    A rate limit does not narrow a rule. A rule counts only where everything reaches it: in the base chain, or in a
    chain entered without a narrower condition, and not behind a rule that surely ends the way. Rules are not counted
    when another base chain on the way drops by default.
    """
    probe = Probe(family, State.NEW)
    default = state_default(ruleset, probe, hook)
    for at in default.chains:
        attached = at.attached
        others_drop = any(other.answer is Answer.DROP for other in default.chains if other is not at)
        if attached.base.hook is hook and attached.base.type == "filter" and not others_drop:
            yield from _OpenSearch(attached, probe).rules(attached.chain, certain=True)


class _OpenSearch:
    """The search for open rules from one base chain."""

    def __init__(self, attached: AttachedChain, probe: Probe) -> None:
        self._attached = attached
        self._probe = probe
        self._walk = Walk(attached, probe)
        self._seen: dict[str, bool] = {}

    def rules(self, chain: Chain, certain: bool, depth: int = 0) -> Iterator[OpenRule]:
        """Open rules of the chain and of those it leads to; a chain is searched again when it is sure to be reached."""
        if chain.name in self._seen and (self._seen[chain.name] or not certain):
            return
        self._seen[chain.name] = certain
        for rule in chain.rules:
            for matches, verdict in branches(rule):
                holds = self._hold([match for match in matches if not isinstance(match, Sometimes)])
                if holds in (Holds.NEVER, Holds.PARTLY):
                    continue
                sure = certain and holds in (Holds.ALWAYS, Holds.MOSTLY)
                yield from self._let_through(chain, rule, verdict, sure, depth)
            if self._ends(rule):
                return

    def _let_through(
        self, chain: Chain, rule: Rule, verdict: Verdict | None, sure: bool, depth: int
    ) -> Iterator[OpenRule]:
        table = self._attached.table
        if verdict is Decision.ACCEPT:
            yield OpenRule(table, chain, rule, self._attached, sure)
        elif isinstance(verdict, Jump):
            target = table.chain(verdict.chain)
            if target is None or depth >= DEPTH:
                yield OpenRule(table, chain, rule, self._attached, certain=False)
            else:
                yield from self.rules(target, sure, depth + 1)

    def _hold(self, matches: Sequence[Match]) -> Holds:
        return conditions_hold(matches, self._probe, self._attached.base.hook)

    def _ends(self, rule: Rule) -> bool:
        """Whether nothing comes behind the rule."""
        return self._hold(rule.matches) is Holds.ALWAYS and not self._walk.passes(rule)
