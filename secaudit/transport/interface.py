"""The seam between the engine and whatever reaches a host."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from secaudit.model.answer import Answer
from secaudit.model.inventory import Host
from secaudit.model.request import PortScan, Request


class TransportError(Exception):
    """Base of everything that a transport raises; its text is for people and holds no secret."""


class Unreachable(TransportError):
    """The host could not be reached or logged into: name not found, refused, timed out, host key, authentication."""


class TooMuch(TransportError):
    """A host sent more than it may."""


Received = Callable[[int], None]
"""Is told how many bytes came, as they come; raises `TooMuch` when no more of the host is to be read."""


def unlimited(size: int) -> None:
    """Lets everything come."""


class Session(Protocol):
    """One opened host."""

    def ask(
        self,
        requests: Sequence[Request],
        deadline: float,
        started: Callable[[Request], None] | None = None,
        received: Received = unlimited,
    ) -> Iterator[Answer]:
        """Answer every request exactly once, in order, whatever happens.

        `deadline` is a `time.monotonic()` value: what has not ended by then is answered with status `TIMEOUT`, and
        what could not be asked after a lost connection with `LOST`. Never raises for the host's trouble. `started`
        is called when a request begins. What is not read because of what `received` raised is answered with `LIMIT`.
        """
        ...

    def close(self) -> None:
        """Let go of the host; safe to call twice."""
        ...


class Transport(Protocol):
    """A way to open hosts; used from many threads at once."""

    def open(self, host: Host, deadline: float) -> Session:
        """Connect and log in before `deadline` (monotonic) or raise `Unreachable`."""
        ...


class Prober(Protocol):
    """Asks from the scanner's side of the network; used from many threads at once."""

    def scan(self, host: Host, request: PortScan, deadline: float) -> Answer:
        """Scan the host's address before `deadline`. stdout of the answer is nmap's XML. Never raises for its trouble.

        A scan that has to wait for others does so in no time of the host's: its deadline moves by what passed between
        `asked` and `started` of the answer. A host with the local transport is answered `DENIED`: a machine cannot
        see its own ports from outside.
        """
        ...

    def close(self) -> None:
        """Begin no scan any more; those that wait are answered `LOST` at once."""
        ...
