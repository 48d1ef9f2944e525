"""Facts about backup copies: what was found at each declared place, or why nothing is known about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto

from secaudit.api import Command, Evidence, Unproven


@dataclass(frozen=True, slots=True)
class BackupFile:
    """A file in a backup folder; `modified` by the clock of the host (aware UTC), `size` in bytes.

    The name is the host's own and may hold anything but NUL and `/`; bytes that are not UTF-8 are U+FFFD.
    """

    name: str
    modified: datetime
    size: int
    evidence: Evidence


class FolderState(Enum):
    """What the declared folder turned out to be."""

    LISTED = auto()
    MISSING = auto()
    NO_FOLDER = auto()


@dataclass(frozen=True, slots=True)
class FolderListing:
    """The matching files of a folder that was read to its end; none unless the state is LISTED."""

    state: FolderState
    files: tuple[BackupFile, ...]
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A restic snapshot; `time` is aware UTC. `files` and `size` (bytes) are None before restic 0.17."""

    id: str
    time: datetime
    host: str
    paths: frozenset[str]
    files: int | None
    size: int | None
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Snapshots:
    """Every snapshot of a restic repository."""

    snapshots: tuple[Snapshot, ...]
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Archive:
    """A complete borg archive; `start` is aware UTC. A date inside the name means nothing."""

    id: str
    name: str
    start: datetime
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Archives:
    """The archives of a borg repository, without the checkpoints of interrupted runs."""

    archives: tuple[Archive, ...]
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class ArchiveContents:
    """How many files the latest borg archives hold, by archive id."""

    files: Mapping[str, int]
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class BackupFolders:
    """Declared folders by the command that lists them."""

    folders: Mapping[Command, FolderListing | Unproven]


@dataclass(frozen=True, slots=True)
class ResticRepositories:
    """Declared restic repositories by the command that lists their snapshots."""

    repositories: Mapping[Command, Snapshots | Unproven]


@dataclass(frozen=True, slots=True)
class BorgRepositories:
    """Declared borg repositories by the command that lists their archives, and contents by the command for those."""

    repositories: Mapping[Command, Archives | Unproven]
    contents: Mapping[Command, ArchiveContents | Unproven]
