"""Panels of families: drawn alike, hostile text inert, asked and answered, and a broken plugin keeps its trouble."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from textual.pilot import Pilot
from textual.widgets import TabbedContent

from secaudit.model.answer import HostTranscript
from secaudit.model.outcome import Outcome
from secaudit.model.panel import Panel, PanelLines, PanelQuery, PanelTable, TitledPanel, Tone, Words
from secaudit.model.result import Result
from secaudit.model.severity import Severity
from secaudit.store import Store
from secaudit.tui.dialogs import Choose
from secaudit.tui.finding.evidence import TextScreen
from secaudit.tui.host.compare import Differences, between_hosts
from secaudit.tui.host.panels import MOST_LINES, PanelView, QueryLine, drawn
from secaudit.tui.services import Services
from secaudit.tui.themes import LOOKS
from tests.tui.scenes import FINDINGS, HOSTILE, SIZES, app, drive, fill, press, result, text, until


def echo(question: str) -> PanelLines:
    if question == "burst":
        raise RuntimeError(HOSTILE)
    return PanelLines("", ((Words(f"you asked {question} {HOSTILE}", Tone.GOOD),),))


PANELS = (
    TitledPanel("acme", f"Acme {HOSTILE}", Panel("Nothing to ask.")),
    TitledPanel(
        "firewall",
        "Gate",
        Panel(
            f"It has rules {HOSTILE}.",
            (
                PanelTable("Services", ("service", "who"), ((Words("tcp/22"), Words(HOSTILE, Tone.HIGH)),), 3),
                PanelLines("Chain", ((Words("1", Tone.DIM), Words("accept")),)),
            ),
            PanelQuery("packet", "10.0.0.1 tcp/22", echo),
        ),
    ),
)


def panels(transcript: HostTranscript, results: Sequence[Result]) -> Sequence[TitledPanel]:
    assert {one.host for one in results} == {transcript.host}
    return PANELS


async def at_the_host(pilot: Pilot[None]) -> TabbedContent:
    app(pilot).open_host("muster", "web1")
    await until(pilot, lambda: len(app(pilot).screen.query(PanelView)) == len(PANELS))
    return app(pilot).screen.query_one(TabbedContent)


@pytest.mark.parametrize("size", SIZES)
def test_a_panel_is_shown_asked_and_left(store: Store, size: tuple[int, int]) -> None:
    async def steps(pilot: Pilot[None]) -> None:
        tabs = await at_the_host(pilot)
        assert tabs.active == "results"
        await press(pilot, "tab", "slash")
        await until(pilot, lambda: isinstance(app(pilot).focused, QueryLine))
        assert tabs.active == "panel-1", "the one that can be asked"
        await press(pilot, "escape")
        shown = text(pilot, "#panel-1 .panel")
        assert "tcp/22   evil\\x1b[31m\\u202e[bold]x[/bold]" in shown
        assert "… 3 more" in shown
        assert not set(shown) & {"\x1b", "\u202e"}
        await press(pilot, "slash", *"10.0.0.1 tcp/22", "enter")
        await until(pilot, lambda: "you asked 10.0.0.1 tcp/22 evil\\x1b" in text(pilot, "#panel-1 .answer"))
        await press(pilot, "escape", "slash", "ctrl+u", *"burst", "enter")
        await until(pilot, lambda: "no answer: RuntimeError" in text(pilot, "#panel-1 .answer"))
        await press(pilot, "escape", "tab")
        assert tabs.active == "facts"
        await press(pilot, "escape")
        assert not app(pilot).screen.query(PanelView)

    drive(store, steps, size, services=Services(panels=panels))


def test_without_a_panel_that_takes_questions_it_says_so(store: Store) -> None:
    async def steps(pilot: Pilot[None]) -> None:
        app(pilot).open_host("muster", "web1")
        await until(pilot, lambda: len(app(pilot).screen.query(PanelView)) == 1)
        await press(pilot, "slash")
        assert "nothing to ask" in "\n".join(one.message for one in app(pilot)._notifications)

    drive(store, steps, services=Services(panels=lambda _transcript, _results: PANELS[:1]))


def test_the_tab_in_front_stays_when_the_store_changed(store: Store) -> None:
    async def steps(pilot: Pilot[None]) -> None:
        tabs = await at_the_host(pilot)
        await press(pilot, "tab", "tab")
        fill(store, FINDINGS, run_id="run-2")
        app(pilot).store_changed()
        await until(pilot, lambda: len(app(pilot).screen.query(PanelView)) == len(PANELS))
        assert tabs.active == "panel-1"

    drive(store, steps, services=Services(panels=panels))


def test_long_parts_are_cut_and_counted() -> None:
    rows = tuple((Words(str(number)), Words("x" * 5000)) for number in range(MOST_LINES + 5))
    shown = drawn(Panel("", (PanelTable("T", ("a", "b"), rows, 2),)), LOOKS["mono"], 120).plain
    assert shown.endswith("… 7 more")
    assert len(shown) < MOST_LINES * 2600


@pytest.mark.parametrize("width", [60, 80, 200])
def test_tables_keep_their_columns_where_room_is_short(width: int) -> None:
    row = (Words("tcp/22"), Words("a" * 60), Words("everywhere " * 5), Words("named but nothing listens there at all"))
    shown = drawn(Panel("", (PanelTable("T", ("port", "who", "from", "remark"), (row,)),)), LOOKS["mono"], width).plain
    lines = shown.splitlines()
    assert max(map(len, lines)) <= width
    place = lines[2].index("remark")
    assert lines[3][place:].startswith("named")
    assert all(not line[:place].strip() for line in lines[4:])


@pytest.mark.parametrize("size", SIZES)
def test_a_host_is_held_beside_another_one(store: Store, size: tuple[int, int]) -> None:
    async def steps(pilot: Pilot[None]) -> None:
        await at_the_host(pilot)
        await press(pilot, "c")
        await until(pilot, lambda: isinstance(app(pilot).screen, Choose))
        await press(pilot, "enter")
        await until(pilot, lambda: isinstance(app(pilot).screen, TextScreen))
        await until(pilot, lambda: "web1 beside web2" in text(pilot, "#text"))
        shown = text(pilot, "#text")
        assert "Wrong here only (2)" in shown
        assert "Wrong there only (0)" in shown
        assert "\x1b" not in shown

    drive(store, steps, size, services=Services(panels=panels))


def test_what_is_wrong_on_both_hosts_is_no_difference_unless_it_is_otherwise() -> None:
    here = [result("a", "tcp/1", Outcome.FAILED, Severity.HIGH), result("a", "tcp/2", Outcome.FAILED, Severity.LOW)]
    there = [replace(one, fingerprint=f"other-{one.subject}", host="b") for one in here]
    assert between_hosts(there, here) == Differences((), (), ())
    worse = replace(there[1], severity=Severity.CRITICAL)
    assert between_hosts([there[0], worse], here).changed == ((worse, here[1]),)
