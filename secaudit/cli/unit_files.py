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
    store_url: str | None = None,
) -> Exit:
    """Print or write the service and timer that run secaudit with these arguments, see `secaudit.fleet.units.units`.

    `writes` are directories that the service writes to. The directory of the store that was named is one of them.
    Raises CommandError for a user or argument that a unit cannot hold.
    """
    from secaudit.fleet.units import units

    writes = tuple(dict.fromkeys([*writes, *_folder_of(store_url)]))
    for missing in (path for path in writes if not path.is_dir()):
        click.echo(f"{missing} has to be made first: a service cannot begin to write to what is not there", err=True)
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


def named_store(store_url: str | None) -> list[str]:
    """The option for the store, by an absolute path: a service runs in a directory of its own."""
    folder = _folder_of(store_url)
    if not folder or store_url is None:
        return ["--store", store_url] if store_url else []
    return ["--store", str(folder[0] / Path(_file_of(store_url)).name)]


def _folder_of(store_url: str | None) -> tuple[Path, ...]:
    """Where SQLite writes: the file, and its log beside it. Nothing for a server, or for the default store."""
    file = _file_of(store_url) if store_url else ""
    return (Path(file).resolve().parent,) if file else ()


def _file_of(store_url: str) -> str:
    from secaudit.store.connect import parse_url

    parsed = parse_url(store_url)
    return (parsed.database or "") if parsed.get_backend_name() == "sqlite" else ""
