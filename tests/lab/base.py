"""The root file system that all lab hosts share as their lower layer: built once, kept in a cache."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.lab.errors import LabError

PACKAGES = (
    "borgbackup",
    "iproute2",
    "iptables",
    "libfaketime",
    "mount",
    "nftables",
    "openssh-server",
    "procps",
    "restic",
    "socat",
    "sudo",
)
LEFT_OUT = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*", "/usr/share/info/*")
USER = "audit"
"""The unprivileged account on every host; it has no password and no sudo rule of its own."""
SETUP = f"""
set -eu
rm -f /etc/ssh/ssh_host_*
useradd --create-home --shell /bin/bash --password '*' {USER}
useradd --system --no-create-home --shell /usr/sbin/nologin web
"""
REVISION = 1
"""Raise it when the code below makes another root from the same constants."""


def cache() -> Path:
    """Where built roots are kept: `$SECAUDIT_LAB_CACHE`, else below the user's cache directory."""
    chosen = os.environ.get("SECAUDIT_LAB_CACHE")
    return Path(chosen) if chosen else Path.home() / ".cache" / "secaudit" / "lab"


def base() -> Path:
    """The shared root, built when it is not in the cache (about half a minute, needs the distribution's mirror)."""
    codename, sources = _distribution()
    recipe = repr((REVISION, PACKAGES, LEFT_OUT, SETUP, codename, sources))
    root = cache() / f"base-{hashlib.sha256(recipe.encode()).hexdigest()[:16]}"
    with locked(cache() / "base.lock"):
        if not root.exists():
            _build(root, codename, sources)
    return root


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file `path`; it is made when missing and stays behind."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _distribution() -> tuple[str, tuple[str, ...]]:
    """This machine's codename and its own release, update and security sources as one-line entries.

    apt itself reads its configuration here, whatever format the files have; sources of third parties have other
    suites and are left out.
    """
    found = re.search(r'^VERSION_CODENAME="?(\w+)', Path("/etc/os-release").read_text(), re.MULTILINE)
    if not found:
        raise LabError("/etc/os-release names no VERSION_CODENAME; the lab needs Debian or a derivative")
    codename = found[1]
    rows = _sources(codename)
    if not any(row.split()[1] == f"{codename}-security" for row in rows):
        raise LabError(f"this machine's apt has no source for {codename}-security")
    return codename, tuple(f"deb {row}" for row in rows)


def _sources(codename: str) -> list[str]:
    """`URI SUITE COMPONENT` of each of the distribution's own sources that apt is configured with.

    `--no-release-info` lists what is configured, not what was fetched (apt-get(8)): a machine whose package lists are
    missing, or older than a source, is asked the same question.
    """
    form = "$(REPO_URI) $(RELEASE) $(COMPONENT)"
    argv = ["apt-get", "indextargets", "--no-release-info", "--format", form, "Created-By: Packages"]
    listed = subprocess.run(argv, check=True, capture_output=True, text=True)
    wanted = {codename, f"{codename}-updates", f"{codename}-security"}
    return sorted({line for line in listed.stdout.splitlines() if len(line.split()) == 3 and line.split()[1] in wanted})


def _build(root: Path, codename: str, sources: tuple[str, ...]) -> None:
    partial = root.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    argv = [
        "mmdebstrap",
        "--quiet",
        "--mode=root",
        "--variant=apt",
        "--skip=cleanup/apt/lists",
        f"--include={','.join(PACKAGES)}",
        '--aptopt=APT::Install-Recommends "false"',
        '--aptopt=Acquire::Languages "none"',
        *(f"--dpkgopt=path-exclude={pattern}" for pattern in LEFT_OUT),
        f'--customize-hook=chroot "$1" sh -c {_quoted(SETUP)}',
        codename,
        str(partial),
        *sources,
    ]
    made = subprocess.run(argv, capture_output=True, text=True, check=False)
    if made.returncode:
        shutil.rmtree(partial, ignore_errors=True)
        raise LabError(f"mmdebstrap could not build the lab's root:\n{made.stderr[-4000:]}")
    trim_lists(partial)
    partial.rename(root)


def _quoted(script: str) -> str:
    return "'" + script.replace("'", "'\\''") + "'"


def trim_lists(root: Path) -> None:
    """Cut apt's package lists down to what is installed.

    `apt-get -s upgrade` says the same as with whole lists but needs 30 ms instead of 800, and a host can set its
    lists' times without 50 MB of them being copied into its own layer.
    """
    status = (root / "var/lib/dpkg/status").read_text()
    installed = set(re.findall(r"^Package: (.+)$", status, re.MULTILINE))
    for file in (root / "var/lib/apt/lists").glob("*_Packages"):
        stanzas = file.read_text().split("\n\n")
        kept = [stanza for stanza in stanzas if stanza.partition("\n")[0].removeprefix("Package: ") in installed]
        file.write_text("".join(f"{stanza}\n\n" for stanza in kept))
