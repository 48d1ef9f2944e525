"""Photographs of a host's root, to prove that a scan wrote nothing."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

KERNEL = ("/proc", "/sys", "/dev/pts")
"""Not files but the kernel's own view, which differs from one moment to the next."""
LOGGED = (
    *(f"/var/log/{name}" for name in ("sshd.log", "lab.log", "lastlog", "wtmp", "btmp", "faillog", "auth.log")),
    "/run/utmp",
    "/run/sudo",  # sudo's time stamps and lecture marks
    "/run/sudo/*",
    "/var/lib/sudo/*",
)
"""What sshd and sudo write about every login, scan or not (shell patterns of absolute paths)."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One file, folder, link or device. `content` is a hash, a link's target, or a device number.

    `changed` is the inode's change time in nanoseconds, which no program can set: it gives away a file that was
    written and then given its old content and modification time again.
    """

    mode: int
    uid: int
    gid: int
    size: int
    modified: int
    changed: int
    content: str


Snapshot = Mapping[str, Entry]


def snapshot(root: Path, base: Path | None = None) -> dict[str, Entry]:
    """Every entry of the tree below `root` by absolute path, without `KERNEL`.

    Given the shared root that the host's was laid over, files that are still that root's own are not read again.
    """
    return dict(_walk(root, "/", base))


def changes(before: Snapshot, after: Snapshot, allowed: tuple[str, ...] = LOGGED) -> list[str]:
    """What was made (`+`), removed (`-`) or altered (`~`), but for paths that match `allowed`; a line for each.

    A folder of which nothing but the times differ is left out: what was made or removed in it is named itself.
    """
    lines: list[str] = []
    for path in sorted(before.keys() | after.keys()):
        old, new = before.get(path), after.get(path)
        if old == new or any(fnmatchcase(path, pattern) for pattern in allowed):
            continue
        if old is None or new is None:
            lines.append(f"{'+' if old is None else '-'} {path}")
        elif not _only_listed_anew(old, new):
            lines.append(f"~ {path}")
    return lines


def _only_listed_anew(old: Entry, new: Entry) -> bool:
    same = (old.mode, old.uid, old.gid) == (new.mode, new.uid, new.gid)
    return same and stat.S_ISDIR(old.mode)


def _walk(root: Path, folder: str, base: Path | None) -> Iterator[tuple[str, Entry]]:
    with os.scandir(f"{root}{folder}") as found:
        for item in found:
            path = f"{folder}{item.name}"
            if path in KERNEL:
                continue
            status = item.stat(follow_symlinks=False)
            yield path, _entry(Path(item.path), path, status, base)
            if stat.S_ISDIR(status.st_mode):
                yield from _walk(root, f"{path}/", base)


def _entry(file: Path, path: str, status: os.stat_result, base: Path | None) -> Entry:
    content = ""
    if stat.S_ISREG(status.st_mode):
        content = "as in the base" if base and _same(status, f"{base}{path}") else _digest(file)
    elif stat.S_ISLNK(status.st_mode):
        content = str(file.readlink())
    elif stat.S_ISCHR(status.st_mode) or stat.S_ISBLK(status.st_mode):
        content = str(status.st_rdev)
    return Entry(
        status.st_mode,
        status.st_uid,
        status.st_gid,
        status.st_size if not stat.S_ISDIR(status.st_mode) else 0,
        status.st_mtime_ns,
        status.st_ctime_ns,
        content,
    )


def _same(status: os.stat_result, path: str) -> bool:
    try:
        there = os.lstat(path)
    except OSError:
        return False
    return (there.st_mode, there.st_size, there.st_mtime_ns, there.st_ctime_ns) == (
        status.st_mode,
        status.st_size,
        status.st_mtime_ns,
        status.st_ctime_ns,
    )


def _digest(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "blake2b").hexdigest()
