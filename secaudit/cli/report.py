"""`secaudit report`: write a stored run as HTML or data."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import click

from secaudit.cli.exits import Exit
from secaudit.cli.options import format_names, store_option


@click.command()
@click.option("--run", "run_id", metavar="RUN", help="A run of the store [default: the latest].")
@click.option("--customer", help="The latest run of this customer.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), default=Path("out"), show_default=True)
@click.option("--format", "names", callback=format_names, default="html,json", show_default=True)
@click.option("--list", "list_runs", is_flag=True, help="List the stored runs instead.")
@store_option
def command(
    run_id: str | None,
    customer: str | None,
    out: Path,
    names: tuple[str, ...],
    list_runs: bool,
    store_url: str | None,
) -> int:
    """Write a stored run as HTML or data, as the scan itself would have."""
    from secaudit.cli.output import formats, write
    from secaudit.cli.stored import read_store, stored_report

    with ExitStack() as stack:
        if list_runs:
            for overview in read_store(store_url, stack).runs(customer):
                run = overview.run
                state = f"finished {run.finished:%Y-%m-%d %H:%M} UTC" if run.finished else "interrupted"
                click.echo(
                    f"{run.id}  started {run.started:%Y-%m-%d %H:%M} UTC  "
                    f"{overview.recorded}/{overview.planned} hosts  {state}"
                )
            return Exit.FINE
        chosen = formats(names)
        report = stored_report(store_url, run_id, customer, stack)
    for path in write(report, chosen, out):
        click.echo(path)
    return Exit.FINE
