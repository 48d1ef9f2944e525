"""What is to be done about an issue: a pure function of the findings, what was noted, and what the tracker says."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from secaudit.export.trackers.adapter import RemoteIssue
from secaudit.export.trackers.draft import draft_of
from secaudit.model.outcome import Outcome
from secaudit.model.tracker import ActionKind, Grouping, IssueAction, IssueState, TrackerConfig
from secaudit.store.lifecycle import Finding
from secaudit.store.tracker_issues import TrackedIssue

SETTLES = timedelta(minutes=10)
"""How long a tracker may take until a created issue can be searched for."""


@dataclass(frozen=True, slots=True)
class Topic:
    """The findings that one issue stands for."""

    id: str
    findings: tuple[Finding, ...]

    @property
    def open(self) -> tuple[Finding, ...]:
        """Those that are not resolved."""
        return tuple(found for found in self.findings if found.resolved is None)

    def has(self, fingerprints: Collection[str]) -> bool:
        """Whether one of these findings is among them."""
        return any(found.fingerprint in fingerprints for found in self.findings)

    def wanted(self, config: TrackerConfig) -> bool:
        """Whether a finding is proven, not waived, and bad enough for an issue."""
        return any(
            found.outcome is Outcome.FAILED and not found.waived and found.severity.at_least(config.minimum)
            for found in self.open
        )


@dataclass(frozen=True, slots=True)
class Known:
    """What is known about a topic's issue. `remote` is None when the tracker has none by that key (or marker).

    `clear_scans` counts complete scans that no longer found any of it, `is_chosen` says that a person asked for it,
    `unanswered` are open findings that nobody has acknowledged.
    """

    noted: TrackedIssue | None
    remote: RemoteIssue | None
    clear_scans: int = 0
    is_chosen: bool = False
    unanswered: tuple[str, ...] = ()


def topics_of(findings: Iterable[Finding], grouping: Grouping) -> Mapping[str, Topic]:
    """The findings of a customer by topic."""
    grouped: dict[str, list[Finding]] = {}
    for found in findings:
        grouped.setdefault(_topic(found, grouping), []).append(found)
    return {topic: Topic(topic, tuple(members)) for topic, members in grouped.items()}


def _topic(found: Finding, grouping: Grouping) -> str:
    match grouping:
        case Grouping.FINDING:
            parts = [found.fingerprint]
        case Grouping.CONTROL:
            parts = [found.customer, found.control, found.subject]
        case Grouping.HOST:
            # Four parts, and so never the same as a control and subject.
            parts = [found.customer, "host", found.host, found.control]
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def decide(topic: Topic, known: Known, config: TrackerConfig, now: datetime) -> tuple[IssueAction, ...]:
    """The steps for one topic, in the order in which they are taken."""
    return tuple(_decide(topic, known, config, now))


def _decide(topic: Topic, known: Known, config: TrackerConfig, now: datetime) -> Iterator[IssueAction]:
    noted, remote = known.noted, known.remote
    is_wanted = topic.wanted(config) or (known.is_chosen and bool(topic.open))
    if noted is None or not noted.issue:
        yield from _begin(topic, known, is_wanted=is_wanted, now=now)
    elif remote is None:
        why = (
            f"the issue {noted.issue} is deleted, moved or hidden; `secaudit tracker forget {noted.issue}` begins anew"
        )
        yield _action(ActionKind.WAIT, topic, why, noted=noted)
    elif topic.open:
        yield from _of_open(topic, noted, remote, known)
    elif remote.state is IssueState.OPEN:
        if known.clear_scans >= config.close_after:
            why = f"{known.clear_scans} complete scans in a row did not find it"
            yield _action(ActionKind.CLOSE, topic, why, remote)
        else:
            why = f"it is gone, and {known.clear_scans} of {config.close_after} complete scans have shown it"
            yield _action(ActionKind.WAIT, topic, why, remote)


def _begin(topic: Topic, known: Known, *, is_wanted: bool, now: datetime) -> Iterator[IssueAction]:
    """An issue of which the store has no key."""
    if known.remote is not None:
        yield _action(ActionKind.ADOPT, topic, "the tracker has it already", known.remote)
    elif known.noted is not None and now - known.noted.began < SETTLES:
        why = f"its creation at {known.noted.began:%H:%M} UTC was not confirmed; it is searched for again"
        yield _action(ActionKind.WAIT, topic, why)
    elif is_wanted:
        yield _action(ActionKind.CREATE, topic, "there is no issue yet")


def _of_open(topic: Topic, noted: TrackedIssue, remote: RemoteIssue, known: Known) -> Iterator[IssueAction]:
    """An issue whose findings (or some of them) are open."""
    seen = max(found.last_seen for found in topic.open)
    if remote.is_acknowledged and known.unanswered:
        yield _action(ActionKind.ACKNOWLEDGE, topic, "somebody took it", remote, fingerprints=known.unanswered)
    if remote.state is IssueState.WONT_FIX:
        after = max(filter(None, (noted.returned, remote.changed)), default=noted.began)
        fresh = [found for found in topic.open if found.opened > after]
        if fresh:
            what = "it is back" if len(topic.findings) == 1 else f"findings of it are new or back ({len(fresh)})"
            why = f"{what}, and somebody decided that nothing will be done"
            yield _action(ActionKind.COMMENT, topic, why, remote)
        return
    if remote.state is IssueState.CLOSED:
        if remote.changed is None or seen > remote.changed:
            yield _action(ActionKind.REOPEN, topic, f"a scan found it on {seen:%Y-%m-%d %H:%M} UTC", remote)
        else:
            yield _action(ActionKind.WAIT, topic, "it was closed, and no scan has looked since", remote)
        return
    if draft_of(topic.id, topic.findings).digest != noted.content:
        yield _action(ActionKind.UPDATE, topic, "severity, state or what belongs to it changed", remote)


def _action(
    kind: ActionKind,
    topic: Topic,
    why: str,
    remote: RemoteIssue | None = None,
    noted: TrackedIssue | None = None,
    fingerprints: Sequence[str] | None = None,
) -> IssueAction:
    members = tuple(fingerprints or (found.fingerprint for found in topic.findings))
    issue, link = (remote.key, remote.link) if remote else (noted.issue, noted.link) if noted else ("", "")
    return IssueAction(kind, topic.id, members, draft_of(topic.id, topic.findings).title, why, issue, link)
