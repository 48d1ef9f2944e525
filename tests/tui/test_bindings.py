"""Every key of every part of the dashboard is pressed where it works, and what it is for comes about.

The keys are collected from the classes of the whole package, so that one which nobody presses here is noticed.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from textual.binding import Binding
from textual.dom import DOMNode
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widgets import Input, OptionList, TabbedContent

import secaudit.tui
from secaudit.model.answer import HostTranscript
from secaudit.model.outcome import Outcome
from secaudit.model.panel import Panel, PanelLines, PanelQuery, TitledPanel, Words
from secaudit.model.result import Result
from secaudit.model.run import RunReport
from secaudit.model.severity import Severity
from secaudit.model.sla import FindingEvent
from secaudit.model.tracker import ActionKind, IssueAction
from secaudit.store import Store, open_store
from secaudit.tui.app import Dashboard
from secaudit.tui.dialogs import Ask, Choose, Confirm, Dialog, Sheet
from secaudit.tui.filter.line import FilterLine
from secaudit.tui.finding.evidence import Reader, TextScreen
from secaudit.tui.finding.screen import DetailScreen, FindingScreen
from secaudit.tui.finding.waiver_form import WaiverForm
from secaudit.tui.findings.choose_view import ChooseView
from secaudit.tui.findings.page import FindingsPage
from secaudit.tui.findings.table import FindingsTable
from secaudit.tui.findings.views import View
from secaudit.tui.host.panels import PanelView, QueryLine
from secaudit.tui.host.screen import HostScreen
from secaudit.tui.jobs import Job, JobState
from secaudit.tui.pages.list_page import Grid, ListPage, WordsLine
from secaudit.tui.pages.overview import Counter, OverviewPage
from secaudit.tui.pages.page import PAGES, Framed
from secaudit.tui.pages.runs import RunsPage
from secaudit.tui.services import Pauses, Rechecked, Services, Target, TicketPlan, WaiverDraft
from tests.tui.scenes import FINDINGS, NOW, SCANNED, app, drive, fill, press, result, settle, text, until


@dataclass
class Calls:
    """What the dashboard asked for."""

    events: list[FindingEvent] = field(default_factory=list)
    waivers: list[WaiverDraft] = field(default_factory=list)
    checked: list[Target] = field(default_factory=list)
    reports: list[str] = field(default_factory=list)
    exports: list[tuple[RunReport, str]] = field(default_factory=list)
    left: list[bool] = field(default_factory=list)

    def announce(self, target: Target) -> str:
        return f"would check {target}"

    def run(self, target: Target, progress: Callable[[str], None]) -> Rechecked:
        self.checked.append(target)
        return Rechecked("run-9")

    def record(self, event: FindingEvent) -> int:
        self.events.append(event)
        return len(self.events)

    def plan(self, customer: str, fingerprint: str) -> TicketPlan:
        step = IssueAction(ActionKind.CREATE, "1", (fingerprint,), "Port", "is open")
        return TicketPlan(customer, "tracker", (step,))

    def apply(self, plan: TicketPlan) -> Sequence[IssueAction]:
        return plan.actions

    def waive(self, draft: WaiverDraft) -> Callable[[], None]:
        self.waivers.append(draft)
        return lambda: self.waivers.remove(draft)

    def report(self, run: str, customer: str | None) -> Path:
        self.reports.append(run)
        return Path("report.html")

    def export(self, report: RunReport, name: str) -> Path:
        self.exports.append((report, name))
        return Path("findings.csv")


def panels(_transcript: HostTranscript, _results: Sequence[Result]) -> Sequence[TitledPanel]:
    def answer(question: str) -> PanelLines:
        return PanelLines("", ((Words(f"you asked {question}"),),))

    return (TitledPanel("gate", "Gate", Panel("It has a door.", (), PanelQuery("packet", "10.0.0.1", answer))),)


class Stage:
    """The dashboard in front, with services that write down what they are asked for."""

    def __init__(self, pilot: Pilot[None], calls: Calls) -> None:
        self.pilot = pilot
        self.calls = calls

    @property
    def app(self) -> Dashboard:
        return app(self.pilot)

    @property
    def screen(self) -> Screen[object]:
        return self.app.screen

    @property
    def table(self) -> FindingsTable:
        return self.screen.query_one(FindingsTable)

    @property
    def grid(self) -> Grid:
        focused = self.app.focused
        assert isinstance(focused, Grid)
        return focused

    @property
    def messages(self) -> str:
        return "\n".join(one.message for one in self.app._notifications)

    def text(self, selector: str) -> str:
        return text(self.pilot, selector) if self.screen.query(selector) else ""

    def in_front(self, kind: type[object], selector: str = "", words: str = "") -> bool:
        """A screen of that kind, which shows those words."""
        return isinstance(self.screen, kind) and (not selector or words in self.text(selector))

    async def press(self, *keys: str) -> None:
        await press(self.pilot, *keys)

    async def until(self, holds: Callable[[], bool]) -> None:
        await until(self.pilot, holds)

    async def clear(self) -> None:
        """Close what the last key opened, and forget what it did."""
        for _ in range(20):
            if isinstance(self.screen, Framed):
                if not self.screen.PAGE or len(self.app.screen_stack) > 1:
                    self.app.pop_screen()
                else:
                    break
            else:
                self.screen.dismiss(None)
            await settle(self.pilot)
        await self.page("findings")
        page = self.screen
        assert isinstance(page, FindingsPage)
        self.app.scope = type(self.app.scope)()
        self.table.selected = set()
        page.query_one(FilterLine).action_leave()
        page.show_view(type(page._view)())
        self.table.move_to(0)
        for name in ("events", "waivers", "checked", "reports", "exports", "left"):
            getattr(self.calls, name).clear()
        self.app._undo.clear()
        self.app.jobs.started.clear()
        self.app.clear_notifications()
        self.app.copy_to_clipboard("")
        await settle(self.pilot)

    async def page(self, name: str) -> None:
        self.app.action_page(name)
        await self.until(
            lambda: isinstance(self.screen, Framed) and name == self.screen.PAGE and self.screen.is_mounted
        )
        await self.until(lambda: bool(self.screen.query("#keys")))


Go = Callable[[Stage], Awaitable[None]]


@dataclass(frozen=True)
class Scene:
    """Keys that do the same, where they are pressed, and what holds after and not before each."""

    keys: str
    go: Go
    holds: Callable[[Stage], object]


async def at_findings(stage: Stage) -> None:
    await stage.page("findings")
    page = stage.screen
    assert isinstance(page, FindingsPage)
    stage.table.focus()
    await stage.until(lambda: stage.table.count == 2 and stage.table.current is not None)
    stage.table.move_to(0)
    await stage.until(lambda: page.detail is not None and "tcp/8080" in page.detail.result.subject)  # type: ignore[union-attr]  # has one


async def at_the_last_finding(stage: Stage) -> None:
    await at_findings(stage)
    stage.table.move_to(1)


async def in_the_filter(stage: Stage) -> None:
    await at_findings(stage)
    await stage.press("slash")


async def with_a_filter(stage: Stage) -> None:
    await in_the_filter(stage)
    await stage.press(*"sev:crit")
    line = stage.screen.query_one(FilterLine)
    await stage.until(lambda: line._suggestion == "sev:critical" and stage.table.count == 1)


async def after_selecting(stage: Stage) -> None:
    await at_findings(stage)
    await stage.press("space")


def on_page(name: str) -> Go:
    async def go(stage: Stage) -> None:
        await stage.page(name)
        page = stage.screen
        assert isinstance(page, ListPage)
        await stage.until(lambda: page.grid.row_count > 0)
        page.grid.focus()
        page.grid.move_cursor(row=0, column=0)
        await settle(stage.pilot)

    return go


async def in_the_words(stage: Stage) -> None:
    await on_page("hosts")(stage)
    await stage.press("slash", *"web")


def at_the_end_of(name: str) -> Go:
    async def go(stage: Stage) -> None:
        await on_page(name)(stage)
        stage.grid.move_cursor(row=stage.grid.row_count - 1, column=1)

    return go


async def at_the_host(stage: Stage) -> None:
    stage.app.open_host("muster", "web1")
    await stage.until(lambda: bool(stage.screen.query(PanelView)))
    # The first result is the critical one.
    stage.screen.query_one("#results-grid", Grid).move_cursor(row=0)


async def at_the_gate(stage: Stage) -> None:
    await at_the_host(stage)
    await stage.press("tab")
    assert tab(stage) == "panel-0"


async def asking(stage: Stage) -> None:
    await at_the_gate(stage)
    await stage.press("slash", *"10.0.0.1")


async def reading(stage: Stage) -> None:
    """The help, which is longer than the screen."""
    await at_findings(stage)
    await stage.press("question_mark")
    assert isinstance(stage.app.focused, Reader)
    assert stage.app.focused.max_scroll_y > 4


async def reading_on(stage: Stage) -> None:
    await reading(stage)
    stage.app.focused.scroll_to(y=4, animate=False)  # type: ignore[union-attr]  # see reading
    await settle(stage.pilot)


async def asked_to_leave(stage: Stage) -> None:
    stage.app.jobs.started.append(Job("muster/web1", NOW))
    await stage.press("q")
    assert isinstance(stage.screen, Confirm)


async def waiving(stage: Stage) -> None:
    await at_findings(stage)
    await stage.press("w")
    assert focused_line(stage) == "reason", "the owner is known"


async def choosing(stage: Stage) -> None:
    await at_findings(stage)
    await stage.press("s")


async def choosing_a_view(stage: Stage) -> None:
    await at_findings(stage)
    stage.app.views.save("mine", View("sev:crit"))
    await stage.press("apostrophe")
    shown = stage.screen.query_one(OptionList)
    shown.highlighted = shown.option_count - 1


async def choosing_the_second(stage: Stage) -> None:
    await choosing(stage)
    stage.screen.query_one(OptionList).highlighted = 1


async def at_a_counter(stage: Stage) -> None:
    await on_page("overview")(stage)
    stage.screen.query(Counter).first().focus()
    await settle(stage.pilot)


async def at_the_detail(stage: Stage) -> None:
    await at_findings(stage)
    await stage.press("enter")
    assert isinstance(stage.screen, DetailScreen)


def tab(stage: Stage) -> str:
    return stage.screen.query_one(TabbedContent).active


def position(stage: Stage) -> float:
    assert isinstance(stage.app.focused, Reader)
    return stage.app.focused.scroll_target_y


def focused_line(stage: Stage) -> str:
    return (stage.app.focused.id if stage.app.focused is not None else None) or ""


def highlighted(stage: Stage) -> int | None:
    return stage.screen.query_one(OptionList).highlighted


def page_is(name: str) -> Callable[[Stage], bool]:
    return lambda stage: isinstance(stage.screen, Framed) and name == stage.screen.PAGE


def cursor(place: int) -> Callable[[Stage], bool]:
    return lambda stage: stage.table.cursor == place


def row(place: int) -> Callable[[Stage], bool]:
    return lambda stage: stage.grid.cursor_row == place


def asks(words: str) -> Callable[[Stage], bool]:
    return lambda stage: stage.in_front(Confirm, "#explanation", words)


SCENES: dict[type[DOMNode], tuple[Scene, ...]] = {
    Dashboard: (
        *(
            Scene(str(number), on_page("runs" if name != "runs" else "hosts"), page_is(name))
            for number, name in enumerate(PAGES, 1)
        ),
        Scene("o", at_findings, lambda stage: stage.calls.reports == ["run-2"] and "report.html" in stage.messages),
        Scene("u", after_selecting, lambda stage: not stage.table.selected),
        Scene("ampersand", at_findings, lambda stage: stage.in_front(Sheet, "#sheet", "Jobs of this session")),
        Scene("colon,ctrl+p", at_findings, lambda stage: bool(stage.screen.query("CommandInput"))),
        Scene("question_mark", at_findings, lambda stage: stage.in_front(Sheet, "#sheet", "On this screen")),
        Scene("q", at_findings, lambda stage: bool(stage.calls.left)),
    ),
    Framed: (
        Scene("escape,backspace", at_the_detail, lambda stage: stage.in_front(FindingsPage)),
        Scene("escape,backspace", at_the_host, lambda stage: not stage.in_front(HostScreen)),
    ),
    ListPage: (Scene("slash", on_page("hosts"), lambda stage: isinstance(stage.app.focused, Input)),),
    WordsLine: (Scene("enter,down", in_the_words, lambda stage: isinstance(stage.app.focused, Grid)),),
    Grid: (
        Scene("j,down,G,end,ctrl+end,ctrl+d,pagedown", on_page("hosts"), row(1)),
        Scene("k,up,g,home,ctrl+home,ctrl+u,pageup", at_the_end_of("hosts"), row(0)),
        Scene("l,right", on_page("hosts"), lambda stage: stage.grid.cursor_column == 1),
        Scene("h,left", at_the_end_of("hosts"), lambda stage: stage.grid.cursor_column == 0),
        Scene("enter", on_page("hosts"), lambda stage: stage.in_front(HostScreen)),
    ),
    RunsPage: (
        Scene("space", on_page("runs"), lambda stage: str(stage.grid.get_row_at(0)[0]) == "▪"),
        Scene("p", on_page("runs"), lambda stage: stage.in_front(TextScreen, "#text", "0 hosts were planned")),
    ),
    Counter: (Scene("enter", at_a_counter, lambda stage: stage.in_front(FindingsPage)),),
    FindingsPage: (
        Scene("slash", at_findings, lambda stage: isinstance(stage.app.focused, FilterLine)),
        Scene("apostrophe", at_findings, lambda stage: stage.in_front(Choose) and "overdue" in options(stage)),
        Scene("t", at_findings, lambda stage: stage.in_front(Choose) and "customer" in options(stage)),
        Scene("s", at_findings, lambda stage: stage.in_front(Choose) and "newest" in options(stage)),
        Scene("A", at_findings, lambda stage: len(stage.table.selected) == 2),
        Scene("S", at_findings, lambda stage: stage.in_front(Ask)),
        Scene("x", at_findings, lambda stage: stage.in_front(Choose) and "csv" in options(stage)),
    ),
    FindingsTable: (
        Scene("enter", at_findings, lambda stage: stage.in_front(DetailScreen)),
        Scene("j,down,G,end,ctrl+d,pagedown", at_findings, cursor(1)),
        Scene("k,up,g,home,ctrl+u,pageup", at_the_last_finding, cursor(0)),
        Scene("space", at_findings, lambda stage: len(stage.table.selected) == 1),
        Scene("V", after_selecting, lambda stage: len(stage.table.selected) == 2),
    ),
    FilterLine: (
        Scene("tab", with_a_filter, lambda stage: stage.screen.query_one(FilterLine).value == "sev:critical"),
        Scene("enter,down", with_a_filter, lambda stage: stage.app.focused is stage.table),
        Scene("escape", with_a_filter, lambda stage: not stage.screen.query_one(FilterLine).value),
        Scene("escape", in_the_filter, lambda stage: stage.app.focused is stage.table),
    ),
    FindingScreen: tuple(
        Scene(keys, place, holds)
        for place in (at_findings, at_the_detail, at_the_host)
        for keys, holds in (
            ("e", lambda stage: stage.in_front(TextScreen, "#text", "▶    2 LISTEN 8080")),
            ("d", lambda stage: stage.in_front(TextScreen, "#text", "what network.listening-services means")),
            ("b", lambda stage: "no baselines here" in stage.messages),
            ("y", lambda stage: stage.app.clipboard == "systemctl disable --now it"),
            ("r", asks("would check muster/web1 ports")),
            ("R", lambda stage: stage.text("#explanation") == "would check muster/web1"),
            ("a", asks("anna takes care of it")),
            ("w", lambda stage: stage.in_front(WaiverForm)),
            ("i", asks("create Port (is open)")),
            ("p", lambda stage: stage.in_front(Choose) and "change freeze" in options(stage)),
            ("n", lambda stage: stage.in_front(Ask)),
        )
    )
    + tuple(Scene("H", place, lambda stage: stage.in_front(HostScreen)) for place in (at_findings, at_the_detail)),
    WaiverForm: (
        Scene("down", waiving, lambda stage: focused_line(stage) == "expires"),
        Scene("up", waiving, lambda stage: focused_line(stage) == "owner"),
    ),
    HostScreen: (
        Scene("tab", at_the_host, lambda stage: tab(stage) == "panel-0"),
        Scene("shift+tab", at_the_gate, lambda stage: tab(stage) == "results"),
        Scene("f", at_the_host, lambda stage: stage.in_front(FindingsPage) and stage.app.scope.host == "web1"),
        Scene("v", at_the_host, lambda stage: stage.in_front(TextScreen, "#text", "No longer wrong")),
        Scene("c", at_the_host, lambda stage: stage.in_front(Choose) and "web2" in options(stage)),
        Scene("slash", at_the_gate, lambda stage: isinstance(stage.app.focused, QueryLine)),
    ),
    QueryLine: (Scene("escape,down", asking, lambda stage: isinstance(stage.app.focused, Reader)),),
    Reader: (
        Scene("j,down,ctrl+d,pagedown,G,end", reading, lambda stage: position(stage) > 0),
        Scene("k,up", reading_on, lambda stage: position(stage) == 3),
        Scene("g,home,ctrl+u,pageup", reading_on, lambda stage: position(stage) == 0),
    ),
    Dialog: (Scene("escape", choosing, lambda stage: stage.in_front(FindingsPage)),),
    Confirm: (
        Scene("enter,y", asked_to_leave, lambda stage: bool(stage.calls.left)),
        Scene("n,q", asked_to_leave, lambda stage: not stage.in_front(Confirm) and not stage.calls.left),
    ),
    Choose: (
        Scene("j", choosing, lambda stage: highlighted(stage) == 1),
        Scene("k", choosing_the_second, lambda stage: highlighted(stage) == 0),
    ),
    ChooseView: (
        Scene("apostrophe", choosing_a_view, lambda stage: stage.in_front(FindingsPage)),
        Scene("D,delete", choosing_a_view, asks("sev:crit")),
    ),
    Sheet: (Scene("q,question_mark,enter", reading, lambda stage: stage.in_front(FindingsPage)),),
}


def options(stage: Stage) -> str:
    """What is on offer."""
    found = stage.screen.query_one(OptionList)
    return "\n".join(str(found.get_option_at_index(number).prompt) for number in range(found.option_count))


def declared(kind: type[DOMNode]) -> set[str]:
    """The keys that a class itself binds."""
    return {binding.key for binding in Binding.make_bindings(vars(kind).get("BINDINGS", ()))}


def parts() -> Iterator[type[DOMNode]]:
    """Every class of the dashboard that binds keys."""
    for module in pkgutil.walk_packages(secaudit.tui.__path__, "secaudit.tui."):
        for found in vars(importlib.import_module(module.name)).values():
            is_part = inspect.isclass(found) and issubclass(found, DOMNode) and found.__module__ == module.name
            if is_part and declared(found):
                yield found


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Two scans, the second one of which proves a port closed that was open."""
    with closing(open_store(f"sqlite:///{tmp_path}/store.db")) as opened:
        for day, outcome in ((1, Outcome.FAILED), (0, Outcome.PASSED)):
            port = result("web1", "tcp/9", outcome, Severity.LOW)
            at = SCANNED - timedelta(days=day)
            fill(opened, FINDINGS | {"web1": [*FINDINGS["web1"], port]}, at, f"run-{2 - day}")
        yield opened


def services(calls: Calls) -> Services:
    return Services(
        recheck=calls,
        export=calls.export,
        formats=("csv",),
        open_report=calls.report,
        check_page=lambda check: f"what {check} means",
        panels=panels,
        record=calls.record,
        pauses=lambda _customer: Pauses(("change freeze",), timedelta(days=10)),
        waive=calls.waive,
        ticket=calls,
        person="anna",
        missing={"baselines": "no baselines here"},
    )


def test_every_key_that_is_bound_is_pressed_by_a_scene() -> None:
    bound = {part: declared(part) for part in parts()}
    pressed = {part: {key for one in scenes for key in one.keys.split(",")} for part, scenes in SCENES.items()}
    assert pressed == bound


@pytest.mark.parametrize("part", SCENES, ids=lambda part: part.__name__)
def test_keys_do_what_they_are_for(store: Store, part: type[DOMNode], monkeypatch: pytest.MonkeyPatch) -> None:
    calls = Calls()
    monkeypatch.setattr(Dashboard, "exit", lambda _app: calls.left.append(True))

    async def steps(pilot: Pilot[None]) -> None:
        stage = Stage(pilot, calls)
        for scene in SCENES[part]:
            for key in scene.keys.split(","):
                await stage.clear()
                await scene.go(stage)
                case = f"{key} in {part.__name__}, {scene.go.__name__}"
                assert not scene.holds(stage), f"{case}: it holds before"
                active = stage.screen.active_bindings[key]
                owner = next(kind for kind in type(active.node).__mro__ if key in declared(kind))
                assert owner is part, f"{case}: {active}"
                await stage.press(key)
                try:
                    await stage.until(lambda scene=scene: bool(scene.holds(stage)))  # type: ignore[misc]  # bound per scene
                except TimeoutError:
                    raise AssertionError(f"{case}: nothing came of it") from None
        for job in stage.app.jobs.started:
            job.state = JobState.DONE
        await stage.clear()
        assert stage.in_front(OverviewPage) or stage.app.is_running

    drive(store, steps, (100, 24), services(calls))
