"""What the statements of a rule make of a packet: marks, translation of addresses, an end to connection tracking."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TypeVar

from ..rules.marks import ALL
from ..rules.matches import State
from ..rules.packet import Packet
from ..rules.ruleset import Hook, Nat, NatKind, Rewrite, SetMark, Statement, Untrack

_T = TypeVar("_T")


def changed(statements: Iterable[Statement], packet: Packet, hook: Hook) -> Packet:
    """The packet behind a rule with these statements, on a hook; what cannot be told about it is not known any more."""
    for statement in statements:
        match statement:
            case SetMark():
                packet = _marked(statement, packet)
            case Untrack():
                packet = replace(packet, state=State.UNTRACKED if statement.certain else None)
            case Rewrite():
                packet = replace(packet, source=None, destination=None, source_port=None, destination_port=None)
            case Nat():
                packet = _translated(statement, packet, hook)
    return packet


def _marked(statement: SetMark, packet: Packet) -> Packet:
    before = packet.connection_mark if statement.connection else packet.mark
    change = statement.change
    # A mark that does not depend on the one before is known whatever that was.
    if change is None or (before is None and change.keep):
        after = None
    else:
        after = ((before or 0) & change.keep ^ change.flip) & ALL
    return replace(packet, connection_mark=after) if statement.connection else replace(packet, mark=after)


def _translated(nat: Nat, packet: Packet, hook: Hook) -> Packet:
    target = nat.target
    if nat.kind in (NatKind.SOURCE, NatKind.MASQUERADE):
        address = _only(target.addresses.low, target.addresses.high) if target and target.addresses else None
        # The kernel may choose another port whatever the rule says.
        return replace(packet, source=address, source_port=None)
    if target is None:
        changed = replace(packet, destination=None, destination_port=None, destination_type=None)
    else:
        changed = packet
        if target.ports is not None:
            changed = replace(changed, destination_port=_only(target.ports.low, target.ports.high))
        if nat.kind is NatKind.REDIRECT:
            changed = replace(changed, destination=None, destination_type="local")
        elif target.addresses is not None:
            address = _only(target.addresses.low, target.addresses.high)
            changed = replace(changed, destination=address, destination_type=None)
    return replace(changed, out_interface=None) if hook is Hook.OUTPUT else changed


def _only(low: _T, high: _T) -> _T | None:
    """The one value of a range that has only one."""
    return low if low == high else None
