"""Packages that must have a version, whatever the distribution offers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pydantic import Field

from secaudit.api import Expect, Facts, Severity, UnprovenKind, Verdict, check, failed, not_applicable, passed, unproven
from secaudit.model.safe_text import visible_line

from ...host.facts import OsRelease, Packages
from ..references import PATCH_LEVEL
from ..versions import KEYS, InvalidVersion


class MinimumVersions(Expect):
    """Versions by package and release; `debian-12` names a release, `debian` every release, `any` every system."""

    packages: Mapping[str, Mapping[str, str]] = Field(min_length=1)


@check(
    "patch.minimum-versions",
    title="Packages have at least the demanded versions",
    severity=Severity.HIGH,
    requires=[Packages, OsRelease],
    expect=MinimumVersions,
    remediation="Upgrade the package to the demanded version or a later one.",
    references=PATCH_LEVEL,
)
def minimum_versions(facts: Facts, expect: MinimumVersions) -> Iterator[Verdict]:
    """Every named package that is installed has at least the version that is demanded for the host's release.

    Versions are compared in the package manager's own order. A package that is not installed has nothing to answer for.
    """
    packages, release = facts[Packages], facts[OsRelease]
    wanted = {name: _demanded(by_release, release) for name, by_release in expect.packages.items()}
    installed: dict[str, dict[str, None]] = {}
    for package in packages.packages:
        if wanted.get(package.name) is not None:
            installed.setdefault(package.name, {})[package.version] = None
    for name, versions in installed.items():
        for version in versions:
            subject = name if len(versions) == 1 else f"{name} {version}"
            yield _judge(subject, version, wanted[name] or "", packages)
    if not installed:
        reason = "None of the named packages is installed, or none has a demanded version for this release."
        yield not_applicable(reason=reason, evidence=[packages.evidence, release.evidence])


def _demanded(by_release: Mapping[str, str], release: OsRelease) -> str | None:
    """The most exact demand for a release: `ubuntu-22.04`, `almalinux-9` for 9.4, `debian`, `any`."""
    major = release.version.partition(".")[0]
    names = (f"{release.id}-{release.version}", f"{release.id}-{major}", release.id, "any")
    return next((by_release[name] for name in names if name in by_release), None)


def _judge(subject: str, version: str, demanded: str, packages: Packages) -> Verdict:
    expected, evidence = f"at least {demanded}", [packages.evidence]
    key = KEYS.get(packages.manager)
    try:
        if key is None:
            raise InvalidVersion(f"versions of {packages.manager} have no known order")
        enough = key(version) >= key(demanded)
    except InvalidVersion as error:
        kind = UnprovenKind.NOT_UNDERSTOOD
        reason = f"The versions cannot be compared: {visible_line(str(error))}."
        return unproven(subject, kind=kind, reason=reason, expected=expected, evidence=evidence)
    if enough:
        return passed(subject, observed=version, expected=expected, evidence=evidence)
    reason = f"{subject} is older than demanded."
    return failed(subject, reason=reason, observed=version, expected=expected, evidence=evidence)
