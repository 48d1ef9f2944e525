"""Whether a feed proves that nothing is missing: fresh, whole, of the right release."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import date, datetime, timedelta

from pydantic import BaseModel, ConfigDict, Field

from secaudit.api import (
    Advisory,
    Duration,
    Evidence,
    Expect,
    Unproven,
    UnprovenKind,
    Verdict,
    passed,
    show_duration,
    unproven,
)
from secaudit.model.safe_text import visible_line

from .exposure import Exposed, Exposures
from .feeds.lookup import Flaw

_UPGRADE = {
    "dpkg": "apt-get update && apt-get install --only-upgrade {packages}",
    "rpm": "dnf upgrade {packages}",
    "apk": "apk update && apk add --upgrade {packages}",
}


class NotAffecting(BaseModel):
    """A flaw that does no harm here, because its code is not used, or is shielded; by whose reason, and until when."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    cve: str = Field(pattern=r"^CVE-\d{4}-\d{4,}$")
    reason: str = Field(min_length=1)
    expires: date


class OnFeeds(Expect):
    """What every check on advisories takes: how old they may be, how many packages they have to know, what to skip."""

    feed_max_age: Duration = Field(default=timedelta(days=3), gt=timedelta())
    feed_min_coverage: int = Field(
        default=10, ge=1, le=100, description="percentage of the installed packages that some advisory must be about"
    )
    allow: frozenset[str] = Field(
        default=frozenset(), description="source packages, or all binary ones, that do not count; prefer a waiver"
    )
    not_affecting: tuple[NotAffecting, ...] = ()

    def harmless(self, now: datetime) -> frozenset[str]:
        """The CVEs that are declared to do no harm, and still are at `now` (aware UTC)."""
        return frozenset(one.cve for one in self.not_affecting if now.date() <= one.expires)


def concerning(exposures: Exposures, expect: OnFeeds, now: datetime) -> Iterator[Exposed]:
    """What counts: without the allowed sources, and without flaws that do no harm."""
    for exposed in exposures.exposed:
        if exposed.source in expect.allow or expect.allow.issuperset(exposed.packages):
            continue
        harmless = harmless_in(exposed, expect, now)
        fixable = tuple(flaw for flaw in exposed.fixable if not _is_harmless(flaw, harmless))
        unfixed = tuple(flaw for flaw in exposed.unfixed if not _is_harmless(flaw, harmless))
        if fixable or unfixed:
            yield replace(exposed, fixable=fixable, unfixed=unfixed)


def harmless_in(exposed: Exposed, expect: OnFeeds, now: datetime) -> frozenset[str]:
    """The flaws of a source package that do no harm, as the baseline declares or somebody states (VEX)."""
    return expect.harmless(now) | exposed.cleared(now)


def _is_harmless(flaw: Flaw, harmless: frozenset[str]) -> bool:
    """Whether the flaw itself is harmless, or everything that it repairs is."""
    return flaw.id in harmless or (bool(flaw.cves) and harmless.issuperset(flaw.cves))


def stated(exposed: Iterable[Exposed], now: datetime) -> tuple[Evidence, ...]:
    """What people state about the flaws of these packages, counting or not; nothing when nobody does."""
    told = dict.fromkeys(one for package in exposed for _, about in package.stated for one in about)
    lines = list(dict.fromkeys(visible_line(one.shown(now)) for one in told))
    return (Evidence.of("VEX statements", None, None, lines),) if lines else ()


def doubt_about(exposures: Exposures, expect: OnFeeds, now: datetime) -> Unproven | None:
    """Why the advisories do not prove that nothing else concerns the host; None when they do."""
    advisories = exposures.advisories
    evidence = (advisories.evidence, exposures.evidence)
    stale = stale_feed(f"advisories about {advisories.release}", advisories.at, expect.feed_max_age, now, evidence)
    if stale is not None:
        return stale
    if exposures.covered * 100 < exposures.installed * expect.feed_min_coverage:
        reason = (
            f"The advisories about {advisories.release} know {exposures.covered} of {exposures.installed} installed "
            f"packages (at least {expect.feed_min_coverage} % needed): they are not whole, or of another release."
        )
        return Unproven(UnprovenKind.STALE, reason, evidence)
    return None


def silent_about_unfixed(exposures: Exposures, least: int) -> Unproven | None:
    """Why the advisories do not tell which flaws have no fix; None when at least `least` % of them name such flaws.

    This is observed in the imported data: the same format carries them for one distribution and not for another.
    """
    advisories = exposures.advisories
    listed, total = advisories.unfixed
    if listed and listed * 100 >= total * least:
        return None
    reason = (
        f"Flaws without a fix are named by {listed} of {total} advisories about {advisories.release} (at least "
        f"{least} % needed): their publishers list fixes, and other flaws are not in them."
    )
    return Unproven(UnprovenKind.MISSING, reason, (advisories.evidence, exposures.evidence))


def conclude(
    exposures: Exposures,
    expect: OnFeeds,
    missing: Unproven | None,
    spoken: AbstractSet[str],
    expected: str,
    observed: str,
    now: datetime,
    waiting: Iterable[Advisory] = (),
) -> Iterator[Verdict]:
    """The end of every check on advisories: what cannot be told, and that nothing else concerns the host.

    `spoken` are the sources that have a verdict already, `waiting` the advisories that do not count yet.
    Only without any doubt there is a proof, saying `observed`.
    """
    doubts = [doubt for doubt in exposures.doubts if doubt.source not in spoken | expect.allow]
    for doubt in doubts:
        yield unproven(
            doubt.source,
            kind=UnprovenKind.NOT_UNDERSTOOD,
            reason=f"Which advisories concern this package cannot be told: {visible_line(doubt.reason)}.",
            expected=expected,
            evidence=[exposures.advisories.evidence],
        )
    if missing is not None:
        yield missing.verdict(expected=expected)
    elif not doubts and not spoken:
        told = stated(exposures.exposed, now)
        evidence = [exposures.advisories.evidence, *told, exposures.evidence]
        cleared = sorted({name for exposed in exposures.exposed for name in exposed.cleared(now)})
        observed += f"; stated to do no harm: {', '.join(cleared[:8])}{' …' if cleared[8:] else ''}" if cleared else ""
        declared = ", ".join(f"{one.cve} until {one.expires} ({one.reason})" for one in expect.not_affecting)
        observed += f"; declared to do no harm: {declared}" if declared else ""
        yield passed(observed=observed, expected=expected, evidence=evidence, advisories=waiting)


def stale_feed(
    what: str, at: datetime, limit: timedelta, now: datetime, evidence: Iterable[Evidence] = ()
) -> Unproven | None:
    """Why data of the moment `at` are too old at `now`; None when they are young enough."""
    if now - at <= limit:
        return None
    old = f"{show_duration(now - at)} old ({show_duration(limit)} allowed)"
    return Unproven(UnprovenKind.STALE, f"The {what} are {old}: newer ones are not in them.", tuple(evidence))


def upgrade(exposed: Exposed, manager: str) -> str:
    """The command that installs the fixes."""
    return _UPGRADE[manager].format(packages=" ".join(shlex.quote(name) for name in exposed.packages))


def shown(flaws: Iterable[Flaw], release: str) -> Evidence:
    """The advisories as evidence, the worst first."""
    lines = []
    for flaw in sorted(flaws, key=lambda flaw: (-_rank(flaw), flaw.id)):
        cves = " ".join(cve for cve in flaw.cves if cve not in flaw.id)
        fix = f"fixed in {flaw.fixed}" if flaw.fixed else flaw.state.value.replace("_", " ")
        when = f", released {flaw.released:%Y-%m-%d}" if flaw.released else ""
        needs = f", needs {flaw.channel}" if flaw.channel else ""
        severity = flaw.severity.value if flaw.severity else "severity unknown"
        lines.append(visible_line(f"{flaw.id} {severity}: {fix}{when}{needs}{f' ({cves})' if cves else ''}"))
    return Evidence.of(f"feed {release}", None, None, lines)


def listed(flaws: Iterable[Flaw], package: str) -> tuple[Advisory, ...]:
    """The advisories as data: all of them, where evidence shows the first lines."""
    return tuple(
        Advisory(visible_line(flaw.id), tuple(map(visible_line, flaw.cves)), package, visible_line(flaw.fixed))
        for flaw in flaws
    )


def worst(flaws: Iterable[Flaw]) -> Flaw | None:
    """The flaw of the highest severity; one of unknown severity only when there is no other."""
    return max(flaws, key=_rank, default=None)


def _rank(flaw: Flaw) -> int:
    return list(type(flaw.severity)).index(flaw.severity) + 1 if flaw.severity else 0
