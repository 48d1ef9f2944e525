"""Of which month a customer's report is due. Pure functions of contracts and time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from secaudit.model.contract import Contract
from secaudit.model.hours import Month
from secaudit.sla.calendar import local_moment


def covering(contracts: Sequence[Contract], month: Month) -> Contract | None:
    """The newest of a customer's contracts (the oldest first) that is in force on a day of the month."""
    there = [one for one in contracts if one.since <= month.last and (one.until is None or month.first <= one.until)]
    return there[-1] if there else None


def over_at(contract: Contract, month: Month) -> datetime:
    """When a month is over where the customer is, as aware UTC."""
    return local_moment(month.following.first, 0, ZoneInfo(contract.calendar.timezone))


def due_at(contract: Contract, month: Month) -> datetime:
    """When the report of a month is due, as aware UTC: as the contract's `report.day` of the following month begins.

    A day that the following month does not have is its last one.
    """
    following = month.following
    day = min(contract.report.day, following.last.day)
    return local_moment(following.first.replace(day=day), 0, ZoneInfo(contract.calendar.timezone))


def due_month(contracts: Sequence[Contract], now: datetime) -> Month | None:
    """The newest month whose report is due `now` (aware) by the contract (of one customer) that covers it; else None.

    It stays due until the next one is, so that a day on which nobody looked is made up for. Months that no contract
    covers have no report; nothing older than the month before last is looked for.
    """
    # Where clocks are ahead of UTC, the month that ends today in UTC may be over already.
    present = Month.of(now.astimezone(UTC).date())
    for month in (present, present.previous, present.previous.previous):
        contract = covering(contracts, month)
        if contract is not None and due_at(contract, month) <= now:
            return month
    return None
