"""What a family shows of a host in the dashboard: tables and lines without a word about how they are drawn.

Texts may come from the host. Whoever draws them bounds and escapes them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class Tone(StrEnum):
    """How a text is meant; a text says by its words what its tone says, too."""

    PLAIN = "plain"
    DIM = "dim"
    STRONG = "strong"
    GOOD = "good"
    """Proven."""
    UNSURE = "unsure"
    """Not known."""
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True)
class Words:
    """A text and how it is meant."""

    text: str
    tone: Tone = Tone.PLAIN


@dataclass(frozen=True, slots=True)
class PanelTable:
    """Rows under a head; `left` rows more are not shown."""

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[Words, ...], ...]
    left: int = 0


@dataclass(frozen=True, slots=True)
class PanelLines:
    """Lines below each other, each made of texts beside each other; `left` lines more are not shown."""

    caption: str
    lines: tuple[tuple[Words, ...], ...]
    left: int = 0


@dataclass(frozen=True, slots=True)
class PanelQuery:
    """Something that can be asked about the host: `example` shows how, `answer` tells.

    `answer` is pure, may take a while, and answers what it does not understand by saying what would be right.
    """

    prompt: str
    example: str
    answer: Callable[[str], PanelLines]


@dataclass(frozen=True, slots=True)
class Panel:
    """A sentence or two, what stands below them, and what can be asked."""

    lead: str
    parts: tuple[PanelTable | PanelLines, ...] = ()
    query: PanelQuery | None = None


@dataclass(frozen=True, slots=True)
class TitledPanel:
    """A panel under its name, with the family that it is from."""

    family: str
    title: str
    panel: Panel
