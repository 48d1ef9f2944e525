"""Geometry of the monthly report's charts; numbers stand in HTML beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from secaudit.model.sla import ClockState

from ..states import State
from .report import Dot, Point

WIDTH, HEIGHT = 132, 30
_LEFT, _RIGHT, _TOP, _BOTTOM = 5.0, 125.0, 6.0, 25.0

DEADLINE_AT = 80.0
"""Where the deadline stands on the scale, in per cent of its width; what is later is drawn up to its end."""

_LANES = (9, 16, 23)


@dataclass(frozen=True, slots=True)
class Mark:
    """A month of a spark line that is marked."""

    x: float
    y: float
    state: State


@dataclass(frozen=True, slots=True)
class Spark:
    """Twelve months: connected pieces of the line (`points` of SVG), and the marks on it. 1 is on top, 0 below."""

    lines: tuple[str, ...]
    marks: tuple[Mark, ...]
    goal: float = _TOP


def spark(points: Sequence[Point]) -> Spark:
    """Lay twelve months out. Gaps stay gaps; failed and unproven months are marked, and the last one always.

    A marked month without a number stands on the ground line, for nothing of it is proven; more than all is all.
    """
    step = (_RIGHT - _LEFT) / max(len(points) - 1, 1)
    placed = [
        (
            round(_LEFT + step * at, 1),
            None if point.share is None else round(_BOTTOM - (_BOTTOM - _TOP) * min(point.share, 1.0), 1),
        )
        for at, point in enumerate(points)
    ]
    lines: list[list[str]] = [[]]
    for x, y in placed:
        if y is None:
            lines.append([])
        else:
            lines[-1].append(f"{x},{y}")
    marks = tuple(
        Mark(x, _BOTTOM if y is None else y, point.state)
        for (x, y), point in zip(placed, points, strict=True)
        if point.state in (State.FAILED, State.UNPROVEN) or point is points[-1]
    )
    return Spark(tuple(" ".join(line) for line in lines if len(line) > 1), marks)


@dataclass(frozen=True, slots=True)
class Placed:
    """A dot of a deadline chart: where (per cent, px) and what it says."""

    x: float
    y: int
    state: ClockState


def deadline(dots: Sequence[Dot]) -> tuple[Placed, ...]:
    """Place dots on one scale for all severities; lanes keep neighbours apart."""
    return tuple(
        Placed(round(min(max(dot.used, 0) / 1000 * DEADLINE_AT, 98.0) + 1, 2), _LANES[at % len(_LANES)], dot.state)
        for at, dot in enumerate(dots)
    )


@dataclass(frozen=True, slots=True)
class DayBar:
    """A day of a month in per cent of its width."""

    x: float
    width: float
    state: State


def days(states: Sequence[State], first: int, whole: int) -> tuple[DayBar, ...]:
    """A bar per day that was, from the day `first` on, of `whole` days of the month."""
    wide = 100 / whole
    placed = enumerate(states, first - 1)
    return tuple(DayBar(round(at * wide, 2), round(wide * 0.78, 2), state) for at, state in placed)
