"""What the command line lends to the commands of a family, which start no process, throw no dice and parse no files
of the configuration themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from secaudit.api.facts import Facts
from secaudit.model.answer import Answer
from secaudit.model.answered import Answered
from secaudit.model.feed import FeedSources
from secaudit.model.observation import Observation, RulesetText
from secaudit.model.packet import Address, Packet
from secaudit.model.request import Request


class Kernel(Protocol):
    """Somebody who can load a ruleset into a throw-away namespace and send packets through it."""

    def observe(self, rulesets: Sequence[RulesetText], packets: Sequence[Packet]) -> Observation:
        """Load the parts of a ruleset in order, and tell what became of each packet. Raises a UserError."""


@dataclass(frozen=True, slots=True)
class HostChoice:
    """The one host that a command line names.

    `target` is what `scan` takes (`local`, `ssh://[user@]host[:port]`, `replay:BUNDLE`); `name` chooses a host of
    `inventory`, of the bundle or, with `stored`, of the store at `store`, whose newest answers are then read.
    """

    target: str | None = None
    name: str | None = None
    inventory: Path | None = None
    stored: bool = False
    store: str | None = None


@dataclass(frozen=True, slots=True)
class AskedHost:
    """A host, what is known about it, and the answers that say so, without secrets."""

    label: str
    facts: Facts
    answers: Mapping[Request, Answer]


class Outside(Protocol):
    """A place in the network from where packets can be sent to one host that may be probed."""

    @property
    def source(self) -> Address:
        """The address that the host sees packets come from."""
        ...

    @property
    def destination(self) -> Address:
        """The host's address."""
        ...

    @property
    def first_port(self) -> int:
        """A source port; it and the thousand above it were not used a short while ago."""
        ...

    def knock(self, packets: Sequence[Packet], rate: int) -> Sequence[Answered]:
        """Send packets from `source` to `destination`, `rate` per second, and tell what came back for each.

        What is not answered is sent again. No two packets have protocol and source port in common. Raises a UserError.
        """
        ...


class Laboratory(Protocol):
    """The `obj` of the click context of every command."""

    def kernel(self, interfaces: Iterable[str]) -> AbstractContextManager[Kernel]:
        """This machine's kernel behind a router of its own with these interfaces. Needs root; raises a UserError."""
        ...

    def chooser(self, seed: int) -> Callable[[int], int]:
        """A source of numbers from 0 to below its argument; the same seed gives the same numbers."""
        ...

    def host(self, choice: HostChoice, wanted: Sequence[type]) -> AskedHost:
        """Ask a host for facts with the requests that their collectors declare.

        Raises a UserError, also when one of the wanted facts is not to be had.
        """
        ...

    def outside(self, choice: HostChoice) -> AbstractContextManager[Outside]:
        """The scanner's side of a host. Needs root; raises a UserError unless the inventory says `probe: true`."""
        ...

    def feed_sources(self, path: Path) -> FeedSources:
        """The addresses that a file of feed sources names. Raises a UserError that names file, line and column."""
        ...
