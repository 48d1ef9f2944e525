"""Rows of CSV files that people and other tools write: columns by name, and the line of every row."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from secaudit.config.errors import ConfigError, closest
from secaudit.model.baseline import Location


@dataclass(frozen=True, slots=True)
class Header:
    """The columns that a file names, and what stands between them."""

    columns: tuple[str, ...]
    separator: str = ","


@dataclass(frozen=True, slots=True)
class Row:
    """One row: where it begins, its cells by column, and what is wrong with their number (empty: nothing)."""

    location: Location
    cells: Mapping[str, str]
    trouble: str = ""


def read_text(path: Path, longest: int, hint: str = "", missing: str = "") -> str:
    """A file of at most `longest` bytes as text, without its byte order mark.

    `hint` says what to do about a file that is longer, `missing` about one that is not there. Raises ConfigError.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(longest + 1)
    except OSError as error:
        advice = missing if isinstance(error, FileNotFoundError) else ""
        raise ConfigError.at(None, f"{path}: cannot be read: {error.strerror}", advice) from None
    if len(raw) > longest:
        raise ConfigError.at(None, f"{path}: longer than {longest} bytes", hint)
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        location = Location(str(path), raw.count(b"\n", 0, error.start) + 1)
        message = f"byte 0x{raw[error.start]:02x} is not UTF-8"
        raise ConfigError.at(location, message, "save the file with the encoding UTF-8") from None


def csv_header(text: str, path: Path, needed: Sequence[str], known: Sequence[str] = ()) -> Header:
    """The columns that the first line names: those that are needed once each, and no others than `known` if given.

    Commas stand between them, or semicolons or tabs, as spreadsheets write them where commas stand in numbers.
    Raises ConfigError.
    """
    location = Location(str(path), 1)
    first = re.split("[\r\n]", text, maxsplit=1)[0]
    separator = next((sign for sign in ";\t" if first.count(sign) >= len(needed) - 1 > first.count(",")), ",")
    try:
        cells = next(csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=separator), [])
    except csv.Error as error:
        raise ConfigError.at(location, f"not CSV: {error}") from None
    columns = tuple(name.strip() for name in cells)
    unknown = next((name for name in columns if name not in known), None) if known else None
    if unknown is not None:
        raise ConfigError.at(location, f"unknown column {unknown!r}", closest(unknown, known))
    once = known or needed
    if not all(columns.count(name) == 1 for name in needed) or any(columns.count(name) > 1 for name in once):
        raise ConfigError.at(location, f"the first line must name the columns {', '.join(needed)}, each once")
    return Header(columns, separator)


def csv_rows(text: str, path: Path, header: Header) -> Iterator[Row]:
    """The rows after the header (RFC 4180: quotes, and lines within them); empty lines are none.

    Raises ConfigError at the line in which the file stops being CSV.
    """
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=header.separator)
    begin = 1
    try:
        for cells in reader:
            location, is_header = Location(str(path), begin), begin == 1
            begin = reader.line_num + 1
            if is_header or not cells:
                continue
            trouble = ""
            if len(cells) != len(header.columns):
                trouble = f"expected {len(header.columns)} columns, found {len(cells)}"
            yield Row(location, dict(zip(header.columns, cells, strict=False)), trouble)
    except csv.Error as error:
        raise ConfigError.at(Location(str(path), begin), f"not CSV: {error}") from None
