"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

from secaudit.model.severity import Severity

F = TypeVar("F", bound=Callable[..., object])


def plugins_option(function: F) -> F:
    """`--plugins DIR`, repeatable, also from the environment."""
    return click.option(
        "--plugins",
        multiple=True,
        envvar="SECAUDIT_PLUGINS",
        type=click.Path(path_type=Path, exists=True, file_okay=False),
        help="Directory with packages that define FAMILY.",
    )(function)


def store_option(function: F) -> F:
    """`--store URL`, also from the environment; None means the default store of this user."""
    return click.option(
        "--store",
        "store_url",
        envvar="SECAUDIT_STORE",
        metavar="URL",
        help="SQLAlchemy URL or path of the store [default: one SQLite file per user].",
    )(function)


def feeds_option(function: F) -> F:
    """`--feeds DIR`: reference data; None means the default directory."""
    return click.option(
        "--feeds",
        type=click.Path(path_type=Path, file_okay=False),
        help="Directory of imported feeds [default: $SECAUDIT_FEEDS, else one per user].",
    )(function)


def selection_options(function: F) -> F:
    """`--inventory`, `--customer`, `--site`, `--host`, `--tag`: which hosts of which inventory."""
    for option in (
        click.option("--tag", "tags", multiple=True, help="Only hosts with this tag."),
        click.option("--host", "hosts", multiple=True, help="Only hosts whose name matches this glob."),
        click.option("--site", "sites", multiple=True, help="Only this site."),
        click.option("--customer", "customers", multiple=True, help="Only this customer."),
        click.option(
            "--inventory",
            envvar="SECAUDIT_INVENTORY",
            type=click.Path(path_type=Path),
            help="Inventory file, or a directory of them.",
        ),
    ):
        function = option(function)
    return function


def baselines_option(function: F) -> F:
    """`--baseline B`, repeatable: a shipped name or a path; replaces what the inventory says."""
    return click.option(
        "--baseline",
        "baselines",
        multiple=True,
        metavar="NAME|PATH",
        help="Hold hosts against this baseline instead of the inventory's.",
    )(function)


def severity_choice() -> click.Choice[str]:
    """The names of the severities, as an option's type."""
    return click.Choice([severity.value for severity in Severity])


def format_names(_ctx: click.Context, _param: click.Parameter, value: str | None) -> tuple[str, ...]:
    """Callback that turns `html,json` into a tuple."""
    return tuple(name.strip() for name in value.split(",") if name.strip()) if value else ()
