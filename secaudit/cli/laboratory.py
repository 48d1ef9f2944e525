"""The laboratory that mounted commands are lent; imported with the root command, so it imports what it needs late."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from secaudit.api import Kernel


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
