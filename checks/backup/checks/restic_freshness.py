"""Snapshots in restic repositories."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from datetime import datetime

from secaudit.api import (
    Facts,
    Now,
    Outcome,
    Severity,
    Unproven,
    UnprovenKind,
    Verdict,
    check,
    failed,
    show_duration,
    show_size,
    unproven,
)
from secaudit.model.safe_text import visible_line

from ...host.facts import CLOCK_TOLERANCE, HostClock, host_now
from ..age import NewestCopy, judge
from ..expect import ResticFreshness, ResticRepository
from ..facts import ResticRepositories, Snapshot, Snapshots
from ..references import BACKUP_FRESHNESS

_NOT_RECORDED = "Before version 0.17 restic does not record sizes: whether the snapshot is empty was not seen."


@check(
    "backup.restic-freshness",
    title="restic snapshots are fresh",
    severity=Severity.HIGH,
    requires=[ResticRepositories, HostClock, Now],
    expect=ResticFreshness,
    remediation="Look at the log of the restic job, repair it, run it once and see that `restic snapshots` shows it.",
    references=BACKUP_FRESHNESS,
)
def restic_freshness(facts: Facts, expect: ResticFreshness) -> Iterator[Verdict]:
    """The newest snapshot of each declared repository, and of each declared path in it, is younger than the limit.

    A path that was missing at backup time is missing in the snapshot, although restic ended with 0: then the newest
    snapshot that holds it counts. When several hosts share the repository and none is named, the host whose newest
    snapshot is the oldest decides.
    """
    now = host_now(facts)
    repositories = facts[ResticRepositories].repositories
    for name, repository in expect.repositories.items():
        found = repositories[repository.listing]
        for path in dict.fromkeys(repository.paths) or (None,):
            subject = name if path is None else f"{name}:{path}"
            if isinstance(found, Unproven):
                yield found.verdict(subject)
            else:
                yield _judge(subject, path, repository, found, now)


def _judge(subject: str, path: str | None, repository: ResticRepository, found: Snapshots, now: datetime) -> Verdict:
    also_expected = [] if repository.min_size is None else [f"at least {show_size(repository.min_size)}"]
    remediation = (
        f"See what is there: `restic -r {shlex.quote(repository.repository)} snapshots`; then the log of the job."
    )
    mine = (
        snapshot
        for snapshot in found.snapshots
        if repository.host in (None, snapshot.host) and (path is None or _covers(snapshot, path))
    )
    newest = _deciding(mine, now)
    if newest is None:
        of_host = f" of {repository.host}" if repository.host else ""
        of_path = f" with {path}" if path else ""
        return failed(
            subject,
            reason=f"There is no backup: the repository holds no snapshot{of_host}{of_path}.",
            observed=f"{len(found.snapshots)} other snapshots" if found.snapshots else "no snapshot at all",
            expected=", ".join((f"a snapshot not older than {show_duration(repository.max_age)}", *also_expected)),
            evidence=[found.evidence],
            remediation=remediation,
        )
    paths = "; ".join(sorted(newest.paths))
    copy = NewestCopy(
        what=visible_line(f"snapshot {newest.id[:8]} of {newest.host} ({paths})"),
        stamp=newest.time,
        evidence=newest.evidence,
        faults=_faults(newest, repository),
        caveat=_NOT_RECORDED if newest.files is None else "",
    )
    verdict = judge(subject, copy, now, repository.max_age, also_expected, remediation)
    if verdict.outcome is Outcome.PASSED and repository.min_size is not None and newest.size is None:
        return unproven(
            subject,
            kind=UnprovenKind.MISSING,
            reason=_NOT_RECORDED,
            expected=verdict.expected,
            evidence=verdict.evidence,
        )
    return verdict


def _deciding(snapshots: Iterable[Snapshot], now: datetime) -> Snapshot | None:
    """The newest snapshot of each host, and of those the worst: one from the future, else the oldest."""
    newest: dict[str, Snapshot] = {}
    for snapshot in snapshots:
        known = newest.get(snapshot.host)
        if known is None or snapshot.time > known.time:
            newest[snapshot.host] = snapshot
    return min(
        newest.values(),
        key=lambda snapshot: (snapshot.time <= now + CLOCK_TOLERANCE, snapshot.time, snapshot.id),
        default=None,
    )


def _covers(snapshot: Snapshot, path: str) -> bool:
    return any(path == part or path.startswith(part.rstrip("/") + "/") for part in snapshot.paths)


def _faults(snapshot: Snapshot, repository: ResticRepository) -> tuple[str, ...]:
    if snapshot.files == 0:
        return ("The newest snapshot is empty: it holds no file.",)
    if repository.min_size is not None and snapshot.size is not None and snapshot.size < repository.min_size:
        return (f"The newest snapshot is too small ({show_size(snapshot.size)}).",)
    return ()
