"""How long a fix may be available before it has to be installed, and whether that time is over."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import Enum, auto

from pydantic import BaseModel, ConfigDict, Field

from secaudit.api import Duration, Severity, show_duration

from .feeds.lookup import Flaw


class Deadlines(BaseModel):
    """Time from the release of a fix, by the severity of the flaw; `unknown` where nobody states a severity."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    critical: Duration = Field(default=timedelta(days=14), ge=timedelta())
    high: Duration = Field(default=timedelta(days=14), ge=timedelta())
    medium: Duration = Field(default=timedelta(days=30), ge=timedelta())
    low: Duration = Field(default=timedelta(days=90), ge=timedelta())
    unknown: Duration = Field(default=timedelta(days=14), ge=timedelta())

    def of(self, severity: Severity | None) -> timedelta:
        """The deadline for flaws of a severity."""
        limits = {
            Severity.CRITICAL: self.critical,
            Severity.HIGH: self.high,
            Severity.MEDIUM: self.medium,
            Severity.LOW: self.low,
        }
        return self.unknown if severity is None else limits.get(severity, self.low)

    def __str__(self) -> str:
        parts = [f"{name} {show_duration(getattr(self, name))}" for name in type(self).model_fields]
        return ", ".join(parts)


class Lateness(Enum):
    """Whether a deadline is over."""

    IN_TIME = auto()
    LATE = auto()
    UNKNOWN = auto()


def lateness(flaw: Flaw, limit: timedelta, now: datetime) -> Lateness:
    """Whether the fix of `flaw` has been available for longer than `limit` at `now` (aware UTC).

    Without a date of release two bounds decide: nobody has to install a fix before the flaw is public, and it was
    released before an import first saw it. What lies between them is not known.
    """
    if flaw.released is not None:
        return Lateness.LATE if now - flaw.released > limit else Lateness.IN_TIME
    if flaw.published is not None and now - flaw.published <= limit:
        return Lateness.IN_TIME
    return Lateness.LATE if now - flaw.seen > limit else Lateness.UNKNOWN


def since(flaw: Flaw) -> datetime:
    """When the fix was released, as far as that is known."""
    return flaw.released or flaw.seen
