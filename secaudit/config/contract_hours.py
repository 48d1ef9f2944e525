"""The ledger of a contract: a CSV file with a line per piece of work, which people may write by hand as well."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from secaudit.config.contract_fields import parse_day
from secaudit.config.errors import ConfigError, Problem, closest, suggestion
from secaudit.model.baseline import Location
from secaudit.model.hours import WorkEntry, WorkKind

COLUMNS = ("date", "minutes", "kind", "ticket", "note")
_NEEDED = ("date", "minutes", "kind")
_LONGEST = 1_000_000
_MOST_MINUTES = 60 * 24 * 31


def read_ledger(path: Path) -> tuple[WorkEntry, ...]:
    """Read a ledger in file order: columns `date`, `minutes`, `kind`, and if there are any `ticket` and `note`.

    A missing file is an error: nothing in it and nothing known are not the same. Raises ConfigError with every problem.
    """
    problems: list[Problem] = []
    entries: list[WorkEntry] = []
    for line, cells in _rows(path, problems):
        location = Location(str(path), line)
        try:
            entries.append(_entry(cells))
        except ValueError as error:
            problems.append(Problem(location, str(error)))
    if problems:
        raise ConfigError(problems)
    return tuple(entries)


def append_entries(path: Path, entries: Sequence[WorkEntry]) -> None:
    """Add lines at the end of a ledger, in one write; the file begins with its header when it is new.

    Raises ConfigError when the file that is there is no ledger, or cannot be written.
    """
    try:
        is_new = not path.exists()
        if not is_new:
            read_ledger(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        if is_new:
            writer.writerow(COLUMNS)
        elif not path.read_bytes().endswith(b"\n"):
            text.write("\n")
        for entry in entries:
            writer.writerow((entry.day, entry.minutes, entry.kind.value, entry.ticket, entry.note))
        with path.open("a", encoding="utf-8", newline="") as file:
            file.write(text.getvalue())
    except OSError as error:
        raise ConfigError.at(None, f"{path}: cannot be written: {error.strerror}") from None


def missing_from(there: Iterable[WorkEntry], others: Iterable[WorkEntry]) -> tuple[WorkEntry, ...]:
    """Those of `others` that are not there yet; a line that is there once accounts for one of them only."""
    counted = Counter(there)
    missing: list[WorkEntry] = []
    for entry in others:
        if counted[entry]:
            counted[entry] -= 1
        else:
            missing.append(entry)
    return tuple(missing)


def _rows(path: Path, problems: list[Problem]) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        raw = path.read_bytes()
    except OSError as error:
        hint = "`secaudit contract hours add` begins one" if isinstance(error, FileNotFoundError) else ""
        raise ConfigError.at(None, f"{path}: cannot be read: {error.strerror}", hint) from None
    if len(raw) > _LONGEST:
        raise ConfigError.at(None, f"{path}: longer than {_LONGEST} bytes", "begin a ledger per contract")
    try:
        reader = csv.reader(io.StringIO(raw.decode("utf-8-sig"), newline=""), strict=True)
        header = next(reader, [])
        _refuse_header(header, Location(str(path), 1))
        for cells in reader:
            if len(cells) == len(header):
                yield reader.line_num, dict(zip(header, cells, strict=True))
            elif cells:
                message = f"expected {len(header)} columns, found {len(cells)}"
                problems.append(Problem(Location(str(path), reader.line_num), message))
    except UnicodeDecodeError:
        raise ConfigError.at(None, f"{path}: not UTF-8") from None
    except csv.Error as error:
        raise ConfigError.at(None, f"{path}: not CSV: {error}") from None


def _refuse_header(header: Sequence[str], location: Location) -> None:
    unknown = next((name for name in header if name not in COLUMNS), None)
    if unknown is not None:
        raise ConfigError.at(location, f"unknown column {unknown!r}", closest(unknown, COLUMNS))
    missing = [name for name in _NEEDED if name not in header]
    if missing or len(set(header)) < len(header):
        raise ConfigError.at(location, f"the first line must name the columns {', '.join(_NEEDED)}, each once")


def _entry(cells: dict[str, str]) -> WorkEntry:
    minutes = cells["minutes"].strip()
    if not (minutes.isascii() and minutes.isdecimal()) or not 1 <= int(minutes[:9]) <= _MOST_MINUTES:
        raise ValueError(f"{minutes!r} are not minutes; write a whole number of at least 1")
    kinds = [kind.value for kind in WorkKind]
    kind = cells["kind"].strip()
    if kind not in kinds:
        raise ValueError(f"there is no kind {kind!r}; {suggestion(kind, kinds)}")
    return WorkEntry(
        parse_day(cells["date"].strip()),
        int(minutes),
        WorkKind(kind),
        cells.get("ticket", "").strip(),
        cells.get("note", "").strip(),
    )
