"""The format of a waiver file: what each key takes."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta
from typing import Annotated

from pydantic import BeforeValidator, ConfigDict, Field, RootModel, WithJsonSchema

from secaudit.config.contract_fields import DAY, parse_day
from secaudit.config.fields import Id, Maybe, Text, Texts
from secaudit.config.validation import FileModel

_TIME = rf"{DAY}[T ][0-9]{{2}}:[0-9]{{2}}(?::[0-9]{{2}}(?:\.[0-9]{{1,6}})?)?(?:Z|[+-][0-9]{{2}}:[0-9]{{2}})"
_HINT = "write a day such as 2027-01-31, or a time with its zone such as 2027-01-31T18:00+01:00"


def parse_begin(value: object) -> datetime:
    """A day (its begin in UTC) or an aware ISO time as aware UTC. Raises ValueError."""
    return _parse(value, timedelta())


def parse_end(value: object) -> datetime:
    """A day (its end in UTC) or an aware ISO time as aware UTC. Raises ValueError."""
    return _parse(value, timedelta(days=1))


def _parse(value: object, of_day: timedelta) -> datetime:
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is not a time; {_HINT}")
    if len(value) == len("2027-01-31"):
        return datetime.combine(parse_day(value), time(), UTC) + of_day
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        moment = None
    if moment is not None and moment.tzinfo is None:
        raise ValueError(f"{value!r} has no time zone; {_HINT}")
    if moment is not None:
        parse_day(str(moment.date()))
    if moment is None or not re.fullmatch(_TIME, value):
        raise ValueError(f"{value!r} is not a time; {_HINT}")
    return moment.astimezone(UTC)


_SCHEMA = WithJsonSchema({"type": "string", "pattern": f"^(?:{DAY}|{_TIME})$"})

Begin = Annotated[datetime, BeforeValidator(parse_begin), _SCHEMA]
End = Annotated[datetime, BeforeValidator(parse_end), _SCHEMA]


class WaiverFile(FileModel):
    """An accepted deviation."""

    control: Text
    """The control, or a glob of controls."""
    host: Text = "*"
    """The host, or a glob of hosts."""
    tag: Maybe[Id] = None
    """Only hosts with this tag."""
    subject: str = "*"
    """The subject (a port, a package …), or a glob of subjects."""
    owner: Text
    """Who answers for it."""
    approver: Maybe[Text] = None
    """Who agreed to it."""
    reason: Text
    """Why it is accepted."""
    compensation: Maybe[Text] = None
    """What protects instead."""
    start: Maybe[Begin] = None
    """The day or time from which it is in force."""
    expires: End
    """Its last day, or the time at which it ends."""
    while_passed: Texts = Field(default_factory=list)
    """Controls that must pass on the same host; as long as one does not, the waiver is void."""
    customer: Maybe[Id] = None
    """The customer; the one that the file is called after unless given."""


class WaiversFile(RootModel[list[WaiverFile]]):
    """The waivers of a customer; the file is called after the customer's id."""

    model_config = ConfigDict(frozen=True, strict=True)
