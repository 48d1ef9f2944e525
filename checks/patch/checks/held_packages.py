"""Packages that somebody keeps from being upgraded."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field

from secaudit.api import Expect, Facts, Severity, Verdict, check, failed, passed

from ..facts import HeldPackages
from ..references import PATCH_LEVEL

_RELEASE = {"dpkg": "apt-mark unhold {name}", "rpm": "dnf versionlock delete {name}"}


class Holds(Expect):
    """Which packages may be held."""

    allow: frozenset[str] = Field(default=frozenset(), description="packages that may be held; prefer a waiver")


@check(
    "patch.held-packages",
    title="No package is held back",
    severity=Severity.MEDIUM,
    requires=[HeldPackages],
    expect=Holds,
    remediation="Find out why the package is held, then release it: `apt-mark unhold NAME`.",
    references=PATCH_LEVEL,
)
def held_packages(facts: Facts, expect: Holds) -> Iterator[Verdict]:
    """No package is marked to be left out of upgrades; such a package gets no security update either."""
    held = facts[HeldPackages]
    expected = f"nothing held but {', '.join(sorted(expect.allow))}" if expect.allow else "nothing held"
    found = [one for one in held.packages if one.name.partition(":")[0] not in expect.allow | {""}]
    for one in found:
        yield failed(
            one.name,
            reason=f"{one.name} is held: it gets no update, not even a security update.",
            observed="held",
            expected=expected,
            evidence=[one.evidence],
            remediation=_RELEASE[held.manager].format(name=one.name),
        )
    if not found:
        observed = f"held: {', '.join(one.name for one in held.packages)}" if held.packages else "nothing held"
        yield passed(observed=observed, expected=expected, evidence=[held.evidence])
