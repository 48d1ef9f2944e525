"""Gathering what ledgers and probes say about the months of a customer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
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
from secaudit.model.month import Certificate, PastMonth
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
        work = tuple(entry for entry in entries if Month.of(entry.day) == month)
        return (made[0], work, "") if made else (None, (), f"contract {contract.number} does not cover {month}")

    def past(self, history: ContractHistory, last: Month, until: datetime) -> tuple[PastMonth, ...]:
        """The eleven months before `last`, the oldest first; those that no contract covers are left out."""
        found = []
        for back in range(11, 0, -1):
            month = Month((last.index - back) // 12, (last.index - back) % 12 + 1)
            contract = _covering(history, month)
            if contract is not None:
                there, _ = self.availability(contract, month, until)
                statement, _, _ = self.hours(contract, month)
                includes = contract.resources is not None
                found.append(PastMonth(month, contract.availability, there, includes, statement))
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


def _covering(history: ContractHistory, month: Month) -> Contract | None:
    """The contract in force on the last day of a month that any is in force on."""
    there = [
        contract
        for contract in history.contracts
        if contract.since < month.following.first and (contract.until is None or contract.until >= month.first)
    ]
    return there[-1] if there else None


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
