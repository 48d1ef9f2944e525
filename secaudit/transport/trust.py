"""Pinning a host's key: fetch it without logging in, show its fingerprint, and only then write it to known_hosts."""

from __future__ import annotations

import base64
import os
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from secaudit.model.inventory import Host
from secaudit.transport import known_hosts
from secaudit.transport.interface import TransportError
from secaudit.transport.ssh_login import fetch_key, silence
from secaudit.transport.ssh_route import route


class KeyNotPinned(TransportError):
    """The key was not written; the text says why."""


@dataclass(frozen=True, slots=True)
class HostKey:
    """A key that a host shows: the host's `name` in known_hosts, and type and public key as they stand there."""

    name: str
    type: str
    base64: str

    @property
    def fingerprint(self) -> str:
        """`SHA256:…`, as ssh-keygen(1) prints it."""
        return known_hosts.fingerprint(base64.b64decode(self.base64))

    @property
    def line(self) -> str:
        """The line for a known_hosts file, without a newline."""
        return f"{self.name} {self.type} {self.base64}"


def fetch_host_key(host: Host, limit: timedelta = timedelta(seconds=10)) -> HostKey:
    """The key that the host shows, within `limit` for each step. Nobody logs into the host, but into its jump hosts.

    Raises Unreachable.
    """
    silence()
    hops = route(host)
    seconds = limit.total_seconds()
    key = fetch_key(hops, time.monotonic() + seconds * 2 * len(hops), seconds)
    return HostKey(hops[-1].known_as, key.get_name(), base64.b64encode(key.asbytes()).decode())


def pin(host: Host, key: HostKey, file: Path | None = None) -> Path:
    """Add the key to `file`, by default the first known_hosts file that a scan of the host reads; returns that file.

    A key that is there already is not added again. Raises KeyNotPinned when the file cannot be written, or when it, or
    another file that the scan reads, has the key as revoked or has a different key of this type: only a person may
    remove that.
    """
    hop = route(host)[-1]
    file = file or hop.known_hosts[0]
    blob = base64.b64decode(key.base64)
    try:
        known = known_hosts.lookup(key.name, dict.fromkeys((file, *hop.known_hosts)))
        for other in known:
            if other.revoked and other.blob == blob:
                raise KeyNotPinned(f"the key is revoked at {other.place}")
            if not other.revoked and other.type == key.type and other.blob != blob:
                raise KeyNotPinned(
                    f"another {key.type} key of {key.name} is pinned at {other.place}:"
                    f" {known_hosts.fingerprint(other.blob)}. If the host was set up anew, remove it first:"
                    f" ssh-keygen -R '{key.name}' -f {other.file}"
                )
        if not any(other.blob == blob and other.file == file for other in known):
            _append(file, key.line)
    except OSError as error:
        raise KeyNotPinned(f"{error.filename or file}: {error.strerror}") from error
    return file


def _append(file: Path, line: str) -> None:
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "r+b") as known:
        size = known.seek(0, os.SEEK_END)
        # Somebody's editor may have left the last line open.
        known.seek(max(0, size - 1))
        unfinished = size > 0 and known.read(1) != b"\n"
        known.write((b"\n" if unfinished else b"") + line.encode() + b"\n")
