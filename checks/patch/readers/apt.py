"""Reading what apt would update, and how old its lists are."""

from __future__ import annotations

import re
from datetime import timedelta

from secaudit.api import Answer, Answers, Command, Unproven, UnprovenKind

from ..facts import KeptBack, ListedArchive, PackageLists, PendingUpdate, PendingUpdates
from .lines import at_line, match_line, unknown_line
from .stamps import FIND_FORMAT, Stamp, read_stamps

# Simulated, so that nothing is locked or written; without its caches apt would write no pkgcache even as root. The
# security suites are preferred: else a later version from the main archive, which includes the fix, would hide that
# a security update is pending, and a host without any security archive would look up to date. It is an error (exit
# code 100) when the sources name no such suite. dist-upgrade, holds and phasing: what is kept back is pending too.
SIMULATION = Command(
    (
        *("apt-get", "-q", "-s", "-o", "Debug::NoLocking=1", "-o", "APT::Get::Show-User-Simulation-Note=0"),
        # Run by root, even a simulation writes down for its developers what it planned (eipp.log.xz).
        *("-o", "Dir::Log::Planner=/dev/null"),
        *("-o", "Dir::Cache::pkgcache=", "-o", "Dir::Cache::srcpkgcache="),
        *("-o", "APT::Get::Always-Include-Phased-Updates=1", "-t", "*-security", "--ignore-hold", "dist-upgrade"),
    ),
    timeout=timedelta(seconds=60),
)
LISTS = Command(
    ("find", "-H", "/var/lib/apt/lists", "-maxdepth", "1", "-printf", FIND_FORMAT),
    refusals=("Permission denied",),
)

_APT_ERROR = 100
_INST = re.compile(
    r"Inst (?P<package>[a-z0-9][a-z0-9.+-]*(?::[a-z0-9-]+)?)(?: \[(?P<installed>[^\]\s]+)\])?"
    r" \((?P<fixed>\S+) (?P<origins>.*?) ?\[(?P<architecture>[a-z0-9-]+)\]\)(?: \[.*\])?",
    re.ASCII,
)
_SUMMARY = re.compile(
    r"(?P<upgraded>\d{1,9}) upgraded, (?P<new>\d{1,9}) newly installed, (?:(?P<again>\d{1,9}) reinstalled, )?"
    r"(?:(?P<down>\d{1,9}) downgraded, )?\d{1,9} to remove and (?P<kept>\d{1,9}) not upgraded\.",
    re.ASCII,
)
_KEPT_BACK = (
    "The following packages have been kept back:",
    "The following upgrades have been deferred due to phasing:",
)
_SECURITY = re.compile(r"Debian-Security:.*|.*-security", re.DOTALL)
_INDEX = re.compile(r".*_(?:In)?Release")


def simulated(answers: Answers) -> Answer:
    """The simulation, if it ended without an error. Raises `Unproven` with what apt says otherwise."""
    answer = answers[SIMULATION]
    if answer.exit == _APT_ERROR and b"APT::Default-Release" in answer.stderr:
        reason = "the package sources of the host name no security archive, or its lists were never fetched"
        raise Unproven(UnprovenKind.MISSING, reason, (answer.evidence(),))
    answers.ended(SIMULATION)
    if any(line.startswith(b"E:") for line in answer.stderr.splitlines()):
        raise Unproven(UnprovenKind.ERROR, "apt-get reports an error", (answer.evidence(),))
    return answer


def read_simulation(answer: Answer) -> PendingUpdates:
    """The updates of a simulation that ended well.

    apt counts at the end of its text what it would do; a simulation without that line, or whose lines do not add up
    to it, is `Unproven`. Lines that other programs add (hooks of Ubuntu Pro) are passed over.
    """
    updates: list[PendingUpdate] = []
    kept: list[KeptBack] = []
    summary: re.Match[str] | None = None
    summary_line = installs = 0
    listing_kept = False
    for number, line in enumerate(answer.lines, 1):
        if listing_kept and line.startswith("  "):
            kept += [KeptBack(package, at_line(answer, number, line)) for package in line.split()]
            continue
        listing_kept = line in _KEPT_BACK
        found = _SUMMARY.fullmatch(line)
        if found is not None:
            summary, summary_line = found, number
        if line.startswith(("Inst ", "E:")):
            update = _read_install(line, number, answer)
            installs += 1
            if update.installed:
                updates.append(update)
    if summary is None:
        raise Unproven(UnprovenKind.NOT_UNDERSTOOD, "apt-get did not say what it would do", (answer.evidence(),))
    announced = sum(int(summary[group] or 0) for group in ("upgraded", "new", "again", "down"))
    if announced != installs or int(summary["kept"]) != len(kept):
        reason = (
            f"apt-get announces {announced} changes and {summary['kept']} packages kept back, "
            f"and lists {installs} and {len(kept)}"
        )
        raise Unproven(UnprovenKind.NOT_UNDERSTOOD, reason, (answer.evidence(),))
    return PendingUpdates("dpkg", tuple(updates), tuple(kept), answer.evidence(summary_line))


def read_lists(answer: Answer) -> PackageLists:
    """The lists in apt's folder.

    Only the change time (ctime) of an archive's index tells when the archive was last reached: a server that has
    nothing new renews it and keeps the modification time; a server that cannot be reached leaves both. Raises
    `Unproven` when the folder holds no list.
    """
    folder, stamps = read_stamps(answer)
    lists = [stamp for stamp in stamps if stamp.kind == "f" and stamp.name != "lock"]
    archives = tuple(
        ListedArchive(stamp.name, stamp.changed, stamp.evidence) for stamp in lists if _INDEX.fullmatch(stamp.name)
    )
    if not archives:
        raise Unproven(UnprovenKind.STALE, "the host has no package lists", (answer.evidence(),))
    youngest: Stamp = max([folder, *lists], key=lambda stamp: stamp.modified)
    return PackageLists("dpkg", youngest.modified, archives, youngest.evidence)


def _read_install(line: str, number: int, answer: Answer) -> PendingUpdate:
    found = match_line(_INST, line)
    if found is None:
        reason = f"line {number} of the simulation has a form that is not known"
        raise unknown_line(answer, number, line, reason=reason)
    origins = tuple(found["origins"].split(", ")) if found["origins"] else ()
    return PendingUpdate(
        package=found["package"],
        architecture=found["architecture"],
        installed=found["installed"] or "",
        fixed=found["fixed"],
        origins=origins,
        security=any(_SECURITY.fullmatch(origin) for origin in origins),
        evidence=at_line(answer, number, line),
    )
