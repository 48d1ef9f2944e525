"""Sections that a family adds to the technical report: a pure function from facts to tables and pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from secaudit.api.facts import Facts
from secaudit.model.section import Section


@dataclass(frozen=True, slots=True, eq=False)
class ReportSection:
    """A section for every host of which the facts in `requires` are known. `build` gives None to leave it out."""

    title: str
    requires: tuple[type, ...]
    build: Callable[[Facts], Section | None]


def section(title: str, *, requires: Sequence[type]) -> Callable[[Callable[[Facts], Section | None]], ReportSection]:
    """Declare the decorated function as the report's section `title`. It need not bound texts; reports do."""

    def declare(build: Callable[[Facts], Section | None]) -> ReportSection:
        return ReportSection(title, tuple(requires), build)

    return declare
