"""Facts about a host that several families build on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from secaudit.api import Evidence, Facts, Now

CLOCK_TOLERANCE = timedelta(minutes=5)
"""What bears a stamp further in the future than this was not stamped by a right clock, so it tells no age."""


@dataclass(frozen=True, slots=True)
class OsRelease:
    """The distribution, from os-release(5). `id` and `version` are lower case as the file has them; may be empty."""

    id: str
    version: str
    codename: str
    name: str
    id_like: tuple[str, ...]
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Kernel:
    """The running kernel, from uname(1): release (`6.1.0-37-amd64`), version text and machine."""

    release: str
    version: str
    machine: str
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class HostClock:
    """The host's clock against the scanner's; `skew` is host minus scanner, right to within `accuracy`."""

    at: datetime
    skew: timedelta
    accuracy: timedelta
    evidence: Evidence


def host_now(facts: Facts) -> datetime:
    """The moment of the audit as the host's clock shows it (aware UTC); stamps of the host were set by that clock."""
    return facts[Now].at + facts[HostClock].skew


@dataclass(frozen=True, slots=True)
class Uptime:
    """How long the kernel runs, and when it started by the scanner's clock (aware UTC)."""

    uptime: timedelta
    booted: datetime
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Mount:
    """A mounted file system, from proc_pid_mountinfo(5); octal escapes are resolved.

    `device` is the kernel's `major:minor`: mounts that share it show the same file system. `root` is the path inside of
    it that is shown, `/` unless it is a bind mount or a subvolume. `options` are those of the
    mount point followed by those of the file system.
    """

    source: str
    target: str
    fstype: str
    device: str
    root: str
    options: tuple[str, ...]
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Mounts:
    """All mounted file systems that hold data (no kernel interfaces), each mount point once: the one on top."""

    mounts: tuple[Mount, ...]


@dataclass(frozen=True, slots=True)
class Space:
    """How full something is, in bytes or inodes. `available` is what ordinary users can still take, never below 0."""

    used: int
    available: int

    @property
    def percent(self) -> int:
        """Percentage used as df(1) counts it: of what ordinary users can use at all, rounded up; 0 for nothing."""
        usable = self.used + self.available
        return -(-100 * self.used // usable) if usable else 0


@dataclass(frozen=True, slots=True)
class Filesystem:
    """A file system and how full it is. `space` and `inodes` are None when df(1) did not tell.

    `inodes` of a file system without a fixed number of them (btrfs) count nothing. Evidence is the line of df, or the
    mount's own when there is none.
    """

    mount: Mount
    space: Space | None
    inodes: Space | None
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class Filesystems:
    """Every mounted file system once: under the mount point that shows all of it, and of several the shortest."""

    filesystems: tuple[Filesystem, ...]


@dataclass(frozen=True, slots=True)
class Socket:
    """A socket that accepts traffic. `address` is a literal without zone, `*` resolved to `0.0.0.0` or `::`.

    `protocol` is `tcp` or `udp`; `interface` is set when the socket is bound to one. `process` is empty when the host
    did not let us see the owner. `dual_stack` is a `::` socket that also takes IPv4.
    """

    protocol: str
    address: str
    port: int
    interface: str
    process: str
    dual_stack: bool
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class ListeningSockets:
    """TCP listeners and bound, unconnected UDP sockets, from ss(8). Evidence is the lists as a whole."""

    sockets: tuple[Socket, ...]
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True)
class Package:
    """An installed package. Versions are the package manager's own text, epoch included where there is one.

    `stream` is the module and stream of a modular rpm (`nodejs:20`); empty for all others, and where it is not known.
    """

    name: str
    version: str
    architecture: str
    source: str
    source_version: str
    stream: str = ""


@dataclass(frozen=True, slots=True)
class Packages:
    """Everything installed through the distribution's package manager (`dpkg`, `rpm`, `apk` or `pacman`)."""

    manager: str
    packages: tuple[Package, ...]
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Service:
    """A systemd unit of type service: its load, active and sub state, see systemctl(1)."""

    unit: str
    load: str
    active: str
    sub: str
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Services:
    """All loaded service units. Evidence is the list as a whole."""

    services: tuple[Service, ...]
    evidence: tuple[Evidence, ...] = ()
