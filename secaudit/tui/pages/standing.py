"""How things stand, family by family: open findings count what is wrong, the newest scan what was proven good. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from secaudit.model.outcome import Outcome
from secaudit.store.records import Tally

FAMILIES = ("network", "firewall", "patch", "backup", "resilience", "host", "policy")
"""Order of the matrix columns; other families follow by name."""

PROVEN = "✓"
_LABELS = {"network": "net", "firewall": "fw", "backup": "back", "resilience": "resil", "host": "sys", "policy": "pol"}
_WRONG = (Outcome.FAILED, Outcome.UNPROVEN)


def families_in(tallies: Iterable[Tally]) -> tuple[str, ...]:
    """The families that anything was found or proven of, in the order of the columns."""
    found = {tally.family for tally in tallies}
    return (*(family for family in FAMILIES if family in found), *sorted(found.difference(FAMILIES)))


def label(family: str) -> str:
    """The short name of a family over its column."""
    return _LABELS.get(family, family)


def standing(found: Iterable[Tally], newest: Iterable[Tally]) -> tuple[Tally, ...]:
    """Open findings, and what the newest scans proved. The numbers are those of the list behind them."""
    return (*found, *(tally for tally in newest if tally.outcome not in _WRONG))


def months_before(now: datetime, count: int) -> Sequence[datetime]:
    """The first moments of the last months, the oldest first, and now."""
    moments = [now]
    first = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    while len(moments) < count:
        moments.append(first)
        year, month = (first.year - 1, 12) if first.month == 1 else (first.year, first.month - 1)
        first = first.replace(year=year, month=month)
    return moments[::-1]
