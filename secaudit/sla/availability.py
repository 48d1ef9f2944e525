"""Availability of a service in a period, from probes."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from fractions import Fraction
from itertools import groupby, pairwise

from secaudit.model.availability import Availability, AvailabilityState, Outage, Probe
from secaudit.model.contract import AvailabilityTarget, Contract
from secaudit.model.hours import Month
from secaudit.sla.history import day_begin
from secaudit.sla.windows import Span, joined, length, planned, without

LATE = timedelta(seconds=90)
"""How late our own probes may come: the timer looks every minute, and a round takes its time."""


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

    Fewer failures in a row than `promised.down_after` are not called down: they are up when the next probe is, and
    unmeasured when there is none yet. Our own probes may come a little late, see `LATE`.
    """
    windows = planned(contract, start, end) if promised.exclude_windows else ()
    ordered = one_a_moment(probes)
    spoken = _spoken(ordered, promised, Span(start, end))
    up = length(without(joined(span for span, is_up in spoken if is_up), windows))
    failed = without(joined(span for span, is_up in spoken if not is_up), windows)
    down = length(failed)
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
        outages=tuple(Outage(span.start, span.end, _detail(ordered, span)) for span in failed),
    )
    return replace(found, state=_state(found, promised))


def one_a_moment(probes: Iterable[Probe]) -> tuple[Probe, ...]:
    """The probes in order, one of each moment: one that failed, and of these one that tells what it saw."""
    last = {probe.at: probe for probe in sorted(probes, key=lambda probe: (not probe.is_up, bool(probe.detail)))}
    return tuple(last[at] for at in sorted(last))


def _spoken(probes: Sequence[Probe], promised: AvailabilityTarget, whole: Span) -> list[tuple[Span, bool]]:
    """What each probe speaks for inside of the period."""
    ends = [after.at for _, after in pairwise(probes)]
    verdicts = _verdicts(probes, promised.down_after)
    longest = promised.every + (LATE if promised.probe is not None else timedelta())
    found: list[tuple[Span, bool]] = []
    for index, probe in enumerate(probes):
        verdict = verdicts[index]
        end = probe.at + longest
        if index < len(ends):
            end = min(end, ends[index])
        span = Span(max(probe.at, whole.start), min(end, whole.end))
        if span.start < span.end and verdict is not None:
            found.append((span, verdict))
    return found


def _verdicts(probes: Sequence[Probe], down_after: int) -> list[bool | None]:
    """Whether the service is called up at each probe; None for failures that are too few and not yet followed."""
    verdicts: list[bool | None] = []
    for is_up, same in groupby(probes, key=lambda probe: probe.is_up):
        count = sum(1 for _ in same)
        if is_up or count >= down_after:
            verdicts += [is_up] * count
        else:
            is_followed = len(verdicts) + count < len(probes)
            verdicts += [True if is_followed else None] * count
    return verdicts


def _detail(probes: Sequence[Probe], outage: Span) -> str:
    """What the first failed probe of an outage saw: the last one before it, or the first one inside."""
    before = bisect_right(probes, outage.start, key=lambda probe: probe.at)
    seen = probes[max(0, before - 1) : bisect_right(probes, outage.end, key=lambda probe: probe.at)]
    return next((probe.detail for probe in seen if not probe.is_up and probe.detail), "")


def _state(found: Availability, promised: AvailabilityTarget) -> AvailabilityState:
    target, least = Fraction(promised.target), Fraction(promised.min_coverage)
    percent, highest, coverage = found.percent, found.highest, found.coverage
    if highest is not None and highest < target:
        return AvailabilityState.MISSED
    if percent is None or coverage is None or coverage < least:
        return AvailabilityState.NOT_ASSESSABLE
    return AvailabilityState.MET if percent >= target else AvailabilityState.MISSED
