"""What the baselines may expect of a host's resilience."""

from __future__ import annotations

from datetime import timedelta

from pydantic import field_validator

from secaudit.api import Duration, Expect


class Arrays(Expect):
    """Software RAID: every array that is there must be whole."""

    arrays: tuple[str, ...] = ()
    """Arrays that must be there, by their kernel name (`md0`)."""

    @field_validator("arrays")
    @classmethod
    def _names(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            if not name.startswith("md") or "/" in name or " " in name:
                raise ValueError(f"{name!r} is no array as /proc/mdstat names it; write for example md0")
        return tuple(dict.fromkeys(value))


class ServiceHealth(Expect):
    """No systemd service may have failed."""

    ignore: tuple[str, ...] = ()
    """Units that may: a unit name, or a pattern in which `*` stands for anything (`user@*.service`)."""

    @field_validator("ignore")
    @classmethod
    def _leaves_something(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for pattern in value:
            if not pattern.endswith(".service"):
                raise ValueError(f"{pattern!r} is no service unit; write for example user@*.service")
            if not pattern.removesuffix(".service").strip("*?"):
                raise ValueError(f"{pattern!r} would leave no service to judge")
        return value


class ClockSource(Expect):
    """The clock must follow a time server."""

    max_age: Duration = timedelta(days=1)
    """How long the time service may not have heard from its server, where it tells."""
    max_offset: Duration | None = None
    """How far the time service may believe the clock to be off; where it does not tell, the control is unproven."""

    @field_validator("max_age")
    @classmethod
    def _sensible_age(cls, value: timedelta) -> timedelta:
        if not timedelta() < value <= timedelta(days=7):
            raise ValueError("max_age is more than 0s and 7d at most, for example 1d")
        return value

    @field_validator("max_offset")
    @classmethod
    def _sensible_offset(cls, value: timedelta | None) -> timedelta | None:
        if value is not None and not timedelta() < value <= timedelta(hours=1):
            raise ValueError("max_offset is more than 0s and 1h at most, for example 1s")
        return value
