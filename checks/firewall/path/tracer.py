"""The exact way of one packet through tables, hooks, chains and rules.

Where a condition or an effect is not known, both ways are followed, and what they leave different about the packet is
not known from there on. The order of hooks and priorities is that of enum nf_inet_hooks and enum nf_ip_hook_priorities
(linux/netfilter.h, linux/netfilter_ipv4.h): accept ends a base chain, the next one still follows; drop is final.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from ..rules import numbers
from ..rules.attachment import AttachedChain, before_tracking, chains_on, reachable_rules
from ..rules.matches import Address, State, fits
from ..rules.packet import NO_INTERFACE, Packet, joined
from ..rules.ruleset import Hook, Ruleset, Untrack
from .chain_index import ChainIndex
from .trace import Fate, Step, Trace
from .walk import End, Walk

_ROUTED = {
    Hook.INPUT: (Hook.INPUT,),
    Hook.FORWARD: (Hook.FORWARD, Hook.POSTROUTING, Hook.EGRESS),
    Hook.OUTPUT: (Hook.OUTPUT, Hook.POSTROUTING, Hook.EGRESS),
}
"""The hooks after the routing decision; INGRESS and PREROUTING come before it for packets from the network."""

_FATES = {End.DROP: Fate.DROP, End.REJECT: Fate.REJECT}


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
        walk = Walk(packet, self._indexes)
        course = _Course(walk, self._ruleset, packet)
        if packet.hook is not Hook.OUTPUT:
            course.passes((Hook.INGRESS, Hook.PREROUTING))
            course.route(self._local)
        course.passes(_ROUTED[course.packet.hook])
        return course.ended()

    def meets(self, attached: AttachedChain, packet: Packet) -> tuple[Step, ...]:
        """The rules that a packet meets in one base chain and the chains it leads to."""
        walk = Walk(packet, self._indexes)
        walk.base_chain(attached, packet, certain=True)
        return tuple(walk.steps)


@dataclass(slots=True)
class _Course:
    """A packet between base chains."""

    walk: Walk
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
                if self.packet.hook is Hook.OUTPUT and hook is not Hook.OUTPUT:
                    self._leave_again()
            applies = _applies(attached, self.packet, self.walk.translated)
            if not self.alive or applies is False:
                continue
            if applies is None:
                self.walk.because[f"whether {_label(attached)} sees the packet is not known"] = None
            before = _before_routing(self.packet) if attached.base.hook in _UNROUTED else self.packet
            before = _before_tracking(before, attached, self.walk.given)
            # What may have ended before it came here meets the rules only perhaps.
            ends = self.walk.base_chain(attached, before, certain=applies is True and not self.possible)
            self.possible |= {_FATES[end] for end in ends if end in _FATES}
            passed = ends.get(End.ACCEPT)
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
            self._lose("where the translated destination is, is not known")
        elif given.destination_type in _NOT_FOR_ONE:
            # ip_forward() drops frames that were sent to many; whether this one was, its address does not say.
            self._lose("what becomes of a multicast or broadcast whose destination is translated is not known")
        elif packet.destination is None or packet.destination in local or packet.destination.is_loopback:
            self.packet = replace(packet, hook=Hook.INPUT, out_interface=NO_INTERFACE, destination_type="local")
        else:
            oif = None if packet.hook is Hook.INPUT else packet.out_interface
            self.packet = replace(packet, hook=Hook.FORWARD, out_interface=oif, destination_type="unicast")

    def _leave_again(self) -> None:
        """The way out of a packet of the host whose destination was translated is looked up again behind OUTPUT.

        All chains on OUTPUT still see the first way (nf_nat_ipv4_local_fn in net/netfilter/nf_nat_proto.c).
        """
        packet, given = self.packet, self.walk.given
        if (packet.destination, packet.destination_type) != (given.destination, given.destination_type):
            local = packet.destination_type == "local" or (packet.destination and packet.destination.is_loopback)
            self.packet = replace(packet, out_interface="lo" if local else None)

    def _lose(self, why: str) -> None:
        """The packet's way cannot be followed any further."""
        self.walk.because[why] = None
        self.possible |= {Fate.ACCEPT, Fate.DROP}
        self.alive = False

    def ended(self) -> Trace:
        possible = self.possible | ({Fate.ACCEPT} if self.alive else set())
        because = tuple(self.walk.because) if len(possible) > 1 else ()
        # What was not read could hold any rule.
        because += tuple(
            f"line {entry.origin.line} of {entry.origin.source} {entry.why}" for entry in self.ruleset.unread[:1]
        )
        fate = next(iter(possible)) if len(possible) == 1 and not self.ruleset.unread else Fate.UNPROVEN
        return Trace(fate, tuple(self.walk.steps), frozenset(possible), because, self.packet)


_UNROUTED = (Hook.INGRESS, Hook.PREROUTING)
_NOT_FOR_ONE = frozenset({"broadcast", "multicast"})


def _before_routing(packet: Packet) -> Packet:
    """What rules see of the packet as long as it has no way out: an interface without a name."""
    return replace(packet, out_interface=NO_INTERFACE)


def _before_tracking(packet: Packet, attached: AttachedChain, given: Packet) -> Packet:
    """What a chain sees of the packet's state that is asked before its connection is looked up.

    Over the loopback a packet still has the connection that it went out with, and replies that the kernel makes have
    that of what they answer. A packet that is given as untracked was taken out of tracking by something: the ruleset,
    or the look-up itself, as the messages of IPv6 neighbour discovery are (nf_conntrack_icmpv6_error).
    """
    early = before_tracking(attached)
    if early is False or packet.state is None or packet.in_interface == "lo":
        return packet
    if packet.state is State.UNTRACKED:
        return replace(packet, state=None) if given.state is State.UNTRACKED else packet
    known = early and packet.in_interface is not None and packet.state is not State.RELATED
    return replace(packet, state=State.INVALID if known else None)


def _keeps_state(before: Packet, after: Packet, attached: AttachedChain) -> bool:
    """Whether a chain has left a packet's state as it was."""
    if after.state is not before.state:
        return False
    return after.state is not None or not any(
        isinstance(part, Untrack) for rule in reachable_rules(attached) for part in rule.statements
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
        # Errors that ICMP reports of a connection are translated by its mapping, without asking any rule.
        if packet.state is State.RELATED and packet.protocol in (numbers.ICMP, numbers.ICMPV6):
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
