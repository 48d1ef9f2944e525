"""What keeps a host alive when a part of it fails."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from secaudit.api import Evidence


@dataclass(frozen=True, slots=True)
class MdArray:
    """A software RAID array of the md driver, from /proc/mdstat.

    `state` is the driver's word (`active`, `inactive`, `broken`), `level` its kind (`raid1`, empty while inactive).
    `wanted` and `present` count members, None where the level has no redundancy to count. `faulty` names members
    marked `(F)`. `action` is what is going on (`recovery`, `resync`, `reshape`, `check`, …) with its progress, empty
    when nothing is. `container` is metadata that holds arrays and is inactive by nature.
    """

    name: str
    state: str
    level: str
    wanted: int | None
    present: int | None
    faulty: tuple[str, ...]
    action: str
    progress: str
    container: bool
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class MdArrays:
    """All arrays that the md driver knows. `driver` is False when the kernel has none loaded, and so no array."""

    driver: bool
    arrays: tuple[MdArray, ...]
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class TimeSync:
    """What a host's time service says of itself.

    `source` is `chrony` or `systemd`. `upstream` is the server that is followed, `offset` how far the service believes
    the clock to be off (without sign), `updated` when it last heard from its server (aware UTC): systemd tells none.
    """

    source: str
    synchronized: bool
    upstream: str
    offset: timedelta | None
    updated: datetime | None
    evidence: Evidence
