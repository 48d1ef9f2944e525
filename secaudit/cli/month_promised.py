"""Gathering what ledgers and probes say about the months of a customer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import TypeVar

from secaudit.cli.availability_data import measured
from secaudit.cli.exits import CommandError
from secaudit.config.contract_hours import read_ledger
from secaudit.config.contract_probes import read_probes
from secaudit.config.errors import ConfigError
from secaudit.model.availability import Availability, Probe
from secaudit.model.contract import Contract
from secaudit.model.hours import HoursStatement, Month, WorkEntry
from secaudit.model.month import Certificate, EarlierContract, PastMonth
from secaudit.sla.availability import month_span
from secaudit.sla.history import ContractHistory
from secaudit.sla.hours import statements
from secaudit.store import Store

T = TypeVar("T")


class Promised:
    """What was measured of promised availability and included hours, month by month; each file is read once."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._probes: dict[str, tuple[Probe, ...] | ConfigError] = {}
        self._ledgers: dict[str, tuple[WorkEntry, ...] | ConfigError] = {}

    def availability(
        self, contract: Contract, month: Month, until: datetime
    ) -> tuple[tuple[Availability, ...], Mapping[str, str]]:
        """What was measured up to `until` (aware UTC) of each promised service, and why nothing was of the others."""
        found: list[Availability] = []
        trouble: dict[str, str] = {}
        span = month_span(contract, month)
        for promised in contract.availability:
            try:
                imported = _once(self._probes, promised.source, read_probes) if promised.source else ()
                end = min(span.end, until)
                found.append(measured(self._store, contract, promised, span.start, end, imported))
            except ConfigError as error:
                trouble[promised.service] = _without_folder(error, promised.source)
            except CommandError as error:
                trouble[promised.service] = str(error)
        return tuple(found), trouble

    def hours(self, contract: Contract, month: Month) -> tuple[HoursStatement | None, tuple[WorkEntry, ...], str]:
        """The statement of a month, its work, and why there is none although hours are included."""
        if contract.resources is None:
            return None, (), ""
        try:
            entries = _once(self._ledgers, contract.resources.ledger, read_ledger)
        except ConfigError as error:
            return None, (), _without_folder(error, contract.resources.ledger)
        made = [one for one in statements(contract, entries, month) if one.month == month]
        first, last = _days(contract, month)
        work = tuple(entry for entry in entries if first <= entry.day <= last)
        return (made[0], work, "") if made else (None, (), f"contract {contract.number} does not cover {month}")

    def earlier(self, contract: Contract, month: Month, until: datetime) -> EarlierContract:
        """What became of the part of a month that a contract was in force in before another one followed it."""
        hours, work, trouble = self.hours(contract, month)
        found, unmeasured = self.availability(contract, month, until)
        return EarlierContract(contract, *_days(contract, month), hours, trouble, work, found, unmeasured)

    def past(self, history: ContractHistory, last: Month, until: datetime) -> tuple[PastMonth, ...]:
        """The eleven months before `last`, the oldest first; those that no contract covers are left out."""
        found = []
        for back in range(11, 0, -1):
            month = Month((last.index - back) // 12, (last.index - back) % 12 + 1)
            covering = in_force(history.contracts, month, until)
            if covering:
                contract = covering[-1]
                there, _ = self.availability(contract, month, until)
                statement, _, _ = self.hours(contract, month)
                includes = contract.resources is not None
                earlier = tuple(self.earlier(one, month, until) for one in covering[:-1])
                found.append(PastMonth(month, contract.availability, there, includes, statement, earlier))
        return tuple(found)

    def certificates(self, contract: Contract, until: datetime) -> tuple[Certificate, ...]:
        """What our own probes before `until` (aware UTC) saw of the certificates of promised services."""
        seen = (
            (promised.service, self._store.certificate(contract.customer, promised.service, until))
            for promised in contract.availability
        )
        return tuple(
            Certificate(service, probe.at, probe.expires)
            for service, probe in seen
            if probe is not None and probe.expires is not None
        )


def in_force(contracts: Iterable[Contract], month: Month, until: datetime) -> tuple[Contract, ...]:
    """Those of `contracts` that were in force in a month before `until` (aware UTC), in their order."""
    spans = ((contract, month_span(contract, month)) for contract in contracts)
    return tuple(contract for contract, span in spans if span.start < min(span.end, until))


def _days(contract: Contract, month: Month) -> tuple[date, date]:
    """The first and the last day of a month on which a contract is in force."""
    return max(month.first, contract.since), month.last if contract.until is None else min(month.last, contract.until)


def _once(
    read: dict[str, tuple[T, ...] | ConfigError], path: str, reader: Callable[[Path], tuple[T, ...]]
) -> tuple[T, ...]:
    """What a file holds; it is read the first time, and an error is the same every time."""
    if path not in read:
        try:
            read[path] = reader(Path(path))
        except ConfigError as error:
            read[path] = error
    held = read[path]
    if isinstance(held, ConfigError):
        raise held
    return held


def _without_folder(error: ConfigError, path: str) -> str:
    """An error for customers, who need not know where files lie here."""
    return str(error).replace(path, Path(path).name)
