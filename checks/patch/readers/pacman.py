"""Reading what pacman knows: newer versions, age of its databases, ignored packages, repositories."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from secaudit.api import Answer, Command, Evidence, Unproven, UnprovenKind

from ..facts import (
    Archive,
    HeldPackage,
    HeldPackages,
    PackageLists,
    PendingUpdates,
    Repositories,
    TrustOverride,
)
from . import newer
from .lines import at_line, match_line, unknown_line
from .stamps import FIND_FORMAT, youngest

# pacman(8): ends with 1 when there is nothing to upgrade, and for errors, which it then writes to stderr.
NEWER = Command(("pacman", "-Qu"))
DATABASES = Command(
    (
        *("find", "-H", "/var/lib/pacman/sync", "-maxdepth", "1", "-path", "/var/lib/pacman/sync"),
        *("-printf", FIND_FORMAT, "-o", "-name", "*.db", "-printf", FIND_FORMAT),
    ),
    refusals=("Permission denied",),
)
# The settings as pacman takes them, with every Include resolved; pacman-conf(8).
SETTINGS = Command(("pacman-conf",))

_NEWER = re.compile(r"(?P<name>[a-z0-9@_+][\w@.+-]*) (?P<old>\S+) -> (?P<new>\S+)(?: \[ignored\])?", re.ASCII)
_SECTION = re.compile(r"\[(?P<name>[^\]]+)\]")
_SETTING = re.compile(r"(?P<key>[A-Za-z]+)(?: = (?P<value>.*))?", re.ASCII)
_OPTIONS = "options"


def read_newer(answer: Answer) -> PendingUpdates:
    """Installed packages with a newer version in the databases. pacman does not tell which of them repair a flaw."""
    if answer.exit != 0 and (answer.stderr.strip() or answer.stdout.strip()):
        raise Unproven(UnprovenKind.ERROR, "pacman reports an error", (answer.evidence(),))
    return newer.read_newer("pacman", _NEWER, answer)


def read_databases(answer: Answer) -> PackageLists:
    """The age of the youngest database, which keeps the time of the server: never later than the real refresh."""
    last = youngest(answer, reason="the host has no database of a repository")
    return PackageLists("pacman", last.modified, (), last.evidence)


def read_ignored(answer: Answer) -> HeldPackages:
    """Packages and groups that upgrades leave out: IgnorePkg and IgnoreGroup of pacman.conf(5)."""
    held = [
        HeldPackage(value, evidence)
        for section, key, value, evidence in _settings(answer)
        if section == _OPTIONS and key in ("IgnorePkg", "IgnoreGroup") and value
    ]
    return HeldPackages("pacman", tuple(held), answer.evidence())


def read_repositories(answer: Answer) -> Repositories:
    """The repositories. Signatures are checked where every package must have one, of a key that is trusted.

    `PackageOptional` takes a package without a signature, so whoever wants to pass a forged one leaves it away.
    """
    sections: dict[str, tuple[str, set[str], Evidence]] = {}
    for section, key, value, evidence in _settings(answer):
        site, levels, first = sections.get(section, ("", set(), evidence))
        if key == "SigLevel":
            levels.add(value)
        if key == "Server" and not site:
            site = _site(value)
        sections[section] = site, levels, first
    _, defaults, at = sections.pop(_OPTIONS, ("", set(), answer.evidence()))
    if not sections:
        raise Unproven(UnprovenKind.MISSING, "the host has no repository", (answer.evidence(),))
    archives = tuple(
        Archive(site, name, None, "", _checked(levels or defaults), evidence)
        for name, (site, levels, evidence) in sections.items()
    )
    unchecked = "PackageNever" in defaults or "PackageTrustAll" in defaults
    shown = f"SigLevel {' '.join(sorted(level for level in defaults if level.startswith('Package')))}"
    overrides = (TrustOverride("/etc/pacman.conf", shown, at),) if unchecked else ()
    return Repositories(archives, overrides, answer.evidence())


def _checked(levels: set[str]) -> bool:
    return "PackageRequired" in levels and "PackageTrustAll" not in levels


def _settings(answer: Answer) -> Iterator[tuple[str, str, str, Evidence]]:
    section = ""
    for number, line in enumerate(answer.lines, 1):
        heading = match_line(_SECTION, line)
        setting = match_line(_SETTING, line)
        if heading is not None:
            section = heading["name"]
            # A repository without any setting of its own is a repository.
            yield section, "", "", at_line(answer, number, line)
        elif setting is not None and section:
            yield section, setting["key"], setting["value"] or "", at_line(answer, number, line)
        else:
            reason = f"line {number} of the settings has a form that is not known"
            raise unknown_line(answer, number, line, reason=reason)
    if not section:
        raise Unproven(UnprovenKind.NOT_UNDERSTOOD, "pacman-conf shows no settings", (answer.evidence(),))


def _site(address: str) -> str:
    try:
        return urlsplit(address).hostname or "/etc/pacman.conf"
    except ValueError:
        return "/etc/pacman.conf"
