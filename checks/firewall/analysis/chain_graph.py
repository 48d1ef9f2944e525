"""How packets flow through the chains of a ruleset: the ways through a host, their base chains, and what these lead to.

This is the model that pictures are made of; it knows nothing about drawing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ..rules.attachment import AttachedChain, branches, chains_on
from ..rules.matches import PacketFamily
from ..rules.ruleset import Chain, Decision, Hook, Jump, Rule, Ruleset, Table

MOST = 40
"""Chains of one way that are told of; the others are counted."""

_WAYS = (
    ("To the host", (Hook.INGRESS, Hook.PREROUTING, Hook.INPUT)),
    ("Through the host", (Hook.FORWARD, Hook.POSTROUTING)),
    ("From the host", (Hook.OUTPUT, Hook.POSTROUTING)),
)


@dataclass(frozen=True, slots=True)
class Node:
    """A chain as one way reaches it.

    `via` are the rules that lead to it (none for a base chain), `packets` what its rules have counted (None where
    none counts). `again` says that it was told of before and that what it leads to is not repeated.
    """

    table: Table
    chain: Chain
    via: tuple[Rule, ...]
    goto: bool
    packets: int | None
    children: tuple[Node, ...]
    again: bool = False


@dataclass(frozen=True, slots=True)
class Flow:
    """One way through the host for packets of some families: base chains in order.

    Chains that do nothing are left out; `left` others are not told of because there are too many.
    """

    title: str
    families: tuple[PacketFamily, ...]
    nodes: tuple[Node, ...]
    left: int


def flows(ruleset: Ruleset) -> tuple[Flow, ...]:
    """The ways on which a chain stands that does something; those alike for both families are told once."""
    found: list[Flow] = []
    idle = idle_chains(ruleset)
    for title, hooks in _WAYS:
        ways: dict[tuple[int, ...], list[PacketFamily]] = {}
        attached: dict[tuple[int, ...], list[AttachedChain]] = {}
        for family in PacketFamily:
            chains = [at for at in chains_on(ruleset, family, hooks) if _does_something(at, idle)]
            key = tuple(id(at.chain) for at in chains)
            ways.setdefault(key, []).append(family)
            attached[key] = chains
        found += [_flow(title, tuple(families), attached[key], idle) for key, families in ways.items() if attached[key]]
    return tuple(found)


def idle_chains(ruleset: Ruleset) -> frozenset[int]:
    """The identities of chains whose rules do nothing but lead to chains that do nothing: tools keep many ready."""
    found: set[int] = set()
    for table in ruleset.tables:
        waiting = list(table.chains)
        while True:
            idle = [chain for chain in waiting if all(_leads_nowhere(rule, table, found) for rule in chain.rules)]
            if not idle:
                break
            found |= {id(chain) for chain in idle}
            waiting = [chain for chain in waiting if id(chain) not in found]
    return frozenset(found)


def _leads_nowhere(rule: Rule, table: Table, idle: set[int]) -> bool:
    if rule.statements or not isinstance(rule.verdict, Jump):
        return False
    target = table.chain(rule.verdict.chain)
    return target is not None and id(target) in idle


def _does_something(at: AttachedChain, idle: frozenset[int]) -> bool:
    return id(at.chain) not in idle or at.base.policy is not Decision.ACCEPT


def _flow(
    title: str, families: tuple[PacketFamily, ...], attached: Iterable[AttachedChain], idle: frozenset[int]
) -> Flow:
    walk = _Walk(idle)
    nodes = tuple(node for at in attached if (node := walk.base(at)) is not None)
    return Flow(title, families, nodes, walk.left)


class _Walk:
    """Tells of every chain that does something once, depth first, and counts what is beyond the limit."""

    def __init__(self, idle: frozenset[int]) -> None:
        self.left = 0
        self._idle = idle
        self._told: set[int] = set()
        self._space = MOST

    def base(self, at: AttachedChain) -> Node | None:
        return self._node(at.table, at.chain, (), goto=False)

    def _node(self, table: Table, chain: Chain, via: tuple[Rule, ...], *, goto: bool) -> Node | None:
        again = id(chain) in self._told
        if self._space <= 0:
            self.left += not again
            self._told.add(id(chain))
            return None
        self._space -= 1
        self._told.add(id(chain))
        children: list[Node] = []
        if not again:
            for name, (leading, away) in _led_to(chain).items():
                target = table.chain(name)
                if target is None or id(target) in self._idle:
                    continue
                child = self._node(table, target, leading, goto=away)
                if child is not None:
                    children.append(child)
        return Node(table, chain, via, goto, _counted(chain), tuple(children), again)


def _led_to(chain: Chain) -> dict[str, tuple[tuple[Rule, ...], bool]]:
    """The chains that rules of a chain lead to: those rules, and whether all of them stay away."""
    found: dict[str, tuple[tuple[Rule, ...], bool]] = {}
    for rule in chain.rules:
        for jump in dict.fromkeys(_jumps(rule)):
            rules, away = found.get(jump.chain, ((), True))
            found[jump.chain] = ((*rules, rule), away and jump.goto)
    return found


def _jumps(rule: Rule) -> Iterator[Jump]:
    yield from (verdict for _, verdict in branches(rule) if isinstance(verdict, Jump))


def _counted(chain: Chain) -> int | None:
    counts = [rule.counter.packets for rule in chain.rules if rule.counter is not None]
    return sum(counts) if counts else None
