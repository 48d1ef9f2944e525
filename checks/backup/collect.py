"""Requests of this family and how their answers become facts. What is asked follows from what baselines declare."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from secaudit.api import Answer, Answers, Command, Expect, Request, attempt, collector

from .borg import read_archives, read_contents
from .expect import BorgFreshness, BorgRepository, Dataset, FileFreshness, ResticFreshness, ResticRepository
from .facts import BackupFolders, BorgRepositories, ResticRepositories
from .listing import read_listing
from .restic import read_snapshots

T = TypeVar("T")


def _datasets(wanted: Sequence[Expect]) -> list[Dataset]:
    return [dataset for expect in wanted if isinstance(expect, FileFreshness) for dataset in expect.datasets.values()]


def _restic(wanted: Sequence[Expect]) -> list[ResticRepository]:
    return [one for expect in wanted if isinstance(expect, ResticFreshness) for one in expect.repositories.values()]


def _borg(wanted: Sequence[Expect]) -> list[BorgRepository]:
    return [one for expect in wanted if isinstance(expect, BorgFreshness) for one in expect.repositories.values()]


def _listings(wanted: Sequence[Expect]) -> Iterable[Request]:
    return (dataset.listing for dataset in _datasets(wanted))


def _restic_listings(wanted: Sequence[Expect]) -> Iterable[Command]:
    return (repository.listing for repository in _restic(wanted))


def _borg_requests(wanted: Sequence[Expect]) -> Iterable[Request]:
    for repository in _borg(wanted):
        yield repository.listing
        if repository.contents is not None:
            yield repository.contents


@collector(BackupFolders, _listings)
def backup_folders(answers: Answers) -> BackupFolders:
    """Every declared folder; one that cannot be read leaves the others alone."""
    return BackupFolders(
        {dataset.listing: attempt(read_listing, answers, dataset) for dataset in _datasets(answers.wanted)}
    )


@collector(ResticRepositories, _restic_listings)
def restic_repositories(answers: Answers) -> ResticRepositories:
    """Every declared restic repository; one that cannot be read leaves the others alone."""
    return ResticRepositories(
        {listing: attempt(_ended, read_snapshots, answers, listing) for listing in _restic_listings(answers.wanted)}
    )


@collector(BorgRepositories, _borg_requests)
def borg_repositories(answers: Answers) -> BorgRepositories:
    """Every declared borg repository; one that cannot be read leaves the others alone."""
    repositories = _borg(answers.wanted)
    listings = [one.listing for one in repositories]
    contents = [one.contents for one in repositories if one.contents is not None]
    return BorgRepositories(
        {listing: attempt(_ended, read_archives, answers, listing) for listing in listings},
        {content: attempt(_ended, read_contents, answers, content) for content in contents},
    )


def _ended(read: Callable[[Answer], T], answers: Answers, command: Command) -> T:
    """What the output of a command that ended well says. Raises `Unproven`."""
    return read(answers.ended(command))
