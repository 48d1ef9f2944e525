"""Looking for processes that should be gone."""

from __future__ import annotations

import time
from pathlib import Path

PATIENCE = 20.0
"""Seconds for what happens soon, and on a busy machine later."""


def running(word: str) -> list[int]:
    """The processes of this machine that have exactly this argument."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = entry.read_bytes().split(b"\0")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if word.encode() in words:
            found.append(int(entry.parent.name))
    return found


def appears(word: str) -> bool:
    """Whether a process with this argument is there, or will be soon: a shell forks before it runs what it was told."""
    end = time.monotonic() + PATIENCE
    while not running(word) and time.monotonic() < end:
        time.sleep(0.01)
    return bool(running(word))


def vanishes(word: str) -> bool:
    """Whether no process with this argument is there, or soon none will be: one that was killed takes its time."""
    end = time.monotonic() + PATIENCE
    while running(word) and time.monotonic() < end:
        time.sleep(0.01)
    return not running(word)


def alive(pid: int) -> bool:
    """Whether the process runs; one that has ended and waits to be collected does not."""
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
