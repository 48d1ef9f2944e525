"""`secaudit schema`: the JSON Schemas of the files that people write and programs read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from secaudit.cli.exits import Exit
from secaudit.cli.options import plugins_option

RESULTS = "results"
_WHAT = {
    "inventory": "customers, sites and hosts",
    "baseline": "controls that hosts are held against",
    "schedule": "recurring scans",
    "contract": "what is promised to a customer",
    "delivery": "who is told what",
    "feeds": "where advisories are fetched from",
    "tracker": "how findings become issues of a tracker",
    "waivers": "deviations that are accepted for a while",
    RESULTS: "results.json, as a scan writes it",
}


@click.command()
@click.argument("name", required=False, type=click.Choice(list(_WHAT)))
@plugins_option
def command(name: str | None, plugins: tuple[Path, ...]) -> int:
    """Print the JSON Schema of a file format; without NAME list the formats.

    Editors complete and check a file that begins with the name of its schema:

    \b
      # yaml-language-server: $schema=inventory.schema.json
    """
    if name is None:
        for known, what in _WHAT.items():
            click.echo(f"{known:<10} {what}")
    else:
        click.echo(json.dumps(_schema(name, plugins), indent=2, ensure_ascii=False))
    return Exit.FINE


def _schema(name: str, plugins: tuple[Path, ...]) -> Mapping[str, Any]:
    if name == RESULTS:
        from secaudit.export.results import schema as results_schema

        return results_schema()
    from secaudit.config.schemas import schema
    from secaudit.plugins import discover

    return schema(name, discover(plugins).checks)
