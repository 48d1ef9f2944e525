"""Response and remediation clocks: what each event does to them, across pauses, holidays and contracts."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secaudit.cli.exits import CommandError
from secaudit.cli.pausing import refuse_pause
from secaudit.model.contract import Contracts, Reopening, SlaRules, Target
from secaudit.model.outcome import Outcome
from secaudit.model.severity import Severity
from secaudit.model.sla import ClockReading, ClockState, EventKind, FindingClocks, FindingEvent, Unmeasured
from secaudit.sla.clocks import read_clocks, remediation_due
from secaudit.sla.history import ContractHistory
from secaudit.sla.lives import paused_until
from tests.sla.contracts import (
    BERLIN,
    HOUR,
    a_contract,
    at,
    business,
    business_days,
    days,
    event,
    found,
    paused,
    real,
)

HISTORY = ContractHistory([a_contract()])


def clocks(*events: FindingEvent, now: str, history: ContractHistory = HISTORY) -> FindingClocks:
    """The clocks of the only life."""
    (read,) = read_clocks(events, history, at(now))
    return read


def remediation(*events: FindingEvent, now: str, history: ContractHistory = HISTORY) -> ClockReading:
    reading = clocks(*events, now=now, history=history).remediation
    assert reading is not None
    return reading


def response(*events: FindingEvent, now: str) -> ClockReading:
    reading = clocks(*events, now=now).response
    assert reading is not None
    return reading


FOUND = found("2026-11-24T10:00+01:00")


def test_an_acknowledgement_that_is_taken_back_never_was() -> None:
    """From then on: what was read before it was taken back stays as it was told."""
    taken = event(EventKind.ACKNOWLEDGED, "2026-11-24T10:30+01:00", author="anna", number=7)
    back = event(EventKind.WITHDRAWN, "2026-11-24T12:00+01:00", author="anna", withdraws=7, number=8)
    noted = event(EventKind.WITHDRAWN, "2026-11-24T10:45+01:00", author="anna", withdraws=6, number=9)
    later = event(EventKind.ACKNOWLEDGED, "2026-11-24T13:00+01:00", author="bert", number=10)
    whole = (FOUND, taken, noted, back)
    assert response(*whole, now="2026-11-24T11:59+01:00").state is ClockState.MET
    for now in ("2026-11-24T12:00+01:00", "2026-11-24T12:30+01:00"):
        assert response(*whole, now=now) == broken_at(back.at, response(FOUND, now=now))
        assert response(*whole, now=now).state is ClockState.BREACHED
    then = "2026-11-25T10:00+01:00"
    assert response(*whole, later, now=then) == broken_at(back.at, response(FOUND, later, now=then))


def broken_at(moment: datetime, reading: ClockReading) -> ClockReading:
    """The reading of a promise of which it became known at a moment that it is broken."""
    assert reading.broken == reading.due == at("2026-11-24T11:00+01:00")
    return replace(reading, broken=moment)


def test_a_clock_from_found_over_warning_to_breach_and_a_late_end() -> None:
    due = at("2026-11-25T10:00+01:00")
    early = remediation(FOUND, now="2026-11-24T16:00+01:00")
    assert early == ClockReading(
        priority="P1",
        promised="24h",
        clock="real",
        state=ClockState.RUNNING,
        started=FOUND.at,
        due=due,
        ended=None,
        left=18 * HOUR,
        elapsed=6 * HOUR,
        paused=timedelta(),
        used=250,
    )
    assert remediation(FOUND, now="2026-11-25T05:11+01:00").state is ClockState.RUNNING
    assert remediation(FOUND, now="2026-11-25T05:12+01:00").state is ClockState.WARNING
    assert remediation(FOUND, now="2026-11-25T10:00+01:00").state is ClockState.WARNING
    late = remediation(FOUND, now="2026-11-25T13:00+01:00")
    assert (late.state, late.left, late.used, late.is_broken) == (ClockState.BREACHED, -3 * HOUR, 1125, True)
    resolved = event(EventKind.RESOLVED, "2026-11-25T12:00+01:00")
    ended = remediation(FOUND, resolved, now="2026-12-30T00:00+01:00")
    assert (ended.state, ended.ended, ended.left) == (ClockState.MISSED, resolved.at, -2 * HOUR)
    in_time = remediation(FOUND, replace(resolved, at=due), now="2026-12-30T00:00+01:00")
    assert (in_time.state, in_time.left, in_time.used) == (ClockState.MET, timedelta(), 1000)


def test_what_happened_later_is_not_looked_at() -> None:
    resolved = event(EventKind.RESOLVED, "2026-11-24T12:00+01:00")
    assert remediation(FOUND, resolved, now="2026-11-24T11:00+01:00").state is ClockState.RUNNING
    assert read_clocks([FOUND], HISTORY, at("2026-11-24T09:00+01:00")) == ()


def test_the_response_ends_with_an_acknowledgement_or_with_the_finding() -> None:
    acknowledged = event(EventKind.ACKNOWLEDGED, "2026-11-24T10:30+01:00", author="anna")
    again = event(EventKind.ACKNOWLEDGED, "2026-11-24T15:00+01:00", author="bert")
    resolved = event(EventKind.RESOLVED, "2026-11-24T10:45+01:00")
    assert response(FOUND, now="2026-11-24T11:30+01:00").state is ClockState.BREACHED
    answered = response(FOUND, again, acknowledged, now="2026-11-26T10:00+01:00")
    assert (answered.state, answered.ended, answered.left) == (ClockState.MET, acknowledged.at, HOUR / 2)
    assert remediation(FOUND, acknowledged, now="2026-11-26T10:00+01:00").state is ClockState.BREACHED
    assert response(FOUND, resolved, now="2026-11-26T10:00+01:00").ended == resolved.at


def test_a_pause_moves_the_deadline_and_ends_by_itself() -> None:
    pause = paused("2026-11-24T12:00+01:00", "2026-11-26T12:00+01:00")
    standing = remediation(FOUND, pause, now="2026-11-25T12:00+01:00")
    assert standing.state is ClockState.PAUSED
    assert (standing.elapsed, standing.paused, standing.used) == (26 * HOUR, 24 * HOUR, 2 * 1000 // 24)
    assert standing.due == at("2026-11-27T10:00+01:00"), "it will go on when the pause ends"
    on = remediation(FOUND, pause, now="2026-11-26T14:00+01:00")
    assert (on.state, on.paused, on.used, on.due) == (ClockState.RUNNING, 48 * HOUR, 4 * 1000 // 24, standing.due)
    resumed = event(EventKind.RESUMED, "2026-11-24T18:00+01:00", author="anna")
    early = remediation(FOUND, pause, resumed, now="2026-11-26T14:00+01:00")
    assert (early.due, early.state) == (at("2026-11-25T16:00+01:00"), ClockState.BREACHED)


def test_all_pauses_of_a_life_count_together() -> None:
    twice = (
        FOUND,
        paused("2026-11-25T10:00+01:00", "2026-11-28T10:00+01:00"),
        event(EventKind.RESUMED, "2026-11-26T10:00+01:00", author="anna"),
        paused("2026-11-29T10:00+01:00", "2026-12-09T10:00+01:00"),
    )
    assert paused_until(twice, at("2026-12-01T10:00+01:00")) == timedelta(days=3)
    contracts = Contracts((a_contract(sla=SlaRules(date(2026, 1, 1), pause_reasons=("freeze",))),))
    now = at("2026-12-09T10:00+01:00")
    refuse_pause(contracts, "muster", twice, "freeze", timedelta(days=19), now)
    with pytest.raises(CommandError, match=r"30d at most, all pauses of a finding together, .* paused for 11d"):
        refuse_pause(contracts, "muster", twice, "freeze", timedelta(days=20), now)
    again = (*twice, event(EventKind.RESOLVED, "2026-12-10T10:00+01:00"), found("2026-12-11T10:00+01:00"))
    refuse_pause(contracts, "muster", again, "freeze", timedelta(days=30), at("2026-12-12T10:00+01:00"))


def test_a_pause_after_the_answer_does_not_move_the_deadline_of_the_answer() -> None:
    acknowledged = event(EventKind.ACKNOWLEDGED, "2026-11-24T10:30+01:00", author="anna")
    pause = paused("2026-11-24T10:40+01:00", "2026-11-26T12:00+01:00")
    answered = response(FOUND, acknowledged, pause, now="2026-11-25T10:00+01:00")
    assert (answered.due, answered.left, answered.paused) == (at("2026-11-24T11:00+01:00"), HOUR / 2, timedelta())


def test_a_pause_after_the_breach_heals_nothing() -> None:
    pause = paused("2026-11-25T12:00+01:00", "2026-11-30T12:00+01:00")
    assert remediation(FOUND, pause, now="2026-11-26T12:00+01:00").state is ClockState.BREACHED


def test_a_waiver_pauses_until_it_expires_and_deletes_nothing() -> None:
    waived = event(EventKind.WAIVED, "2026-11-24T10:00+01:00", until=at("2026-12-24T00:00+01:00"))
    under = remediation(FOUND, waived, now="2026-12-01T10:00+01:00")
    assert (under.state, under.used, under.due) == (ClockState.WAIVED, 0, at("2026-12-25T00:00+01:00"))
    assert remediation(FOUND, waived, now="2026-12-24T06:00+01:00").state is ClockState.RUNNING
    assert remediation(FOUND, waived, now="2026-12-25T00:01+01:00").state is ClockState.BREACHED
    taken_back = event(EventKind.UNWAIVED, "2026-12-01T10:00+01:00")
    assert remediation(FOUND, waived, taken_back, now="2026-12-01T11:00+01:00").due == at("2026-12-02T10:00+01:00")
    both = paused("2026-11-30T00:00+01:00", "2026-12-02T00:00+01:00")
    assert remediation(FOUND, waived, both, now="2026-12-01T10:00+01:00").state is ClockState.WAIVED


def test_business_days_across_a_holiday_a_closed_day_and_a_half_day() -> None:
    # 24 December is closed, 25 and 26 are holidays, 31 is a half day, 1 January is a holiday.
    high = found("2026-12-23T12:30+01:00", Severity.HIGH)
    assert remediation(high, now="2026-12-23T13:00+01:00").due == at("2027-01-04T12:30+01:00")
    # Four hours of business: 15 minutes on the 30th, the half day's 225 minutes up to 11:45.
    late = found("2026-12-30T16:45+01:00", Severity.HIGH)
    answer = clocks(late, now="2026-12-30T17:00+01:00").response
    assert answer is not None
    assert answer.due == at("2026-12-31T11:45+01:00")


def test_calendar_days_end_with_their_last_day_and_do_not_count_the_first() -> None:
    medium = found("2026-10-01T04:00+02:00", Severity.MEDIUM)
    # Clocks go back on 25 October; the last day still ends at its own midnight.
    assert remediation(medium, now="2026-10-02T00:00+02:00").due == at("2026-11-01T00:00+01:00")
    pause = paused("2026-10-10T12:00+02:00", "2026-10-12T00:00+02:00")
    assert remediation(medium, pause, now="2026-10-12T00:00+02:00").due == at("2026-11-03T00:00+01:00")


def test_grace_delays_the_breach_but_not_the_deadline() -> None:
    history = ContractHistory([a_contract(sla=SlaRules(date(2026, 1, 1), grace=HOUR))])
    reading = remediation(FOUND, now="2026-11-25T11:00+01:00", history=history)
    assert (reading.due, reading.state) == (at("2026-11-25T10:00+01:00"), ClockState.WARNING)
    assert remediation(FOUND, now="2026-11-25T11:01+01:00", history=history).state is ClockState.BREACHED


def test_an_unproven_finding_has_no_clock_until_a_scan_sees_it_fail() -> None:
    unproven = found("2026-11-24T10:00+01:00", Severity.CRITICAL, Outcome.UNPROVEN)
    read = clocks(unproven, now="2026-12-01T10:00+01:00")
    assert (read.unmeasured, read.response, read.remediation) == (Unmeasured.UNPROVEN, None, None)
    answered = event(EventKind.ACKNOWLEDGED, "2026-11-25T10:00+01:00", author="anna")
    proven = event(EventKind.PROVEN, "2026-11-26T10:00+01:00", severity=Severity.CRITICAL, outcome=Outcome.FAILED)
    assert remediation(unproven, answered, proven, now="2026-11-26T11:00+01:00").due == at("2026-11-27T10:00+01:00")
    reply = response(unproven, answered, proven, now="2026-11-26T12:00+01:00")
    assert (reply.state, reply.elapsed) == (ClockState.MET, timedelta())


@pytest.mark.parametrize(
    ("finding", "why"),
    [
        (found("2025-12-31T23:59+01:00"), Unmeasured.NO_CONTRACT),
        (found("2026-01-31T12:00+01:00"), Unmeasured.NOT_ENFORCED),
        (found("2026-02-01T00:00+01:00", Severity.INFO), Unmeasured.NO_PROMISE),
        (found("2026-02-01T00:00+01:00"), None),
        (found("2027-01-01T00:00+01:00"), Unmeasured.NO_CONTRACT),
    ],
)
def test_what_is_not_measured_says_why(finding: FindingEvent, why: Unmeasured | None) -> None:
    history = ContractHistory([a_contract(sla=SlaRules(date(2026, 2, 1)))])
    assert clocks(finding, now="2027-06-01T00:00+01:00", history=history).unmeasured is why


def test_a_finding_that_comes_back_restarts_or_continues() -> None:
    events = (
        FOUND,
        event(EventKind.ACKNOWLEDGED, "2026-11-24T10:30+01:00", author="anna"),
        event(EventKind.RESOLVED, "2026-11-24T20:00+01:00"),
        event(EventKind.REOPENED, "2026-12-01T08:00+01:00", severity=Severity.CRITICAL, outcome=Outcome.FAILED),
    )
    first, second = read_clocks(events, HISTORY, at("2026-12-01T09:00+01:00"))
    assert first.remediation is not None
    assert second.remediation is not None
    assert second.response is not None
    assert (first.remediation.state, first.resolved) == (ClockState.MET, at("2026-11-24T20:00+01:00"))
    assert (second.remediation.due, second.response.ended) == (at("2026-12-02T08:00+01:00"), None)
    continuing = ContractHistory([a_contract(sla=SlaRules(date(2026, 1, 1), reopen=Reopening.CONTINUE))])
    (whole,) = read_clocks(events, continuing, at("2026-12-01T09:00+01:00"))
    assert whole.remediation is not None
    assert whole.response is not None
    assert whole.remediation.due == at("2026-12-01T22:00+01:00"), "ten of its hours are used"
    assert whole.response.state is ClockState.MET


def test_a_worse_finding_gets_the_shorter_time_and_a_milder_one_the_longer() -> None:
    high = found("2026-11-24T10:00+01:00", Severity.HIGH)
    worse = event(EventKind.REGRADED, "2026-11-25T10:00+01:00", severity=Severity.CRITICAL)
    reading = remediation(high, worse, now="2026-11-25T11:00+01:00")
    assert (reading.priority, reading.due) == ("P1", at("2026-11-26T10:00+01:00"))
    at_last = event(EventKind.REGRADED, "2026-12-01T09:00+01:00", severity=Severity.CRITICAL)
    kept = remediation(high, at_last, now="2026-12-01T09:30+01:00")
    assert (kept.priority, kept.due) == ("P2", at("2026-12-01T10:00+01:00")), "it never gets more than it had"
    milder = event(EventKind.REGRADED, "2026-11-25T10:00+01:00", severity=Severity.MEDIUM)
    eased = remediation(high, milder, now="2026-11-25T11:00+01:00")
    assert (eased.priority, eased.due) == ("P3", at("2026-12-25T00:00+01:00"))


@pytest.mark.parametrize("severity", [Severity.MEDIUM, Severity.LOW])
def test_a_broken_promise_is_not_mended_by_a_milder_severity(severity: Severity) -> None:
    milder = event(EventKind.REGRADED, "2026-11-25T10:01+01:00", severity=severity)
    reading = remediation(FOUND, milder, now="2026-11-26T10:00+01:00")
    assert (reading.priority, reading.state) == ("P1", ClockState.BREACHED)
    in_time = event(EventKind.REGRADED, "2026-11-25T10:00+01:00", severity=Severity.MEDIUM)
    assert remediation(FOUND, in_time, now="2026-11-26T10:00+01:00").state is ClockState.RUNNING


def test_the_promise_is_the_one_that_was_given_and_the_hours_are_those_in_force() -> None:
    year = a_contract()
    after = a_contract(
        since=date(2027, 1, 1),
        until=None,
        calendar=replace(BERLIN, week=(((BERLIN.week[0][0]),),) * 7, country="", subdivision="", special=()),
        priorities=(replace(year.priorities[1], remediation=business_days(1)),),
    )
    history = ContractHistory([year, after])
    high = found("2026-12-29T12:30+01:00", Severity.HIGH)
    # Under the old contract 30, half of 31; under the new one every day is open: 1, 2, 3 January.
    assert remediation(high, now="2026-12-30T00:00+01:00", history=history).due == at("2027-01-03T12:30+01:00")
    fresh = found("2027-01-01T12:30+01:00", Severity.HIGH)
    assert remediation(fresh, now="2027-01-01T13:00+01:00", history=history).due == at("2027-01-02T12:30+01:00")
    assert history.at(at("2026-12-31T23:59+01:00")) is year
    assert history.at(at("2027-01-01T00:00+01:00")) is after


def test_the_due_of_the_present_life() -> None:
    assert remediation_due([FOUND], HISTORY, FOUND.at) == at("2026-11-25T10:00+01:00")
    assert remediation_due([found("2020-01-01T00:00+01:00")], HISTORY, FOUND.at) is None
    assert remediation_due([], HISTORY, FOUND.at) is None


BEGIN = at("2026-02-02T00:00+01:00")
moments = st.integers(0, 200 * 24 * 4).map(lambda quarter: BEGIN + quarter * timedelta(minutes=15))


@settings(max_examples=150)
@given(
    start=moments,
    target=st.sampled_from([real(24), business(40), business_days(5), days(30)]),
    pauses=st.lists(st.tuples(moments, st.integers(1, 400)), max_size=4),
    now=moments,
)
def test_used_time_and_deadline_agree(
    start: datetime, target: Target, pauses: list[tuple[datetime, int]], now: datetime
) -> None:
    """A clock is used up exactly when its deadline has come, however it was paused."""
    priority = replace(a_contract().priorities[0], remediation=target)
    history = ContractHistory([a_contract(priorities=(priority,))])
    events = [
        found(start.isoformat()),
        *(
            paused(begin.isoformat(), (begin + quarters * HOUR).isoformat())
            for begin, quarters in pauses
            if begin > start
        ),
    ]
    due = remediation_due(events, history, max(now, start))
    assert due is not None
    for moment in (due - timedelta(minutes=1), due, due + timedelta(days=40)):
        if moment < max((one.at for one in events), default=start):
            continue  # a pause that begins later changes what is due
        reading = remediation(*events, now=moment.isoformat(), history=history)
        known = remediation_due(events, history, moment)
        assert reading.due == known
        assert known is not None
        assert (reading.state is ClockState.BREACHED) == (moment > known)
        if target.clock != "calendar":
            assert (reading.used >= 1000) == (moment >= known)
        assert reading.paused <= reading.elapsed
