"""`secaudit ui`: the terminal dashboard."""

from __future__ import annotations

from contextlib import ExitStack

import click

from secaudit.cli.exits import Exit
from secaudit.cli.options import store_option


@click.command()
@store_option
def command(store_url: str | None) -> int:
    """Open the terminal dashboard: customers, hosts, results, evidence. It reads the store and changes nothing."""
    from secaudit.cli.stored import read_store
    from secaudit.tui.app import Dashboard

    with ExitStack() as stack:
        Dashboard(read_store(store_url, stack)).run()
    return Exit.FINE
