"""Requests of this family and how their answers become facts."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from secaudit.api import MIB, Answers, Command, Platform, ScannerLead, Unproven, UnprovenKind, collector

from .facts import (
    Filesystem,
    Filesystems,
    HostClock,
    Kernel,
    ListeningSockets,
    Mounts,
    OsRelease,
    Packages,
    Service,
    Services,
    Space,
    Uptime,
)
from .mounts import DfLine, read_df, read_mounts
from .os_release import read_os_release
from .packages import PACKAGE_COMMANDS, read_packages
from .sockets import read_sockets

OS_RELEASE = Command(("cat", "/etc/os-release"))
KERNEL = Command(("uname", "-srvm"))
CLOCK = Command(("date", "-u", "+%s.%N"))
UPTIME = Command(("cat", "/proc/uptime"))
MOUNTS = Command(("cat", "/proc/self/mountinfo"))
DF_BYTES = Command(("df", "-P", "-k"), limit=MIB)
DF_INODES = Command(("df", "-P", "-i"), limit=MIB)
# Where the control groups are not mounted, ss shows sockets without the name of theirs, which nothing reads.
_NO_CGROUPS = ("Failed to find cgroup2 mount",)
SOCKETS_V4 = Command(("ss", "-H", "-l", "-n", "-t", "-u", "-p", "-e", "-4"), remarks=_NO_CGROUPS)
SOCKETS_V6 = Command(("ss", "-H", "-l", "-n", "-t", "-u", "-p", "-e", "-6"), remarks=_NO_CGROUPS)
SERVICES = Command(
    ("systemctl", "list-units", "--type=service", "--all", "--plain", "--no-legend", "--no-pager", "--full")
)

# date(1) without nanoseconds (busybox) prints nothing, `N` or `%N` for `%N`.
_CLOCK = re.compile(r"(\d{1,11})\.(\d{9}|%?N)?\s*", re.ASCII)
_UPTIME = re.compile(r"(\d{1,12})\.(\d\d) \d+\.\d\d\s*", re.ASCII)
_LATEST = datetime(9999, 1, 1, tzinfo=UTC).timestamp()


@collector(OsRelease, (OS_RELEASE,))
def os_release(answers: Answers) -> OsRelease:
    """The distribution. Raises `Unproven` when the file names none."""
    answer = answers.ended(OS_RELEASE)
    values = read_os_release(answer.text)
    if not values.get("ID"):
        raise Unproven(UnprovenKind.NOT_UNDERSTOOD, "/etc/os-release names no distribution", (answer.evidence(),))
    return OsRelease(
        id=values["ID"].lower(),
        version=values.get("VERSION_ID", "").lower(),
        codename=values.get("VERSION_CODENAME", ""),
        name=values.get("PRETTY_NAME") or values.get("NAME", ""),
        id_like=tuple(values.get("ID_LIKE", "").lower().split()),
        evidence=answer.evidence(),
    )


@collector(Platform, (OS_RELEASE,))
def platform(answers: Answers) -> Platform:
    """What the engine notes for every host, and reports show beside its name."""
    release = os_release.read(answers)
    return Platform(release.id, release.version)


@collector(Kernel, (KERNEL,))
def kernel(answers: Answers) -> Kernel:
    """The running kernel; only its version text may hold blanks."""
    answer = answers.ended(KERNEL)
    words = answer.text.split()
    if len(words) < 4 or len(answer.lines) != 1:
        raise Unproven(UnprovenKind.NOT_UNDERSTOOD, "uname printed a form that is not known", (answer.evidence(),))
    return Kernel(release=words[1], version=" ".join(words[2:-1]), machine=words[-1], evidence=answer.evidence(1))


@collector(HostClock, (CLOCK,))
def host_clock(answers: Answers) -> HostClock:
    """The host's clock, taken to have been read while the scanner heard of the command.

    How well that is known is another matter: news from the host are under way for a while, and are read late by a
    scanner with much to do. Certain is only that the clock was read after the question was sent and before the answer
    was there, and `accuracy` reaches to the farther of the two.
    """
    answer = answers.ended(CLOCK)
    found = _CLOCK.fullmatch(answer.text)
    if found is None or int(found[1]) >= _LATEST:
        raise Unproven(UnprovenKind.NOT_UNDERSTOOD, "date printed a form that is not known", (answer.evidence(),))
    fine = found[2] is not None and found[2].isdecimal()
    at = datetime.fromtimestamp(int(found[1]), UTC) + timedelta(microseconds=int(found[2]) // 1000 if fine else 0)
    resolution = timedelta(microseconds=1) if fine else timedelta(seconds=1)
    read_at = answer.started + answer.duration / 2
    return HostClock(
        at=at,
        skew=at - read_at,
        accuracy=max(read_at - (answer.asked or answer.started), answer.duration / 2) + resolution,
        evidence=answer.evidence(1),
    )


@collector(ScannerLead, (CLOCK,))
def scanner_lead(answers: Answers) -> ScannerLead:
    """The other way round, for the engine: whether it may trust its own clock."""
    return ScannerLead(-host_clock.read(answers).skew)


@collector(Uptime, (UPTIME,))
def uptime(answers: Answers) -> Uptime:
    """How long the kernel runs, from proc_uptime(5)."""
    answer = answers.ended(UPTIME)
    found = _UPTIME.fullmatch(answer.text)
    running = timedelta(seconds=int(found[1]), milliseconds=10 * int(found[2])) if found else None
    read_at = answer.started + answer.duration / 2
    if running is None or running > read_at - datetime(1970, 1, 1, tzinfo=UTC):
        raise Unproven(UnprovenKind.NOT_UNDERSTOOD, "/proc/uptime has a form that is not known", (answer.evidence(),))
    return Uptime(uptime=running, booted=read_at - running, evidence=answer.evidence(1))


@collector(Mounts, (MOUNTS,))
def mounts(answers: Answers) -> Mounts:
    """What is mounted where."""
    return Mounts(read_mounts(answers.ended(MOUNTS, quiet=True)))


@collector(Filesystems, (DF_BYTES, DF_INODES), uses=(Mounts,))
def filesystems(answers: Answers) -> Filesystems:
    """How full the mounted file systems are.

    df(1) ends with 1 when it could not look into some mount point, and its other lines are right all the same.
    """
    mounted = answers.facts[Mounts].mounts
    bytes_answer = answers.ended(DF_BYTES, exits=(0, 1))
    inodes_answer = answers.ended(DF_INODES, exits=(0, 1))
    bytes_lines, inode_lines = read_df(bytes_answer, mounted, 1024), read_df(inodes_answer, mounted, 1)
    by_device: dict[str, Filesystem] = {}
    for mount in sorted(mounted, key=lambda mount: (mount.root != "/", len(mount.target), mount.target)):
        space, inodes = bytes_lines.get(mount.target), inode_lines.get(mount.target)
        told = by_device.get(mount.device)
        # Of a file system that is mounted in several places df may print one only, and not the first of ours.
        if told is not None and (told.space is not None or space is None):
            continue
        evidence = [bytes_answer.evidence(space.number)] if space else []
        evidence += [inodes_answer.evidence(inodes.number)] if inodes else []
        by_device[mount.device] = Filesystem(
            mount=told.mount if told else mount,
            space=_space(space),
            inodes=_space(inodes),
            evidence=tuple(evidence) or (mount.evidence,),
        )
    return Filesystems(tuple(by_device.values()))


@collector(ListeningSockets, (SOCKETS_V4, SOCKETS_V6))
def listening_sockets(answers: Answers) -> ListeningSockets:
    """Who listens. An empty list is an answer: a host need not listen anywhere."""
    v4, v6 = answers.ended(SOCKETS_V4, quiet=True), answers.ended(SOCKETS_V6, quiet=True)
    return ListeningSockets((*read_sockets(v4, 4), *read_sockets(v6, 6)), (v4.evidence(), v6.evidence()))


@collector(Packages, PACKAGE_COMMANDS, uses=(OsRelease,))
def packages(answers: Answers) -> Packages:
    """What is installed through the package manager."""
    return read_packages(answers)


@collector(Services, (SERVICES,))
def services(answers: Answers) -> Services:
    """All loaded service units. A host that was not booted with systemd has none to tell of and says so."""
    answer = answers.ended(SERVICES, quiet=True)
    found = []
    for number, line in enumerate(answer.lines, 1):
        # Releases before 246 mark a failed unit with a dot even with --plain.
        words = line.removeprefix("●").removeprefix("*").split(maxsplit=4)
        if len(words) < 4 or not words[0].endswith(".service"):
            raise Unproven(
                UnprovenKind.NOT_UNDERSTOOD,
                f"line {number} of the list of services has a form that is not known",
                (answer.evidence(number),),
            )
        found.append(Service(words[0], words[1], words[2], words[3], answer.evidence(number)))
    if not found:
        raise Unproven(UnprovenKind.NOT_UNDERSTOOD, "systemctl lists no service at all", (answer.evidence(),))
    return Services(tuple(found), (answer.evidence(),))


def _space(line: DfLine | None) -> Space | None:
    return line.space if line else None
