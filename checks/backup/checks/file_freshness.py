"""Backup files in declared folders."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from datetime import datetime, timedelta

from secaudit.api import (
    Facts,
    Now,
    Severity,
    Unproven,
    Verdict,
    check,
    failed,
    show_duration,
    show_size,
)
from secaudit.model.safe_text import visible_line

from ...host.facts import HostClock, host_now
from ..age import NewestCopy, judge
from ..expect import Dataset, FileFreshness
from ..facts import BackupFile, BackupFolders, FolderListing, FolderState
from ..references import BACKUP_FRESHNESS

# What programs call a file until it is whole: rsync, browsers and transfer programs, dump scripts.
_UNFINISHED = (".part", ".partial", ".filepart", ".tmp", ".temp", ".incomplete", ".inprogress")
_WRITING = timedelta(minutes=15)
"""A file that is too small and was changed within this time is taken to be growing."""


@check(
    "backup.file-freshness",
    title="Backup files are fresh and whole",
    severity=Severity.HIGH,
    requires=[BackupFolders, HostClock, Now],
    expect=FileFreshness,
    remediation="Look at the log of the backup job, repair it, run it once and see that a new, complete file appears.",
    references=BACKUP_FRESHNESS,
)
def file_freshness(facts: Facts, expect: FileFreshness) -> Iterator[Verdict]:
    """The newest complete file of each declared dataset is younger than its limit and not smaller than its minimum.

    No file, no folder, and a file from the future are failures. Files that are still being written are passed over:
    those with a name that says so, and those that are too small and were changed a few minutes ago.
    """
    now = host_now(facts)
    folders = facts[BackupFolders].folders
    for name, dataset in expect.datasets.items():
        found = folders[dataset.listing]
        if isinstance(found, Unproven):
            yield found.verdict(name)
        else:
            yield _judge(name, dataset, found, now)


def _judge(name: str, dataset: Dataset, found: FolderListing, now: datetime) -> Verdict:
    newest_first = sorted(found.files, key=lambda file: (file.modified, file.name), reverse=True)
    newest = next((file for file in newest_first if not _is_unfinished(file, dataset, now)), None)
    remediation = (
        f"See what is there: `ls -la --time-style=full-iso {shlex.quote(dataset.folder)}`; then the job's log."
    )
    also_expected = [f"at least {show_size(dataset.min_size)}"]
    if newest is None:
        return failed(
            name,
            reason=_nothing(found),
            observed=f"no complete file {dataset.path}",
            expected=", ".join((f"a file not older than {show_duration(dataset.max_age)}", *also_expected)),
            evidence=[found.evidence],
            remediation=remediation,
        )
    passed_over = newest_first.index(newest)
    size = show_size(newest.size)
    copy = NewestCopy(
        what=f"{visible_line(newest.name)}, {size}",
        stamp=newest.modified,
        evidence=newest.evidence,
        faults=() if newest.size >= dataset.min_size else (f"The newest backup is too small ({size}).",),
        note=f"{passed_over} newer but unfinished files were passed over." if passed_over else "",
    )
    return judge(name, copy, now, dataset.max_age, also_expected, remediation)


def _is_unfinished(file: BackupFile, dataset: Dataset, now: datetime) -> bool:
    named_so = any(file.name.endswith(end) and not dataset.pattern.endswith(end) for end in _UNFINISHED)
    hidden = file.name.startswith(".") and not dataset.pattern.startswith(".")
    growing = file.size < dataset.min_size and abs(now - file.modified) < _WRITING
    return named_so or hidden or growing


def _nothing(found: FolderListing) -> str:
    if found.state is FolderState.MISSING:
        return "There is no backup: the folder does not exist."
    if found.state is FolderState.NO_FOLDER:
        return "There is no backup: the declared folder is something else."
    return "There is no complete backup." if found.files else "There is no backup: no file in the folder matches."
