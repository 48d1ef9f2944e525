"""What this family shows of a host in the dashboard: the copies of each dataset along the last weeks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fnmatch import fnmatchcase

from secaudit.api import HostView, Now, Outcome, Unproven, UnprovenKind, panel, show_duration, show_size
from secaudit.model.panel import Panel, PanelLines, PanelTable, Tone, Words

from ..host.facts import HostClock
from .expect import BorgFreshness, FileFreshness, ResticFreshness
from .facts import BackupFolders, BorgRepositories, FolderState, ResticRepositories

DAYS = 30
"""Days of a timeline, the last one today."""

MOST_COPIES = 8
"""Copies of one dataset that are listed, the newest first."""


@dataclass(frozen=True, slots=True)
class _Copy:
    at: datetime
    what: str


@dataclass(frozen=True, slots=True)
class _Dataset:
    """A declared dataset with its copies, or why they are not known."""

    name: str
    max_age: timedelta
    copies: Sequence[_Copy] | Unproven


@panel("Backups", facts=[BackupFolders, ResticRepositories, BorgRepositories, HostClock])
def timelines(view: HostView) -> Panel | None:
    """A line of days for each dataset, and its newest copies."""
    if view.expectations is None:
        return _judged(view)
    datasets = [*_files(view), *_restic(view), *_borg(view)]
    if not datasets:
        return None
    clock = view.facts.get(HostClock)
    now = view.facts[Now].at + (timedelta() if isinstance(clock, Unproven) else clock.skew)
    lead = f"A digit counts the copies of a day (UTC), {DAYS} days up to {now:%Y-%m-%d}; · is a day without one."
    return Panel(lead, tuple(_timeline(one, now) for one in datasets))


def _judged(view: HostView) -> Panel:
    """Without the baselines nobody knows which answer is about which dataset; what was judged is known."""
    tones = {Outcome.PASSED: Tone.GOOD, Outcome.FAILED: Tone.HIGH, Outcome.UNPROVEN: Tone.UNSURE}
    rows = tuple(
        (
            Words(one.outcome.value, tones.get(one.outcome, Tone.DIM)),
            Words(one.control),
            Words(one.subject, Tone.STRONG),
            Words(one.observed or one.reason),
        )
        for one in view.results
        if one.family == "backup"
    )
    lead = "Which datasets the baseline declares is not known here: start with --inventory for their timelines."
    return Panel(lead, (PanelTable("What was judged", ("outcome", "control", "dataset", "observed"), rows),))


def _files(view: HostView) -> Iterator[_Dataset]:
    known = view.facts.get(BackupFolders)
    for expect in view.expected(FileFreshness):
        for name, dataset in expect.datasets.items():
            found = known if isinstance(known, Unproven) else known.folders.get(dataset.listing, _unasked())
            if not isinstance(found, Unproven) and found.state is not FolderState.LISTED:
                found = Unproven(UnprovenKind.MISSING, f"the folder {dataset.folder} is not there, or is none")
            copies = (
                found
                if isinstance(found, Unproven)
                else [_Copy(one.modified, f"{one.name}, {show_size(one.size)}") for one in found.files]
            )
            yield _Dataset(f"{name}: {dataset.path}", dataset.max_age, copies)


def _restic(view: HostView) -> Iterator[_Dataset]:
    known = view.facts.get(ResticRepositories)
    for expect in view.expected(ResticFreshness):
        for name, one in expect.repositories.items():
            found = known if isinstance(known, Unproven) else known.repositories.get(one.listing, _unasked())
            copies = (
                found
                if isinstance(found, Unproven)
                else [
                    _Copy(snapshot.time, f"{snapshot.id[:8]} of {snapshot.host}: {', '.join(sorted(snapshot.paths))}")
                    for snapshot in found.snapshots
                    if one.host in (None, snapshot.host)
                ]
            )
            yield _Dataset(f"{name}: restic {one.repository}", one.max_age, copies)


def _borg(view: HostView) -> Iterator[_Dataset]:
    known = view.facts.get(BorgRepositories)
    for expect in view.expected(BorgFreshness):
        for name, one in expect.repositories.items():
            found = known if isinstance(known, Unproven) else known.repositories.get(one.listing, _unasked())
            copies = (
                found
                if isinstance(found, Unproven)
                else [
                    _Copy(archive.start, archive.name)
                    for archive in found.archives
                    if fnmatchcase(archive.name, one.archives)
                ]
            )
            yield _Dataset(f"{name}: borg {one.repository}", one.max_age, copies)


def _unasked() -> Unproven:
    return Unproven(UnprovenKind.NOT_RECORDED, "the newest scan did not ask for it")


def _timeline(dataset: _Dataset, now: datetime) -> PanelLines:
    if isinstance(dataset.copies, Unproven):
        return PanelLines(dataset.name, ((Words(f"not known: {dataset.copies.reason}", Tone.UNSURE),),))
    newest_first = sorted(dataset.copies, key=lambda copy: copy.at, reverse=True)
    today = now.date()
    counted = Counter((today - copy.at.date()).days for copy in newest_first)
    days = "".join(_day(counted[ago]) for ago in range(DAYS - 1, -1, -1))
    lines = [(Words(days), *_age(newest_first, dataset.max_age, now))]
    lines += [
        (Words(f"  {copy.at:%Y-%m-%d %H:%M}", Tone.DIM), Words(copy.what, Tone.DIM))
        for copy in newest_first[:MOST_COPIES]
    ]
    return PanelLines(dataset.name, tuple(lines), max(0, len(newest_first) - MOST_COPIES))


def _day(count: int) -> str:
    return "·" if not count else str(count) if count < 10 else "+"


def _age(newest_first: Sequence[_Copy], max_age: timedelta, now: datetime) -> tuple[Words, ...]:
    allowed = f"{show_duration(max_age)} allowed"
    if not newest_first:
        return (Words(f"no copy at all ({allowed})", Tone.HIGH),)
    age = now - newest_first[0].at
    if age < timedelta():
        return (Words(f"the newest copy is from the future ({allowed})", Tone.UNSURE),)
    told = f"newest {show_duration(timedelta(minutes=age // timedelta(minutes=1)))} old ({allowed})"
    return (Words(told, Tone.GOOD if age <= max_age else Tone.HIGH),)
