"""Panels that a family adds to the dashboard's view of a host: a pure function from what is known to tables and lines.

They stand in a module `panel` of the family's package, which nothing imports before a host is looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from secaudit.api.expect import Expect
from secaudit.api.facts import Facts
from secaudit.model.panel import Panel
from secaudit.model.result import Result

E = TypeVar("E", bound=Expect)


@dataclass(frozen=True, slots=True)
class HostView:
    """What is known of a host: facts, the results of its newest scan, and what its baselines expect.

    `expectations` is None when nobody knows which baselines are the host's.
    """

    facts: Facts
    results: tuple[Result, ...]
    expectations: tuple[Expect, ...] | None = None

    def expected(self, kind: type[E]) -> tuple[E, ...]:
        """The expectations of a kind; none when nobody knows them."""
        return tuple(one for one in self.expectations or () if isinstance(one, kind))


@dataclass(frozen=True, slots=True, eq=False)
class HostPanel:
    """A panel for every host that was asked for one of `facts`. `build` gives None to leave it out."""

    title: str
    facts: tuple[type, ...]
    build: Callable[[HostView], Panel | None]


def panel(title: str, *, facts: Sequence[type]) -> Callable[[Callable[[HostView], Panel | None]], HostPanel]:
    """Declare the decorated function as the panel `title`. It need not bound texts; the dashboard does.

    It may raise `Unproven`, which is shown as what is not known.
    """

    def declare(build: Callable[[HostView], Panel | None]) -> HostPanel:
        return HostPanel(title, tuple(facts), build)

    return declare
