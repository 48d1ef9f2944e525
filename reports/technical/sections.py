"""What families add about hosts: grouped, bounded, and pictures as lines that a template only has to write down."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from secaudit.model.section import Box, Cell, HostSection, Mark, Picture, Table

from .anchors import Anchors
from .hosts import Hosts
from .voice import Voice

MOST_HOSTS = 50
"""Hosts of one kind of section that are shown; the others are counted."""

MOST_BOXES = 200
MOST_ROWS = 500
MOST_DESCRIPTION = 2000

_STRIP = 860
"""Units of height after which a picture goes on in another strip, so that it can be broken over printed pages."""

_HEAD = 5
"""Half the width of an arrow's head."""

MARKS = (Mark.FULL, Mark.PART, Mark.EMPTY, Mark.UNSURE, Mark.MORE, Mark.LESS, Mark.OTHER)
"""Signs in the order in which they are explained."""


@dataclass(frozen=True, slots=True)
class Line:
    """An arrow: its path and its head in the syntax of SVG."""

    path: str
    head: str
    dashed: bool


@dataclass(frozen=True, slots=True)
class Strip:
    """A part of a picture, from one height to another."""

    y: int
    height: int
    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Drawing:
    """A picture in strips."""

    id: str
    title: str
    description: str
    width: int
    strips: tuple[Strip, ...]
    left: int


@dataclass(frozen=True, slots=True)
class HostPart:
    """What one section says about one host."""

    host: str
    lead: str
    tables: tuple[Table, ...]
    drawings: tuple[Drawing, ...]


@dataclass(frozen=True, slots=True)
class SectionBlock:
    """A section with its hosts; `left` hosts more have one."""

    anchor: str
    title: str
    marks: tuple[Mark, ...]
    hosts: tuple[HostPart, ...]
    left: int


def section_blocks(
    sections: Iterable[HostSection], hosts: Hosts, anchors: Anchors, voice: Voice
) -> tuple[SectionBlock, ...]:
    """The sections of the hosts, those of one kind together, in the order in which they come first."""
    kinds: dict[tuple[str, str], list[HostSection]] = {}
    for section in sections:
        kinds.setdefault((section.family, section.title), []).append(section)
    blocks = []
    for (family, title), members in kinds.items():
        anchor = anchors.named("about", family)
        shown = tuple(
            _part(f"{anchor}-{number}", section, hosts, voice) for number, section in enumerate(members[:MOST_HOSTS])
        )
        used = {cell.mark for part in shown for table in part.tables for row in table.rows for cell in row}
        marks = tuple(mark for mark in MARKS if mark in used)
        blocks.append(SectionBlock(anchor, voice.section(title), marks, shown, len(members) - len(shown)))
    return tuple(blocks)


def _part(anchor: str, about: HostSection, hosts: Hosts, voice: Voice) -> HostPart:
    parts = about.section.parts
    pictures = [part for part in parts if isinstance(part, Picture)]
    return HostPart(
        hosts.label(about),
        " ".join(map(voice.section, about.section.lead)),
        tuple(_bounded(part, voice) for part in parts if isinstance(part, Table)),
        tuple(_drawing(f"{anchor}-{number}", picture, voice) for number, picture in enumerate(pictures)),
    )


def _bounded(table: Table, voice: Voice) -> Table:
    shown = tuple(tuple(Cell(voice.section(cell.text), cell.mark) for cell in row) for row in table.rows[:MOST_ROWS])
    head = tuple(map(voice.section, table.head))
    return Table(voice.section(table.caption), head, shown, table.left + len(table.rows) - len(shown))


def _drawing(id: str, picture: Picture, voice: Voice) -> Drawing:
    boxes = picture.boxes[:MOST_BOXES]
    bottom = max((box.y + box.height for box in boxes), default=0)
    arrows = [arrow for arrow in picture.arrows if len(arrow.points) > 1 and arrow.points[-1][1] <= bottom]
    lines = [(min(y for _, y in arrow.points), max(y for _, y in arrow.points), arrow) for arrow in arrows]
    strips = []
    for top, end in _cuts(boxes, bottom):
        drawn = tuple(
            Line(_path(arrow.points), _head(arrow.points), arrow.dashed)
            for low, high, arrow in lines
            if low <= end and high >= top
        )
        inside = tuple(_labelled(box, voice) for box in boxes if top <= box.y < end)
        strips.append(Strip(top, end - top, inside, drawn))
    more = picture.left + len(picture.boxes) - len(boxes)
    description = voice.section(picture.description[:MOST_DESCRIPTION])
    return Drawing(id, voice.section(picture.title), description, picture.width, tuple(strips), more)


def _labelled(box: Box, voice: Voice) -> Box:
    return replace(box, lines=tuple(map(voice.section, box.lines)))


def _cuts(boxes: Sequence[Box], bottom: int) -> Iterator[tuple[int, int]]:
    """Heights to cut at, each between boxes."""
    top = -2
    ordered = sorted(boxes, key=lambda box: box.y)
    for above, below in pairwise(ordered):
        gap = (above.y + above.height + below.y) // 2
        if below.y + below.height - top > _STRIP and gap > top and below.y >= above.y + above.height:
            yield top, gap
            top = gap
    yield top, bottom + 2


def _path(points: Sequence[tuple[int, int]]) -> str:
    return "M" + "L".join(f"{x} {y}" for x, y in points)


def _head(points: Sequence[tuple[int, int]]) -> str:
    """A triangle whose tip is the last point; lines are upright or level."""
    (x, y), (before_x, _) = points[-1], points[-2]
    if before_x < x:
        return f"M{x} {y}l-7 {-_HEAD}v{2 * _HEAD}z"
    return f"M{x} {y}l{-_HEAD} -7h{2 * _HEAD}z"
