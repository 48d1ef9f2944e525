"""Evidence as the page shows it: numbered lines, those that the check pointed at marked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from secaudit.model.evidence import Evidence

from .wording import Wording

MOST_LINES = 40
MOST_COLUMNS = 400
MOST_EXCERPTS = 6


@dataclass(frozen=True, slots=True)
class Line:
    """One line of an excerpt; without a number it was not pointed at by itself."""

    number: int | None
    text: str


@dataclass(frozen=True, slots=True)
class Excerpt:
    """An evidence for readers: what was asked, how it ended, which lines these are."""

    source: str
    where: str
    lines: tuple[Line, ...]


def excerpts(evidence: Sequence[Evidence], words: Wording) -> tuple[Excerpt, ...]:
    """At most `MOST_EXCERPTS` excerpts; what is left out is named by a last one without a source."""
    shown = tuple(_excerpt(one, words) for one in evidence[:MOST_EXCERPTS])
    left = len(evidence) - len(shown)
    return (*shown, Excerpt("", words.text("cut", left), ())) if left else shown


def _excerpt(evidence: Evidence, words: Wording) -> Excerpt:
    texts = evidence.excerpt.removesuffix("\n").split("\n") if evidence.excerpt else []
    cut = [text if len(text) <= MOST_COLUMNS else text[: MOST_COLUMNS - 1] + "…" for text in texts[:MOST_LINES]]
    if len(texts) > MOST_LINES:
        cut[-1] = words.text("tech_more_lines", len(texts) - MOST_LINES + 1)
    return Excerpt(evidence.source, _where(evidence, words), tuple(_numbered(cut, evidence.lines)))


def _numbered(texts: list[str], lines: tuple[int, int] | None) -> list[Line]:
    if lines is None:
        return [Line(None, text) for text in texts]
    first, last = lines
    shortened = len(texts) < last - first + 1  # then the last line tells how many were left out
    numbered = [Line(number, text) for number, text in enumerate(texts, first)]
    if shortened and numbered:
        numbered[-1] = Line(None, texts[-1])
    return numbered


def _where(evidence: Evidence, words: Wording) -> str:
    parts = [] if evidence.exit is None else [words.text("exit", evidence.exit)]
    if evidence.lines is not None:
        first, last = evidence.lines
        parts.append(words.text("line" if first == last else "lines", first=first, last=last))
    elif not evidence.excerpt:
        parts.append(words.text("tech_no_output"))
    return ", ".join(parts)
