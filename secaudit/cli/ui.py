"""`secaudit ui`: the terminal dashboard."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import click

from secaudit.cli.exits import CommandError, Exit
from secaudit.cli.options import plugins_option, store_option
from secaudit.cli.service_files import contracts_option, trackers_option, waivers_option
from secaudit.model.errors import UserError

THEMES = ("dark", "light", "high-contrast", "mono")


@click.command()
@click.option("--read-only", is_flag=True, help="Change nothing and start nothing.")
@click.option(
    "--inventory",
    envvar="SECAUDIT_INVENTORY",
    type=click.Path(path_type=Path),
    help="Inventory file, or a directory of them; hosts can be checked again with it.",
)
@click.option(
    "--schedules",
    envvar="SECAUDIT_SCHEDULES",
    type=click.Path(path_type=Path),
    default=Path("schedules"),
    show_default=True,
    help="Directory with a YAML file per schedule; the fleet screen shows what comes next.",
)
@click.option("--theme", type=click.Choice(THEMES), default="dark", show_default=True, help="Colours.")
@click.option("--serve", "served", is_flag=True, help="Serve it to a browser instead of opening it here.")
@click.option("--serve-host", default="127.0.0.1", show_default=True, help="Address to serve at.")
@click.option("--serve-port", type=click.IntRange(1, 65535), default=8642, show_default=True, help="Port to serve at.")
@click.option("--serve-anywhere", is_flag=True, help="Serve at an address that others reach: they act as you.")
@contracts_option
@waivers_option
@trackers_option
@store_option
@plugins_option
def command(
    read_only: bool,
    inventory: Path | None,
    schedules: Path,
    theme: str,
    served: bool,
    serve_host: str,
    serve_port: int,
    serve_anywhere: bool,
    contracts: Path | None,
    waivers: Path | None,
    trackers: Path | None,
    store_url: str | None,
    plugins: tuple[Path, ...],
) -> int:
    """Open the terminal dashboard: customers, hosts, findings, evidence; ? shows the keys.

    It reads the store. What changes something (a re-check, an acknowledgement, a waiver) asks first.
    """
    if served:
        from secaudit.cli.ui_serve import serve

        places: dict[str, Path | str | None] = {
            "--inventory": inventory,
            "--contracts": contracts,
            "--waivers": waivers,
        }
        places |= {"--trackers": trackers, "--store": store_url, "--schedules": schedules, "--theme": theme}
        arguments = [part for name, value in places.items() if value is not None for part in (name, str(value))]
        arguments += [part for path in plugins for part in ("--plugins", str(path))]
        arguments += ["--read-only"] if read_only else []
        serve(arguments, serve_host, serve_port, anywhere=serve_anywhere)
        return Exit.FINE
    from secaudit.cli.stored import read_store
    from secaudit.cli.ui_services import Sources, make_services, may_write, state_directory
    from secaudit.plugins import discover
    from secaudit.store import default_url
    from secaudit.tui.app import Dashboard

    state = state_directory()
    from secaudit.config.paths import has_yaml

    # A directory without a schedule is as good as none: it is no reason to stop.
    coming = schedules if schedules.is_dir() and has_yaml(schedules) else None
    sources = Sources(store_url or default_url(), inventory, contracts, waivers, state, coming, trackers)
    with ExitStack() as stack:
        store = read_store(store_url, stack)
        read_only = read_only or not may_write(sources.store_url)
        services = make_services(sources, discover(plugins), read_only=read_only)
        views = state / "views.json"
        dashboard = Dashboard(store, services, read_only=read_only, views=views, theme=theme)
        dashboard.run()
    if isinstance(dashboard.crash, UserError):
        raise CommandError(f"the dashboard ended: {dashboard.crash}", Exit.INTERNAL)
    if dashboard.crash is not None:
        raise dashboard.crash
    return Exit.FINE
