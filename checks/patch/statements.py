"""What people state about flaws in packages (VEX), and which installed packages that is about."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property

from packageurl import PackageURL

from secaudit.api import FeedStamp, Platform

from ..host.facts import Package
from .feeds.directory import FeedDirectory, opened
from .feeds.index import Part
from .feeds.releases import DEBIAN_CODENAMES

_HARMLESS = ("not_affected", "fixed")
_TYPES = {"debian": "deb", "ubuntu": "deb", "alpine": "apk", "almalinux": "rpm", "rocky": "rpm", "rhel": "rpm"}
_NAMESPACES = {"rhel": "redhat", "rocky": "rocky-linux"}
"""What purls call a distribution where it is not os-release's `ID`."""

_QUALIFIERS = frozenset({"arch", "distro", "epoch", "upstream"})
"""Qualifiers that can be held against an installed package. One that cannot makes a purl match nothing."""


@dataclass(frozen=True, slots=True)
class Statement:
    """That `author` stated the status of a flaw at the moment `at` (aware UTC); `expires` is its last day, UTC."""

    names: tuple[str, ...]
    product: str
    status: str
    reason: str
    author: str
    at: datetime
    expires: date

    def clears(self, now: datetime) -> bool:
        """Whether it says at `now` (aware UTC) that the flaw does no harm."""
        return self.status in _HARMLESS and now.date() <= self.expires

    def shown(self, now: datetime) -> str:
        """It in one line, with what becomes of it."""
        fate = "" if now.date() <= self.expires else ", which is over: it does not count"
        why = f" ({self.reason})" if self.reason else ""
        return f"{self.names[0]} {self.status}{why}: {self.author}, {self.at:%Y-%m-%d}, until {self.expires}{fate}"


class Statements:
    """The statements about packages of one platform."""

    def __init__(self, platform: Platform, statements: Iterable[Statement]) -> None:
        self._platform = platform
        self._by_name: dict[str, list[tuple[PackageURL, Statement]]] = {}
        for statement in statements:
            try:
                purl = PackageURL.from_string(statement.product)
            except ValueError:
                continue
            if self._is_of_platform(purl):
                self._by_name.setdefault(purl.name, []).append((purl, statement))

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self._by_name)

    def about(self, package: Package) -> tuple[Statement, ...]:
        """Every statement about a package as it is installed, in its own name or that of its source."""
        found = [
            statement
            for name in dict.fromkeys((package.name, package.source))
            for purl, statement in self._by_name.get(name, ())
            if _is_about(purl, package, statement.status)
        ]
        return tuple(found)

    def _is_of_platform(self, purl: PackageURL) -> bool:
        os_id, version = self._platform.os_id, self._platform.os_version
        namespaces = {os_id, _NAMESPACES.get(os_id, os_id)}
        qualifiers = _qualifiers(purl)
        if purl.type != _TYPES.get(os_id) or purl.namespace not in namespaces or purl.subpath:
            return False
        if not qualifiers.keys() <= _QUALIFIERS:
            return False
        codenames = {name for name, number in DEBIAN_CODENAMES.items() if os_id == "debian" and number == version}
        # A major release of an rpm distribution is what its minor ones are of: os-release says 9.4, a purl rhel-9.
        majors = {version.partition(".")[0]} if purl.type == "rpm" else set()
        named = {version, *codenames, *majors}
        return qualifiers.get("distro", version) in {*named, *(f"{os_id}-{name}" for name in named)}


def _qualifiers(purl: PackageURL) -> Mapping[str, str]:
    return dict(purl.qualifiers)


def _is_about(purl: PackageURL, package: Package, status: str) -> bool:
    """Whether a purl means this package: everything that it says has to be true of it."""
    qualifiers = _qualifiers(purl)
    by_name = purl.name == package.name
    installed = package.version if by_name else package.source_version or package.version
    if purl.version is None:
        # That all versions there will ever be hold the fix cannot be meant.
        if status == "fixed":
            return False
    elif purl.type == "rpm":
        epoch, colon, rest = installed.partition(":")
        if (qualifiers.get("epoch", "0"), purl.version) != ((epoch, rest) if colon else ("0", installed)):
            return False
    elif purl.version != installed:
        return False
    if qualifiers.get("arch", package.architecture) != package.architecture:
        return False
    source, _, version = qualifiers.get("upstream", "").partition("@")
    return source in ("", package.source) and version in ("", package.source_version)


def newest(statements: Iterable[Statement], name: str) -> Statement | None:
    """The statement about a flaw that counts: the last one, and of two of one moment the one that does not clear."""
    about = (statement for statement in statements if name in statement.names)
    return max(about, key=lambda statement: (statement.at, statement.status not in _HARMLESS), default=None)


class StatementSource(FeedDirectory):
    """Imported statements, by platform."""

    @property
    def stamps(self) -> tuple[FeedStamp, ...]:
        """What people state, and what vendors do in CSAF."""
        return tuple(FeedStamp(part.name, part.at, part.sha256) for part in self._parts)

    def load(self, platform: Platform | None) -> Statements:
        """The statements about packages of `platform`; none without an import. Raises `Unproven` for damage."""
        return Statements(platform or Platform("", ""), self._loaded)

    @property
    def _parts(self) -> tuple[Part, ...]:
        found = (self.index.of_feed(feed) for feed in ("vex", "csaf-vex"))
        return tuple(part for part in found if part is not None)

    @cached_property
    def _loaded(self) -> tuple[Statement, ...]:
        return tuple(statement for part in self._parts for statement in self._statements(part))

    def _statements(self, part: Part) -> Iterator[Statement]:
        rows = opened(self.read(part)).execute(
            "SELECT names, product, status, reason, author, at, expires FROM statement"
        )
        for names, product, status, reason, author, at, expires in rows:
            yield Statement(
                tuple(names.split()),
                product,
                status,
                reason,
                author,
                datetime.fromtimestamp(at, UTC),
                date.fromisoformat(expires),
            )
