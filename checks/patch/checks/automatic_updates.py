"""Security updates that install themselves."""

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
    Unproven,
    UnprovenKind,
    Verdict,
    check,
    failed,
    passed,
    show_duration,
    unproven,
)

from ...host.facts import CLOCK_TOLERANCE, HostClock, host_now
from ..facts import AutomaticUpdates, LastAutomaticRun
from ..references import PATCH_LEVEL


class SelfUpdating(Expect):
    """How long ago the last run may be."""

    max_age: Duration = Field(default=timedelta(days=2), gt=timedelta())


@check(
    "patch.automatic-updates",
    title="Security updates are installed automatically",
    severity=Severity.MEDIUM,
    requires=[AutomaticUpdates, HostClock, Now],
    considers=[LastAutomaticRun],
    expect=SelfUpdating,
    remediation="`apt-get install unattended-upgrades && dpkg-reconfigure -plow unattended-upgrades`, or "
    "`dnf install dnf-automatic && systemctl enable --now dnf-automatic-install.timer`.",
    references=PATCH_LEVEL,
)
def automatic_updates(facts: Facts, expect: SelfUpdating) -> Iterator[Verdict]:
    """Automatic updates are configured, their timer is active, and they ran within the limit."""
    state = facts[AutomaticUpdates]
    expected = f"switched on, last run at most {show_duration(expect.max_age)} ago"
    if state.missing:
        yield failed(
            reason=f"Security updates wait for somebody to install them: {', '.join(state.missing)}.",
            observed=", ".join(state.missing),
            expected=expected,
            evidence=state.evidence,
        )
        return
    run = facts.get(LastAutomaticRun)
    if isinstance(run, Unproven):
        reason = f"Automatic updates are switched on; when they ran is not known: {run.reason}"
        yield unproven(kind=run.kind, reason=reason, expected=expected, evidence=(*state.evidence, *run.evidence))
        return
    age = host_now(facts) - run.at
    if age < -CLOCK_TOLERANCE:
        reason = f"The last run bears a time {show_duration(-age)} in the future: its age is not known."
        yield unproven(kind=UnprovenKind.NOT_UNDERSTOOD, reason=reason, expected=expected, evidence=[run.evidence])
    elif age > expect.max_age:
        yield failed(
            reason="Automatic updates are switched on and do not run.",
            observed=f"last run {show_duration(age)} ago",
            expected=expected,
            evidence=[*state.evidence, run.evidence],
        )
    else:
        observed = f"switched on, last run {show_duration(age)} ago"
        yield passed(observed=observed, expected=expected, evidence=[*state.evidence, run.evidence])
