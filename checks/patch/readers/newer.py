"""Newer versions by the lists of package managers that do not tell which of them repair a flaw."""

from __future__ import annotations

import re

from secaudit.api import Answer

from ..facts import KeptBack, PendingUpdates
from .lines import at_line, match_line, unknown_line


def read_newer(manager: str, pattern: re.Pattern[str], answer: Answer, *, heading: str | None = None) -> PendingUpdates:
    """Installed packages with a newer version: `pattern` has the groups `name`, `old` and `new`.

    A line that begins with `heading` is passed over. Raises `Unproven` for any other that does not match.
    """
    newer = []
    for number, line in enumerate(answer.lines, 1):
        if heading is not None and line.startswith(heading):
            continue
        found = match_line(pattern, line)
        if found is None:
            reason = f"line {number} of the newer versions has a form that is not known"
            raise unknown_line(answer, number, line, reason=reason)
        why = f"An update from {found['old']} to {found['new']} waits"
        newer.append(KeptBack(found["name"], at_line(answer, number, line), why))
    return PendingUpdates(manager, (), tuple(newer), answer.evidence())
