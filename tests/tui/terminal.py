"""A real terminal to press keys in: tmux, with one window."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

PATIENCE = 60.0
"""Seconds that anything may take on a busy machine; what is waited for is looked for all the time."""


class Terminal:
    """A tmux of its own, with one window of 120×40."""

    def __init__(self, socket: Path) -> None:
        self._tmux = ["tmux", "-f", "/dev/null", "-S", str(socket)]

    def start(self, argv: list[str]) -> None:
        """Run a program in it."""
        size = ["-x", "120", "-y", "40"]
        # A program believes these before it asks the terminal.
        environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
        subprocess.run(
            [*self._tmux, "new-session", "-d", *size, *argv],
            check=True,
            timeout=PATIENCE,
            env={**environment, "TERM": "xterm-256color"},
        )

    def press(self, key: str) -> None:
        """Press a key."""
        subprocess.run([*self._tmux, "send-keys", key], check=True, timeout=PATIENCE)

    def type(self, text: str) -> None:
        """Type a text."""
        subprocess.run([*self._tmux, "send-keys", "-l", text], check=True, timeout=PATIENCE)

    def screen(self) -> str:
        """What it shows."""
        shown = subprocess.run([*self._tmux, "capture-pane", "-p"], capture_output=True, timeout=PATIENCE, check=False)
        return shown.stdout.decode()

    def until(self, holds: Callable[[str], bool]) -> str:
        """Wait until it shows something."""
        end = time.monotonic() + PATIENCE
        while not holds(shown := self.screen()):
            assert time.monotonic() < end, shown
            time.sleep(0.1)
        return shown

    def stop(self) -> None:
        """End it."""
        subprocess.run([*self._tmux, "kill-server"], check=False, capture_output=True, timeout=PATIENCE)


@contextmanager
def opened(socket: Path) -> Iterator[Terminal]:
    """A terminal that is gone afterwards; skips the test where there is no tmux."""
    if shutil.which("tmux") is None:
        pytest.skip("needs tmux")
    made = Terminal(socket)
    try:
        yield made
    finally:
        made.stop()
