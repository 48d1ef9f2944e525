"""The hours ledger: month by month, what is left of included time, what expires, and what becomes development time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from secaudit.model.contract import Contract, Conversion, Resources
from secaudit.model.hours import Account, HoursStatement, Month, WorkEntry, WorkKind


@dataclass(slots=True)
class _Lot:
    """Minutes that were gained in one month, and the month at whose end they are lost (None: never)."""

    gained: Month
    minutes: int
    last: Month | None


def statements(contract: Contract, entries: Iterable[WorkEntry], until: Month) -> tuple[HoursStatement, ...]:
    """A statement for every month from the contract's first to `until` (or to its last, when that is earlier).

    Work is covered by what expires first. At the end of a month, time that is old enough is converted, then time whose
    months are over expires, then what is above the cap, the oldest first. Converted time is there from the next month
    on. What the contract opens with was gained in the month before its first, as far as expiring goes, and is there in
    the first one at least. A month that the contract covers in part includes as much as a whole one. Work of days on
    which the contract is not in force belongs to another contract and is left out. Raises ValueError for a contract
    without included hours.
    """
    if contract.resources is None:
        raise ValueError(f"contract {contract.number} includes no hours")
    mine = [entry for entry in entries if _in_force(contract, entry)]
    support = _opening(contract, contract.resources)
    development: list[_Lot] = []
    return tuple(
        _close(
            month, contract.resources, [entry for entry in mine if Month.of(entry.day) == month], support, development
        )
        for month in _months(contract, until)
    )


def _opening(contract: Contract, resources: Resources) -> list[_Lot]:
    if not resources.opening:
        return []
    first = Month.of(contract.since)
    return [_Lot(first.previous, resources.opening, max(first, _later(first.previous, resources.carry_months)))]


def _in_force(contract: Contract, entry: WorkEntry) -> bool:
    return contract.since <= entry.day and (contract.until is None or entry.day <= contract.until)


def _months(contract: Contract, until: Month) -> Iterator[Month]:
    month = Month.of(contract.since)
    last = until if contract.until is None else min(until, Month.of(contract.until))
    while month <= last:
        yield month
        month = month.following


def _close(
    month: Month, resources: Resources, entries: Sequence[WorkEntry], support: list[_Lot], development: list[_Lot]
) -> HoursStatement:
    """Book a month and bring both lists of lots to its end."""
    opening, spare = _total(support), _total(development)
    support.append(_Lot(month, resources.included, _later(month, resources.carry_months)))
    used = {kind: sum(entry.minutes for entry in entries if entry.kind is kind) for kind in WorkKind}
    covered = _take(support, used[WorkKind.SUPPORT])
    developed = _take(development, used[WorkKind.DEVELOPMENT])
    lapsed = _drop(development, month)
    converted, gained, rounded = _convert(support, resources.conversion, month)
    expired = _drop(support, month)
    if resources.carry_cap is not None:
        expired += _take(support, max(0, _total(support) - resources.carry_cap))
    if gained:
        development.append(_Lot(month, gained, _expiry(month, resources.conversion)))
    return HoursStatement(
        month,
        Account(opening, resources.included, used[WorkKind.SUPPORT], covered, expired, converted, _total(support)),
        Account(spare, gained, used[WorkKind.DEVELOPMENT], developed, lapsed, 0, _total(development)),
        rounded,
    )


def _take(lots: list[_Lot], wanted: int) -> int:
    """Take minutes out of the oldest lots, as many as there are; return how many."""
    left = wanted
    for lot in lots:
        part = min(lot.minutes, left)
        lot.minutes -= part
        left -= part
    lots[:] = [lot for lot in lots if lot.minutes]
    return wanted - left


def _drop(lots: list[_Lot], month: Month) -> int:
    """Remove the lots that are lost at the end of a month; return their minutes."""
    lost = sum(lot.minutes for lot in lots if lot.last is not None and lot.last <= month)
    lots[:] = [lot for lot in lots if lot.last is None or lot.last > month]
    return lost


def _convert(lots: list[_Lot], conversion: Conversion | None, month: Month) -> tuple[int, int, int]:
    """Take out what is old enough: the minutes taken, the minutes gained, and those lost by rounding."""
    if conversion is None:
        return 0, 0, 0
    ripe = [lot for lot in lots if month.index - lot.gained.index >= conversion.after_months]
    taken = _total(ripe)
    lots[:] = [lot for lot in lots if lot not in ripe]
    worth = int(taken * conversion.factor)
    gained = worth - worth % conversion.step
    return taken, gained, worth - gained


def _expiry(month: Month, conversion: Conversion | None) -> Month | None:
    months = conversion.expires_months if conversion is not None else None
    return None if months is None else _later(month, months)


def _later(month: Month, months: int) -> Month:
    index = month.index + months
    return Month(index // 12, index % 12 + 1)


def _total(lots: Iterable[_Lot]) -> int:
    return sum(lot.minutes for lot in lots)
