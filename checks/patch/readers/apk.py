"""Reading what apk knows: newer versions, age of its indexes, pinned packages, repositories, jobs that upgrade."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from secaudit.api import Answer, Answers, Command, Unproven, UnprovenKind

from ..facts import (
    Archive,
    AutomaticUpdates,
    HeldPackage,
    HeldPackages,
    PackageLists,
    PendingUpdates,
    Repositories,
)
from . import newer
from .lines import LONGEST_LINE, at_line, match_line, unknown_line
from .stamps import FIND_FORMAT, youngest

# apk(8): no network is used, and nothing is written.
NEWER = Command(("apk", "--no-network", "version", "-v", "-l", "<"))
INDEXES = Command(
    (
        *("find", "-H", "/var/cache/apk", "-maxdepth", "1", "-path", "/var/cache/apk", "-printf", FIND_FORMAT),
        *("-o", "-name", "APKINDEX.*", "-printf", FIND_FORMAT),
    ),
    refusals=("Permission denied",),
)
WORLD = Command(("cat", "/etc/apk/world"))
REPOSITORIES = Command(("cat", "/etc/apk/repositories"))
JOBS = Command(("grep", "-r", "-l", "-E", "(^|[ /])apk .*upgrade", "/etc/periodic", "/etc/crontabs"))

_NEWER = re.compile(r"(?P<name>[a-z0-9][\w.+-]*)-(?P<old>\d[^\s-]*-r\d+)\s+<\s+(?P<new>\d\S*)\s*(?:@\S+)?", re.ASCII)
_HEADING = "Installed:"
_WORLD = re.compile(
    r"(?P<negated>!?)(?P<name>[A-Za-z0-9](?:[\w.+:-]*[\w.+-])?)(?P<tag>@[\w.-]+)?(?P<pin>[<>=~]+.+)?", re.ASCII
)
_REPOSITORY = re.compile(r"(?:@[\w.-]+\s+)?(?P<address>[a-z]+://\S+|/\S+)", re.ASCII)
_NO_MATCH = 1


def read_newer(answer: Answer) -> PendingUpdates:
    """Installed packages with a newer version in the indexes. apk does not tell which of them repair a flaw."""
    return newer.read_newer("apk", _NEWER, answer, heading=_HEADING)


def read_indexes(answer: Answer) -> PackageLists:
    """The age of the youngest index. Raises `Unproven` when none is kept."""
    last = youngest(answer, reason="the host keeps no index of a repository")
    return PackageLists("apk", last.modified, (), last.evidence)


def read_pins(answer: Answer) -> HeldPackages:
    """Packages that /etc/apk/world ties to a version, an upper bound or a beginning of one; apk-world(5)."""
    held = []
    for number, line in enumerate(answer.lines, 1):
        for word in line.split():
            found = _WORLD.fullmatch(word) if len(line) <= LONGEST_LINE else None
            if found is None:
                reason = f"line {number} of /etc/apk/world has a form that is not known"
                raise unknown_line(answer, number, line, reason=reason)
            if found["pin"] and not found["pin"].startswith(">"):
                held.append(HeldPackage(found["name"], at_line(answer, number, line)))
    return HeldPackages("apk", tuple(held), answer.evidence())


def read_repositories(answer: Answer) -> Repositories:
    """The repositories. apk has no setting that stops it from checking signatures, only an option on its command line.

    A repository is named by the end of its path, which is branch and name: `v3.20/main`.
    """
    archives = []
    for number, line in enumerate(answer.lines, 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        found = match_line(_REPOSITORY, text)
        if found is None:
            reason = f"line {number} of /etc/apk/repositories has a form that is not known"
            raise unknown_line(answer, number, line, reason=reason)
        try:
            address = urlsplit(found["address"])
            site = address.hostname or "/etc/apk/repositories"
        except ValueError:
            reason = f"line {number} of /etc/apk/repositories holds no address"
            raise unknown_line(answer, number, line, reason=reason) from None
        name = "/".join(address.path.strip("/").split("/")[-2:])
        archives.append(Archive(site, name, None, "", True, at_line(answer, number, line)))
    if not archives:
        raise Unproven(UnprovenKind.MISSING, "the host has no repository", (answer.evidence(),))
    return Repositories(tuple(archives), (), answer.evidence())


def read_jobs(answers: Answers) -> AutomaticUpdates:
    """Alpine brings no program for it: a job of crond that runs `apk upgrade` is what there can be."""
    answer = answers.ended(JOBS, exits=(0, _NO_MATCH))
    missing = () if answer.text.strip() else ("no job of crond runs `apk upgrade`",)
    return AutomaticUpdates(missing, (answer.evidence(),))
