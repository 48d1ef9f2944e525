"""Driven by keys over a real store: from the customers to the evidence, and hostile text stays inert on the way."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import DataTable, Input, Static

from secaudit.model.answer import Answer, AnswerStatus, HostTranscript, Reach
from secaudit.model.evidence import Evidence
from secaudit.model.inventory import Host
from secaudit.model.outcome import Outcome, UnprovenKind
from secaudit.model.request import Command
from secaudit.model.result import Result, fingerprint
from secaudit.model.run import HostRecord, RunInfo
from secaudit.model.severity import Severity
from secaudit.store import Store, open_store
from secaudit.transcript.codec import digest
from secaudit.tui.app import Dashboard

NOW = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
LISTENERS = Command(("ss", "-Hlnt"))
HOSTILE = "evil\x1b[31m\u202e[bold]x[/bold]"


def result(host: str, subject: str, outcome: Outcome, severity: Severity, reason: str = "it listens") -> Result:
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
        first_seen=NOW,
    )


def transcript(host: str) -> HostTranscript:
    answer = Answer(LISTENERS, AnswerStatus.ENDED, NOW, exit=0, stdout=b"LISTEN 22\nLISTEN 8080 \x1b]0;x\x07\n")
    return HostTranscript("muster", "vienna", host, "10.0.0.1", NOW, NOW, Reach.COMPLETE, "", (answer,))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Two hosts: web1 with a critical failure and hostile text, web2 clean."""
    findings = {
        "web1": [
            result("web1", "tcp/22", Outcome.PASSED, Severity.HIGH),
            result("web1", "tcp/8080", Outcome.FAILED, Severity.CRITICAL),
            result("web1", HOSTILE, Outcome.UNPROVEN, Severity.LOW, HOSTILE),
        ],
        "web2": [result("web2", "tcp/22", Outcome.PASSED, Severity.HIGH)],
    }
    run = RunInfo("2026-11-24-040000-abcdef", NOW, None, "1")
    with closing(open_store(f"sqlite:///{tmp_path}/store.db")) as opened:
        opened.begin(run, [Host("muster", "vienna", host, "10.0.0.1") for host in findings])
        for host, results in findings.items():
            found = transcript(host)
            record = HostRecord(
                "muster", "vienna", host, "10.0.0.1", Reach.COMPLETE, "", "debian", "12", digest(found), "Muster GmbH"
            )
            opened.record(run, record, results, found)
        opened.finish(replace(run, finished=NOW + timedelta(minutes=1)))
        yield opened


def drive(store: Store, steps: Callable[[Pilot[None]], Awaitable[None]], size: tuple[int, int] = (120, 40)) -> None:
    async def session() -> None:
        async with Dashboard(store).run_test(size=size) as pilot:
            await settle(pilot)
            await steps(pilot)

    asyncio.run(session())


async def settle(pilot: Pilot[None]) -> None:
    await pilot.app.workers.wait_for_complete()
    await pilot.pause()


async def press(pilot: Pilot[None], *keys: str) -> None:
    await pilot.press(*keys)
    await settle(pilot)


def rows(pilot: Pilot[None]) -> list[list[str]]:
    table = pilot.app.screen.query_one(DataTable)
    return [[str(cell) for cell in table.get_row_at(number)] for number in range(table.row_count)]


def text(pilot: Pilot[None], selector: str) -> str:
    return str(pilot.app.screen.query_one(selector, Static).render())


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
def test_from_customers_to_evidence(store: Store, size: tuple[int, int]) -> None:
    async def steps(pilot: Pilot[None]) -> None:
        (customer,) = rows(pilot)
        assert customer[:3] == ["Muster GmbH", "2/2", "CRIT 1 ?1"]
        await press(pilot, "enter")
        assert [row[0] for row in rows(pilot)] == ["web1", "web2"], "worst first"
        await press(pilot, "enter")
        assert [row[1] for row in rows(pilot)] == ["✗", "?", "✓"]
        assert "systemctl disable --now it" in text(pilot, "#detail-text")
        await press(pilot, "e")
        shown = text(pilot, "#entries")
        assert "▶    2 LISTEN 8080 \\x1b]0;x\\x07" in shown
        await press(pilot, "escape", "escape", "escape")
        assert len(rows(pilot)) == 1

    drive(store, steps, size)


def test_the_filter_narrows_and_escape_clears_it(store: Store) -> None:
    async def steps(pilot: Pilot[None]) -> None:
        await press(pilot, "enter", "enter", "slash", *"8080 fail")
        assert [row[4] for row in rows(pilot)] == ["tcp/8080"]
        await press(pilot, "x")
        assert rows(pilot) == []
        assert "Esc clears the filter" in text(pilot, "#message")
        await press(pilot, "escape")
        assert len(rows(pilot)) == 3
        assert not pilot.app.screen.query_one("#filter", Input).display

    drive(store, steps)


def test_keys_move_like_in_vi(store: Store) -> None:
    async def steps(pilot: Pilot[None]) -> None:
        await press(pilot, "enter", "enter")
        table = pilot.app.screen.query_one(DataTable)
        await press(pilot, "j")
        assert table.cursor_row == 1
        await press(pilot, "G")
        assert table.cursor_row == 2
        await press(pilot, "k", "g")
        assert table.cursor_row == 0

    drive(store, steps)


def test_hostile_text_is_shown_and_not_obeyed(store: Store) -> None:
    async def steps(pilot: Pilot[None]) -> None:
        await press(pilot, "enter", "enter", "j")
        assert rows(pilot)[1][4] == "evil\\x1b[31m\\u202e[bold]x[/bold]"
        assert "\\x1b[31m\\u202e[bold]x[/bold]" in text(pilot, "#detail-text")
        await press(pilot, "enter")
        screenshot = pilot.app.export_screenshot()
        assert "\x1b" not in screenshot
        assert "\u202e" not in screenshot

    drive(store, steps)


def test_an_empty_store_says_what_to_do(tmp_path: Path) -> None:
    async def steps(pilot: Pilot[None]) -> None:
        assert "secaudit scan" in text(pilot, "#message")
        await press(pilot, "enter", "escape", "j")
        assert rows(pilot) == []

    with closing(open_store(f"sqlite:///{tmp_path}/store.db")) as empty:
        drive(empty, steps)
