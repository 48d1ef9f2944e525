"""Support dates that were imported, by release."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property

from secaudit.api import FeedStamp, Platform

from ..facts import NewestMinor, ReleaseSupport
from .directory import FeedDirectory, opened
from .index import Part

_FEEDS = ("distro-info", "endoflife-date")
"""Where both tell about a distribution and are of one moment, the first counts: it is the distribution's own."""


@dataclass(frozen=True, slots=True)
class Announced:
    """What a feed says about a release: its name, the moment it speaks for (aware UTC), the dates, the newest minor."""

    feed: str
    at: datetime
    support: ReleaseSupport
    newest: NewestMinor | None = None


@dataclass(frozen=True, slots=True)
class AnnouncedSupport:
    """Imported support dates, by distribution and release; nothing where none were imported."""

    releases: Mapping[tuple[str, str], Announced]


class SupportSource(FeedDirectory):
    """Imported support dates; the same for every platform."""

    @property
    def _parts(self) -> tuple[Part, ...]:
        """Every part with support dates, those that count in the end last."""
        parts = [part for part in self.index.parts if part.feed in _FEEDS]
        return tuple(sorted(parts, key=lambda part: (part.at, -_FEEDS.index(part.feed))))

    @property
    def stamps(self) -> tuple[FeedStamp, ...]:
        """Every part, of one distribution each."""
        return tuple(FeedStamp(part.name, part.at, part.sha256) for part in self._parts)

    def load(self, platform: Platform | None) -> AnnouncedSupport:  # noqa: ARG002 - the interface's own signature
        """All of it. Raises `Unproven` for damaged data."""
        return self._loaded

    @cached_property
    def _loaded(self) -> AnnouncedSupport:
        found: dict[tuple[str, str], Announced] = {}
        for part in self._parts:
            connection = opened(self.read(part))
            newest: dict[tuple[str, str], NewestMinor] = {}
            # Parts of earlier versions have no such table.
            if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'newest_minor'").fetchone():
                told = connection.execute("SELECT distribution, release, minor, since FROM newest_minor")
                newest = {(one[0], one[1]): NewestMinor(int(one[2]), date.fromisoformat(one[3])) for one in told}
            rows = connection.execute(
                "SELECT distribution, release, until, extended, extension, subscription FROM support"
            )
            for distribution, release, until, extended, extension, subscription in rows:
                found[distribution, release] = Announced(
                    part.name,
                    part.at,
                    ReleaseSupport(
                        distribution,
                        release,
                        date.fromisoformat(until),
                        date.fromisoformat(extended) if extended else None,
                        extension,
                        bool(subscription),
                    ),
                    newest.get((distribution, release)),
                )
        return AnnouncedSupport(found)
