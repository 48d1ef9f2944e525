"""Package lists that nobody has renewed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

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

from ...host.facts import CLOCK_TOLERANCE, HostClock, host_now
from ..facts import PackageLists
from ..references import PATCH_LEVEL


class ListAge(Expect):
    """How old the package lists may be."""

    max_age: Duration = Field(default=timedelta(hours=48), gt=timedelta())


@check(
    "patch.lists-stale",
    title="Package lists are up to date",
    severity=Severity.MEDIUM,
    requires=[PackageLists, HostClock, Now],
    expect=ListAge,
    remediation=(
        "Renew the lists with `apt-get update` (or `dnf makecache`), look at its errors, and let it run daily: "
        "`systemctl enable --now apt-daily.timer` (or `dnf-makecache.timer`)."
    ),
    references=PATCH_LEVEL,
)
def lists_stale(facts: Facts, expect: ListAge) -> Iterator[Verdict]:
    """The youngest package list is younger than the limit, and every archive was reached within it."""
    lists, now = facts[PackageLists], host_now(facts)
    expected = f"not older than {show_duration(expect.max_age)}"
    age = now - lists.youngest
    if age < -CLOCK_TOLERANCE:
        yield unproven(
            kind=UnprovenKind.NOT_UNDERSTOOD,
            reason=f"The youngest package list bears a time {show_duration(-age)} in the future.",
            expected=expected,
            evidence=[lists.evidence],
        )
        return
    late = sorted(
        (archive for archive in lists.archives if now - archive.confirmed > expect.max_age),
        key=lambda archive: archive.confirmed,
    )
    if age > expect.max_age:
        yield failed(
            reason="The host has not renewed its package lists and does not know of later updates.",
            observed=f"youngest list {show_duration(age)} old",
            expected=expected,
            evidence=[lists.evidence],
        )
    elif late:
        yield failed(
            reason=f"{len(late)} of {len(lists.archives)} archives were not reached: their updates are not known.",
            observed=", ".join(
                f"{visible_line(archive.name)} ({show_duration(now - archive.confirmed)})" for archive in late
            ),
            expected=expected,
            evidence=[archive.evidence for archive in late],
        )
    else:
        yield passed(observed=f"youngest list {show_duration(age)} old", expected=expected, evidence=[lists.evidence])
