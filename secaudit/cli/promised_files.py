"""The files that people wrote and a monthly report was made from, by their digests."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

from secaudit.cli.service_files import HERE, WAIVERS, find
from secaudit.config.paths import yaml_files
from secaudit.model.contract import Contract
from secaudit.model.month import MonthRecord


def promised_files(record: MonthRecord) -> Mapping[str, str]:
    """The sha256 (hex) of contracts, ledgers, probe files and waivers of a month, by `folder/name`.

    What cannot be read is left out: the report says so where it matters.
    """
    contracts = [part.contract for part in record.earlier]
    if record.contract is not None:
        contracts.append(record.contract)
    waivers = find(WAIVERS, None, HERE)
    written = [*_of_contracts(contracts), *(yaml_files(waivers) if waivers is not None else ())]
    found = {}
    for path in dict.fromkeys(written):
        try:
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
        except OSError:
            continue
        found[f"{path.absolute().parent.name}/{path.name}"] = digest
    return found


def _of_contracts(contracts: Iterable[Contract]) -> Iterable[Path]:
    for contract in contracts:
        yield Path(contract.file)
        if contract.resources is not None:
            yield Path(contract.resources.ledger)
        yield from (Path(promised.source) for promised in contract.availability if promised.source)
