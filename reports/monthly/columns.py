"""Geometry of charts with a column per month; numbers stand in HTML below them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from ..states import State
from .year import HoursMonth, OpenMonth, ServiceMonth

HEIGHT = 48
GOAL_Y = 16
"""Where the target of an availability chart is drawn: two thirds up, so that what misses it rises above."""

_SPACING = 0.24
_LEAST = 2.0
"""The least height in px: a minute in a month must still be seen."""


class Fill(StrEnum):
    """What a piece of a column stands for."""

    PLAIN = "plain"
    BROKEN = "broken"
    UNKNOWN = "unknown"
    ROOM = "room"
    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    MILD = "mild"


_GRAVITY = (Fill.CRITICAL, Fill.HIGH, Fill.MEDIUM, Fill.MILD)


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a month's column: x and width in per cent, y and height in px from the top."""

    x: float
    width: float
    y: float
    height: float
    fill: Fill


def availability(year: Sequence[ServiceMonth]) -> tuple[Piece, ...]:
    """The lost share of each month; as much as the target allows reaches up to `GOAL_Y`, more is cut at the top."""
    pieces = []
    for at, one in enumerate(year):
        if one.target is None:
            continue
        if one.percent is None or one.state is State.UNPROVEN:
            pieces.append(_piece(at, len(year), HEIGHT, 0, Fill.UNKNOWN))
            continue
        lost, allowed = 100 - one.percent, 100 - Fraction(one.target)
        height = float(lost / allowed) * (HEIGHT - GOAL_Y) if allowed else HEIGHT * (lost > 0)
        fill = Fill.BROKEN if one.state is State.FAILED else Fill.PLAIN
        pieces.append(_piece(at, len(year), height, 0, fill))
    return tuple(pieces)


def hours(year: Sequence[HoursMonth]) -> tuple[Piece, ...]:
    """What was used in front of what was there, on one scale; what was used beyond it stands on top."""
    most = max((max(one.there or 0, one.used or 0) for one in year), default=0) or 1
    pieces = []
    for at, one in enumerate(year):
        if not one.is_promised:
            continue
        if one.there is None or one.used is None:
            pieces.append(_piece(at, len(year), HEIGHT, 0, Fill.UNKNOWN))
            continue
        scale = (HEIGHT - 1) / most
        covered = one.used - one.beyond
        if one.there:
            pieces.append(_piece(at, len(year), one.there * scale, 0, Fill.ROOM))
        if covered:
            pieces.append(_piece(at, len(year), covered * scale, 0, Fill.PLAIN))
        if one.beyond:
            pieces.append(_piece(at, len(year), one.beyond * scale, covered * scale, Fill.BROKEN))
    return tuple(pieces)


def open_findings(year: Sequence[OpenMonth]) -> tuple[Piece, ...]:
    """What was open at the end of each month, the worst at the bottom; low and info are one piece."""
    most = max((one.total or 0 for one in year), default=0) or 1
    pieces = []
    for at, one in enumerate(year):
        if one.counts is None:
            pieces.append(_piece(at, len(year), HEIGHT, 0, Fill.UNKNOWN))
            continue
        base = 0.0
        critical, high, medium, *mild = one.counts
        for count, fill in zip((critical, high, medium, sum(mild)), _GRAVITY, strict=True):
            if count:
                height = max(count * (HEIGHT - 4 * _LEAST) / most, _LEAST)
                pieces.append(_piece(at, len(year), height, base, fill))
                base += height
    return tuple(pieces)


def _piece(at: int, whole: int, height: float, base: float, fill: Fill) -> Piece:
    wide = 100 / whole
    tall = min(max(height, _LEAST), HEIGHT - base)
    left = round(at * wide + wide * _SPACING / 2, 2)
    return Piece(left, round(wide * (1 - _SPACING), 2), round(HEIGHT - base - tall, 1), round(tall, 1), fill)
