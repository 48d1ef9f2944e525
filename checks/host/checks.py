"""The checks of the clock and of file systems."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from fnmatch import fnmatchcase

from secaudit.api import (
    Facts,
    Severity,
    UnprovenKind,
    Verdict,
    check,
    failed,
    not_applicable,
    passed,
    show_size,
    unproven,
)

from .expectations import ClockSkew, FilesystemUsage, MountLimits
from .facts import Filesystem, Filesystems, HostClock, Mount, Space

IMAGES = frozenset({"cramfs", "erofs", "iso9660", "squashfs", "udf"})
"""File systems that are written once and full from then on."""


@check(
    "host.clock-skew",
    title="The clock is right",
    severity=Severity.MEDIUM,
    requires=[HostClock],
    expect=ClockSkew,
    remediation=(
        "Let a time service keep the clock, then correct it once:\n"
        "apt-get install chrony        # Debian, Ubuntu\n"
        "dnf install chrony            # RHEL, AlmaLinux, Rocky\n"
        "systemctl enable --now chrony # chronyd on RHEL\n"
        "chronyc makestep\n"
        "chronyc tracking"
    ),
    references={
        "cis-v8": ["8.4"],
        "iso-27001": ["A.8.17"],
        "bsi": ["OPS.1.1.5.A4"],
        "pci-4.0": ["10.6.1"],
        "nist-800-53": ["AU-8"],
    },
)
def clock_skew(facts: Facts, expect: ClockSkew) -> Iterator[Verdict]:
    """The host's clock differs from the scanner's by no more than the baseline allows.

    Without a right clock log entries cannot be put in order, certificates and tickets are refused, and the age of
    backups cannot be told. The time that the question took is counted in the host's favour and against it: where it
    could tip the scale the control is unproven.
    """
    clock = facts[HostClock]
    off = abs(clock.skew)
    observed = (
        f"{_seconds(off)} {'ahead' if clock.skew > timedelta() else 'behind'}, known to ±{_seconds(clock.accuracy)}"
    )
    expected = f"at most {_seconds(expect.max)} from the scanner's clock"
    evidence = (clock.evidence,)
    if off - clock.accuracy > expect.max:
        reason = f"The clock is {observed}."
        yield failed(reason=reason, observed=observed, expected=expected, evidence=evidence)
    elif off + clock.accuracy > expect.max:
        yield unproven(
            kind=UnprovenKind.NOT_UNDERSTOOD,
            reason=f"the clock was measured too roughly to decide: {observed}",
            expected=expected,
            evidence=evidence,
        )
    else:
        yield passed(observed=observed, expected=expected, evidence=evidence)


@check(
    "host.filesystem-usage",
    title="File systems have room left",
    severity=Severity.MEDIUM,
    requires=[Filesystems],
    expect=FilesystemUsage,
    remediation=(
        "Find what fills the file system, then clean up or grow it:\n"
        "df -h; df -i\n"
        "du -xh --max-depth=2 MOUNT_POINT | sort -h | tail -n 20\n"
        "journalctl --vacuum-size=500M\n"
        "apt-get clean   # dnf clean packages"
    ),
    references={"iso-27001": ["A.8.6"], "csf-2.0": ["PR.IR-04"], "nist-800-53": ["AU-4"]},
)
def filesystem_usage(facts: Facts, expect: FilesystemUsage) -> Iterator[Verdict]:
    """No file system is fuller than the baseline allows, in bytes and in inodes.

    A full file system stops databases, mail and logging. Read-only images are always full and not judged; container
    layers are judged through the file system they lie on.
    """
    judged = [
        filesystem
        for filesystem in facts[Filesystems].filesystems
        if _counts(filesystem.mount)
        and not any(fnmatchcase(filesystem.mount.target, pattern) for pattern in expect.ignore)
    ]
    if not judged:
        yield not_applicable(reason="The host has no file system that the baseline does not ignore.")
    for filesystem in judged:
        yield _usage(filesystem, expect)


def _counts(mount: Mount) -> bool:
    return mount.fstype not in IMAGES and (mount.fstype != "overlay" or mount.target == "/")


def _usage(filesystem: Filesystem, expect: FilesystemUsage) -> Verdict:
    target = filesystem.mount.target
    limits = expect.mounts.get(target, MountLimits())
    used, inodes = limits.used or expect.used, limits.inodes or expect.inodes
    expected = f"at most {used} % of space and {inodes} % of inodes used"
    space, nodes = filesystem.space, filesystem.inodes
    too_full = [f"{space.percent} % of its space"] if space and space.percent > used else []
    too_full += [f"{nodes.percent} % of its inodes"] if nodes and nodes.percent > inodes else []
    if too_full:
        return failed(
            target,
            reason=f"{target} has used {' and '.join(too_full)}.",
            observed=_observed(space, nodes),
            expected=expected,
            evidence=filesystem.evidence,
        )
    if space is None or nodes is None:
        return unproven(
            target,
            kind=UnprovenKind.ERROR,
            reason=f"df did not tell how {'full it is' if space is None else 'many of its inodes are used'}",
            expected=expected,
            evidence=filesystem.evidence,
        )
    return passed(target, observed=_observed(space, nodes), expected=expected, evidence=filesystem.evidence)


def _observed(space: Space | None, inodes: Space | None) -> str:
    told = [f"{space.percent} % of space used, {show_size(space.available)} free"] if space else []
    told += [f"{inodes.percent} % of inodes used"] if inodes and inodes.used + inodes.available else []
    return ", ".join(told)


def _seconds(value: timedelta) -> str:
    return f"{value.total_seconds():.3g} s" if value < timedelta(seconds=1000) else f"{round(value.total_seconds())} s"
