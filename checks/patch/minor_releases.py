"""Whether a minor release (9.4) still gets updates: of RHEL and its rebuilds only the newest one does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from secaudit.api import Severity, UnprovenKind, Verdict, failed, show_duration, unproven
from secaudit.model.safe_text import visible_line

from ..host.facts import OsRelease
from .facts import NewestMinor, SupportDates
from .feeds.announced import AnnouncedSupport
from .feeds.support import MINOR_ENDS

_NONE_OF_ODD_NUMBERS = {"8": 3}
"""Extended updates are for minor releases of even numbers; of RHEL 8 that is so from this number on."""


@dataclass(frozen=True, slots=True)
class _Known:
    """The newest minor release that somebody names, and the moment (aware UTC) of which that is so."""

    newest: NewestMinor
    at: datetime


def judge_minor(
    release: OsRelease, announced: AnnouncedSupport, table: SupportDates, now: datetime, max_age: timedelta
) -> Verdict | None:
    """Why the minor release of a host does not count as supported; None when it does, or has no end of its own.

    A superseded one gets no updates, but for subscribers to extended updates of Red Hat. That one is the newest is
    proven by data that are at most `max_age` old, or because it is the last one of its major release.
    """
    if release.id not in MINOR_ENDS:
        return None
    major, _, rest = release.version.partition(".")
    name = visible_line(f"{release.id} {release.version}")
    expected = "a minor release that gets updates"
    minor = rest.partition(".")[0]
    known = max(_known(release.id, major, announced, table), key=lambda one: (one.newest.minor, one.at), default=None)
    if known is None or not (minor.isascii() and minor.isdecimal()):
        reason = f"Until when the minor release of {name} is supported is not known."
        kind = UnprovenKind.NOT_UNDERSTOOD
        return unproven(kind=kind, reason=reason, expected=expected, evidence=[release.evidence])
    number, newest = int(minor), known.newest
    if number < newest.minor:
        return _superseded(release, f"{major}.{number}", f"{major}.{newest.minor}", newest.since, table, now, expected)
    on = f"{known.at:%Y-%m-%d}"
    if number > newest.minor:
        reason = f"{name} is newer than the newest minor release that was known on {on} ({major}.{newest.minor})."
        kind = UnprovenKind.NOT_UNDERSTOOD
        return unproven(kind=kind, reason=reason, expected=expected, evidence=[release.evidence])
    last = table.newest.get((release.id, major))
    if now - known.at <= max_age or (last is not None and last.final and last.minor == number):
        return None
    reason = (
        f"That {name} is the newest minor release was last known on {on} ({show_duration(max_age)} allowed): "
        "a later one may have superseded it."
    )
    return unproven(kind=UnprovenKind.STALE, reason=reason, expected=expected, evidence=[release.evidence])


def _known(distribution: str, major: str, announced: AnnouncedSupport, table: SupportDates) -> Iterator[_Known]:
    imported = announced.releases.get((distribution, major))
    if imported is not None and imported.newest is not None:
        yield _Known(imported.newest, imported.at)
    ours = table.newest.get((distribution, major))
    if ours is not None:
        yield _Known(ours, datetime.combine(table.newest_on, time.min, UTC))


def _superseded(
    release: OsRelease, mine: str, newest: str, since: date, table: SupportDates, now: datetime, expected: str
) -> Verdict:
    name = f"{release.id} {mine}"
    observed = f"{name}; the newest minor release is {newest}, of {since}"
    if release.id == "rhel":
        ends = table.extended_minors.get((release.id, mine))
        if ends is None and not _without_extension(mine):
            return unproven(
                kind=UnprovenKind.NOT_UNDERSTOOD,
                reason=f"{name} was superseded by {newest}, and until when it gets extended updates is not known.",
                expected=expected,
                evidence=[release.evidence],
            )
        if ends is not None and now.date() <= ends:
            reason = f"{name} is supported with Red Hat Extended Update Support only, and no subscription was proven."
            kind = UnprovenKind.MISSING
            return unproven(kind=kind, reason=reason, expected=expected, evidence=[release.evidence])
        if ends is not None:
            observed += f"; Extended Update Support ended on {ends}"
    return failed(
        reason=f"There are no updates for {name} any more: it was superseded by {newest}.",
        observed=observed,
        expected=expected,
        evidence=[release.evidence],
        severity=Severity.HIGH,
        remediation=f"Upgrade to {newest}: `dnf upgrade` with the repositories of the major release, then reboot.",
    )


def _without_extension(version: str) -> bool:
    major, _, minor = version.partition(".")
    return int(minor) % 2 == 1 and int(minor) >= _NONE_OF_ODD_NUMBERS.get(major, 1)
