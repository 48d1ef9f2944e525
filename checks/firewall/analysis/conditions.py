"""Whether the conditions of a rule hold, for packets that nothing else tells apart.

The question is always about a packet that comes from the network (not over loopback), on the input hook addressed to
this host, and whole (no later fragment). Answers are three-valued: a condition that is not understood may hold for all
such packets or for none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from ..rules.matches import (
    Addresses,
    AddressType,
    AnyOf,
    ConntrackState,
    Fragment,
    InInterface,
    Mark,
    Match,
    OfFamily,
    OutInterface,
    PacketFamily,
    Protocol,
    SetMembership,
    Side,
    State,
    Unmodelled,
)
from ..rules.ruleset import Hook
from ..sets.addresses import address_runs, last_address


class Holds(StrEnum):
    """Whether a condition holds for packets from the network that nothing else tells apart."""

    ALWAYS = "always"
    MOSTLY = "mostly"
    """For all but those that a negated address or protocol excludes."""
    NEVER = "never"
    PARTLY = "partly"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Probe:
    """The packets asked about: their network protocol and connection tracking state."""

    family: PacketFamily
    state: State


def conditions_hold(matches: Sequence[Match], probe: Probe, hook: Hook) -> Holds:
    """Whether all conditions together hold for the packets on the hook."""
    found = {_holds(match, probe, hook) for match in matches}
    for decisive in (Holds.NEVER, Holds.PARTLY, Holds.UNKNOWN, Holds.MOSTLY):
        if decisive in found:
            return decisive
    return Holds.ALWAYS


def _holds(match: Match, probe: Probe, hook: Hook) -> Holds:
    match match:
        case Unmodelled():
            return Holds.UNKNOWN
        case InInterface() | OutInterface():
            return _interface_holds(match.names, match.negated)
        case Addresses():
            return _addresses_hold(match, probe.family)
        case OfFamily():
            return _turned(Holds.ALWAYS if probe.family in match.families else Holds.NEVER, match.negated)
        case Protocol():
            return _protocol_holds(match)
        case Fragment():
            return _turned(Holds.NEVER, match.negated)
        case ConntrackState():
            return _turned(Holds.ALWAYS if probe.state in match.states else Holds.NEVER, match.negated)
        case Mark():
            # Most packets carry the mark 0; whether a rule before has set another one is not followed.
            return Holds.UNKNOWN if (match.value == 0) is not match.negated else Holds.PARTLY
        case AddressType(side=Side.DESTINATION) if hook is Hook.INPUT:
            return _turned(Holds.ALWAYS if "local" in match.types else Holds.NEVER, match.negated)
        case AddressType() | SetMembership() if match.negated:
            return Holds.UNKNOWN
        case AnyOf():
            found = {conditions_hold(alternative, probe, hook) for alternative in match.alternatives}
            order = (Holds.ALWAYS, Holds.UNKNOWN, Holds.MOSTLY, Holds.PARTLY)
            best = next((holds for holds in order if holds in found), Holds.NEVER)
            return _turned(best, match.negated)
    return Holds.PARTLY


def _turned(holds: Holds, negated: bool) -> Holds:
    """The answer for a negated condition."""
    if not negated:
        return holds
    return {Holds.ALWAYS: Holds.NEVER, Holds.NEVER: Holds.ALWAYS, Holds.MOSTLY: Holds.PARTLY}.get(holds, holds)


def _interface_holds(names: tuple[str, ...], negated: bool) -> Holds:
    if "*" in names:
        return _turned(Holds.ALWAYS, negated)
    if set(names) == {"lo"}:
        return _turned(Holds.NEVER, negated)
    return Holds.PARTLY


def _protocol_holds(match: Protocol) -> Holds:
    if set(range(256)) <= match.numbers:
        return _turned(Holds.ALWAYS, match.negated)
    return Holds.MOSTLY if match.negated else Holds.PARTLY


def _addresses_hold(match: Addresses, family: PacketFamily) -> Holds:
    if address_runs(match.ranges, family) == ((0, last_address(family)),):
        return _turned(Holds.ALWAYS, match.negated)
    if not match.ranges:
        return _turned(Holds.NEVER, match.negated)
    return Holds.MOSTLY if match.negated else Holds.PARTLY
