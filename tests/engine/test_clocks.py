"""A scanner whose clock is ahead: the hosts' clocks say so, and a host whose clock is wrong says nothing."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from secaudit.engine.clocks import ClockJury
from secaudit.model.answer import Answer, AnswerStatus, HostTranscript, Reach
from secaudit.model.future import from_the_future
from secaudit.model.request import Command
from secaudit.model.run import HostRecord, RunInfo
from secaudit.plugins import discover
from tests.engine.fakes import MOMENT

DAY = timedelta(days=1)
CLOCK = Command(("date", "-u", "+%s.%N"))
RUN = RunInfo("run", MOMENT, None, "1")


def host(jury: ClockJury, scanner: datetime, own: datetime | None) -> None:
    """Record a host with this clock of its own; None for one that does not tell."""
    stdout = b"" if own is None else f"{own.timestamp():.0f}.000000000\n".encode()
    status = AnswerStatus.DENIED if own is None else AnswerStatus.ENDED
    answer = Answer(CLOCK, status, scanner, timedelta(), 0, stdout, asked=scanner)
    place = ("muster", "vienna", "web1", "192.0.2.1")
    transcript = HostTranscript(*place, scanner, scanner, Reach.COMPLETE, "", (answer,))
    jury.record(RUN, HostRecord(*place[:4], Reach.COMPLETE), (), transcript)


@pytest.mark.parametrize(
    ("newest", "clocks", "objects"),
    [
        (MOMENT - DAY, [400 * DAY], True),
        (MOMENT - DAY, [400 * DAY, 400 * DAY, timedelta()], True),
        (MOMENT - DAY, [400 * DAY, timedelta()], False),
        (MOMENT - DAY, [timedelta(hours=23)], False),
        (MOMENT - DAY, [-400 * DAY], False),
        (MOMENT - DAY, [None, None], False),
        (MOMENT - DAY, [], False),
        (None, [400 * DAY], False),
        # Slower than the newest run allows: the host's clock is wrong, whatever the scanner's is.
        (MOMENT + 399 * DAY, [400 * DAY], False),
    ],
)
def test_the_scanner_is_wrong_when_most_clocks_that_may_be_right_say_so(
    newest: datetime | None, clocks: list[timedelta | None], objects: bool
) -> None:
    jury = ClockJury(discover(), newest)
    scanner = MOMENT + 400 * DAY
    for lead in clocks:
        host(jury, scanner, None if lead is None else scanner - lead)
    assert bool(jury.objection) is objects
    if objects:
        assert "the scanner's clock is 400d ahead of those of" in jury.objection


def test_scanners_that_share_a_store_need_not_agree_to_the_second() -> None:
    assert not from_the_future(RUN, MOMENT - timedelta(minutes=59))
    assert from_the_future(RUN, MOMENT - timedelta(minutes=61))
