"""`secaudit checks`: what can be checked, and the page of each check."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import click

from secaudit.cli.exits import CommandError, Exit
from secaudit.cli.options import plugins_option
from secaudit.model.safe_text import visible


@click.group()
def command() -> None:
    """List the checks and show their pages."""


@command.command("list")
@click.option("--family", help="Only this family.")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable, with the JSON Schema of each expectation.")
@plugins_option
def list_(family: str | None, as_json: bool, plugins: tuple[Path, ...]) -> int:
    """List every check with its default severity."""
    from secaudit.plugins import discover

    registry = discover(plugins)
    checks = sorted(
        (check for check in registry.checks.values() if family in (None, check.family)), key=lambda check: check.id
    )
    if as_json:
        click.echo(
            json.dumps(
                [
                    {
                        "id": check.id,
                        "title": check.title,
                        "description": check.description,
                        "severity": check.severity.value,
                        "references": check.references,
                        "expect": check.expect.model_json_schema(),
                    }
                    for check in checks
                ],
                indent=2,
            )
        )
    else:
        width = max((len(check.id) for check in checks), default=0)
        for check in checks:
            click.echo(f"{check.id:<{width}}  {check.severity.value:<8}  {check.title}")
    _complain(registry.broken.values())
    if family is not None and not checks:
        raise CommandError(f"there is no family {family!r}; there are: {', '.join(sorted(registry.families))}")
    return Exit.FINE


@command.command()
@click.argument("check_id", metavar="ID")
@plugins_option
def show(check_id: str, plugins: tuple[Path, ...]) -> int:
    """Show the page of one check: what it proves, how, and what it expects."""
    from difflib import get_close_matches

    from secaudit.plugins import discover

    registry = discover(plugins)
    check = registry.checks.get(check_id)
    if check is None:
        close = get_close_matches(check_id, registry.checks, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else "; see `secaudit checks list`"
        broken = registry.broken.get(check_id.partition(".")[0])
        raise CommandError(broken or f"there is no check {check_id!r}{hint}")
    page = registry.families[check.family].page(check)
    click.echo(
        visible(page or f"# {check.id}\n\n{check.title}\n\n{check.description}\n\n{check.remediation}\n"), nl=False
    )
    return Exit.FINE


def _complain(broken: Iterable[str]) -> None:
    for reason in broken:
        click.echo(visible(reason), err=True)
