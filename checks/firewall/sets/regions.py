"""Sets of packets as regions: for each field the runs of values that it may have.

A `Region` is a product: a packet lies in it when each field named has a value in one of its runs; a field that is not
named may have any value. A set is a list of regions, their union. Runs are inclusive, in order, and do not touch.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum

Run = tuple[int, int]
Runs = tuple[Run, ...]


class Field(StrEnum):
    """What a packet is told apart by. Each field is a range of integers; see `universe` for what they stand for."""

    SOURCE = "source"
    DESTINATION = "destination"
    DESTINATION_PORT = "destination_port"
    SOURCE_PORT = "source_port"
    PROTOCOL = "protocol"
    IN_INTERFACE = "in_interface"
    OUT_INTERFACE = "out_interface"
    STATE = "state"
    ICMP = "icmp"
    TCP_FLAGS = "tcp_flags"
    MARK = "mark"
    CONNECTION_MARK = "connection_mark"
    SOURCE_TYPE = "source_type"
    DESTINATION_TYPE = "destination_type"
    FRAGMENT = "fragment"


Region = Mapping[Field, Runs]
Regions = list[Region]

EVERYTHING: Region = {}


class TooManyRegionsError(Exception):
    """A set would need more regions than it may have; whoever catches this takes a bound instead."""


def runs(parts: Iterable[Run]) -> Runs:
    """The union of runs in any order."""
    found: list[Run] = []
    for low, high in sorted(parts):
        if found and low <= found[-1][1] + 1:
            found[-1] = found[-1][0], max(found[-1][1], high)
        else:
            found.append((low, high))
    return tuple(found)


def outside(of: Runs, last: int) -> Runs:
    """The values from 0 to `last` that are in none of the runs."""
    found: list[Run] = []
    begin = 0
    for low, high in of:
        if low > begin:
            found.append((begin, low - 1))
        begin = high + 1
    if begin <= last:
        found.append((begin, last))
    return tuple(found)


def common(one: Runs, other: Runs) -> Runs:
    """The values that are in both."""
    found: list[Run] = []
    left = right = 0
    while left < len(one) and right < len(other):
        (low, high), (begin, end) = one[left], other[right]
        # Calls of max and min would be half of the time here, where the analysis of thousands of rules spends its own.
        first = low if low > begin else begin  # noqa: FURB136 - see above
        last = high if high < end else end  # noqa: FURB136 - see above
        if first <= last:
            found.append((first, last))
        if high < end:
            left += 1
        else:
            right += 1
    return tuple(found)


def intersection(one: Region, other: Region) -> Region | None:
    """The packets that are in both regions, or None when there are none."""
    if not one or not other:
        return one or other
    both = dict(one)
    for field, allowed in other.items():
        if field in both:
            allowed = common(both[field], allowed)  # noqa: PLW2901 - the narrower runs take the place of the wider
        if not allowed:
            return None
        both[field] = allowed
    return both


def intersections(one: Sequence[Region], other: Sequence[Region], most: int) -> Regions:
    """The packets that are in both sets. Raises `TooManyRegionsError` above `most` regions."""
    if len(one) * len(other) > 4 * most:
        raise TooManyRegionsError
    found = [both for left in one for right in other if (both := intersection(left, right)) is not None]
    if len(found) > most:
        raise TooManyRegionsError
    return found


def complement(region: Region, last: Mapping[Field, int]) -> Regions:
    """The packets outside of a region, as regions that do not overlap; `last` is each field's last value."""
    found: Regions = []
    inside: dict[Field, Runs] = {}
    for field, allowed in region.items():
        rest = outside(allowed, last[field])
        if rest:
            found.append({**inside, field: rest})
        inside[field] = allowed
    return found


def difference(one: Sequence[Region], other: Sequence[Region], last: Mapping[Field, int], most: int) -> Regions:
    """The packets of the first set that are not in the second. Raises `TooManyRegionsError` above `most` regions."""
    left = list(one)
    for region in other:
        rest: Regions = []
        for part in left:
            if intersection(part, region) is None:
                rest.append(part)
            else:
                rest += intersections([part], complement(region, last), most)
            if len(rest) > most:
                raise TooManyRegionsError
        left = rest
    return left
