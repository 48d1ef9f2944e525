"""How a rule that packets meet relates to the rules before and behind it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..rules.matches import Addresses, Ports
from ..rules.ruleset import Decision
from ..sets.arrays import Flags, Numbers, Rows, np
from ..sets.boxes import CELLS, Box, BudgetSpentError, Covered, cover, inside, samples, usual_point
from ..sets.expansion import Place
from ..sets.meaning import Doubt
from ..sets.packet_sets import ChainSets

SHOWN = 8
"""Places named for one relation; who has more has a list that no one reads."""

COMPARED = 512
"""Boxes before a rule that it is compared with."""

PARTS = 16
"""Boxes of a rule that are compared with the rules behind it."""

CONTRARY = 32
"""Places with another verdict that are looked at for one rule."""


@dataclass(frozen=True, slots=True)
class Relation:
    """Places before that share packets with a place and have another verdict; `inside` when it has all of theirs.

    `point` is a packet that the first of them shares with it.
    """

    inside: bool
    others: tuple[int, ...]
    point: Numbers


def related(sets: ChainSets, at: int) -> Iterator[Relation]:
    """Exceptions from a place before it (`inside`), and places that overlap with it in part.

    Only places that name addresses or ports are compared: that invalid packets are dropped before a port is opened
    is no conflict.
    """
    place = sets.places[at]
    if not _selective(place) or place.packets.doubt is not Doubt.NONE:
        return
    inside: dict[int, Numbers] = {}
    partly: dict[int, Numbers] = {}
    contained: dict[int, int] = {}
    for box in sets.boxes(at):
        rows = sets.before(box, at)
        for row in rows[:COMPARED].tolist():
            other = int(sets.sure.places[row])
            if not _contrary(place, sets.places[other]) or not _selective(sets.places[other]):
                continue
            low, high = sets.sure.low[:, row], sets.sure.high[:, row]
            whole = bool((low >= box.low).all() and (high <= box.high).all())
            contained[other] = contained.get(other, 0) + whole
            shared = Box(np.maximum(low, box.low), np.minimum(high, box.high))
            partly.setdefault(other, usual_point(shared, sets.pieces))
    for other, count in contained.items():
        if count == sets.sure.before(other + 1) - sets.sure.before(other):
            inside[other] = partly.pop(other)
    for is_inside, found in ((True, inside), (False, partly)):
        if found:
            yield Relation(is_inside, tuple(sorted(found))[:SHOWN], found[min(found)])


def needless(sets: ChainSets, at: int, point: Numbers) -> tuple[int, ...] | None:
    """The places behind a place that would do the same with all of its packets, if they do; None when they do not.

    Whether a condition that is not known (a rate, a content, a set without elements) holds must make no difference:
    a place that perhaps ends a packet's way otherwise stands against it.
    `point` is a packet that meets it. Places that do more than end a packet's way are never needless.
    """
    place = sets.places[at]
    if not _plain(place) or sets.changes:
        return None
    behind = sets.perhaps.before(at + 1)
    next_rows = sets.perhaps.touching(Box(point, point), behind, len(sets.perhaps))
    if not len(next_rows) or not _same(sets, place, int(sets.perhaps.places[next_rows[0]])):
        return None
    boxes = list(sets.boxes(at))
    if len(boxes) > PARTS:
        return None
    used: set[int] = set()
    try:
        for box in boxes:
            found = _same_behind(sets, at, box)
            if found is None:
                return None
            used |= found
    except BudgetSpentError:
        return None
    return tuple(sorted(used))


def _same_behind(sets: ChainSets, at: int, box: Box) -> set[int] | None:
    place = sets.places[at]
    rows = sets.perhaps.touching(box, sets.perhaps.before(at + 1), len(sets.perhaps))
    contrary = [row for row in rows.tolist() if not _same(sets, place, int(sets.perhaps.places[row]))]
    earlier = sets.before(box, at)
    if len(contrary) > CONTRARY or _decided_otherwise(sets, box, earlier, rows, np.isin(rows, contrary)):
        return None
    later = _alike(sets, place, sets.sure.touching(box, sets.sure.before(at + 1), len(sets.sure)))
    for row in contrary:
        shared = Box(np.maximum(box.low, sets.perhaps.low[:, row]), np.minimum(box.high, sets.perhaps.high[:, row]))
        between = later[sets.sure.places[later] < sets.perhaps.places[row]]
        known = np.concatenate([earlier, between])
        touching = _touching(sets, shared, known)
        if not isinstance(cover(shared, sets.sure, touching, sets.budget(), sets.pieces), Covered):
            return None
    whole = cover(box, sets.sure, np.concatenate([earlier, later]), sets.budget(), sets.pieces)
    if not isinstance(whole, Covered):
        return None
    return {other for row in whole.rows if (other := int(sets.sure.places[row])) > at}


def _decided_otherwise(sets: ChainSets, box: Box, earlier: Rows, rows: Rows, contrary: Flags) -> bool:
    """Whether one of some points of the box comes so far, and then meets a row that is contrary."""
    points = samples(box, sets.pieces)
    if len(points) * (len(rows) + len(earlier)) > CELLS:
        return False
    free = ~inside(points, sets.sure.low[:, earlier], sets.sure.high[:, earlier]).any(1)
    met = inside(points[free], sets.perhaps.low[:, rows], sets.perhaps.high[:, rows])
    return bool(contrary[met.argmax(1)].any()) if met.size else False


def _touching(sets: ChainSets, box: Box, rows: Rows) -> Rows:
    low, high = sets.sure.low[:, rows], sets.sure.high[:, rows]
    return rows[np.flatnonzero(((low <= box.high[:, None]) & (high >= box.low[:, None])).all(0))]


def _alike(sets: ChainSets, place: Place, rows: Rows) -> Rows:
    keep = [row for row in rows.tolist() if sets.places[int(sets.sure.places[row])].act == place.act]
    return np.array(keep, np.intp)


def _same(sets: ChainSets, place: Place, other: int) -> bool:
    return sets.places[other].act == place.act


def _selective(place: Place) -> bool:
    """Whether a rule names addresses or ports, and ends a packet's way."""
    return (
        place.rule is not None
        and isinstance(place.ends, Decision)
        and any(isinstance(match, Addresses | Ports) for match in place.rule.matches)
    )


def _plain(place: Place) -> bool:
    """Whether a rule is understood, ends a packet's way, does nothing else, and is not the chain's own default."""
    return (
        place.rule is not None
        and isinstance(place.ends, Decision)
        and place.packets.doubt is Doubt.NONE
        and not place.rule.statements
        and bool(place.rule.matches)
    )


def _contrary(place: Place, other: Place) -> bool:
    """Whether one accepts and the other does not."""
    return (place.ends is Decision.ACCEPT) is not (other.ends is Decision.ACCEPT)
