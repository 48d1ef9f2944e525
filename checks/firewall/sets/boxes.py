"""Sets of packets as boxes in arrays, and whether some boxes cover another one wholly.

Each field's values are cut where any box begins or ends, and the pieces are numbered: a box is then a pair of small
integers per field whatever the field is, an IPv6 address as well as a port, and ranges need not be prefixes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from .arrays import Flags, Numbers, Rows, np
from .regions import Field, Region

SAMPLES = 12
"""Points of a box that are tried before it is cut into pieces."""

CELLS = 2_000_000
"""Comparisons of points with boxes that are worth a trial."""


@dataclass(frozen=True, slots=True)
class Box:
    """One box: the first and the last piece of each field, in the order of the grid's fields."""

    low: Numbers
    high: Numbers


class Grid:
    """The pieces that the fields of some regions are cut into."""

    def __init__(self, regions: Iterable[Region], last: Mapping[Field, int]) -> None:
        cuts: dict[Field, set[int]] = {field: {0} for field in Field}
        for region in regions:
            for field, allowed in region.items():
                for low, high in allowed:
                    cuts[field].add(low)
                    cuts[field].add(high + 1)
        for field in Field:
            cuts[field].discard(last[field] + 1)
        self.fields = tuple(field for field in Field if len(cuts[field]) > 1)
        self.starts = {field: sorted(cuts[field]) for field in Field}
        self._last = last
        self._numbers = {field: {start: at for at, start in enumerate(self.starts[field])} for field in self.fields}
        self.sizes = np.array([len(self.starts[field]) for field in self.fields], np.int32)

    def boxes(self, regions: Iterable[Region]) -> list[tuple[tuple[int, int], ...]]:
        """The regions as boxes: a pair of pieces for each of the grid's fields."""
        return [box for region in regions for box in product(*(self._pieces(region, field) for field in self.fields))]

    def _pieces(self, region: Region, field: Field) -> Sequence[tuple[int, int]]:
        numbers = self._numbers[field]
        allowed = region.get(field)
        if allowed is None:
            return ((0, len(numbers) - 1),)
        return [(numbers[low], numbers.get(high + 1, len(numbers)) - 1) for low, high in allowed]

    def usual(self, values: Mapping[Field, Sequence[int]]) -> list[list[int]]:
        """The pieces that hold the given values, for each field of the grid."""
        return [
            [int(np.searchsorted(self.starts[field], value, "right")) - 1 for value in values[field]]
            for field in self.fields
        ]

    def point(self, pieces: Numbers, values: Mapping[Field, Sequence[int]]) -> dict[Field, int]:
        """A value for every field, from a piece of each of the grid's fields: one of `values` if it fits."""
        found: dict[Field, int] = {}
        chosen = dict(zip(self.fields, pieces.tolist(), strict=True))
        for field in Field:
            starts = self.starts[field]
            at = chosen.get(field, 0)
            low = starts[at]
            high = starts[at + 1] - 1 if at + 1 < len(starts) else self._last[field]
            found[field] = next((value for value in values[field] if low <= value <= high), low)
        return found


class Boxes:
    """Boxes of `count` places in order, as columns."""

    def __init__(
        self, grid: Grid, boxes: Sequence[tuple[tuple[int, int], ...]], places: Sequence[int], count: int
    ) -> None:
        table = np.array(boxes, np.int32).reshape(len(boxes), len(grid.fields), 2)
        self.low: Numbers = np.ascontiguousarray(table[:, :, 0].T)
        self.high: Numbers = np.ascontiguousarray(table[:, :, 1].T)
        self.places: Numbers = np.array(places, np.int32)
        self._sizes: list[int] = grid.sizes.tolist()
        self._first: list[int] = np.searchsorted(self.places, np.arange(count + 1)).tolist()

    def __len__(self) -> int:
        return len(self.places)

    def before(self, place: int) -> int:
        """How many rows belong to places before this one."""
        return self._first[place]

    def touching(self, box: Box, first: int, last: int) -> Rows:
        """The rows from `first` up to before `last` that have a point in common with the box."""
        rows: Rows | None = None
        lows, highs = box.low.tolist(), box.high.tolist()
        shares = [(high - low + 1) / size for low, high, size in zip(lows, highs, self._sizes, strict=True)]
        for at in sorted(range(len(shares)), key=shares.__getitem__):
            if shares[at] >= 1:
                break
            low, high = lows[at], highs[at]
            if rows is None:
                found = (self.low[at, first:last] <= high) & (self.high[at, first:last] >= low)
                rows = found.nonzero()[0] + first
            else:
                rows = rows[(self.low[at].take(rows) <= high) & (self.high[at].take(rows) >= low)]
            if not len(rows):
                break
        return np.arange(first, last) if rows is None else rows


class BudgetSpentError(Exception):
    """Deciding took more steps than it may."""


@dataclass(slots=True)
class Budget:
    """How many pieces of boxes may still be looked at."""

    left: int
    of: Budget | None = None
    """What is spent here is spent there, too."""

    def spend(self) -> None:
        """Count one piece. Raises `BudgetSpentError`."""
        if self.of is not None:
            self.of.spend()
        self.left -= 1
        if self.left < 0:
            raise BudgetSpentError


@dataclass(frozen=True, slots=True)
class Covered:
    """The box is covered; `rows` are enough to do it, in order."""

    rows: tuple[int, ...]


def cover(box: Box, boxes: Boxes, rows: Rows, budget: Budget, usual: Sequence[Sequence[int]]) -> Covered | Numbers:
    """Whether the rows cover the box: those that do, or a point outside of all of them.

    All rows must touch the box. Raises `BudgetSpentError` when it takes too long to tell.
    """
    if not len(rows):
        return usual_point(box, usual)
    low, high = boxes.low[:, rows], boxes.high[:, rows]
    whole = np.flatnonzero(((low <= box.low[:, None]) & (high >= box.high[:, None])).all(0))
    if len(whole):
        return Covered((int(rows[whole[0]]),))
    if len(rows) * SAMPLES * len(low) <= CELLS:
        points = samples(box, usual)
        free = ~inside(points, low, high).any(1)
        if free.any():
            point: Numbers = points[int(np.argmax(free))]
            return point
    return _cut(box, boxes, rows, budget)


def usual_point(box: Box, usual: Sequence[Sequence[int]]) -> Numbers:
    """A point of the box with the usual pieces, where it has them."""
    fitting = [
        next((value for value in values if low <= value <= high), int(low))
        for values, low, high in zip(usual, box.low, box.high, strict=True)
    ]
    return np.array(fitting, np.int32)


def samples(box: Box, usual: Sequence[Sequence[int]]) -> Numbers:
    """Points of the box: one with usual values, its corners, and others spread evenly (a Kronecker sequence)."""
    count = len(box.low)
    steps = np.sqrt(np.array(_PRIMES[:count], np.float64))
    spread = (np.arange(1, SAMPLES + 1)[:, None] * steps) % 1.0
    inner = box.low + (spread * (box.high - box.low + 1)).astype(np.int32)
    return np.vstack([usual_point(box, usual), box.low, box.high, inner])


_PRIMES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47)


def inside(points: Numbers, low: Numbers, high: Numbers) -> Flags:
    """Which points (rows) are in which boxes (columns)."""
    found = np.ones((len(points), low.shape[1]), np.bool_)
    for at in range(len(low)):
        values = points[:, at, None]
        found &= low[at] <= values
        found &= high[at] >= values
    return found


def _cut(box: Box, boxes: Boxes, rows: Rows, budget: Budget) -> Covered | Numbers:
    """Take one row after the other away from the box until nothing is left or no row touches what is left."""
    used: set[int] = set()
    waiting = [(box.low, box.high, rows)]
    while waiting:
        low, high, touching = waiting.pop()
        budget.spend()
        if not len(touching):
            return low
        lows = np.maximum(boxes.low[:, touching], low[:, None])
        highs = np.minimum(boxes.high[:, touching], high[:, None])
        full = (lows == low[:, None]) & (highs == high[:, None])
        fullness = full.sum(0)
        share = np.prod((highs - lows + 1) / (high - low + 1)[:, None], axis=0)
        # The row that spans the most fields, and of those the one that takes the most away.
        best = int(np.argmax(fullness + share / 2))
        used.add(int(touching[best]))
        left = np.arange(len(touching))
        low, high = low.copy(), high.copy()
        for at in np.flatnonzero(~full[:, best]).tolist():
            first, last = int(lows[at, best]), int(highs[at, best])
            if low[at] < first:
                below = high.copy()
                below[at] = first - 1
                waiting.append((low.copy(), below, touching[left[lows[at, left] < first]]))
            if last < high[at]:
                above = low.copy()
                above[at] = last + 1
                waiting.append((above, high.copy(), touching[left[highs[at, left] > last]]))
            low[at], high[at] = first, last
            left = left[(lows[at, left] <= last) & (highs[at, left] >= first)]
    return Covered(tuple(sorted(used)))
