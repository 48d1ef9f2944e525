"""A reboot that packages asked for and nobody did."""

from __future__ import annotations

import re
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
    not_applicable,
    passed,
    show_duration,
    unproven,
)

from ...host.facts import CLOCK_TOLERANCE, HostClock, Kernel, Packages, host_now
from ..facts import KernelUnpacked, LivePatches, RebootFlag
from ..kernels import KernelStanding, KernelState, kernel_standing, waiting_since
from ..readers.livepatch import patched_instead
from ..references import PATCH_LEVEL

# Packages that set the flag: Debian's and Ubuntu's contents lists. Without them the flag is never there.
_FLAG_SETTERS = frozenset({"unattended-upgrades", "update-notifier-common", "reboot-notifier", "zypper"})
_KERNEL = re.compile(r"(?:linux-(?:image|base|headers|generic)|kernel)(?:[-.+a-z0-9]*)", re.ASCII)


class PendingReboot(Expect):
    """How long a reboot may be pending."""

    max_pending: Duration = Field(default=timedelta(days=7))
    livepatch_counts: bool = Field(
        default=False, description="live patches stand for a reboot that only a new kernel asks for"
    )


@check(
    "patch.reboot-required",
    title="No reboot is pending",
    severity=Severity.MEDIUM,
    requires=[RebootFlag, Kernel, Packages, HostClock, Now],
    considers=[KernelUnpacked, LivePatches],
    expect=PendingReboot,
    remediation="Plan a reboot with the owner of the service, then run `systemctl reboot`.",
    references=PATCH_LEVEL,
)
def reboot_required(facts: Facts, expect: PendingReboot) -> Iterator[Verdict]:
    """No package has asked for a reboot longer ago than the limit.

    The flag /run/reboot-required decides where it is set. A missing flag says something only where a package is
    installed that sets it; elsewhere the running kernel is held against the newest installed one.
    """
    flag = facts[RebootFlag]
    standing = kernel_standing(facts[Kernel], facts[Packages])
    expected = f"no reboot pending for more than {show_duration(expect.max_pending)}"
    for_kernel = flag.since is None or (flag.packages and all(_KERNEL.fullmatch(name) for name in flag.packages))
    waits = flag.since is not None or standing.state is KernelState.OUTDATED
    patched = patched_instead(facts.get(LivePatches)) if expect.livepatch_counts and for_kernel and waits else None
    if patched is not None:
        yield passed(
            reason=f"Only a new kernel asks for a reboot, and the running one is repaired: {patched.shown}.",
            observed=f"live patches: {patched.shown}",
            expected=expected,
            evidence=[flag.evidence, *patched.evidence],
        )
    elif flag.since is not None:
        asked_by = f" (by {'; '.join(flag.packages)})" if flag.packages else ""
        yield _judge(host_now(facts) - flag.since, f"asked for{asked_by}", expect, expected, flag)
    elif standing.state is KernelState.CURRENT:
        yield passed(observed="no flag, and the newest kernel runs", expected=expected, evidence=[flag.evidence])
    elif standing.newest is not None and standing.state is KernelState.OUTDATED:
        yield _kernel_waits(facts, standing, expect, expected)
    elif any(package.name in _FLAG_SETTERS for package in facts[Packages].packages):
        yield passed(observed="no flag", expected=expected, evidence=[flag.evidence])
    elif standing.state is KernelState.NONE_INSTALLED:
        reason = "No kernel is installed as a package, and no package on this host tells when a reboot is needed."
        yield not_applicable(reason=reason, evidence=[flag.evidence])
    else:
        reason = f"No package on this host tells when a reboot is needed, and {standing.reason}."
        yield unproven(kind=UnprovenKind.MISSING, reason=reason, expected=expected, evidence=[flag.evidence])


def _kernel_waits(facts: Facts, standing: KernelStanding, expect: PendingReboot, expected: str) -> Verdict:
    flag, newest = facts[RebootFlag], standing.newest
    since = waiting_since(facts.get(KernelUnpacked), newest) if newest else None
    if newest is None or since is None:
        reason = "A newer kernel is installed than the one that runs, and since when is not known."
        return unproven(kind=UnprovenKind.MISSING, reason=reason, expected=expected, evidence=[flag.evidence])
    return _judge(host_now(facts) - since, f"needed to run {newest.name}", expect, expected, flag)


def _judge(pending: timedelta, why: str, expect: PendingReboot, expected: str, flag: RebootFlag) -> Verdict:
    if pending < -CLOCK_TOLERANCE:
        reason = f"A reboot is pending since a time {show_duration(-pending)} in the future."
        return unproven(kind=UnprovenKind.NOT_UNDERSTOOD, reason=reason, expected=expected, evidence=[flag.evidence])
    observed = f"{why}, {show_duration(pending)} ago"
    if pending <= expect.max_pending:
        return passed(observed=observed, expected=expected, evidence=[flag.evidence])
    return failed(
        reason="Installed updates do not take effect before the host is rebooted.",
        observed=observed,
        expected=expected,
        evidence=[flag.evidence],
    )
