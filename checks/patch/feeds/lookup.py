"""Looking packages up in the parts of one release, in memory, and remembering what was found."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import Literal

from secaudit.api import Evidence, FeedStamp, Platform, Severity, Unproven, UnprovenKind

from ..versions import InvalidVersion
from .directory import FeedDirectory, opened
from .index import Part
from .partition import SEVERITIES
from .records import ExploitedRecord, State
from .releases import distribution_of, release_of_platform

# Both conditions hold for byte keys: the plain order of the keys is the order of the versions.
_AFFECTING = (
    "SELECT a.version, a.fixed, a.state, a.channel, a.seen, v.id, v.severity, v.published, v.released, v.cves,"
    " a.stream"
    " FROM affected a JOIN advisory v ON v.aid = a.aid"
    " WHERE a.name = ? AND (a.fixed IS NULL OR a.fixed > ?) AND (a.introduced IS NULL OR a.introduced <= ?)"
    " AND a.aid NOT IN (SELECT aid FROM superseded)"
)
# What is said of every version: vendors say it of source packages, and of all that is built from them.
_UNREPAIRED = (
    "SELECT a.version, a.fixed, a.state, a.channel, a.seen, v.id, v.severity, v.published, v.released, v.cves, a.stream"
    " FROM affected a JOIN advisory v ON v.aid = a.aid WHERE a.name = ? AND a.fixed IS NULL AND a.introduced IS NULL"
    " AND a.state <> 'unreadable' AND a.aid NOT IN (SELECT aid FROM superseded)"
)
_UNREPAIRED_NAMES = (
    "SELECT DISTINCT name FROM affected WHERE fixed IS NULL AND introduced IS NULL AND state <> 'unreadable'"
)
_FIXED_AT_OR_BELOW = (
    "SELECT v.id, a.version FROM affected a JOIN advisory v ON v.aid = a.aid WHERE a.name = ? AND a.fixed <= ?"
    " AND a.aid NOT IN (SELECT aid FROM superseded)"
)
_LISTED_UNFIXED = "SELECT count(DISTINCT aid) FROM affected WHERE state NOT IN (?, ?)"
_BACKPORT = re.compile(r"~bpo\d")
_MODULE = ".module"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Flaw:
    """What one advisory says about one installed version. `fixed` is the version that repairs it, `order` its key.

    `released` is when that version was published, None when no advisory tells; it happened before `seen`, when an
    import first saw it. Times are aware UTC.
    """

    id: str
    cves: tuple[str, ...]
    severity: Severity | None
    published: datetime | None
    released: datetime | None
    seen: datetime
    state: State
    channel: str
    fixed: str
    order: bytes


class Standing:
    """What the feeds say about one version of one package: its flaws, or why that cannot be told."""

    def __init__(self, flaws: tuple[Flaw, ...] = (), doubt: str = "") -> None:
        self.flaws = flaws
        self.doubt = doubt
        self._splits: dict[bool, tuple[tuple[Flaw, ...], tuple[Flaw, ...]]] = {}

    def split(self, subscribed: bool) -> tuple[tuple[Flaw, ...], tuple[Flaw, ...]]:
        """The flaws that a host can have repaired, and those it cannot; `subscribed` to Ubuntu Pro it can more.

        A flaw that another advisory about the same CVEs repairs is not among the latter.
        """
        split = self._splits.get(subscribed)
        if split is None:
            split = self._splits[subscribed] = _split(self.flaws, subscribed)
        return split


def _split(flaws: Iterable[Flaw], subscribed: bool) -> tuple[tuple[Flaw, ...], tuple[Flaw, ...]]:
    fixable: list[Flaw] = []
    others: list[Flaw] = []
    for flaw in flaws:
        within_reach = not flaw.channel or (flaw.channel.startswith("pro") and subscribed)
        (fixable if flaw.fixed and within_reach else others).append(flaw)
    repaired = {cve for flaw in fixable for cve in flaw.cves}
    unfixed = (flaw for flaw in others if not flaw.cves or not repaired.issuperset(flaw.cves))
    return tuple(fixable), tuple(unfixed)


ASK_ANEW = Standing()
"""Stands for packages that cannot be looked up one by one: kernels, of which a host has several side by side."""


Remembered = Standing | Literal[False] | None
"""A standing; None where the advisories have nothing to say, False where they do not even know the name."""


class _Versions(dict[str, Remembered]):
    """What is known of the versions of one package, looked up when one is asked for the first time."""

    def __init__(self, name: str, look_up: Callable[[str, str], Standing | None] | None, otherwise: Remembered) -> None:
        super().__init__()
        self._name = name
        self._look_up = look_up
        self._otherwise = otherwise

    def __missing__(self, version: str) -> Remembered:
        found = self._otherwise
        if not version:
            found = ASK_ANEW
        elif self._look_up is not None:
            found = self._look_up(self._name, version)
        self[version] = found
        return found


class _Names(dict[str, _Versions]):
    """Packages by name, then by version: the packages of a fleet repeat, and two plain texts are found without a pair.

    `ASK_ANEW` stands for every version of kernels.
    """

    def __init__(self, look_up: Callable[[str, str], Standing | None], names: AbstractSet[str], kernel: str) -> None:
        super().__init__()
        self._look_up = look_up
        self._names = names
        self._kernel = kernel

    def __missing__(self, name: str) -> _Versions:
        anew = not name or name.startswith(self._kernel)
        look_up = self._look_up if name in self._names and not anew else None
        found = self[name] = _Versions(name, look_up, ASK_ANEW if anew else False)
        return found


class Advisories:
    """The advisories about one release.

    `at` is the moment that the oldest of its parts speaks for, `names` every package that any advisory is about,
    `unrepaired` every one of which a flaw in all of its versions is known.
    """

    def __init__(self, release: str, parts: Iterable[Part], databases: Iterable[bytes]) -> None:
        self.release = release
        self.parts = tuple(parts)
        self.at = min(part.at for part in self.parts)
        self._key: Callable[[str], bytes] = distribution_of(release).key
        self._connections = [opened(data) for data in databases]
        self._highest: dict[str, bytes | None] = {}
        for connection in self._connections:
            for name, highest in connection.execute("SELECT name, highest FROM package"):
                other = self._highest.get(name, b"")
                self._highest[name] = None if highest is None or other is None else max(highest, other)
        self._streams: dict[str, set[str]] = {}
        for connection in self._connections:
            for id_, stream in connection.execute("SELECT id, stream FROM stream"):
                self._streams.setdefault(id_, set()).add(stream)
        self.unrepaired = frozenset(name for one in self._connections for (name,) in one.execute(_UNREPAIRED_NAMES))
        self._of_source: dict[tuple[str, str], tuple[Flaw, ...]] = {}
        self._of_stream: dict[tuple[str, str, str], Standing | None] = {}
        self.names = frozenset(self._highest)
        self.remembered = _Names(self.standing, self.names, "linux" if distribution_of(release).by_source else "kernel")

    @cached_property
    def unfixed(self) -> tuple[int, int]:
        """How many of the advisories name a flaw without a fix, and how many there are.

        Some publishers list fixes only. Their silence about a package does not say that it has no unrepaired flaw.
        """
        listed = total = 0
        for connection in self._connections:
            (count,) = connection.execute(_LISTED_UNFIXED, (State.FIXED.value, State.UNREADABLE.value)).fetchone()
            (all_,) = connection.execute("SELECT count(*) FROM advisory").fetchone()
            listed, total = listed + int(count), total + int(all_)
        return listed, total

    @property
    def evidence(self) -> Evidence:
        """Which data this is."""
        shown = [f"{part.name}, of {part.at:%Y-%m-%d %H:%M} UTC, {part.ranges} ranges" for part in self.parts]
        return Evidence.of(f"feed {self.release}", None, None, shown)

    def standing_of(self, name: str, version: str, stream: str) -> Standing | None:
        """What is known about a build of a module stream (`nodejs:18`); None when there is nothing to say."""
        asked = name, version, stream
        if asked not in self._of_stream:
            self._of_stream[asked] = self.standing(name, version, stream)
        return self._of_stream[asked]

    def standing(self, name: str, version: str, stream: str = "") -> Standing | None:
        """What is known about a version of a package; None when there is nothing to say.

        With `stream`, advisories that name other module streams are left out, and none is in doubt that names this one.
        """
        if name not in self._highest:
            return None
        if _BACKPORT.search(version):
            return Standing(doubt=f"{version} comes from backports, which the advisories of the release do not cover")
        try:
            key = self._key(version)
        except InvalidVersion as error:
            return Standing(doubt=str(error))
        highest = self._highest[name]
        if highest is not None and key >= highest:
            return None
        rows = [row for one in self._connections for row in one.execute(_AFFECTING, (name, key, key))]
        if not rows:
            return None
        if _MODULE in version or any(_MODULE in row[0] or row[-1] for row in rows):
            return self._modular(name, version, key, rows, stream)
        return _judged(rows)

    def _modular(
        self, name: str, version: str, key: bytes, rows: list[tuple[object, ...]], stream: str
    ) -> Standing | None:
        """A build of a module stream is repaired by later builds of that stream only.

        Which one it is is told by the host and by the titles of advisories; where either is silent, by the version.

        Streams differ in their upstream version. An advisory that has a fix for the same upstream version at or below
        the installed one is applied already: it was rebuilt for several minor releases.
        """
        if _MODULE not in version:
            return _judged([row for row in rows if _MODULE not in str(row[0]) and not row[-1]])
        upstream = version.rpartition("-")[0]
        applied = {
            id_
            for one in self._connections
            for id_, fixed in one.execute(_FIXED_AT_OR_BELOW, (name, key))
            if fixed.rpartition("-")[0] == upstream
        }
        # What names no version is about every stream.
        left = [row for row in rows if row[5] not in applied and (not row[0] or _MODULE in str(row[0]))]
        named = [self._named(row) if stream else frozenset() for row in left]
        kept = [
            (row, of) for row, of in zip(left, named, strict=True) if not of or stream in of or not (row[0] or row[-1])
        ]
        left = [row for row, _ in kept]
        told = [row for row, of in kept if row[0] and not of]
        other = [row for row in told if _stream(str(row[0])) != _stream(version)]
        standing = _judged([row for row in left if row not in other])
        if other and not standing.doubt:
            return Standing(standing.flaws, f"{version} is of a module stream that {other[0][5]} may not be about")
        return standing

    def _named(self, row: tuple[object, ...]) -> AbstractSet[str]:
        """The module streams that a row is about, as far as it or its advisory says so."""
        return {str(row[-1])} if row[-1] else self._streams.get(str(row[5]), set())

    def of_source(self, source: str, version: str, stream: str = "") -> tuple[Flaw, ...]:
        """The flaws that are known in every version of a source package; `version` and `stream` are the build's."""
        if source not in self.unrepaired:
            return ()
        module = (stream or "?") if _MODULE in version else ""
        found = self._of_source.get((source, module))
        if found is None:
            rows = [row for one in self._connections for row in one.execute(_UNREPAIRED, (source,))]
            meant = [row for row in rows if not row[-1] or (module and module in (row[-1], "?"))]
            found = self._of_source[source, module] = _judged(meant).flaws
        return found


def _stream(version: str) -> str:
    """Epoch and the first number: what a module stream is called after in most cases."""
    return version.partition(".")[0]


def _judged(rows: Iterable[tuple[object, ...]]) -> Standing:
    flaws: dict[tuple[str, str], Flaw] = {}
    doubt = ""
    for version, order, state, channel, seen, id_, severity, published, released, cves, _ in rows:
        if state == State.UNREADABLE:
            doubt = (
                f"{id_} names a version that cannot be compared: {version!r}" if version else f"{id_} names no version"
            )
            continue
        flaw = Flaw(
            id=str(id_),
            cves=tuple(str(cves).split()),
            severity=SEVERITIES[int(str(severity))],
            published=_moment(published),
            released=_moment(released),
            seen=_EPOCH + timedelta(seconds=int(str(seen))),
            state=State(str(state)),
            channel=str(channel),
            fixed=str(version),
            order=order if isinstance(order, bytes) else b"",
        )
        flaws.setdefault((flaw.id, flaw.fixed), flaw)
    return Standing(_dated(flaws.values()), doubt)


def _dated(flaws: Iterable[Flaw]) -> tuple[Flaw, ...]:
    """Give records about a flaw the date of the advisory with which the same fix was released."""
    found = sorted(flaws, key=lambda flaw: (flaw.order, flaw.id))
    dates: dict[str, datetime] = {}
    for flaw in found:
        if flaw.released is not None and flaw.fixed:
            dates[flaw.fixed] = min(flaw.released, dates.get(flaw.fixed, flaw.released))
    return tuple(
        replace(flaw, released=dates[flaw.fixed]) if flaw.released is None and flaw.fixed in dates else flaw
        for flaw in found
    )


def _moment(seconds: object) -> datetime | None:
    return None if seconds is None else _EPOCH + timedelta(seconds=int(str(seconds)))


@dataclass(frozen=True, slots=True)
class KnownExploited:
    """CISA's catalogue: what is exploited, and by when it has to be repaired. `at` is its date, aware UTC."""

    at: datetime
    entries: Mapping[str, ExploitedRecord]


class ExploitScores:
    """The EPSS scores of one day; `at` is that day, aware UTC."""

    def __init__(self, at: datetime, database: bytes) -> None:
        self.at = at
        self._connection = opened(database)

    def score(self, cve: str) -> float | None:
        """The probability (0 to 1) that the CVE is exploited within 30 days; None when it was not rated."""
        row = self._connection.execute("SELECT score FROM score WHERE cve = ?", (cve,)).fetchone()
        return None if row is None else float(row[0])


class AdvisorySource(FeedDirectory):
    """Advisories, by release."""

    @property
    def stamps(self) -> tuple[FeedStamp, ...]:
        """Every part about a release."""
        return tuple(FeedStamp(part.name, part.at, part.sha256) for part in self.index.parts if part.has_advisories)

    def load(self, platform: Platform | None) -> Advisories:
        """The advisories about the release of `platform`. Raises `Unproven` when there are none."""
        if platform is None:
            raise Unproven(UnprovenKind.STALE, "which release's advisories are needed is not known")
        release = release_of_platform(platform)
        parts = self.index.of_release(release) if release else ()
        if release is None or not parts:
            wanted = release or f"{platform.os_id} {platform.os_version}"
            reason = f"no advisories about {wanted} were imported into {self._directory}: `secaudit feed import FILE`"
            raise Unproven(UnprovenKind.STALE, reason)
        return Advisories(release, parts, [self.read(part) for part in parts])


class ExploitedSource(FeedDirectory):
    """The catalogue of exploited vulnerabilities; the same for every platform."""

    @property
    def stamps(self) -> tuple[FeedStamp, ...]:
        """The one part."""
        part = self.index.of_feed("kev")
        return (FeedStamp(part.name, part.at, part.sha256),) if part else ()

    def load(self, platform: Platform | None) -> KnownExploited:  # noqa: ARG002 - the interface's own signature
        """The catalogue. Raises `Unproven` when there is none."""
        return self._loaded

    @cached_property
    def _loaded(self) -> KnownExploited:
        part = self._catalogue("kev")
        connection = opened(self.read(part))
        rows = connection.execute("SELECT cve, added, due, ransomware FROM exploited").fetchall()
        entries = {
            cve: ExploitedRecord(cve, date.fromisoformat(added), date.fromisoformat(due), bool(ransomware))
            for cve, added, due, ransomware in rows
        }
        return KnownExploited(part.at, entries)


class ScoreSource(FeedDirectory):
    """The scores of EPSS; the same for every platform."""

    @property
    def stamps(self) -> tuple[FeedStamp, ...]:
        """The one part."""
        part = self.index.of_feed("epss")
        return (FeedStamp(part.name, part.at, part.sha256),) if part else ()

    def load(self, platform: Platform | None) -> ExploitScores:  # noqa: ARG002 - the interface's own signature
        """The scores. Raises `Unproven` when there are none."""
        return self._loaded

    @cached_property
    def _loaded(self) -> ExploitScores:
        part = self._catalogue("epss")
        return ExploitScores(part.at, self.read(part))
