"""What the dashboard can do beside reading the store; whoever composes the program brings it.

A service that is None is not available; the dashboard then says why instead of doing nothing. All are called from
worker threads and may raise UserError.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from secaudit.model.answer import HostTranscript
from secaudit.model.baseline import Baseline
from secaudit.model.feed import FeedStamp
from secaudit.model.panel import TitledPanel
from secaudit.model.result import Result
from secaudit.model.run import RunReport
from secaudit.model.sla import FindingEvent
from secaudit.model.tracker import IssueAction


@dataclass(frozen=True, slots=True)
class Target:
    """What is to be checked again: one control of a host, or all of them."""

    customer: str
    host: str
    control: str | None = None

    def __str__(self) -> str:
        return f"{self.customer}/{self.host}" + (f" {self.control}" if self.control else "")


@dataclass(frozen=True, slots=True)
class Rechecked:
    """The run of a re-check; `trouble` says why the host was not checked to the end, empty when it was."""

    run: str
    trouble: str = ""


class Recheck(Protocol):
    """Checks a live host again and stores what came out."""

    def announce(self, target: Target) -> str:
        """What would run on which host as which user, in a few lines."""
        ...

    def run(self, target: Target, progress: Callable[[str], None]) -> Rechecked:
        """Do it and return what became of it."""
        ...


@dataclass(frozen=True, slots=True)
class FactSheet:
    """What is known of a host under one heading; `trouble` says why it could not be read."""

    title: str
    lines: tuple[str, ...]
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class FeedAge:
    """Reference data, and how old they may be; None when that says nothing of them."""

    stamp: FeedStamp
    limit: timedelta | None


@dataclass(frozen=True, slots=True)
class Firing:
    """When (aware UTC) a schedule starts a scan, and of what."""

    at: datetime
    schedule: str
    what: str


@dataclass(frozen=True, slots=True)
class Pauses:
    """What the contract of a customer allows."""

    reasons: tuple[str, ...]
    longest: timedelta


@dataclass(frozen=True, slots=True)
class TicketPlan:
    """What would be done in a tracker for a finding; nothing when its issue is as it should be."""

    customer: str
    tracker: str
    actions: tuple[IssueAction, ...]


ADDED_TO_WAIVERS = ("approver", "compensation")
"""What a waiver names where its customer's contract requires that."""


@dataclass(frozen=True, slots=True)
class WaiverDraft:
    """A waiver as a person fills it in; `expires` is a day or a time with its zone, as the file takes it.

    `control`, `host` and `subject` are patterns; an empty subject is that of the host as a whole.
    """

    customer: str
    control: str
    host: str
    subject: str
    owner: str
    reason: str
    expires: str
    approver: str = ""
    compensation: str = ""

    @property
    def preview(self) -> str:
        """The entry as it will stand in the file."""
        parts = {"control": self.control, "host": self.host, "subject": self.subject, "owner": self.owner}
        parts |= {"reason": self.reason, "expires": self.expires}
        parts |= {name: value for name in ADDED_TO_WAIVERS if (value := getattr(self, name))}
        lines = [f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in parts.items()]
        return "- " + "\n  ".join(lines)


class Ticket(Protocol):
    """Keeps the issue of a finding in its customer's tracker."""

    def plan(self, customer: str, fingerprint: str) -> TicketPlan:
        """Ask the tracker what is to be done; changes nothing."""
        ...

    def apply(self, plan: TicketPlan) -> Sequence[IssueAction]:
        """Do what was planned and return it, with the keys and links of issues."""
        ...


@dataclass(frozen=True, slots=True)
class Services:
    """`missing` says per name of a service why it is None."""

    recheck: Recheck | None = None
    export: Callable[[RunReport, str], Path] | None = None
    """Write results in a format and return where."""
    formats: Sequence[str] = ()
    open_report: Callable[[str, str | None], Path] | None = None
    """Write the HTML report of a run, show it where there is a browser, and return where it is."""
    check_page: Callable[[str], str] | None = None
    """The documentation of a check as Markdown."""
    baselines: Callable[[], Sequence[tuple[str, Baseline]]] | None = None
    """Every baseline by name, merged."""
    facts: Callable[[HostTranscript], Sequence[FactSheet]] | None = None
    """What a transcript says about its host."""
    panels: Callable[[HostTranscript, Sequence[Result]], Sequence[TitledPanel]] | None = None
    """What families show of a host, from its newest transcript and results."""
    feeds: Callable[[], Sequence[FeedAge]] | None = None
    """The reference data that a scan would use now; never raises."""
    schedules: Callable[[], Sequence[Firing]] | None = None
    """The coming scans, the next one first."""
    record: Callable[[FindingEvent], int] | None = None
    """Store what a person did about a finding, and return its number."""
    pauses: Callable[[str], Pauses] | None = None
    """What a customer's contract allows."""
    waiver_requires: Callable[[str], Sequence[str]] | None = None
    """Which fields a customer's contract requires of a waiver."""
    waive: Callable[[WaiverDraft], Callable[[], None]] | None = None
    """Write a waiver into the customer's file; refuses one that would be worth nothing. Returns what takes it back."""
    ticket: Ticket | None = None
    """Creates or updates the issue of a finding."""
    person: str = ""
    """Who is in front."""
    missing: dict[str, str] = field(default_factory=dict)

    def why(self, name: str) -> str:
        """Why a service is not there."""
        return self.missing.get(name, "not available here")
