"""Probes of a service and what they say about a month."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from fractions import Fraction


@dataclass(frozen=True, slots=True)
class Probe:
    """Whether a service answered as it should at a moment (aware UTC).

    `detail` says what was seen, empty when it was not told; `expires` is when the service's certificate does.
    """

    at: datetime
    is_up: bool
    detail: str = ""
    expires: datetime | None = None


@dataclass(frozen=True, slots=True)
class Outage:
    """A time in which a service was down (aware UTC, `end` exclusive), and what the first failed probe saw."""

    start: datetime
    end: datetime
    detail: str = ""


class AvailabilityState(StrEnum):
    """What a month of probes says about a promise."""

    MET = "met"
    MISSED = "missed"
    """Below the target; also when it would be even if all that was not measured had been up."""
    NOT_ASSESSABLE = "not_assessable"
    """Too little was measured to say either."""


@dataclass(frozen=True, slots=True)
class Availability:
    """A service in a period (aware UTC, `end` exclusive).

    The period is `planned` (excluded windows) + `up` + `down` + `unmeasured`. `percent` is up / (up + down), None when
    nothing was measured; `lowest` and `highest` take what was not measured for down and for up. `coverage` is the
    percentage of the time outside of planned windows that was measured, None when all of it was planned.
    """

    service: str
    start: datetime
    end: datetime
    planned: timedelta
    up: timedelta
    down: timedelta
    unmeasured: timedelta
    state: AvailabilityState
    outages: tuple[Outage, ...] = ()
    """Outside of planned windows, in order."""

    @property
    def percent(self) -> Fraction | None:
        """What was measured."""
        return _percent(self.up, self.up + self.down)

    @property
    def lowest(self) -> Fraction | None:
        """The least that it can have been."""
        return _percent(self.up, self.up + self.down + self.unmeasured)

    @property
    def highest(self) -> Fraction | None:
        """The most that it can have been."""
        return _percent(self.up + self.unmeasured, self.up + self.down + self.unmeasured)

    @property
    def coverage(self) -> Fraction | None:
        """How much was measured."""
        return _percent(self.up + self.down, self.up + self.down + self.unmeasured)


def _percent(part: timedelta, whole: timedelta) -> Fraction | None:
    unit = timedelta(microseconds=1)
    return Fraction(part // unit, whole // unit) * 100 if whole else None


def show_percent(value: Fraction, digits: int = 3) -> str:
    """A percentage cut off after `digits`, never rounded up: 99.8999… is not 99.9."""
    scaled = int(value * 10**digits)
    return f"{scaled // 10**digits}.{scaled % 10**digits:0{digits}}"
