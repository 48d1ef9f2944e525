"""A pointer from a result into the transcript it was computed from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

EXCERPT_LINES = 12
EXCERPT_COLUMNS = 400


@dataclass(frozen=True, slots=True)
class Evidence:
    """Where in the transcript the reason stands.

    `source` is the key of the request; `lines` are 1-based inclusive line numbers of its stdout, None when the whole
    answer is meant. The excerpt is a bounded, unescaped copy for readers who do not have the transcript at hand:
    whoever shows it must escape it for the medium.
    """

    source: str
    exit: int | None
    lines: tuple[int, int] | None
    excerpt: str

    @classmethod
    def of(cls, source: str, exit_code: int | None, lines: tuple[int, int] | None, shown: Sequence[str]) -> Evidence:
        """Build evidence from the lines to show, cut to `EXCERPT_LINES` lines of `EXCERPT_COLUMNS` characters."""
        cut = [line if len(line) <= EXCERPT_COLUMNS else line[: EXCERPT_COLUMNS - 1] + "…" for line in shown]
        if len(cut) > EXCERPT_LINES:
            cut = [*cut[: EXCERPT_LINES - 1], f"… {len(shown) - EXCERPT_LINES + 1} more lines"]
        return cls(source, exit_code, lines, "\n".join(cut))
