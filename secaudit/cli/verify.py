"""`secaudit verify`: whether reports, bundles and the store are as they were."""

from __future__ import annotations

import re
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from secaudit.cli.exits import CommandError, Exit
from secaudit.cli.options import store_option
from secaudit.model.counted import counted
from secaudit.model.safe_text import visible_line

if TYPE_CHECKING:
    from secaudit.export.attestation import Attested
    from secaudit.store import Store

SHOWN = 50
"""Places that are named when the store is not as it was; more of them tell nothing more."""

_BAD_TO_WORSE = (Exit.FINE, Exit.INCOMPLETE, Exit.FINDINGS)
"""Of several files one that was changed is the news, and not one about which nothing can be told."""


@click.command()
@click.argument("files", nargs=-1, metavar="[FILE|BUNDLE]...", type=click.Path(path_type=Path))
@click.option(
    "--key",
    "keys",
    multiple=True,
    envvar="SECAUDIT_TRUSTED_KEY",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Public key that is trusted; may be repeated.",
)
@click.option("--against-store", is_flag=True, help="Also look for what FILE was made from in the store.")
@click.option("--anchor", metavar="DIGEST", help="The last digest of the store's chain as it was kept elsewhere.")
@store_option
def command(
    files: tuple[Path, ...], keys: tuple[Path, ...], against_store: bool, anchor: str | None, store_url: str | None
) -> int:
    """Tell whether reports and bundles are as they were signed, and without FILE whether the store is as it was stored.

    FILE is a report or results.json with its statement (FILE.intoto.json) beside it, BUNDLE a directory that
    `scan --record --sign` wrote. Exit code 1 when something was changed, 3 when it cannot be told.
    """
    with ExitStack() as stack:
        if not files:
            return _whole_store(_opened(store_url, stack), anchor)
        if anchor is not None:
            raise CommandError("--anchor is about the store as a whole: leave FILE out")
        if not keys:
            raise CommandError("whom do you trust? Give --key PUBLIC, which you did not get together with the file")
        if any(_is_store(path, store_url) for path in files):
            raise CommandError("that is the store itself: leave FILE out to verify it")
        store = _opened(store_url, stack) if against_store else None
        return max((_file(path, keys, store) for path in files), key=_BAD_TO_WORSE.index)


def _tell(trouble: str) -> None:
    click.echo(visible_line(trouble), err=True)


def _is_store(path: Path, url: str | None) -> bool:
    """Whether a file is the SQLite file of the store: to read it beside SQLite would drop this process's locks."""
    from secaudit.store import default_url
    from secaudit.store.connect import parse_url

    parsed = parse_url(url or default_url())
    file = Path(parsed.database or "") if parsed.get_backend_name() == "sqlite" else None
    return file is not None and path.exists() and file.exists() and path.samefile(file)


def _opened(url: str | None, stack: ExitStack) -> Store:
    from secaudit.cli.stored import read_store

    return read_store(url, stack)


def _file(path: Path, keys: tuple[Path, ...], store: Store | None) -> Exit:
    from secaudit.export.attestation import check
    from secaudit.model.signing import PublicKey, SigningError, WrongSignatureError
    from secaudit.transcript.bundle import MANIFEST, read_bundle
    from secaudit.transcript.codec import TranscriptError

    trusted = [PublicKey.read(key) for key in keys]
    try:
        found = check(path / MANIFEST if path.is_dir() else path, trusted)
        if path.is_dir():
            read_bundle(path)
    except (WrongSignatureError, TranscriptError) as error:
        _tell(f"CHANGED  {error}")
        return Exit.FINDINGS
    except SigningError as error:
        _tell(f"UNPROVEN  {error}")
        return Exit.INCOMPLETE
    origin = found.origin
    click.echo(visible_line(f"{path}: as it was signed {origin.signed:%Y-%m-%d %H:%M} UTC with {found.key.id}"))
    runs = f"run {origin.runs[0]}" if len(origin.runs) == 1 else counted(len(origin.runs), "run")
    made_from = f"{runs} and {counted(len(origin.transcripts), 'transcript')}"
    click.echo(visible_line(f"  {origin.kind}, from {made_from}, secaudit {origin.version}"))
    return _from_store(found, store) if store is not None else Exit.FINE


def _from_store(found: Attested, store: Store) -> Exit:
    """Whether the store still holds what a file was made from, and its chain has only grown since."""
    origin = found.origin
    if origin.chain is None:
        _tell(f"UNPROVEN  {found.path}: signed without a store")
        return Exit.INCOMPLETE
    if not store.chain_holds(origin.chain[1], origin.chain[0]):
        _tell(f"CHANGED  {found.path}: the store's chain does not hold what it ended with then")
        return Exit.FINDINGS
    gone = store.lacking(origin.transcripts.values())
    for host, digest in origin.transcripts.items():
        if digest in gone:
            _tell(f"CHANGED  {found.path}: the transcript of {host} was changed or removed")
    if not gone:
        click.echo(f"  the store holds all of them, and its chain has only grown since link {origin.chain[0]}")
    return Exit.FINDINGS if gone else Exit.FINE


def _whole_store(store: Store, anchor: str | None) -> int:
    if anchor is not None and not re.fullmatch("[0-9a-f]{64}", anchor):
        raise CommandError(f"--anchor {anchor[:80]!r} is no digest: 64 hex digits, as `secaudit verify` prints them")
    verdict = store.verify_chain()
    for breach in verdict.breaches[:SHOWN]:
        _tell(f"CHANGED  {breach.where}: {breach.what}")
    if len(verdict.breaches) > SHOWN:
        _tell(f"… and {len(verdict.breaches) - SHOWN} more")
    is_cut = anchor is not None and not store.chain_holds(anchor)
    if is_cut:
        _tell(f"CHANGED  the store: its chain does not hold {anchor}; what was stored last then was removed")
    if verdict.head is None and is_cut:
        return Exit.FINDINGS
    if verdict.head is None:
        _tell("UNPROVEN  the store has no chain yet; it begins with the next scan")
        return Exit.INCOMPLETE
    links = counted(verdict.head.length, "link")
    click.echo(f"{counted(verdict.scans, 'scan')} of hosts in {links}, the last one {verdict.head.sha256}")
    if verdict.probes:
        click.echo(f"{counted(verdict.probes, 'probe')} of services")
    if verdict.older_probes:
        click.echo(
            f"{counted(verdict.older_probes, 'probe')} of services from before probes were in the chain, "
            "which covers them from the next probe of each service on"
        )
    if verdict.older:
        click.echo(f"{counted(verdict.older, 'scan')} from before the chain began, which says nothing of that time")
    return Exit.FINDINGS if verdict.breaches or is_cut else Exit.FINE
