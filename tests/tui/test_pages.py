"""The pages of baselines and of the fleet: values with the line that set each, sites, and what is scanned next."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import BaseModel
from textual.pilot import Pilot

from secaudit.model.answer import Reach
from secaudit.model.baseline import Baseline, Control, Location
from secaudit.model.severity import Severity
from secaudit.store import Store, open_store
from secaudit.tui.findings.page import FindingsPage
from secaudit.tui.pages.baselines import BaselinesPage
from secaudit.tui.pages.fleet import FleetPage
from secaudit.tui.pages.hosts import HostsPage
from secaudit.tui.services import Firing, Services
from tests.tui.scenes import FINDINGS, HOSTILE, NOW, SIZES, app, drive, fill, press, text, until


class Ports(BaseModel):
    """An expectation with a value of the baseline, one of another file, and a default."""

    tcp: dict[str, str] = {"22": "any"}
    udp: list[str] = []
    note: str = HOSTILE


def control(name: str, file: str, line: int) -> Control:
    return Control(
        name,
        "network.listening-services",
        Severity.HIGH,
        Ports(),
        Location(file, line),
        references={"cis-v8": ("4.4",)},
        provenance={"expect.tcp": Location("base.yaml", 3), "expect.note": Location(file, line + 2)},
    )


BASELINES = (
    ("web", Baseline({"ports": control("ports", "web.yaml", 7), "tls": control("tls", "web.yaml", 20)}, ())),
    ("db", Baseline({"ports": control("ports", "db.yaml", 9)}, ())),
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Two hosts at a site that were scanned, and one that was not reached."""
    with closing(open_store(f"sqlite:///{tmp_path}/store.db")) as opened:
        fill(opened, FINDINGS)
        fill(opened, {"gone": []}, NOW - timedelta(days=2), "run-2", Reach.UNREACHABLE)
        yield opened


@pytest.mark.parametrize("size", SIZES)
def test_from_a_finding_to_the_line_that_demands_it(store: Store, size: tuple[int, int]) -> None:
    async def steps(pilot: Pilot[None]) -> None:
        dashboard = app(pilot)
        await press(pilot, "2")
        page = dashboard.screen
        assert isinstance(page, FindingsPage)
        await until(pilot, lambda: page.detail is not None)
        await press(pilot, "b")
        await until(pilot, lambda: isinstance(dashboard.screen, BaselinesPage))
        baselines = dashboard.screen
        assert isinstance(baselines, BaselinesPage)
        await until(pilot, lambda: baselines.grid.row_count == 2)
        assert baselines.current is not None
        assert str(baselines.current.control.location) == "web.yaml:7"
        shown = [line.split() for line in text(pilot, "#control-text").splitlines()]
        assert ["expect.tcp.22", "any", "base.yaml:3"] in shown
        assert ["expect.udp", "[]", "default", "of", "the", "check"] in shown
        assert "\\x1b[31m\\u202e[bold]x[/bold]" in text(pilot, "#control-text")
        await press(pilot, "j")
        assert "db.yaml:11" in text(pilot, "#control-text")
        await press(pilot, "escape")
        assert baselines.grid.row_count == 3

    drive(store, steps, size, Services(baselines=lambda: BASELINES))


@pytest.mark.parametrize("size", SIZES)
def test_sites_and_what_is_scanned_next(store: Store, size: tuple[int, int]) -> None:
    firings = (Firing(NOW + timedelta(hours=18), f"nightly {HOSTILE}", "muster"),)

    async def steps(pilot: Pilot[None]) -> None:
        await press(pilot, "6")
        page = app(pilot).screen
        assert isinstance(page, FleetPage)
        await until(pilot, lambda: page.grid.row_count == 1)
        assert [str(cell) for cell in page.grid.get_row_at(0)] == ["Muster GmbH", "vienna", "3", "2", "0", "1", "48h"]
        assert "2026-11-25 02:12 UTC  nightly evil\\x1b[31m" in text(pilot, "#schedules")
        await press(pilot, "enter")
        assert isinstance(app(pilot).screen, HostsPage)
        assert app(pilot).scope.customer == "muster"

    drive(store, steps, size, Services(schedules=lambda: firings))
