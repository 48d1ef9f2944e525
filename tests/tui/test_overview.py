"""The overview: its numbers are those of the lists behind them, and what stands beside the matrix of customers."""

from __future__ import annotations

import re
from collections import Counter
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path

import pytest
from textual.pilot import Pilot

from secaudit.model.answer import Reach
from secaudit.model.feed import FeedStamp
from secaudit.model.outcome import Outcome
from secaudit.model.result import Waiver
from secaudit.model.severity import Severity
from secaudit.store import Store, open_store
from secaudit.store.listing import FindingLine
from secaudit.tui.finding.screen import DetailScreen
from secaudit.tui.findings.page import FindingsPage
from secaudit.tui.findings.table import FindingsTable
from secaudit.tui.pages.blocks import Blocks, blocks
from secaudit.tui.pages.hosts import HostsPage
from secaudit.tui.pages.overview import Counter as CounterWidget
from secaudit.tui.pages.overview import load_customers
from secaudit.tui.scope import Scope
from secaudit.tui.services import FeedAge
from secaudit.tui.themes import LOOKS
from tests import screenshots
from tests.reports import sample
from tests.tui import scenes

NOW = datetime(2026, 11, 24, 6, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def a_line(subject: str, outcome: Outcome = Outcome.FAILED) -> FindingLine:
    """A backup that has not been fresh for three days."""
    at = NOW - 3 * DAY
    texts = ("f", "muster", "Muster GmbH", "db1", "vienna", "fresh", "backup.age", "backup", subject, "Old", "old")
    return FindingLine(*texts, Severity.HIGH, outcome, False, at, None, None, "run")


def test_backups_and_waivers_are_told_with_their_times() -> None:
    hostile = a_line("\x1b[31m\u202efiles", Outcome.UNPROVEN)
    side = Blocks((), (), (), (a_line("shop-db"), hostile), ((a_line("tcp/8080"), NOW + 2 * DAY),))
    shown = blocks(side, {}, NOW, next(iter(LOOKS.values()))).plain
    assert "BACKUPS NOT FRESH\n     3d H Muster GmbH  db1      shop-db" in shown
    assert "WAIVERS THAT END" in shown
    assert "48h" in shown
    assert "\x1b" not in shown
    assert "\u202e" not in shown


def test_blocks_without_anything_in_them_are_left_out() -> None:
    shown = blocks(Blocks((), (), (), (), ()), {}, NOW, next(iter(LOOKS.values()))).plain
    assert "BACKUPS" not in shown
    assert "WAIVERS" not in shown


def a_mixed_store(path: Path) -> Store:
    """Failures that are overdue, due soon, due later, waived, new and old; one host was not reached."""
    store = open_store(f"sqlite:///{path}/store.db")
    waiver = Waiver("anna", "migration", scenes.NOW + 9 * DAY)
    found = []
    for number, (hours, waived) in enumerate(product((-30, -1, 1, 20, 30, 300), (False, True))):
        one = scenes.result("web1", f"tcp/{number}", Outcome.FAILED, Severity.HIGH)
        due = scenes.NOW + timedelta(hours=hours)
        found.append(replace(one, due=due, waiver=waiver if waived else None))
    found += [scenes.result("web1", f"udp/{number}", Outcome.UNPROVEN, Severity.LOW) for number in range(3)]
    scenes.fill(store, {"web1": found[::2], "web2": []}, scenes.NOW - 3 * DAY, "run-1")
    scenes.fill(store, {"web1": found}, scenes.NOW - timedelta(hours=2), "run-2")
    return store


@pytest.mark.parametrize("size", scenes.SIZES)
def test_every_number_is_that_of_the_list_behind_it(tmp_path: Path, size: tuple[int, int]) -> None:
    async def steps(pilot: Pilot[None]) -> None:
        dashboard = scenes.app(pilot)
        shown = [str(counter.render()) for counter in dashboard.screen.query(CounterWidget)]
        numbers = [int(re.findall(r"\d+", text)[0]) for text in shown]
        assert all(numbers[:-1]), shown
        for place, number in enumerate(numbers[:-1]):
            await scenes.press(pilot, "1")
            list(dashboard.screen.query(CounterWidget))[place].focus()
            await pilot.pause()
            await scenes.press(pilot, "enter")
            await scenes.until(pilot, lambda: isinstance(dashboard.screen, FindingsPage))
            table = dashboard.screen.query_one(FindingsTable)
            await scenes.until(pilot, lambda: table.count == number)  # noqa: B023 - waited for here

    with closing(a_mixed_store(tmp_path)) as store:
        scenes.drive(store, steps, size)


def test_hosts_that_were_not_scanned_are_behind_their_number(tmp_path: Path) -> None:
    async def steps(pilot: Pilot[None]) -> None:
        dashboard = scenes.app(pilot)
        last = list(dashboard.screen.query(CounterWidget))[-1]
        assert str(last.render()).split()[0] == "▎1"
        last.focus()
        await pilot.pause()
        await scenes.press(pilot, "enter")
        await scenes.until(pilot, lambda: isinstance(dashboard.screen, HostsPage))
        page = dashboard.screen
        assert isinstance(page, HostsPage)
        await scenes.until(pilot, lambda: page.grid.row_count == 1)
        assert str(page.grid.get_row_at(0)[0]) == "gone"

    with closing(open_store(f"sqlite:///{tmp_path}/store.db")) as store:
        scenes.fill(store, scenes.FINDINGS)
        scenes.fill(store, {"gone": []}, run_id="run-2", reach=Reach.UNREACHABLE)
        scenes.drive(store, steps)


def test_reference_data_are_shown_with_their_age_and_old_ones_are_marked() -> None:
    feeds = (
        FeedAge(FeedStamp("EPSS", NOW - 9 * DAY, ""), 8 * DAY),
        FeedAge(FeedStamp("KEV", NOW - 9 * DAY, ""), 10 * DAY),
        FeedAge(FeedStamp("advisories \x1b[2J", NOW - timedelta(hours=3), ""), timedelta(hours=3)),
        FeedAge(FeedStamp("statements", NOW - 90 * DAY, ""), None),
    )
    shown = blocks(Blocks((), (), (), (), (), feeds), {}, NOW, next(iter(LOOKS.values()))).plain
    assert "     9d ✗ of 8d   EPSS" in shown
    assert "     9d ✓ of 10d  KEV" in shown
    assert "   3h00 ✓ of 3h00 advisories \\x1b[2J" in shown
    assert "    90d ·         statements\n" in shown


def test_a_clock_opens_its_finding_by_a_click(tmp_path: Path) -> None:
    async def steps(pilot: Pilot[None]) -> None:
        await pilot.click("#blocks", offset=(20, 1))
        await scenes.until(pilot, lambda: isinstance(scenes.app(pilot).screen, DetailScreen))
        await scenes.until(pilot, lambda: "it listens" in scenes.explained(pilot))

    with closing(open_store(f"sqlite:///{tmp_path}/store.db")) as store:
        scenes.fill(store, scenes.FINDINGS)
        scenes.drive(store, steps)


def test_the_numbers_are_those_of_the_report(tmp_path: Path) -> None:
    """A whole run in the store: matrix and counters count what the summary of its report counts."""
    report = sample.report()
    summary, now = report.summary, report.run.started + timedelta(hours=1)
    with closing(open_store(f"sqlite:///{tmp_path}/store.db")) as store:
        screenshots.fill(store, report)
        (row,) = load_customers(store, now, Scope())
    failed: Counter[Severity] = Counter()
    for tally in row.tallies:
        if tally.outcome is Outcome.FAILED and not tally.waived:
            failed[tally.severity] += tally.count
    assert failed == Counter({severity: count for severity, count in summary.failed.items() if count})
    assert row.clocks.unproven == summary.unproven
    assert row.clocks.waived == summary.waived
    assert sum(tally.count for tally in row.tallies if tally.outcome is Outcome.PASSED) == summary.passed
