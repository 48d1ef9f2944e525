"""The format of a schedule file: what each key takes."""

from __future__ import annotations

import zoneinfo
from datetime import UTC, datetime
from typing import Annotated

from cronsim import CronSim, CronSimError
from pydantic import AfterValidator, Field

from secaudit.config.errors import closest
from secaudit.config.fields import Id, Maybe, SeverityWord, Text, Texts
from secaudit.config.validation import FileModel

_FIELDS = 5
_ANY_MOMENT = datetime(2026, 1, 1, tzinfo=UTC)


def _parse_cron(text: str) -> str:
    if len(text.split()) != _FIELDS:
        raise ValueError(f"{text!r} has not five fields: minute, hour, day of month, month, day of week")
    try:
        next(CronSim(text, _ANY_MOMENT))
    except CronSimError as error:
        raise ValueError(f"{text!r} is not a cron expression: {str(error).lower()}") from None
    except StopIteration:
        raise ValueError(f"{text!r} never comes due") from None
    return text


def _parse_timezone(name: str) -> str:
    try:
        zoneinfo.ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        hint = closest(name, zoneinfo.available_timezones()) or "write for example Europe/Vienna"
        raise ValueError(f"there is no time zone {name!r}; {hint}") from None
    return name


class ScheduleFile(FileModel):
    """A recurring scan."""

    schedule: Id
    """The name; unique among the schedules of a directory."""
    cron: Annotated[str, AfterValidator(_parse_cron)]
    """Minute, hour, day of month, month, day of week."""
    timezone: Annotated[str, AfterValidator(_parse_timezone)]
    """The IANA time zone that `cron` is read in, for example Europe/Vienna."""
    inventory: Text
    """An inventory file or a directory of them, relative to this file."""
    customers: Texts = Field(default_factory=list)
    """Only these customers."""
    sites: Texts = Field(default_factory=list)
    """Only these sites."""
    tags: Texts = Field(default_factory=list)
    """Only hosts with one of these tags."""
    baselines: Texts = Field(default_factory=list)
    """Baselines in place of the hosts' own: names, or paths relative to this file."""
    only: Texts = Field(default_factory=list)
    """Only controls whose id or check matches one of these globs."""
    fail_on: Maybe[SeverityWord] = None
    """The run counts as failed when a control of this severity or above failed."""
