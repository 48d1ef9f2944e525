"""Saved views: kept, chosen, replaced and removed by keys; and a file that is not in order costs nobody a view."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import OptionList

from secaudit.store import Store
from secaudit.tui.dialogs import Ask, Confirm
from secaudit.tui.filter.line import FilterLine
from secaudit.tui.findings.choose_view import ChooseView
from secaudit.tui.findings.page import FindingsPage
from secaudit.tui.findings.projection import Group, Sort
from secaudit.tui.findings.table import FindingsTable
from secaudit.tui.findings.views import BUILT_IN, LARGEST, View, Views, ViewsError
from tests.tui.scenes import HOSTILE, app, drive, lines, press, until

MINE = View("sev:crit", Sort.DUE, Group.HOST)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where views are kept."""
    return tmp_path / "state" / "views.json"


def offered(pilot: Pilot[None]) -> list[str]:
    shown = app(pilot).screen.query_one(OptionList)
    return [str(shown.get_option_at_index(number).prompt) for number in range(shown.option_count)]


def messages(pilot: Pilot[None]) -> str:
    return "\n".join(notification.message for notification in app(pilot)._notifications)


async def at_findings(pilot: Pilot[None], path: Path) -> FindingsPage:
    app(pilot).views = Views(path)
    await press(pilot, "2")
    await until(pilot, lambda: bool(lines(pilot)))
    page = app(pilot).screen
    assert isinstance(page, FindingsPage)
    return page


async def save(pilot: Pilot[None], filter_: str, name: str) -> None:
    app(pilot).screen.query_one(FilterLine).value = filter_
    await press(pilot, "S")
    await until(pilot, lambda: isinstance(app(pilot).screen, Ask))
    await press(pilot, *name, "enter")


async def choose(pilot: Pilot[None], name: str) -> None:
    await press(pilot, "apostrophe")
    assert isinstance(app(pilot).screen, ChooseView)
    place = next(number for number, shown in enumerate(offered(pilot)) if shown.startswith(name))
    app(pilot).screen.query_one(OptionList).highlighted = place


def test_a_view_is_saved_chosen_replaced_and_removed_by_keys(store: Store, path: Path) -> None:
    async def steps(pilot: Pilot[None]) -> None:
        page = await at_findings(pilot, path)
        await save(pilot, "sev:crit", "mine")
        await until(pilot, path.exists)
        assert Views(path).saved() == {"mine": View("sev:crit")}

        await press(pilot, "escape")
        await choose(pilot, "mine")
        await press(pilot, "enter")
        await until(pilot, lambda: len(lines(pilot)) == 1)
        assert page.query_one(FilterLine).value == "sev:crit"
        await press(pilot, "apostrophe", "apostrophe")
        await until(pilot, lambda: len(lines(pilot)) == 2)

        await save(pilot, "unproven", "mine")
        await until(pilot, lambda: isinstance(app(pilot).screen, Confirm))
        assert Views(path).saved() == {"mine": View("sev:crit")}, "not without a yes"
        await press(pilot, "n")
        await save(pilot, "unproven", "mine")
        await until(pilot, lambda: isinstance(app(pilot).screen, Confirm))
        await press(pilot, "y")
        await until(pilot, lambda: Views(path).saved() == {"mine": View("unproven")})
        await press(pilot, "u")
        assert Views(path).saved() == {"mine": View("sev:crit")}

        await choose(pilot, "mine")
        await press(pilot, "D")
        assert isinstance(app(pilot).screen, Confirm)
        await press(pilot, "y")
        assert isinstance(app(pilot).screen, ChooseView)
        assert len(offered(pilot)) == len(BUILT_IN)
        assert not Views(path).saved()
        await press(pilot, "D", "escape", "u")
        assert "overdue comes with the program" in messages(pilot)
        assert Views(path).saved() == {"mine": View("sev:crit")}

    drive(store, steps)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", ":1:1: not JSON"),
        ('{"a": {"filter": "x"', ":1:21: not JSON"),
        ("[]", "an object of views by name"),
        ('{"a": "new"}', "the view 'a' needs a filter"),
        ('{"a": {"filter": 3}}', "the view 'a' needs a filter"),
        ('{"a": {"filter": "new", "sort": "color"}}', "none of severity, then due, due"),
        ('{"a": {"filter": "new", "group": "galaxy"}}', "none of customer, host"),
        ('{"a": {"filter": "new", "group": ["host"]}}', "none of customer, host"),
        ("[" * 100_000, "nested too deep"),
        ("\udcff", "not JSON"),
        (" " * (LARGEST + 1), "is larger than"),
    ],
)
def test_a_file_that_holds_no_views_is_told_of_and_left_as_it_is(path: Path, content: str, message: str) -> None:
    path.parent.mkdir()
    path.write_text(content, encoding="utf-8", errors="surrogateescape")
    before = path.read_bytes()
    views = Views(path)
    for step in (views.all, lambda: views.save("mine", MINE), lambda: views.remove("a")):
        with pytest.raises(ViewsError, match="mend or remove") as refused:
            step()
        assert str(path) in str(refused.value)
        assert message in str(refused.value) or content == "\udcff"
    assert path.read_bytes() == before


def test_with_a_broken_file_the_program_says_so_and_offers_its_own(store: Store, path: Path) -> None:
    path.parent.mkdir()
    path.write_text('{"mine": {"filter": ')

    async def steps(pilot: Pilot[None]) -> None:
        await at_findings(pilot, path)
        await press(pilot, "apostrophe")
        assert f"{path}:1:" in messages(pilot)
        assert len(offered(pilot)) == len(BUILT_IN)
        await press(pilot, "D", "enter")
        await until(pilot, lambda: app(pilot).screen.query_one(FindingsTable).count == 0)
        assert app(pilot).screen.query_one(FilterLine).value == "overdue"
        await press(pilot, "S")
        await until(pilot, lambda: messages(pilot).count(str(path)) >= 3)

    drive(store, steps)
    assert path.read_text() == '{"mine": {"filter": '


def test_hostile_names_and_filters_are_shown_and_not_obeyed(store: Store, path: Path) -> None:
    path.parent.mkdir()
    path.write_text(json.dumps({HOSTILE: {"filter": f"{HOSTILE} sev:"}}))

    async def steps(pilot: Pilot[None]) -> None:
        await at_findings(pilot, path)
        await choose(pilot, "evil")
        assert "evil\\x1b[31m\\u202e[bold]x[/bold]" in offered(pilot)[-1]
        await press(pilot, "D")
        assert "\x1b" not in pilot.app.export_screenshot()
        await press(pilot, "n", "enter")
        await until(pilot, lambda: "\\x1b" in app(pilot).export_screenshot())
        assert not {"\x1b", "\u202e"} & set(pilot.app.export_screenshot())

    drive(store, steps)


def test_a_view_is_written_whole_or_not_at_all(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    views = Views(path)
    views.save("mine", MINE)
    before = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(ViewsError, match="No space left"):
        views.save("other", MINE)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]
    assert views.saved() == {"mine": MINE}
