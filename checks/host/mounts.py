"""Mount points from proc_pid_mountinfo(5), and how full their file systems are from df(1) in its POSIX format."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from secaudit.api import Answer, Unproven, UnprovenKind

from .facts import Mount, Space

KERNEL_INTERFACES = frozenset(
    (
        "autofs",
        "binder",
        "binfmt_misc",
        "bpf",
        "cgroup",
        "cgroup2",
        "configfs",
        "debugfs",
        "devpts",
        "devtmpfs",
        "efivarfs",
        "fuse.gvfsd-fuse",
        "fuse.lxcfs",
        "fuse.portal",
        "fusectl",
        "hugetlbfs",
        "mqueue",
        "nfsd",
        "nsfs",
        "proc",
        "pstore",
        "ramfs",
        "rootfs",
        "rpc_pipefs",
        "securityfs",
        "selinuxfs",
        "smackfs",
        "sysfs",
        "tracefs",
    )
)
"""File system types through which the kernel (or a desktop session) shows itself; they hold nobody's data."""

_OCTAL = re.compile(r"\\([0-7]{3})")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
# Size, used, available and percentage; 18 digits are more than any file system has.
_COLUMNS = re.compile(r"(?<=\S)\s+(\d{1,18}|-)\s+(\d{1,18}|-)\s+(-?\d{1,18}|-)\s+(\d{1,9}%|-)\s(?=/)", re.ASCII)


@dataclass(frozen=True, slots=True)
class DfLine:
    """What one line of df says, and which line of its output (1-based) it is."""

    number: int
    space: Space


def read_mounts(answer: Answer) -> tuple[Mount, ...]:
    """The mounts of a mountinfo file without `KERNEL_INTERFACES`; of several on one mount point the one on top.

    Raises `Unproven` when a line has another form.
    """
    mounts: dict[str, Mount] = {}
    for number, line in enumerate(answer.lines, 1):
        left, dash, right = line.partition(" - ")
        fields, rest = left.split(" "), right.split(" ")
        if not dash or len(fields) < 6 or len(rest) < 3 or not fields[4].startswith("/"):
            raise Unproven(
                UnprovenKind.NOT_UNDERSTOOD,
                f"line {number} of the mount table has a form that is not known",
                (answer.evidence(number),),
            )
        target = _unescaped(fields[4])
        mounts.pop(target, None)
        mounts[target] = Mount(
            source=_unescaped(rest[1]),
            target=target,
            fstype=rest[0],
            device=fields[2],
            root=_unescaped(fields[3]),
            options=(*fields[5].split(","), *rest[2].split(",")),
            evidence=answer.evidence(number),
        )
    if not mounts:
        raise Unproven(UnprovenKind.NOT_UNDERSTOOD, "the mount table is empty", (answer.evidence(),))
    return tuple(mount for mount in mounts.values() if mount.fstype not in KERNEL_INTERFACES)


def read_df(answer: Answer, mounts: Sequence[Mount], unit: int) -> Mapping[str, DfLine]:
    """The numbers of df for each mount point that one line of it surely speaks about; `unit` is 1024 for `df -k`.

    Source and mount point stand in the line unescaped and may hold blanks and digits, so a line counts only when
    exactly one way to cut it ends in a known mount point, and a mount point only when all its lines agree.
    """
    known = {_CONTROL.sub("?", mount.target): mount.target for mount in mounts}
    lines: dict[str, DfLine] = {}
    contradicted: set[str] = set()
    for number, line in enumerate(answer.lines, 1):
        readings = [(known[target], space) for target, space in _readings(line, unit) if target in known]
        if len(readings) != 1:
            contradicted.update(target for target, _ in readings)
            continue
        target, space = readings[0]
        if target in lines and lines[target].space != space:
            contradicted.add(target)
        lines[target] = DfLine(number, space)
    return {target: line for target, line in lines.items() if target not in contradicted}


def _readings(line: str, unit: int) -> Iterator[tuple[str, Space]]:
    for found in _COLUMNS.finditer(line):
        used, available = (0 if field == "-" else int(field) for field in found.group(2, 3))
        yield line[found.end() :], Space(used * unit, max(available, 0) * unit)


def _unescaped(field: str) -> str:
    return _OCTAL.sub(lambda found: chr(int(found[1], 8)), field)
