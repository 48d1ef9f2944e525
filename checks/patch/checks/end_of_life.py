"""A release that gets no security updates any more."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from pydantic import Field

from secaudit.api import (
    Duration,
    Expect,
    Facts,
    Now,
    Outcome,
    Severity,
    UnprovenKind,
    Verdict,
    check,
    failed,
    passed,
    show_duration,
    unproven,
)
from secaudit.model.safe_text import visible_line

from ...host.facts import OsRelease
from ..facts import ReleaseSupport, SupportDates
from ..feeds.announced import AnnouncedSupport
from ..minor_releases import judge_minor
from ..references import END_OF_LIFE

_TABLE_LIMIT = timedelta(days=548)
"""A year and a half after its review the table no longer proves that a release is supported."""


_BY_MINOR = ("ubuntu", "alpine", "opensuse-leap", "sles")
"""Distributions that give support by the second number of their versions too."""


class SupportedRelease(Expect):
    """How long before the end to warn, whether the longer support counts, and how old imported dates may be."""

    warn_before: Duration = Field(default=timedelta(days=90))
    lts_counts: bool = Field(default=True, description="count Debian LTS; a subscription has to be proven elsewhere")
    dates_max_age: Duration = Field(
        default=timedelta(days=180), gt=timedelta(), description="how old imported support dates may be"
    )


@dataclass(frozen=True, slots=True)
class _Told:
    """The support dates of a release: who told them, and why they prove nothing any more, if so."""

    support: ReleaseSupport
    by: str
    stale: str


@check(
    "patch.end-of-life",
    title="The release gets security updates",
    severity=Severity.HIGH,
    requires=[OsRelease, SupportDates, AnnouncedSupport, Now],
    expect=SupportedRelease,
    remediation="Upgrade the host to a supported release, or replace it.",
    references=END_OF_LIFE,
)
def end_of_life(facts: Facts, expect: SupportedRelease) -> Iterator[Verdict]:
    """The release of the distribution gets security updates, and will for some time.

    The dates come from an imported feed, else from a reviewed table. A release that neither knows is unproven; so is
    one that is listed as supported when the dates are too old. A subscription (Ubuntu Pro, Red Hat ELS and EUS) counts
    only when it is proven. A minor release of RHEL, AlmaLinux or Rocky Linux that another one superseded has ended.
    """
    release, now = facts[OsRelease], facts[Now].at
    told = _told(release, facts[AnnouncedSupport], facts[SupportDates], now, expect)
    if told is None:
        yield unproven(
            kind=UnprovenKind.NOT_UNDERSTOOD,
            reason=f"The support dates of {visible_line(f'{release.id} {release.version}')} are not known.",
            evidence=[release.evidence],
        )
        return
    until = told.support.until
    if expect.lts_counts and told.support.extended_until is not None and not told.support.subscription:
        until = told.support.extended_until
    verdict = _judge(release, told, until, now, expect)
    if until >= now.date():
        minor = judge_minor(release, facts[AnnouncedSupport], facts[SupportDates], now, expect.dates_max_age)
        # What is known to have ended goes before what is only close to its end, or not known.
        if minor is not None and (minor.outcome is Outcome.FAILED or verdict.outcome is Outcome.PASSED):
            verdict = minor
    yield verdict


def _told(
    release: OsRelease, announced: AnnouncedSupport, table: SupportDates, now: datetime, expect: SupportedRelease
) -> _Told | None:
    """What is known about a release, imported dates before the table's; None when it is nothing."""
    key = release.id, _cycle(release)
    imported = announced.releases.get(key)
    if imported is not None:
        age = show_duration(now - imported.at)
        stale = f"The support dates of {imported.feed} are {age} old ({show_duration(expect.dates_max_age)} allowed)."
        by = f"{imported.feed}, {age} old"
        return _Told(imported.support, by, stale if now - imported.at > expect.dates_max_age else "")
    support = table.releases.get(key)
    if support is None:
        return None
    stale = f"The table of support dates was last reviewed on {table.reviewed}."
    old = now.date() - table.reviewed > _TABLE_LIMIT
    return _Told(support, f"table reviewed on {table.reviewed}", stale if old else "")


def _judge(
    release: OsRelease,
    told: _Told,
    until: date,
    now: datetime,
    expect: SupportedRelease,
) -> Verdict:
    support = told.support
    left = timedelta(days=(until - now.date()).days)
    name = f"{support.distribution} {support.release}"
    expected = "security updates now" + (
        f" and for the next {show_duration(expect.warn_before)}" if expect.warn_before else ""
    )
    observed = f"{name} is supported until {until} ({told.by})"
    if left < timedelta():
        return _ended(release, told, until, now, expect, expected)
    if told.stale:
        return unproven(
            kind=UnprovenKind.STALE,
            reason=told.stale,
            expected=expected,
            evidence=[release.evidence],
        )
    if left < expect.warn_before:
        return failed(
            reason=f"Security updates for {name} end in {left.days} days.",
            observed=observed,
            expected=expected,
            evidence=[release.evidence],
            severity=Severity.MEDIUM,
        )
    return passed(observed=observed, expected=expected, evidence=[release.evidence])


def _ended(
    release: OsRelease, told: _Told, until: date, now: datetime, expect: SupportedRelease, expected: str
) -> Verdict:
    support = told.support
    name = f"{support.distribution} {support.release}"
    extended = support.extended_until
    if expect.lts_counts and support.subscription and extended is not None and now.date() <= extended:
        return unproven(
            kind=UnprovenKind.MISSING,
            reason=f"{name} is supported with {support.extended_by} only, and no subscription was proven.",
            expected=expected,
            evidence=[release.evidence],
        )
    observed = f"{name} was supported until {until} ({told.by})"
    if extended is not None and extended > until:
        observed += f"; {support.extended_by} until {extended} does not count"
    return failed(
        reason=f"There are no security updates for {name} any more.",
        observed=observed,
        expected=expected,
        evidence=[release.evidence],
    )


def _cycle(release: OsRelease) -> str:
    """The part of the version that support is given by: `12`, `9` of 9.4, `3.20` of 3.20.3, `22.04`."""
    parts = release.version.split(".")
    return ".".join(parts[:2] if release.id in _BY_MINOR else parts[:1])
