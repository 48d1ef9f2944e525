"""`secaudit export`: what is known about a host in the formats of other tools; families bring the formats."""

from __future__ import annotations

from importlib.metadata import entry_points

import click

from secaudit.cli.exits import CommandError

GROUP = "secaudit.exports"
"""The entry-point group; an entry is called like its command and names a click command."""


class _Exports(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's own signature
        return sorted({entry.name for entry in entry_points(group=GROUP)})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's own signature
        for entry in entry_points(group=GROUP, name=cmd_name):
            try:
                found = entry.load()
            except Exception as error:
                message = f"the export {cmd_name!r} could not be loaded: {type(error).__name__}: {error}"
                raise CommandError(message) from error
            if not isinstance(found, click.Command):
                raise CommandError(f"what is installed as the export {cmd_name!r} is not a click command")
            return found
        return None


@click.group(cls=_Exports)
def command() -> None:
    """Write what is known about a host in the formats of other tools."""
