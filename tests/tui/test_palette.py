"""Every command that the palette offers is called on every screen, and what it is for comes about."""

from __future__ import annotations

from dataclasses import replace

import pytest
from textual.command import DiscoveryHit
from textual.pilot import Pilot
from textual.widgets import Input

from secaudit.store import Store
from secaudit.tui.commands import DashboardCommands
from secaudit.tui.findings.projection import Group
from secaudit.tui.findings.row_paint import OPTIONAL
from secaudit.tui.findings.table import FindingsTable
from secaudit.tui.pages.page import PAGES, Framed
from tests.tui.scenes import FINDINGS, app, drive, fill, lines, press, settle, until


async def shown(pilot: Pilot[None], page: str) -> None:
    dashboard = app(pilot)
    while not isinstance(dashboard.screen, Framed):
        dashboard.screen.dismiss(None)
        await settle(pilot)
    dashboard.action_page(page)
    await until(pilot, lambda: isinstance(dashboard.screen, Framed) and page == dashboard.screen.PAGE)
    await until(pilot, lambda: bool(dashboard.screen.query("#keys")))
    while isinstance(dashboard.focused, Input):
        await press(pilot, "escape")
    if page == "findings":
        await until(pilot, lambda: dashboard.screen.query_one(FindingsTable).current is not None)


async def offered(pilot: Pilot[None]) -> dict[str, DiscoveryHit]:
    provider = DashboardCommands(app(pilot).screen)
    return {hit.text or "": hit async for hit in provider.discover() if isinstance(hit, DiscoveryHit)}


@pytest.mark.parametrize("page", PAGES)
def test_every_command_of_the_palette_can_be_called(store: Store, page: str) -> None:
    """The names are read from the palette, so that a new command is called here without being named."""

    async def steps(pilot: Pilot[None]) -> None:
        dashboard = app(pilot)
        await shown(pilot, page)
        names = set(await offered(pilot)) - {"Quit"}
        assert {f"Screen: {one}" for one in PAGES} <= names
        for name in sorted(names):
            await shown(pilot, page)
            here = await offered(pilot)
            assert name in here, name
            called = here[name].command()
            if called is not None:
                await called
            await settle(pilot)
            assert dashboard.is_running, name
            if name.startswith("Screen: ") and isinstance(dashboard.screen, Framed):
                assert name == f"Screen: {dashboard.screen.PAGE}"
            if name.startswith("Theme: "):
                assert name == f"Theme: {dashboard.theme}"

    drive(store, steps)


@pytest.mark.parametrize("column", OPTIONAL)
def test_every_optional_column_goes_and_comes_back(store: Store, column: str) -> None:
    async def steps(pilot: Pilot[None]) -> None:
        await shown(pilot, "findings")
        table = app(pilot).screen.query_one(FindingsTable)
        before = table.render_line(0).text, lines(pilot)
        commands = await offered(pilot)
        toggle = commands[f"Column on or off: {column}"].command
        toggle()
        await settle(pilot)
        assert column in table.hidden
        assert (table.render_line(0).text, lines(pilot)) != before
        toggle()
        await settle(pilot)
        assert (table.render_line(0).text, lines(pilot)) == before

    drive(store, steps, size=(240, 60))


@pytest.mark.parametrize("group", Group)
def test_every_group_opens_into_as_many_findings_as_it_counts(store: Store, group: Group) -> None:
    update = replace(FINDINGS["web1"][1], fingerprint="f" * 32, family="patch", control="updates", subject="openssl")
    fill(store, FINDINGS | {"web1": [*FINDINGS["web1"], update]}, run_id="run-2")

    async def steps(pilot: Pilot[None]) -> None:
        await shown(pilot, "findings")
        table = app(pilot).screen.query_one(FindingsTable)
        whole = table.count
        await press(pilot, "t", *["j"] * (1 + list(Group).index(group)), "enter")
        await until(pilot, lambda: table.current_group is not None)
        first = table.current_group
        assert first is not None
        assert first.count <= whole
        await press(pilot, "enter")
        await until(pilot, lambda: table.current is not None)
        assert table.count == first.count

    drive(store, steps)
