"""Probe data of a service, as monitoring tools export it: CSV with `time` and `up`, or JSON with a list of both."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from secaudit.config.csv_rows import csv_header, csv_rows, read_text
from secaudit.config.errors import ConfigError, Problem
from secaudit.model.availability import Probe
from secaudit.model.baseline import Location

MAX_BYTES = 64 * 1024 * 1024
MAX_PROBLEMS = 20
_FIRST_YEAR = 2000
_WORDS = {
    **dict.fromkeys(("1", "true", "up", "ok", "yes"), True),
    **dict.fromkeys(("0", "false", "down", "fail", "failed", "no"), False),
}


def read_probes(path: Path) -> tuple[Probe, ...]:
    """Read probe data in file order. Times are ISO 8601 with their zone, or seconds since 1970.

    CSV has a header that names `time` and `up` (1, true, up, ok, yes or 0, false, down, fail, failed, no); other
    columns are not read. A file called `*.json` holds a list of objects with the same keys. A line that is not
    understood is an error and never a guess. Raises ConfigError with at most 20 problems.
    """
    text = read_text(path, MAX_BYTES, "give each month a file of its own")
    problems: list[Problem] = []
    probes: list[Probe] = []
    for row in _json(text, path) if path.suffix == ".json" else _csv(text, path):
        try:
            if row.trouble:
                raise ValueError(row.trouble)
            probes.append(Probe(_time(row.time), _is_up(row.up)))
        except ValueError as error:
            problems.append(Problem(row.location, str(error)))
            if len(problems) == MAX_PROBLEMS:
                break
    if problems:
        raise ConfigError(problems)
    return tuple(probes)


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the file says about one moment, as it stands there."""

    location: Location
    time: object
    up: object
    trouble: str = ""


def _csv(text: str, path: Path) -> Iterator[_Seen]:
    for row in csv_rows(text, path, csv_header(text, path, ("time", "up"))):
        yield _Seen(row.location, row.cells.get("time"), row.cells.get("up"), row.trouble)


def _json(text: str, path: Path) -> Iterator[_Seen]:
    try:
        found = json.loads(text)
    except json.JSONDecodeError as error:
        raise ConfigError.at(Location(str(path), error.lineno, error.colno), f"not JSON: {error.msg}") from None
    except (ValueError, RecursionError) as error:
        raise ConfigError.at(None, f"{path}: not JSON: {error}") from None
    if not isinstance(found, list):
        raise ConfigError.at(None, f"{path}: expected a list of objects with time and up")
    for number, entry in enumerate(found, 1):
        # JSON has no lines that mean anything; the number of the entry finds it.
        location = Location(str(path), number)
        if isinstance(entry, dict):
            yield _Seen(location, entry.get("time"), entry.get("up"))
        else:
            yield _Seen(location, None, None, "expected an object with time and up")


def _time(value: object) -> datetime:
    moment = _moment(value)
    if moment is None:
        raise ValueError(f"{value!r} is not a time with its zone; write for example 2026-10-31T04:00:00Z")
    if moment.year < _FIRST_YEAR:
        # Spreadsheets count days since 1899: taken for seconds, all of them are one day of 1970.
        raise ValueError(f"{value!r} is in {moment.year}, before there were probes; write 2026-10-31T04:00:00Z")
    return moment


def _moment(value: object) -> datetime | None:
    text = value.strip() if isinstance(value, str) else ""
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(value, UTC)
        if text.isascii() and text.isdecimal():
            return datetime.fromtimestamp(int(text), UTC)
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo is not None else None
    except (ValueError, OverflowError, OSError):
        return None


def _is_up(value: object) -> bool:
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower() if isinstance(value, int | str) else ""
    if word not in _WORDS:
        raise ValueError(f"up is {value!r}; write 1 or 0")
    return _WORDS[word]
