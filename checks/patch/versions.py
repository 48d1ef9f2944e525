"""Version order of dpkg and rpm as byte keys: the plain order of the keys is the package manager's order."""

from __future__ import annotations

import re

# deb-version(7): the upstream version starts with a digit, no part is empty; a colon is possible after an epoch only,
# which the split at the first one takes care of.
_EPOCH = re.compile(r"[0-9]+", re.ASCII)
_UPSTREAM = re.compile(r"[0-9][A-Za-z0-9.+~:-]*", re.ASCII)
_REVISION = re.compile(r"[A-Za-z0-9.+~]+", re.ASCII)
_PIECES = re.compile(r"([^0-9]*)([0-9]*)", re.ASCII)
_RPM = re.compile(r"(?:(?P<epoch>[0-9]+):)?(?P<version>[A-Za-z0-9._+~^]+)-(?P<release>[A-Za-z0-9._+~^]+)", re.ASCII)
_RPM_SEGMENTS = re.compile(r"[0-9]+|[A-Za-z]+|\^|~", re.ASCII)

_END = b"\x02"
_LONGEST_NUMBER = 255


class InvalidVersion(ValueError):
    """The text is not a version of this package manager; nothing can be said about its order."""


def dpkg_key(version: str) -> bytes:
    """The order of deb-version(7) as bytes.

    Inside a run of non-digits dpkg orders `~`, the end of the run, letters, everything else: 0x01, 0x02, ASCII, and
    ASCII + 128. A number is its length and its digits, so that longer is larger. Raises `InvalidVersion`.
    """
    epoch, rest = version.split(":", 1) if ":" in version else ("0", version)
    upstream, revision = rest.rsplit("-", 1) if "-" in rest else (rest, "0")
    if not (_EPOCH.fullmatch(epoch) and _UPSTREAM.fullmatch(upstream) and _REVISION.fullmatch(revision)):
        raise InvalidVersion(f"{version!r} is not a Debian version")
    return _number(epoch) + _dpkg_part(upstream) + _dpkg_part(revision)


def rpm_key(version: str) -> bytes:
    """The order of rpmvercmp over `[epoch:]version-release` (rpm-version(7)) as bytes. Raises `InvalidVersion`.

    `~` sorts before the end, `^` right after it, then letters, then numbers. A release is required: one that is
    missing means "any" in rpm's dependencies and has no place in an order.
    """
    found = _RPM.fullmatch(version)
    if found is None:
        raise InvalidVersion(f"{version!r} is not an rpm version with release")
    return b"".join(_rpm_part(part) for part in (found["epoch"] or "0", found["version"], found["release"]))


def _dpkg_part(part: str) -> bytes:
    key = bytearray()
    for word, number in _PIECES.findall(part):
        key += bytes(_dpkg_weight(character) for character in word) + _END + _number(number)
    return bytes(key)


def _dpkg_weight(character: str) -> int:
    if character == "~":
        return 1
    return ord(character) if character.isalpha() else 128 + ord(character)


def _rpm_part(part: str) -> bytes:
    key = bytearray()
    for segment in _RPM_SEGMENTS.findall(part):
        if segment == "~":
            key += b"\x01"
        elif segment == "^":
            key += b"\x03"
        elif segment.isdigit():
            key += b"\x05" + _number(segment)
        else:
            key += b"\x04" + segment.encode() + b"\0"
    return bytes(key) + _END


def _number(digits: str) -> bytes:
    significant = digits.lstrip("0")
    if len(significant) > _LONGEST_NUMBER:
        raise InvalidVersion(f"a number of {len(significant)} digits is too long to be ordered")
    return bytes([len(significant)]) + significant.encode()
