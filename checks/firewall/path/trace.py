"""What is known of the way of one packet: its steps, and what becomes of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from ..rules.packet import Packet
from ..rules.ruleset import Chain, Hook, Rule, Table


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
