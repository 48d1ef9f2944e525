"""Small scans to put into a store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from secaudit.model.advisory import Advisory
from secaudit.model.answer import Answer, AnswerStatus, HostTranscript, Reach
from secaudit.model.baseline import BaselineStamp
from secaudit.model.evidence import Evidence
from secaudit.model.feed import FeedStamp
from secaudit.model.inventory import Host
from secaudit.model.outcome import Outcome, UnprovenKind
from secaudit.model.request import Command, PortScan
from secaudit.model.result import Result, Waiver, fingerprint
from secaudit.model.run import HostRecord, RunInfo
from secaudit.model.severity import Severity
from secaudit.store import Store
from secaudit.transcript import digest

START = datetime(2026, 11, 20, 1, 0, 0, 250, tzinfo=UTC)
DAY = timedelta(days=1)

WEB = Host("muster", "vienna", "web1", "10.20.0.11", tags=frozenset({"web"}), baselines=("web-server",))
DB = Host("muster", "vienna", "db1", "10.20.0.12")
OTHER = Host("zettel", "graz", "web1", "10.30.0.11")


def a_run(day: int = 0, id: str | None = None) -> RunInfo:
    """The run of a day, unfinished."""
    stamp = BaselineStamp("web-server", 2, "ab" * 32)
    return RunInfo(
        id or f"run-{day}",
        START + day * DAY,
        None,
        "0.1.0",
        (stamp,),
        (FeedStamp("debian-security", START - DAY, "cd" * 32),),
    )


def a_transcript(host: Host, at: datetime, reach: Reach = Reach.COMPLETE, uptime: str = "up 3 days") -> HostTranscript:
    """Two answers, one of them the same in every scan."""
    answers = (
        Answer(Command(("uptime",)), AnswerStatus.ENDED, at, timedelta(milliseconds=3), 0, f"{uptime}\n".encode()),
        Answer(
            Command(("/usr/sbin/nft", "-j", "list", "ruleset"), root=True, refusals=("not permitted",)),
            AnswerStatus.ENDED,
            at + timedelta(seconds=1),
            timedelta(microseconds=1500),
            1,
            b'{"nftables": []}\xff\n',
            b"warning\n",
        ),
        Answer(PortScan(ports="22,80"), AnswerStatus.TIMEOUT, at, timedelta(seconds=300), None, detail="took too long"),
    )
    kept = () if reach is Reach.UNREACHABLE else answers
    detail = "" if reach is Reach.COMPLETE else "connection refused"
    closed = at + timedelta(seconds=5)
    return HostTranscript(host.customer, host.site, host.name, host.address, at, closed, reach, detail, kept)


def a_result(
    host: Host, control: str = "open-ports", subject: str = "tcp/8080", outcome: Outcome = Outcome.FAILED
) -> Result:
    """A result with every field filled."""
    return Result(
        fingerprint=fingerprint(host.customer, host.name, control, subject),
        control=control,
        check=f"network.{control}",
        family="network",
        title="Ports are open that nobody named",
        customer=host.customer,
        site=host.site,
        host=host.name,
        subject=subject,
        outcome=outcome,
        severity=Severity.HIGH,
        reason=f"{subject} {outcome.value}",
        kind=UnprovenKind.DENIED if outcome is Outcome.UNPROVEN else None,
        observed="8080 open",
        expected="22, 80",
        evidence=(Evidence("ss -tln", 0, (3, 4), "LISTEN 0.0.0.0:8080"), Evidence("uptime", None, None, "")),
        remediation="Close it.",
        references={"pci-4.0": ("1.2.5",), "cis-v8": ("4.4", "4.5")},
        baseline="web-server.yaml:12",
        advisories=(Advisory("DSA-5000-1", ("CVE-2026-1000", "CVE-2026-100"), "jq", "1.6-2"), Advisory("TEMP-1-A%")),
    )


def waived(result: Result) -> Result:
    """The result under a waiver."""
    return replace(result, waiver=Waiver("anna@provider.example", "migration", START + 30 * DAY))


def record(
    store: Store,
    run: RunInfo,
    host: Host,
    results: Sequence[Result],
    reach: Reach = Reach.COMPLETE,
    at: datetime | None = None,
) -> HostRecord:
    """Record a host as the engine would."""
    transcript = a_transcript(host, at or run.started, reach)
    entry = HostRecord(
        customer=host.customer,
        site=host.site,
        host=host.name,
        address=host.address,
        status=reach,
        detail=transcript.detail,
        os_id="debian",
        os_version="12",
        transcript=digest(transcript),
        customer_name=host.customer.title(),
        tags=tuple(sorted(host.tags)),
    )
    known = store.known(host.customer, host.name)
    seen = [replace(found, first_seen=known.get(found.fingerprint, transcript.opened)) for found in results]
    store.record(run, entry, seen, transcript)
    return entry


def scan(store: Store, day: int, host: Host, *results: Result, reach: Reach = Reach.COMPLETE) -> RunInfo:
    """One whole run over one host."""
    run = a_run(day)
    store.begin(run, [host])
    record(store, run, host, results, reach)
    finished = replace(run, finished=run.started + timedelta(minutes=5))
    store.finish(finished)
    return finished
