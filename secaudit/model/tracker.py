"""Findings as issues of a tracker: what is to be done there, and who can do it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from secaudit.model.inventory import SecretSource
from secaudit.model.severity import Severity

MARKER = "secaudit-fp"
"""The word that an issue's marker begins with; 16 hexadecimal digits follow it."""


class TrackerKind(StrEnum):
    """The trackers that are spoken to."""

    JIRA = "jira"
    GITLAB = "gitlab"
    GITHUB = "github"
    REDMINE = "redmine"
    ROUNDUP = "roundup"


class Grouping(StrEnum):
    """What makes one issue."""

    FINDING = "finding"
    """Each finding."""
    CONTROL = "control"
    """A control and its subject (a package, a port …) on all hosts of a customer."""
    HOST = "host"
    """A control on a host with all its subjects: every pending update of a machine."""


@dataclass(frozen=True, slots=True)
class Workflow:
    """Ids in the tracker, as its own numbers or words; what is empty or absent is not used.

    For Jira `close` and `reopen` are ids of transitions and `wont_fix` of resolutions; for Redmine and Roundup all are
    ids of statuses; for GitLab and GitHub `wont_fix` and `acknowledged` are labels.
    """

    close: str = ""
    reopen: str = ""
    closed: frozenset[str] = frozenset()
    wont_fix: frozenset[str] = frozenset()
    acknowledged: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class TrackerConfig:
    """The tracker of a customer and how findings become issues there."""

    customer: str
    name: str
    kind: TrackerKind
    url: str
    project: str
    secret: SecretSource | None
    user: str = ""
    api: int = 2
    minimum: Severity = Severity.HIGH
    grouping: Grouping = Grouping.FINDING
    issue_type: str = ""
    labels: tuple[str, ...] = ("secaudit",)
    assignee: str = ""
    priorities: Mapping[Severity, str] | None = None
    close_after: int = 2
    evidence: bool = True
    markup: str = "textile"
    workflow: Workflow = Workflow()
    ca_file: str = ""
    timeout: float = 30.0


class IssueState(StrEnum):
    """What an issue says about its finding."""

    OPEN = "open"
    CLOSED = "closed"
    WONT_FIX = "wont_fix"
    """A human decided that nothing will be done."""


class ActionKind(StrEnum):
    """What is done to an issue."""

    CREATE = "create"
    ADOPT = "adopt"
    """The issue is there although the store has lost it: it is only noted."""
    UPDATE = "update"
    CLOSE = "close"
    REOPEN = "reopen"
    COMMENT = "comment"
    """The finding is back, and a human decided that nothing will be done: it is said there once."""
    ACKNOWLEDGE = "acknowledge"
    """A human took the issue; the findings' response clocks learn of it."""
    WAIT = "wait"
    """Nothing can be done now; `why` says what is waited for."""


@dataclass(frozen=True, slots=True)
class IssueAction:
    """One step. `topic` is the marker's digits, `issue` the tracker's key (empty before it is created)."""

    kind: ActionKind
    topic: str
    fingerprints: tuple[str, ...]
    title: str
    why: str
    issue: str = ""
    link: str = ""


class TrackerDesk(Protocol):
    """Keeps a tracker in step with the findings of a customer.

    `secaudit.cli.tracker_desk.open_desk` makes one; the dashboard is given it and never makes its own.
    """

    def plan(self, now: datetime, fingerprints: Collection[str] | None = None) -> Sequence[IssueAction]:
        """What is to be done at `now` (aware UTC); changes nothing.

        Given `fingerprints`, only issues of these findings, which are created whatever their severity. Raises
        TrackerError when the tracker does not answer as it should, and StoreError.
        """
        ...

    def apply(
        self, actions: Sequence[IssueAction], now: datetime, told: Callable[[IssueAction, IssueAction], None] = ...
    ) -> Sequence[IssueAction]:
        """Do what was planned and return it, with the keys and links of created issues.

        `told` is given each step and what came of it as soon as it is done. Raises TrackerError at the first step that
        fails; those before it are done and noted. Planning and applying again after that creates nothing twice.
        """
        ...
