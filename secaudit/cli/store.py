"""`secaudit store`: take back a run that should not count."""

from __future__ import annotations

import json
from contextlib import ExitStack
from datetime import UTC, datetime

import click

from secaudit.cli.exits import CommandError, Exit
from secaudit.cli.options import store_option
from secaudit.model.safe_text import visible_line


@click.group()
def command() -> None:
    """Take back runs that should not count."""


@command.command()
@click.argument("run")
@click.option("--reason", required=True, help="Why it should not count.")
@click.option("--by", "author", help="Who does it [default: the name that you are logged in with].")
@store_option
def withdraw(run: str, reason: str, author: str | None, store_url: str | None) -> int:
    """Take back a run, which then counts nowhere.

    For one that was made while the scanner's clock was wrong. It stays in the store with who took it back and why, but
    findings, reports and the gate become what the other runs make of them. This cannot be undone; scan again instead.
    """
    from secaudit.cli.finding_work import person
    from secaudit.cli.stored import written_store
    from secaudit.model.counted import counted

    if not reason.strip():
        raise CommandError("say why the run should not count: --reason TEXT")
    with ExitStack() as stack:
        scans = written_store(store_url, stack).withdraw(run, author or person(), reason.strip(), datetime.now(UTC))
    click.echo(visible_line(f"withdrawn: run {run} with {counted(scans, 'scan')} of hosts"))
    return Exit.FINE


@command.command()
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
@store_option
def withdrawals(as_json: bool, store_url: str | None) -> int:
    """List the runs that were taken back."""
    from secaudit.cli.stored import read_store

    with ExitStack() as stack:
        found = read_store(store_url, stack).withdrawals()
    if as_json:
        told = [
            {"run": one.run, "started": f"{one.started:%FT%TZ}", "at": f"{one.at:%FT%TZ}"}
            | {"by": one.author, "reason": one.reason}
            for one in found
        ]
        click.echo(json.dumps(told, indent=2))
        return Exit.FINE
    for one in found:
        when = f"{one.at:%Y-%m-%d %H:%M}"
        click.echo(visible_line(f"{when}  {one.run} of {one.started:%Y-%m-%d %H:%M}, by {one.author}: {one.reason}"))
    if not found:
        click.echo("No run was withdrawn.")
    return Exit.FINE
