"""What every feed format is turned into."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import NamedTuple

from secaudit.api import Severity
from secaudit.model.errors import UserError


class FeedError(UserError):
    """A feed cannot be imported; the text says which file, where in it, and why. Nothing of it was kept."""


class State(StrEnum):
    """What the distribution says about a flaw that it has not fixed; `FIXED` when it has."""

    FIXED = "fixed"
    OPEN = "open"
    IGNORED = "ignored"
    POSTPONED = "postponed"
    WILL_NOT_FIX = "will_not_fix"
    UNDETERMINED = "undetermined"
    UNREADABLE = "unreadable"
    """The feed names a version that has no place in the package manager's order."""


class AffectedRange(NamedTuple):
    """Versions of a package of a release that have the flaw: from `introduced` (empty: all) up to before `fixed`.

    `last` says that `fixed` itself is the last one that has it. `channel` names a subscription that the fix needs
    (`pro`, `eus`), empty for everybody. `stream` is the module stream (`nodejs:18`) whose builds alone are meant.
    """

    release: str
    name: str
    introduced: str
    fixed: str
    state: State
    channel: str = ""
    last: bool = False
    stream: str = ""


class AdvisoryRecord(NamedTuple):
    """A flaw or an advisory. `severity` is None where nobody states one.

    `published` is when the flaw or the advisory became public, `released` when the fix did, which only advisories of
    a distribution tell. Times are aware UTC. `streams` are the module streams (`nodejs:18`) that an advisory names
    when it is about modular rpms.
    """

    id: str
    severity: Severity | None
    published: datetime | None
    released: datetime | None
    cves: tuple[str, ...]
    ranges: tuple[AffectedRange, ...]
    changed: datetime | None = None
    streams: tuple[str, ...] = ()


class ExploitedRecord(NamedTuple):
    """A CVE in CISA's catalogue of known exploited vulnerabilities."""

    cve: str
    added: date
    due: date
    ransomware: bool


class ScoreRecord(NamedTuple):
    """The probability (0 to 1) that a CVE is exploited within 30 days, by EPSS."""

    cve: str
    score: float
    percentile: float


class SupportRecord(NamedTuple):
    """How long a release (by os-release's `ID` and version) is supported; dates are the last day, inclusive.

    `extended` is a longer support called `extension`; `subscription` says that a host has to be enrolled for it.
    `minor` is the newest minor release of it, out since the day `since`; None where minor releases have no end of
    their own or the feed does not name it.
    """

    distribution: str
    release: str
    until: date
    extended: date | None
    extension: str
    subscription: bool
    minor: int | None = None
    since: date | None = None


class StatementRecord(NamedTuple):
    """What somebody states about a flaw in a product (VEX). `product` is a purl, `names` the flaw's id and aliases.

    `at` is when it was stated and `expires` the last day on which it counts; both UTC.
    """

    names: tuple[str, ...]
    product: str
    status: str
    reason: str
    author: str
    at: datetime
    expires: date


class Dated(NamedTuple):
    """The moment that the whole of a feed speaks for, as far as the feed itself tells it."""

    at: datetime


Record = AdvisoryRecord | ExploitedRecord | ScoreRecord | SupportRecord | StatementRecord | Dated
Count = Callable[[str], None]
"""Told the reason whenever a reader leaves something out."""


def moment(value: object, place: str) -> datetime | None:
    """An RFC 3339 time as aware UTC, None when there is none. Raises FeedError for anything else."""
    if value is None or value == "":
        return None
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        found = None
    if found is None:
        raise FeedError(f"{place}: {str(value)[:40]!r} is not a time")
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def day(value: object, place: str) -> date:
    """An ISO date. Raises FeedError for anything else."""
    try:
        return date.fromisoformat(value if isinstance(value, str) else "")
    except ValueError:
        raise FeedError(f"{place}: {str(value)[:40]!r} is not a date") from None
