"""`secaudit contract`: what is promised to customers, and the hours and availability that it is held against."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from secaudit.cli.columns import aligned
from secaudit.cli.contract_hours import hours
from secaudit.cli.exits import CommandError, Exit
from secaudit.cli.service_files import HERE, contracts_option, read_contracts
from secaudit.cli.times import MonthOf
from secaudit.model.hours import Month
from secaudit.model.safe_text import visible_line

if TYPE_CHECKING:
    from fractions import Fraction

    from secaudit.model.availability import Availability
    from secaudit.model.contract import AvailabilityTarget, BusinessCalendar, Contract, Target


@click.group()
def command() -> None:
    """Validate and show what is promised; keep hours; measure availability."""


command.add_command(hours)


@command.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="PATH...")
def validate(paths: tuple[Path, ...]) -> int:
    """Read contract files, or directories of them, and tell every problem."""
    from secaudit.config.contract import load_contracts
    from secaudit.config.errors import ConfigError

    ended = Exit.FINE
    for path in paths:
        try:
            contracts = load_contracts(path)
        except ConfigError as error:
            click.echo(str(error), err=True)
            ended = Exit.USAGE
        else:
            count = len(contracts.all)
            click.echo(visible_line(f"{path}: {count} contract{'' if count == 1 else 's'}, no problem found"))
    return ended


@command.command()
@click.argument("customer", required=False)
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
@contracts_option
def show(customer: str | None, as_json: bool, contracts: Path | None) -> int:
    """Show what the contracts (of CUSTOMER) promise, and which of them are in force."""
    from secaudit.sla.history import ContractHistory

    now = datetime.now(UTC)
    promised = read_contracts(contracts, HERE)
    found = [contract for contract in promised.all if customer in (None, contract.customer)]
    if not found:
        raise CommandError(f"there is no contract{f' of {customer}' if customer else ''}; see --contracts")
    if as_json:
        click.echo(json.dumps([_plain(contract) for contract in found], indent=2))
        return Exit.FINE
    for contract in found:
        in_force = ContractHistory((contract,)).at(now) is not None
        click.echo(_head(contract, in_force=in_force))
        rows = [["PRIORITY", "SEVERITIES", "RESPONSE", "REMEDIATION"], *_promises(contract)]
        for line in aligned(rows, "    "):
            click.echo(line)
        for line in _terms(contract):
            click.echo(f"    {visible_line(line)}")
    return Exit.FINE


@command.command()
@click.argument("customer")
@click.option("--month", type=MonthOf(), help="The month, e.g. 2026-10 [default: the present one, up to now].")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
@contracts_option
def availability(customer: str, month: Month | None, as_json: bool, contracts: Path | None) -> int:
    """Measure the availability of CUSTOMER's services in a month from imported probe data.

    Exit code 1 when a target was missed; else 3 when too little was measured to tell; else 0.
    """
    from secaudit.model.availability import AvailabilityState

    found = list(_measured(month, read_contracts(contracts, HERE).of(customer)))
    if not found:
        raise CommandError(f"no contract of {customer} promises availability in that month; see --contracts")
    if as_json:
        click.echo(json.dumps([_plain_availability(promised, measured) for promised, measured in found], indent=2))
    else:
        head = ["SERVICE", "TARGET", "MEASURED", "STATE", "DOWN", "PLANNED", "UNMEASURED", "COVERAGE"]
        for line in aligned([head, *(_availability_row(promised, measured) for promised, measured in found)]):
            click.echo(line)
    states = {measured.state for _, measured in found}
    if AvailabilityState.MISSED in states:
        return Exit.FINDINGS
    return Exit.INCOMPLETE if AvailabilityState.NOT_ASSESSABLE in states else Exit.FINE


def _measured(
    month: Month | None, contracts: tuple[Contract, ...]
) -> Iterator[tuple[AvailabilityTarget, Availability]]:
    from secaudit.config.contract_probes import read_probes
    from secaudit.sla.availability import measure, month_span

    now = datetime.now(UTC)
    wanted = month or Month.of(now.astimezone().date())
    for contract in contracts:
        span = month_span(contract, wanted)
        end = min(span.end, now)
        if span.start < end:
            for promised in contract.availability:
                yield promised, measure(contract, promised, read_probes(Path(promised.source)), span.start, end)


def _availability_row(promised: AvailabilityTarget, measured: Availability) -> list[str]:
    from secaudit.api import show_duration

    return [
        measured.service,
        f"{promised.target} %",
        _percent(measured.percent),
        measured.state.value.replace("_", " "),
        *map(show_duration, (measured.down, measured.planned, measured.unmeasured)),
        _percent(measured.coverage),
    ]


def _percent(value: Fraction | None) -> str:
    from secaudit.model.availability import show_percent

    return f"{show_percent(value)} %" if value is not None else "-"


def _plain_availability(promised: AvailabilityTarget, measured: Availability) -> dict[str, object]:
    from secaudit.export.results import show_time
    from secaudit.model.availability import show_percent

    percent = measured.percent
    return {
        "service": measured.service,
        "from": show_time(measured.start),
        "until": show_time(measured.end),
        "target": str(promised.target),
        "percent": show_percent(percent, 6) if percent is not None else None,
        "state": measured.state.value,
        "seconds": {
            "up": measured.up.total_seconds(),
            "down": measured.down.total_seconds(),
            "planned": measured.planned.total_seconds(),
            "unmeasured": measured.unmeasured.total_seconds(),
        },
    }


def _head(contract: Contract, *, in_force: bool) -> str:
    until = f"to {contract.until}" if contract.until else "without an end"
    state = "in force" if in_force else "not in force"
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

    yield f"hours: {_hours(contract.calendar)}, {contract.calendar.timezone}"
    rules = contract.sla
    reasons = ", ".join(rules.pause_reasons) or "none"
    yield f"clocks: warn at {rules.warn_at}, pauses for {reasons} of {show_duration(rules.max_pause)} at most"
    yield f"waivers: {contract.waivers.max_days} days at most"
    for promised in contract.availability:
        yield f"availability: {promised.service} {promised.target} %"
    for dataset in contract.datasets:
        yield f"backup: {dataset.name} on {dataset.host}, RPO {show_duration(dataset.rpo)}"
    if contract.resources is not None:
        yield f"included: {contract.resources.included / 60:g} hours a month"


def _hours(calendar: BusinessCalendar) -> str:
    from secaudit.config.contract_fields import WEEKDAYS

    days = (
        f"{day} {' '.join(f'{_clock(part.start)}-{_clock(part.end)}' for part in parts)}"
        for day, parts in zip(WEEKDAYS, calendar.week, strict=True)
        if parts
    )
    return ", ".join(days)


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
