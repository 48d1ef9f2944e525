"""Reading which processes still run code that is no longer on the disk."""

from __future__ import annotations

import re
from datetime import timedelta

from secaudit.api import MIB, Answers, Command, Unproven, UnprovenKind

from ..facts import OutdatedProcess, RunningCode
from .lines import at_line, match_line, unknown_line

# As root, because the maps of other users' processes cannot be read otherwise. Every process that has memory maps the
# vDSO: its line proves that the process was looked at.
MAPS = Command(
    (
        *("/usr/bin/find", "/proc", "-mindepth", "2", "-maxdepth", "2", "-name", "maps"),
        *("-exec", "/usr/bin/grep", "-s", "-H", "-F", "-e", "deleted", "-e", "vdso", "{}", "+"),
    ),
    root=True,
    timeout=timedelta(seconds=60),
    limit=32 * MIB,
)
GROUPS = Command(
    (
        *("/usr/bin/find", "/proc", "-mindepth", "2", "-maxdepth", "2", "-name", "cgroup"),
        *("-exec", "/usr/bin/grep", "-s", "-H", "-F", "-e", "/", "{}", "+"),
    ),
    root=True,
)
NAMESPACES = Command(
    ("/usr/bin/find", "/proc", "-mindepth", "3", "-maxdepth", "3", "-name", "mnt", "-ls"),
    root=True,
)

# Processes come and go: find(1) and grep(1) end with 1 or 2 for one that has gone, and with 1 when nothing matched.
_ENDINGS = (0, 1, 2)
_MAP = re.compile(r"/proc/(?P<pid>\d{1,10})/maps:[0-9a-f]+-[0-9a-f]+ \S{4} [0-9a-f]+ \S+ \d+ +(?P<path>.*)", re.ASCII)
_LIBRARY = re.compile(r"(?P<path>/.*\.so(?:\.[0-9.]+)?) \(deleted\)")
# proc_pid_maps(5): memory that has a name and never was a file on a disk.
_NO_FILE = ("/memfd:", "/dev/", "/SYSV", "/proc/", "/tmp/", "/var/tmp/", "/run/")  # noqa: S108 - not opened, compared
_GROUP = re.compile(r"/proc/(?P<pid>\d{1,10})/cgroup:\d+:(?:name=systemd)?:(?P<path>/.*)", re.ASCII)
_NAMESPACE = re.compile(r".* /proc/(?P<pid>\d{1,10})/ns/mnt -> mnt:\[(?P<id>\d+)\]", re.ASCII)
_SERVICE = re.compile(r"[^/]+\.service")
_SESSIONS = "user sessions"


def read_running_code(answers: Answers) -> RunningCode:
    """Processes of the host itself (not of its containers) that map a library which was deleted since.

    Raises `Unproven` when no process at all could be looked at, or the host's own mount namespace is not known.
    """
    maps = answers.ended(MAPS, exits=_ENDINGS)
    names = _units(answers)
    spaces = _namespaces(answers)
    own = spaces.get("1")
    if own is None:
        raise Unproven(UnprovenKind.MISSING, "the mount namespace of the first process could not be read")
    seen: set[str] = set()
    found: dict[tuple[str, str], OutdatedProcess] = {}
    for number, line in enumerate(maps.lines, 1):
        mapped = match_line(_MAP, line)
        if mapped is None:
            reason = f"line {number} of the memory maps has a form that is not known"
            raise unknown_line(maps, number, line, reason=reason)
        pid = mapped["pid"]
        seen.add(pid)
        library = _LIBRARY.fullmatch(mapped["path"])
        # A process that has gone by the time its namespace is asked for needs no restart any more.
        if library is None or library["path"].startswith(_NO_FILE) or spaces.get(pid) != own:
            continue
        unit = names.get(pid)
        if unit is None:
            raise Unproven(UnprovenKind.NOT_UNDERSTOOD, f"which service process {pid} belongs to is not told")
        key = unit, library["path"]
        if key not in found:
            found[key] = OutdatedProcess(unit, int(pid), library["path"], at_line(maps, number, line))
    if not seen:
        raise Unproven(UnprovenKind.DENIED, "the memory of no process could be read", (maps.evidence(),))
    return RunningCode(tuple(found.values()), len(seen), maps.evidence())


def _units(answers: Answers) -> dict[str, str]:
    """The systemd service of each process, or what stands for the sessions of users, whose processes have none."""
    groups = answers.ended(GROUPS, exits=_ENDINGS)
    units = {}
    for line in groups.lines:
        found = match_line(_GROUP, line)
        service = _SERVICE.findall(found["path"]) if found else []
        if found and service and not service[0].startswith("user@"):
            units[found["pid"]] = service[0]
        elif found:
            units.setdefault(found["pid"], _SESSIONS)
    return units


def _namespaces(answers: Answers) -> dict[str, str]:
    listed = answers.ended(NAMESPACES, exits=_ENDINGS)
    found = (match_line(_NAMESPACE, line) for line in listed.lines)
    return {match["pid"]: match["id"] for match in found if match}
