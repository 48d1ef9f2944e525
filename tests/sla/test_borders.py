"""Clocks at borders, reckoned by hand: of contracts, pauses, waivers, lives and changes of clocks."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest

from secaudit.model.contract import (
    BusinessCalendar,
    Contract,
    Opening,
    Priority,
    Reopening,
    SlaRules,
    SpecialDay,
    Target,
)
from secaudit.model.outcome import Outcome
from secaudit.model.severity import Severity
from secaudit.model.sla import ClockReading, ClockState, EventKind, FindingClocks, FindingEvent, Unmeasured
from secaudit.sla.calendar import Ruler, local_moment
from secaudit.sla.clocks import read_clocks, remediation_due
from secaudit.sla.history import ContractHistory
from tests.sla.contracts import HOUR, WORK, a_contract, at, business, business_days, days, event, found, paused, real

PLAIN = BusinessCalendar("Europe/Berlin", (WORK,) * 5 + ((), ()))
YORK = replace(PLAIN, timezone="America/New_York")
TOKYO = replace(PLAIN, timezone="Asia/Tokyo")


def promising(response: Target, remediation: Target) -> tuple[Priority, ...]:
    return (Priority("P1", frozenset({Severity.CRITICAL, Severity.HIGH}), response, remediation),)


def in_a_row(first: Contract, second: Contract, change: date) -> ContractHistory:
    return ContractHistory(
        [replace(first, until=change - timedelta(days=1)), replace(second, since=change, until=None)]
    )


OLD = a_contract(calendar=PLAIN, priorities=promising(business(2), business(40)))
NEW = a_contract(
    calendar=YORK, priorities=promising(business(1), business(8)), sla=SlaRules(date(2026, 7, 1)), number="V-2"
)
HISTORY = in_a_row(OLD, NEW, date(2026, 7, 1))
"""40 hours of Berlin until 30 June, a Tuesday; from 1 July on 8 hours of New York."""


def only(*events: FindingEvent, now: str, history: ContractHistory = HISTORY) -> FindingClocks:
    (clocks,) = read_clocks(events, history, at(now))
    return clocks


def remediation(*events: FindingEvent, now: str, history: ContractHistory = HISTORY) -> ClockReading:
    reading = only(*events, now=now, history=history).remediation
    assert reading is not None
    return reading


# Changes of contract.


def test_hours_of_two_calendars_add_up() -> None:
    # Monday 29 June 8:00: 18 hours of Berlin to Tuesday evening, 9 of each day in New York, the last 4 on Friday.
    reading = remediation(found("2026-06-29T08:00+02:00"), now="2026-07-01T12:00-04:00")
    assert (reading.promised, reading.due) == ("40h", at("2026-07-03T12:00-04:00"))
    assert reading.used == 22 * 1000 // 40


def test_a_pause_across_the_change_of_contract() -> None:
    pause = paused("2026-06-30T16:00+02:00", "2026-07-01T09:00-04:00")
    reading = remediation(found("2026-06-29T08:00+02:00"), pause, now="2026-07-01T12:00-04:00")
    # Not counted are the last hour of Berlin and the first one of New York.
    assert reading.due == at("2026-07-03T14:00-04:00")
    assert (reading.used, reading.paused) == (20 * 1000 // 40, 23 * HOUR)


def test_found_in_one_contract_acknowledged_in_the_next() -> None:
    acknowledged = event(EventKind.ACKNOWLEDGED, "2026-07-01T08:30-04:00", author="anna")
    clocks = only(found("2026-06-30T16:00+02:00"), acknowledged, now="2026-07-02T00:00-04:00")
    assert clocks.response is not None
    # Two hours were promised; one passed in Berlin, the other one would end at 9:00 in New York.
    assert (clocks.response.promised, clocks.response.state) == ("2h", ClockState.MET)
    assert (clocks.response.due, clocks.response.left) == (at("2026-07-01T09:00-04:00"), HOUR / 2)


def test_reopened_in_another_contract_gets_its_promise() -> None:
    resolved = event(EventKind.RESOLVED, "2026-06-30T12:00+02:00")
    again = event(EventKind.REOPENED, "2026-07-02T08:00-04:00", severity=Severity.CRITICAL, outcome=Outcome.FAILED)
    first, second = read_clocks([found("2026-06-29T08:00+02:00"), resolved, again], HISTORY, at("2026-07-03T00:00Z"))
    assert first.remediation is not None
    assert second.remediation is not None
    assert (first.remediation.promised, first.remediation.state) == ("40h", ClockState.MET)
    assert (second.remediation.promised, second.remediation.due) == ("8h", at("2026-07-02T16:00-04:00"))


def test_another_severity_in_the_next_contract_gets_its_promise() -> None:
    mild = Priority("P3", frozenset({Severity.MEDIUM}), None, business(80))
    history = in_a_row(replace(OLD, priorities=(*OLD.priorities, mild)), NEW, date(2026, 7, 1))
    worse = event(EventKind.REGRADED, "2026-07-01T08:00-04:00", severity=Severity.HIGH, outcome=Outcome.FAILED)
    events = (found("2026-06-29T08:00+02:00", Severity.MEDIUM), worse)
    assert remediation(*events, now="2026-07-01T09:00-04:00", history=history).due == at("2026-07-01T16:00-04:00")


def test_being_proven_again_in_the_next_contract_promises_nothing_new() -> None:
    """A scan that could not see it in between changes neither its beginning nor its severity."""
    proven = event(EventKind.PROVEN, "2026-07-01T08:00-04:00", severity=Severity.CRITICAL, outcome=Outcome.FAILED)
    reading = remediation(found("2026-06-29T08:00+02:00"), proven, now="2026-07-01T12:00-04:00")
    assert (reading.promised, reading.due) == ("40h", at("2026-07-03T12:00-04:00"))


def test_a_contract_that_ends_without_successor_keeps_its_promises() -> None:
    history = ContractHistory([replace(OLD, until=date(2026, 6, 30))])
    before = found("2026-06-30T08:00+02:00")
    reading = remediation(before, now="2026-07-10T00:00+02:00", history=history)
    # Nine hours of Tuesday, and 31 of its own calendar from Wednesday on.
    assert (reading.due, reading.state) == (at("2026-07-06T12:00+02:00"), ClockState.BREACHED)
    assert only(found("2026-07-01T00:00+02:00"), now="2026-07-02T00:00+02:00", history=history).unmeasured is (
        Unmeasured.NO_CONTRACT
    )
    worse = event(EventKind.REGRADED, "2026-07-01T08:00+02:00", severity=Severity.HIGH, outcome=Outcome.FAILED)
    assert remediation(before, worse, now="2026-07-02T00:00+02:00", history=history).due == reading.due


@pytest.mark.parametrize(
    ("calendar", "border"),
    [(YORK, "2026-07-01T00:00-04:00"), (TOKYO, "2026-07-01T00:00+09:00")],
    ids=["westwards", "eastwards"],
)
def test_contracts_in_a_row_leave_no_hour_out_and_count_none_twice(calendar: BusinessCalendar, border: str) -> None:
    history = in_a_row(OLD, replace(NEW, calendar=calendar), date(2026, 7, 1))
    change = at(border)
    old, new = history.contracts
    assert history.at(change - timedelta(microseconds=1)) is old
    assert history.at(change) is new
    assert history.measures(change - timedelta(microseconds=1))
    for hours in range(-12, 12):
        clocks = only(found((change + hours * HOUR).isoformat()), now="2026-07-03T00:00Z", history=history)
        assert clocks.unmeasured is None
        assert clocks.remediation is not None
        assert clocks.remediation.promised == ("40h" if hours < 0 else "8h")


def test_a_day_without_a_contract_is_one() -> None:
    history = ContractHistory([replace(OLD, until=date(2026, 6, 29)), replace(NEW, since=date(2026, 7, 1))])
    assert history.at(at("2026-06-29T23:59+02:00")) is history.contracts[0]
    assert history.at(at("2026-06-30T00:00+02:00")) is None
    assert history.lately(at("2026-06-30T00:00+02:00")) is history.contracts[0]
    assert history.lately(at("2020-01-01T00:00Z")) is history.contracts[0]


# Pauses and waivers.

ALWAYS = ContractHistory([a_contract(calendar=PLAIN, until=None, priorities=promising(real(4), real(48)))])
FOUND = found("2026-06-01T00:00Z")


def waived(when: str, until: str) -> FindingEvent:
    return event(EventKind.WAIVED, when, until=at(until), author="owner")


@pytest.mark.parametrize(
    ("holds", "rest"),
    [
        (["pause 2 10", "waive 4 6"], 8),
        (["pause 2 10", "waive 4 20"], 18),
        (["waive 2 10", "pause 4 6"], 8),
        (["waive 2 10", "pause 4 20"], 18),
        (["waive 2 10", "pause 10 12"], 10),
        (["pause 2 10", "waive 10 12"], 10),
        (["waive 2 10", "pause 4 20", "unwaive 6", "resume 8"], 6),
        (["waive 2 10", "pause 4 20", "resume 6", "unwaive 8"], 6),
        (["pause 0 5", "waive 0 5"], 5),
        (["waive 2 10", "waive 4 6"], 4),
    ],
)
def test_pauses_and_waivers_that_overlap_count_once(holds: list[str], rest: int) -> None:
    """Hours of 1 June; `rest` are those in which the clock stood still."""

    def hour(text: str) -> str:
        return (FOUND.at + int(text) * HOUR).isoformat()

    events = [FOUND]
    for what, begin, *end in map(str.split, holds):
        if what in ("pause", "waive"):
            events.append((paused if what == "pause" else waived)(hour(begin), hour(end[0])))
        else:
            kind = EventKind.RESUMED if what == "resume" else EventKind.UNWAIVED
            events.append(event(kind, hour(begin), author="anna"))
    reading = remediation(*events, now="2026-06-02T00:00Z", history=ALWAYS)
    assert (reading.paused, reading.used) == (rest * HOUR, (24 - rest) * 1000 // 48)
    assert reading.due == FOUND.at + (48 + rest) * HOUR


def test_a_waiver_that_ends_in_a_pause_leaves_it_paused() -> None:
    events = (FOUND, paused("2026-06-01T02:00Z", "2026-06-01T10:00Z"), waived("2026-06-01T04:00Z", "2026-06-01T06:00Z"))
    states = [
        remediation(*events, now=f"2026-06-01T{hour:02}:00Z", history=ALWAYS).state for hour in (1, 3, 5, 6, 9, 10)
    ]
    assert states == [
        *(ClockState.RUNNING, ClockState.PAUSED, ClockState.WAIVED),
        *(ClockState.PAUSED, ClockState.PAUSED, ClockState.RUNNING),
    ]


@pytest.mark.parametrize(
    "later", [event(EventKind.RESUMED, "2026-06-01T04:00Z"), waived("2026-06-01T05:00Z", "2026-07-01T00:00Z")]
)
def test_what_happens_after_the_answer_moves_its_deadline_no_more(later: FindingEvent) -> None:
    pause = paused("2026-06-01T01:00Z", "2026-06-01T09:00Z")
    answered = event(EventKind.ACKNOWLEDGED, "2026-06-01T03:00Z", author="anna")
    before = only(FOUND, pause, answered, now="2026-06-01T03:00Z", history=ALWAYS).response
    after = only(FOUND, pause, answered, later, now="2026-06-20T00:00Z", history=ALWAYS).response
    assert before is not None
    assert before == after
    assert (before.due, before.left) == (at("2026-06-01T12:00Z"), 9 * HOUR)


# Days that are open around midnight only.


def test_hours_and_days_around_the_midnight_of_a_year() -> None:
    special = (
        SpecialDay(date(2026, 12, 31), (Opening(1380, 1440),)),
        SpecialDay(date(2027, 1, 1), (Opening(0, 30),)),
        SpecialDay(date(2027, 1, 2), (Opening(480, 720),)),
    )
    calendar = replace(PLAIN, country="DE", subdivision="BY", special=special)
    night = found("2026-12-31T23:15+01:00")

    def due(target: Target) -> datetime:
        history = ContractHistory([a_contract(calendar=calendar, until=None, priorities=promising(real(1), target))])
        moment = remediation_due([night], history, night.at)
        assert moment is not None
        return moment

    # 45 minutes of the old year, 30 of a holiday that is open, and the rest of a Saturday that is.
    assert due(business(1)) == at("2027-01-01T00:15+01:00")
    assert due(business(2)) == at("2027-01-02T08:45+01:00")
    # Three quarters of a day are left of New Year's Eve.
    assert due(business_days(1)) == at("2027-01-01T00:07:30+01:00")
    assert due(business_days(2)) == at("2027-01-02T09:00+01:00")
    assert due(days(1)) == at("2027-01-02T00:00+01:00")


# Changes of clocks in a pause.

NIGHTS = BusinessCalendar("Europe/Berlin", ((Opening(0, 360),),) * 7)


@pytest.mark.parametrize(
    ("pause", "still"),
    [
        (paused("2026-03-29T00:00+01:00", "2026-03-29T06:00+02:00"), 5 * HOUR),
        (paused("2026-10-25T00:00+02:00", "2026-10-25T06:00+01:00"), 7 * HOUR),
    ],
    ids=["spring", "autumn"],
)
def test_a_pause_over_a_change_of_clocks(pause: FindingEvent, still: timedelta) -> None:
    """It lasts as long as it really does; a business or calendar day that it swallows is one, however long it is."""
    night = pause.at.isoformat()
    begin = found((pause.at - 24 * HOUR).isoformat())

    def due(target: Target) -> timedelta:
        history = ContractHistory([a_contract(calendar=NIGHTS, until=None, priorities=promising(real(1), target))])
        moment = remediation_due([begin, pause], history, pause.at)
        assert moment is not None
        return moment - at(night)

    later = still - 6 * HOUR  # how much longer than others the day of the change is
    assert due(real(48)) == 24 * HOUR + still
    # Six hours of the day before, and of the day after the change.
    assert due(business(12)) == 24 * HOUR + later + 6 * HOUR
    assert due(business_days(2)) == 24 * HOUR + later + 6 * HOUR
    assert due(days(1)) == 48 * HOUR + later, "the rest of the day is made up for on the next one, to its end"


def test_openings_around_the_hour_that_is_skipped_count_nothing_twice() -> None:
    # From 1:30 to 2:30, which is 3:30, and from 3:20 on.
    ruler = Ruler(BusinessCalendar("Europe/Berlin", ((Opening(90, 150), Opening(200, 240)),) * 7))
    begin, end = (local_moment(date(2026, 3, 29), minutes, ruler.zone) for minutes in (0, 1440))
    assert timedelta(microseconds=ruler.passed(begin, end)) == HOUR + HOUR / 2
    assert ruler.after(begin, 5_400_000_000) == at("2026-03-29T04:00+02:00")


# Coming back.

CONTINUE = SlaRules(date(2026, 1, 1), reopen=Reopening.CONTINUE)


def reopened(when: str, outcome: Outcome = Outcome.FAILED, severity: Severity = Severity.CRITICAL) -> FindingEvent:
    return event(EventKind.REOPENED, when, severity=severity, outcome=outcome)


GOING_ON = ContractHistory([a_contract(calendar=PLAIN, priorities=promising(real(4), real(48)), sla=CONTINUE)])
GONE = event(EventKind.RESOLVED, "2026-06-01T10:00Z")


def test_a_finding_that_comes_back_unproven_goes_on_when_a_scan_sees_it_fail() -> None:
    unproven = reopened("2026-06-03T00:00Z", Outcome.UNPROVEN)
    first, second = read_clocks([FOUND, GONE, unproven], GOING_ON, at("2026-06-04T00:00Z"))
    assert first.remediation is not None
    assert (first.remediation.state, second.unmeasured) == (ClockState.MET, Unmeasured.UNPROVEN)
    proven = event(EventKind.PROVEN, "2026-06-05T00:00Z", severity=Severity.CRITICAL, outcome=Outcome.FAILED)
    whole = remediation(FOUND, GONE, unproven, proven, now="2026-06-05T01:00Z", history=GOING_ON)
    assert whole.due == at("2026-06-06T14:00Z"), "ten of its 48 hours are used"


def test_a_life_that_nobody_proved_stands_between_none() -> None:
    again = [reopened("2026-06-03T00:00Z", Outcome.UNPROVEN), event(EventKind.RESOLVED, "2026-06-04T00:00Z")]
    whole = remediation(FOUND, GONE, *again, reopened("2026-06-05T00:00Z"), now="2026-06-05T01:00Z", history=GOING_ON)
    assert whole.due == at("2026-06-06T14:00Z")


def test_the_contract_of_each_life_says_whether_it_goes_on() -> None:
    before = replace(
        GOING_ON.contracts[0], since=date(2026, 5, 1), sla=SlaRules(date(2026, 5, 15), reopen=Reopening.CONTINUE)
    )
    history = in_a_row(before, replace(before, sla=SlaRules(date(2026, 6, 2))), date(2026, 6, 2))
    early = found("2026-05-10T00:00Z")  # before anything is measured: no clock can go on
    events = (
        *(early, event(EventKind.RESOLVED, "2026-05-11T00:00Z")),
        *(
            reopened("2026-06-01T00:00Z"),
            GONE,
            reopened("2026-06-03T00:00Z"),
            event(EventKind.RESOLVED, "2026-06-03T06:00Z"),
        ),
        reopened("2026-06-05T00:00Z"),
    )
    first, second = read_clocks(events, history, at("2026-06-05T01:00Z"))
    assert first.unmeasured is Unmeasured.NOT_ENFORCED
    assert second.remediation is not None
    assert (second.opened, second.remediation.due) == (at("2026-06-01T00:00Z"), at("2026-06-06T08:00Z"))


# Judging.


def test_a_warning_begins_at_its_very_moment() -> None:
    rules = SlaRules(date(2026, 1, 1), Decimal("0.12345"))
    history = ContractHistory([replace(ALWAYS.contracts[0], sla=rules)])
    turn = FOUND.at + timedelta(seconds=48 * 3600 * 12345 // 100_000, milliseconds=160)
    before, after = (
        remediation(FOUND, now=moment.isoformat(), history=history).state
        for moment in (turn - timedelta(microseconds=1), turn)
    )
    assert (before, after) == (ClockState.RUNNING, ClockState.WARNING)
