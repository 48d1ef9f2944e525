"""The whole life of an issue, in a real Roundup."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from secaudit.export.trackers.adapter import RemoteIssue
from secaudit.export.trackers.desk import Desk, open_session
from secaudit.export.trackers.draft import Draft, marker_of
from secaudit.export.trackers.roundup import Roundup
from secaudit.export.trackers.session import Params, Reply, Session, TrackerError
from secaudit.model.outcome import Outcome
from secaudit.model.severity import Severity
from secaudit.model.sla import EventKind
from secaudit.model.tracker import ActionKind, IssueAction, IssueState, TrackerConfig, TrackerKind, Workflow
from secaudit.store import Store, open_store
from secaudit.store.tracker_issues import TrackedIssue
from tests.export.trackers.roundup_server import PASSWORD, roundup
from tests.store.scenes import DAY, START, WEB, a_result, a_run, record

RESOLVED, CHATTING, DEFERRED, IN_PROGRESS = "8", "3", "2", "5"
HOSTILE = "@root ``` {noformat} </pre> <script>alert(1)</script> \x1b[31m\u202e"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One tracker for all tests; each has its own customer and so its own markers."""
    with roundup(tmp_path_factory.mktemp("roundup")) as address:
        yield address


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty store."""
    with open_store(str(tmp_path / "store.sqlite")) as opened:
        yield opened


def a_config(url: str, customer: str) -> TrackerConfig:
    """Ids as the classic template gives them."""
    workflow = Workflow(
        close=RESOLVED,
        reopen=CHATTING,
        wont_fix=frozenset({DEFERRED}),
        acknowledged=frozenset({IN_PROGRESS}),
    )
    priorities = {Severity.CRITICAL: "1", Severity.HIGH: "2"}
    return TrackerConfig(
        customer, "roundup", TrackerKind.ROUNDUP, url, "any", None, "admin", priorities=priorities, workflow=workflow
    )


class Scene:
    """A host that is scanned day by day, and the tracker that follows."""

    def __init__(self, store: Store, url: str, customer: str) -> None:
        self.store = store
        self.config = a_config(url, customer)
        self.host = replace(WEB, customer=customer)
        # The tracker stamps changes with its own clock, so scans must lie around the present.
        self.begin = datetime.now(START.tzinfo) - timedelta(days=1)
        self.session = open_session(self.config, PASSWORD)
        self.adapter = Roundup(self.session, self.config)

    def scan(self, hour: float, outcome: Outcome = Outcome.FAILED, severity: Severity = Severity.HIGH) -> None:
        """A complete scan some hours after the begin; `outcome` is the port's."""
        at = self.begin + timedelta(hours=hour)
        found = replace(a_result(self.host, outcome=outcome, subject=f"tcp/8080 {HOSTILE}"), severity=severity)
        run = replace(a_run(id=f"{self.config.customer}-{hour}"), started=at)
        self.store.begin(run, [self.host])
        record(self.store, run, self.host, [found])

    def plan(self) -> Sequence[IssueAction]:
        """What is to be done."""
        with Desk(self.store, self.config, PASSWORD) as desk:
            return desk.plan(self.begin + 30 * DAY)

    def sync(self) -> list[ActionKind]:
        """Plan and apply; returns the kinds of what was planned."""
        return [action.kind for action in self.sync_at(self.begin + 30 * DAY)]

    def sync_at(self, now: datetime) -> Sequence[IssueAction]:
        """Plan and apply; returns what was planned."""
        with Desk(self.store, self.config, PASSWORD) as desk:
            planned = desk.plan(now)
            desk.apply(planned, now)
        return planned

    def issues(self) -> Sequence[RemoteIssue]:
        """Every issue of the only finding."""
        (topic,) = self.noted()
        return self.adapter.find(marker_of(topic))

    def noted(self) -> Mapping[str, TrackedIssue]:
        """What the store knows."""
        return self.store.tracked_issues(self.config.customer, self.config.name)

    def set_status(self, status: str) -> None:
        """What a human does in the tracker."""
        (issue,) = self.issues()
        self.adapter._change("PUT", issue.key, {"status": status})


@pytest.fixture
def scene(store: Store, url: str, request: pytest.FixtureRequest) -> Iterator[Scene]:
    """A customer that is called after the test."""
    made = Scene(store, url, request.node.name)
    with made.session:
        yield made


def test_an_issue_lives_with_its_finding(scene: Scene) -> None:
    """Created once, updated, closed after two clear scans, opened again, and left alone in between."""
    scene.scan(0)
    assert [action.kind for action in scene.plan()] == [ActionKind.CREATE]
    assert not scene.noted(), "a plan changes nothing"
    assert scene.sync() == [ActionKind.CREATE]
    assert scene.sync() == []
    (issue,) = scene.issues()
    assert issue.state is IssueState.OPEN
    scene.scan(1, severity=Severity.CRITICAL)
    assert scene.sync() == [ActionKind.UPDATE]
    assert scene.sync() == []
    scene.scan(2, Outcome.PASSED)
    assert scene.sync() == [ActionKind.WAIT]
    scene.scan(3, Outcome.PASSED)
    assert scene.sync() == [ActionKind.CLOSE]
    assert scene.sync() == []
    (issue,) = scene.issues()
    assert issue.state is IssueState.CLOSED
    scene.scan(48)
    assert scene.sync() == [ActionKind.REOPEN]
    assert scene.sync() == []
    (issue,) = scene.issues()
    assert issue.state is IssueState.OPEN


def test_what_a_human_refuses_is_not_opened_again(scene: Scene) -> None:
    """It is said once when the finding is back, and the status stays."""
    scene.scan(0)
    scene.sync()
    scene.set_status(DEFERRED)
    assert scene.sync() == []
    scene.scan(1, Outcome.PASSED)
    assert scene.sync() == []
    scene.scan(48)
    assert scene.sync() == [ActionKind.COMMENT]
    assert scene.sync() == []
    (issue,) = scene.issues()
    assert issue.state is IssueState.WONT_FIX


def test_who_takes_an_issue_answers_the_finding(scene: Scene) -> None:
    """The response clock gets its event, once."""
    scene.scan(0)
    scene.sync()
    scene.set_status(IN_PROGRESS)
    assert scene.sync() == [ActionKind.ACKNOWLEDGE]
    assert scene.sync() == []
    (events,) = scene.store.all_events(scene.config.customer).values()
    assert [event.author for event in events if event.kind is EventKind.ACKNOWLEDGED] == ["tracker:roundup"]


def test_a_crash_before_the_key_is_noted_makes_no_second_issue(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """The issue is there, the store knows only that one was about to be created."""
    scene.scan(0)
    create = Roundup.create

    def dying(self: Roundup, draft: Draft) -> RemoteIssue:
        create(self, draft)
        raise KeyboardInterrupt

    monkeypatch.setattr(Roundup, "create", dying)
    with pytest.raises(KeyboardInterrupt):
        scene.sync()
    monkeypatch.setattr(Roundup, "create", create)
    assert [issue.issue for issue in scene.noted().values()] == [""]
    assert scene.sync() == [ActionKind.ADOPT]
    assert scene.sync() == [ActionKind.UPDATE], "what an adopted issue says is not known"
    assert scene.sync() == []
    assert len(scene.issues()) == 1


def test_a_lost_store_finds_its_issues_again(scene: Scene) -> None:
    """The marker is enough."""
    scene.scan(0)
    scene.sync()
    (issue,) = scene.noted().values()
    scene.store.release_issue(issue)
    assert scene.sync() == [ActionKind.ADOPT]
    assert len(scene.issues()) == 1


def test_many_issues_come_at_a_time(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """By their numbers, over several pages; what is retired or was never there is left out."""
    keys = [scene.adapter.create(Draft(f"{n:016x}", f"issue {n}", ("a",), Severity.LOW)).key for n in range(5)]
    monkeypatch.setattr("secaudit.export.trackers.roundup.PAGE", 2)
    pages: list[str] = []
    get = Session.get

    def counted(self: Session, path: str, params: Params) -> Reply:
        pages.append(path)
        return get(self, path, params)

    monkeypatch.setattr(Session, "get", counted)
    found = scene.adapter.read_many([*keys, "999999"])
    assert sorted(found) == sorted(keys)
    assert len(pages) == 3
    assert found[keys[0]] == scene.adapter.read(keys[0])
    markers = [marker_of(f"{n:016x}") for n in range(6)]
    ours = scene.adapter.find_many(markers)
    assert [ours[marker] for marker in markers[:5]] == [found[key] for key in keys]
    assert markers[5] not in ours


def test_a_retired_issue_is_left_to_a_human_who_may_begin_anew(scene: Scene) -> None:
    """As the button of the web interface retires it."""
    scene.scan(0)
    scene.sync()
    (issue,) = scene.noted().values()
    element = scene.adapter._element(issue.issue)
    assert element is not None
    scene.session.send("DELETE", f"/rest/data/issue/{issue.issue}", None, {"If-Match": element[1]})
    (action,) = scene.plan()
    assert (action.kind, action.issue) == (ActionKind.WAIT, issue.issue)
    assert "tracker forget" in action.why
    scene.store.release_issue(issue)
    assert scene.sync() == [ActionKind.CREATE]
    assert [found.state for found in scene.issues()] == [IssueState.OPEN]


def test_wherever_a_sync_ends_the_next_goes_on(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error at requests of creating two issues (each a message and an issue), which were done or not."""
    send = Session.send
    left, late = 0, False

    def breaking(self: Session, *arguments: Any, **named: Any) -> Reply:
        nonlocal left
        left -= 1
        if left == 0 and not late:
            raise TrackerError("away")
        reply = send(self, *arguments, **named)
        if left == 0:
            raise TrackerError("away")
        return reply

    monkeypatch.setattr(Session, "send", breaking)
    for number, late in ((1, True), (2, False), (2, True), (3, False)):
        customer = f"{scene.config.customer}-{number}-{late}"
        scene.config, scene.host = replace(scene.config, customer=customer), replace(WEB, customer=customer)
        run = replace(a_run(id=customer), started=scene.begin)
        scene.store.begin(run, [scene.host])
        record(scene.store, run, scene.host, [a_result(scene.host, subject=port) for port in ("tcp/1", "tcp/2")])
        left = number
        with pytest.raises(TrackerError, match="away"):
            scene.sync_at(scene.begin)
        assert sum(bool(issue.issue) for issue in scene.noted().values()) == (number - 1) // 2
        kinds = [action.kind for action in scene.sync_at(scene.begin)]
        assert kinds.count(ActionKind.CREATE) == (number < 3), "what was not begun is not waited for"
        assert kinds.count(ActionKind.ADOPT) == (number == 2 and late)
        scene.sync_at(scene.begin + timedelta(minutes=11))
        assert len({issue.issue for issue in scene.noted().values()} - {""}) == 2
        assert [len(scene.adapter.find(marker_of(topic))) for topic in scene.noted()] == [1, 1]


def test_wrong_credentials_change_nothing(scene: Scene) -> None:
    """The error names the tracker and not the password; nothing is noted."""
    scene.scan(0)
    session = open_session(scene.config, "not-the-password")
    with Desk(scene.store, scene.config, "", session) as desk, pytest.raises(TrackerError) as caught:
        desk.apply(desk.plan(scene.begin + DAY), scene.begin + DAY)
    assert "not-the-password" not in str(caught.value)
    assert isinstance(session, Session)
    assert not scene.noted()
