"""Which firing of each schedule was taken care of last, and a lock so that a schedule never overlaps itself."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from secaudit.model.errors import UserError


class LedgerError(UserError):
    """The ledger's directory cannot be used."""


def default_directory() -> Path:
    """Below `$XDG_STATE_HOME` (XDG Base Directory Specification), `~/.local/state` without it."""
    state = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(state) / "secaudit" / "schedules"


class Ledger:
    """A directory with a file per schedule: its newest handled firing, locked while its scan runs.

    The lock is the kernel's (flock), so it ends with the process that holds it, however that ends.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    @contextmanager
    def entry(self, schedule_id: str) -> Iterator[Entry | None]:
        """The schedule's entry under its lock, or None when another process holds it. Raises LedgerError."""
        try:
            self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            file = (self._directory / schedule_id).open("a+", encoding="ascii")
        except OSError as error:
            raise LedgerError(f"cannot keep schedules in {self._directory}: {error.strerror}") from None
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield None
                return
            yield Entry(Path(file.name))


class Entry:
    """What is known of one schedule; only to be used under its lock."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def handled(self) -> datetime | None:
        """The newest firing that was taken care of (aware UTC); None for a schedule that was never seen."""
        text = self._path.read_text(encoding="ascii", errors="replace").strip()
        try:
            return datetime.fromisoformat(text).astimezone(UTC) if text else None
        except ValueError:
            raise LedgerError(f"{self._path} does not hold a time; remove it to start the schedule afresh") from None

    def handle(self, firing: datetime) -> None:
        """Note that `firing` is being taken care of, durably, before its scan begins: it is never done twice."""
        # Written in place: the lock is on this very file, and a rename would leave it on the old one.
        with self._path.open("r+", encoding="ascii") as file:
            file.truncate()
            file.write(firing.astimezone(UTC).isoformat())
            file.flush()
            os.fsync(file.fileno())
