"""Availability of a service in a period, from probes that were imported."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from fractions import Fraction
from itertools import pairwise

from secaudit.model.availability import Availability, AvailabilityState, Probe
from secaudit.model.contract import AvailabilityTarget, Contract
from secaudit.model.hours import Month
from secaudit.sla.history import day_begin
from secaudit.sla.windows import Span, joined, length, planned, without


def month_span(contract: Contract, month: Month) -> Span:
    """A month of the contract's local calendar, cut to the days on which it is in force. Empty when it is not."""
    start = max(month.first, contract.since)
    begin, end = day_begin(contract, start), day_begin(contract, month.following.first)
    if contract.until is not None:
        end = min(end, day_begin(contract, contract.until + timedelta(days=1)))
    return Span(begin, max(begin, end))


def measure(
    contract: Contract, promised: AvailabilityTarget, probes: Iterable[Probe], start: datetime, end: datetime
) -> Availability:
    """What probes say about a service between two moments (aware UTC).

    A probe speaks from its moment until the next one, for `promised.every` at most; time that no probe speaks for is
    unmeasured. Of two probes at one moment the one that failed counts. Planned windows are taken out of everything.
    """
    windows = planned(contract, start, end) if promised.exclude_windows else ()
    ordered = sorted(probes, key=lambda probe: (probe.at, not probe.is_up))
    spoken = _spoken(ordered, promised, Span(start, end))
    up = length(without(joined(span for span, is_up in spoken if is_up), windows))
    down = length(without(joined(span for span, is_up in spoken if not is_up), windows))
    excluded = length(windows)
    found = Availability(
        service=promised.service,
        start=start,
        end=end,
        planned=excluded,
        up=up,
        down=down,
        unmeasured=(end - start) - excluded - up - down,
        state=AvailabilityState.NOT_ASSESSABLE,
    )
    return replace(found, state=_state(found, promised))


def _spoken(probes: Sequence[Probe], promised: AvailabilityTarget, whole: Span) -> list[tuple[Span, bool]]:
    """What each probe speaks for inside of the period."""
    ends = [after.at for _, after in pairwise(probes)]
    found: list[tuple[Span, bool]] = []
    for index, probe in enumerate(probes):
        end = probe.at + promised.every
        if index < len(ends):
            end = min(end, ends[index])
        span = Span(max(probe.at, whole.start), min(end, whole.end))
        if span.start < span.end:
            found.append((span, probe.is_up))
    return found


def _state(found: Availability, promised: AvailabilityTarget) -> AvailabilityState:
    target, least = Fraction(promised.target), Fraction(promised.min_coverage)
    percent, highest, coverage = found.percent, found.highest, found.coverage
    if highest is not None and highest < target:
        return AvailabilityState.MISSED
    if percent is None or coverage is None or coverage < least:
        return AvailabilityState.NOT_ASSESSABLE
    return AvailabilityState.MET if percent >= target else AvailabilityState.MISSED
