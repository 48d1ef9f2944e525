"""Which program keeps a host's packages up to date: package managers of one family differ in that."""

from __future__ import annotations

from typing import Literal

from secaudit.api import Facts, Unproven, UnprovenKind

from ..host.facts import OsRelease, Packages

FrontEnd = Literal["apt", "dnf", "zypper", "apk", "pacman"]

_FRONT_ENDS: dict[str, FrontEnd] = {"dpkg": "apt", "rpm": "dnf", "apk": "apk", "pacman": "pacman"}
_SUSE = frozenset({"suse", "sles", "sled", "opensuse", "opensuse-leap", "opensuse-tumbleweed"})


def front_end(facts: Facts) -> FrontEnd:
    """The program; of rpm's two that of SUSE where os-release(5) says so. Raises `Unproven` for other managers."""
    manager = facts[Packages].manager
    if manager not in _FRONT_ENDS:
        raise Unproven(UnprovenKind.NOT_UNDERSTOOD, f"updates of {manager} cannot be read")
    release = facts.get(OsRelease)
    if manager == "rpm" and not isinstance(release, Unproven) and _SUSE & {release.id, *release.id_like}:
        return "zypper"
    return _FRONT_ENDS[manager]
