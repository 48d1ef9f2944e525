"""Runs one command of secaudit again and again, each time dying at another moment: `PLACE MOST COMMAND…`.

Moments are what changes something outside: a file that is opened for writing, renamed, made or removed, a connection, a
statement of the database and the end of a transaction. In a copy `PLACE-1` of the place the process is killed (SIGKILL,
so nothing is cleaned up) right before the first of them, and so on; at most MOST copies, spread evenly. Writes the
numbers of the copies that a process died in. Everything is imported once, and each copy is a fork.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import Engine, event

from secaudit.cli.main import run

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
CHANGES = frozenset({"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "os.link", "socket.connect"})


class Countdown:
    """Kills this process at the `last` moment, and counts them when that is 0."""

    def __init__(self, last: int) -> None:
        self._last = last
        self.seen = 0

    def moment(self, *_: object, **__: object) -> None:
        self.seen += 1
        if self.seen == self._last:
            os.kill(os.getpid(), signal.SIGKILL)

    def audited(self, name: str, arguments: tuple[object, ...]) -> None:
        if name in CHANGES or (name == "open" and isinstance(arguments[2], int) and arguments[2] & WRITING):
            self.moment()

    def install(self) -> None:
        sys.addaudithook(self.audited)
        for name in ("before_cursor_execute", "commit"):
            event.listen(Engine, name, self.moment)


def died(place: Path, last: int, command: Sequence[str]) -> int | None:
    """Run the command in the place; None when it was killed, else how many moments it had."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        os.chdir(place)
        os.environ["SECAUDIT_STORE"] = str(place / "store.sqlite")
        with open(os.devnull, "w") as nowhere:  # noqa: PTH123 - before the hook counts
            sys.stdout = sys.stderr = nowhere
            countdown = Countdown(last)
            countdown.install()
            run(list(command))
            os.write(writing, str(countdown.seen).encode())
        os._exit(0)
    os.close(writing)
    _, status = os.waitpid(child, 0)
    with os.fdopen(reading) as told:
        count = told.read()
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return None
    return int(count)


def main() -> None:
    """Every moment in a copy of its own."""
    place, most, command = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]

    def copy(name: str) -> Path:
        return Path(shutil.copytree(place, place.with_name(f"{place.name}-{name}"), symlinks=True))

    moments = died(copy("whole"), 0, command)
    assert moments, "nothing happened"
    step = max(1, -(-moments // most))
    for last in range(1, moments + 1, step):
        if died(copy(str(last)), last, command) is None:
            sys.stdout.write(f"{last}\n")


if __name__ == "__main__":
    main()
