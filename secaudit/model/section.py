"""What a family adds to a report about a host: tables and pictures without a word about how they are drawn.

Texts may come from the host. Whoever draws them bounds and escapes them.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Phrase:
    """An English sentence that catalogues may translate; each `{name}` in it stands for a value, if it has values."""

    text: str
    values: tuple[tuple[str, Text], ...] = ()


Text = str | Phrase
"""What stands as it is (a rule, a name), or a sentence of the family."""


def told(text: Text, words: Mapping[str, str]) -> str:
    """A text as a reader sees it. `words` has English sentences with what they are in the reader's language.

    A sentence whose gaps do not fit its values stands as it is, in English.
    """
    if isinstance(text, str):
        return text
    if not text.values:
        return words.get(text.text, text.text)
    values = {name: told(value, words) for name, value in text.values}
    for said in (words.get(text.text, text.text), text.text):
        with suppress(LookupError, ValueError, AttributeError):
            return said.format_map(values)
    return text.text


class Mark(StrEnum):
    """A sign before a cell's text, read without colour."""

    NONE = "none"
    FULL = "full"
    PART = "part"
    EMPTY = "empty"
    UNSURE = "unsure"
    MORE = "more"
    """There now, and not before."""
    LESS = "less"
    """There before, and not now."""
    OTHER = "other"
    """There before and now, and not the same."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a table."""

    text: Text
    mark: Mark = Mark.NONE


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under a head; the first cell of a row names it. `left` rows more are not shown."""

    caption: Text
    head: tuple[Text, ...]
    rows: tuple[tuple[Cell, ...], ...]
    left: int = 0


class BoxKind(StrEnum):
    """What a box stands for."""

    END = "end"
    """Where something comes from or goes to."""
    STRONG = "strong"
    PLAIN = "plain"
    FAINT = "faint"
    """There, but without effect, or shown before."""


@dataclass(frozen=True, slots=True)
class Box:
    """A box with lines of text, the first of which is its name. Places are in units of the picture."""

    x: int
    y: int
    width: int
    height: int
    lines: tuple[str, ...]
    kind: BoxKind = BoxKind.PLAIN


@dataclass(frozen=True, slots=True)
class Arrow:
    """A line with a head at its last point; dashed where it does not come back."""

    points: tuple[tuple[int, int], ...]
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Picture:
    """Boxes and arrows. `description` says in words what they show; `left` boxes more are not drawn."""

    title: str
    description: str
    width: int
    height: int
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]
    left: int = 0


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a report about one host: a few sentences, the most important first, and what stands below them.

    `mark` is the sign of the first sentence.
    """

    lead: tuple[Text, ...]
    parts: tuple[Table | Picture, ...]
    mark: Mark = Mark.NONE


@dataclass(frozen=True, slots=True)
class HostSection:
    """A section and what it is about."""

    customer: str
    host: str
    family: str
    title: str
    section: Section
