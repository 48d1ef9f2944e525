"""What the baselines may expect of a host in general."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import Field, field_validator

from secaudit.api import Duration, Expect

Percent = Annotated[int, Field(ge=1, le=99)]
"""A share that can be exceeded: at 100 nothing ever could."""


class ClockSkew(Expect):
    """How far the host's clock may be off."""

    max: Duration

    @field_validator("max")
    @classmethod
    def _sensible(cls, value: timedelta) -> timedelta:
        if not timedelta() < value <= timedelta(hours=1):
            raise ValueError("max is more than 0s and 1h at most, for example 2s")
        return value


class MountLimits(Expect):
    """Limits of one mount point; what is not given comes from the limits for all."""

    used: Percent | None = None
    inodes: Percent | None = None


class FilesystemUsage(Expect):
    """How full file systems may be, in percent of what ordinary users can use."""

    used: Percent = 90
    inodes: Percent = 90
    mounts: dict[str, MountLimits] = Field(default_factory=dict)
    """Limits of their own for mount points, by path."""
    ignore: tuple[str, ...] = ()
    """Mount points that are not judged: a path, or a pattern in which `*` stands for anything (`/mnt/*`)."""

    @field_validator("ignore")
    @classmethod
    def _leaves_something(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for pattern in value:
            if not pattern.startswith("/"):
                raise ValueError(f"{pattern!r} is no mount point; write for example /mnt/iso or /mnt/*")
            if not pattern.strip("/*?"):
                raise ValueError(f"{pattern!r} would leave no file system to judge")
        return value

    @field_validator("mounts")
    @classmethod
    def _paths(cls, value: dict[str, MountLimits]) -> dict[str, MountLimits]:
        for target in value:
            if not target.startswith("/"):
                raise ValueError(f"{target!r} is no mount point; write for example /srv")
        return value
