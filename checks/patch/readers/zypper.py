"""Reading what zypper knows: patches, age of its metadata, locks, repositories."""

from __future__ import annotations

import re
from datetime import timedelta

from secaudit.api import MIB, Answer, Answers, Command, Unproven, UnprovenKind

from ..facts import HeldPackage, HeldPackages, PackageLists, PendingUpdate, PendingUpdates, Repositories
from .lines import at_line, match_line, unknown_line
from .repo_files import ZYPPER_FILES, read_archives, read_sections
from .stamps import FIND_FORMAT, youngest

# All patches, not only those that are needed: one that is applied proves that the repositories carry any.
PATCHES = Command(
    (
        *("zypper", "--non-interactive", "--no-refresh", "--xmlout"),
        *("list-patches", "--all", "--category", "security"),
    ),
    timeout=timedelta(seconds=60),
    limit=16 * MIB,
)
METADATA = Command(
    (
        *("find", "-H", "/var/cache/zypp/raw", "-maxdepth", "3", "-path", "/var/cache/zypp/raw"),
        *("-printf", FIND_FORMAT, "-o", "-name", "repomd.xml", "-printf", FIND_FORMAT),
        *("-o", "-name", "content", "-printf", FIND_FORMAT),
    ),
    refusals=("Permission denied",),
)
# The folder has to be there, the file only where something is locked.
LOCKS = Command(("grep", "-r", "-s", "-H", "-n", "-E", "--include=locks", "^[a-z_]+:", "/etc/zypp"))

_STREAM = re.compile(r"\s*<stream>.*</stream>\s*", re.DOTALL)
_UPDATE = re.compile(r"<update (?P<attributes>[^<>]{1,1000})>")
_ATTRIBUTE = re.compile(r"([a-z-]+)=\"([^\"]*)\"", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9][\w.:+-]*", re.ASCII)
_STATES = frozenset({"needed", "not-needed", "applied", "unneeded", "undecided", "optional", "locked", "satisfied"})
_LOCK = re.compile(r"/etc/zypp/locks:\d+:(?P<key>[a-z_]+):\s*(?P<value>.*?)\s*")
_NO_MATCH = 1


def read_patches(answer: Answer) -> PendingUpdates:
    """The security patches that are needed. A patch is a bundle of packages and stands for all of them.

    Raises `Unproven` when the repositories carry no patches, and for patches of another form.
    """
    text = answer.text
    if not _STREAM.fullmatch(text[text.find("<stream>") :]) or "<update-list>" not in text:
        raise Unproven(UnprovenKind.NOT_UNDERSTOOD, "zypper lists no patches in a known form", (answer.evidence(),))
    updates: list[PendingUpdate] = []
    known = 0
    for number, line in enumerate(answer.lines, 1):
        for found in _UPDATE.finditer(line):
            known += 1
            patch = dict(_ATTRIBUTE.findall(found["attributes"]))
            if not _NAME.fullmatch(patch.get("name", "")) or patch.get("status") not in _STATES:
                reason = f"line {number} of the list of patches has a form that is not known"
                raise unknown_line(answer, number, line, reason=reason)
            if patch["status"] in ("needed", "locked"):
                updates.append(
                    PendingUpdate(
                        package=patch["name"],
                        architecture=patch.get("arch", ""),
                        installed="",
                        fixed=patch.get("edition", ""),
                        origins=(f"{patch['name']} {patch.get('severity', '')}".strip(),),
                        security=True,
                        evidence=at_line(answer, number, line[:200]),
                    )
                )
    if known != text.count("<update "):
        raise Unproven(UnprovenKind.NOT_UNDERSTOOD, "some patches have a form that is not known", (answer.evidence(),))
    if not known:
        reason = "the repositories carry no security patches, neither needed nor applied ones"
        raise Unproven(UnprovenKind.MISSING, reason, (answer.evidence(),))
    return PendingUpdates("zypper", tuple(updates), (), answer.evidence())


def read_metadata(answer: Answer) -> PackageLists:
    """The age of the youngest index of a repository; zypper renews its stamp when it finds it unchanged."""
    last = youngest(answer, reason="the host has no repository metadata")
    return PackageLists("zypper", last.modified, (), last.evidence)


def read_locks(answers: Answers) -> HeldPackages:
    """What is locked: names or patterns of names."""
    answer = answers.ended(LOCKS, exits=(0, _NO_MATCH), quiet=True)
    held = []
    for number, line in enumerate(answer.lines, 1):
        found = match_line(_LOCK, line)
        if found is None:
            reason = f"line {number} of the locks has a form that is not known"
            raise unknown_line(answer, number, line, reason=reason)
        if found["key"] == "solvable_name" and found["value"]:
            held.append(HeldPackage(found["value"], at_line(answer, number, line)))
    return HeldPackages("zypper", tuple(held), answer.evidence())


def read_repositories(answers: Answers) -> Repositories:
    """The enabled repositories; zypper checks signatures unless a file says that it must not."""
    answer = answers.ended(ZYPPER_FILES, exits=(0, _NO_MATCH), quiet=True)
    archives, overrides = read_archives(read_sections(answer), answer, default=True)
    return Repositories(archives, overrides, answer.evidence())
