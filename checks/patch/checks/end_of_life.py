"""A release that gets no security updates any more."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta

from pydantic import Field

from secaudit.api import (
    Duration,
    Expect,
    Facts,
    Now,
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
from ..references import END_OF_LIFE

_TABLE_LIMIT = timedelta(days=548)
"""A year and a half after its review the table no longer proves that a release is supported."""


class SupportedRelease(Expect):
    """How long before the end to warn, and whether the longer support counts."""

    warn_before: Duration = Field(default=timedelta(days=90))
    lts_counts: bool = Field(default=True, description="count Debian LTS; a subscription has to be proven elsewhere")


@check(
    "patch.end-of-life",
    title="The release gets security updates",
    severity=Severity.HIGH,
    requires=[OsRelease, SupportDates, Now],
    expect=SupportedRelease,
    remediation="Upgrade the host to a supported release, or replace it.",
    references=END_OF_LIFE,
)
def end_of_life(facts: Facts, expect: SupportedRelease) -> Iterator[Verdict]:
    """The release of the distribution gets security updates, and will for some time.

    The dates come from a reviewed table. A release it does not know is unproven; so is one it lists as supported
    when the table itself is too old. A subscription (Ubuntu Pro, Red Hat ELS) counts only when it is proven.
    """
    release, table, now = facts[OsRelease], facts[SupportDates], facts[Now].at
    support = table.releases.get((release.id, _cycle(release)))
    if support is None:
        yield unproven(
            kind=UnprovenKind.NOT_UNDERSTOOD,
            reason=f"The support dates of {visible_line(f'{release.id} {release.version}')} are not known.",
            evidence=[release.evidence],
        )
        return
    until = support.until
    if expect.lts_counts and support.extended_until is not None and not support.subscription:
        until = support.extended_until
    yield _judge(release, support, until, table, now, expect)


def _judge(
    release: OsRelease,
    support: ReleaseSupport,
    until: date,
    table: SupportDates,
    now: datetime,
    expect: SupportedRelease,
) -> Verdict:
    left = timedelta(days=(until - now.date()).days)
    name = f"{support.distribution} {support.release}"
    expected = "security updates now" + (
        f" and for the next {show_duration(expect.warn_before)}" if expect.warn_before else ""
    )
    observed = f"{name} is supported until {until}"
    if left < timedelta():
        return _ended(release, support, until, now, expect, expected)
    if now.date() - table.reviewed > _TABLE_LIMIT:
        return unproven(
            kind=UnprovenKind.STALE,
            reason=f"The table of support dates was last reviewed on {table.reviewed}.",
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
    release: OsRelease, support: ReleaseSupport, until: date, now: datetime, expect: SupportedRelease, expected: str
) -> Verdict:
    name = f"{support.distribution} {support.release}"
    extended = support.extended_until
    if expect.lts_counts and support.subscription and extended is not None and now.date() <= extended:
        return unproven(
            kind=UnprovenKind.MISSING,
            reason=f"{name} is supported with {support.extended_by} only, and no subscription was proven.",
            expected=expected,
            evidence=[release.evidence],
        )
    observed = f"{name} was supported until {until}"
    if extended is not None and extended > until:
        observed += f" ({support.extended_by} until {extended} does not count)"
    return failed(
        reason=f"There are no security updates for {name} any more.",
        observed=observed,
        expected=expected,
        evidence=[release.evidence],
    )


def _cycle(release: OsRelease) -> str:
    """The part of the version that support is given by: `12`, `9` of 9.4, `3.20` of 3.20.3, `22.04`."""
    parts = release.version.split(".")
    return ".".join(parts[:2] if release.id in ("ubuntu", "alpine") else parts[:1])
