"""Finding the contracts and waivers that go with an inventory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

if TYPE_CHECKING:
    from secaudit.model.contract import Contract, Contracts
    from secaudit.model.delivery import DeliveryPlan
    from secaudit.model.tracker import TrackerConfig
    from secaudit.model.waiver import WaiverGrant

F = TypeVar("F", bound=Callable[..., object])

_PATH = click.Path(path_type=Path)
CONTRACTS, DELIVERY, TRACKERS, WAIVERS = "contracts", "delivery", "trackers", "waivers"
"""The directories that are looked for."""

HERE = Path("inventory")
"""Where an inventory would lie, for commands that take none."""


def contracts_option(function: F) -> F:
    """`--contracts PATH`, also from the environment."""
    return click.option(
        "--contracts",
        envvar="SECAUDIT_CONTRACTS",
        type=_PATH,
        help="Contract file, or a directory of them [default: contracts/ beside the inventory].",
    )(function)


def waivers_option(function: F) -> F:
    """`--waivers PATH`, also from the environment."""
    return click.option(
        "--waivers",
        envvar="SECAUDIT_WAIVERS",
        type=_PATH,
        help="Waiver file, or a directory of them [default: waivers/ beside the inventory].",
    )(function)


def trackers_option(function: F) -> F:
    """`--trackers PATH`, also from the environment."""
    return click.option(
        "--trackers",
        envvar="SECAUDIT_TRACKERS",
        type=_PATH,
        help="Tracker file, or a directory of them [default: trackers/ beside the inventory].",
    )(function)


def delivery_option(function: F) -> F:
    """`--delivery PATH`, also from the environment."""
    return click.option(
        "--delivery",
        envvar="SECAUDIT_DELIVERY",
        type=_PATH,
        help="Delivery file, or a directory of them [default: delivery/ beside the inventory].",
    )(function)


def find(name: str, given: Path | None, inventory: Path | None) -> Path | None:
    """What was given, else the directory `name` beside the inventory or beside its directory; None when there is none.

    A directory that nobody named counts only when it holds a YAML file. The inventory need not exist:
    `Path("inventory")` finds what lies here.
    """
    if given is not None or inventory is None:
        return given
    places = (inventory.parent, inventory.absolute().parent.parent)
    return next((place / name for place in places if any((place / name).glob("*.yaml"))), None)


# Reading a kind of file takes a tenth of a second to import, so it is left alone where there is none.


def read_contracts(given: Path | None, inventory: Path | None) -> Contracts:
    """The contracts that go with an inventory; none when there is no such file. Raises ConfigError."""
    from secaudit.model.contract import Contracts

    path = find(CONTRACTS, given, inventory)
    if path is None:
        return Contracts(())
    from secaudit.config.contract import load_contracts

    return load_contracts(path)


def read_resolved(given: Path | None, inventory: Path | None) -> Contracts:
    """The contracts that go with an inventory, checked against it where there is one.

    Raises ConfigError, also for a customer or host that a contract names and the inventory does not.
    """
    promised = read_contracts(given, inventory)
    if promised.all and inventory is not None and inventory.exists():
        refuse_unresolved(promised, inventory)
    return promised


def refuse_unresolved(promised: Contracts, inventory: Path) -> None:
    """Raise ConfigError when contracts name what an inventory does not have, or it cannot be read."""
    from datetime import UTC, datetime

    from secaudit.config.contract_references import unresolved
    from secaudit.config.errors import ConfigError, in_file_order
    from secaudit.config.inventory import load_inventory

    today = datetime.now(UTC).date()
    problems = list(unresolved(promised, load_inventory(inventory), today, is_whole=inventory.is_dir()))
    if problems:
        raise ConfigError(in_file_order(problems))


def contracts_of(customer: str, given: Path | None) -> tuple[Contract, ...]:
    """The contracts of a customer, the oldest first. Raises ConfigError, and CommandError when there is none."""
    from secaudit.cli.exits import CommandError
    from secaudit.config.errors import closest

    promised = read_contracts(given, HERE)
    mine = promised.of(customer)
    if not mine:
        hint = closest(customer, {contract.customer for contract in promised.all}) or "see --contracts"
        raise CommandError(f"there is no contract of {customer}; {hint}")
    return mine


def read_delivery(given: Path | None, inventory: Path | None) -> DeliveryPlan:
    """Where messages go; nowhere when there is no such file. Raises ConfigError."""
    from secaudit.model.delivery import DeliveryPlan

    path = find(DELIVERY, given, inventory)
    if path is None:
        return DeliveryPlan((), ())
    from secaudit.config.delivery import load_delivery

    return load_delivery(path)


def read_trackers(given: Path | None, inventory: Path | None) -> tuple[TrackerConfig, ...]:
    """The trackers that go with an inventory; none when there is no such file. Raises ConfigError."""
    path = find(TRACKERS, given, inventory)
    if path is None:
        return ()
    from secaudit.config.trackers import load_trackers

    return load_trackers(path)


def read_waivers(given: Path | None, inventory: Path | None) -> tuple[WaiverGrant, ...] | None:
    """The waivers that go with an inventory; None when there is no such file. Raises ConfigError."""
    path = find(WAIVERS, given, inventory)
    if path is None:
        return None
    from secaudit.config.waivers import load_waivers

    return load_waivers(path)
