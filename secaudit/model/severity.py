"""How bad it is when a control fails."""

from __future__ import annotations

from enum import StrEnum


class Severity(StrEnum):
    """Severity of a control, mildest first; compare with `rank` or `at_least`, never as text."""

    INFO = "info"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """Position from 0 (info) to 4 (critical)."""
        return tuple(Severity).index(self)

    def at_least(self, other: Severity) -> bool:
        """Whether this severity is `other` or worse."""
        return self.rank >= other.rank
