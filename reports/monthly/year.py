"""The year behind a month as plain data: twelve months that end with the month of the report, the oldest first."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from secaudit.model.hours import Month
from secaudit.model.severity import Severity

from ..states import State

WORST_FIRST = tuple(reversed(Severity))


@dataclass(frozen=True, slots=True)
class OpenMonth:
    """How many failed findings were open when a month ended, in the order of `WORST_FIRST`.

    None when no scan looked at any host in the month: what was open then is not known.
    """

    month: Month
    counts: tuple[int, ...] | None

    @property
    def total(self) -> int | None:
        """All of them."""
        return None if self.counts is None else sum(self.counts)


@dataclass(frozen=True, slots=True)
class ServiceMonth:
    """What was measured of a service in a month, held against what was promised then (both per cent).

    Without a target the service was not promised; without a percentage nothing was measured. It is unproven when too
    little was.
    """

    month: Month
    target: Decimal | None
    percent: Fraction | None
    state: State


@dataclass(frozen=True, slots=True)
class HoursMonth:
    """Minutes of support that were there in a month and those that were used; None when no ledger says so.

    `beyond` was used beyond what there was: what a contract leaves covers nothing of another one of the same month.
    `is_overdrawn` tells of development hours too, and of all that is known when a ledger is missing.
    """

    month: Month
    is_promised: bool
    there: int | None
    used: int | None
    beyond: int
    is_overdrawn: bool
