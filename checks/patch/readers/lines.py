"""Lines of an answer: matched within bounds, pointed at as evidence, and refused when their form is not known."""

from __future__ import annotations

import re

from secaudit.api import Answer, Evidence, Unproven, UnprovenKind

LONGEST_LINE = 2000
"""What is longer than any line of a package manager is not matched against patterns: a hostile one could take hours."""

_SHOWN = 200


def match_line(pattern: re.Pattern[str], line: str) -> re.Match[str] | None:
    """The match of the whole line; None as well for one that is longer than `LONGEST_LINE`."""
    return pattern.fullmatch(line) if len(line) <= LONGEST_LINE else None


def at_line(answer: Answer, number: int, line: str) -> Evidence:
    """Evidence of one line that is at hand; `Answer.evidence` would split the whole output again for each."""
    return Evidence.of(answer.request.key, answer.exit, (number, number), (line,))


def unknown_line(answer: Answer, number: int, line: str, *, reason: str) -> Unproven:
    """Why the answer cannot be used: a line of it is not understood. Raise it."""
    return Unproven(UnprovenKind.NOT_UNDERSTOOD, reason, (at_line(answer, number, line[:_SHOWN]),))
