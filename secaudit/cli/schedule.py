"""`secaudit schedule`: scans that run by themselves."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import click

from secaudit.cli.exits import CommandError, Exit
from secaudit.cli.options import plugins_option, store_option
from secaudit.cli.unit_files import named_store, unit_options, write_units
from secaudit.model.safe_text import visible, visible_line
from secaudit.model.severity import Severity

if TYPE_CHECKING:
    from secaudit.model.schedule import Schedule
    from secaudit.plugins import Registry


def _schedules_argument(function: click.decorators.FC) -> click.decorators.FC:
    return click.option(
        "--schedules",
        "path",
        type=click.Path(path_type=Path),
        default=Path("schedules"),
        show_default=True,
        envvar="SECAUDIT_SCHEDULES",
        help="Directory with a YAML file per schedule.",
    )(function)


def _state_option(function: click.decorators.FC) -> click.decorators.FC:
    return click.option(
        "--state",
        type=click.Path(path_type=Path, file_okay=False),
        help="Directory that remembers what was run [default: below the user's state directory].",
    )(function)


@click.group()
def command() -> None:
    """Run scans on a schedule."""


@command.command("list")
@_schedules_argument
def list_(path: Path) -> int:
    """List the schedules with their next run."""
    from secaudit.config.schedule import load_schedules
    from secaudit.fleet.due import next_firings

    now = datetime.now(UTC)
    for schedule in load_schedules(path):
        coming = next_firings(schedule, now, 1)
        when = _local(coming[0], schedule) if coming else "never"
        click.echo(
            visible_line(f"{schedule.id}  {schedule.cron} ({schedule.timezone})  next {when}  {_scope(schedule)}")
        )
    return Exit.FINE


@command.command("next")
@click.option("--count", type=click.IntRange(1, 1000), default=5, show_default=True, help="How many.")
@_schedules_argument
def next_(path: Path, count: int) -> int:
    """List the coming runs of all schedules in order."""
    from secaudit.config.schedule import load_schedules
    from secaudit.fleet.due import next_firings

    now = datetime.now(UTC)
    coming = sorted(
        (firing, schedule.id, schedule)
        for schedule in load_schedules(path)
        for firing in next_firings(schedule, now, count)
    )
    for firing, name, schedule in coming[:count]:
        click.echo(f"{_local(firing, schedule)}  {name}")
    return Exit.FINE


@command.command("run-due")
@_schedules_argument
@_state_option
@store_option
@plugins_option
def run_due(path: Path, state: Path | None, store_url: str | None, plugins: tuple[Path, ...]) -> int:
    """Run every scan that is due, one after the other. A missed one is caught up once, none overlaps itself.

    A schedule that is seen for the first time waits for its next turn. The exit code is the worst of all scans.
    """
    from secaudit.config.schedule import load_schedules
    from secaudit.fleet.due import owed
    from secaudit.fleet.ledger import Ledger, default_directory
    from secaudit.plugins import discover

    ledger = Ledger(state or default_directory())
    registry = discover(plugins)
    worst = Exit.FINE
    for schedule in load_schedules(path):
        with ledger.entry(schedule.id) as entry:
            if entry is None:
                click.echo(f"{schedule.id}: still running, left alone", err=True)
                continue
            now = datetime.now(UTC)
            handled = entry.handled
            firing = None if handled is None else owed(schedule, handled, now)
            if handled is None:
                entry.handle(now)
                click.echo(f"{schedule.id}: new, waits for its next turn", err=True)
            elif firing is not None:
                entry.handle(firing)
                click.echo(f"{schedule.id}: due since {_local(firing, schedule)}", err=True)
                worst = max(worst, _run(schedule, registry, store_url))
    return worst


def _run(schedule: Schedule, registry: Registry, store_url: str | None) -> Exit:
    from secaudit.cli.output import summary
    from secaudit.cli.progress import watcher
    from secaudit.cli.scanning import ScanOrder, opened_store, run_scan
    from secaudit.cli.service_files import read_resolved, read_waivers
    from secaudit.cli.targets import Selection, choose
    from secaudit.model.errors import UserError
    from secaudit.model.gate import completeness, judge

    inventory = Path(schedule.inventory)
    selection = Selection(inventory, schedule.customers, schedule.sites, (), schedule.tags)
    try:
        with ExitStack() as stack:
            store = opened_store(store_url, stack)
            watch = stack.enter_context(watcher(quiet=False))
            order = ScanOrder(
                choose((), selection).held_against(schedule.baselines).refuse_bare(),
                schedule.only,
                contracts=read_resolved(None, inventory),
                waivers=read_waivers(None, inventory),
            )
            report = run_scan(order, registry, watch, store)
    except UserError as error:
        # One schedule's broken file must not keep the others from running.
        click.echo(visible(f"{schedule.id}: {error}"), err=True)
        return error.exit if isinstance(error, CommandError) else Exit.USAGE
    click.echo(summary(report))
    severity = schedule.fail_on
    return Exit(judge(report, Severity(severity)) if severity else completeness(report))


@command.command()
@_schedules_argument
@_state_option
@unit_options
@store_option
def units(path: Path, state: Path | None, user: str | None, out: Path | None, store_url: str | None) -> int:
    """Write a systemd service and timer that run what is due."""
    from secaudit.fleet.units import SCANS

    arguments = ["schedule", "run-due", "--schedules", str(path.resolve())]
    arguments += ["--state", str(state.resolve())] if state else []
    arguments += named_store(store_url)
    writes = [state.resolve()] if state else []
    return write_units(arguments, user, SCANS, out, writes=writes, store_url=store_url)


def _local(moment: datetime, schedule: Schedule) -> str:
    return f"{moment.astimezone(ZoneInfo(schedule.timezone)):%a %Y-%m-%d %H:%M %Z}"


def _scope(schedule: Schedule) -> str:
    parts = [*schedule.customers, *schedule.sites, *(f"tag {tag}" for tag in schedule.tags)]
    return f"{schedule.inventory} ({', '.join(parts) or 'all hosts'})"
