"""Roots of Debian releases as of their last point release: the security suite is known and nothing of it installed."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.lab.base import cache, locked, trim_lists

MIRROR = "http://deb.debian.org"
PACKAGES = ("curl", "libxml2", "openssl", "perl", "python3-minimal", "sudo")
"""Installed on top of the essential ones: their security updates are frequent."""
TOOLS = ("pacman-package-manager", "python3", "rpm")
"""Package managers of other distributions, as far as tests run them."""


def release_root(codename: str) -> Path:
    """The root of a release, with the lists of its main and of its security suite; built when it is not in the cache.

    Skips where it cannot be built for want of root or of a mirror; in CI that is a failure.
    """
    hooks = (
        f"echo 'deb {MIRROR}/debian-security {codename}-security main' > \"$1/etc/apt/sources.list.d/security.list\"",
        'APT_CONFIG="$MMDEBSTRAP_APT_CONFIG" apt-get -qq -o Acquire::Check-Valid-Until=false update',
    )
    return _built(codename, PACKAGES, hooks)


def tools_root() -> Path:
    """A bookworm root with `TOOLS`, for what they print."""
    return _built("bookworm", TOOLS, ())


def _built(codename: str, packages: tuple[str, ...], hooks: tuple[str, ...]) -> Path:
    if os.geteuid() != 0 or shutil.which("mmdebstrap") is None:
        _give_up("roots of other releases need root and mmdebstrap")
    recipe = repr((codename, packages, hooks, MIRROR))
    root = cache() / f"{codename}-{hashlib.sha256(recipe.encode()).hexdigest()[:12]}"
    with locked(cache() / f"{codename}.lock"):
        if root.exists():
            return root
        partial = root.with_suffix(".partial")
        shutil.rmtree(partial, ignore_errors=True)
        argv = [
            *("mmdebstrap", "--quiet", "--mode=root", "--variant=apt", "--skip=cleanup/apt/lists"),
            *('--aptopt=Acquire::Languages "none"', '--aptopt=APT::Install-Recommends "false"'),
            *("--dpkgopt=path-exclude=/usr/share/doc/*", "--dpkgopt=path-exclude=/usr/share/locale/*"),
            f"--include={','.join(packages)}",
            *(f"--customize-hook={hook}" for hook in hooks),
            *(codename, str(partial), f"deb {MIRROR}/debian {codename} main"),
        ]
        made = subprocess.run(argv, capture_output=True, text=True, check=False)
        if made.returncode:
            shutil.rmtree(partial, ignore_errors=True)
            _give_up(f"no root of {codename} from {MIRROR}: {made.stderr.strip()[-500:]}")
        trim_lists(partial)
        partial.rename(root)
    return root


def _give_up(reason: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)
