"""How long a fix may be available before it has to be installed, and whether that time is over."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import Enum, auto
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from secaudit.api import Duration, Severity, show_duration

from .feeds.lookup import Flaw

Rated = Literal["critical", "high", "medium", "low", "unknown"]
"""Severities as baselines name them; `unknown` where nobody states one."""


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


class Freeze(BaseModel):
    """Days on which nothing is changed, both included (UTC).

    Deadlines run on, unless `extend_deadline` moves those that end in the window to its end; never for flaws of a
    severity in `except`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    first: date = Field(alias="from")
    last: date = Field(alias="to")
    exempt: frozenset[Rated] = Field(alias="except", default=frozenset({"critical"}))
    extend_deadline: bool = False

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        """A window ends after it begins."""
        if self.last < self.first:
            raise ValueError(f"the freeze ends on {self.last}, before it begins on {self.first}")
        return self

    @property
    def end(self) -> datetime:
        """The end of its last day."""
        return datetime.combine(self.last, time.max, UTC)

    def covers(self, moment: datetime) -> bool:
        """Whether a moment lies in it."""
        return self.first <= moment.date() <= self.last


@dataclass(frozen=True, slots=True)
class Schedule:
    """The deadline for flaws of one urgency: how long after the release, and the freezes that may move it."""

    limit: timedelta
    freezes: tuple[Freeze, ...]

    def ends(self, released: datetime) -> datetime:
        """When a fix of that moment has to be installed."""
        deadline = released + self.limit
        for freeze in self.freezes:
            if freeze.covers(deadline):
                deadline = freeze.end
        return deadline


def schedule(limits: Deadlines, freezes: Iterable[Freeze], urgency: Severity | None) -> Schedule:
    """The deadline for an urgency."""
    name = urgency.value if urgency else "unknown"
    moving = (freeze for freeze in freezes if freeze.extend_deadline and name not in freeze.exempt)
    return Schedule(limits.of(urgency), tuple(sorted(moving, key=lambda freeze: freeze.first)))


class Lateness(Enum):
    """Whether a deadline is over."""

    IN_TIME = auto()
    LATE = auto()
    UNKNOWN = auto()


def lateness(flaw: Flaw, due: Schedule, now: datetime) -> Lateness:
    """Whether the time to install the fix of `flaw` is over at `now` (aware UTC).

    Without a date of release two bounds decide: nobody has to install a fix before the flaw is public, and it was
    released before an import first saw it. What lies between them is not known.
    """
    if flaw.released is not None:
        return Lateness.LATE if now > due.ends(flaw.released) else Lateness.IN_TIME
    if flaw.published is not None and now <= due.ends(flaw.published):
        return Lateness.IN_TIME
    return Lateness.LATE if now > due.ends(flaw.seen) else Lateness.UNKNOWN


def since(flaw: Flaw) -> datetime:
    """When the fix was released, as far as that is known."""
    return flaw.released or flaw.seen
