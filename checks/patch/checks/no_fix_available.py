"""Flaws that the distribution has not repaired."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from pydantic import Field

from secaudit.api import Facts, Now, Severity, Verdict, check, failed

from ..deadlines import Rated
from ..exposure import Exposed, Exposures
from ..feed_trust import OnFeeds, concerning, conclude, doubt_about, listed, shown, silent_about_unfixed, stated, worst
from ..feeds.lookup import Flaw
from ..feeds.records import State
from ..references import PATCH_LEVEL


class Unrepaired(OnFeeds):
    """Which flaws may not stay without a fix: by severity, and by what the distribution says about them."""

    severities: frozenset[Rated] = Field(default=frozenset({"critical", "high"}), min_length=1)
    feed_min_unfixed: int = Field(
        default=1, ge=1, le=100, description="percentage of the advisories that must be about flaws without a fix"
    )
    ignore_states: frozenset[State] = Field(
        default=frozenset({State.UNDETERMINED}),
        description="postponed, ignored, will_not_fix, undetermined or open flaws that do not count",
    )


@check(
    "patch.no-fix-available",
    title="No grave vulnerability is without a fix",
    severity=Severity.MEDIUM,
    requires=[Exposures, Now],
    expect=Unrepaired,
    remediation=(
        "Take the package away when it is not needed; else shield the service, write down why it stays with a waiver "
        "that ends, and watch for the fix. A fix that needs a subscription can be bought."
    ),
    references=PATCH_LEVEL,
)
def no_fix_available(facts: Facts, expect: Unrepaired) -> Iterator[Verdict]:
    """No installed package has a flaw of the named severities that the distribution has not repaired for this host.

    A fix that needs a subscription (Ubuntu Pro, Red Hat EUS) is none for a host that shows no sign of it. Advisories
    that list fixes only (AlmaLinux, Rocky Linux, Alpine) do not prove that nothing is without one.
    """
    exposures, now = facts[Exposures], facts[Now].at
    expected = f"no unrepaired flaw of severity {', '.join(sorted(expect.severities))}"
    spoken = set()
    counting = list(concerning(exposures, expect, now))
    for exposed in counting:
        grave = [flaw for flaw in exposed.unfixed if _counts(flaw, expect)]
        if grave:
            spoken.add(exposed.source)
            yield _unrepaired(exposed, grave, exposures, expected, now)
    left = sum(len(exposed.unfixed) for exposed in counting)
    observed = f"none ({left} unrepaired flaws do not count)" if left else "none"
    missing = doubt_about(exposures, expect, now) or silent_about_unfixed(exposures, expect.feed_min_unfixed)
    yield from conclude(exposures, expect, missing, spoken, expected, observed, now)


def _counts(flaw: Flaw, expect: Unrepaired) -> bool:
    severity = flaw.severity.value if flaw.severity else "unknown"
    return severity in expect.severities and flaw.state not in expect.ignore_states


def _unrepaired(exposed: Exposed, grave: list[Flaw], exposures: Exposures, expected: str, now: datetime) -> Verdict:
    gravest = worst(grave)
    paid = sorted({flaw.channel for flaw in grave if flaw.fixed})
    return failed(
        exposed.source,
        reason=f"{exposed.source} has {len(grave)} flaws without a fix for this host.",
        observed=f"{', '.join(exposed.installed)}: {', '.join(flaw.id for flaw in grave[:8])}"
        + (f" and {len(grave) - 8} more" if len(grave) > 8 else "")
        + (f"; fixes need the subscription {', '.join(paid)}" if paid else ""),
        expected=expected,
        evidence=[shown(grave, exposures.advisories.release), *stated([exposed], now), exposures.evidence],
        severity=gravest.severity if gravest else None,
        advisories=listed(grave, exposed.source),
    )
