"""A month of service levels: which promises to findings fell into it, and how they stand at its end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from secaudit.model.sla import ClockReading, ClockState, FindingClocks, FindingEvent, Unmeasured
from secaudit.sla.clocks import read_clocks
from secaudit.sla.history import ContractHistory


@dataclass(frozen=True, slots=True)
class ServiceLevels:
    """Clocks of a period as they stand at its end, and how many there are of each state by priority.

    `clocks` are those of every life of a finding that was there in the period: opened before its end, and not resolved
    before its begin. `unmeasured` counts the lives without a clock by reason.
    """

    clocks: tuple[FindingClocks, ...]
    response: Mapping[str, Mapping[ClockState, int]]
    remediation: Mapping[str, Mapping[ClockState, int]]
    unmeasured: Mapping[Unmeasured, int]


def service_levels(
    events: Iterable[Sequence[FindingEvent]], history: ContractHistory, start: datetime, end: datetime
) -> ServiceLevels:
    """The service levels from `start` to `end` (aware UTC): `events` has those of each finding of a customer.

    `end` is the moment that running clocks are read at; for the present month give now. A response that ended before
    `start` was told in an earlier period and is not counted again, though its finding may still be there.
    """
    clocks = tuple(life for of_finding in events for life in read_clocks(of_finding, history, end, start))
    return ServiceLevels(
        clocks=clocks,
        response=_counted((life.response for life in clocks), start),
        remediation=_counted((life.remediation for life in clocks), start),
        unmeasured=Counter(life.unmeasured for life in clocks if life.unmeasured is not None),
    )


def _counted(readings: Iterable[ClockReading | None], start: datetime) -> Mapping[str, Mapping[ClockState, int]]:
    counts: dict[str, Counter[ClockState]] = {}
    for reading in readings:
        if reading is not None and (reading.ended is None or reading.ended >= start):
            counts.setdefault(reading.priority, Counter())[reading.state] += 1
    return counts
