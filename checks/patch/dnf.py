"""Reading the advisories that dnf knows of, and how old its metadata are."""

from __future__ import annotations

import re

from secaudit.api import Answer, Command, Unproven, UnprovenKind

from ..host.facts import Packages
from .facts import PackageLists, PendingUpdate, PendingUpdates
from .stamps import FIND_FORMAT, LONGEST_LINE, at_line, read_stamps

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
    _, stamps = read_stamps(answer)
    files = [stamp for stamp in stamps if stamp.kind == "f"]
    if not files:
        raise Unproven(UnprovenKind.STALE, "the host has no repository metadata", (answer.evidence(),))
    youngest = max(files, key=lambda stamp: stamp.modified)
    return PackageLists("rpm", youngest.modified, (), youngest.evidence)


def _lines(answer: Answer) -> list[tuple[int, re.Match[str]]]:
    found = []
    for number, line in enumerate(answer.lines, 1):
        advisory = _ADVISORY.fullmatch(line) if len(line) <= LONGEST_LINE else None
        if advisory is None:
            reason = f"line {number} of the list of advisories has a form that is not known"
            raise Unproven(UnprovenKind.NOT_UNDERSTOOD, reason, (at_line(answer, number, line),))
        found.append((number, advisory))
    return found
