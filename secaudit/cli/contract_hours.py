"""`secaudit contract hours`: the work that was done, and what it leaves of the included hours."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from secaudit.cli.columns import aligned
from secaudit.cli.exits import CommandError, Exit
from secaudit.cli.service_files import contracts_of, contracts_option
from secaudit.cli.times import Day, MonthOf
from secaudit.model.counted import counted
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
@click.option("--date", "day", type=Day(), help="The day of the work [default: today in the contract's time zone].")
@click.option(
    "--kind",
    type=click.Choice([kind.value for kind in WorkKind]),
    default="support",
    show_default=True,
    help="Support takes of the included hours, development of those that unused ones became.",
)
@click.option("--ticket", default="", help="The ticket that it belongs to.")
@click.option("--note", default="", help="What was done.")
@contracts_option
def add(customer: str, time: str, day: date | None, kind: str, ticket: str, note: str, contracts: Path | None) -> int:
    """Write work for CUSTOMER into the ledger. TIME is `45`, `45m`, `2h` or `1h30m`."""
    from secaudit.config.contract_hours import append_entries
    from secaudit.model.hours import WorkEntry

    mine = contracts_of(customer, contracts)
    entry = WorkEntry(day or _today(mine), _minutes(time), WorkKind(kind), ticket, note)
    contract = _in_force(mine, entry.day)
    if contract is None:
        raise CommandError(_no_contract(mine, entry.day))
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

    Lines go to the ledger of the contract that is in force on their day. When anything is wrong with one of them, or
    with a ledger, nothing is written.
    """
    from secaudit.config.contract_hours import addition, append_entries, begun, missing_from, read_lines
    from secaudit.config.errors import ConfigError, Problem

    mine = contracts_of(customer, contracts)
    by_ledger: dict[Path, list[WorkEntry]] = {}
    problems: list[Problem] = []
    for line in read_lines(file, missing=""):
        contract = _in_force(mine, line.entry.day)
        if contract is None:
            problems.append(Problem(line.location, _no_contract(mine, line.entry.day)))
        else:
            by_ledger.setdefault(_ledger(contract), []).append(line.entry)
    if problems:
        raise ConfigError(problems)
    added = {ledger: missing_from(begun(ledger), entries) for ledger, entries in by_ledger.items()}
    for ledger, entries in added.items():
        addition(ledger, entries)
    for ledger, entries in added.items():
        append_entries(ledger, entries)
        click.echo(visible_line(f"{ledger}: {len(entries):,} of {counted(len(by_ledger[ledger]), 'line')} added"))
    if not added:
        click.echo(visible_line(f"{file}: no line of work in it"), err=True)
    return Exit.FINE


@hours.command()
@click.argument("customer")
@click.option(
    "--month", type=MonthOf(), help="Up to this month, e.g. 2026-10 [default: the present or the contract's last]."
)
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
@contracts_option
def show(customer: str, month: Month | None, as_json: bool, contracts: Path | None) -> int:
    """Show month by month what was included and used. Also what was carried over, expired and converted; in hours.

    The present month is shown as if it ended now. Of a month in which contracts change all of them are shown. Lines of
    a ledger that no contract counts are told.
    """
    from secaudit.config.contract_hours import read_lines
    from secaudit.sla.hours import statements

    mine = contracts_of(customer, contracts)
    until = month or _present(mine)
    of_month = _of_month(mine, until)
    if not of_month:
        raise CommandError(f"no contract of {customer} is in force in {until}; {_spans(mine)}")
    made: list[tuple[Contract, Sequence[HoursStatement]]] = []
    for contract in [each for each in of_month if each.resources is not None] or of_month[-1:]:
        lines = read_lines(_ledger(contract))
        for line in lines:
            if not _counts(mine, _ledger(contract), line.entry.day):
                message = f"no contract with this ledger is in force on {line.entry.day}, the line counts nowhere"
                click.echo(visible_line(f"{line.location}: {message}"), err=True)
        made.append((contract, statements(contract, [line.entry for line in lines], until)))
    if as_json:
        plain = [_plain(contract, statement) for contract, found in made for statement in found]
        click.echo(json.dumps(plain, indent=2))
        return Exit.FINE
    for contract, found in made:
        if len(made) > 1:
            click.echo(visible_line(f"Contract {contract.number}, from {contract.since}"))
        _show(found)
    return Exit.FINE


def _show(found: Sequence[HoursStatement]) -> None:
    head = ["MONTH", "KIND", "CARRIED", "GAINED", "USED", "OVERDRAWN", "EXPIRED", "CONVERTED", "LEFT"]
    for line in aligned([head, *_table(found)]):
        click.echo(line)
    rounded = sum(statement.rounded for statement in found)
    if rounded:
        click.echo(f"Lost when converted time was rounded down: {_shown(rounded)}")


def _counts(contracts: Iterable[Contract], ledger: Path, day: date) -> bool:
    """Whether work of a day in a ledger counts: the contract that is in force then keeps its hours there."""
    contract = _in_force(contracts, day)
    return contract is not None and contract.resources is not None and Path(contract.resources.ledger) == ledger


def _minutes(text: str) -> int:
    from secaudit.config.contract_hours import MOST_MINUTES

    found = _TIME.fullmatch(text)
    minutes = int(found[1] or 0) * 60 + int(found[2] or 0) if found else 0
    if minutes < 1:
        raise CommandError(f"{text!r} is not a time of work; write 45, 45m, 2h or 1h30m")
    if minutes > MOST_MINUTES:
        raise CommandError(f"{text!r} is more than a month; a line of a ledger holds {MOST_MINUTES // 60}h at most")
    return minutes


def _today(contracts: Sequence[Contract]) -> date:
    """The present day where the contract that is in force, or was last, has its days."""
    from zoneinfo import ZoneInfo

    from secaudit.sla.history import ContractHistory

    now = datetime.now(UTC)
    return now.astimezone(ZoneInfo(ContractHistory(contracts).lately(now).calendar.timezone)).date()


def _present(contracts: Sequence[Contract]) -> Month:
    """The present month, or the last one of contracts that are all over."""
    ends = [each.until for each in contracts if each.until is not None]
    today = _today(contracts)
    return Month.of(min(today, max(ends)) if len(ends) == len(contracts) else today)


def _in_force(contracts: Iterable[Contract], day: date) -> Contract | None:
    """The contract that is in force on a day."""
    there = (each for each in contracts if each.since <= day and (each.until is None or day <= each.until))
    return next(there, None)


def _of_month(contracts: Iterable[Contract], month: Month) -> list[Contract]:
    """The contracts that are in force in a month, the oldest first."""
    last = month.last
    return [each for each in contracts if each.since <= last and (each.until is None or each.until >= month.first)]


def _no_contract(contracts: Sequence[Contract], day: date) -> str:
    return f"no contract of {contracts[0].customer} is in force on {day}; {_spans(contracts)}"


def _spans(contracts: Iterable[Contract]) -> str:
    """From when to when there are contracts."""
    spans = (f"from {each.since}" + (f" to {each.until}" if each.until else " on") for each in contracts)
    return f"there is one {', '.join(spans)}"


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


def _plain(contract: Contract, statement: HoursStatement) -> dict[str, object]:
    return {
        "contract": contract.number,
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
