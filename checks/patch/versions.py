"""Version order of package managers as byte keys: the plain order of the keys is the package manager's order."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache

from packaging.version import InvalidVersion as NoPythonVersion
from packaging.version import Version

# deb-version(7): the upstream version starts with a digit, no part is empty; a colon is possible after an epoch only,
# which the split at the first one takes care of.
_EPOCH = re.compile(r"[0-9]+", re.ASCII)
_UPSTREAM = re.compile(r"[0-9][A-Za-z0-9.+~:-]*", re.ASCII)
_REVISION = re.compile(r"[A-Za-z0-9.+~]+", re.ASCII)
_PIECES = re.compile(r"([^0-9]*)([0-9]*)", re.ASCII)
_RPM = re.compile(r"(?:(?P<epoch>[0-9]+):)?(?P<version>[A-Za-z0-9._+~^]+)-(?P<release>[A-Za-z0-9._+~^]+)", re.ASCII)
_RPM_SEGMENTS = re.compile(r"[0-9]+|[A-Za-z]+|\^|~", re.ASCII)

# apk-package(5) and apk-tools' own order: digits, one letter, suffixes, the hash of a commit, the revision.
_APK = re.compile(
    r"(?P<digits>[0-9]+(?:\.[0-9]+)*)(?P<letter>[a-z]?)"
    r"(?P<suffixes>(?:_(?:alpha|beta|pre|rc|cvs|svn|git|hg|p)[0-9]*)*)(?:~(?P<commit>[0-9a-f]+))?"
    r"(?:-r(?P<revision>[0-9]+))?",
    re.ASCII,
)
_APK_SUFFIX = re.compile(r"_([a-z]+)([0-9]*)", re.ASCII)
_APK_BEFORE = {"alpha": 1, "beta": 2, "pre": 3, "rc": 4}
_APK_AFTER = {"cvs": 1, "svn": 2, "git": 3, "hg": 4, "p": 5}
# PKGBUILD(5): a version has no hyphen, and what does not end in a letter or digit has no sensible order.
_PACMAN = re.compile(
    r"(?:(?P<epoch>[0-9]+):)?(?P<version>[A-Za-z0-9](?:[A-Za-z0-9._+~^]*[A-Za-z0-9])?)-(?P<release>[0-9]+(?:\.[0-9]+)?)",
    re.ASCII,
)
_PACMAN_SEGMENTS = re.compile(r"([^A-Za-z0-9]*)([0-9]+|[A-Za-z]+)", re.ASCII)

# npm takes versions that begin with `v` or `=`, and so do packages that were published before it was strict.
_SEMVER = re.compile(
    r"[v=]?(?P<major>[0-9]+)\.(?P<minor>[0-9]+)\.(?P<patch>[0-9]+)"
    r"(?:-(?P<pre>[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z.-]+)?",
    re.ASCII,
)

_DPKG_WEIGHTS = bytes(
    1 if code == ord("~") else code if chr(code).isalpha() or code > 127 else 128 + code for code in range(256)
)
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


def apk_key(version: str) -> bytes:
    """The order of apk-tools as bytes. Raises `InvalidVersion`.

    What follows a common beginning sorts: a suffix of a release to come, the end, revision, commit, number of a suffix,
    a suffix of a later state, letter, digits. Digits with a leading zero are a fraction and sort before all others.
    """
    found = _APK.fullmatch(version)
    if found is None:
        raise InvalidVersion(f"{version!r} is not an apk version")
    first, *others = found["digits"].split(".")
    key = bytearray(_number(first))
    for digits in others:
        key += b"\x08" + (b"\0" + digits.encode() + b"\0" if digits.startswith("0") else _number(digits))
    if found["letter"]:
        key += b"\x07" + found["letter"].encode()
    for name, number in _APK_SUFFIX.findall(found["suffixes"]):
        key += bytes([1, _APK_BEFORE[name]]) if name in _APK_BEFORE else bytes([6, _APK_AFTER[name]])
        if number:
            key += b"\x05" + _number(number)
    if found["commit"]:
        key += b"\x04" + found["commit"].encode() + b"\0"
    if found["revision"]:
        key += b"\x03" + _number(found["revision"])
    return bytes(key) + _END


def pacman_key(version: str) -> bytes:
    """The order of vercmp(8) over `[epoch:]version-release` as bytes. Raises `InvalidVersion`.

    Letters right after a number sort before the end, everything else after it: the more separators the later, and
    letters before numbers. A release is required: one that is missing is equal to any.
    """
    found = _PACMAN.fullmatch(version)
    if found is None:
        raise InvalidVersion(f"{version!r} is not a pacman version with release")
    return b"".join(_pacman_part(part) for part in (found["epoch"] or "0", found["version"], found["release"]))


def pep440_key(version: str) -> bytes:
    """The order of PEP 440 as bytes. Raises `InvalidVersion`.

    After the release without its trailing zeros: nothing but a development release, a, b, rc, none; no post-release
    before one; a development release before none; no local version before one, and in it texts before numbers.
    """
    try:
        found = Version(version)
    except NoPythonVersion:
        raise InvalidVersion(f"{version!r} is not a Python version") from None
    key = bytearray(_number(str(found.epoch)))
    significant = len(found.release)
    while significant > 1 and not found.release[significant - 1]:
        significant -= 1
    for number in found.release[:significant]:
        key += b"\x02" + _number(str(number))
    key += b"\x01"
    if found.pre is not None:
        key += bytes([{"a": 2, "b": 3, "rc": 4}[found.pre[0]]]) + _number(str(found.pre[1]))
    else:
        key += b"\x01" if found.dev is not None and found.post is None else b"\x05"
    key += b"\x01" if found.post is None else b"\x02" + _number(str(found.post))
    key += b"\x02" if found.dev is None else b"\x01" + _number(str(found.dev))
    for segment in found.local.split(".") if found.local else ():
        key += b"\x03" + _number(segment) if segment.isdigit() else b"\x02" + segment.encode() + b"\0"
    return bytes(key) + b"\x01"


def semver_key(version: str) -> bytes:
    """The order of Semantic Versioning 2.0.0 as bytes; build metadata do not count, nor does npm's `v` in front.

    A pre-release sorts before its release; in it numbers before texts, and the shorter one first. Raises
    `InvalidVersion`.
    """
    found = _SEMVER.fullmatch(version)
    if found is None:
        raise InvalidVersion(f"{version!r} is not a semantic version")
    key = bytearray(b"".join(_number(found[part]) for part in ("major", "minor", "patch")))
    if found["pre"] is None:
        return bytes(key) + b"\x02"
    key += b"\x01"
    for identifier in found["pre"].split("."):
        key += b"\x02" + _number(identifier) if identifier.isdigit() else b"\x03" + identifier.encode() + b"\0"
    return bytes(key) + b"\x01"


KEYS: Mapping[str, Callable[[str], bytes]] = {
    "dpkg": dpkg_key,
    "rpm": rpm_key,
    "apk": apk_key,
    "pacman": pacman_key,
}
"""The order of each package manager."""


def _pacman_part(part: str) -> bytes:
    key = bytearray()
    for separators, segment in _PACMAN_SEGMENTS.findall(part):
        if len(separators) > _LONGEST_NUMBER - 4:
            raise InvalidVersion(f"{len(separators)} separators in a row are too many to be ordered")
        is_number = segment.isdigit()
        if separators:
            key += bytes([3 + len(separators), 2 if is_number else 1])
        elif key:
            key += b"\x03" if is_number else b"\x01"
        else:
            key += b"\x02" if is_number else b"\x01"
        key += _number(segment) if is_number else segment.encode() + b"\0"
    return bytes(key) + _END


@lru_cache(maxsize=4096)
def _dpkg_part(part: str) -> bytes:
    key = bytearray()
    for word, number in _PIECES.findall(part):
        key += word.encode().translate(_DPKG_WEIGHTS)
        key += _END
        key += _number(number)
    return bytes(key)


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


@lru_cache(maxsize=4096)
def _number(digits: str) -> bytes:
    significant = digits.lstrip("0")
    if len(significant) > _LONGEST_NUMBER:
        raise InvalidVersion(f"a number of {len(significant)} digits is too long to be ordered")
    return bytes([len(significant)]) + significant.encode()
