"""Signing what commands write, and the option that asks for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from secaudit import __version__

if TYPE_CHECKING:
    from secaudit.model.run import HostRecord
    from secaudit.store import ChainHead

F = TypeVar("F", bound=Callable[..., object])


def sign_option(function: F) -> F:
    """`--sign KEY`, also from the environment: a private key in PEM."""
    return click.option(
        "--sign",
        "signing_key",
        envvar="SECAUDIT_SIGNING_KEY",
        type=click.Path(path_type=Path, dir_okay=False),
        help="Sign what is written with this private key (`secaudit keys new`).",
    )(function)


def transcripts(hosts: Iterable[HostRecord]) -> Mapping[str, str]:
    """The digest of each host's transcript, by customer and host; those without one are left out."""
    return {f"{host.customer}/{host.host}": host.transcript for host in hosts if host.transcript}


def sign_files(
    paths: Iterable[Path],
    key: Path,
    kind: str,
    runs: Iterable[str],
    hosts: Iterable[HostRecord],
    head: ChainHead | None,
    files: Mapping[str, str] | None = None,
) -> tuple[Path, ...]:
    """Write a signed statement beside each file, and return where. `files` are as `Origin` has them.

    Raises SigningError, CommandError."""
    from secaudit.cli.output import write_files
    from secaudit.export.attestation import Origin, attest, statement_path
    from secaudit.model.signing import SigningKey

    signer = SigningKey.read(key)
    chain = (head.length, head.sha256) if head else None
    origin = Origin(kind, __version__, datetime.now(UTC), tuple(runs), transcripts(hosts), chain, files or {})
    written: list[Path] = []
    for path in paths:
        beside = statement_path(path)
        written += write_files({beside.name: attest(path, origin, signer)}, beside.parent)
    return tuple(written)
