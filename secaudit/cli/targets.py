"""From what stands on the command line to hosts: targets, or a selection from an inventory."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from urllib.parse import urlsplit

from secaudit.cli.exits import CommandError
from secaudit.config.baseline import BaselineLibrary
from secaudit.config.inventory import load_inventory
from secaudit.model.inventory import Host, Inventory, SshSettings, TransportKind

AD_HOC = "ad-hoc"
"""Customer and site of hosts that are named on the command line instead of in an inventory."""

AD_HOC_BASELINE = "linux-server"
"""What such a host is held against unless `--baseline` says otherwise."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which hosts of which inventory; an empty tuple means all."""

    inventory: Path | None = None
    customers: tuple[str, ...] = ()
    sites: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Targets:
    """The hosts to scan, the customers' names for people, and the languages that the customers of these hosts read."""

    hosts: tuple[Host, ...]
    names: Mapping[str, str]
    languages: frozenset[str] = frozenset()

    @property
    def language(self) -> str:
        """What a page about these hosts is written in: the customers' language when they share one, else English."""
        return next(iter(self.languages)) if len(self.languages) == 1 else "en"

    def held_against(self, baselines: tuple[str, ...]) -> Targets:
        """The same hosts with `baselines` instead of their own, if there are any."""
        if not baselines:
            return self
        return replace(self, hosts=tuple(replace(host, baselines=baselines) for host in self.hosts))

    def refuse_bare(self) -> Targets:
        """The same, if every host has a baseline; raises CommandError otherwise: a scan would prove nothing there."""
        bare = [host.label for host in self.hosts if not host.baselines]
        if bare:
            raise CommandError(f"these hosts have no baseline, so nothing would be checked: {', '.join(bare)}")
        return self


def choose(targets: Sequence[str], selection: Selection) -> Targets:
    """Hosts for the command line: either ad-hoc targets, or a selection from an inventory.

    Raises CommandError when there is neither, both, or nothing that matches; ConfigError for a broken inventory.
    """
    if targets and selection.inventory is not None:
        raise CommandError("name targets or choose from an inventory, not both")
    if targets:
        return Targets(tuple(parse_target(target) for target in targets), {AD_HOC: "Ad hoc"})
    if selection.inventory is None:
        raise CommandError("nothing to scan: name a target (`local`, `ssh://[user@]host[:port]`) or give --inventory")
    inventory = load_inventory(selection.inventory, BaselineLibrary().names())
    hosts = tuple(host for host in inventory.hosts if matches(host, selection))
    if not hosts:
        raise CommandError(f"no host of {selection.inventory} matches the selection")
    there = {host.customer for host in hosts}
    languages = frozenset(customer.language for customer in inventory.customers if customer.id in there)
    return Targets(hosts, customer_names(inventory), languages)


def customer_names(inventory: Inventory) -> Mapping[str, str]:
    """Customer id → name for people."""
    return {customer.id: customer.name for customer in inventory.customers}


def parse_target(target: str) -> Host:
    """A host from `local` or `ssh://[user@]host[:port]`. Raises CommandError for anything else."""
    if target == "local":
        return Host(
            AD_HOC,
            AD_HOC,
            platform.node() or "localhost",
            "localhost",
            TransportKind.LOCAL,
            baselines=(AD_HOC_BASELINE,),
        )
    try:
        parts = urlsplit(target)
        port = parts.port
    except ValueError as error:
        raise CommandError(f"{target!r} is not a target: {error}") from None
    if parts.scheme != "ssh" or not parts.hostname or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise CommandError(f"{target!r} is not a target; write `local` or `ssh://[user@]host[:port]`")
    if parts.password is not None:
        raise CommandError("a password does not belong in a target: use an inventory with `password: {env: NAME}`")
    return Host(
        AD_HOC,
        AD_HOC,
        parts.hostname,
        parts.hostname,
        baselines=(AD_HOC_BASELINE,),
        ssh=SshSettings(user=parts.username, port=port),
    )


def matches(host: Host, selection: Selection) -> bool:
    """Whether a host is one of those that were chosen."""
    return (
        (not selection.customers or host.customer in selection.customers)
        and (not selection.sites or host.site in selection.sites)
        and (not selection.hosts or any(fnmatchcase(host.name, pattern) for pattern in selection.hosts))
        and (not selection.tags or any(tag in host.tags for tag in selection.tags))
    )
