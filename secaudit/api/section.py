"""Sections that families add to reports: pure functions from facts, of one scan or two, to tables and pictures."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from secaudit.api.facts import Facts
from secaudit.model.request import Request
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
    cannot be told. `says` are the sentences of the `Phrase`s that it uses, for whoever translates them. `noise` is what
    in the answer to a request never is the same twice and means nothing here, such as counters.
    """

    title: str
    requires: tuple[type, ...]
    build: Callable[[Facts, Facts], Section | None]
    says: frozenset[str]
    noise: Mapping[Request, re.Pattern[bytes]]


def change_section(
    title: str,
    *,
    requires: Sequence[type],
    says: Iterable[str] = (),
    noise: Mapping[Request, re.Pattern[bytes]] | None = None,
) -> Callable[[Callable[[Facts, Facts], Section | None]], ChangeSection]:
    """Declare the decorated function as what reports tell of the change between two scans under `title`.

    Where two scans gave the same answers, but for `noise`, the facts are the same object on both sides.
    """

    def declare(build: Callable[[Facts, Facts], Section | None]) -> ChangeSection:
        return ChangeSection(title, tuple(requires), build, frozenset(says), noise or {})

    return declare
