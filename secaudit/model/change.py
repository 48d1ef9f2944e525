"""What families tell of how two scans of a host differ."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from secaudit.model.section import Section


class Obstacle(StrEnum):
    """Why it is not known whether something changed."""

    NOT_SCANNED = "not_scanned"
    """No scan of the period reached the host."""
    ONE_SCAN = "one_scan"
    """There is no other scan to hold the one against."""
    GONE = "gone"
    """A transcript cannot be read any more."""
    UNREAD_BEFORE = "unread_before"
    """The host did not show it at the first of the two scans."""
    UNREAD_AFTER = "unread_after"
    UNTOLD = "untold"
    """Both scans show it, but not so that they could be compared."""


@dataclass(frozen=True, slots=True)
class HostChange:
    """What one family tells of a host between two scans, which opened it at `before` and `after` (aware UTC).

    Without an `obstacle`, no `section` means that nothing changed. `reason` explains the obstacle in English; it may
    hold text of the host.
    """

    host: str
    family: str
    title: str
    before: datetime | None
    after: datetime | None
    section: Section | None = None
    obstacle: Obstacle | None = None
    reason: str = ""
