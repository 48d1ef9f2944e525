"""The ledger of a contract: a CSV file with a line per piece of work, which people may write by hand as well."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fcntl import LOCK_EX, flock
from os import SEEK_END
from pathlib import Path

from secaudit.config.contract_fields import parse_day
from secaudit.config.csv_rows import csv_header, csv_rows, read_text
from secaudit.config.errors import ConfigError, Problem, suggestion
from secaudit.model.baseline import Location
from secaudit.model.hours import WorkEntry, WorkKind

COLUMNS = ("date", "minutes", "kind", "ticket", "note")
_NEEDED = ("date", "minutes", "kind")

MOST_MINUTES = 60 * 24 * 31
"""What one line may hold."""

MAX_BYTES = 1_000_000
MAX_PROBLEMS = 20
_TOO_LONG = "begin a ledger per contract"


@dataclass(frozen=True, slots=True)
class LedgerLine:
    """A piece of work and where it stands."""

    location: Location
    entry: WorkEntry


def read_ledger(path: Path) -> tuple[WorkEntry, ...]:
    """Read a ledger in file order: columns `date`, `minutes`, `kind`, and if there are any `ticket` and `note`.

    A missing file is an error: nothing in it and nothing known are not the same. Raises ConfigError with at most 20
    problems.
    """
    return tuple(line.entry for line in read_lines(path))


def read_lines(path: Path, missing: str = "`secaudit contract hours add` begins one") -> tuple[LedgerLine, ...]:
    """Read a ledger as `read_ledger` does, with the place of each entry; `missing` is the hint where there is none."""
    return _lines(read_text(path, MAX_BYTES, _TOO_LONG, missing), path)


def begun(path: Path) -> tuple[WorkEntry, ...]:
    """The entries of a ledger; none when it was not begun yet or is empty. Raises ConfigError as `read_ledger` does."""
    return read_ledger(path) if _is_begun(path) else ()


def addition(path: Path, entries: Sequence[WorkEntry]) -> bytes:
    """What has to be written behind a ledger to add entries to it, in its own columns; with the header when it is new.

    Raises ConfigError when what is there is no ledger, lacks a column that an entry needs, or would become too long.
    """
    is_new = not _is_begun(path)
    there = ",".join(COLUMNS) + "\n" if is_new else read_text(path, MAX_BYTES, _TOO_LONG)
    _lines(there, path)
    header = csv_header(there, path, _NEEDED, COLUMNS)
    rows = [_cells(entry) for entry in entries]
    lacking = next((name for name in COLUMNS if name not in header.columns and any(row[name] for row in rows)), None)
    if lacking is not None:
        message = f"there is no column {lacking!r} for what is to be added"
        advice = f"name it in the first line, and add a {header.separator!r} to the others"
        raise ConfigError.at(Location(str(path), 1), message, advice)
    glue = there if is_new else "" if there.endswith(("\n", "\r")) else "\n"
    sign = header.separator
    text = glue + "".join(sign.join(_quoted(row[name], sign) for name in header.columns) + "\n" for row in rows)
    try:
        added = text.encode()
    except UnicodeEncodeError:
        raise ConfigError.at(None, f"{path}: what is to be added is no text in UTF-8") from None
    if (0 if is_new else path.stat().st_size) + len(added) > MAX_BYTES:
        raise ConfigError.at(None, f"{path}: would become longer than {MAX_BYTES} bytes", _TOO_LONG)
    return added


def append_entries(path: Path, entries: Sequence[WorkEntry]) -> None:
    """Add lines at the end of a ledger, all of them or none; the file begins with its header when it is new.

    Raises ConfigError as `addition` does, and when the file cannot be written.
    """
    addition(path, entries)  # what is refused leaves no empty file behind
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab", buffering=0) as file:
            # Somebody else who begins the file at this moment would give it a second header.
            flock(file, LOCK_EX)
            before = file.seek(0, SEEK_END)
            added = addition(path, entries)
            try:
                # A full disk takes a part and then nothing.
                while added:
                    added = added[file.write(added) :]
            except OSError:
                file.truncate(before)
                raise
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


def _is_begun(path: Path) -> bool:
    try:
        return path.exists() and (not path.is_file() or path.stat().st_size > 0)
    except OSError as error:
        raise ConfigError.at(None, f"{path}: cannot be read: {error.strerror}") from None


def _lines(text: str, path: Path) -> tuple[LedgerLine, ...]:
    problems: list[Problem] = []
    lines: list[LedgerLine] = []
    for row in csv_rows(text, path, csv_header(text, path, _NEEDED, COLUMNS)):
        try:
            if row.trouble:
                raise ValueError(row.trouble)
            lines.append(LedgerLine(row.location, _entry(row.cells)))
        except ValueError as error:
            problems.append(Problem(row.location, str(error)))
            if len(problems) == MAX_PROBLEMS:
                break
    if problems:
        raise ConfigError(problems)
    return tuple(lines)


def _entry(cells: Mapping[str, str]) -> WorkEntry:
    text = cells["minutes"].strip()
    minutes = int(text) if text.isascii() and text.isdecimal() and len(text) <= len(str(MOST_MINUTES)) else 0
    if not 1 <= minutes <= MOST_MINUTES:
        advice = f"write a whole number from 1 to {MOST_MINUTES}"
        if re.fullmatch(r"\d{1,3}([.,]\d{1,2}|:[0-5]\d)", text, re.ASCII):
            advice += "; an hour and a half are 90"
        raise ValueError(f"{text!r} are not minutes; {advice}")
    kinds = [kind.value for kind in WorkKind]
    kind = cells["kind"].strip()
    if kind not in kinds:
        raise ValueError(f"there is no kind {kind!r}; {suggestion(kind, kinds)}")
    day, ticket, note = (cells.get(name, "").strip() for name in ("date", "ticket", "note"))
    return WorkEntry(_day(day), minutes, WorkKind(kind), ticket, note)


def _day(text: str) -> date:
    try:
        return parse_day(text)
    except ValueError as error:
        # Spreadsheets show days as their owner likes, and keep them as numbers since 1899-12-30.
        by_hand = re.fullmatch(r"(\d{1,2})\.(\d{1,2})\.(\d{4})", text, re.ASCII)
        if by_hand is None and not re.fullmatch(r"\d{5}", text, re.ASCII):
            raise
        meant = f"write {by_hand[3]}-{by_hand[2]:0>2}-{by_hand[1]:0>2}" if by_hand else "a spreadsheet counts days so"
        told = str(error).partition(";")[0]
        raise ValueError(f"{told}; {meant}: give the column the format YYYY-MM-DD") from None


def _cells(entry: WorkEntry) -> dict[str, str]:
    values = (str(entry.day), str(entry.minutes), entry.kind.value, entry.ticket.strip(), entry.note.strip())
    return dict(zip(COLUMNS, values, strict=True))


def _quoted(cell: str, separator: str) -> str:
    """A cell as RFC 4180 has it."""
    doubled = cell.replace('"', '""')
    return f'"{doubled}"' if any(sign in cell for sign in f'"{separator}\r\n') else cell
