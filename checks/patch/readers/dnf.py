"""Reading what dnf knows: advisories, age of its metadata, locked versions, repositories."""

from __future__ import annotations

import re

from secaudit.api import Answer, Answers, Command, Unproven, UnprovenKind

from ...host.facts import Packages
from ..facts import HeldPackage, HeldPackages, PackageLists, PendingUpdate, PendingUpdates, Repositories
from .lines import at_line, match_line, unknown_line
from .repo_files import DNF_FILES, read_archives, read_sections
from .stamps import FIND_FORMAT, youngest

PENDING = Command(("dnf", "-q", "-C", "updateinfo", "list", "--security"))
# Many repositories carry no advisories at all, and dnf then has nothing to list and ends with 0. Advisories that are
# installed prove that there are any.
INSTALLED = Command(("dnf", "-q", "-C", "updateinfo", "list", "--security", "--installed"))
METADATA = Command(
    (
        "find",
        "-H",
        "/var/cache/dnf",
        "-maxdepth",
        "3",
        "-path",
        "/var/cache/dnf",
        "-printf",
        FIND_FORMAT,
        "-o",
        "-path",
        "*/repodata/*",
        "-printf",
        FIND_FORMAT,
    ),
    refusals=("Permission denied",),
)

# The files of dnf 4 and dnf 5; the folder has to be there, a file only where something is locked.
LOCKS = Command(
    (
        *("grep", "-r", "-s", "-H", "-n", "-E", "--include=versionlock.list", "--include=versionlock.toml"),
        *("^[^#]", "/etc/dnf"),
    )
)

_LOCK = re.compile(r"(?P<file>/etc/dnf/[^:]+):\d+:(?P<text>.*)")
_TOML_NAME = re.compile(r"\s*name\s*=\s*[\"'](?P<name>[^\"']+)[\"']\s*")
_LOCKED = re.compile(r"!?(?P<name>[A-Za-z0-9*?][\w.+*?-]*?)(?:-(?:\d+|\*):[^\s-]+-[^\s-]+)?\s*", re.ASCII)
_NO_MATCH = 1
_ADVISORY = re.compile(
    r"\s*(?:i\s+)?(?P<id>[A-Za-z0-9][\w.:-]*)\s+(?P<severity>[A-Za-z]+)/Sec\.\s+"
    r"(?P<name>[A-Za-z0-9][\w.+-]*)-(?P<version>(?:\d+:)?[^\s:-]+-[^\s:-]+)\.(?P<architecture>\w+)\s*",
    re.ASCII,
)


def read_advisories(pending: Answer, installed: Answer, packages: Packages) -> PendingUpdates:
    """The security advisories that are not applied; installed versions come from the list of packages.

    Raises `Unproven` when the repositories carry no advisories, or for a line of another form.
    """
    now = {package.name: package.version for package in packages.packages}
    updates = []
    for number, found in _lines(pending):
        updates.append(
            PendingUpdate(
                package=found["name"],
                architecture=found["architecture"],
                installed=now.get(found["name"], ""),
                fixed=found["version"],
                origins=(f"{found['id']} {found['severity']}",),
                security=True,
                evidence=at_line(pending, number, found[0]),
            )
        )
    if not updates and not _lines(installed):
        reason = "the repositories carry no security advisories, neither pending nor installed ones"
        raise Unproven(UnprovenKind.MISSING, reason, (pending.evidence(), installed.evidence()))
    return PendingUpdates("rpm", tuple(updates), (), pending.evidence())


def read_metadata(answer: Answer) -> PackageLists:
    """The age of the youngest repository metadata; dnf renews their stamps whenever it finds them unchanged."""
    last = youngest(answer, reason="the host has no repository metadata")
    return PackageLists("rpm", last.modified, (), last.evidence)


def read_locks(answers: Answers) -> HeldPackages:
    """What the plugin versionlock ties to a version or excludes, and what `excludepkgs` of any file leaves out."""
    locks = answers.ended(LOCKS, exits=(0, _NO_MATCH), quiet=True)
    held = []
    for number, line in enumerate(locks.lines, 1):
        found = match_line(_LOCK, line)
        is_toml = found is not None and found["file"].endswith(".toml")
        name = (_TOML_NAME if is_toml else _LOCKED).fullmatch(found["text"]) if found else None
        if name is not None:
            held.append(HeldPackage(name["name"], at_line(locks, number, line)))
        elif not is_toml:
            reason = f"line {number} of the locked versions has a form that is not known"
            raise unknown_line(locks, number, line, reason=reason)
    for section in read_sections(answers.ended(DNF_FILES, exits=(0, _NO_MATCH), quiet=True)):
        for key in ("exclude", "excludepkgs"):
            names = section.settings.get(key, "").replace(",", " ").split()
            held += [HeldPackage(name, section.evidence) for name in names]
    return HeldPackages("rpm", tuple(held), locks.evidence())


def read_repositories(answers: Answers) -> Repositories:
    """The enabled repositories; dnf checks signatures only where a file says that it must (dnf.conf(5), gpgcheck)."""
    answer = answers.ended(DNF_FILES, exits=(0, _NO_MATCH), quiet=True)
    archives, overrides = read_archives(read_sections(answer), answer, default=False)
    return Repositories(archives, overrides, answer.evidence())


def _lines(answer: Answer) -> list[tuple[int, re.Match[str]]]:
    found = []
    for number, line in enumerate(answer.lines, 1):
        advisory = match_line(_ADVISORY, line)
        if advisory is None:
            reason = f"line {number} of the list of advisories has a form that is not known"
            raise unknown_line(answer, number, line, reason=reason)
        found.append((number, advisory))
    return found
