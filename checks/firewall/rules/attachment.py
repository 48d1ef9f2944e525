"""Base chains where the kernel attaches them: which ones packets of a family pass, where they lead, and the
ways through a rule.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .matches import Match, PacketFamily
from .ruleset import Backend, Base, Chain, Hook, Jump, Rule, Ruleset, Table, Verdict, VerdictMap

_PATHS = {
    Hook.INPUT: (Hook.INGRESS, Hook.PREROUTING, Hook.INPUT),
    Hook.FORWARD: (Hook.INGRESS, Hook.PREROUTING, Hook.FORWARD, Hook.POSTROUTING),
    Hook.OUTPUT: (Hook.OUTPUT, Hook.POSTROUTING),
}
"""The hooks that a packet passes on its way, in order."""

DEPTH = 64
"""The kernel allows 16 nested jumps (NFT_JUMP_STACK_SIZE); what nests deeper is not followed."""


@dataclass(frozen=True, slots=True)
class AttachedChain:
    """A base chain that packets of a family pass."""

    table: Table
    chain: Chain
    base: Base


def attached_chains(ruleset: Ruleset, family: PacketFamily, hook: Hook) -> tuple[AttachedChain, ...]:
    """The base chains that a packet of the family passes on its way through `hook`, in the order of `chains_on`."""
    return chains_on(ruleset, family, _PATHS[hook])


def chains_on(ruleset: Ruleset, family: PacketFamily, path: Sequence[Hook]) -> tuple[AttachedChain, ...]:
    """The base chains that a packet of the family passes on the hooks of `path`, in order.

    Of chains with one priority the one that was attached last comes first (nf_hook_entries_grow in
    net/netfilter/core.c). That is the one listed last, unless chains were added to an older table later on. Chains of
    type nat all sit where the kernel translates; their own priorities count among themselves (nf_nat_register_fn).
    Legacy tables come after nf_tables ones of the same priority.
    """
    found = [
        AttachedChain(table, chain, chain.base)
        for table in ruleset.tables
        if family in table.family.packets and not table.dormant
        for chain in table.chains
        if chain.base is not None and chain.base.hook in path
    ]

    def place(at: AttachedChain) -> tuple[int, int, int, bool]:
        own = at.base.priority
        sits = _TRANSLATES.get(at.base.hook, own) if at.base.type == "nat" else own
        return path.index(at.base.hook), sits, own, at.table.backend is Backend.LEGACY

    found.reverse()  # the last comes first where places are the same
    return tuple(sorted(found, key=place))


_TRANSLATES = {Hook.PREROUTING: -100, Hook.INPUT: 100, Hook.OUTPUT: -100, Hook.POSTROUTING: 100}
"""NF_IP_PRI_NAT_DST and NF_IP_PRI_NAT_SRC of linux/netfilter_ipv4.h, the same for IPv6."""


CONNTRACK = -200
"""Where prerouting and output look a packet's connection up (NF_IP_PRI_CONNTRACK of linux/netfilter_ipv4.h)."""


def before_tracking(attached: AttachedChain) -> bool | None:
    """Whether a base chain sees packets before their connection is looked up; None where its order is not known.

    There every packet from the network counts as invalid, unless it was taken out of tracking (nft_ct_get_eval in
    net/netfilter/nft_ct.c, conntrack_mt in net/netfilter/xt_conntrack.c).
    """
    if attached.base.hook is Hook.INGRESS:
        return True
    if attached.base.hook not in (Hook.PREROUTING, Hook.OUTPUT) or attached.base.priority > CONNTRACK:
        return False
    return True if attached.base.priority < CONNTRACK else None


def branches(rule: Rule) -> Iterator[tuple[tuple[Match, ...], Verdict | None]]:
    """The ways through a rule: its verdict, or each verdict of its map, with all conditions for it."""
    if isinstance(rule.verdict, VerdictMap):
        for branch in rule.verdict.branches:
            yield (*rule.matches, *branch.matches), branch.verdict
    else:
        yield rule.matches, rule.verdict


def reachable(attached: AttachedChain) -> Iterator[Chain]:
    """The chain and those that it may lead to, each once."""
    seen = {attached.chain.name}
    waiting = [attached.chain]
    while waiting:
        chain = waiting.pop()
        yield chain
        for rule in chain.rules:
            for _, verdict in branches(rule):
                target = attached.table.chain(verdict.chain) if isinstance(verdict, Jump) else None
                if target is not None and target.name not in seen:
                    seen.add(target.name)
                    waiting.append(target)


def reachable_rules(attached: AttachedChain) -> Iterator[Rule]:
    """Every rule of the chain and of those that it may lead to, whatever the conditions."""
    for chain in reachable(attached):
        yield from chain.rules
