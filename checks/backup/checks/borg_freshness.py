"""Archives in borg repositories."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from datetime import datetime
from fnmatch import fnmatchcase

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
)
from secaudit.model.safe_text import visible_line

from ...host.facts import HostClock, host_now
from ..age import NewestCopy, judge
from ..expect import BorgFreshness, BorgRepository
from ..facts import Archive, ArchiveContents, Archives, BorgRepositories
from ..references import BACKUP_FRESHNESS


@check(
    "backup.borg-freshness",
    title="borg archives are fresh",
    severity=Severity.HIGH,
    requires=[BorgRepositories, HostClock, Now],
    expect=BorgFreshness,
    remediation="Look at the log of the borg job, repair it, run it once and see that `borg list` shows the archive.",
    references=BACKUP_FRESHNESS,
)
def borg_freshness(facts: Facts, expect: BorgFreshness) -> Iterator[Verdict]:
    """The newest complete archive of each declared repository is younger than the limit, and holds enough files.

    The start of the archive counts, never a date in its name. Checkpoints of interrupted runs are no archives.
    """
    now = host_now(facts)
    known = facts[BorgRepositories]
    for name, repository in expect.repositories.items():
        found = known.repositories[repository.listing]
        contents = None if repository.contents is None else known.contents[repository.contents]
        if isinstance(found, Unproven):
            yield found.verdict(name)
        else:
            yield _judge(name, repository, found, contents, now)


def _judge(
    name: str, repository: BorgRepository, found: Archives, contents: ArchiveContents | Unproven | None, now: datetime
) -> Verdict:
    also_expected = [] if repository.min_files is None else [f"at least {repository.min_files} files"]
    remediation = f"See what is there: `borg list {shlex.quote(repository.repository)}`; then the log of the job."
    mine = [archive for archive in found.archives if fnmatchcase(archive.name, repository.archives)]
    if not mine:
        return failed(
            name,
            reason=f"There is no backup: the repository holds no archive {repository.archives}.",
            observed=f"{len(found.archives)} other archives" if found.archives else "no archive at all",
            expected=", ".join((f"an archive not older than {show_duration(repository.max_age)}", *also_expected)),
            evidence=[found.evidence],
            remediation=remediation,
        )
    newest = max(mine, key=lambda archive: (archive.start, archive.name))
    files, doubt = _files(newest, contents)
    too_few = repository.min_files is not None and files is not None and files < repository.min_files
    copy = NewestCopy(
        what=visible_line(f"archive {newest.name}") + ("" if files is None else f" with {files} files"),
        stamp=newest.start,
        evidence=newest.evidence,
        faults=(f"The newest archive holds {files} files only.",) if too_few else (),
        caveat="" if contents is not None else "Whether the archive is empty was not looked at (min_files).",
    )
    verdict = judge(name, copy, now, repository.max_age, also_expected, remediation)
    if doubt is not None and verdict.outcome is Outcome.PASSED:
        return doubt.verdict(name, expected=verdict.expected)
    return verdict


def _files(archive: Archive, contents: ArchiveContents | Unproven | None) -> tuple[int | None, Unproven | None]:
    """How many files the archive holds, or why that is not known although it was asked for."""
    if contents is None or isinstance(contents, Unproven):
        return None, contents
    if archive.id not in contents.files:
        reason = f"borg did not tell how many files the newest archive {visible_line(archive.name)} holds."
        return None, Unproven(UnprovenKind.NOT_UNDERSTOOD, reason, (contents.evidence,))
    return contents.files[archive.id], None
