"""Packages that must not be there."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field

from secaudit.api import Expect, Facts, Severity, Verdict, check, failed, passed

from ...host.facts import Packages
from ..references import END_OF_LIFE

_REMOVE = {
    "dpkg": "apt-get purge {name}",
    "rpm": "dnf remove {name}",
    "apk": "apk del {name}",
    "pacman": "pacman -Rs {name}",
}


class Forbidden(Expect):
    """Names of binary packages."""

    packages: frozenset[str] = Field(min_length=1, description="binary packages that must not be installed")


@check(
    "patch.forbidden-packages",
    title="No forbidden package is installed",
    severity=Severity.MEDIUM,
    requires=[Packages],
    expect=Forbidden,
    remediation="Remove the package: `apt-get purge NAME`, `dnf remove NAME` or `apk del NAME`.",
    references=END_OF_LIFE,
)
def forbidden_packages(facts: Facts, expect: Forbidden) -> Iterator[Verdict]:
    """None of the named packages is installed."""
    packages = facts[Packages]
    found = {package.name: package for package in packages.packages if package.name in expect.packages}
    expected = f"none of {', '.join(sorted(expect.packages))}"
    for name, package in sorted(found.items()):
        yield failed(
            name,
            reason=f"The package {name} must not be installed.",
            observed=f"{name} {package.version}",
            expected=expected,
            evidence=[packages.evidence],
            remediation=_REMOVE[packages.manager].format(name=name),
        )
    if not found:
        yield passed(observed="none", expected=expected, evidence=[packages.evidence])
