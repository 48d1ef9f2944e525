"""`python -m tests.lab`: the lab by hand."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from datetime import timedelta

import click

from tests.lab import lab
from tests.lab.base import USER, base
from tests.lab.errors import LabError
from tests.lab.host import ENVIRONMENT, entering
from tests.lab.scenarios import SCENARIOS

NAME = click.option("--name", default="default", show_default=True, help="Which lab, when there are several.")


@click.group()
def main() -> None:
    """Real hosts in network namespaces, each with its own root, sshd, firewall, packages and backups."""


@main.command("base")
def build() -> None:
    """Build the hosts' shared root, or find it in the cache, and show where it is."""
    click.echo(base())


@main.command()
@click.option("--hosts", type=click.IntRange(min=0), default=None, help="How many clean hosts.  [default: 10]")
@click.option(
    "--scenario",
    "chosen",
    multiple=True,
    type=click.Choice(list(SCENARIOS)),
    help="A host of this kind, called like it; repeatable.",
)
@click.option("--all", "every", is_flag=True, help="One host of every kind.")
@NAME
def up(hosts: int | None, chosen: Sequence[str], every: bool, name: str) -> None:
    """Start hosts; they run until `down`."""
    kinds = list(SCENARIOS) if every else list(dict.fromkeys(chosen))
    count = hosts if hosts is not None else 0 if kinds else 10
    plan = [lab.Planned(f"host{number}", SCENARIOS["clean"]) for number in range(1, count + 1)]
    plan += [lab.Planned(kind, SCENARIOS[kind]) for kind in kinds]
    started = lab.up(plan, name)
    _show(started)
    first = started.hosts[0].address if plan else "ADDRESS"
    click.echo(f"\nssh -i {started.key} -o UserKnownHostsFile={started.known_hosts} {USER}@{first}", err=True)


@main.command("list")
@NAME
def show(name: str) -> None:
    """Show the hosts of a lab."""
    _show(lab.find(name))


@main.command("exec", context_settings={"ignore_unknown_options": True})
@click.argument("host")
@click.argument("argv", nargs=-1, required=True, type=click.UNPROCESSED)
@NAME
def execute(host: str, argv: Sequence[str], name: str) -> None:
    """Run a program as root on a host: `exec host1 -- nft list ruleset`."""
    found = lab.find(name).host(host)
    command = entering(found.process.pid, argv)
    os.execvpe(command[0], command, ENVIRONMENT | {"TERM": os.environ.get("TERM", "dumb")})


@main.command()
@NAME
def down(name: str) -> None:
    """End a lab, and remove what crashed labs have left behind."""
    if not lab.down(name):
        click.echo(f"no lab {name!r} was up", err=True)


@main.command()
@click.option("--delay", type=click.FloatRange(0, 10_000), default=20, show_default=True, help="Milliseconds.")
@click.option(
    "--loss", type=click.FloatRange(0, 100), default=1, show_default=True, help="Percent of packets to hosts."
)
@NAME
def netem(delay: float, loss: float, name: str) -> None:
    """Make a lab's links slow and lossy, until it ends."""
    by = lab.find(name).impair(timedelta(milliseconds=delay), loss / 100)
    click.echo(f"{delay:g} ms and {loss:g} % by {by}")


@main.command()
def scenarios() -> None:
    """Show what kinds of hosts there are."""
    for scenario in SCENARIOS.values():
        click.echo(f"{scenario.name:<18}{scenario.description}")


def _show(found: lab.Lab) -> None:
    for host in found.hosts:
        click.echo(f"{host.name:<18}{host.address:<16}{host.address6:<18}{host.scenario}")


if __name__ == "__main__":
    try:
        main(standalone_mode=True)
    except LabError as error:
        sys.exit(f"Error: {error}")
