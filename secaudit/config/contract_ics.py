"""Maintenance windows and closed days from iCalendar files (RFC 5545), with recurrences, zones and all-day events."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from secaudit.config.errors import ConfigError, Problem
from secaudit.model.baseline import Location

MAX_BYTES = 4 * 1024 * 1024
MAX_EVENTS = 5_000
MAX_TIMES = 20_000
"""Occurrences of all events of a file together."""
YEARS = 10
"""How far events are followed when the contract has no end."""
_LONGEST = timedelta(days=31)
_FINEST = {"YEARLY", "MONTHLY", "WEEKLY", "DAILY"}
_PARTS = {"FREQ", "UNTIL", "COUNT", "INTERVAL", "BYDAY", "BYMONTHDAY", "BYYEARDAY", "BYWEEKNO", "BYMONTH", "BYSETPOS"}

Window = tuple[datetime, datetime]


def read_windows(path: Path, timezone: str, since: date, until: date | None) -> tuple[Window, ...]:
    """The windows (aware UTC, end exclusive) of the events of a file that lie in a contract.

    Times without a zone are of `timezone`; an all-day event lasts from local midnight to local midnight. A cancelled
    event is none. Raises ConfigError that names the file, the line and the event's UID.
    """
    zone = ZoneInfo(timezone)
    return tuple(sorted({_window(begin, length, zone) for begin, length in _times(path, zone, since, until)}))


def read_closed_days(path: Path, timezone: str, since: date, until: date | None) -> tuple[date, ...]:
    """The days of the all-day events of a file. An event with times of day is an error: is it closed or shorter?"""
    days: set[date] = set()
    for begin, length in _times(path, ZoneInfo(timezone), since, until, all_day=True):
        days.update(begin + timedelta(days=number) for number in range(length.days))
    return tuple(sorted(days))


def _window(begin: date, length: timedelta, zone: ZoneInfo) -> Window:
    """Days end at a local midnight, whatever clocks do; times of day last as long as they last."""
    if isinstance(begin, datetime):
        return _utc(begin, zone), _utc(begin, zone) + length
    return _utc(begin, zone), _utc(begin + length, zone)


def _utc(moment: date, zone: ZoneInfo) -> datetime:
    if not isinstance(moment, datetime):
        moment = datetime.combine(moment, time())
    return (moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)).astimezone(UTC)


def _times(
    path: Path, zone: ZoneInfo, since: date, until: date | None, *, all_day: bool = False
) -> Iterator[tuple[date, timedelta]]:
    """Begin and length of every occurrence that touches the contract."""
    last = until or since.replace(year=since.year + YEARS, day=min(since.day, 28))
    problems: list[Problem] = []
    total = 0
    lines = _Lines(path)
    events = _events(lines)
    moved = {(str(event.get("UID")), _value(event, "RECURRENCE-ID")) for event in events if "RECURRENCE-ID" in event}
    for event in events:
        try:
            if str(event.get("STATUS", "")).upper() == "CANCELLED":
                continue
            begin, length = _first(event)
            if all_day and isinstance(begin, datetime):
                raise ValueError("has times of day; a closed day is an all-day event (DTSTART;VALUE=DATE)")
            for start in _starts(event, begin, zone, last):
                if "RECURRENCE-ID" not in event and (str(event.get("UID")), start) in moved:
                    continue
                total += 1
                if total > MAX_TIMES:
                    raise ValueError(f"brings the file above {MAX_TIMES} occurrences")
                if _day(start + length) >= since and _day(start) <= last:
                    yield start, length
        except (ValueError, OverflowError, TypeError) as error:
            problems.append(lines.problem(event, str(error)))
    if problems:
        raise ConfigError(problems)


def _day(moment: date) -> date:
    return moment.date() if isinstance(moment, datetime) else moment


def _first(event: Any) -> tuple[date, timedelta]:
    """When an event begins first, and how long it lasts."""
    begin = _value(event, "DTSTART")
    if begin is None:
        raise ValueError("has no DTSTART")
    end, duration = _value(event, "DTEND"), _value(event, "DURATION")
    if end is None:
        # RFC 5545 3.6.1: without an end a day lasts the day, and a time no time at all.
        end = begin + (duration or timedelta(days=0 if isinstance(begin, datetime) else 1))
    if isinstance(begin, datetime) != isinstance(end, datetime):
        raise ValueError("begins with a time of day and ends without, or the other way round")
    if isinstance(begin, datetime) and begin.tzinfo is not None and end.tzinfo is not None:
        length = end.astimezone(UTC) - begin.astimezone(UTC)
    else:
        length = end - begin
    if not timedelta() < length <= _LONGEST:
        raise ValueError(f"lasts {length}; more than nothing and {_LONGEST.days} days at most are right")
    return begin, length


def _starts(event: Any, begin: date, zone: ZoneInfo, last: date) -> Iterator[date]:
    """Every begin of an event up to the last day: its rules and dates without its exceptions."""
    rules = event.get("RRULE")
    if isinstance(rules, list) or "EXRULE" in event:
        raise ValueError("has several rules, or an EXRULE; write an event for each")
    excepted = set(_listed(event, "EXDATE"))
    starts = {begin, *_listed(event, "RDATE")}
    if rules is not None:
        starts |= set(_recurring(rules.to_ical().decode(), begin, zone, last))
    yield from sorted(starts - excepted, key=lambda start: _utc(start, zone))


def _recurring(rule: str, begin: date, zone: ZoneInfo, last: date) -> Iterator[date]:
    from dateutil.rrule import rrulestr  # noqa: PLC0415 - slow to import, and needed for recurring events only

    parts = dict(part.partition("=")[::2] for part in rule.upper().split(";"))
    if parts.get("FREQ") not in _FINEST or not parts.keys() <= _PARTS | {"WKST"}:
        raise ValueError(f"has the rule {rule!r}; rules that choose days (FREQ=DAILY or coarser) are understood")
    # Rules are reckoned in local time, which is what people mean, and zones are put back afterwards (RFC 5545 3.3.10).
    is_day = not isinstance(begin, datetime)
    local = datetime.combine(begin, time()) if not isinstance(begin, datetime) else begin.replace(tzinfo=None)
    theirs = begin.tzinfo if isinstance(begin, datetime) else None
    if "UNTIL" in parts:
        parts["UNTIL"] = _local_until(parts["UNTIL"], theirs or zone)
    text = ";".join(f"{name}={value}" for name, value in parts.items())
    for count, start in enumerate(rrulestr(text, dtstart=local)):
        if start.date() > last:
            return
        if count > MAX_TIMES:
            raise ValueError(f"occurs more than {MAX_TIMES} times")
        yield start.date() if is_day else start.replace(tzinfo=theirs)


def _local_until(text: str, zone: Any) -> str:
    if not text.endswith("Z"):
        return text
    moment = datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    return moment.astimezone(zone).strftime("%Y%m%dT%H%M%S")


def _value(event: Any, name: str) -> Any:
    prop = event.get(name)
    if prop is None:
        return None
    if isinstance(prop, list):
        raise ValueError(f"has several {name}")
    value = prop.dt
    # icalendar gives what it cannot place a zone of its own making, which no clock can follow.
    if isinstance(value, datetime) and value.tzinfo is None and prop.params.get("TZID"):
        raise ValueError(f"has a {name} in the unknown zone {prop.params['TZID']}")
    return value


def _listed(event: Any, name: str) -> Iterator[date]:
    props = event.get(name, [])
    for prop in props if isinstance(props, list) else [props]:
        for one in prop.dts:
            value = one.dt
            if isinstance(value, tuple):
                raise ValueError(f"has periods in {name}; write an event for each")
            yield value


class _Lines:
    """The text of a file, and the lines at which its events begin."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with path.open("rb") as file:
                raw = file.read(MAX_BYTES + 1)
        except OSError as error:
            raise ConfigError.at(None, f"{path}: cannot be read: {error.strerror}") from None
        if len(raw) > MAX_BYTES:
            raise ConfigError.at(None, f"{path}: longer than {MAX_BYTES} bytes", "give each year a file of its own")
        try:
            self.text = raw.decode("utf-8-sig")
        except UnicodeDecodeError:
            raise ConfigError.at(None, f"{path}: not UTF-8") from None
        self.begins = [
            number for number, line in enumerate(self.text.splitlines(), 1) if line.strip().upper() == "BEGIN:VEVENT"
        ]
        self.order: dict[int, int] = {}

    def number(self, events: Iterable[Any]) -> None:
        """Tie events, which come in file order, to their lines."""
        self.order = {id(event): line for event, line in zip(events, self.begins, strict=False)}

    def problem(self, event: Any, message: str) -> Problem:
        """What is wrong with an event."""
        uid = str(event.get("UID", "without a UID"))[:100]
        return Problem(Location(str(self.path), self.order.get(id(event), 1)), f"the event {uid} {message}")


def _events(lines: _Lines) -> list[Any]:
    from icalendar import Calendar  # noqa: PLC0415 - slow to import, and needed for such files only

    try:
        calendars = Calendar.from_ical(lines.text, multiple=True)
    except (ValueError, IndexError, KeyError, RecursionError) as error:
        raise ConfigError.at(Location(str(lines.path), 1), f"not an iCalendar file: {error}") from None
    events = [event for calendar in calendars for event in calendar.walk("VEVENT")]
    lines.number(events)
    if not calendars:
        raise ConfigError.at(Location(str(lines.path), 1), "holds no calendar", "begin it with BEGIN:VCALENDAR")
    if len(events) > MAX_EVENTS:
        raise ConfigError.at(None, f"{lines.path}: more than {MAX_EVENTS} events")
    for event in events:
        for name, reason in event.errors:
            raise ConfigError([lines.problem(event, f"has a wrong {name}: {reason}")])
    return events
