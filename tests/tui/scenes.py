"""A small store with a bit of everything, and a way to drive the dashboard over it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import cast

from textual.css.query import NoMatches
from textual.pilot import Pilot
from textual.screen import ModalScreen
from textual.widgets import Input, Static
from textual.worker import Worker, WorkerCancelled

from secaudit.model.answer import Answer, AnswerStatus, HostTranscript, Reach
from secaudit.model.evidence import Evidence
from secaudit.model.inventory import Host
from secaudit.model.outcome import Outcome, UnprovenKind
from secaudit.model.request import Command
from secaudit.model.result import Result, fingerprint
from secaudit.model.run import HostRecord, RunInfo
from secaudit.model.severity import Severity
from secaudit.store import Store
from secaudit.transcript.codec import digest
from secaudit.tui.app import Dashboard
from secaudit.tui.findings.table import FindingsTable
from secaudit.tui.services import Services
from secaudit.tui.source import Source

NOW = datetime(2026, 11, 24, 8, 12, tzinfo=UTC)
SCANNED = NOW - timedelta(hours=4)
LISTENERS = Command(("ss", "-Hlnt"))
HOSTILE = "evil\x1b[31m\u202e[bold]x[/bold]"
PATIENCE = 120
"""Seconds after which something that does not come about is a failure; much, as machines may be busy with others."""

SIZES = [(80, 24), (120, 40), (200, 60)]

Steps = Callable[[Pilot[None]], Awaitable[None]]


def result(host: str, subject: str, outcome: Outcome, severity: Severity, reason: str = "it listens") -> Result:
    """What a check said about a subject."""
    return Result(
        fingerprint=fingerprint("muster", host, "ports", subject),
        control="ports",
        check="network.listening-services",
        family="network",
        title="Only named services listen",
        customer="muster",
        site="vienna",
        host=host,
        subject=subject,
        outcome=outcome,
        severity=severity,
        reason=reason,
        kind=UnprovenKind.DENIED if outcome is Outcome.UNPROVEN else None,
        observed=reason,
        expected="tcp/22",
        evidence=(Evidence(LISTENERS.key, 0, (2, 2), "LISTEN 0.0.0.0:8080"),),
        remediation="systemctl disable --now it",
        references={"cis-v8": ("4.8",)},
        baseline="web.yaml:7",
        first_seen=SCANNED,
        due=SCANNED + timedelta(hours=5) if outcome is Outcome.FAILED else None,
    )


def transcript(host: str, reach: Reach = Reach.COMPLETE) -> HostTranscript:
    """What was asked of a host."""
    answer = Answer(LISTENERS, AnswerStatus.ENDED, SCANNED, exit=0, stdout=b"LISTEN 22\nLISTEN 8080 \x1b]0;x\x07\n")
    return HostTranscript("muster", "vienna", host, "10.0.0.1", SCANNED, SCANNED, reach, "", (answer,))


FINDINGS = {
    "web1": [
        result("web1", "tcp/22", Outcome.PASSED, Severity.HIGH),
        result("web1", "tcp/8080", Outcome.FAILED, Severity.CRITICAL),
        result("web1", HOSTILE, Outcome.UNPROVEN, Severity.LOW, HOSTILE),
    ],
    "web2": [result("web2", "tcp/22", Outcome.PASSED, Severity.HIGH)],
}


def fill(
    store: Store,
    findings: dict[str, list[Result]],
    at: datetime = SCANNED,
    run_id: str = "run-1",
    reach: Reach = Reach.COMPLETE,
) -> None:
    """Store a run that found this, by host."""
    run = RunInfo(run_id, at, None, "1")
    store.begin(run, [Host("muster", "vienna", host, "10.0.0.1") for host in findings])
    for host, results in findings.items():
        found = replace(transcript(host, reach), opened=at, closed=at)
        record = HostRecord(
            "muster",
            "vienna",
            host,
            "10.0.0.1",
            reach,
            "",
            "debian",
            "12",
            digest(found),
            "Muster GmbH",
            ("edge", "shop") if host == "web1" else (),
        )
        store.record(run, record, results, found)
    store.finish(replace(run, finished=at + timedelta(minutes=1)))


def drive(
    source: Source,
    steps: Steps,
    size: tuple[int, int] = (120, 40),
    services: Services | None = None,
    *,
    read_only: bool = False,
) -> None:
    """Run the dashboard without a terminal and take the steps."""

    async def session() -> None:
        app = Dashboard(source, services, read_only=read_only, now=lambda: NOW)
        async with app.run_test(size=size) as pilot:
            await settle(pilot)
            await steps(pilot)

    asyncio.run(session())


async def settle(pilot: Pilot[None]) -> None:
    """Wait for what was started; of conversations until they end or have asked, as they wait for the next key then."""
    async with asyncio.timeout(PATIENCE):
        while busy := [worker for worker in pilot.app.workers if _is_due(pilot, worker)]:
            # A newer one of its kind may take the place of a worker.
            with suppress(WorkerCancelled):
                if any(worker.group == "talk" for worker in busy):
                    await pilot.pause(0.01)
                else:
                    await pilot.app.workers.wait_for_complete(busy)
        # What the application itself was told to do later; the screens are waited for by the pilot.
        turned = asyncio.Event()
        pilot.app.call_later(turned.set)
        await turned.wait()
        await pilot.pause()


def _is_due(pilot: Pilot[None], worker: Worker[object]) -> bool:
    """Whether a worker goes on without a key."""
    stacks = pilot.app._screen_stacks.values()
    has_asked = any(isinstance(screen, ModalScreen) for stack in stacks for screen in stack)
    return not worker.is_finished and not (worker.group == "talk" and has_asked)


async def until(pilot: Pilot[None], holds: Callable[[], bool]) -> None:
    """Wait until something holds that a thread of its own brings about; what is not there yet does not hold."""
    async with asyncio.timeout(PATIENCE):
        while True:
            with suppress(NoMatches):
                if holds():
                    break
            await pilot.pause(0.02)
    await settle(pilot)


async def press(pilot: Pilot[None], *keys: str) -> None:
    """Press keys and wait for what they start; in a line of text for what all of them start."""
    for key in keys:
        await pilot.press(key)
        if not isinstance(pilot.app.focused, Input):
            await settle(pilot)
    await settle(pilot)


def app(pilot: Pilot[None]) -> Dashboard:
    """The dashboard."""
    return cast("Dashboard", pilot.app)


def text(pilot: Pilot[None], selector: str) -> str:
    """What a widget shows."""
    return str(pilot.app.screen.query_one(selector, Static).render())


def explained(pilot: Pilot[None]) -> str:
    """What is told of the finding in front, in all parts."""
    return "\n".join(text(pilot, f"#detail-{part}") for part in ("head", "text", "side"))


def lines(pilot: Pilot[None]) -> list[str]:
    """What the findings table shows, without the names of the columns."""
    table = pilot.app.screen.query_one(FindingsTable)
    shown = [table.render_line(y).text.rstrip() for y in range(1, min(table.count + 1, table.size.height))]
    return [line for line in shown if line.strip(" ·")]
