"""`secaudit availability`: probe services, import probes, and show what was measured."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import click

from secaudit.cli.columns import aligned
from secaudit.cli.exits import CommandError, Exit
from secaudit.cli.options import store_option
from secaudit.cli.service_files import CONTRACTS, HERE, contracts_of, contracts_option, find, read_contracts
from secaudit.cli.times import MonthOf
from secaudit.cli.unit_files import named_store, unit_options, write_units
from secaudit.model.counted import counted
from secaudit.model.hours import Month
from secaudit.model.safe_text import visible_line

if TYPE_CHECKING:
    from fractions import Fraction

    from secaudit.model.availability import Availability, Outage, Probe
    from secaudit.model.contract import AvailabilityTarget, Contract
    from secaudit.store import Store


_SKEW = timedelta(days=1)
"""By how much the clock of a monitoring may be ahead, or its zone be mistaken."""

_LISTED = 20
"""The newest outages of a service that are listed."""


@click.group()
def command() -> None:
    """Probe services, import probes and show what was measured."""


@command.command()
@click.option("--customer", help="Only services of this customer.")
@click.option("--all", "is_all", is_flag=True, help="Also services that were probed a moment ago.")
@click.option("--dry-run", is_flag=True, help="Probe and show, and store nothing.")
@contracts_option
@store_option
def probe(customer: str | None, is_all: bool, dry_run: bool, contracts: Path | None, store_url: str | None) -> int:
    """Probe every service that is due once, and store what was seen.

    Run it every minute, for example from a systemd timer or cron: what is due is decided by `every` in the contract.
    Exit code 1 when a service did not answer as it should, else 0.
    """
    from secaudit.fleet.probe_round import due, probe_all
    from secaudit.store import default_url, open_store

    now = datetime.now(UTC)
    services = [one for one in _probed(read_contracts(contracts, HERE).all, now) if customer in (None, one[0])]
    if not services:
        raise CommandError(
            "no contract in force has a service to probe; see --contracts, and `probe` in `secaudit schema contract`"
        )
    with closing(open_store(store_url or default_url())) as store:
        latest = {} if is_all else _latest(store, services, now)
        seen = probe_all(due(services, latest, now))
        for one, result in seen:
            if not dry_run:
                store.add_probes(one.customer, one.service, [result])
            click.echo(_probe_line(one.customer, one.service, result))
    if not seen:
        click.echo("No service is due.", err=True)
    return Exit.FINE if all(result.is_up for _, result in seen) else Exit.FINDINGS


@command.command()
@unit_options
@contracts_option
@store_option
def units(user: str | None, out: Path | None, contracts: Path | None, store_url: str | None) -> int:
    """Write a systemd service and timer. They probe what is due every minute."""
    from secaudit.fleet.units import PROBES

    path = find(CONTRACTS, contracts, HERE)
    if path is None:
        raise CommandError("there is no contract here; see --contracts")
    arguments = ["availability", "probe", "--contracts", str(path.resolve())]
    arguments += named_store(store_url)
    return write_units(arguments, user, PROBES, out, store_url=store_url)


@command.command("import")
@click.argument("customer")
@click.argument("service")
@click.argument("file", type=click.Path(path_type=Path))
@contracts_option
@store_option
def import_(customer: str, service: str, file: Path, contracts: Path | None, store_url: str | None) -> int:
    """Add the probes of a CSV or JSON FILE to the store. Moments that it holds already are left as they are.

    Probes of the future are refused.
    """
    from secaudit.config.contract_probes import read_probes
    from secaudit.config.errors import closest
    from secaudit.store import default_url, open_store

    promised = {one.service for contract in contracts_of(customer, contracts) for one in contract.availability}
    if service not in promised:
        hint = closest(service, promised) or f"there is {', '.join(sorted(promised)) or 'none'}"
        raise CommandError(f"no contract of {customer} promises the availability of {service!r}; {hint}")
    probes = read_probes(file)
    if not probes:
        click.echo(visible_line(f"{file}: no probe in it"), err=True)
        return Exit.FINE
    first, last = min(probe.at for probe in probes), max(probe.at for probe in probes)
    if last > datetime.now(UTC) + _SKEW:
        raise CommandError(f"{file}: nothing was added: {last:%Y-%m-%d %H:%M} UTC is still to come")
    with closing(open_store(store_url or default_url())) as store:
        added = store.add_probes(customer, service, probes)
    span = f"{first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} UTC"
    click.echo(visible_line(f"{file}: {added:,} of {counted(len(probes), 'probe')} added, {span}"))
    return Exit.FINE


@command.command()
@click.argument("customer")
@click.option("--month", type=MonthOf(), help="The month, e.g. 2026-10 [default: the present one, up to now].")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
@contracts_option
@store_option
def show(customer: str, month: Month | None, as_json: bool, contracts: Path | None, store_url: str | None) -> int:
    """Show the availability of CUSTOMER's services in a month. Counts probes in the store and files of the contract.

    Exit code 1 when a target was missed; else 3 when too little was measured to tell; else 0. A service that nothing
    has probed is not assessable.
    """
    from secaudit.model.availability import AvailabilityState

    mine = contracts_of(customer, contracts)
    periods = list(_periods(mine, month))
    if not any(contract.availability for contract, *_ in periods):
        raise CommandError(_nothing_to_show(customer, month, mine))
    with ExitStack() as stack:
        found = list(_measured(_store(store_url, stack), periods))
    if as_json:
        click.echo(json.dumps([_plain_availability(promised, shown) for promised, shown in found], indent=2))
    else:
        head = ["SERVICE", "TARGET", "MEASURED", "STATE", "DOWN", "PLANNED", "UNMEASURED", "COVERAGE"]
        for line in aligned([head, *(_availability_row(promised, shown) for promised, shown in found)]):
            click.echo(line)
        for promised, shown in found:
            for outage in shown.outages[-_LISTED:]:
                click.echo(_outage_line(promised.service, outage))
    states = {shown.state for _, shown in found}
    if AvailabilityState.MISSED in states:
        return Exit.FINDINGS
    return Exit.INCOMPLETE if AvailabilityState.NOT_ASSESSABLE in states else Exit.FINE


def _nothing_to_show(customer: str, month: Month | None, contracts: tuple[Contract, ...]) -> str:
    """Why a month has no availability."""
    from secaudit.sla.availability import month_span

    spans = [month_span(contract, month) for contract in contracts] if month is not None else []
    if any(span.start < span.end for span in spans) and all(span.start > datetime.now(UTC) for span in spans):
        return f"the month {month} has not begun"
    return f"no contract of {customer} promises availability in {month or 'the present month'}"


def _store(url: str | None, stack: ExitStack) -> Store | None:
    """The store; None when nobody named one and there is none, because files of contracts may be enough."""
    from secaudit.cli.stored import read_store
    from secaudit.store import StoreError

    try:
        return read_store(url, stack)
    except StoreError as error:
        if url is not None:
            raise
        click.echo(visible_line(f"without a store: {error}"), err=True)
        return None


def _periods(contracts: tuple[Contract, ...], month: Month | None) -> Iterator[tuple[Contract, datetime, datetime]]:
    """The part of a month (None: of the present one) up to now in which each contract is in force."""
    from secaudit.sla.availability import month_span

    now = datetime.now(UTC)
    for contract in contracts:
        today = now.astimezone(ZoneInfo(contract.calendar.timezone)).date()
        span = month_span(contract, month or Month.of(today))
        if span.start < min(span.end, now):
            yield contract, span.start, min(span.end, now)


def _measured(
    store: Store | None, periods: list[tuple[Contract, datetime, datetime]]
) -> Iterator[tuple[AvailabilityTarget, Availability]]:
    from secaudit.cli.availability_data import measured
    from secaudit.sla.availability import measure

    for contract, start, end in periods:
        for promised in contract.availability:
            try:
                yield promised, measured(store, contract, promised, start, end)
            except CommandError as error:
                click.echo(visible_line(str(error)), err=True)
                yield promised, measure(contract, promised, (), start, end)


def _outage_line(service: str, outage: Outage) -> str:
    from secaudit.api import show_duration

    begin, length = f"{outage.start:%Y-%m-%d %H:%M}", show_duration(outage.end - outage.start)
    why = f": {outage.detail}" if outage.detail else ""
    return visible_line(f"{service} was down from {begin} UTC for {length}{why}")


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
        "coverage": show_percent(measured.coverage, 6) if measured.coverage is not None else None,
        "outages": [
            {"from": show_time(outage.start), "until": show_time(outage.end), "detail": outage.detail}
            for outage in measured.outages
        ],
        "seconds": {
            "up": measured.up.total_seconds(),
            "down": measured.down.total_seconds(),
            "planned": measured.planned.total_seconds(),
            "unmeasured": measured.unmeasured.total_seconds(),
        },
    }


def _probed(contracts: tuple[Contract, ...], now: datetime) -> Iterator[tuple[str, AvailabilityTarget]]:
    """The services, with their customers, that contracts in force have us probe."""
    from secaudit.sla.history import ContractHistory

    for contract in contracts:
        if ContractHistory((contract,)).at(now) is not None:
            yield from ((contract.customer, one) for one in contract.availability if one.probe is not None)


def _probe_line(customer: str, service: str, result: Probe) -> str:
    days = (result.expires - result.at).days if result.expires else 0
    expires = f", certificate until {result.expires:%Y-%m-%d} ({days} days)" if result.expires else ""
    return visible_line(f"{customer}/{service}  {'up' if result.is_up else 'down'}: {result.detail}{expires}")


def _latest(
    store: Store, services: list[tuple[str, AvailabilityTarget]], now: datetime
) -> dict[tuple[str, str], datetime]:
    found: dict[tuple[str, str], datetime] = {}
    for customer, promised in services:
        probes = store.probes(customer, promised.service, now - promised.every, now + timedelta(microseconds=1))
        if probes:
            found[customer, promised.service] = probes[-1].at
    return found
