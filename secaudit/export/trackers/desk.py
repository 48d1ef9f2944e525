"""Keeping a tracker in step with a store."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from types import TracebackType
from typing import Self

from secaudit.export.trackers.adapter import Adapter, RemoteIssue, chunks
from secaudit.export.trackers.details import sections_of
from secaudit.export.trackers.draft import LISTED, Draft, draft_of, listed_of, marker_of
from secaudit.export.trackers.github import HEADERS, PAUSE, GitHub
from secaudit.export.trackers.gitlab import GitLab
from secaudit.export.trackers.jira import Jira
from secaudit.export.trackers.planning import SETTLES, Known, Topic, decide, topics_of
from secaudit.export.trackers.redmine import Redmine
from secaudit.export.trackers.roundup import Roundup, headers_of
from secaudit.export.trackers.session import Session, TrackerError
from secaudit.model.sla import EventKind, FindingEvent
from secaudit.model.tracker import ActionKind, IssueAction, IssueState, TrackerConfig, TrackerKind
from secaudit.store import FindingFilter, FindingState, Store, StoreError
from secaudit.store.tracker_issues import TrackedIssue

_FEW = 5
"""So many searches are less work for a tracker than one for many markers, which may be a list of all our issues."""


class Desk:
    """A `TrackerDesk` on a store and a tracker. Close it, or use it in a `with` statement."""

    def __init__(self, store: Store, config: TrackerConfig, secret: str, session: Session | None = None) -> None:
        self._store = store
        self._config = config
        self._session = session or open_session(config, secret)
        self._adapter = adapter_of(self._session, config)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._session.__exit__(kind, error, trace)

    def plan(self, now: datetime, fingerprints: Collection[str] | None = None) -> tuple[IssueAction, ...]:
        """See `TrackerDesk.plan`."""
        noted = self._store.tracked_issues(self._config.customer, self._config.name)
        chosen = None if fingerprints is None else frozenset(fingerprints)
        topics = [topic for topic in self._topics().values() if self._matters(topic, noted.get(topic.id), chosen)]
        keys = {topic.id: noted[topic.id].issue for topic in topics if topic.id in noted and noted[topic.id].issue}
        by_key = self._read(list(keys.values()))
        by_marker = self._find([marker_of(topic.id) for topic in topics if topic.id not in keys])
        found: list[IssueAction] = []
        for topic in topics:
            remote = by_key.get(keys[topic.id]) if topic.id in keys else by_marker.get(marker_of(topic.id))
            known = self._known(topic, noted.get(topic.id), remote, now, is_chosen=topic.has(chosen or ()))
            found += decide(topic, known, self._config, now)
        return tuple(found)

    def apply(
        self,
        actions: Sequence[IssueAction],
        now: datetime,
        told: Callable[[IssueAction, IssueAction], None] = lambda *_: None,
    ) -> tuple[IssueAction, ...]:
        """See `TrackerDesk.apply`."""
        topics = self._topics()
        noted = self._store.tracked_issues(self._config.customer, self._config.name)
        left = [action for action in actions if action.kind is not ActionKind.WAIT and action.topic in topics]
        done: list[IssueAction] = []
        for part in chunks(left):
            created = [marker_of(action.topic) for action in part if action.kind is ActionKind.CREATE]
            there = self._find(created)
            for action in part:
                topic, before = topics[action.topic], noted.get(action.topic)
                if action.kind is ActionKind.CREATE:
                    taken = self._create(action, topic, before, there.get(marker_of(topic.id)), now)
                else:
                    taken = self._take(action, topic, before, now)
                done.append(taken)
                told(action, taken)
        return tuple(done)

    def _topics(self) -> Mapping[str, Topic]:
        view = self._store.of(self._config.customer)
        return topics_of(list(view.every_finding(FindingFilter(state=FindingState.ALL))), self._config.grouping)

    def _matters(self, topic: Topic, noted: TrackedIssue | None, chosen: Collection[str] | None) -> bool:
        """Whether the tracker must be asked: not for what never had an issue, nor for what is closed for good."""
        if chosen is not None and not topic.has(chosen):
            return False
        if noted is None:
            return chosen is not None or topic.wanted(self._config)
        return bool(topic.open) or noted.state is IssueState.OPEN

    def _read(self, keys: Sequence[str]) -> Mapping[str, RemoteIssue]:
        """Issues by key: many at a time, and one by one those that were not among them."""
        found = dict(self._adapter.read_many(keys)) if keys else {}
        for key in keys:
            if key not in found and (issue := self._adapter.read(key)) is not None:
                found[key] = issue
        return found

    def _find(self, markers: Sequence[str]) -> Mapping[str, RemoteIssue]:
        """Issues by marker, of several the oldest."""
        if len(markers) > _FEW:
            return self._adapter.find_many(markers)
        return {marker: issue for marker in markers for issue in self._adapter.find(marker)[:1]}

    def _known(
        self, topic: Topic, noted: TrackedIssue | None, remote: RemoteIssue | None, now: datetime, *, is_chosen: bool
    ) -> Known:
        clear = 0 if topic.open else self._clear_scans(topic, now)
        unanswered = tuple(self._unanswered(topic)) if remote is not None and remote.is_acknowledged else ()
        return Known(noted, remote, clear, is_chosen, unanswered)

    def _clear_scans(self, topic: Topic, now: datetime) -> int:
        """Complete scans since the findings were resolved; of several hosts the one with the fewest counts."""
        latest: dict[str, datetime] = {}
        for found in topic.findings:
            if found.resolved is not None:
                latest[found.host] = max(found.resolved, latest.get(found.host, found.resolved))
        return min(
            self._store.complete_scans(self._config.customer, host, since, now) for host, since in latest.items()
        )

    def _unanswered(self, topic: Topic) -> Iterator[str]:
        for found in topic.open:
            events = self._store.events(found.fingerprint)
            present = [event for event in events if event.at >= found.opened]
            if not any(event.kind is EventKind.ACKNOWLEDGED for event in present):
                yield found.fingerprint

    def _take(self, action: IssueAction, topic: Topic, noted: TrackedIssue | None, now: datetime) -> IssueAction:
        noted = noted or TrackedIssue(self._config.customer, self._config.name, topic.id, now)
        noted = replace(noted, issue=action.issue, link=action.link or noted.link)
        if action.kind is ActionKind.UPDATE:
            draft = self._draft(topic)
            self._adapter.update(action.issue, draft)
            noted = replace(noted, content=draft.digest, state=IssueState.OPEN)
        elif action.kind is ActionKind.CLOSE:
            self._adapter.close(action.issue, f"Closed by secaudit: {action.why}.")
            noted = replace(noted, state=IssueState.CLOSED)
        elif action.kind is ActionKind.REOPEN:
            draft = self._draft(topic)
            self._adapter.reopen(action.issue, f"Opened again by secaudit: {action.why}.")
            self._adapter.update(action.issue, draft)
            noted = replace(noted, state=IssueState.OPEN, content=draft.digest)
        elif action.kind is ActionKind.COMMENT:
            self._adapter.comment(action.issue, f"secaudit: {action.why}. That stands; nothing else is done here.")
            noted = replace(noted, returned=now, state=IssueState.WONT_FIX)
        elif action.kind is ActionKind.ACKNOWLEDGE:
            self._acknowledge(action, now)
        self._store.keep_issue(noted)
        return action

    def _create(
        self,
        action: IssueAction,
        topic: Topic,
        before: TrackedIssue | None,
        there: RemoteIssue | None,
        now: datetime,
    ) -> IssueAction:
        """Note the intent, create what is not `there`, note the key. A crash in between leaves an issue to adopt."""
        claim = TrackedIssue(self._config.customer, self._config.name, topic.id, now)
        if before is not None and before.issue:
            return replace(action, kind=ActionKind.ADOPT, issue=before.issue, link=before.link)
        is_fresh = before is not None and now - before.began < SETTLES
        if is_fresh or not self._store.claim_issue(claim, before):
            return replace(action, kind=ActionKind.WAIT, why="another sync is creating it")
        draft = self._draft(topic)
        made = there or self._made(claim, draft)
        content = "" if there else draft.digest
        self._store.keep_issue(replace(claim, issue=made.key, link=made.link, state=made.state, content=content))
        if made.trouble:
            raise TrackerError(made.trouble)
        return replace(action, issue=made.key, link=made.link, kind=ActionKind.ADOPT if there else action.kind)

    def _draft(self, topic: Topic) -> Draft:
        listed = listed_of(topic.findings)
        grounds = self._store.grounds(listed[:LISTED])
        return draft_of(topic.id, topic.findings, [*sections_of(listed, grounds, evidence=self._config.evidence)])

    def _made(self, claim: TrackedIssue, draft: Draft) -> RemoteIssue:
        try:
            return self._adapter.create(draft)
        except TrackerError as error:
            if error.is_refused:
                self._store.release_issue(claim)
            raise

    def _acknowledge(self, action: IssueAction, now: datetime) -> None:
        """Tell the response clocks; what became of a finding meanwhile is no trouble of the tracker."""
        for fingerprint in action.fingerprints:
            author = f"tracker:{self._config.name}"
            note = f"taken in {action.issue}"
            try:
                self._store.add_event(FindingEvent(fingerprint, EventKind.ACKNOWLEDGED, now, author=author, note=note))
            except StoreError as error:
                if error.__cause__ is not None:
                    raise


def open_session(config: TrackerConfig, secret: str) -> Session:
    """The connection with the credentials as each tracker wants them. Raises TrackerError for a secret that is none."""
    # A header holds nothing else; a password is encoded, but a control character in it is the end of a line left over.
    if not secret.isprintable() or not (config.user or secret.isascii()):
        raise TrackerError(f"the secret for {config.url} holds a character that no token has, such as an end of line")
    auth = (config.user, secret) if config.user else None
    headers: dict[str, str] = {}
    if config.kind is TrackerKind.GITLAB:
        headers, auth = {"PRIVATE-TOKEN": secret}, None
    elif config.kind is TrackerKind.REDMINE:
        headers, auth = {"X-Redmine-API-Key": secret}, None
    elif config.kind is TrackerKind.GITHUB:
        headers, auth = {**HEADERS, "Authorization": f"Bearer {secret}"}, None
    elif config.kind is TrackerKind.ROUNDUP:
        headers = headers_of(config.url)
    elif auth is None:
        headers = {"Authorization": f"Bearer {secret}"}
    pause = PAUSE if config.kind is TrackerKind.GITHUB else 0.0
    return Session(
        config.url, headers, auth=auth, secret=secret, ca_file=config.ca_file, timeout=config.timeout, pause=pause
    )


def adapter_of(session: Session, config: TrackerConfig) -> Adapter:
    """The adapter of the configured tracker."""
    if config.kind is TrackerKind.JIRA:
        return Jira(session, config)
    if config.kind is TrackerKind.GITLAB:
        return GitLab(session, config)
    if config.kind is TrackerKind.GITHUB:
        return GitHub(session, config)
    if config.kind is TrackerKind.REDMINE:
        return Redmine(session, config)
    return Roundup(session, config)
