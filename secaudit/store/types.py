"""Column types that keep our records exactly, on SQLite and PostgreSQL alike.

The texts and times of a hundred thousand rows are read when the dashboard opens, so what turns stored values back is
given to the database layer as one function (`result_processor`), without a call for the dialect and one for the type.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import DateTime, Dialect, SmallInteger, Text
from sqlalchemy.types import TypeDecorator

from secaudit.model.outcome import Outcome
from secaudit.model.severity import Severity

_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_ESCAPED = "\x1bjson:"
_WORST_FIRST = tuple(reversed(Severity))
_BY_DISTANCE = dict(enumerate(_WORST_FIRST))
_OUTCOMES = {outcome.value: outcome for outcome in Outcome}


class Moment(TypeDecorator[datetime]):
    """An aware UTC time with microseconds. SQLite knows no time zones, so there it is kept without one."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse a naive time: nobody could say later when that was."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value} has no time zone")
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], datetime | None]:  # noqa: ARG002 - theirs
        """Give the time its zone back."""
        return _moment_of_text if dialect.name == "sqlite" else _in_utc


def _moment_of_text(value: str | None) -> datetime | None:
    # Reading the zone with the rest takes a tenth of the time of setting it afterwards.
    return None if value is None else datetime.fromisoformat(f"{value}+00:00")


def _in_utc(value: datetime | None) -> datetime | None:
    return None if value is None else value.astimezone(UTC)


class AnyText(TypeDecorator[str]):
    """Text from hosts, whatever it holds.

    PostgreSQL refuses U+0000 and neither database takes a lone surrogate: such text is kept as escaped JSON.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - theirs
        """Escape what cannot be stored, and what would be mistaken for escaped."""
        if value is None or not (_UNSTORABLE.search(value) or value.startswith(_ESCAPED)):
            return value
        return _ESCAPED + json.dumps(value)

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], str | None]:  # noqa: ARG002 - theirs
        """Undo the escape."""
        return _unescaped


def _unescaped(value: str | None) -> str | None:
    if value is None or not value.startswith(_ESCAPED):
        return value
    return str(json.loads(value.removeprefix(_ESCAPED)))


class Json(TypeDecorator[Any]):
    """A small JSON document as ASCII text; the database never looks inside."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str:  # noqa: ARG002 - theirs
        """Write canonically, so that equal documents are equal bytes."""
        return json.dumps(value, sort_keys=True, separators=(",", ":"))

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:  # noqa: ARG002 - theirs
        """Read it back."""
        return json.loads(value or "null")


class Rank(TypeDecorator[Severity]):
    """A severity as its distance from the worst (critical is 0), so that an ascending index lists the worst first."""

    impl = SmallInteger
    cache_ok = True

    def process_bind_param(self, value: Severity | None, dialect: Dialect) -> int | None:  # noqa: ARG002 - theirs
        """Severity to distance."""
        return None if value is None else _WORST_FIRST.index(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> Severity | None:  # noqa: ARG002 - theirs
        """Distance to severity. Raises KeyError for a number that nobody wrote."""
        return None if value is None else _BY_DISTANCE[value]


class Ended(TypeDecorator[Outcome]):
    """An outcome by its name."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Outcome | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - theirs
        """Outcome to name."""
        return None if value is None else value.value

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Outcome | None]:  # noqa: ARG002 - theirs
        """Name to outcome."""
        return _OUTCOMES.get
