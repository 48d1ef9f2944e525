"""`secaudit contract`: what is promised to customers, and the hours that it is held against."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import click

from secaudit.cli.columns import aligned
from secaudit.cli.contract_hours import hours
from secaudit.cli.exits import CommandError, Exit
from secaudit.cli.service_files import HERE, contracts_of, contracts_option, read_contracts, refuse_unresolved
from secaudit.model.counted import counted
from secaudit.model.safe_text import visible, visible_line

if TYPE_CHECKING:
    from secaudit.model.contract import BusinessCalendar, Contract, Resources, Target


@click.group()
def command() -> None:
    """Validate and show what is promised; keep hours."""


command.add_command(hours)


@command.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="PATH...")
@click.option(
    "--inventory",
    type=click.Path(path_type=Path, exists=True),
    envvar="SECAUDIT_INVENTORY",
    help="The inventory that has their customers and hosts [default: inventory/ beside or above the file].",
)
def validate(paths: tuple[Path, ...], inventory: Path | None) -> int:
    """Tell every problem of contract files, or of directories of them.

    With an inventory also every customer and host that a contract names and the inventory does not have.
    """
    from secaudit.config.contract import load_contracts
    from secaudit.config.errors import ConfigError

    ended = Exit.FINE
    for path in paths:
        try:
            contracts = load_contracts(path)
            beside = inventory or _inventory_of(path)
            if beside is not None:
                refuse_unresolved(contracts, beside)
        except ConfigError as error:
            click.echo(visible(str(error)), err=True)
            ended = Exit.USAGE
        else:
            count = len(contracts.all)
            is_blind = beside is None and any(contract.datasets for contract in contracts.all)
            unseen = "; no inventory was there to look hosts up in" if is_blind else ""
            click.echo(visible_line(f"{path}: {counted(count, 'contract')}, no problem found{unseen}"))
    return ended


def _inventory_of(path: Path) -> Path | None:
    """The inventory that lies beside contracts, or beside their directory."""
    places = (path.absolute().parent, path.absolute().parent.parent)
    return next((place / HERE for place in places if any((place / HERE).glob("*.y*ml"))), None)


@command.command()
@click.argument("customer", required=False)
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
@contracts_option
def show(customer: str | None, as_json: bool, contracts: Path | None) -> int:
    """Show what the contracts (of CUSTOMER) promise. Says which of them are in force."""
    now = datetime.now(UTC)
    found = contracts_of(customer, contracts) if customer is not None else read_contracts(contracts, HERE).all
    if not found:
        raise CommandError("there is no contract; see --contracts")
    if as_json:
        click.echo(json.dumps([_plain(contract) for contract in found], indent=2))
        return Exit.FINE
    for contract in found:
        click.echo(_head(contract, now))
        rows = [["PRIORITY", "SEVERITIES", "RESPONSE", "REMEDIATION"], *_promises(contract)]
        for line in aligned(rows, "    "):
            click.echo(line)
        for line in _terms(contract):
            click.echo(f"    {visible_line(line)}")
    return Exit.FINE


def _head(contract: Contract, now: datetime) -> str:
    from secaudit.sla.history import ContractHistory, day_begin

    until = f"to {contract.until}" if contract.until else "without an end"
    state = "not in force yet" if now < day_begin(contract, contract.since) else "over"
    if ContractHistory((contract,)).at(now) is not None:
        state = "in force"
    return visible_line(
        f"{contract.customer}  {contract.name}, contract {contract.number}, {contract.since} {until} ({state})"
    )


def _promises(contract: Contract) -> Iterator[list[str]]:
    for priority in contract.priorities:
        worst_first = sorted(priority.severities, key=lambda severity: -severity.rank)
        yield [
            priority.id,
            ", ".join(severity.value for severity in worst_first),
            _target(priority.response),
            _target(priority.remediation),
        ]


def _target(target: Target | None) -> str:
    return f"{target} ({target.clock.value})" if target is not None else "-"


def _terms(contract: Contract) -> Iterator[str]:
    from secaudit.api import show_duration
    from secaudit.model.contract import Reopening

    calendar, rules = contract.calendar, contract.sla
    yield from _notice(contract)
    yield f"hours: {_hours(calendar)}, {calendar.timezone}"
    closed = []
    if calendar.country:
        closed.append(f"public holidays of {calendar.country}{'-' * bool(calendar.subdivision)}{calendar.subdivision}")
    if calendar.special:
        closed.append(f"{counted(len(calendar.special), 'day')} of its own")
    if closed:
        yield f"closed or shorter: {', '.join(closed)}"
    for window in calendar.windows:
        length = show_duration(timedelta(minutes=window.minutes))
        yield f"maintenance: {window.rrule} from {_clock(window.start)} for {length}"
    if calendar.fixed_windows:
        yield f"maintenance: {counted(len(calendar.fixed_windows), 'window')} from calendar files"
    grace = f", {show_duration(rules.grace)} of grace" if rules.grace else ""
    returns = "has new ones" if rules.reopen is Reopening.RESTART else "goes on with its old ones"
    yield f"clocks: from {rules.enforce_from}, warn at {rules.warn_at}{grace}; a finding that comes back {returns}"
    if rules.pause_reasons:
        yield f"pauses: for {', '.join(rules.pause_reasons)}, {show_duration(rules.max_pause)} at most"
    else:
        yield "pauses: none, since no reason is named (sla.pause_reasons)"
    naming = f", naming {', '.join(contract.waivers.require)}" if contract.waivers.require else ""
    yield f"waivers: {contract.waivers.max_days} days at most{naming}"
    for promised in contract.availability:
        without = ", without maintenance" if promised.exclude_windows else ""
        yield f"availability: {promised.service} {promised.target} %{without}"
    for dataset in contract.datasets:
        yield f"backup: {dataset.name} on {dataset.host}, RPO {show_duration(dataset.rpo)}"
    if contract.resources is not None:
        yield f"included: {'; '.join(_included(contract.resources))}"
    for cost in contract.costs:
        yield f"cost: {cost.called} {cost.amount} {cost.currency} per {cost.per.value}"


def _included(resources: Resources) -> Iterator[str]:
    yield f"{resources.included / 60:g} hours a month"
    if resources.carry_months:
        cap = f", {resources.carry_cap / 60:g} hours at most" if resources.carry_cap is not None else ""
        yield f"unused ones stay for {counted(resources.carry_months, 'month')}{cap}"
    if resources.conversion is not None:
        after = counted(resources.conversion.after_months, "month")
        yield f"after {after} they become development hours, times {resources.conversion.factor}"


def _notice(contract: Contract) -> Iterator[str]:
    if contract.notice_days and contract.until is not None:
        last = contract.until - timedelta(days=contract.notice_days)
        yield f"notice: by {last}, {counted(contract.notice_days, 'day')} before its end"
    elif contract.notice_days:
        yield f"notice: {counted(contract.notice_days, 'day')}"


def _hours(calendar: BusinessCalendar) -> str:
    """Openings of the week; days in a row with the same ones are named together."""
    from secaudit.config.contract_fields import WEEKDAYS

    told = []
    for parts, days in groupby(zip(WEEKDAYS, calendar.week, strict=True), key=lambda day: day[1]):
        first, *others = [name for name, _ in days]
        if parts:
            openings = " ".join(f"{_clock(part.start)}-{_clock(part.end)}" for part in parts)
            told.append(f"{first}{f'-{others[-1]}' if others else ''} {openings}")
    return ", ".join(told)


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _plain(contract: Contract) -> dict[str, object]:
    return {
        "customer": contract.customer,
        "name": contract.name,
        "number": contract.number,
        "from": str(contract.since),
        "until": str(contract.until) if contract.until else None,
        "priorities": [
            {
                "priority": priority.id,
                "severities": sorted(severity.value for severity in priority.severities),
                "response": _target(priority.response),
                "remediation": _target(priority.remediation),
            }
            for priority in contract.priorities
        ],
        "file": contract.file,
        "sha256": contract.sha256,
    }
