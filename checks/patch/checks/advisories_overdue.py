"""Fixes that have been available for too long."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from secaudit.api import (
    Advisory,
    Facts,
    Now,
    Severity,
    Unproven,
    UnprovenKind,
    Verdict,
    check,
    failed,
    show_duration,
    unproven,
)

from ..deadlines import Deadlines, Freeze, Lateness, lateness, schedule, since
from ..exposure import Exposed, Exposures
from ..feed_trust import OnFeeds, concerning, conclude, doubt_about, listed, shown, stale_feed, stated, upgrade, worst
from ..feeds.lookup import ExploitScores, Flaw
from ..references import PATCH_LEVEL


class LikelyExploited(BaseModel):
    """Flaws with an EPSS score of at least `min` are treated as if they were of severity `treat_as`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    min: float = Field(default=0.5, gt=0, le=1)
    treat_as: Literal["critical", "high", "medium"] = "critical"


class PatchDeadlines(OnFeeds):
    """How long a fix may be available, by severity, and which flaws are more urgent than their severity says."""

    max_age: Deadlines = Field(default_factory=Deadlines)
    epss: LikelyExploited | None = None
    freeze: tuple[Freeze, ...] = ()


@check(
    "patch.advisories-overdue",
    title="Security fixes are installed in time",
    severity=Severity.HIGH,
    requires=[Exposures, Now],
    considers=[ExploitScores],
    expect=PatchDeadlines,
    remediation="Upgrade the packages: `apt-get install --only-upgrade …`, `dnf upgrade …` or `apk add --upgrade …`.",
    references=PATCH_LEVEL,
)
def advisories_overdue(facts: Facts, expect: PatchDeadlines) -> Iterator[Verdict]:
    """No installed package lacks a security fix that was released longer ago than its severity allows.

    A finding is one source package with all the advisories that its upgrade settles. That nothing else is missing is
    proven only by advisories that are fresh, whole and about the host's own release.
    """
    exposures, now = facts[Exposures], facts[Now].at
    expected = f"fixes installed within {expect.max_age}"
    rated = facts.get(ExploitScores) if expect.epss else None
    scores = rated if isinstance(rated, ExploitScores) else None
    spoken = set()
    waiting: dict[str, tuple[Advisory, ...]] = {}
    for exposed in concerning(exposures, expect, now):
        if not exposed.fixable:
            continue
        late, unknown = [], []
        for flaw in exposed.fixable:
            due = schedule(expect.max_age, expect.freeze, _urgency(flaw, expect, scores))
            state = lateness(flaw, due, now)
            if state is Lateness.LATE:
                late.append(flaw)
            elif state is Lateness.UNKNOWN:
                unknown.append(flaw)
        if late:
            yield _overdue(exposed, late, facts, expected, _frozen(expect, now))
        elif unknown:
            yield unproven(
                exposed.source,
                kind=UnprovenKind.MISSING,
                reason=f"An upgrade is available, and since when is not known for {len(unknown)} of its fixes.",
                expected=expected,
                evidence=[shown(unknown, exposures.advisories.release), exposures.evidence],
                advisories=listed(exposed.fixable, exposed.source),
            )
        else:
            waiting[exposed.source] = listed(exposed.fixable, exposed.source)
            continue
        spoken.add(exposed.source)
    missing = doubt_about(exposures, expect, now)
    if missing is None and isinstance(rated, Unproven):
        missing = rated
    elif missing is None and scores is not None:
        missing = stale_feed("EPSS scores", scores.at, expect.feed_max_age, now)
    observed = f"{len(waiting)} within their time: {', '.join(waiting)}" if waiting else "no fix is missing"
    later = [advisory for told in waiting.values() for advisory in told]
    yield from conclude(exposures, expect, missing, spoken, expected, observed, now, later)


def _urgency(flaw: Flaw, expect: PatchDeadlines, scores: ExploitScores | None) -> Severity | None:
    if expect.epss is None or scores is None:
        return flaw.severity
    rated = [score for cve in flaw.cves if (score := scores.score(cve)) is not None]
    least = Severity(expect.epss.treat_as)
    if max(rated, default=0.0) < expect.epss.min or (flaw.severity is not None and flaw.severity.at_least(least)):
        return flaw.severity
    return least


def _frozen(expect: PatchDeadlines, now: datetime) -> str:
    """That nobody installs anything today, in a sentence; empty when there is no freeze."""
    ends = [freeze.last for freeze in expect.freeze if freeze.covers(now)]
    return f"Changes are frozen until {max(ends)}; the deadline ran on." if ends else ""


def _overdue(exposed: Exposed, late: list[Flaw], facts: Facts, expected: str, frozen: str) -> Verdict:
    exposures, now = facts[Exposures], facts[Now].at
    oldest = min(late, key=since)
    target = max(exposed.fixable, key=lambda flaw: flaw.order).fixed
    gravest = worst(late)
    waits = f"{'' if oldest.released else 'more than '}{show_duration(now - since(oldest))}"
    return failed(
        exposed.source,
        reason=" ".join((f"{len(late)} security fixes of {exposed.source} are overdue.", frozen)).strip(),
        observed=f"{', '.join(exposed.installed)}; {target} settles {len(exposed.fixable)} advisories, "
        f"the oldest fix has been available for {waits}",
        expected=expected,
        evidence=[
            shown(exposed.fixable, exposures.advisories.release),
            *stated([exposed], now),
            exposures.evidence,
        ],
        severity=gravest.severity if gravest else None,
        remediation=upgrade(exposed, exposures.manager),
        advisories=listed(exposed.fixable, exposed.source),
    )
