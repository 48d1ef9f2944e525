"""A host between its root being there and its services being started: what scenarios work on."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Finding:
    """What an audit has to report as failed: a check's id and the subject, the finding's natural key."""

    check: str
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Service:
    """A program that the host keeps running, and the TCP port that it has to listen on before the host is ready."""

    argv: tuple[str, ...]
    port: int


def listener(port: int) -> Service:
    """A TCP listener on all addresses of both families that accepts and then says nothing."""
    return Service(
        ("/usr/bin/socat", f"TCP6-LISTEN:{port},ipv6only=0,reuseaddr,backlog=128,fork,su=web", "EXEC:sleep infinity"),
        port,
    )


SSHD = Service(("/usr/sbin/sshd", "-D", "-E", "/var/log/sshd.log"), 22)


@dataclass(slots=True)
class Draft:
    """The host's root as it can be reached from here, and what will be started on it.

    Paths given to the methods are absolute on the host and must not lead over symbolic links that are absolute.
    `nftables` is the ruleset for nft(8), None for a host without; `iptables` and `ip6tables` are rules in the format
    of iptables-save(8) that the host loads through iptables-nft.
    """

    name: str
    root: Path
    now: datetime
    nftables: str | None
    services: list[Service]
    iptables: str | None = None
    ip6tables: str | None = None
    commands: list[str] = field(default_factory=list)
    """Lines for the host's shell, run before its services."""

    def path(self, path: str) -> Path:
        """Where the host's `path` is reached from here."""
        return self.root / path.removeprefix("/")

    def read(self, path: str) -> str:
        """The text of a file."""
        return self.path(path).read_text()

    def write(self, path: str, content: str | bytes, *, mode: int = 0o644, at: datetime | None = None) -> None:
        """Write a file and the folders above it; `at` becomes its modification time."""
        file = self.path(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        file.chmod(mode)
        if at is not None:
            self.touch(path, at)

    def touch(self, path: str, at: datetime) -> None:
        """Set the modification time of what is at `path`."""
        os.utime(self.path(path), (at.timestamp(), at.timestamp()))

    def remove(self, path: str) -> None:
        """Remove a file when it is there."""
        self.path(path).unlink(missing_ok=True)

    def copy(self, source: Path, path: str) -> None:
        """Put a copy of one of this machine's folders in the place of what is at `path`."""
        shutil.rmtree(self.path(path), ignore_errors=True)
        shutil.copytree(source, self.path(path))
