"""A store, an imitated tracker, and a sync of the one with the other."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from secaudit.export.trackers.desk import Desk, open_session
from secaudit.export.trackers.draft import draft_of
from secaudit.export.trackers.session import Session
from secaudit.model.outcome import Outcome
from secaudit.model.severity import Severity
from secaudit.model.tracker import ActionKind, TrackerConfig, TrackerKind, Workflow
from secaudit.store import Store
from secaudit.store.tracker_issues import TrackedIssue
from tests.export.trackers.fakes import Fake, FakeGitHub, FakeGitLab, FakeJira, FakeJiraCloud, FakeRedmine
from tests.store.scenes import DAY, START, WEB, a_result, scan

HOSTILE = "@root ``` {noformat} </pre> {{macro}} <script>alert(1)</script> #1 /close \x1b[31m\u202e"
LATER = START + 60 * DAY

WORKFLOW = Workflow(close="31", reopen="41", wont_fix=frozenset({"10001"}))
BASE = TrackerConfig("muster", "ours", TrackerKind.JIRA, "", "OPS", None, workflow=WORKFLOW)
TRACKERS: dict[str, tuple[type[Fake], TrackerConfig]] = {
    "jira": (FakeJira, BASE),
    "jira-cloud": (FakeJiraCloud, replace(BASE, api=3, user="anna@provider.example")),
    "gitlab": (
        FakeGitLab,
        replace(
            BASE,
            kind=TrackerKind.GITLAB,
            project="acme/ops",
            workflow=Workflow(wont_fix=frozenset({"wontfix"})),
            priorities={Severity.CRITICAL: "P1", Severity.HIGH: "P2"},
        ),
    ),
    "github": (
        FakeGitHub,
        replace(
            BASE,
            kind=TrackerKind.GITHUB,
            project="acme/ops",
            workflow=Workflow(),
            priorities={Severity.CRITICAL: "P1", Severity.HIGH: "P2"},
        ),
    ),
    "redmine": (
        FakeRedmine,
        replace(
            BASE,
            kind=TrackerKind.REDMINE,
            project="ops",
            workflow=Workflow(close="5", reopen="1", wont_fix=frozenset({"6"})),
            priorities={Severity.CRITICAL: "4", Severity.HIGH: "3"},
        ),
    ),
    "redmine-markdown": (
        FakeRedmine,
        replace(
            BASE, kind=TrackerKind.REDMINE, project="ops", workflow=Workflow(close="5", reopen="1"), markup="markdown"
        ),
    ),
}


class Scene:
    """A store and a tracker that follows it."""

    def __init__(self, store: Store, fake: Fake, config: TrackerConfig) -> None:
        self.store, self.fake, self.config = store, fake, config
        self.waits: list[float] = []

    def session(self, secret: str = "t0ken") -> Session:
        """A connection that does not sleep."""
        session = open_session(self.config, secret)
        session._sleep = self.waits.append
        return session

    def sync(self, secret: str = "t0ken") -> list[ActionKind]:
        """Plan and apply; returns the kinds of what was planned."""
        return self.sync_at(LATER, secret)

    def sync_at(self, now: datetime, secret: str = "t0ken") -> list[ActionKind]:
        """The same at another time."""
        with Desk(self.store, self.config, "", self.session(secret)) as desk:
            planned = desk.plan(now)
            desk.apply(planned, now)
        return [action.kind for action in planned]

    def fill(self) -> None:
        """Bring the tracker in step with the store at once: one issue is created, the others are copies of it."""
        with Desk(self.store, self.config, "", self.session()) as desk:
            topics = list(desk._topics().values())
            drafts = [draft_of(topic.id, topic.findings) for topic in topics]
            made = desk._adapter.create(drafts[0])
        keys = self.fake.copy(made.key, len(topics))
        for topic, draft, key in zip(topics, drafts, keys, strict=True):
            self.store.keep_issue(TrackedIssue("muster", "ours", topic.id, LATER, key, "", content=draft.digest))

    def scan(self, day: int, outcome: Outcome = Outcome.FAILED, severity: Severity = Severity.HIGH) -> None:
        """A complete scan of a host with one hostile subject."""
        scan(
            self.store,
            day,
            WEB,
            replace(a_result(WEB, subject=f"tcp/8080 {HOSTILE}", outcome=outcome), severity=severity),
        )
