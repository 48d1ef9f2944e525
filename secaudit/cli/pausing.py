"""Whether a contract allows a pause: the reason, and how long all pauses of a finding may be together."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from secaudit.api import show_duration
from secaudit.cli.exits import CommandError
from secaudit.model.contract import Contracts
from secaudit.model.sla import FindingEvent
from secaudit.sla.history import ContractHistory
from secaudit.sla.lives import paused_until


def refuse_pause(
    promised: Contracts,
    customer: str,
    events: Sequence[FindingEvent],
    reason: str,
    length: timedelta,
    now: datetime,
) -> None:
    """Raise CommandError when no contract of the customer allows the pause; `events` are all of the finding."""
    contract = ContractHistory(promised.of(customer)).at(now)
    if contract is None:
        raise CommandError(f"no contract of {customer} is in force, so nothing allows a pause; see --contracts")
    rules = contract.sla
    if reason not in rules.pause_reasons:
        known = ", ".join(rules.pause_reasons) or "none"
        raise CommandError(f"the contract knows no pause reason {reason!r}; it allows: {known}")
    before = paused_until(events, now)
    if before + length > rules.max_pause:
        most = f"the contract allows a pause of {show_duration(rules.max_pause)} at most"
        if before:
            most += f", all pauses of a finding together, and this one was paused for {show_duration(before)}"
        raise CommandError(most)
