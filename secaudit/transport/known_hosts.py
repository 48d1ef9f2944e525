"""Reading known_hosts files as sshd(8), SSH_KNOWN_HOSTS FILE FORMAT, describes them. Certificates are not used."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

DEFAULT_PORT = 22


@dataclass(frozen=True, slots=True)
class KnownKey:
    """A key that a file has for a host: its type, its blob, whether it is revoked, and where it stands."""

    type: str
    blob: bytes
    revoked: bool
    file: Path
    line: int

    @property
    def place(self) -> str:
        """`file:line`, for messages."""
        return f"{self.file}:{self.line}"


def fingerprint(blob: bytes) -> str:
    """The fingerprint of a public key's blob as ssh-keygen(1) prints it: `SHA256:` and unpadded base64."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


def known_name(host: str, port: int) -> str:
    """The name under which a host stands in known_hosts: `host`, or `[host]:port` for another port than 22."""
    host = host.lower()
    return host if port == DEFAULT_PORT else f"[{host}]:{port}"


def lookup(name: str, files: Iterable[Path]) -> tuple[KnownKey, ...]:
    """All keys that the files have for `name` (from `known_name`), revoked ones included, in file order.

    A file that does not exist has none. Raises OSError when one cannot be read. Lines that cannot be understood and
    certificate authorities are passed over: they never make a key trusted.
    """
    return tuple(key for file in files if file.exists() for key in _matching(name, file))


def _matching(name: str, file: Path) -> Iterator[KnownKey]:
    for number, line in enumerate(file.read_text("utf-8", "replace").splitlines(), 1):
        fields = line.split()
        if not fields or fields[0].startswith("#"):
            continue
        marker = fields.pop(0) if fields[0].startswith("@") else ""
        if marker not in ("", "@revoked") or len(fields) < 3 or not _names(fields[0], name):
            continue
        try:
            blob = base64.b64decode(fields[2], validate=True)
        except binascii.Error:
            continue
        yield KnownKey(fields[1], blob, marker == "@revoked", file, number)


def _names(patterns: str, name: str) -> bool:
    if patterns.startswith("|1|"):
        return _hashed(patterns, name)
    matched = False
    for pattern in patterns.lower().split(","):
        negated = pattern.startswith("!")
        # Only * and ? are special there; a bracket belongs to [host]:port.
        if fnmatchcase(name, re.sub(r"\[", "[[]", pattern.removeprefix("!"))):
            if negated:
                return False
            matched = True
    return matched


def _hashed(entry: str, name: str) -> bool:
    """`|1|salt|hash`: both base64, the hash is HMAC-SHA1 of the name under the salt."""
    try:
        salt, digest = (base64.b64decode(part, validate=True) for part in entry[3:].split("|"))
    except ValueError:  # also the base class of binascii.Error
        return False
    return hmac.compare_digest(hmac.digest(salt, name.encode(), "sha1"), digest)
