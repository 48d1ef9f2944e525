"""Services that address translation publishes past the input chain, as Docker does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ..path.trace import Fate, Trace
from ..path.tracer import Tracer
from ..rules.attachment import chains_on
from ..rules.matches import OutInterface, PacketFamily, State
from ..rules.packet import Packet, completed
from ..rules.ruleset import Hook, Nat, NatKind, Rule, Ruleset
from ..sets.packet_sets import Alive, ChainSets, tracks_connections
from .anomalies import Location


@dataclass(frozen=True, slots=True)
class Published:
    """A rule that sends new connections elsewhere: a packet that meets it, its way, and its way without translation."""

    at: Location
    family: PacketFamily
    packet: Packet
    trace: Trace
    untranslated: Fate

    @property
    def bypasses(self) -> bool:
        """Whether the packet is let through although the rules for packets to this host refuse it."""
        return self.trace.fate is Fate.ACCEPT and self.untranslated in (Fate.DROP, Fate.REJECT)


def published(ruleset: Ruleset, family: PacketFamily) -> Iterator[Published]:
    """Rules that translate destinations of packets from the network. Raises `TooManyPlacesError`."""
    names = _ways_out(ruleset)
    tracer, without = Tracer(ruleset), Tracer(_untranslating(ruleset))
    for attached in chains_on(ruleset, family, (Hook.PREROUTING,)):
        if attached.base.type != "nat":
            continue
        sets = ChainSets.of(attached, family, tracked=tracks_connections(ruleset))
        for place, fate in zip(sets.places, sets.fates(), strict=True):
            if place.rule is not None and isinstance(fate, Alive) and _sends_elsewhere(place.rule):
                packet = completed(replace(sets.packet(fate.point), state=State.NEW, destination_type="local"))
                index = next(at for at, rule in enumerate(place.chain.rules, 1) if rule is place.rule)
                at = Location(attached.table, place.chain, place.rule, index)
                trace = _forwarded(tracer, packet, names)
                yield Published(at, family, packet, trace, without.trace(packet).fate)


def _forwarded(tracer: Tracer, packet: Packet, names: tuple[str, ...]) -> Trace:
    """The packet's way; where that depends on the way out, through an interface that lets it pass, if there is one.

    Whoever translates to an address has an interface to it, and rules for forwarded packets name it.
    """
    trace = tracer.trace(packet)
    if trace.fate is not Fate.UNPROVEN:
        return trace
    tried = (tracer.trace(replace(packet, hook=Hook.FORWARD, out_interface=name)) for name in names)
    return next((other for other in tried if other.fate is Fate.ACCEPT), trace)


def _ways_out(ruleset: Ruleset) -> tuple[str, ...]:
    """The interfaces that rules name as the way out."""
    found = (match for _, _, rule in ruleset.rules for match in rule.matches if isinstance(match, OutInterface))
    return tuple(sorted({name for match in found for name in match.names if not name.endswith("*")}))


def _sends_elsewhere(rule: Rule) -> bool:
    return any(isinstance(part, Nat) and part.kind is NatKind.DESTINATION for part in rule.statements)


def _untranslating(ruleset: Ruleset) -> Ruleset:
    """The ruleset without base chains that translate addresses."""
    tables = tuple(
        replace(table, chains=tuple(chain for chain in table.chains if not (chain.base and chain.base.type == "nat")))
        for table in ruleset.tables
    )
    return replace(ruleset, tables=tables)
