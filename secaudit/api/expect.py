"""Expectations: the part of a control that the baseline's author writes, validated by the check's own model."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer, WithJsonSchema

_UNITS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400, "w": 604800}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(min|[smhdw])", re.ASCII)
_SIZES = {"": 1, "B": 1, "K": 1024, "M": 1024**2, "G": 1024**3, "T": 1024**4}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?", re.ASCII)


def parse_duration(value: object) -> timedelta:
    """Read `30s`, `15m`, `26h`, `2d`, `1w` (or a timedelta). Raises ValueError with an example otherwise."""
    if isinstance(value, timedelta):
        return value
    found = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f"{value!r} is not a duration; write for example 30m, 26h or 2d")
    try:
        return timedelta(seconds=float(found[1]) * _UNITS[found[2]])
    except OverflowError:
        raise ValueError(f"{value!r} is longer than any duration can be") from None


def show_duration(value: timedelta) -> str:
    """A duration for people, two units at most: `2d 3h`, `45m`, `12s`."""
    rest = round(abs(value.total_seconds()))
    parts: list[str] = []
    for unit, seconds in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, rest = divmod(rest, seconds)
        if count:
            parts.append(f"{count}{unit}")
    return ("-" if value < timedelta() else "") + (" ".join(parts[:2]) or "0s")


def parse_size(value: object) -> int:
    """Read bytes: `4096`, `10K`, `5 MiB`, `1.5G` (units of 1024). Raises ValueError with an example otherwise."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    found = _SIZE.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f"{value!r} is not a size; write for example 4096, 10M or 1.5G")
    return round(float(found[1]) * _SIZES[found[2]])


def show_size(value: int) -> str:
    """A size for people in units of 1024: `512 B`, `1.5 MiB`."""
    if value < 1024:
        return f"{value} B"
    size = float(value)
    for unit in ("KiB", "MiB", "GiB"):
        size /= 1024
        if size < 1024:
            return f"{size:.1f} {unit}"
    return f"{size / 1024:.1f} TiB"


def _plain_duration(value: timedelta) -> str:
    """Exactly the same duration as `parse_duration` reads it, in the largest unit that needs no fraction."""
    for unit in ("d", "h", "m", "s"):
        count, rest = divmod(value, timedelta(seconds=_UNITS[unit]))
        if not rest:
            return f"{count}{unit}"
    return f"{value.total_seconds():f}s"


Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    PlainSerializer(_plain_duration),
    WithJsonSchema({"type": "string", "pattern": r"^\d+(\.\d+)?\s*(s|m|min|h|d|w)$", "examples": ["26h", "2d"]}),
]
"""A length of time, written as `26h`."""

Size = Annotated[
    int,
    BeforeValidator(parse_size),
    WithJsonSchema({"type": ["string", "integer"], "examples": ["10M", 4096]}),
]
"""A number of bytes, written as `10M`."""


class Expect(BaseModel):
    """Base of every expectation: immutable, unknown keys refused.

    Validators raise ValueError with what would be right; an expectation that could never fail must be refused by one.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
