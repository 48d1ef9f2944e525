"""What the command line lends to the commands of a family, which start no process and throw no dice themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from secaudit.model.observation import Observation, RulesetText
from secaudit.model.packet import Packet


class Kernel(Protocol):
    """Somebody who can load a ruleset into a throw-away namespace and send packets through it."""

    def observe(self, rulesets: Sequence[RulesetText], packets: Sequence[Packet]) -> Observation:
        """Load the parts of a ruleset in order, and tell what became of each packet. Raises a UserError."""


class Laboratory(Protocol):
    """The `obj` of the click context of every command."""

    def kernel(self, interfaces: Iterable[str]) -> AbstractContextManager[Kernel]:
        """This machine's kernel behind a router of its own with these interfaces. Needs root; raises a UserError."""
        ...

    def chooser(self, seed: int) -> Callable[[int], int]:
        """A source of numbers from 0 to below its argument; the same seed gives the same numbers."""
        ...
