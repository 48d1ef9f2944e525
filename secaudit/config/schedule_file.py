"""The format of a schedule file: what each key takes."""

from __future__ import annotations

import zoneinfo
from datetime import UTC, datetime
from typing import Annotated

from cronsim import CronSim, CronSimError
from pydantic import AfterValidator, Field

from secaudit.config.errors import closest
from secaudit.config.inventory_file import Id, Text, Texts
from secaudit.config.validation import FileModel
from secaudit.model.severity import Severity

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
    """One schedule."""

    schedule: Id
    cron: Annotated[str, AfterValidator(_parse_cron)]
    timezone: Annotated[str, AfterValidator(_parse_timezone)]
    inventory: Text
    customers: Texts = Field(default_factory=list)
    sites: Texts = Field(default_factory=list)
    tags: Texts = Field(default_factory=list)
    baselines: Texts = Field(default_factory=list)
    only: Texts = Field(default_factory=list)
    fail_on: Annotated[Severity, Field(strict=False)] | None = None
