"""Port numbers as people write them: `22`, `8000-8010`, `22,80,443`."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Annotated

from pydantic import BeforeValidator, WithJsonSchema

_RANGE = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?", re.ASCII)


def parse_range(value: object) -> range:
    """Read `22`, `"22"` or `"8000-8010"` (both ends belong to it). Raises ValueError with an example otherwise."""
    written = str(value).strip() if isinstance(value, int | str) and not isinstance(value, bool) else ""
    found = _RANGE.fullmatch(written)
    first = int(found[1]) if found else 0
    last = int(found[2]) if found and found[2] else first
    if not 1 <= first <= last <= 65535:
        raise ValueError(f"{value!r} is no port between 1 and 65535 and no range; write for example 22 or 8000-8010")
    return range(first, last + 1)


def show_range(ports: range) -> str:
    """The shortest way to write a range: `22` or `8000-8010`."""
    return f"{ports[0]}" if len(ports) == 1 else f"{ports[0]}-{ports[-1]}"


def parse_list(value: object) -> frozenset[int]:
    """The numbers in nmap's port list `22,80,8000-8010`. Raises ValueError for anything else."""
    return numbers(*(parse_range(part) for part in str(value).split(",")))


def show_list(ports: frozenset[int]) -> str:
    """The shortest way to write a set of ports; two sets are equal when their texts are."""
    rising = sorted(ports)
    starts = [index for index, port in enumerate(rising) if index == 0 or rising[index - 1] != port - 1]
    return ",".join(show_range(range(rising[a], rising[b - 1] + 1)) for a, b in pairwise([*starts, len(rising)]))


def numbers(*ranges: range) -> frozenset[int]:
    """All port numbers in the ranges."""
    return frozenset().union(*ranges)


def _normal_range(value: object) -> str:
    return show_range(parse_range(value))


def _normal_list(value: object) -> str:
    return show_list(parse_list(value))


_NUMBERS = r"^\d{1,5}(-\d{1,5})?$"

Ports = Annotated[
    str,
    BeforeValidator(_normal_range),
    WithJsonSchema({"type": ["integer", "string"], "pattern": _NUMBERS, "examples": [22, "8000-8010"]}),
]
"""A port or a range of ports, normalised to text."""

PortList = Annotated[
    str,
    BeforeValidator(_normal_list),
    WithJsonSchema({"type": ["integer", "string"], "pattern": r"^\d{1,5}(-\d{1,5})?(,\d{1,5}(-\d{1,5})?)*$"}),
]
"""Ports and ranges, separated by commas, normalised to text."""
