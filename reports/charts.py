"""Geometry of the charts. Templates draw it; numbers stand in HTML beside it.

x and width are per cent of the chart's width, so a chart fills its column and nothing in it is scaled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

K = TypeVar("K")

LEAST = 2.0
"""The least width of a segment in per cent: one failure among a thousand results must still be seen."""


@dataclass(frozen=True, slots=True)
class Segment(Generic[K]):
    """A piece of a bar: what it stands for, how many, from where and how wide (per cent)."""

    kind: K
    count: int
    x: float
    width: float


def stack(parts: Sequence[tuple[K, int]], scale: int | None = None) -> tuple[Segment[K], ...]:
    """Lay the parts end to end; `scale` is the count that fills the whole width (by default their sum).

    Parts that are zero are left out; small ones are widened to `LEAST` at the cost of the others.
    """
    shown = [(kind, count) for kind, count in parts if count > 0]
    total = sum(count for _, count in shown)
    if not total:
        return ()
    full = 100 * total / max(scale or total, total)
    raw = [max(full * count / total, LEAST) for _, count in shown]
    shrink = full / sum(raw) if sum(raw) > full else 1.0
    segments = []
    x = 0.0
    for (kind, count), width in zip(shown, raw, strict=True):
        segments.append(Segment(kind, count, round(x, 2), round(width * shrink, 2)))
        x += width * shrink
    return tuple(segments)
