"""Times, days, months, durations and sizes as the types of options."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import click

from secaudit.model.hours import Month


class Moment(click.ParamType[datetime]):
    """An ISO 8601 time with a zone, as aware UTC."""

    name = "time"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Read the time, or fail with an example."""
        try:
            moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r} is not a time; write for example 2026-10-31T04:00:00Z", param, ctx)
        if moment.tzinfo is None:
            self.fail(f"{value!r} has no time zone; write for example 2026-10-31T04:00:00Z", param, ctx)
        return moment.astimezone(UTC)


class Length(click.ParamType[timedelta]):
    """A duration such as `10m`."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """Read the duration, or fail with an example."""
        from secaudit.api import parse_duration

        try:
            return parse_duration(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Bytes(click.ParamType[int]):
    """A size such as `64M`, at least one byte."""

    name = "size"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read the size, or fail with an example."""
        from secaudit.api import parse_size

        try:
            size = parse_size(int(value) if isinstance(value, str) and value.isdecimal() else value)
        except ValueError as error:
            self.fail(str(error), param, ctx)
        if size == 0:
            self.fail("nothing may be read then; write for example 64M", param, ctx)
        return size


class Day(click.ParamType[date]):
    """A day such as `2026-10-31`."""

    name = "day"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """Read the day, or fail with an example."""
        try:
            return _within_reason(value if isinstance(value, date) else date.fromisoformat(str(value)))
        except ValueError:
            self.fail(f"{value!r} is not a day; write for example 2026-10-31", param, ctx)


class MonthOf(click.ParamType[Month]):
    """A month such as `2026-10`, or `last`: the one before the present one, where this machine is."""

    name = "month"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Month:
        """Read the month, or fail with an example."""
        if value == "last":
            return Month.of(datetime.now(UTC).astimezone().date()).previous
        try:
            return value if isinstance(value, Month) else Month.of(_within_reason(date.fromisoformat(f"{value}-01")))
        except ValueError:
            self.fail(f"{value!r} is not a month; write for example 2026-10, or last", param, ctx)


def _within_reason(day: date) -> date:
    """Refuse days that have none before or after them; nobody means them."""
    if not 1970 <= day.year < 2200:
        raise ValueError(f"{day} is far away")
    return day
