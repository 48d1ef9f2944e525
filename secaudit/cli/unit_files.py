"""Options and output that commands share which write systemd units."""

from __future__ import annotations

import os
import pwd
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from secaudit.cli.exits import CommandError, Exit

if TYPE_CHECKING:
    from secaudit.fleet.units import Work

F = TypeVar("F", bound=Callable[..., object])


def unit_options(function: F) -> F:
    """`--user` and `--out`."""
    kind = click.Path(path_type=Path, file_okay=False)
    out = click.option("--out", type=kind, help="Write files here instead of printing.")
    return click.option("--user", help="The account that it runs as [default: you].")(out(function))


def write_units(
    arguments: Sequence[str],
    user: str | None,
    work: Work,
    out: Path | None,
    *,
    before: Sequence[str] = (),
    writes: Sequence[Path] = (),
) -> Exit:
    """Print or write the service and timer that run secaudit with these arguments, see `secaudit.fleet.units.units`.

    Raises CommandError for a user or argument that a unit cannot hold.
    """
    from secaudit.fleet.units import units

    program = [sys.executable, "-m", "secaudit"]
    try:
        made = units(
            [*program, *arguments],
            user or pwd.getpwuid(os.geteuid()).pw_name,
            work,
            before=[*program, *before] if before else (),
            writes=writes,
        )
    except ValueError as error:
        raise CommandError(str(error)) from None
    for name, text in made.items():
        if out is None:
            click.echo(f"# {name}\n{text}")
        else:
            out.mkdir(parents=True, exist_ok=True)
            (out / name).write_text(text, encoding="utf-8")
            click.echo(out / name)
    return Exit.FINE
