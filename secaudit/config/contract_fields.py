"""Types of values that stand in contracts and waivers: days, times of the day, spans, amounts."""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from secaudit.config.errors import closest
from secaudit.model.contract import ClockKind, Opening, Target, Unit

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

# The patterns stand in schemas as well, where a digit is written as [0-9]: what \d means depends on the language.
DAY = r"(?:19[7-9][0-9]|2[01][0-9]{2})-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
_SPAN = re.compile(r"([0-9]{1,5})(m|h|d|w)")
_PROMISE = re.compile(r"(?!0+[a-z])([0-9]{1,4})(m|h|bd|d)")
_CLOCK = r"(?:(?:[01][0-9]|2[0-3]):[0-5][0-9]|24:00)"
_OPENING = f"{_CLOCK} *- *{_CLOCK}"
_WEEKDAYS = "|".join(f"{day}(?:-(?:{'|'.join(WEEKDAYS[at:])}))?" for at, day in enumerate(WEEKDAYS))
_AMOUNT = re.compile(r"[0-9]{1,9}(\.[0-9]{1,2})?")
_HOURS = re.compile(r"[0-9]{1,6}(\.[0-9]{1,4})?")
_BALANCE = re.compile(r"([0-9]{1,6}):([0-5][0-9])")
_MOST_HOURS = 999_999
_MOST_MONEY = 999_999_999
_MINUTES = {"m": 1, "h": 60, "d": 1440, "w": 10080}
_YEARS = range(1970, 2200)


def parse_day(value: object) -> date:
    """`2026-12-24` as a date, from 1970 to 2199, so that days before and after it are days too. Raises ValueError."""
    if isinstance(value, date):
        return value
    try:
        day = date.fromisoformat(value) if isinstance(value, str) and len(value) == len("2026-12-24") else None
    except ValueError:
        day = None
    if day is None or value != str(day):
        raise ValueError(f"{value!r} is not a day; write for example 2026-12-24")
    if not _YEARS[0] <= day.year <= _YEARS[-1]:
        raise ValueError(f"{value} is not between {_YEARS[0]} and {_YEARS[-1]}; leave out what has no end")
    return day


def parse_span(value: object) -> timedelta:
    """`30m`, `4h`, `90d`, `2w` as a timedelta. Raises ValueError."""
    if isinstance(value, timedelta):
        return value
    found = _SPAN.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f"{value!r} is not a length of time; write for example 30m, 4h, 90d or 2w")
    return timedelta(minutes=int(found[1]) * _MINUTES[found[2]])


def some_time(span: timedelta) -> timedelta:
    """Refuse a length of time that is none. Raises ValueError."""
    if not span:
        raise ValueError("a length of time of more than nothing is needed; write for example 5m")
    return span


def parse_promise(text: str) -> str:
    """Refuse what is not a promised time such as `4h` or `5bd`; return it as it is."""
    if not _PROMISE.fullmatch(text):
        raise ValueError(f"{text!r} is not a promised time; write for example 30m, 4h, 30d or 5bd (business days)")
    return text


def split_promise(text: str) -> tuple[int, Unit]:
    """Amount and unit of a promised time that was parsed."""
    found = _PROMISE.fullmatch(text)
    assert found is not None
    return int(found[1]), Unit(found[2])


def parse_clock(text: object) -> int:
    """`08:30` as minutes after midnight; `24:00` is the end of the day. Raises ValueError."""
    if not (isinstance(text, str) and re.fullmatch(_CLOCK, text)):
        raise ValueError(f"{text!r} is not a time of the day; write for example 08:00")
    return int(text[:2]) * 60 + int(text[3:])


def parse_opening(value: object) -> Opening:
    """`08:00-17:00` as an opening. Raises ValueError."""
    if isinstance(value, Opening):
        return value
    begin, dash, end = value.partition("-") if isinstance(value, str) else ("", "", "")
    if not dash:
        raise ValueError(f'{value!r} is not a part of a day; write for example "08:00-17:00"')
    opening = Opening(parse_clock(begin.rstrip(" ")), parse_clock(end.lstrip(" ")))
    if opening.start >= opening.end:
        raise ValueError(f"{value!r} ends before it begins; give the part after midnight to the next day")
    return opening


def in_order(openings: Sequence[Opening]) -> Sequence[Opening]:
    """Refuse openings of one day that overlap or stand in the wrong order."""
    if any(before.end > after.start for before, after in pairwise(openings)):
        raise ValueError("the parts of a day overlap or are not in order")
    return openings


def parse_weekdays(text: str) -> str:
    """Refuse what is not `mon`, `mon-fri` and the like; return it as it is."""
    weekdays_of(text)
    return text


def weekdays_of(text: str) -> range:
    """`mon-thu` as weekday numbers, Monday is 0. Raises ValueError."""
    begin, dash, end = text.partition("-")
    if begin not in WEEKDAYS or (end if dash else begin) not in WEEKDAYS:
        raise ValueError(f"{text!r} is not a weekday; write mon, tue, … or a range such as mon-fri")
    first, last = WEEKDAYS.index(begin), WEEKDAYS.index(end or begin)
    if first > last:
        raise ValueError(f"{text!r} goes backwards; the week begins on Monday")
    return range(first, last + 1)


def parse_timezone(name: str) -> str:
    """Refuse what is not an IANA time zone; return it as it is."""
    try:
        zoneinfo.ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        hint = closest(name, zoneinfo.available_timezones()) or "write for example Europe/Vienna"
        raise ValueError(f"there is no time zone {name!r}; {hint}") from None
    return name


def parse_amount(value: object) -> Decimal:
    """Money: `"120.00"` in quotes, or a whole number. Raises ValueError."""
    if isinstance(value, Decimal):
        return value
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if isinstance(text, float):
        raise ValueError(f'{text!r} lost its exact form; put money in quotes, for example "120.00"')
    if not isinstance(text, str) or not _AMOUNT.fullmatch(text):
        raise ValueError(f'{value!r} is not an amount of money; write for example "120.00"')
    return Decimal(text)


def parse_hours(value: object) -> int:
    """Hours as minutes: `10`, `7.5`, `"0.25"`. Raises ValueError for what is not a whole number of minutes."""
    if isinstance(value, str):
        is_fine = bool(_HOURS.fullmatch(value))
    else:
        is_fine = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= _MOST_HOURS
    if not is_fine:
        raise ValueError(f"{value!r} are not hours; write for example 10 or 7.5")
    minutes = Decimal(str(value)) * 60
    if minutes != minutes.to_integral_value():
        raise ValueError(f"{value} hours are not a whole number of minutes")
    return int(minutes)


def parse_balance(value: object) -> int:
    """A balance of hours as minutes: as `parse_hours`, or `"16:20"` as statements have it. Raises ValueError."""
    if isinstance(value, str) and (found := _BALANCE.fullmatch(value)):
        return int(found[1]) * 60 + int(found[2])
    return parse_hours(value)


def some_hours(minutes: int) -> int:
    """Refuse no hours at all. Raises ValueError."""
    if not minutes:
        raise ValueError("more than no hours are needed; write for example 0.25")
    return minutes


def decimal_of(value: float) -> Decimal:
    """The number as it was written: `99.9` is 99.9 and not its nearest binary fraction."""
    return Decimal(repr(value))


def target_of(text: str, clock: str | None) -> Target:
    """A promised time on a clock (None: the usual one of its unit). Raises ValueError where both do not fit."""
    amount, unit = split_promise(text)
    fitting = {
        Unit.MINUTES: (ClockKind.REAL, ClockKind.BUSINESS),
        Unit.HOURS: (ClockKind.REAL, ClockKind.BUSINESS),
        Unit.DAYS: (ClockKind.CALENDAR, ClockKind.REAL),
        Unit.BUSINESS_DAYS: (ClockKind.BUSINESS,),
    }[unit]
    if clock is not None and clock not in fitting:
        hint = f"write {amount}bd" if unit is Unit.DAYS else f"use {' or '.join(kind.value for kind in fitting)}"
        raise ValueError(f"{text} does not run on the {clock} clock; {hint}")
    return Target(amount, unit, ClockKind(clock) if clock is not None else fitting[0])


def _text(pattern: str) -> dict[str, object]:
    return {"type": "string", "pattern": f"^(?:{pattern})$"}


def _hours(*, some: bool) -> WithJsonSchema:
    number: dict[str, object] = {"type": "number", "exclusiveMinimum" if some else "minimum": 0, "maximum": _MOST_HOURS}
    text = _text(rf"(?![0.]+$){_HOURS.pattern}" if some else _HOURS.pattern)
    return WithJsonSchema({"anyOf": [number, text]})


Day = Annotated[date, BeforeValidator(parse_day), WithJsonSchema(_text(DAY))]
Span = Annotated[timedelta, BeforeValidator(parse_span), WithJsonSchema(_text(_SPAN.pattern))]
SomeTime = Annotated[
    timedelta,
    BeforeValidator(parse_span),
    AfterValidator(some_time),
    WithJsonSchema(_text(f"(?!0+[a-z]){_SPAN.pattern}")),
]
"""A length of time of more than nothing."""
Promise = Annotated[str, AfterValidator(parse_promise), WithJsonSchema(_text(_PROMISE.pattern))]
Minute = Annotated[int, BeforeValidator(parse_clock), WithJsonSchema(_text(_CLOCK))]
"""A time of the day in the file, minutes after midnight in the model."""
OpeningText = Annotated[Opening, BeforeValidator(parse_opening), WithJsonSchema(_text(_OPENING))]
Openings = Annotated[list[OpeningText], AfterValidator(in_order)]
OpenDay = Annotated[Openings, Field(json_schema_extra={"minItems": 1})]
"""Openings of a day that is open; that there are some is for whoever knows the day to say."""
Weekdays = Annotated[str, AfterValidator(parse_weekdays), WithJsonSchema(_text(_WEEKDAYS))]
Timezone = Annotated[str, AfterValidator(parse_timezone)]
Money = Annotated[
    Decimal,
    BeforeValidator(parse_amount),
    WithJsonSchema({"anyOf": [_text(_AMOUNT.pattern), {"type": "integer", "minimum": 0, "maximum": _MOST_MONEY}]}),
]
Hours = Annotated[int, BeforeValidator(parse_hours), _hours(some=False)]
"""Hours in the file, minutes in the model."""
Balance = Annotated[
    int,
    BeforeValidator(parse_balance),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "minimum": 0, "maximum": _MOST_HOURS},
                _text(_HOURS.pattern),
                _text(_BALANCE.pattern),
            ]
        }
    ),
]
"""Hours, or hours and minutes; minutes in the model."""
SomeHours = Annotated[int, BeforeValidator(parse_hours), AfterValidator(some_hours), _hours(some=True)]
"""More than no hours."""
Percent = Annotated[float, Field(ge=0, le=100)]
