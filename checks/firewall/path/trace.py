"""The exact way of one packet through tables, hooks, chains and rules.

Where a condition or an effect is not known, both ways are followed, and what they leave different about the packet is
not known from there on. The order of hooks and priorities is that of enum nf_inet_hooks and enum nf_ip_hook_priorities
(linux/netfilter.h, linux/netfilter_ipv4.h): accept ends a base chain, the next one still follows; drop is final.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from ..rules.attachment import AttachedChain, before_tracking, chains_on
from ..rules.matches import Address, Match, OutInterface, Sometimes, State, Unmodelled, fits
from ..rules.packet import NO_INTERFACE, Packet, joined
from ..rules.plain import of_translated
from ..rules.ruleset import (
    Chain,
    Decision,
    Hook,
    Jump,
    Nat,
    NatKind,
    Rule,
    Ruleset,
    Statement,
    Table,
    Undecided,
    Untrack,
    Verdict,
    VerdictMap,
)
from ..sets.expansion import reachable
from .chain_index import ChainIndex
from .effects import changed
from .holds import conditions_hold, holds

_ROUTED = {
    Hook.INPUT: (Hook.INPUT,),
    Hook.FORWARD: (Hook.FORWARD, Hook.POSTROUTING, Hook.EGRESS),
    Hook.OUTPUT: (Hook.OUTPUT, Hook.POSTROUTING, Hook.EGRESS),
}
"""The hooks after the routing decision; INGRESS and PREROUTING come before it for packets from the network."""

DEPTH = 16
"""Nested jumps that the kernel allows (NFT_JUMP_STACK_SIZE)."""

STEPS = 200_000
"""How many rules are looked at for one packet; only rulesets made to be slow need more."""


class Fate(StrEnum):
    """What becomes of a packet; `UNPROVEN` when it cannot be told."""

    ACCEPT = "accept"
    DROP = "drop"
    REJECT = "reject"
    UNPROVEN = "unproven"


@dataclass(frozen=True, slots=True)
class Step:
    """One rule (None: the policy) that the packet meets, and what it does.

    `certain` is False when it is not known whether the packet comes here or meets the rule.
    """

    table: Table
    chain: Chain
    hook: Hook
    rule: Rule | None
    action: str
    certain: bool


@dataclass(frozen=True, slots=True)
class Trace:
    """What becomes of a packet and on which way.

    `possible` are the fates that cannot be excluded, `because` the reasons why there is more than one; `packet` is
    what leaves the last chain.
    """

    fate: Fate
    steps: tuple[Step, ...]
    possible: frozenset[Fate]
    because: tuple[str, ...]
    packet: Packet


def held_back(trace: Trace, unseen: Sequence[str]) -> Trace:
    """The trace, unproven where a part of the ruleset that could not be seen may drop what the rest accepts.

    `unseen` says of every such part that packets of the trace's family may meet why it could not be seen.
    """
    if not unseen or Fate.ACCEPT not in trace.possible:
        return trace
    return replace(trace, fate=Fate.UNPROVEN, possible=trace.possible | {Fate.DROP}, because=(*trace.because, *unseen))


class _End(StrEnum):
    ACCEPT = "accept"
    DROP = "drop"
    REJECT = "reject"
    RETURN = "return"


_Ends = dict[_End, Packet]
"""How the way through a chain may end, and what the packet is like then."""

_FATES = {_End.DROP: Fate.DROP, _End.REJECT: Fate.REJECT}


def verdict(ruleset: Ruleset, packet: Packet) -> Trace:
    """What becomes of one packet. For many packets make one `Tracer` and ask it."""
    return Tracer(ruleset).trace(packet)


class Tracer:
    """A ruleset made ready to be asked about many packets.

    `local` are the addresses of the host itself. A destination written by DNAT that is not among them is taken for
    another host: the packet is forwarded.
    """

    def __init__(self, ruleset: Ruleset, local: frozenset[Address] = frozenset()) -> None:
        self._ruleset = ruleset
        self._local = local
        self._indexes: dict[int, ChainIndex] = {}

    def trace(self, packet: Packet) -> Trace:
        """Follow a packet from where it enters the host to where it ends."""
        walk = _Walk(packet, self._indexes)
        course = _Course(walk, self._ruleset, packet)
        if packet.hook is not Hook.OUTPUT:
            course.passes((Hook.INGRESS, Hook.PREROUTING))
            course.route(self._local)
        course.passes(_ROUTED[course.packet.hook])
        return course.ended()

    def meets(self, attached: AttachedChain, packet: Packet) -> tuple[Step, ...]:
        """The rules that a packet meets in one base chain and the chains it leads to."""
        walk = _Walk(packet, self._indexes)
        walk.base_chain(attached, packet, certain=True)
        return tuple(walk.steps)


@dataclass(slots=True)
class _Course:
    """A packet between base chains."""

    walk: _Walk
    ruleset: Ruleset
    packet: Packet
    possible: set[Fate] = field(default_factory=set)
    alive: bool = True

    def passes(self, path: tuple[Hook, ...]) -> None:
        hook: Hook | None = None
        for attached in chains_on(self.ruleset, self.packet.family, path):
            if attached.base.hook is not hook:
                hook = attached.base.hook
                self.walk.translated = False
            applies = _applies(attached, self.packet, self.walk.translated)
            if not self.alive or applies is False:
                continue
            if applies is None:
                self.walk.because[f"whether {_label(attached)} sees the packet is not known"] = None
            before = _before_routing(self.packet) if attached.base.hook in _UNROUTED else self.packet
            before = _before_tracking(before, attached)
            # What may have ended before it came here meets the rules only perhaps.
            ends = self.walk.base_chain(attached, before, certain=applies is True and not self.possible)
            self.possible |= {_FATES[end] for end in ends if end in _FATES}
            passed = ends.get(_End.ACCEPT)
            if applies is None:
                passed = before if passed is None else joined(before, passed)
            self.alive = passed is not None
            after = passed or before
            # What the chain did not take out of tracking is in its own state from here on.
            state = self.packet.state if _keeps_state(before, after, attached) else after.state
            self.packet = replace(after, out_interface=self.packet.out_interface, state=state)

    def route(self, local: frozenset[Address]) -> None:
        """Decide again where the packet goes when its destination was translated."""
        packet, given = self.packet, self.walk.given
        if (packet.destination, packet.destination_type) == (given.destination, given.destination_type):
            return
        if packet.destination is None and packet.destination_type is None:
            self.walk.because["where the translated destination is, is not known"] = None
            self.possible |= {Fate.ACCEPT, Fate.DROP}
            self.alive = False
        elif packet.destination is None or packet.destination in local or packet.destination.is_loopback:
            self.packet = replace(packet, hook=Hook.INPUT, out_interface=NO_INTERFACE, destination_type="local")
        else:
            oif = None if packet.hook is Hook.INPUT else packet.out_interface
            self.packet = replace(packet, hook=Hook.FORWARD, out_interface=oif, destination_type="unicast")

    def ended(self) -> Trace:
        possible = self.possible | ({Fate.ACCEPT} if self.alive else set())
        because = tuple(self.walk.because) if len(possible) > 1 else ()
        # What was not read could hold any rule.
        because += tuple(
            f"line {entry.origin.line} of {entry.origin.source} {entry.why}" for entry in self.ruleset.unread[:1]
        )
        fate = next(iter(possible)) if len(possible) == 1 and not self.ruleset.unread else Fate.UNPROVEN
        return Trace(fate, tuple(self.walk.steps), frozenset(possible), because, self.packet)


_DESTINATIONS = (NatKind.DESTINATION, NatKind.REDIRECT)
_UNROUTED = (Hook.INGRESS, Hook.PREROUTING)


def _before_routing(packet: Packet) -> Packet:
    """What rules see of the packet as long as it has no way out: an interface without a name."""
    return replace(packet, out_interface=NO_INTERFACE)


def _before_tracking(packet: Packet, attached: AttachedChain) -> Packet:
    """What a chain sees of the packet's state that is asked before its connection is looked up.

    Over the loopback a packet still has the connection that it went out with, and replies that the kernel makes have
    that of what they answer.
    """
    early = before_tracking(attached)
    if early is False or packet.state in (State.UNTRACKED, None) or packet.in_interface == "lo":
        return packet
    known = early and packet.in_interface is not None and packet.state is not State.RELATED
    return replace(packet, state=State.INVALID if known else None)


def _keeps_state(before: Packet, after: Packet, attached: AttachedChain) -> bool:
    """Whether a chain has left a packet's state as it was."""
    if after.state is not before.state:
        return False
    return after.state is not None or not any(
        isinstance(part, Untrack) for chain in reachable(attached) for rule in chain.rules for part in rule.statements
    )


def _applies(attached: AttachedChain, packet: Packet, translated: bool | None) -> bool | None:
    """Whether a base chain sees the packet: those at ingress and egress are bound to devices, NAT sees connections.

    `translated` says whether a chain before has translated the packet on the same hook.
    """
    if attached.base.type == "nat":
        # nf_nat_inet_fn: without a connection nothing is translated; one that is established has its mapping, and the
        # first chain that translates is the last one asked.
        if translated or packet.state not in (None, State.NEW, State.RELATED):
            return False
        return None if packet.state is None or translated is None else True
    if attached.base.hook not in (Hook.INGRESS, Hook.EGRESS):
        return True
    device = packet.in_interface if attached.base.hook is Hook.INGRESS else packet.out_interface
    if device is None or not attached.base.devices:
        return None
    return any(fits(device, pattern) for pattern in attached.base.devices)


def _label(attached: AttachedChain) -> str:
    return f"chain {attached.chain.name} of table {attached.table.label}"


@dataclass(slots=True)
class _Walk:
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

    def base_chain(self, attached: AttachedChain, packet: Packet, *, certain: bool) -> _Ends:
        """How a packet may leave a base chain, after its policy."""
        ends = self._through(attached, attached.chain, packet, certain, 0)
        returned = ends.pop(_End.RETURN, None)
        if returned is not None:
            policy = attached.base.policy
            self.steps.append(
                Step(attached.table, attached.chain, attached.base.hook, None, f"policy {policy}", certain and not ends)
            )
            _add(ends, _End(policy.value), returned)
        return ends

    def _through(self, attached: AttachedChain, chain: Chain, packet: Packet, certain: bool, depth: int) -> _Ends:
        ends: _Ends = {}
        for rule in self._index(chain).candidates(packet):
            self.left -= 1
            if self.left < 0:
                self.because[f"more than {STEPS} rules would have to be looked at"] = None
                return dict.fromkeys(_End, packet)
            matches = self._without_translation(rule.matches, packet)
            met = False if matches is None else conditions_hold(matches, packet)
            if matches is None or met is False:
                continue
            if met is None:
                self._note(rule, matches, packet)
            sure = certain and met is True and not ends
            behind = changed(rule.statements, packet, attached.base.hook)
            if any(isinstance(statement, Nat) for statement in rule.statements):
                self.translated = True if sure else self.translated or None
                if any(isinstance(part, Nat) and part.kind in _DESTINATIONS for part in rule.statements):
                    self.destination = True if sure else self.destination or None
            found, passed = self._decide(attached, chain, rule, rule.verdict, behind, sure, depth)
            for end, at_end in found.items():
                _add(ends, end, at_end)
            if met is True and passed is None:
                return ends
            if met is None:
                passed = packet if passed is None else joined(packet, passed)
            packet = passed or packet
        _add(ends, _End.RETURN, packet)
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
        self,
        attached: AttachedChain,
        chain: Chain,
        rule: Rule,
        verdict: Verdict | None,
        packet: Packet,
        certain: bool,
        depth: int,
    ) -> tuple[_Ends, Packet | None]:
        """How the packet may end here, and what it is like when the next rule follows (None: it does not)."""

        def step(action: str) -> None:
            self.steps.append(Step(attached.table, chain, attached.base.hook, rule, action, certain))

        match verdict:
            case None:
                step(_told(rule.statements) or "continue")
                return {}, packet
            case Decision():
                nat = next((part for part in rule.statements if isinstance(part, Nat)), None)
                step(f"{nat.kind} to {nat.to}".removesuffix(" to ") if nat else str(verdict))
                return {_End(verdict.value): packet}, None
            case Jump():
                step(f"{'goto' if verdict.goto else 'jump'} {verdict.chain}")
                target = attached.table.chain(verdict.chain)
                if target is None or depth >= DEPTH:
                    self.because[f"the chain {verdict.chain} is not followed"] = None
                    return {_End.ACCEPT: packet, _End.DROP: packet}, packet
                ends = self._through(attached, target, packet, certain, depth + 1)
                if verdict.goto:
                    return ends, None
                returned = ends.pop(_End.RETURN, None)
                return ends, returned
            case VerdictMap():
                return self._branch(attached, chain, rule, verdict, packet, certain, depth)
            case Undecided():
                step(verdict.text)
                self.because[f"the ruleset does not decide what `{verdict.text}` does"] = None
                return {_End.ACCEPT: packet, _End.DROP: packet}, packet

    def _branch(
        self,
        attached: AttachedChain,
        chain: Chain,
        rule: Rule,
        verdict: VerdictMap,
        packet: Packet,
        certain: bool,
        depth: int,
    ) -> tuple[_Ends, Packet | None]:
        ends: _Ends = {}
        passes: Packet | None = None
        for branch in verdict.branches:
            met = conditions_hold(branch.matches, packet)
            if met is False:
                continue
            if met is None:
                self._note(rule, branch.matches, packet)
            sure = certain and met is True and not ends
            found, passed = self._decide(attached, chain, rule, branch.verdict, packet, sure, depth)
            for end, at_end in found.items():
                _add(ends, end, at_end)
            if passed is not None:
                passes = passed if passes is None else joined(passes, passed)
            if met is True:
                return ends, passes
        return ends, packet if passes is None else joined(passes, packet)

    def _note(self, rule: Rule, matches: tuple[Match, ...], packet: Packet) -> None:
        for match in matches:
            if holds(match, packet) is None:
                self.because[f"`{rule.text}` (line {rule.origin.line}): {_why(match)}"] = None


def _add(ends: _Ends, end: _End, packet: Packet) -> None:
    ends[end] = joined(ends[end], packet) if end in ends else packet


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
