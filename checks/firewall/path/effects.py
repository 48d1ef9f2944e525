"""What the statements of a rule make of a packet: marks, translation of addresses, an end to connection tracking."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TypeVar

from ..rules.marks import ALL
from ..rules.matches import UNCONNECTED, State
from ..rules.packet import Packet
from ..rules.ruleset import Nat, NatKind, Rewrite, RewrittenField, SetMark, Statement, Untrack

_T = TypeVar("_T")


def changed(statements: Iterable[Statement], packet: Packet) -> Packet:
    """The packet behind a rule with these statements; what cannot be told about it is not known any more."""
    for statement in statements:
        match statement:
            case SetMark():
                packet = _marked(statement, packet)
            case Untrack():
                packet = replace(packet, state=State.UNTRACKED if statement.certain else None)
            case Rewrite():
                packet = _rewritten(statement, packet)
            case Nat():
                packet = _translated(statement, packet)
    return packet


def _rewritten(statement: Rewrite, packet: Packet) -> Packet:
    changed = replace(packet, **{statement.field.value: statement.value})  # type: ignore[arg-type]  # fields may be None
    if statement.field is RewrittenField.SOURCE:
        return replace(changed, source_type=None)
    if statement.field is RewrittenField.DESTINATION:
        return replace(changed, destination_type=None)
    return changed


def _marked(statement: SetMark, packet: Packet) -> Packet:
    of_connection = statement.connection or statement.copied
    if of_connection and packet.state in UNCONNECTED:
        return packet
    before = packet.connection_mark if statement.connection is not statement.copied else packet.mark
    # Whether there is a connection to mark is not known where the state is not.
    change = None if of_connection and packet.state is None else statement.change
    # A mark that does not depend on the one before is known whatever that was.
    if change is None or (before is None and change.keep):
        after = None
    else:
        after = ((before or 0) & change.keep ^ change.flip) & ALL
    return replace(packet, connection_mark=after) if statement.connection else replace(packet, mark=after)


def _translated(nat: Nat, packet: Packet) -> Packet:
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
    return changed


def _only(low: _T, high: _T) -> _T | None:
    """The one value of a range that has only one."""
    return low if low == high else None
