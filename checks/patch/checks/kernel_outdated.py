"""A kernel that was installed and never booted."""

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
    not_applicable,
    passed,
    show_duration,
    unproven,
)

from ...host.facts import HostClock, Kernel, Packages, host_now
from ..facts import KernelUnpacked, LivePatches
from ..kernels import KernelState, kernel_standing, waiting_since
from ..readers.livepatch import patched_instead
from ..references import PATCH_LEVEL


class KernelAge(Expect):
    """How long a newer kernel may wait for its boot."""

    grace: Duration = Field(default=timedelta(), description="time between the installation of a kernel and its boot")
    livepatch_counts: bool = Field(
        default=False, description="a running kernel with the newest live patch does not count as outdated"
    )


@check(
    "patch.kernel-outdated",
    title="The newest installed kernel is running",
    severity=Severity.HIGH,
    requires=[Kernel, Packages, HostClock, Now],
    considers=[KernelUnpacked, LivePatches],
    expect=KernelAge,
    remediation="Reboot into the installed kernel: `systemctl reboot`; then see that `uname -rv` names it.",
    references=PATCH_LEVEL,
)
def kernel_outdated(facts: Facts, expect: KernelAge) -> Iterator[Verdict]:
    """The running kernel is the newest of the installed ones, or the newer one was installed a short while ago.

    With `livepatch_counts` live patches that are the newest ones, or of which nobody tells, stand for the reboot.

    A host without a kernel package (a container, or a machine that is given its kernel from outside) has nothing to
    compare.
    """
    kernel, packages = facts[Kernel], facts[Packages]
    standing = kernel_standing(kernel, packages)
    evidence = [kernel.evidence, packages.evidence]
    if standing.newest is None:
        if standing.state is KernelState.NONE_INSTALLED:
            yield not_applicable(reason="No kernel is installed as a package on this host.", evidence=evidence)
        else:
            yield unproven(kind=UnprovenKind.NOT_UNDERSTOOD, reason=standing.reason, evidence=evidence)
        return
    expected = f"at least {standing.newest.version} ({standing.newest.name})"
    if standing.state is KernelState.CURRENT:
        yield passed(observed=f"{standing.running} ({kernel.release})", expected=expected, evidence=evidence)
        return
    since = waiting_since(facts.get(KernelUnpacked), standing.newest)
    waited = None if since is None else host_now(facts) - since
    observed = f"{standing.running} ({kernel.release})"
    if waited is not None:
        observed += f", the newer one was installed {show_duration(waited)} ago"
    if expect.grace and waited is not None and timedelta() <= waited <= expect.grace:
        yield passed(
            reason=f"The newer kernel may wait {show_duration(expect.grace)} for its boot.",
            observed=observed,
            expected=expected,
            evidence=evidence,
        )
        return
    patched = patched_instead(facts.get(LivePatches)) if expect.livepatch_counts else None
    if patched is not None:
        yield passed(
            reason=f"The running kernel is repaired while it runs: {patched.shown}.",
            observed=observed,
            expected=expected,
            evidence=[*evidence, *patched.evidence],
        )
        return
    yield failed(
        reason="The host runs a kernel with known and already repaired flaws: it was not rebooted after the update.",
        observed=observed,
        expected=expected,
        evidence=evidence,
    )
