"""`secaudit inventory`: validate and list hosts, and pin their host keys."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from secaudit.cli.columns import aligned
from secaudit.cli.exits import Exit
from secaudit.cli.options import plugins_option
from secaudit.model.counted import counted
from secaudit.model.safe_text import visible_line

if TYPE_CHECKING:
    from secaudit.model.inventory import Host, Inventory

_PATH = click.Path(path_type=Path)


@click.group()
def command() -> None:
    """Validate and list hosts; pin host keys."""


@command.command(short_help="Read an inventory and the baselines of its hosts.")
@click.argument("path", type=_PATH, envvar="SECAUDIT_INVENTORY")
@plugins_option
def validate(path: Path, plugins: tuple[Path, ...]) -> int:
    """Read an inventory, or a directory of them, and merge the baselines of every host.

    Without PATH the one that SECAUDIT_INVENTORY names.
    """
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


@command.command("list", short_help="List hosts and what they are held against.")
@click.argument("path", type=_PATH, envvar="SECAUDIT_INVENTORY")
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
    """List the hosts of an inventory: how they are reached and what they are held against.

    Without PATH the one that SECAUDIT_INVENTORY names.
    """
    from secaudit.cli.targets import Selection, choose

    found = choose((), Selection(path, customers, sites, hosts, tags)).hosts
    if as_json:
        click.echo(json.dumps([_plain(host) for host in found], indent=2))
        return Exit.FINE
    header = ("CUSTOMER", "SITE", "HOST", "ADDRESS", "TRANSPORT", "TAGS", "BASELINES")
    rows = [
        (
            host.customer,
            host.site,
            host.name,
            host.address,
            host.transport.value,
            _joined(host.tags),
            ", ".join(host.baselines),
        )
        for host in found
    ]
    for line in aligned([header, *rows]):
        click.echo(line)
    return Exit.FINE


@command.command(short_help="Show and pin the keys of hosts.")
@click.argument("hosts", nargs=-1, required=True, metavar="HOST…")
@click.option(
    "--inventory", "path", required=True, envvar="SECAUDIT_INVENTORY", type=_PATH, help="Where the hosts stand."
)
@click.option("--yes", is_flag=True, help="Pin without asking; only for keys that you compared some other way.")
def trust(hosts: tuple[str, ...], path: Path, yes: bool) -> int:
    """Fetch the key of each HOST (a name or a glob), show its fingerprint, and pin it in known_hosts.

    Compare the fingerprint with what `ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` says on the host itself:
    whoever answers in its place shows a key too. Exit code 3 when a key could not be fetched or pinned.
    """
    from secaudit.cli.targets import Selection, choose
    from secaudit.transport.interface import TransportError

    missed = False
    for host in choose((), Selection(path, hosts=hosts)).hosts:
        try:
            _trust(host, yes)
        except TransportError as error:
            click.echo(visible_line(f"{host.label}: {error}"), err=True)
            missed = True
    return Exit.INCOMPLETE if missed else Exit.FINE


def _trust(host: Host, yes: bool) -> None:
    from secaudit.model.inventory import TransportKind
    from secaudit.transport.trust import fetch_host_key, pin

    if host.transport is TransportKind.LOCAL:
        click.echo(f"{host.label}: is this machine, there is no key to pin")
        return
    key = fetch_host_key(host)
    click.echo(visible_line(f"{host.label}: {key.name} shows the {key.type} key {key.fingerprint}"))
    if yes or click.confirm("Is that the key of the host, and shall it be pinned?"):
        click.echo(visible_line(f"{host.label}: pinned in {pin(host, key)}"))
    else:
        click.echo(f"{host.label}: not pinned")


def _counted(inventory: Inventory) -> str:
    counts = (
        (len(inventory.customers), "customer"),
        (sum(len(customer.sites) for customer in inventory.customers), "site"),
        (len(inventory.hosts), "host"),
    )
    return ", ".join(counted(count, noun) for count, noun in counts)


def _joined(words: Iterable[str]) -> str:
    return ", ".join(sorted(words))


def _plain(host: Host) -> dict[str, object]:
    return {
        "customer": host.customer,
        "site": host.site,
        "host": host.name,
        "address": host.address,
        "transport": host.transport.value,
        "tags": sorted(host.tags),
        "baselines": list(host.baselines),
        "user": host.ssh.user,
        "port": host.ssh.port,
        "jump": list(host.ssh.jump),
    }
