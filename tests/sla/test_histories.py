"""Whole stories of findings over several contracts, zones and changes of clocks, held against the slow reckoning.

What scans saw goes through the very step that a store derives its events with. `SECAUDIT_STORIES=5000` tells more of
them than a usual run does.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import cache
from typing import Any

import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

from secaudit.model.answer import Reach
from secaudit.model.contract import (
    BusinessCalendar,
    ClockKind,
    Contract,
    Opening,
    Priority,
    Reopening,
    SlaRules,
    SpecialDay,
    Target,
    Unit,
)
from secaudit.model.outcome import Outcome
from secaudit.model.result import Result, Waiver
from secaudit.model.severity import Severity
from secaudit.model.sla import ClockReading, ClockState, EventKind, FindingClocks, FindingEvent
from secaudit.sla.clocks import read_clocks, remediation_due
from secaudit.sla.deadlines import with_deadlines
from secaudit.sla.history import ContractHistory
from secaudit.store.finding_events import transitions
from secaudit.store.lifecycle import Finding, advance
from tests.sla import reckoning
from tests.sla.contracts import WORK, a_contract, business, business_days, days, real
from tests.sla.minutes import BEGIN, Days, World, moment
from tests.sla.reckoning import (
    Acknowledged,
    Paused,
    Reckoned,
    Resumed,
    Scan,
    Step,
    Story,
    TooFar,
    Withdrawn,
)
from tests.store.scenes import WEB, a_result

STORIES = int(os.environ.get("SECAUDIT_STORIES", "150"))

SHORT, SPLIT = (Opening(480, 900),), (Opening(480, 720), Opening(780, 1020))
NIGHT, ALWAYS = (Opening(0, 105), Opening(150, 360), Opening(1200, 1410)), (Opening(0, 1440),)
"""1:45, 2:30 and 23:30 are each shown twice, or never, in one zone or another."""
HALF, LAST, FIRST = (Opening(480, 720),), (Opening(1380, 1440),), (Opening(0, 30),)
CLOSING = (
    SpecialDay(date(2025, 12, 24), ()),
    SpecialDay(date(2025, 12, 31), LAST),
    SpecialDay(date(2026, 1, 1), FIRST),
    SpecialDay(date(2026, 1, 2), HALF),
)
"""A closed day, and days that are open around midnight only; one of them is a public holiday."""

CALENDARS = {
    "berlin": BusinessCalendar("Europe/Berlin", (WORK, WORK, SPLIT, WORK, SHORT, (), ()), "DE", "BY", CLOSING),
    "shifts": BusinessCalendar("Europe/Berlin", (NIGHT, ALWAYS, NIGHT, ALWAYS, NIGHT, NIGHT, ALWAYS), "DE", "BE"),
    "new-york": BusinessCalendar("America/New_York", (WORK,) * 5 + (NIGHT, NIGHT), "US", "NY", CLOSING[1:]),
    "lord-howe": BusinessCalendar("Australia/Lord_Howe", (SPLIT,) * 5 + (NIGHT, ALWAYS), "AU", "NSW", CLOSING[:2]),
    "santiago": BusinessCalendar("America/Santiago", (WORK,) * 4 + (SHORT, NIGHT, NIGHT), "CL", "", CLOSING),
}
"""Clocks are changed in the nights of weekends: on the hour, by half an hour, and at midnight."""

Term = tuple[str, str, str]
WORLDS: dict[str, tuple[Term, ...]] = {
    "westwards, open end": (("berlin", "2025-09-01", "2025-12-31"), ("new-york", "2026-01-01", "")),
    "eastwards, and a gap": (
        ("new-york", "2025-09-01", "2025-11-01"),
        ("berlin", "2025-11-02", "2026-02-28"),
        ("lord-howe", "2026-03-20", ""),
    ),
    "around the world": (("santiago", "2025-09-01", "2025-12-24"), ("lord-howe", "2025-12-25", "")),
    "no successor": (("shifts", "2025-09-10", "2025-10-26"), ("berlin", "2025-10-27", "2026-03-28")),
    "changes on the days of changes": (
        ("lord-howe", "2025-09-01", "2025-10-04"),
        ("shifts", "2025-10-05", "2025-10-25"),
        ("new-york", "2025-10-26", "2026-03-07"),
        ("santiago", "2026-03-08", "2026-04-04"),
    ),
}


@cache
def days_of(name: str) -> Days:
    return Days.of(CALENDARS[name])


@cache
def world_of(name: str) -> World:
    contracts = [
        a_contract(
            calendar=CALENDARS[calendar],
            since=date.fromisoformat(since),
            until=date.fromisoformat(until) if until else None,
        )
        for calendar, since, until in WORLDS[name]
    ]
    names = {CALENDARS[calendar]: calendar for calendar, _, _ in WORLDS[name]}
    return World.of(contracts, lambda calendar: days_of(names[calendar]))


ANCHORS = sorted(
    (date.fromisoformat(day) - BEGIN.date()).days * 1440
    for day in (
        *("2025-09-07", "2025-10-05", "2025-10-26", "2025-11-02", "2026-03-08", "2026-03-29", "2026-04-05"),
        *("2025-09-01", "2025-10-27", "2025-12-25", "2026-01-01", "2026-03-01", "2026-03-20"),
    )
)
"""Days on which clocks or contracts change, and holidays; in minutes."""

SEVERITIES = (Severity.CRITICAL, Severity.HIGH, Severity.MEDIUM, Severity.LOW)
TARGETS = st.sampled_from(
    [
        *(real(2), real(24), Target(90, Unit.MINUTES, ClockKind.REAL), Target(3, Unit.DAYS, ClockKind.REAL)),
        *(business(1), business(4), business(40), Target(45, Unit.MINUTES, ClockKind.BUSINESS)),
        *(business_days(1), business_days(3), business_days(10), days(1), days(3), days(14)),
    ]
)


@st.composite
def terms(draw: st.DrawFn, contract: Contract) -> Contract:
    """Other promises under a contract."""
    promises = draw(st.lists(st.tuples(st.none() | TARGETS, TARGETS), min_size=3, max_size=3))
    priorities = tuple(
        Priority(f"P{number}", frozenset({severity}), response, remediation)
        for number, (severity, (response, remediation)) in enumerate(zip(SEVERITIES, promises, strict=False), 1)
    )
    rules = SlaRules(
        enforce_from=contract.since + timedelta(days=draw(st.sampled_from([0, 0, 0, 10]))),
        warn_at=draw(st.sampled_from([Decimal("0.8"), Decimal("0.5"), Decimal("0.3335")])),
        grace=draw(st.sampled_from([timedelta(), timedelta(), timedelta(hours=1), timedelta(days=2)])),
        reopen=draw(st.sampled_from(Reopening)),
    )
    return replace(contract, priorities=priorities, sla=rules)


@dataclass(frozen=True)
class _Told:
    """What a storyteller must remember to tell nothing that a store would refuse."""

    is_open: bool = False
    is_acknowledged: bool = False
    paused_until: int = 0


spans = st.integers(0, 300) | st.integers(0, 1500) | st.integers(0, 1500) | st.integers(0, 12 * 1440)
nearby = st.integers(-150, 150)


@st.composite
def stories(draw: st.DrawFn) -> tuple[Step, ...]:
    """What happened to a finding, step by step."""

    def later(since: int, least: int) -> int:
        """Some time later, often near a day on which something changes."""
        if draw(st.integers(0, 2)) == 0:
            ahead = [anchor for anchor in ANCHORS if anchor > since][:2]
            if ahead:
                return max(since + least, draw(st.sampled_from(ahead)) + draw(nearby))
        return since + least + draw(spans)

    told = _Told()
    steps: list[Step] = []
    at = draw(st.sampled_from(ANCHORS) | st.integers(1440, 240 * 1440))
    for _ in range(draw(st.integers(1, 14))):
        what = draw(
            st.sampled_from(
                (
                    "failed",
                    "failed",
                    "unproven",
                    "passed",
                    "ack",
                    "ack",
                    "withdraw",
                    "pause",
                    "pause",
                    "resume",
                    "resume",
                )
            )
        )
        is_scan = what in ("failed", "unproven", "passed")
        at = later(at, 1 if is_scan else 0)
        if at > 265 * 1440:
            break
        is_paused = told.paused_until > at
        if is_scan:
            scan = Scan(at, Outcome(what), draw(st.sampled_from(SEVERITIES)), is_complete=draw(st.integers(0, 4)) > 0)
            if what != "passed":
                waived = draw(st.none() | st.just(later(at, 1)))
                steps.append(replace(scan, waived_until=waived))
                told = told if told.is_open else _Told(is_open=True)
            else:
                steps.append(scan)
                told = _Told() if scan.is_complete else told
        elif what == "ack" and told.is_open and not told.is_acknowledged:
            steps.append(Acknowledged(at))
            told = replace(told, is_acknowledged=True)
        elif what == "withdraw" and told.is_acknowledged:
            steps.append(Withdrawn(at))
            told = replace(told, is_acknowledged=False)
        elif what == "pause" and told.is_open and not is_paused:
            until = later(at, 1)
            steps.append(Paused(at, until))
            told = replace(told, paused_until=until)
        elif what == "resume" and is_paused:
            steps.append(Resumed(at))
            told = replace(told, paused_until=0)
    return tuple(steps)


def events_of(steps: Sequence[Step]) -> list[FindingEvent]:
    """The events that a store would hold."""
    finding: dict[str, Finding] = {}
    waived: dict[str, FindingEvent] = {}
    events: list[FindingEvent] = []
    for step in steps:
        if isinstance(step, Scan):
            at, result = moment(step.at), _result(step)
            reach = Reach.COMPLETE if step.is_complete else Reach.PARTIAL
            changed = advance(finding, [result], "run", at, reach)
            new = list(transitions(finding, changed, [result], waived))
            waived |= {
                event.fingerprint: event for event in new if event.kind in (EventKind.WAIVED, EventKind.UNWAIVED)
            }
            events += new
            finding |= changed
        else:
            events.append(_by_people(step))
        # A store gives numbers in this order.
        events = [replace(event, number=number) for number, event in enumerate(events, 1)]
        if isinstance(step, Withdrawn):
            taken = max(event.number for event in events if event.kind is EventKind.ACKNOWLEDGED)
            events[-1] = replace(events[-1], withdraws=taken)
    return events


def _result(scan: Scan) -> Result:
    waiver = Waiver("anna", "migration", moment(scan.waived_until)) if scan.waived_until is not None else None
    return replace(a_result(WEB, outcome=scan.outcome), severity=scan.severity, waiver=waiver, first_seen=None)


def _by_people(step: Acknowledged | Paused | Resumed | Withdrawn) -> FindingEvent:
    fingerprint = a_result(WEB).fingerprint
    match step:
        case Acknowledged():
            return FindingEvent(fingerprint, EventKind.ACKNOWLEDGED, moment(step.at), author="anna")
        case Paused():
            until = moment(step.until)
            return FindingEvent(fingerprint, EventKind.PAUSED, moment(step.at), until=until, author="anna", reason="r")
        case Resumed():
            return FindingEvent(fingerprint, EventKind.RESUMED, moment(step.at), author="anna")
        case Withdrawn():
            return FindingEvent(fingerprint, EventKind.WITHDRAWN, moment(step.at), author="anna")


@pytest.mark.parametrize("name", WORLDS)
@settings(max_examples=STORIES // len(WORLDS))
@given(data=st.data())
def test_every_clock_of_every_story(name: str, data: Any) -> None:
    plain = world_of(name)
    world = plain.with_terms([data.draw(terms(contract)) for contract in plain.contracts])
    steps = data.draw(stories())
    events, history = events_of(steps), ContractHistory(world.contracts)
    looks = {step.at for step in steps} | {step.at + data.draw(spans) for step in steps[-1:]}
    for now in sorted(looks | set(_turns(steps, world, max(looks, default=0)))):
        if now < 280 * 1440:
            note(f"{moment(now)}: {[event for event in events if event.at <= moment(now)]}")
            _compare(read_clocks(events, history, moment(now)), steps, world, now)


@pytest.mark.parametrize("name", WORLDS)
@settings(max_examples=STORIES // len(WORLDS))
@given(data=st.data())
def test_what_a_scan_says_is_due_is_what_its_store_will_say(name: str, data: Any) -> None:
    """A scan fills in `due` before it is stored."""
    plain = world_of(name)
    history = ContractHistory([data.draw(terms(contract)) for contract in plain.contracts])
    steps = data.draw(stories())
    for index, step in enumerate(steps):
        if isinstance(step, Scan) and step.outcome is Outcome.FAILED:
            stored = {a_result(WEB).fingerprint: events_of(steps[:index])}
            (told,) = with_deadlines([_result(step)], stored, history, moment(step.at))
            assert told.due == remediation_due(events_of(steps[: index + 1]), history, moment(step.at))


def _turns(steps: Sequence[Step], world: World, now: int) -> Iterator[int]:
    """Minutes around those at which something is due or breaks, as it looks at a minute."""
    for life in reckoning.told(steps, world):
        for reckoned in _reckoned(life, world, now):
            if reckoned is not None:
                for turn in (reckoned.due, reckoned.breach):
                    yield from (int(turn) + offset for offset in (-1, 0, 1) if int(turn) + offset > now)


def _reckoned(life: Story, world: World, now: int) -> tuple[Reckoned | None, Reckoned | None]:
    if reckoning.unmeasured(life, world) is not None:
        return None, None
    answered = min((at for at in (life.acknowledged, life.resolved) if at is not None), default=None)
    try:
        return (
            reckoning.reckon(life, world, now, lambda priority: priority.response, answered),
            reckoning.reckon(life, world, now, lambda priority: priority.remediation, life.resolved),
        )
    except TooFar:
        return None, None


def _compare(found: Sequence[FindingClocks], steps: Sequence[Step], world: World, now: int) -> None:
    lives = reckoning.told([step for step in steps if step.at <= now], world)
    assert [(life.opened, life.resolved) for life in found] == [
        (moment(life.opened), None if life.resolved is None else moment(life.resolved)) for life in lives
    ]
    for clocks, life in zip(found, lives, strict=True):
        why = reckoning.unmeasured(life, world)
        if why is not None:
            assert clocks.unmeasured is why
            continue
        answered = min((at for at in (life.acknowledged, life.resolved) if at is not None), default=None)
        try:
            _same(clocks.response, reckoning.reckon(life, world, now, lambda each: each.response, answered), now)
            remediated = reckoning.reckon(life, world, now, lambda each: each.remediation, life.resolved)
            _same(clocks.remediation, remediated, now)
        except TooFar:
            continue


ROUNDING = timedelta(milliseconds=1)
"""Parts of days are cut to whole microseconds, at each pause once more."""


def _same(reading: ClockReading | None, reckoned: Reckoned | None, now: int) -> None:
    if reading is None or reckoned is None:
        assert reading is None
        assert reckoned is None
        return
    is_shared = reckoned.promised.unit in (Unit.DAYS, Unit.BUSINESS_DAYS) and reckoned.promised.clock != "real"
    assert (reading.priority, reading.promised, reading.clock) == (
        reckoned.priority,
        str(reckoned.promised),
        reckoned.promised.clock,
    )
    exact = moment(0) + timedelta(microseconds=int(reckoned.due * 60_000_000))
    assert reading.due is not None
    assert abs(reading.due - exact) <= (ROUNDING if is_shared else timedelta())
    end = moment(now if reckoned.ended is None else reckoned.ended)
    assert reading.left == reading.due - end
    assert reading.ended == (None if reckoned.ended is None else end)
    assert (reading.elapsed, reading.paused) == (
        timedelta(minutes=reckoned.elapsed),
        timedelta(minutes=reckoned.paused),
    )
    used = int(reckoned.used * 1000)
    assert used - is_shared <= reading.used <= used
    is_close = is_shared and abs(reckoned.breach - now) < Fraction(1, 1000)
    assert reading.state is reckoned.state or is_close
    assert reading.is_broken == (reckoned.state in (ClockState.BREACHED, ClockState.MISSED)) or is_close
