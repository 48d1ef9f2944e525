"""Support dates that were imported, by release."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property

from secaudit.api import FeedStamp, Platform

from ..facts import ReleaseSupport
from .index import Part
from .lookup import FeedDirectory, opened

_FEEDS = ("distro-info", "endoflife-date")
"""Where both tell about a distribution and are of one moment, the first counts: it is the distribution's own."""


@dataclass(frozen=True, slots=True)
class Announced:
    """What a feed says about a release: its name, the moment it speaks for (aware UTC), and the dates."""

    feed: str
    at: datetime
    support: ReleaseSupport


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
            rows = opened(self.read(part)).execute(
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
                )
        return AnnouncedSupport(found)
