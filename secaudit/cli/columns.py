"""Columns of text for the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from secaudit.model.safe_text import visible_line


def aligned(rows: Sequence[Sequence[str]], indent: str = "") -> Iterator[str]:
    """One line per row, each column as wide as its widest cell; cells are made inert."""
    shown = [[visible_line(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
    for row in shown:
        yield indent + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
