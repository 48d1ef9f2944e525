"""`secaudit contract hours`: the work that was done, and what it leaves of the included hours."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from secaudit.cli.columns import aligned
from secaudit.cli.exits import CommandError, Exit
from secaudit.cli.service_files import HERE, contracts_option, read_contracts
from secaudit.cli.times import Day, MonthOf
from secaudit.model.hours import Month, WorkKind
from secaudit.model.safe_text import visible_line

if TYPE_CHECKING:
    from secaudit.model.contract import Contract
    from secaudit.model.hours import Account, HoursStatement, WorkEntry

_TIME = re.compile(r"(?:(\d{1,3})h)?(?:(\d{1,5})m?)?", re.ASCII)


@click.group()
def hours() -> None:
    """Add, import and show the hours that were worked."""


@hours.command()
@click.argument("customer")
@click.argument("time")
@click.option("--date", "day", type=Day(), help="The day of the work [default: today].")
@click.option("--kind", type=click.Choice([kind.value for kind in WorkKind]), default="support", show_default=True)
@click.option("--ticket", default="", help="The ticket that it belongs to.")
@click.option("--note", default="", help="What was done.")
@contracts_option
def add(customer: str, time: str, day: date | None, kind: str, ticket: str, note: str, contracts: Path | None) -> int:
    """Write work for CUSTOMER into the ledger. TIME is `45`, `45m`, `2h` or `1h30m`."""
    from secaudit.config.contract_hours import append_entries
    from secaudit.model.hours import WorkEntry

    entry = WorkEntry(day or datetime.now(UTC).astimezone().date(), _minutes(time), WorkKind(kind), ticket, note)
    contract = _contract(customer, entry.day, contracts)
    ledger = _ledger(contract)
    append_entries(ledger, [entry])
    click.echo(visible_line(f"{ledger}: {entry.minutes} minutes of {kind} on {entry.day}"))
    return Exit.FINE


@hours.command("import")
@click.argument("customer")
@click.argument("file", type=click.Path(path_type=Path))
@contracts_option
def import_(customer: str, file: Path, contracts: Path | None) -> int:
    """Add the new lines of a CSV FILE to the ledger of CUSTOMER. The same file twice adds nothing.

    Lines go to the ledger of the contract that is in force on their day; none is written when one has no contract.
    """
    from secaudit.config.contract_hours import append_entries, missing_from, read_ledger

    by_ledger: dict[Path, list[WorkEntry]] = {}
    for entry in read_ledger(file):
        by_ledger.setdefault(_ledger(_contract(customer, entry.day, contracts)), []).append(entry)
    for ledger, entries in by_ledger.items():
        added = missing_from(read_ledger(ledger) if ledger.exists() else (), entries)
        append_entries(ledger, added)
        click.echo(visible_line(f"{ledger}: {len(added)} of {len(entries)} lines added"))
    return Exit.FINE


@hours.command()
@click.argument("customer")
@click.option("--month", type=MonthOf(), help="Up to this month, e.g. 2026-10 [default: the present one].")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
@contracts_option
def show(customer: str, month: Month | None, as_json: bool, contracts: Path | None) -> int:
    """Show month by month what was included and used. Also what was carried over, expired and converted; in hours.

    The present month is shown as if it ended now.
    """
    from secaudit.config.contract_hours import read_ledger
    from secaudit.sla.hours import statements

    until = month or Month.of(datetime.now(UTC).astimezone().date())
    contract = _contract_of_month(customer, until, contracts)
    found = statements(contract, read_ledger(_ledger(contract)), until)
    if as_json:
        click.echo(json.dumps([_plain(statement) for statement in found], indent=2))
        return Exit.FINE
    head = ["MONTH", "", "CARRIED", "GAINED", "USED", "OVERDRAWN", "EXPIRED", "CONVERTED", "LEFT"]
    for line in aligned([head, *_table(found)]):
        click.echo(line)
    rounded = sum(statement.rounded for statement in found)
    if rounded:
        click.echo(f"Lost when converted time was rounded down: {_shown(rounded)}")
    return Exit.FINE


def _minutes(text: str) -> int:
    found = _TIME.fullmatch(text)
    minutes = int(found[1] or 0) * 60 + int(found[2] or 0) if found else 0
    if minutes < 1:
        raise CommandError(f"{text!r} is not a time of work; write 45, 45m, 2h or 1h30m")
    return minutes


def _contract(customer: str, day: date, given: Path | None) -> Contract:
    """The contract of the customer that is in force on a day."""
    for contract in _contracts(customer, given):
        if contract.since <= day and (contract.until is None or day <= contract.until):
            return contract
    raise CommandError(f"no contract of {customer} is in force on {day}")


def _contract_of_month(customer: str, month: Month, given: Path | None) -> Contract:
    """The contract that is in force in a month; the later one where two meet."""
    mine = [
        contract
        for contract in _contracts(customer, given)
        if contract.since < month.following.first and (contract.until is None or contract.until >= month.first)
    ]
    if not mine:
        raise CommandError(f"no contract of {customer} is in force in {month}")
    return mine[-1]


def _contracts(customer: str, given: Path | None) -> tuple[Contract, ...]:
    mine = read_contracts(given, HERE).of(customer)
    if not mine:
        raise CommandError(f"there is no contract of {customer}; see --contracts")
    return mine


def _ledger(contract: Contract) -> Path:
    if contract.resources is None:
        raise CommandError(f"the contract {contract.number} of {contract.customer} includes no hours")
    return Path(contract.resources.ledger)


def _table(found: Sequence[HoursStatement]) -> Iterator[list[str]]:
    for statement in found:
        yield _row(str(statement.month), "support", statement.support)
        if any((statement.development.opening, statement.development.gained, statement.development.used)):
            yield _row("", "development", statement.development)


def _row(month: str, kind: str, account: Account) -> list[str]:
    parts = (account.opening, account.gained, account.used, account.overdrawn, account.expired, account.converted)
    return [month, kind, *map(_shown, parts), _shown(account.closing)]


def _shown(minutes: int) -> str:
    return f"{minutes // 60}:{minutes % 60:02}"


def _plain(statement: HoursStatement) -> dict[str, object]:
    return {
        "month": str(statement.month),
        "support": _account(statement.support),
        "development": _account(statement.development),
        "rounded": statement.rounded,
    }


def _account(account: Account) -> dict[str, int]:
    return {
        "opening": account.opening,
        "gained": account.gained,
        "used": account.used,
        "covered": account.covered,
        "overdrawn": account.overdrawn,
        "expired": account.expired,
        "converted": account.converted,
        "closing": account.closing,
    }
