"""`secaudit inventory`: validate and list hosts, and pin their host keys."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from secaudit.cli.exits import CommandError, Exit
from secaudit.cli.options import plugins_option
from secaudit.model.safe_text import visible_line

if TYPE_CHECKING:
    from secaudit.model.inventory import Host, Inventory

_PATH = click.Path(path_type=Path)


@click.group()
def command() -> None:
    """Validate and list hosts; pin host keys."""


@command.command()
@click.argument("path", type=_PATH)
@plugins_option
def validate(path: Path, plugins: tuple[Path, ...]) -> int:
    """Read an inventory, or a directory of them, and merge the baselines of every host."""
    from secaudit.config.baseline import BaselineLibrary
    from secaudit.config.errors import ConfigError, Problem
    from secaudit.config.inventory import load_inventory
    from secaudit.plugins import discover

    library = BaselineLibrary()
    inventory = load_inventory(path, library.names())
    registry = discover(plugins)
    problems: list[Problem] = []
    for names in dict.fromkeys(host.baselines for host in inventory.hosts):
        try:
            library.resolve(names, registry.checks, registry.broken)
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(problems)
    click.echo(visible_line(f"{path}: {_counted(inventory)}, no problem found"))
    for host in inventory.hosts:
        if not host.baselines:
            click.echo(f"{host.label} has no baseline: it is scanned only with --baseline")
    return Exit.FINE


@command.command("list")
@click.argument("path", type=_PATH)
@click.option("--customer", "customers", multiple=True, help="Only this customer.")
@click.option("--site", "sites", multiple=True, help="Only this site.")
@click.option("--host", "hosts", multiple=True, help="Only hosts whose name matches this glob.")
@click.option("--tag", "tags", multiple=True, help="Only hosts with this tag.")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
def list_(
    path: Path,
    customers: tuple[str, ...],
    sites: tuple[str, ...],
    hosts: tuple[str, ...],
    tags: tuple[str, ...],
    as_json: bool,
) -> int:
    """List the hosts of an inventory: how they are reached and what they are held against."""
    from secaudit.config.inventory import load_inventory

    found = [host for host in load_inventory(path).hosts if host.matches(customers, sites, hosts, tags)]
    if as_json:
        click.echo(json.dumps([_plain(host) for host in found], indent=2, ensure_ascii=False))
        return Exit.FINE
    rows = [
        (host.customer, host.site, host.name, host.address, host.transport.value, *map(", ".join, _lists(host)))
        for host in found
    ]
    _table(("CUSTOMER", "SITE", "HOST", "ADDRESS", "TRANSPORT", "TAGS", "BASELINES"), rows)
    return Exit.FINE
