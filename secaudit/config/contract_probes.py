"""Probe data of a service, as monitoring tools export it: CSV with `time` and `up`, or JSON with a list of both."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from secaudit.config.errors import ConfigError, Problem
from secaudit.model.availability import Probe
from secaudit.model.baseline import Location

MAX_BYTES = 64 * 1024 * 1024
MAX_PROBLEMS = 20
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
    raw = _read(path)
    problems: list[Problem] = []
    probes: list[Probe] = []
    rows = _json(raw, path) if path.suffix == ".json" else _csv(raw, path)
    for line, when, up in rows:
        try:
            probes.append(Probe(_time(when), _is_up(up)))
        except ValueError as error:
            problems.append(Problem(Location(str(path), line), str(error)))
            if len(problems) == MAX_PROBLEMS:
                break
    if problems:
        raise ConfigError(problems)
    return tuple(probes)


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError.at(None, f"{path}: cannot be read: {error.strerror}") from None
    if len(raw) > MAX_BYTES:
        raise ConfigError.at(None, f"{path}: longer than {MAX_BYTES} bytes", "give each month a file of its own")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigError.at(None, f"{path}: not UTF-8") from None


def _csv(text: str, path: Path) -> Iterator[tuple[int, object, object]]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = next(reader, [])
        if not {"time", "up"} <= set(header):
            raise ConfigError.at(Location(str(path), 1), "the first line must name the columns time and up")
        when, up = header.index("time"), header.index("up")
        for cells in reader:
            if cells:
                padded = [*cells, *[""] * (len(header) - len(cells))]
                yield reader.line_num, padded[when], padded[up]
    except csv.Error as error:
        raise ConfigError.at(None, f"{path}: not CSV: {error}") from None


def _json(text: str, path: Path) -> Iterator[tuple[int, object, object]]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigError.at(None, f"{path}: not JSON: {error}") from None
    if not isinstance(found, list):
        raise ConfigError.at(None, f"{path}: expected a list of objects with time and up")
    for number, entry in enumerate(found, 1):
        cells = entry if isinstance(entry, dict) else {}
        # JSON has no lines that mean anything; the number of the entry finds it.
        yield number, cells.get("time"), cells.get("up")


def _time(value: object) -> datetime:
    try:
        if isinstance(value, str) and value.strip().isdecimal():
            return datetime.fromtimestamp(int(value), UTC)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(value, UTC)
        moment = datetime.fromisoformat(value.strip()) if isinstance(value, str) else None
    except (ValueError, OverflowError, OSError):
        moment = None
    if moment is None or moment.tzinfo is None:
        raise ValueError(f"{value!r} is not a time with its zone; write for example 2026-10-31T04:00:00Z")
    return moment.astimezone(UTC)


def _is_up(value: object) -> bool:
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower() if isinstance(value, int | str) else ""
    if word not in _WORDS:
        raise ValueError(f"up is {value!r}; write 1 or 0")
    return _WORDS[word]
