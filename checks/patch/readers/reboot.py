"""Reading whether packages asked for a reboot, and when kernels were unpacked."""

from __future__ import annotations

import re

from secaudit.api import Answer, Command

from ..facts import KernelUnpacked, RebootFlag
from .stamps import FIND_FORMAT, read_stamps

_PACKAGE = re.compile(r"[a-z0-9][a-z0-9.+-]*", re.ASCII)
_FLAG_NAMES = ("reboot-required", "reboot-needed")
"""Debian's and SUSE's."""

FLAG = Command(
    (
        *("find", "-H", "/run", "-maxdepth", "1", "-path", "/run", "-printf", FIND_FORMAT),
        *(word for name in _FLAG_NAMES for word in ("-o", "-name", name, "-printf", FIND_FORMAT)),
    ),
    refusals=("Permission denied",),
)
FLAG_PACKAGES = Command(("cat", "/run/reboot-required.pkgs"))
UNPACKED = Command(
    (
        *("find", "-H", "/var/lib/dpkg/info", "-maxdepth", "1", "-path", "/var/lib/dpkg/info", "-printf", FIND_FORMAT),
        *("-o", "-name", "linux-image-*.list", "-printf", FIND_FORMAT),
    ),
    refusals=("Permission denied",),
)


def read_flag_packages(answer: Answer) -> tuple[str, ...]:
    """The packages that asked for the reboot, each once; what is no package name is left out."""
    return tuple(dict.fromkeys(name for name in answer.text.split() if _PACKAGE.fullmatch(name)))


def read_flag(answer: Answer, packages: tuple[str, ...]) -> RebootFlag:
    """The flag in a listing of /run, which must show /run itself: only then a missing flag says anything."""
    _, stamps = read_stamps(answer)
    for stamp in stamps:
        if stamp.name in _FLAG_NAMES:
            return RebootFlag(stamp.modified, packages, stamp.evidence)
    return RebootFlag(None, (), answer.evidence())


def read_unpacked(answer: Answer) -> KernelUnpacked:
    """dpkg writes the list of a package's files anew each time it unpacks the package."""
    _, stamps = read_stamps(answer)
    return KernelUnpacked({stamp.name.removesuffix(".list"): stamp.modified for stamp in stamps})
