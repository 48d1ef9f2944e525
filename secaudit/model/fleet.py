"""What is known about all customers at one moment: the material of the internal report. Times are aware UTC."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from secaudit.model.answer import Reach
from secaudit.model.feed import FeedStamp
from secaudit.model.phrasebook import Phrasebook
from secaudit.model.severity import Severity


@dataclass(frozen=True, slots=True)
class FamilyStanding:
    """How the newest results of one family end at one customer; `failed` are without a waiver."""

    family: str
    failed: int
    waived: int
    unproven: int
    passed: int


@dataclass(frozen=True, slots=True)
class CustomerStanding:
    """A customer by the newest scan of each host; `oldest` is the oldest of these scans.

    `overdue` counts open findings without a waiver, `due_soon` those that are due until the horizon; `unproven` counts
    all that are unproven, as a waiver proves nothing.
    """

    customer: str
    name: str
    hosts: int
    complete: int
    families: tuple[FamilyStanding, ...]
    overdue: int
    due_soon: int
    unproven: int
    oldest: datetime


@dataclass(frozen=True, slots=True)
class DueFinding:
    """An open finding with a deadline."""

    customer: str
    host: str
    subject: str
    title: str
    reason: str
    severity: Severity
    due: datetime


@dataclass(frozen=True, slots=True)
class LaggingHost:
    """A host that its newest scan did not read to the end, or whose newest scan is too long ago."""

    customer: str
    host: str
    status: Reach
    reason: str
    scanned: datetime


@dataclass(frozen=True, slots=True)
class StaleBackup:
    """A backup whose newest result is not that it is fresh, and since when that is so."""

    customer: str
    host: str
    subject: str
    reason: str
    proven: bool
    """Whether it is known to be too old or missing; else nobody knows."""
    since: datetime


@dataclass(frozen=True, slots=True)
class FleetRecord:
    """All customers at `at`.

    `due` has the deadlines that are over or end until `horizon`, the first first; `due_total` counts all of them, as
    `stale_total` does for `stale`. `lagging` are the hosts that were not read to the end, or not since `fresh_since`.
    `feeds` are the reference data of the newest run. `families` has what each family is called in the language of the
    report, `translations` tells what checks say in it.
    """

    at: datetime
    version: str
    timezone: str
    horizon: datetime
    fresh_since: datetime
    customers: tuple[CustomerStanding, ...]
    due: tuple[DueFinding, ...]
    due_total: int
    lagging: tuple[LaggingHost, ...]
    stale: tuple[StaleBackup, ...]
    stale_total: int
    feeds: tuple[FeedStamp, ...]
    families: Mapping[str, str] = field(default_factory=dict)
    translations: Phrasebook = field(default_factory=Phrasebook)
