"""Applications that run an older version than the one that was shipped."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta

from packaging.version import Version

from secaudit.api import Facts, Now, Severity, Unproven, Verdict, check, failed, passed, show_duration, unproven
from secaudit.model.safe_text import visible_line

from ..facts import DeployedReleases
from ..manifest import ReleaseManifest, ShippedRelease, deployed
from ..references import PATCH_LEVEL


@check(
    "patch.release-behind",
    title="Shipped application releases are deployed",
    severity=Severity.MEDIUM,
    requires=[DeployedReleases, Now],
    expect=ReleaseManifest,
    remediation="Deploy the shipped version, or agree with the customer on another date.",
    references=PATCH_LEVEL,
)
def release_behind(facts: Facts, expect: ReleaseManifest) -> Iterator[Verdict]:
    """Every application of the manifest runs the shipped version or a later one, or its time is not over yet.

    The time runs from the end of the day of shipment (UTC), and is shorter for releases that repair security flaws.
    """
    for release in expect.releases:
        limit = expect.security_max_age if release.security else expect.max_age
        expected = f"{release.version} or later within {show_duration(limit)} of {release.shipped}"
        try:
            found = deployed(facts[DeployedReleases].found, release)
        except Unproven as trouble:
            yield unproven(
                release.application,
                kind=trouble.kind,
                reason=f"Which version of {release.application} is deployed is not known: {trouble.reason}.",
                expected=expected,
                evidence=trouble.evidence,
            )
            continue
        waits = facts[Now].at - datetime.combine(release.shipped, time.max, UTC)
        observed = visible_line(found.version)
        if Version(found.version) >= Version(release.version):
            yield passed(release.application, observed=observed, expected=expected, evidence=[found.evidence])
        elif waits <= limit:
            reason = f"The release may wait for {show_duration(max(limit - waits, timedelta()))} more."
            yield passed(
                release.application, reason=reason, observed=observed, expected=expected, evidence=[found.evidence]
            )
        else:
            yield failed(
                release.application,
                reason=_reason(release),
                observed=f"{observed}, shipped {show_duration(waits)} ago",
                expected=expected,
                evidence=[found.evidence],
            )


def _reason(release: ShippedRelease) -> str:
    security = ", which repairs security flaws," if release.security else ""
    return f"{release.application} {release.version}{security} was shipped on {release.shipped} and is not deployed."
