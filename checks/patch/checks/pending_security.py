"""Security updates that the host knows of and has not installed."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import TypeVar

from pydantic import Field

from secaudit.api import (
    Advisory,
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
from secaudit.model.safe_text import visible_line

from ...host.facts import CLOCK_TOLERANCE, HostClock, Packages, host_now
from ..facts import PackageLists, PendingUpdate, PendingUpdates
from ..references import PATCH_LEVEL

T = TypeVar("T")

_UPGRADE = {
    "dpkg": "apt-get update && apt-get install --only-upgrade {packages}",
    "rpm": "dnf upgrade --security {packages}",
    "zypper": "zypper patch --category security",
}


class SecurityUpdates(Expect):
    """How many packages may lack a security update, which ones do not count, and how old the lists may be."""

    max: int = Field(default=0, ge=0, le=999, description="source packages that may be pending")
    allow: frozenset[str] = Field(default=frozenset(), description="source or binary packages that do not count")
    lists_max_age: Duration = Field(default=timedelta(hours=48), gt=timedelta())


@check(
    "patch.pending-security",
    title="Security updates are installed",
    severity=Severity.HIGH,
    requires=[PendingUpdates, Packages, HostClock, Now],
    considers=[PackageLists],
    expect=SecurityUpdates,
    remediation="Install the pending updates: `apt-get update && apt-get dist-upgrade`, or `dnf upgrade --security`.",
    references=PATCH_LEVEL,
)
def pending_security(facts: Facts, expect: SecurityUpdates) -> Iterator[Verdict]:
    """Every security update that the host's package lists offer is installed, and the lists are young enough to tell.

    A finding is a source package with all its binary packages. What is pending is a failure however old the lists
    are; that nothing else is pending is proven by young lists only.
    """
    pending = facts[PendingUpdates]
    expected = f"at most {expect.max} packages with a pending security update"
    sources = _Sources(facts[Packages], expect.allow)
    groups = sources.group((update.package, update) for update in pending.updates if update.security)
    kept = sources.group((one.package, one) for one in pending.kept_back)
    over = len(groups) > expect.max
    if over:
        for source, updates in groups.items():
            yield _missing(source, updates, pending.manager, expected)
            kept.pop(source, None)
    for source, unclear in kept.items():
        yield unproven(
            source,
            kind=UnprovenKind.NOT_UNDERSTOOD,
            reason=f"{visible_line(unclear[0].why)}, and whether it is a security update is not shown.",
            expected=expected,
            evidence=[one.evidence for one in unclear],
        )
    doubt = _doubt(facts, expect.lists_max_age)
    if doubt is not None:
        yield doubt.verdict(expected=expected)
    elif not over and not kept:
        yield passed(
            observed=f"{len(groups)} pending: {', '.join(groups)}" if groups else "none pending",
            expected=expected,
            evidence=[pending.evidence],
        )


class _Sources:
    """The source package of each binary package, and which of both do not count."""

    def __init__(self, packages: Packages, allowed: frozenset[str]) -> None:
        self._sources = {package.name: package.source for package in packages.packages}
        self._allowed = allowed

    def group(self, found: Iterable[tuple[str, T]]) -> dict[str, list[T]]:
        """Sort what was found for binary packages (`name` or `name:architecture`) by source, without the allowed."""
        groups: dict[str, list[T]] = {}
        for package, value in found:
            name = package.partition(":")[0] if package.partition(":")[0] in self._sources else package
            source = self._sources.get(name) or name
            if not {name, source} & self._allowed:
                groups.setdefault(source, []).append(value)
        return groups


def _missing(source: str, updates: list[PendingUpdate], manager: str, expected: str) -> Verdict:
    packages = dict.fromkeys(update.package for update in updates)
    shown = dict.fromkeys(f"{update.package} {update.installed or '?'} → {update.fixed}" for update in updates)
    origins = dict.fromkeys(origin for update in updates for origin in update.origins)
    return failed(
        source,
        reason=f"A security update of {source} is available and not installed.",
        observed=f"{', '.join(shown)} ({visible_line(', '.join(origins))})",
        expected=expected,
        evidence=[update.evidence for update in updates],
        remediation=_UPGRADE[manager].format(packages=" ".join(shlex.quote(package) for package in packages)),
        advisories=_advisories(source, updates, manager),
    )


def _advisories(source: str, updates: list[PendingUpdate], manager: str) -> list[Advisory]:
    """Those that dnf and zypper name, at the beginning of the origin; apt names archives there."""
    if manager not in ("rpm", "zypper"):
        return []
    named = {origin.split(" ", 1)[0]: update.fixed for update in updates for origin in update.origins}
    return [Advisory(visible_line(id_), (), source, visible_line(fixed)) for id_, fixed in named.items()]


def _doubt(facts: Facts, limit: timedelta) -> Unproven | None:
    """Why the lists do not prove that nothing else is pending."""
    lists = facts.get(PackageLists)
    if isinstance(lists, Unproven):
        return Unproven(lists.kind, f"The age of the package lists is not known: {lists.reason}", lists.evidence)
    now = host_now(facts)
    stamps = [(lists.youngest, lists.evidence)]
    stamps += [(archive.confirmed, archive.evidence) for archive in lists.archives if archive.security]
    oldest, evidence = min(stamps, key=lambda stamp: stamp[0])
    age = now - oldest
    if age < -CLOCK_TOLERANCE:
        reason = f"The package lists bear a time {show_duration(-age)} in the future: their age is not known."
        return Unproven(UnprovenKind.NOT_UNDERSTOOD, reason, (evidence,))
    if age <= limit:
        return None
    old = f"{show_duration(age)} old ({show_duration(limit)} allowed)"
    return Unproven(UnprovenKind.STALE, f"The package lists are {old}: newer updates are not in them.", (evidence,))
