"""`secaudit keys`: the key that reports are signed with."""

from __future__ import annotations

from pathlib import Path

import click

from secaudit.cli.exits import Exit


@click.group()
def command() -> None:
    """Make and show the keys that reports and bundles are signed with."""


@command.command()
@click.argument("path", type=click.Path(path_type=Path, dir_okay=False))
def new(path: Path) -> int:
    """Make an Ed25519 key. PATH is for you alone, PATH.pub for everyone who verifies.

    Both are PEM files as OpenSSL writes them. Nothing that is there already is replaced.
    """
    from secaudit.model.signing import SigningKey

    key = SigningKey.new()
    public = key.write(path)
    click.echo(f"{path}: keep it secret, and keep a copy: without it nothing more can be signed as you")
    click.echo(f"{public}: give it to those who verify, and tell them {key.public.id}")
    return Exit.FINE


@command.command()
@click.argument("path", type=click.Path(path_type=Path, dir_okay=False))
def show(path: Path) -> int:
    """Print the id of a public key, for comparing it over another way."""
    from secaudit.model.signing import PublicKey

    click.echo(PublicKey.read(path).id)
    return Exit.FINE
