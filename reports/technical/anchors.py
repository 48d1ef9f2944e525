"""Ids inside the page: unique, harmless whatever a name holds, and the same in the next run where that is possible."""

from __future__ import annotations

import re

_SLUG = re.compile(r"[a-z][a-z0-9_-]{0,40}")
_FINGERPRINT = re.compile(r"[0-9a-f]{8,64}")


class Anchors:
    """Gives out ids, each once.

    A finding's id holds its fingerprint, so that a link in a ticket still leads there when the next report takes
    this one's place. Names that are no plain word give way to a number.
    """

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def finding(self, fingerprint: str) -> str:
        """An id for a result that is shown by itself."""
        return self._claim("f", fingerprint if _FINGERPRINT.fullmatch(fingerprint) else "")

    def named(self, prefix: str, name: str) -> str:
        """An id for the part `prefix` of something called `name`."""
        return self._claim(prefix, name if _SLUG.fullmatch(name) else "")

    def _claim(self, prefix: str, name: str) -> str:
        wanted = f"{prefix}-{name}" if name else ""
        number = 1
        while not wanted or wanted in self._taken:
            wanted = f"{prefix}-{name}-{number}" if name else f"{prefix}-{number}"
            number += 1
        self._taken.add(wanted)
        return wanted
