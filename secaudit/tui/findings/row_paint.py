"""From a row to the coloured cells of one line. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style

from secaudit.model.safe_text import visible_line
from secaudit.tui import words
from secaudit.tui.filter.sql import NEW_FOR
from secaudit.tui.findings.projection import GroupRow, Row
from secaudit.tui.pages.page import NARROW, WIDE
from secaudit.tui.themes import Look

OPTIONAL = ("customer", "host", "family", "control", "age", "due")
"""Columns that can be hidden; severity, outcome, and subject and title stay."""

_MARK = "▌"
_SELECTED = "▪"
_WIDTHS = {
    "narrow": {"customer": 12, "host": 8, "due": 6},
    "middle": {"customer": 16, "host": 9, "control": 19, "age": 5, "due": 6},
    "wide": {"customer": 24, "host": 16, "family": 11, "control": 28, "age": 5, "due": 6},
}


@dataclass(frozen=True, slots=True)
class Layout:
    """Columns with their widths, and what is left for subject and title."""

    columns: tuple[tuple[str, int], ...]
    flexible: int
    width: int

    @classmethod
    def of(cls, width: int, hidden: Collection[str] = ()) -> Layout:
        """The layout of a line of `width` cells."""
        kind = "narrow" if width < NARROW - 2 else "wide" if width >= WIDE - 2 else "middle"
        columns = tuple((name, size) for name, size in _WIDTHS[kind].items() if name not in hidden)
        taken = sum(size + 1 for _, size in columns) + len("▌CRIT ✗ ")
        return cls(columns, max(10, width - taken), width)


def head(layout: Layout, look: Look) -> list[Segment]:
    """The names of the columns."""
    ground = Style.parse(look.row)
    style = ground + Style.parse(look.dim)
    cells = [Segment(" sev    ", ground + Style.parse(look.accent))]
    before = [(name, size) for name, size in layout.columns if name not in ("age", "due")]
    cells += [Segment(set_cell_size(name, size) + " ", style) for name, size in before]
    cells.append(Segment(set_cell_size("subject and title", layout.flexible), style))
    cells += [Segment(" " + name.rjust(size), style) for name, size in layout.columns if name in ("age", "due")]
    return cells


def paint(row: Row, layout: Layout, look: Look, now: float, *, selected: bool, cursor: bool) -> list[Segment]:
    """One finding."""
    ground = Style.parse(look.row) + (Style.parse(look.cursor) if cursor else Style())
    return [
        Segment(text, ground + Style.parse(style)) for text, style in _cells(row, layout, look, now, selected, cursor)
    ]


def _cells(row: Row, layout: Layout, look: Look, now: float, selected: bool, cursor: bool) -> Iterator[tuple[str, str]]:
    yield (_SELECTED if selected else _MARK if cursor else " "), look.accent
    # Padding has no style: without colours a style may be a line under the text.
    severity = words.SEVERITIES[row.severity]
    yield severity, words.severity_style(row.severity, look)
    yield " " * (5 - len(severity)), ""
    glyph, style = words.glyph(row.outcome, row.waived, look)
    yield f"{glyph} ", style
    texts = {"customer": row.name, "host": row.host, "family": row.family, "control": row.control}
    for name, size in layout.columns:
        if name in texts:
            yield fit(texts[name], size) + " ", look.dim if name in ("control", "family") else ""
    is_new = now - row.opened < NEW_FOR.total_seconds()
    yield from _subject(row, layout.flexible, is_new, look)
    for name, size in layout.columns:
        if name == "age":
            yield " " + words.span(now - row.opened).rjust(size), look.dim
        elif name == "due":
            left, style = words.due(row.due - now, look) if row.due is not None and not row.waived else ("", "")
            yield " " * (1 + size - len(left)), ""
            yield left, style


def _subject(row: Row, room: int, is_new: bool, look: Look) -> Iterator[tuple[str, str]]:
    mark = " new" if is_new else ""
    room -= len(mark)
    subject = fit(row.subject, min(room, cell_len(visible_line(row.subject[:room])))) if row.subject else ""
    yield subject, look.strong if is_new else ""
    left = room - cell_len(subject)
    yield fit(f"  {row.reason}" if subject else row.reason, left), look.dim
    yield mark, look.accent


def paint_group(row: GroupRow, layout: Layout, look: Look, now: float, *, cursor: bool) -> list[Segment]:
    """One group: worst severity, how many, what they share, how many unproven, the next due."""
    ground = Style.parse(look.row) + (Style.parse(look.cursor) if cursor else Style())
    left, due_style = words.due(row.due - now, look) if row.due is not None else ("", "")
    label = (
        f"{row.name or row.customer} ▸ {row.key}" if row.customer and row.key != row.customer else row.name or row.key
    )
    parts = (
        (_MARK if cursor else " ", look.accent),
        (words.SEVERITIES[row.worst], words.severity_style(row.worst, look)),
        (" " * (5 - len(words.SEVERITIES[row.worst])), ""),
        (f"{row.count:>7,} ", look.strong),
        (fit(label or "the host as a whole", max(10, layout.width - 30)), ""),
        (f"? {row.unproven:,}".rjust(9) if row.unproven else " " * 9, look.unproven),
        (" " * (8 - len(left)), ""),
        (left, due_style),
    )
    return [Segment(text, ground + Style.parse(style)) for text, style in parts]


def fit(text: str, size: int) -> str:
    """Text from anywhere made inert and exactly `size` cells wide."""
    # Each character takes a cell or more, or becomes an escape that does: the rest cannot be seen.
    shown = visible_line(text[: size + 1])
    if cell_len(shown) <= size:
        return set_cell_size(shown, size)
    return set_cell_size(shown, max(0, size - 1)) + "…" if size > 0 else ""
