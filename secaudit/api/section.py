"""Sections that families add to reports: pure functions from facts, of one scan or two, to tables and pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
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


@dataclass(frozen=True, slots=True, eq=False)
class ChangeSection:
    """What changed on a host between two scans, for every host of which the facts in `requires` were asked.

    `build` gets the facts before and after. It gives None where nothing changed, and raises `Unproven` where that
    cannot be told. `says` are the sentences of the `Phrase`s that it uses, for whoever translates them.
    """

    title: str
    requires: tuple[type, ...]
    build: Callable[[Facts, Facts], Section | None]
    says: frozenset[str]


def change_section(
    title: str, *, requires: Sequence[type], says: Iterable[str] = ()
) -> Callable[[Callable[[Facts, Facts], Section | None]], ChangeSection]:
    """Declare the decorated function as what reports tell of the change between two scans under `title`.

    Facts of scans that gave the same answers are the same object on both sides.
    """

    def declare(build: Callable[[Facts, Facts], Section | None]) -> ChangeSection:
        return ChangeSection(title, tuple(requires), build, frozenset(says))

    return declare
