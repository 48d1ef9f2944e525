"""The ticket of a finding: asked for, shown, and made only after a yes; never made twice, never without a reason."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer
from textual.pilot import Pilot

from secaudit.cli.ui_services import Sources, make_services
from secaudit.model.errors import UserError
from secaudit.model.tracker import ActionKind, IssueAction
from secaudit.plugins import discover
from secaudit.store import Store
from secaudit.tui.dialogs import Confirm
from secaudit.tui.findings.page import FindingsPage
from secaudit.tui.jobs import JobState
from secaudit.tui.services import Services, TicketPlan
from tests.export.trackers.fakes import FakeGitHub
from tests.tui.scenes import FINDINGS, HOSTILE, SIZES, app, drive, press, text, until

CRITICAL = FINDINGS["web1"][1].fingerprint


class Tracker:
    """A tracker in which an issue is wanted, until it is there."""

    def __init__(self, trouble: str = "") -> None:
        self.trouble = trouble
        self.made: list[TicketPlan] = []

    def plan(self, customer: str, fingerprint: str) -> TicketPlan:
        step = IssueAction(ActionKind.CREATE, "1", (fingerprint,), f"Port {HOSTILE}", "is open")
        return TicketPlan(customer, "github at https://tracker.example", () if self.made else (step,))

    def apply(self, plan: TicketPlan) -> Sequence[IssueAction]:
        if self.trouble:
            raise UserError(self.trouble)
        self.made.append(plan)
        return [IssueAction(ActionKind.CREATE, "1", (), "Port", "is open", "7", "https://tracker.example/7")]


async def at_the_critical_one(pilot: Pilot[None]) -> None:
    await press(pilot, "2")
    page = app(pilot).screen
    assert isinstance(page, FindingsPage)
    await until(pilot, lambda: page.detail is not None)


def messages(pilot: Pilot[None]) -> str:
    return "\n".join(notification.message for notification in app(pilot)._notifications)


@pytest.mark.parametrize("size", SIZES)
def test_the_plan_is_shown_and_done_after_a_yes(store: Store, size: tuple[int, int]) -> None:
    tracker = Tracker()

    async def steps(pilot: Pilot[None]) -> None:
        await at_the_critical_one(pilot)
        await press(pilot, "i")
        await until(pilot, lambda: isinstance(app(pilot).screen, Confirm))
        shown = text(pilot, "#explanation")
        assert "create Port evil\\x1b[31m" in shown
        assert "\x1b" not in shown
        await press(pilot, "n")
        assert not tracker.made
        await press(pilot, "i")
        await until(pilot, lambda: isinstance(app(pilot).screen, Confirm))
        await press(pilot, "y")
        await until(pilot, lambda: "create 7 https://tracker.example/7" in messages(pilot))
        assert tracker.made[0].actions[0].fingerprints == (CRITICAL,)
        assert app(pilot).jobs.started[0].state is JobState.DONE
        await press(pilot, "i")
        await until(pilot, lambda: "as it should be" in messages(pilot))

    drive(store, steps, size, services=Services(ticket=tracker))


def test_a_tracker_that_refuses_is_told_of(store: Store) -> None:
    async def steps(pilot: Pilot[None]) -> None:
        await at_the_critical_one(pilot)
        await press(pilot, "i")
        await until(pilot, lambda: isinstance(app(pilot).screen, Confirm))
        await press(pilot, "y")
        await until(pilot, lambda: "status 403" in messages(pilot))
        assert app(pilot).jobs.started[0].state is JobState.FAILED

    drive(store, steps, services=Services(ticket=Tracker("status 403")))


@pytest.mark.parametrize(
    ("services", "read_only", "said"),
    [
        (Services(missing={"ticket": "no tracker here"}), False, "no tracker here"),
        (Services(ticket=Tracker()), True, "read-only"),
    ],
)
def test_it_says_why_there_is_none(store: Store, services: Services, read_only: bool, said: str) -> None:
    async def steps(pilot: Pilot[None]) -> None:
        await at_the_critical_one(pilot)
        await press(pilot, "i")
        await until(pilot, lambda: said in messages(pilot))
        assert isinstance(app(pilot).screen, FindingsPage)

    drive(store, steps, services=services, read_only=read_only)


def test_the_issue_is_made_in_the_tracker_of_the_customer(
    store: Store, tmp_path: Path, httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRACKER_TOKEN", "t0ken")
    file = tmp_path / "muster.yaml"
    file.write_text(
        f"customer: muster\ntracker: github\nurl: http://127.0.0.1:{httpserver.port}\nproject: acme/ops\n"
        "secret: {env: TRACKER_TOKEN}\n"
    )
    fake = FakeGitHub(httpserver)
    url = f"sqlite:///{tmp_path}/store.db"
    services = make_services(Sources(url, None, None, None, tmp_path, trackers=file), discover(), read_only=False)
    assert services.ticket is not None
    plan = services.ticket.plan("muster", CRITICAL)
    assert [action.kind for action in plan.actions] == [ActionKind.CREATE]
    assert not fake.rows
    (done,) = services.ticket.apply(plan)
    assert (done.issue, len(fake.rows)) == ("1", 1)
    assert services.ticket.plan("muster", CRITICAL).actions == ()
    with pytest.raises(UserError, match="no tracker of other"):
        services.ticket.plan("other", CRITICAL)
    read_only = make_services(Sources(url, None, None, None, tmp_path, trackers=file), discover(), read_only=True)
    assert read_only.ticket is None
    assert "read-only" in read_only.why("ticket")
