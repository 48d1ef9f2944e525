"""`secaudit doctor`: whether this machine can scan, and what to do where it can't."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import click

from secaudit.cli.exits import Exit
from secaudit.cli.options import plugins_option, store_option
from secaudit.model.safe_text import visible_line


class Finding(NamedTuple):
    """What one examination says: whether it is fine, what was seen, and what to do otherwise."""

    fine: bool
    subject: str
    seen: str
    advice: str = ""


@click.command()
@store_option
@plugins_option
def command(store_url: str | None, plugins: tuple[Path, ...]) -> int:
    """Check that this machine can scan: nmap, privileges, ssh agent and keys, clock, store, plugins, feeds.

    Exit code 0 when everything is there, 3 when something is missing that a scan may need.
    """
    examinations: tuple[Callable[[], Finding], ...] = (
        _nmap,
        _privileges,
        _agent,
        _known_hosts,
        _clock,
        lambda: _store(store_url),
        lambda: _plugins(plugins),
        lambda: _feeds(plugins),
    )
    found = [examine() for examine in examinations]
    width = max(len(finding.subject) for finding in found)
    for finding in found:
        mark = "ok  " if finding.fine else "LACK"
        click.echo(f"{mark}  {finding.subject:<{width}}  {visible_line(finding.seen)}")
        if not finding.fine:
            click.echo(f"      {'':<{width}}  → {finding.advice}")
    return Exit.FINE if all(finding.fine for finding in found) else Exit.INCOMPLETE


def _nmap() -> Finding:
    path = shutil.which("nmap")
    if path is None:
        return Finding(False, "nmap", "not found", "install it: apt-get install nmap; port scans are unproven without")
    try:
        ran = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return Finding(False, "nmap", f"{path} does not run: {error}", "reinstall it: apt-get install --reinstall nmap")
    return Finding(True, "nmap", f"{path}: {ran.stdout.splitlines()[0] if ran.stdout else 'unknown version'}")


def _privileges() -> Finding:
    if os.geteuid() == 0:
        return Finding(True, "privileges", "root: nmap uses SYN scans, `scan local` sees everything")
    return Finding(
        True, "privileges", "an ordinary user: nmap uses connect scans, `scan local` needs sudo for some checks"
    )


def _agent() -> Finding:
    import paramiko

    socket = os.environ.get("SSH_AUTH_SOCK")
    if not socket:
        return Finding(True, "ssh agent", "none (key files and passwords still work)")
    agent = paramiko.Agent()
    try:
        keys = len(agent.get_keys())
    finally:
        agent.close()
    if keys:
        return Finding(True, "ssh agent", f"{keys} keys in {socket}")
    return Finding(False, "ssh agent", f"no key in {socket}", "ssh-add the key that the hosts know")


def _known_hosts() -> Finding:
    path = Path.home() / ".ssh" / "known_hosts"
    if path.is_file():
        return Finding(True, "host keys", f"{path}")
    return Finding(
        False, "host keys", f"{path} does not exist", "pin your hosts: secaudit inventory trust --inventory FILE HOST"
    )


def _clock() -> Finding:
    now = datetime.now(UTC)
    seen = f"{now:%Y-%m-%d %H:%M:%S} UTC"
    for argv in (["timedatectl", "show", "-p", "NTPSynchronized", "--value"], ["chronyc", "-c", "tracking"]):
        answer = _first_line(argv)
        if answer == "yes" or (argv[0] == "chronyc" and answer and not answer.startswith("00000000")):
            return Finding(True, "clock", f"{seen}, synchronised according to {argv[0]}")
    return Finding(
        False,
        "clock",
        f"{seen}, no proof of synchronisation",
        "run chrony or systemd-timesyncd: skews are measured by this clock",
    )


def _first_line(argv: list[str]) -> str:
    try:
        ran = subprocess.run(argv, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return next(iter(ran.stdout.splitlines()), "") if ran.returncode == 0 else ""


def _store(url: str | None) -> Finding:
    from secaudit.store import StoreError, default_url, open_store

    place = url or default_url()
    try:
        with closing(open_store(place)) as store:
            runs = len(store.runs(limit=1))
    except StoreError as error:
        return Finding(False, "store", str(error), "give another one with --store, or mend it")
    return Finding(True, "store", f"{place}{'' if runs else ' (no run yet)'}")


def _plugins(directories: tuple[Path, ...]) -> Finding:
    from secaudit.plugins import discover

    registry = discover(directories)
    seen = f"{len(registry.checks)} checks in {len(registry.families)} families"
    if registry.broken:
        return Finding(
            False, "plugins", f"{seen}; {'; '.join(registry.broken.values())}", "mend or remove the broken plugin"
        )
    return Finding(True, "plugins", seen)


def _feeds(directories: tuple[Path, ...]) -> Finding:
    from secaudit.api import Unproven, default_feeds
    from secaudit.engine.reference import open_source
    from secaudit.plugins import discover

    place = default_feeds()
    sources = [open_source(reference, place) for reference in discover(directories).references.values()]
    broken = [str(source) for source in sources if isinstance(source, Unproven)]
    if broken:
        return Finding(False, "feeds", broken[0], "import them again: secaudit feed import FILE")
    stamps = {stamp for source in sources if not isinstance(source, Unproven) for stamp in source.stamps}
    if not stamps:
        return Finding(True, "feeds", f"none in {place}; only controls that need them stay unproven")
    oldest = min(stamps, key=lambda stamp: stamp.at)
    return Finding(True, "feeds", f"{len(stamps)} in {place}, the oldest is {oldest.name} of {oldest.at:%Y-%m-%d}")
