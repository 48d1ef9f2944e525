"""Requests of this family and how their answers become facts. What is asked follows from what baselines declare."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from secaudit.api import Answers, Command, Expect, Request, Unproven, collector

from .borg import read_archives, read_contents
from .expect import BorgFreshness, BorgRepository, Dataset, FileFreshness, ResticFreshness, ResticRepository
from .facts import (
    ArchiveContents,
    Archives,
    BackupFolders,
    BorgRepositories,
    FolderListing,
    ResticRepositories,
    Snapshots,
)
from .listing import read_listing
from .restic import read_snapshots


def _datasets(wanted: Sequence[Expect]) -> list[Dataset]:
    return [dataset for expect in wanted if isinstance(expect, FileFreshness) for dataset in expect.datasets.values()]


def _restic(wanted: Sequence[Expect]) -> list[ResticRepository]:
    return [one for expect in wanted if isinstance(expect, ResticFreshness) for one in expect.repositories.values()]


def _borg(wanted: Sequence[Expect]) -> list[BorgRepository]:
    return [one for expect in wanted if isinstance(expect, BorgFreshness) for one in expect.repositories.values()]


def _listings(wanted: Sequence[Expect]) -> Iterable[Request]:
    return (dataset.listing for dataset in _datasets(wanted))


def _restic_listings(wanted: Sequence[Expect]) -> Iterable[Request]:
    return (repository.listing for repository in _restic(wanted))


def _borg_requests(wanted: Sequence[Expect]) -> Iterable[Request]:
    for repository in _borg(wanted):
        yield repository.listing
        if repository.contents is not None:
            yield repository.contents


@collector(BackupFolders, _listings)
def backup_folders(answers: Answers) -> BackupFolders:
    """Every declared folder; one that cannot be read leaves the others alone."""
    folders: dict[Command, FolderListing | Unproven] = {}
    for dataset in _datasets(answers.wanted):
        try:
            folders[dataset.listing] = read_listing(answers, dataset)
        except Unproven as reason:
            folders[dataset.listing] = reason
    return BackupFolders(folders)


@collector(ResticRepositories, _restic_listings)
def restic_repositories(answers: Answers) -> ResticRepositories:
    """Every declared restic repository; one that cannot be read leaves the others alone."""
    repositories: dict[Command, Snapshots | Unproven] = {}
    for repository in _restic(answers.wanted):
        try:
            repositories[repository.listing] = read_snapshots(answers.ended(repository.listing))
        except Unproven as reason:
            repositories[repository.listing] = reason
    return ResticRepositories(repositories)


@collector(BorgRepositories, _borg_requests)
def borg_repositories(answers: Answers) -> BorgRepositories:
    """Every declared borg repository; one that cannot be read leaves the others alone."""
    repositories: dict[Command, Archives | Unproven] = {}
    contents: dict[Command, ArchiveContents | Unproven] = {}
    for repository in _borg(answers.wanted):
        try:
            repositories[repository.listing] = read_archives(answers.ended(repository.listing))
        except Unproven as reason:
            repositories[repository.listing] = reason
        if repository.contents is None:
            continue
        try:
            contents[repository.contents] = read_contents(answers.ended(repository.contents))
        except Unproven as reason:
            contents[repository.contents] = reason
    return BorgRepositories(repositories, contents)
