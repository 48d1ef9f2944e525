"""The laboratory that mounted commands are lent; imported with the root command, so it imports what it needs late."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from secaudit.api import AskedHost, FeedSources, HostChoice, Kernel, Outside


class Laboratory:
    """See `secaudit.api.Laboratory`."""

    def kernel(self, interfaces: Iterable[str]) -> AbstractContextManager[Kernel]:
        """A throw-away router under this machine's kernel."""
        from secaudit.verification.witness import witness

        return witness(interfaces)

    def chooser(self, seed: int) -> Callable[[int], int]:
        """Numbers that depend on the seed alone."""
        import random

        return random.Random(seed).randrange  # noqa: S311 - packets for a test, no secrets

    def host(self, choice: HostChoice, wanted: Sequence[type]) -> AskedHost:
        """Facts about one host."""
        from secaudit.cli.asking import ask

        return ask(choice, tuple(wanted))

    def outside(self, choice: HostChoice) -> AbstractContextManager[Outside]:
        """The scanner's side of a host that the inventory allows to be probed."""
        from secaudit.cli.asking import chosen
        from secaudit.cli.exits import CommandError
        from secaudit.verification.outside import outside

        host = chosen(choice)
        if not host.probe:
            raise CommandError(
                f"{host.label} is not marked as a host that may be probed: `probe: true` in the inventory"
            )
        return outside(host.address)

    def feed_sources(self, path: Path) -> FeedSources:
        """What a file of feed sources names."""
        from secaudit.config.feeds import load_feed_sources

        return load_feed_sources(path)
