"""Reference data: facts that come from a data directory of the scanner instead of from a host."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from secaudit.api.facts import Platform
from secaudit.model.feed import FeedStamp

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


def default_feeds() -> Path:
    """Where reference data are kept when nothing else is said.

    `$SECAUDIT_FEEDS`, else `secaudit/feeds` in the XDG data directory (XDG Base Directory Specification 0.8:
    `$XDG_DATA_HOME` when it is absolute, else `~/.local/share`).
    """
    chosen = os.environ.get("SECAUDIT_FEEDS")
    if chosen:
        return Path(chosen)
    configured = Path(os.environ.get("XDG_DATA_HOME", ""))
    data = configured if configured.is_absolute() else Path.home() / ".local" / "share"
    return data / "secaudit" / "feeds"


class ReferenceSource(Protocol[T_co]):
    """Reference data as they were when a run opened them; what is imported later does not reach the run."""

    @property
    def stamps(self) -> tuple[FeedStamp, ...]:
        """What the run records about the data."""
        ...

    def load(self, platform: Platform | None) -> T_co:
        """The fact for hosts of `platform` (None: not known), whole in memory: nothing that uses it does I/O.

        Called once per run and platform. Raises `Unproven` when there are no data for it, or damaged ones.
        """
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Reference(Generic[T]):
    """A fact of the run. `open` is given the data directory, once per run; it may raise `Unproven`.

    `limit` names the value of expectations that says how old the data may be; empty when their age says nothing.
    """

    fact: type[T]
    open: Callable[[Path], ReferenceSource[T]]
    limit: str = ""


def reference(fact: type[T], *, limit: str = "") -> Callable[[Callable[[Path], ReferenceSource[T]]], Reference[T]]:
    """Declare the decorated function, which opens the data below a directory, as the source of `fact`.

    Collectors and checks name the fact in `uses`, `requires` or `considers` like any other. Checks themselves hold the
    age of the data against their expectation; `limit` is its name there, so that others can say when it is reached.
    """

    def declare(open_: Callable[[Path], ReferenceSource[T]]) -> Reference[T]:
        return Reference(fact, open_, limit)

    return declare
