"""Packages that somebody keeps from being upgraded."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from pydantic import Field

from secaudit.api import Expect, Facts, Severity, Verdict, check, failed, passed
from secaudit.model.safe_text import visible_line

from ..facts import HeldPackage, HeldPackages
from ..references import PATCH_LEVEL

_RELEASE = {
    "dpkg": "apt-mark unhold {name}",
    "rpm": "dnf versionlock delete {name}",
    "zypper": "zypper removelock {name}",
    "apk": "apk add {name}",
    "pacman": "remove {name} from IgnorePkg and IgnoreGroup in /etc/pacman.conf",
}


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
    unique: dict[str, HeldPackage] = {}
    for one in found:
        unique.setdefault(one.name, one)
    for one in unique.values():
        yield failed(
            visible_line(one.name),
            reason=f"{visible_line(one.name)} is held: it gets no update, not even a security update.",
            observed="held",
            expected=expected,
            evidence=[one.evidence],
            remediation=_RELEASE[held.manager].format(name=shlex.quote(one.name)),
        )
    if not found:
        observed = f"held: {', '.join(one.name for one in held.packages)}" if held.packages else "nothing held"
        yield passed(observed=observed, expected=expected, evidence=[held.evidence])
