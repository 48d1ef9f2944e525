"""Whether the conditions of a rule hold, for packets that nothing else tells apart.

The question is always about a packet that comes from the network (not over loopback), on the input hook addressed to
this host. Answers are three-valued: a condition that is not understood may hold for all such packets or for none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from .matches import (
    Addresses,
    AddressType,
    AnyOf,
    ConntrackState,
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
from .ruleset import Hook


class Holds(StrEnum):
    """Whether a condition holds for packets from the network that nothing else tells apart."""

    ALWAYS = "always"
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
    for decisive in (Holds.NEVER, Holds.PARTLY, Holds.UNKNOWN):
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
        case Protocol() if set(range(256)) <= match.numbers:
            return _turned(Holds.ALWAYS, match.negated)
        case ConntrackState():
            return _turned(Holds.ALWAYS if probe.state in match.states else Holds.NEVER, match.negated)
        case Mark(mask=0):
            return _turned(Holds.ALWAYS if match.value == 0 else Holds.NEVER, match.negated)
        case AddressType(side=Side.DESTINATION) if hook is Hook.INPUT:
            return _turned(Holds.ALWAYS if "local" in match.types else Holds.NEVER, match.negated)
        case AddressType() | SetMembership() if match.negated:
            return Holds.UNKNOWN
        case AnyOf():
            found = {conditions_hold(alternative, probe, hook) for alternative in match.alternatives}
            best = next((h for h in (Holds.ALWAYS, Holds.UNKNOWN, Holds.PARTLY) if h in found), Holds.NEVER)
            return _turned(best, match.negated)
    return Holds.PARTLY


def _turned(holds: Holds, negated: bool) -> Holds:
    """The answer for a negated condition."""
    if not negated:
        return holds
    return {Holds.ALWAYS: Holds.NEVER, Holds.NEVER: Holds.ALWAYS}.get(holds, holds)


def _interface_holds(names: tuple[str, ...], negated: bool) -> Holds:
    if "*" in names:
        return _turned(Holds.ALWAYS, negated)
    if set(names) == {"lo"}:
        return _turned(Holds.NEVER, negated)
    return Holds.PARTLY


def _addresses_hold(match: Addresses, family: PacketFamily) -> Holds:
    last = (1 << 32) - 1 if family is PacketFamily.IPV4 else (1 << 128) - 1
    covered = 0
    for found in sorted((r for r in match.ranges if r.family is family), key=lambda r: int(r.low)):
        if int(found.low) > covered:
            break
        covered = max(covered, int(found.high) + 1)
    if covered > last:
        return _turned(Holds.ALWAYS, match.negated)
    return Holds.PARTLY if match.ranges else _turned(Holds.NEVER, match.negated)
