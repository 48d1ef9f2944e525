"""Packages of Python and Node.js with flaws."""

from __future__ import annotations

from collections.abc import Iterator

from secaudit.api import (
    Evidence,
    Facts,
    Now,
    Severity,
    Unproven,
    UnprovenKind,
    Verdict,
    check,
    failed,
    not_applicable,
    passed,
    show_duration,
    unproven,
)
from secaudit.model.safe_text import visible_line

from ...host.facts import Packages
from ..feed_trust import listed
from ..feeds.lookup import Advisories, Flaw
from ..languages import LANGUAGES, LanguageAdvisories, LanguageFlaws, LanguagePackages
from ..references import PATCH_LEVEL

_MOST = 50


@check(
    "patch.language-packages",
    title="Packages of Python and Node.js have no repaired vulnerability",
    severity=Severity.HIGH,
    requires=[LanguagePackages, LanguageAdvisories, Now],
    expect=LanguageFlaws,
    remediation="Raise the version in the application's own list of requirements, and deploy it anew.",
    references=PATCH_LEVEL,
)
def language_packages(facts: Facts, expect: LanguageFlaws) -> Iterator[Verdict]:
    """No package of Python or Node.js outside of the distribution has a flaw that a later version repairs.

    A finding is one package in one version, with the version that settles every advisory that has a repair. A place
    that cannot be read is unproven, and so is a folder that a service or web server uses and nobody looks into.
    """
    installed, known = facts[LanguagePackages], facts[LanguageAdvisories]
    lost = bool(any(installed.unread.values()) or installed.used)
    yield from _not_looked_at(installed)
    for name, packages in installed.found.items():
        language, places = LANGUAGES[name][0], installed.places[name]
        if not packages.packages:
            if not lost:
                reason = f"No package of {language} lies below {', '.join(places)}."
                yield not_applicable(name, reason=reason, evidence=[packages.evidence])
        elif name not in known.known:
            reason = (
                f"{len(packages.packages)} packages of {language} are installed, and no advisories about them were "
                "imported: `secaudit feed import FILE`"
            )
            yield unproven(name, kind=UnprovenKind.STALE, reason=reason, evidence=[packages.evidence])
        else:
            yield from _judge(name, packages, known.known[name], facts, expect, whole=not lost)


def _not_looked_at(installed: LanguagePackages) -> Iterator[Verdict]:
    """What stands between the places that were read and everything that runs on the host."""
    for name, troubles in installed.unread.items():
        for place, trouble in troubles.items():
            yield trouble.verdict(f"{name} {place}")
    used = installed.used
    if isinstance(used, Unproven):
        yield used.verdict("places in use")
        return
    for place, who in used.items():
        subject = visible_line(place)
        yield unproven(
            subject,
            kind=UnprovenKind.NOT_RECORDED,
            reason=f"Packages below {subject} were not looked for ({visible_line(who)} names it): add it to `places`.",
        )


def _judge(
    name: str, packages: Packages, advisories: Advisories, facts: Facts, expect: LanguageFlaws, *, whole: bool
) -> Iterator[Verdict]:
    expected, spoken = "no flaw that a later version repairs", False
    unfixed: list[str] = []
    evidence = [packages.evidence, advisories.evidence]
    for package in packages.packages:
        standing = None if package.name in expect.allow else advisories.standing(package.name, package.version)
        subject = visible_line(f"{name} {package.name} {package.version}")
        fixable = [flaw for flaw in standing.flaws if flaw.fixed] if standing else []
        if standing:
            unfixed += [f"{subject}: {flaw.id} has no fix" for flaw in standing.flaws if not flaw.fixed]
        if fixable:
            spoken = True
            yield _flawed(package.name, subject, package.version, fixable, expected, evidence)
        elif standing is not None and standing.doubt:
            spoken = True
            kind = UnprovenKind.NOT_UNDERSTOOD
            yield unproven(
                subject, kind=kind, reason=visible_line(standing.doubt), expected=expected, evidence=evidence
            )
    age = facts[Now].at - advisories.at
    if age > expect.feed_max_age:
        reason = f"The advisories are {show_duration(age)} old ({show_duration(expect.feed_max_age)} allowed)."
        yield unproven(name, kind=UnprovenKind.STALE, reason=reason, expected=expected, evidence=evidence)
    elif not spoken and whole:
        left = f" ({len(unfixed)} unrepaired flaws do not count)" if unfixed else ""
        observed = f"none in {len(packages.packages)} packages{left}"
        shown = [Evidence.of("feed", None, None, unfixed[:_MOST])] if unfixed else []
        yield passed(name, observed=observed, expected=expected, evidence=[*shown, *evidence])


def _flawed(
    package: str, subject: str, version: str, flaws: list[Flaw], expected: str, evidence: list[Evidence]
) -> Verdict:
    target = max(flaws, key=lambda flaw: flaw.order).fixed
    lines = [visible_line(f"{flaw.id}: fixed in {flaw.fixed} {' '.join(flaw.cves)}") for flaw in flaws]
    return failed(
        subject,
        reason="A flaw of the package is repaired in a later version.",
        observed=visible_line(f"{version}; {target} settles {len({flaw.id for flaw in flaws})} advisories"),
        expected=expected,
        evidence=[Evidence.of("feed", None, None, lines), *evidence],
        advisories=listed(flaws, package),
    )
