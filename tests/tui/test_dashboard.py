"""Driven by keys over a real store: from the customers to the evidence, and hostile text stays inert on the way."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from rich.text import Text
from textual import events
from textual.pilot import Pilot

from secaudit.model.answer import Answer, AnswerStatus
from secaudit.model.evidence import Evidence
from secaudit.model.outcome import Outcome
from secaudit.model.severity import Severity
from secaudit.store import Store, open_store
from secaudit.tui.filter.line import FilterLine
from secaudit.tui.finding.detail import Finding
from secaudit.tui.finding.evidence import TextScreen, naming
from secaudit.tui.finding.screen import DetailScreen
from secaudit.tui.findings.page import FindingsPage
from secaudit.tui.findings.table import FindingsTable
from secaudit.tui.host.screen import HostScreen
from secaudit.tui.pages.hosts import HostsPage
from secaudit.tui.pages.list_page import Grid
from secaudit.tui.pages.overview import OverviewPage
from secaudit.tui.pages.page import Framed
from secaudit.tui.scope import Scope
from tests.tui.scenes import (
    FINDINGS,
    LISTENERS,
    NOW,
    SCANNED,
    SIZES,
    app,
    drive,
    explained,
    fill,
    lines,
    press,
    result,
    settle,
    text,
    until,
)


def cells(pilot: Pilot[None], selector: str = "#grid") -> list[list[str]]:
    grid = pilot.app.screen.query_one(selector, Grid)
    return [[str(cell) for cell in grid.get_row_at(number)] for number in range(grid.row_count)]


async def findings(pilot: Pilot[None]) -> FindingsTable:
    await press(pilot, "2")
    table = pilot.app.screen.query_one(FindingsTable)
    await until(pilot, lambda: bool(lines(pilot)))
    return table


@pytest.mark.parametrize("size", SIZES)
def test_three_keys_from_the_matrix_to_the_evidence(store: Store, size: tuple[int, int]) -> None:
    async def steps(pilot: Pilot[None]) -> None:
        (customer,) = cells(pilot)
        assert customer[:2] == ["Muster GmbH", "C 1?"]
        await press(pilot, "l", "enter")
        page = app(pilot).screen
        assert isinstance(page, FindingsPage)
        await until(pilot, lambda: len(lines(pilot)) == 2)
        assert app(pilot).scope.customer == "muster"
        assert "tcp/8080" in lines(pilot)[0]
        await until(pilot, lambda: page.detail is not None)
        await press(pilot, "enter")
        assert isinstance(app(pilot).screen, DetailScreen)
        shown = explained(pilot)
        assert "systemctl disable --now it" in shown
        assert "▶    2 │ LISTEN 8080" in shown
        assert "1h00 of 5h00" in shown, "the clock"
        await press(pilot, "e")
        assert "▶    2 LISTEN 8080 \\x1b]0;x\\x07" in text(pilot, "#text")
        await press(pilot, "escape", "escape", "escape", "escape")
        assert app(pilot).scope.customer is None

    drive(store, steps, size)


def test_filter_while_typing_and_escape_clears(store: Store) -> None:
    async def steps(pilot: Pilot[None]) -> None:
        table = await findings(pilot)
        await press(pilot, "slash", *"sev:crit")
        await until(pilot, lambda: table.count == 1)
        await press(pilot, *" zzz")
        await until(pilot, lambda: table.count == 0)
        assert "Esc clears the filter" in text(pilot, "#notice")
        await press(pilot, "escape", "escape")
        await until(pilot, lambda: table.count == 2)
        assert app(pilot).focused is table
        await press(pilot, "slash", *"famly:network")
        assert "family?" in text(pilot, "#notice")

    drive(store, steps)


def test_keys_that_come_at_once_go_where_the_one_before_them_leads(store: Store) -> None:
    """A terminal over a slow line delivers a whole command in one piece."""

    async def steps(pilot: Pilot[None]) -> None:
        dashboard = app(pilot)
        table = await findings(pilot)
        keys = ["slash", *"sev:crit tcp/8", "enter", "enter"]
        for key in keys:
            character = key if len(key) == 1 else None
            dashboard.post_message(events.Key(key if key != " " else "space", character))
        await until(pilot, lambda: isinstance(dashboard.screen, DetailScreen))
        await press(pilot, "escape")
        assert dashboard.screen.query_one(FilterLine).value == "sev:crit tcp/8"
        assert table.count == 1

    drive(store, steps)


def test_tab_completes_from_the_store(store: Store) -> None:
    async def steps(pilot: Pilot[None]) -> None:
        await findings(pilot)
        await press(pilot, "slash", *"host:w")
        line = app(pilot).screen.query_one(FilterLine)
        await until(pilot, lambda: bool(line._suggestion))
        await press(pilot, "tab")
        assert line.value == "host:web1"

    drive(store, steps)


def test_groups_open_into_their_findings_and_close_again(store: Store) -> None:
    async def steps(pilot: Pilot[None]) -> None:
        table = await findings(pilot)
        await press(pilot, "t", "j", "j", "enter")
        await until(pilot, lambda: table.current_group is not None)
        assert "Muster GmbH ▸ web1" in lines(pilot)[0]
        await press(pilot, "enter")
        await until(pilot, lambda: table.current is not None)
        assert app(pilot).screen.query_one(FilterLine).value == "customer:muster host:web1"
        await press(pilot, "escape")
        await until(pilot, lambda: table.current_group is not None)

    drive(store, steps)


def test_selection_can_be_undone(store: Store) -> None:
    async def steps(pilot: Pilot[None]) -> None:
        table = await findings(pilot)
        await press(pilot, "A")
        await until(pilot, lambda: len(table.selected) == 2)
        assert "2 selected" in text(pilot, "#count")
        await press(pilot, "u")
        assert not table.selected
        await press(pilot, "space", "V")
        await until(pilot, lambda: len(table.selected) == 2)

    drive(store, steps)


def test_keys_move_like_in_vi(store: Store) -> None:
    async def steps(pilot: Pilot[None]) -> None:
        table = await findings(pilot)
        for key, place in (("j", 1), ("k", 0), ("G", 1), ("g", 0), ("ctrl+d", 1), ("ctrl+u", 0), ("end", 1)):
            await press(pilot, key)
            assert table.cursor == place, key

    drive(store, steps)


def test_hostile_text_is_shown_and_not_obeyed(store: Store) -> None:
    async def steps(pilot: Pilot[None]) -> None:
        await findings(pilot)
        await press(pilot, "j")
        assert "evil\\x1b[31m\\u202e[bold]x[/bold]" in lines(pilot)[1]
        await until(pilot, lambda: "\\u202e[bold]x[/bold]" in explained(pilot))
        for keys in ((), ("enter",), ("e",), ("escape", "escape", "H")):
            await press(pilot, *keys)
            screenshot = pilot.app.export_screenshot()
            assert "\x1b" not in screenshot
            assert "\u202e" not in screenshot

    drive(store, steps)


def test_a_host_with_results_answers_scans_and_what_changed(store: Store) -> None:
    fixed = [result("web1", "tcp/22", Outcome.PASSED, Severity.HIGH)]
    fixed += [result("web1", "tcp/8080", Outcome.PASSED, Severity.CRITICAL)]
    fill(store, {"web1": fixed}, NOW - timedelta(hours=1), "run-2")

    async def steps(pilot: Pilot[None]) -> None:
        await press(pilot, "3")
        assert isinstance(app(pilot).screen, HostsPage)
        await press(pilot, "enter")
        assert isinstance(app(pilot).screen, HostScreen)
        assert [row[1] for row in cells(pilot, "#results-grid")] == ["✓", "✓"]
        await press(pilot, "tab", "tab")
        assert cells(pilot, "#answers-grid")[0][-1] == "ss -Hlnt"
        await press(pilot, "enter")
        assert "LISTEN 22" in text(pilot, "#text")
        await press(pilot, "escape", "tab")
        assert [row[2] for row in cells(pilot, "#scans-grid")] == ["run-2", "run-1"]
        await press(pilot, "v")
        assert isinstance(app(pilot).screen, TextScreen)
        assert "No longer wrong (2)" in text(pilot, "#text")

    drive(store, steps)


def test_two_runs_are_compared(store: Store) -> None:
    fill(store, {"web1": [result("web1", "tcp/9", Outcome.FAILED, Severity.LOW)]}, NOW - timedelta(hours=1), "run-2")

    async def steps(pilot: Pilot[None]) -> None:
        await press(pilot, "5")
        assert [row[-1] for row in cells(pilot)] == ["run-2", "run-1"]
        await press(pilot, "enter")
        shown = text(pilot, "#text")
        assert "Added (1)" in shown
        assert "Only in the older run (1)\nMuster GmbH ▸ web2" in shown
        assert "Muster GmbH ▸ web1  ports tcp/9" in shown

    drive(store, steps)


def test_an_empty_store_says_what_to_do_on_every_screen(tmp_path: Path) -> None:
    async def steps(pilot: Pilot[None]) -> None:
        assert "secaudit scan" in text(pilot, "#notice")
        for number in "23456":
            await press(pilot, number)
            notice = pilot.app.screen.query_one("#notice")
            await until(pilot, lambda shown=notice: bool(shown.display))  # type: ignore[misc]  # bound per screen
            await press(pilot, "enter", "j", "escape")

    with closing(open_store(f"sqlite:///{tmp_path}/store.db")) as empty:
        drive(empty, steps)


def test_what_a_scan_stores_meanwhile_appears(store: Store) -> None:
    async def steps(pilot: Pilot[None]) -> None:
        table = await findings(pilot)
        app(pilot)._poll()
        await settle(pilot)
        new = [result("web1", "tcp/8080", Outcome.PASSED, Severity.CRITICAL)]
        fill(store, {"web1": new}, NOW - timedelta(hours=1), "run-2")
        app(pilot)._poll()
        await settle(pilot)
        await until(pilot, lambda: table.count == 0)
        await press(pilot, "1")
        assert isinstance(app(pilot).screen, OverviewPage)
        assert cells(pilot)[0][1] == "✓"

    drive(store, steps)


def test_news_of_the_store_do_not_disturb_a_screen_that_is_being_opened(store: Store) -> None:
    """A screen is there before its parts are."""

    async def steps(pilot: Pilot[None]) -> None:
        dashboard = app(pilot)
        await findings(pilot)
        opened: tuple[Framed, ...] = (
            TextScreen(("a",), lambda _look, _width: Text("read me")),
            HostScreen(Scope().of_host("muster", "web1")),
            DetailScreen(Finding(FINDINGS["web1"][1].fingerprint, "muster", "web1", "ports", "tcp/8080", "run-1", "M")),
        )
        for screen in opened:
            dashboard.push_screen(screen)
            for news in (dashboard.store_changed, dashboard._repaint, dashboard.paint_frame):
                news()
            dashboard._polled(changed=True)
            dashboard._lose("the store is away")
            await until(pilot, lambda screen=screen: dashboard.screen is screen)  # type: ignore[misc]  # bound per screen
            dashboard._lose("the store is away")
            assert "away; what is shown is as of 08:12" in text(pilot, "#notice")
            dashboard.pop_screen()
            await settle(pilot)

    drive(store, steps)


@pytest.mark.parametrize(
    ("subject", "line"), [("curl", 2), ("libcurl4", 1), ("c++", 4), ("lib", None), ("curl.so", None), ("", None)]
)
def test_the_first_line_that_names_a_subject(subject: str, line: int | None) -> None:
    answer = Answer(LISTENERS, AnswerStatus.ENDED, SCANNED, stdout=b"libcurl4 1\ncurl 7\ncurl.so.4\nc++ 12\n")
    assert naming(answer, subject) == (None if line is None else (line, line))


def test_evidence_without_lines_shows_where_the_subject_is_named(store: Store) -> None:
    whole = Evidence(LISTENERS.key, 0, None, "LISTEN 22")
    port = result("web1", "8080", Outcome.FAILED, Severity.CRITICAL)
    fill(store, {"web1": [replace(port, evidence=(whole,))]}, NOW - timedelta(hours=1), "run-2")

    async def steps(pilot: Pilot[None]) -> None:
        await findings(pilot)
        await press(pilot, "slash", *"subject:8080", "enter")
        await until(pilot, lambda: "named in line 2 of 2" in explained(pilot))
        assert "▷    2 │ LISTEN 8080" in explained(pilot)
        await press(pilot, "e")
        assert "▷    2 LISTEN 8080" in text(pilot, "#text")

    drive(store, steps)
