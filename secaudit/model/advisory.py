"""The advisories that a result is about, as data: which flaws a package has, and what repairs them."""

from __future__ import annotations

from dataclasses import dataclass

MAX_ADVISORIES = 10_000
"""Advisories of one result; the engine leaves out what comes after them."""


@dataclass(frozen=True, slots=True)
class Advisory:
    """A flaw or an advisory about `package`. `fixed` is the version that repairs it, empty where none does."""

    id: str
    cves: tuple[str, ...] = ()
    package: str = ""
    fixed: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """What people look for: its own id, and the CVEs."""
        return tuple(dict.fromkeys((self.id, *self.cves)))
