"""`secaudit init`: a commented example set of the files that people write."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

import click

from secaudit.cli.exits import CommandError, Exit
from secaudit.model.safe_text import visible_line


@click.command()
@click.argument("directory", default=".", type=click.Path(path_type=Path, file_okay=False))
def command(directory: Path) -> int:
    """Write commented examples of every file that people write into DIRECTORY (here unless given).

    Nothing is overwritten: when one of the files is there already, none is written.
    """
    examples = dict(_examples(resources.files("secaudit.config").joinpath("examples"), Path()))
    there = [directory / name for name in examples if (directory / name).exists()]
    if there:
        raise CommandError(f"there already, nothing was written: {', '.join(map(str, there))}")
    for name, content in examples.items():
        path = directory / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("xb") as file:
                file.write(content)
        except OSError as error:
            raise CommandError(f"cannot write {path}: {error.strerror}") from None
        click.echo(visible_line(f"wrote {path}"))
    click.echo(visible_line(f"Go on with: secaudit inventory validate {directory / 'inventory'}"))
    return Exit.FINE


def _examples(folder: Traversable, below: Path) -> Iterator[tuple[Path, bytes]]:
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir():
            yield from _examples(entry, below / entry.name)
        else:
            yield below / entry.name, entry.read_bytes()
