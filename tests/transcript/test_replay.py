"""A replayed host answers what was recorded, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from secaudit.model.answer import Answer, AnswerStatus, Reach
from secaudit.model.inventory import Host
from secaudit.model.request import Command, PortScan, Request
from secaudit.model.run import HostRecord
from secaudit.transcript import Bundle
from secaudit.transcript.bundle import BundledHost
from secaudit.transport.interface import Prober, Transport, Unreachable
from secaudit.transport.replay import ReplayProber, ReplayTransport
from tests.transcript.test_bundle import DB, NOW, RUN, WEB, transcript_of

SCANNED = Answer(PortScan(ports="22"), AnswerStatus.ENDED, NOW, timedelta(seconds=2), 0, b"<nmaprun/>")
GONE = Host("muster", "vienna", "gone", "10.0.0.3")


def bundled(host: Host, reach: Reach = Reach.COMPLETE, detail: str = "") -> BundledHost:
    """A host as a bundle gives it, with a port scan."""
    transcript = replace(transcript_of(host), reach=reach, detail=detail)
    transcript = replace(transcript, answers=(*transcript.answers, SCANNED))
    return BundledHost(host, HostRecord("muster", "vienna", host.name, host.address, reach), transcript, {})


BUNDLE = Bundle(RUN, (bundled(WEB), bundled(DB, Reach.UNREACHABLE, "connection refused")))


def test_answers_are_those_of_the_transcript() -> None:
    transport: Transport = ReplayTransport(BUNDLE)
    session = transport.open(WEB, 0)
    begun: list[Request] = []
    # Bounds are no part of a question: an answer recorded under another timeout is still the answer.
    asked = [
        Command(("hostname",), timeout=timedelta(seconds=1)),
        Command(("uptime",)),
        Command(("hostname",), root=False),
    ]
    answers = list(session.ask(asked, 0, begun.append))
    assert begun == asked
    assert answers[0] == answers[2] == transcript_of(WEB).answers[1]
    assert answers[1] == Answer(Command(("uptime",)), AnswerStatus.NOT_RECORDED, NOW)
    session.close()
    session.close()


def test_the_same_command_as_root_is_another_question() -> None:
    session = ReplayTransport(BUNDLE).open(WEB, 0)
    (answer,) = session.ask([Command(("/bin/hostname",), root=True)], 0)
    assert answer.status is AnswerStatus.NOT_RECORDED


def test_what_was_unreachable_is_unreachable() -> None:
    with pytest.raises(Unreachable, match=r"^connection refused$"):
        ReplayTransport(BUNDLE).open(DB, 0)
    with pytest.raises(Unreachable, match="muster/gone is not in the recorded bundle"):
        ReplayTransport(BUNDLE).open(GONE, 0)


def test_port_scans_are_replayed() -> None:
    prober: Prober = ReplayProber(BUNDLE)
    assert prober.scan(WEB, PortScan(ports="22"), 0) == SCANNED
    assert prober.scan(DB, PortScan(ports="22"), 0) == SCANNED, "the scanner saw the host that had no login"
    assert prober.scan(WEB, PortScan("udp", "22"), 0).status is AnswerStatus.NOT_RECORDED
    assert prober.scan(GONE, PortScan(), 0) == Answer(PortScan(), AnswerStatus.NOT_RECORDED, RUN.started)
