"""What can be done from the dashboard: each action asks first, says what came of it, and says why when it is off."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from threading import Event

import pytest
from textual.pilot import Pilot

from secaudit.model.errors import UserError
from secaudit.model.outcome import Outcome
from secaudit.model.run import RunReport
from secaudit.model.severity import Severity
from secaudit.model.sla import EventKind, FindingEvent
from secaudit.store import Store
from secaudit.tui.app import Dashboard
from secaudit.tui.dialogs import Confirm, Dialog, Sheet
from secaudit.tui.findings.page import FindingsPage
from secaudit.tui.findings.table import FindingsTable
from secaudit.tui.help import UNSAID
from secaudit.tui.jobs import JobState
from secaudit.tui.pages.page import PAGES, Framed
from secaudit.tui.services import Pauses, Rechecked, Services, Target, WaiverDraft
from secaudit.tui.themes import LOOKS
from tests.tui.scenes import (
    FINDINGS,
    HOSTILE,
    NOW,
    PATIENCE,
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


class FixedHost:
    """A re-check of a host on which the fault was mended in the meantime."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.asked: list[Target] = []

    def announce(self, target: Target) -> str:
        return f"would check {target.host}"

    def run(self, target: Target, progress: Callable[[str], None]) -> Rechecked:
        self.asked.append(target)
        progress("connecting")
        mended = [result("web1", "tcp/8080", Outcome.PASSED, Severity.CRITICAL)]
        fill(self._store, {"web1": mended}, NOW - timedelta(minutes=1), "run-2")
        return Rechecked("run-2")


async def at_the_critical_one(pilot: Pilot[None]) -> FindingsPage:
    await press(pilot, "2")
    page = app(pilot).screen
    assert isinstance(page, FindingsPage)
    await until(pilot, lambda: page.detail is not None)
    return page


def messages(pilot: Pilot[None]) -> str:
    return "\n".join(notification.message for notification in app(pilot)._notifications)


def test_a_recheck_is_announced_run_and_its_result_appears(store: Store) -> None:
    recheck = FixedHost(store)

    async def steps(pilot: Pilot[None]) -> None:
        await at_the_critical_one(pilot)
        await press(pilot, "r")
        assert isinstance(app(pilot).screen, Confirm)
        assert "would check web1" in text(pilot, "#explanation")
        assert not recheck.asked
        await press(pilot, "y")
        table = app(pilot).screen.query_one(FindingsTable)
        await until(pilot, lambda: all("tcp/8080" not in line for line in lines(pilot)))
        assert recheck.asked == [Target("muster", "web1", "ports")]
        assert app(pilot).jobs.started[0].state is JobState.DONE
        assert table.count == 0
        await press(pilot, "ampersand")
        assert "run run-2" in text(pilot, "#sheet")

    drive(store, steps, services=Services(recheck=recheck))


@pytest.mark.parametrize(("size", "line"), [((80, 24), "#trail"), ((120, 40), "#title")])
def test_what_runs_is_told_while_it_runs(store: Store, size: tuple[int, int], line: str) -> None:
    """At the top of every screen, and step by step in the list of jobs."""
    goes_on = Event()

    class Slow(FixedHost):
        def run(self, target: Target, progress: Callable[[str], None]) -> Rechecked:
            progress("collecting")
            assert goes_on.wait(30)
            return super().run(target, progress)

    async def steps(pilot: Pilot[None]) -> None:
        await at_the_critical_one(pilot)
        await press(pilot, "r")
        await pilot.press("y")
        while "◐" not in text(pilot, line):
            await pilot.pause(0.02)
        await pilot.press("ampersand")
        while "collecting" not in (text(pilot, "#sheet") if app(pilot).screen.query("#sheet") else ""):
            await pilot.pause(0.02)
        await pilot.press("escape")
        goes_on.set()
        await until(pilot, lambda: "◐" not in text(pilot, line))

    drive(store, steps, size, services=Services(recheck=Slow(store)))


def test_a_finding_that_is_looked_at_turns_when_it_is_mended(store: Store) -> None:
    async def steps(pilot: Pilot[None]) -> None:
        await at_the_critical_one(pilot)
        await press(pilot, "enter", "r", "y")
        await until(pilot, lambda: "✓ resolved  24 Nov 2026 08:11 UTC" in explained(pilot))
        assert "Clock" not in explained(pilot)

    drive(store, steps, services=Services(recheck=FixedHost(store)))


def test_people_handle_a_finding_and_each_step_can_be_undone(store: Store) -> None:
    """By further events; what was taken back stays to be read."""
    services = Services(
        record=store.add_event, pauses=lambda _customer: Pauses(("change freeze",), timedelta(days=10)), person="anna"
    )
    identity = FINDINGS["web1"][1].fingerprint

    def kinds() -> list[EventKind]:
        return [event.kind for event in store.events(identity)]

    async def steps(pilot: Pilot[None]) -> None:
        page = await at_the_critical_one(pilot)
        await press(pilot, "a", "n")
        assert kinds() == [EventKind.FOUND], "not without a yes"
        await press(pilot, "a", "y")
        await until(pilot, lambda: kinds()[1:] == [EventKind.ACKNOWLEDGED])
        await until(pilot, lambda: page.detail is not None and "by anna" in explained(pilot))
        await press(pilot, "n", *"call me", "enter")
        await until(pilot, lambda: kinds()[2:] == [EventKind.NOTED])
        await press(pilot, "p", "enter", "enter")
        await until(pilot, lambda: kinds()[3:] == [EventKind.PAUSED])
        await press(pilot, "slash", *"paused acked owner:anna", "enter")
        await until(pilot, lambda: len(lines(pilot)) == 1)
        await press(pilot, "u")
        await until(pilot, lambda: kinds()[4:] == [EventKind.RESUMED])
        await press(pilot, "u")
        await until(pilot, lambda: kinds()[5:] == [EventKind.WITHDRAWN])
        await until(pilot, lambda: "undone: the note" in messages(pilot))
        await press(pilot, "u")
        await until(pilot, lambda: kinds()[6:] == [EventKind.WITHDRAWN])
        acknowledged, noted, _, _, *back = store.events(identity)[1:]
        assert [event.withdraws for event in back] == [noted.number, acknowledged.number]
        await press(pilot, "u")
        await until(pilot, lambda: "there is nothing to undo" in messages(pilot))
        await until(pilot, lambda: not lines(pilot))
        await press(pilot, "slash", "escape", "escape")
        await until(pilot, lambda: explained(pilot).count("taken back by anna, 24 Nov 08:12") == 2)

    drive(store, steps, services=services)


def test_an_acknowledgement_of_somebody_else_is_taken_back_by_the_key_that_gives_one(store: Store) -> None:
    """Those that are selected with it and are not acknowledged come first."""
    web1 = [one for one in FINDINGS["web1"] if one.outcome is not Outcome.PASSED]
    identity = web1[0].fingerprint
    store.add_event(FindingEvent(identity, EventKind.ACKNOWLEDGED, NOW - timedelta(hours=1), author="bert"))

    async def steps(pilot: Pilot[None]) -> None:
        await at_the_critical_one(pilot)
        await press(pilot, "A", "a")
        await until(pilot, lambda: "Acknowledge “" in text(pilot, "#box Static"))
        await press(pilot, "y")
        await until(pilot, lambda: all(one.fingerprint in store.handling() for one in web1))
        assert store.handling()[identity].acknowledged_by == "bert"
        await press(pilot, "a")
        await until(pilot, lambda: "Take back that 2 findings are acknowledged?" in text(pilot, "#box Static"))
        assert "bert acknowledged it on 24 Nov 07:12 UTC. So were 1 more." in text(pilot, "#explanation")
        await press(pilot, "y")
        await until(pilot, lambda: not any(one.acknowledged_by for one in store.handling().values()))

    drive(store, steps, services=Services(record=store.add_event, person="anna"))


def test_clocks_that_run_again_can_be_held_again_until_the_end_of_the_pause(store: Store) -> None:
    identity = FINDINGS["web1"][1].fingerprint
    until_when = NOW + timedelta(days=2)
    pause = FindingEvent(identity, EventKind.PAUSED, NOW - timedelta(hours=1), author="bert", reason="change freeze")
    store.add_event(replace(pause, until=until_when))

    async def steps(pilot: Pilot[None]) -> None:
        await at_the_critical_one(pilot)
        await press(pilot, "p")
        await until(pilot, lambda: "They are paused: change freeze" in text(pilot, "#explanation"))
        await press(pilot, "y")
        await until(pilot, lambda: store.events(identity)[-1].kind is EventKind.RESUMED)
        await press(pilot, "u")
        await until(pilot, lambda: store.events(identity)[-1].kind is EventKind.PAUSED)
        assert store.events(identity)[-1] == replace(pause, at=NOW, author="anna", until=until_when)

    drive(store, steps, services=Services(record=store.add_event, person="anna"))


def test_a_waiver_is_shown_before_it_is_written_and_can_be_taken_back(store: Store) -> None:
    written: list[WaiverDraft] = []

    def write(draft: WaiverDraft) -> Callable[[], None]:
        written.append(draft)
        return lambda: written.remove(draft)

    async def steps(pilot: Pilot[None]) -> None:
        await at_the_critical_one(pilot)
        await press(pilot, "w", "enter", "enter")
        assert not written, "not without a reason"
        await press(pilot, *"migration")
        shown = text(pilot, "#explanation")
        assert 'reason: "migration"' in shown
        assert 'expires: "2026-12-24"' in shown
        assert not written
        await press(pilot, "enter", "enter")
        await until(pilot, lambda: len(written) == 1)
        assert written[0] == WaiverDraft("muster", "ports", "web1", "tcp/8080", "anna", "migration", "2026-12-24")
        await press(pilot, "u")
        await until(pilot, lambda: not written)

    drive(store, steps, services=Services(record=store.add_event, waive=write, person="anna"))


def test_what_is_selected_is_handled_together(store: Store) -> None:
    """One question for all of them; host and subject of a waiver mean exactly this host and subject."""
    drafts: list[WaiverDraft] = []
    recheck = FixedHost(store)

    def write(draft: WaiverDraft) -> Callable[[], None]:
        drafts.append(draft)
        return lambda: None

    def acknowledged() -> list[str]:
        return [one.fingerprint for one in FINDINGS["web1"] if len(store.events(one.fingerprint)) > 1]

    async def steps(pilot: Pilot[None]) -> None:
        await at_the_critical_one(pilot)
        await press(pilot, "A")
        await until(pilot, lambda: "2 selected" in text(pilot, "#count"))
        await press(pilot, "a")
        await until(pilot, lambda: isinstance(app(pilot).screen, Confirm))
        await press(pilot, "y")
        await until(pilot, lambda: acknowledged() == [one.fingerprint for one in FINDINGS["web1"][1:]])
        await press(pilot, "w", *"why", "enter", "enter")
        await until(pilot, lambda: len(drafts) == 2)
        assert drafts[0].subject == "tcp/8080"
        assert drafts[1].subject == HOSTILE.replace("[", "[[]")
        await press(pilot, "r")
        await until(pilot, lambda: isinstance(app(pilot).screen, Confirm))
        await press(pilot, "y")
        await until(pilot, lambda: recheck.asked == [Target("muster", "web1", "ports")])

    services = Services(record=store.add_event, waive=write, recheck=recheck, person="anna")
    drive(store, steps, services=services)


def test_nobody_acknowledges_more_than_can_be_looked_at(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("secaudit.tui.finding.screen.MOST_AT_ONCE", 1)

    async def steps(pilot: Pilot[None]) -> None:
        await at_the_critical_one(pilot)
        await press(pilot, "A")
        await until(pilot, lambda: "2 selected" in text(pilot, "#count"))
        await press(pilot, "a")
        await until(pilot, lambda: "2 findings are too many at once" in messages(pilot))
        assert isinstance(app(pilot).screen, FindingsPage)

    drive(store, steps, services=Services(record=store.add_event, person="anna"))


def test_export_of_a_selection_and_copy_of_the_fix(store: Store, tmp_path: Path) -> None:
    exported: list[tuple[RunReport, str]] = []

    def export(report: RunReport, name: str) -> Path:
        exported.append((report, name))
        return tmp_path / "findings.csv"

    async def steps(pilot: Pilot[None]) -> None:
        await at_the_critical_one(pilot)
        await press(pilot, "y")
        assert app(pilot).clipboard == "systemctl disable --now it"
        await press(pilot, "A", "x")
        await until(pilot, lambda: isinstance(app(pilot).screen, Dialog))
        await press(pilot, "enter")
        await until(pilot, lambda: bool(exported))
        (report, name) = exported[0]
        assert name == "csv"
        assert {found.fingerprint for found in report.results} == {one.fingerprint for one in FINDINGS["web1"][1:]}
        await until(pilot, lambda: "findings.csv" in messages(pilot))
        await press(pilot, "ampersand")
        assert f"export of 2 findings  {tmp_path}/findings.csv" in text(pilot, "#sheet")

    drive(store, steps, services=Services(export=export, formats=("csv",)))


def test_a_service_that_fails_says_so_and_the_dashboard_goes_on(store: Store) -> None:
    def refuse(_event: object) -> int:
        raise UserError("the store is full [red]\x1b[2J")

    async def steps(pilot: Pilot[None]) -> None:
        await at_the_critical_one(pilot)
        await press(pilot, "a", "y")
        await until(pilot, lambda: "the store is full [red]\\x1b[2J" in messages(pilot))
        assert isinstance(app(pilot).screen, FindingsPage)

    drive(store, steps, services=Services(record=refuse, person="anna"))


def test_a_store_that_somebody_else_writes_to_is_waited_for_and_that_is_told(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("secaudit.tui.finding.handling.LATE", 0.01)
    goes_on = Event()

    def record(event: FindingEvent) -> int:
        assert goes_on.wait(PATIENCE)
        return store.add_event(event)

    async def steps(pilot: Pilot[None]) -> None:
        await at_the_critical_one(pilot)
        await press(pilot, "a")
        await pilot.press("y")
        while "the store is busy" not in messages(pilot):
            await pilot.pause(0.02)
        goes_on.set()
        await until(pilot, lambda: any(one.acknowledged_by for one in store.handling().values()))

    drive(store, steps, services=Services(record=record, person="anna"))


def test_every_key_of_every_screen_does_something_or_says_why(store: Store) -> None:
    """Nothing that a key starts may end the program, also when there is no service at hand."""

    async def steps(pilot: Pilot[None]) -> None:
        dashboard = app(pilot)
        tried = set()
        for name in PAGES:
            dashboard.action_page(name)
            await until(pilot, lambda: bool(dashboard.screen.query("#keys")))
            if name == "findings":
                await at_the_critical_one(pilot)
            for key, active in dashboard.screen.active_bindings.items():
                action = (active.binding.action, type(active.node))
                if action in tried or action[0] == "leave":
                    continue
                tried.add(action)
                await press(pilot, key)
                while not isinstance(dashboard.screen, Framed):
                    dashboard.screen.dismiss(None)
                    await settle(pilot)
                dashboard.action_page(name)
                await settle(pilot)
        assert dashboard.is_running

    drive(store, steps)


def test_read_only_starts_nothing(store: Store) -> None:
    recheck = FixedHost(store)

    async def steps(pilot: Pilot[None]) -> None:
        await at_the_critical_one(pilot)
        assert "read-only" in text(pilot, "#title")
        await press(pilot, "r")
        assert isinstance(app(pilot).screen, FindingsPage)
        assert "read-only" in messages(pilot)

    drive(store, steps, services=Services(recheck=recheck), read_only=True)


def test_the_palette_offers_every_key_screen_and_theme(store: Store) -> None:
    async def steps(pilot: Pilot[None]) -> None:
        from secaudit.tui.commands import DashboardCommands

        await at_the_critical_one(pilot)
        dashboard = app(pilot)
        provider = DashboardCommands(dashboard.screen)
        offered = {str(getattr(hit, "display", "")) async for hit in provider.discover()}
        described = {binding.binding.description for binding in dashboard.screen.active_bindings.values()}
        for description in described - {"", "commands"}:
            assert f"{description[0].upper()}{description[1:]}" in offered
        for theme in LOOKS:
            assert f"Theme: {theme}" in offered
            dashboard.theme = theme
            await settle(pilot)
            assert lines(pilot)
        await press(pilot, "colon", *"screen runs", "enter")
        await settle(pilot)

    drive(store, steps)


def test_help_names_every_key(store: Store) -> None:
    async def steps(pilot: Pilot[None]) -> None:
        await at_the_critical_one(pilot)
        bindings = [active.binding for active in app(pilot).screen.active_bindings.values()]
        bindings = [binding for binding in bindings if binding.action.rpartition(".")[2] not in UNSAID]
        await press(pilot, "question_mark")
        assert isinstance(app(pilot).screen, Sheet)
        shown = text(pilot, "#sheet").lower()
        for binding in bindings:
            assert (binding.tooltip or binding.description).lower() in shown
        assert "sev:high+" in shown

    drive(store, steps)


def test_quitting_asks_while_a_recheck_runs(store: Store) -> None:
    async def steps(pilot: Pilot[None]) -> None:
        from secaudit.tui.jobs import Job

        dashboard: Dashboard = app(pilot)
        dashboard.jobs.started.append(Job("muster/web1", NOW))
        await press(pilot, "q")
        assert isinstance(dashboard.screen, Confirm)
        await press(pilot, "n")
        assert dashboard.is_running
        dashboard.jobs.started[0].state = JobState.DONE
        await pilot.press("q")
        assert dashboard.return_code == 0

    drive(store, steps)


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
def test_tags_are_shown_and_filter(store: Store, size: tuple[int, int]) -> None:
    async def steps(pilot: Pilot[None]) -> None:
        await at_the_critical_one(pilot)
        await press(pilot, "slash", *"tag:edge", "enter")
        await until(pilot, lambda: len(lines(pilot)) == 2)
        await press(pilot, "slash", *",shop -tag:edge", "enter")
        await until(pilot, lambda: not lines(pilot))
        app(pilot).open_host("muster", "web1")
        await until(pilot, lambda: bool(app(pilot).screen.query("#host-head")))
        await until(pilot, lambda: "tags edge, shop" in text(pilot, "#host-head"))

    drive(store, steps, size)


def test_a_recheck_of_a_host_that_does_not_answer_is_no_success(store: Store) -> None:
    class Unreachable(FixedHost):
        def run(self, target: Target, progress: Callable[[str], None]) -> Rechecked:
            return Rechecked("run-2", "unreachable: connection refused")

    async def steps(pilot: Pilot[None]) -> None:
        await at_the_critical_one(pilot)
        await press(pilot, "r", "y")
        await until(pilot, lambda: "not checked to the end: unreachable: connection refused" in messages(pilot))
        assert app(pilot).jobs.started[0].state is JobState.FAILED

    drive(store, steps, services=Services(recheck=Unreachable(store)))


def test_a_waiver_asks_for_what_the_contract_requires(store: Store) -> None:
    written: list[WaiverDraft] = []

    def write(draft: WaiverDraft) -> Callable[[], None]:
        written.append(draft)
        return lambda: None

    def requires(customer: str) -> tuple[str, ...]:
        assert customer == "muster"
        return ("owner", "reason", "expires", "approver")

    async def steps(pilot: Pilot[None]) -> None:
        await at_the_critical_one(pilot)
        await press(pilot, "w")
        await until(pilot, lambda: bool(app(pilot).screen.query("#approver")))
        assert not app(pilot).screen.query("#compensation")
        await press(pilot, "down", *"why", "enter", "enter")
        assert not written, "not without who agreed"
        await press(pilot, *"ciso", "enter", "enter")
        assert 'approver: "ciso"' in text(pilot, "#explanation")
        await press(pilot, "enter")
        await until(pilot, lambda: len(written) == 1)
        assert (written[0].owner, written[0].approver, written[0].reason) == ("anna", "ciso", "why")

    services = Services(record=store.add_event, waive=write, waiver_requires=requires, person="anna")
    drive(store, steps, services=services)
