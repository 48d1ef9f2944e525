"""Commands on this machine: the same script as over SSH, fed to a local `sh`."""

from __future__ import annotations

import os
import select
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from secaudit.model.answer import Answer
from secaudit.model.inventory import Host
from secaudit.model.request import MIB, Request
from secaudit.transport.channel import ChannelLost
from secaudit.transport.conversation import Batch, Started, commands_of
from secaudit.transport.interface import Received, Unreachable, unlimited

_CHUNK = MIB

_INHERITED = ("HOME", "LOGNAME", "PATH", "SHELL", "USER")
"""What a login would set, as over SSH. The rest of our environment may hold passwords, which no command is to see."""


class LocalTransport:
    """Opens this machine. `shell` is the argv of a POSIX shell that reads its script from stdin."""

    def __init__(self, shell: Sequence[str] = ("/bin/sh", "-s")) -> None:
        self._shell = tuple(shell)

    def open(self, host: Host, deadline: float) -> LocalSession:  # noqa: ARG002 - the protocol's; nothing to reach here
        """A session on this machine. Raises Unreachable when there is no shell."""
        if not os.access(self._shell[0], os.X_OK):
            raise Unreachable(f"{self._shell[0]} cannot be executed on this machine")
        return LocalSession(self._shell)


class LocalSession:
    """Runs batches in shells that are sessions of their own, and leaves no process of theirs behind."""

    def __init__(self, shell: Sequence[str]) -> None:
        self._shells = _Shells(shell)
        self._batch = Batch(self._shells)

    def ask(
        self,
        requests: Sequence[Request],
        deadline: float,
        started: Started = None,
        received: Received = unlimited,
    ) -> Iterator[Answer]:
        """See `interface.Session.ask`. Takes commands only; a root command runs through `sudo -n`."""
        return self._batch.run(commands_of(requests), deadline, started, received)

    def close(self) -> None:
        """Kill whatever the commands left running."""
        self._shells.close()


class _Shells:
    """The connection to this machine: every script in a process of its own."""

    def __init__(self, shell: Sequence[str]) -> None:
        self._shell = shell
        self._sessions: set[int] = set()

    def start(self, script: bytes, timeout: float) -> _Shell:  # noqa: ARG002 - a local shell starts at once
        try:
            process = subprocess.Popen(
                self._shell,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                bufsize=0,
                start_new_session=True,
                env={name: os.environ[name] for name in _INHERITED if name in os.environ},
            )
        except OSError as error:
            raise ChannelLost(f"{self._shell[0]}: {error.strerror}") from error
        self._sessions.add(process.pid)
        return _Shell(process, script)

    def close(self) -> None:
        for process in _members(self._sessions):
            with suppress(ProcessLookupError, PermissionError):
                os.kill(process, signal.SIGKILL)
        self._sessions.clear()


class _Shell:
    """One running script."""

    def __init__(self, process: subprocess.Popen[bytes], script: bytes) -> None:
        self._process = process
        assert process.stdin is not None
        assert process.stdout is not None
        self._stdin, self._stdout = process.stdin, process.stdout
        with suppress(BrokenPipeError), self._stdin:
            self._stdin.write(script)

    def receive(self, timeout: float) -> bytes:
        # poll, not select: with many hosts open, descriptors exceed what select can hold.
        poll = select.poll()
        poll.register(self._stdout, select.POLLIN)
        if not poll.poll(max(0.0, timeout) * 1000):
            raise TimeoutError
        return os.read(self._stdout.fileno(), _CHUNK)

    def close(self) -> None:
        if self._stdout.closed:
            return
        self._stdout.close()
        if self._process.poll() is None:
            with suppress(ProcessLookupError):
                self._process.kill()
        self._process.wait()


def _members(sessions: set[int]) -> Iterator[int]:
    """Processes whose session is one of `sessions`: field 6 of proc_pid_stat(5), counted after the command's name."""
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            fields = entry.read_text("utf-8", "replace").rpartition(")")[2].split()
            if int(fields[3]) in sessions:
                yield int(entry.parent.name)
