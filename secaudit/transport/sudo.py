"""Root commands where sudo wants a password: a channel for each, and the password on stdin when sudo asks for it."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import paramiko

from secaudit.model.answer import Answer, AnswerStatus
from secaudit.model.request import KIB, Command
from secaudit.transport.batch import ENVIRONMENT, KILL_AFTER, STDERR_LIMIT, command_line, seconds
from secaudit.transport.channel import ChannelLost
from secaudit.transport.conversation import GRACE, Started, unanswered
from secaudit.transport.interface import Received, TooMuch, TransportError, unlimited
from secaudit.transport.ssh_close import close_channel
from secaudit.transport.verdict import judge

# The environment of the batch, and timeout(1) where the host has it, so that nothing goes on there without us.
_LAUNCHER = (
    f"{ENVIRONMENT}; cd /; timeout -k {KILL_AFTER} 9 true 2>/dev/null"
    f' && exec timeout -k {KILL_AFTER} "$@"; shift; exec "$@"'
)
_OPEN_LIMIT = 20.0
_STATUS_LIMIT = 2.0
_TICK = 0.05
_CHUNK = 64 * KIB


class PasswordSudo:
    """Runs root commands through `sudo -S`, one after the other.

    `execute` opens a channel for a command line within a number of seconds; `password` gives the password when it is
    first needed. A password that sudo refuses is never tried again, so that no account is locked by a scan.
    """

    def __init__(self, execute: Callable[[str, float], paramiko.Channel], password: Callable[[], str]) -> None:
        self._execute = execute
        self._password = password
        self._refused = ""

    def run(self, command: Command, deadline: float, started: Started, received: Received = unlimited) -> Answer:
        """The command's answer, before `deadline` (monotonic)."""
        try:
            received(0)
        except TooMuch as error:
            return unanswered(command, AnswerStatus.LIMIT, str(error))
        if self._refused:
            return unanswered(command, AnswerStatus.DENIED, self._refused)
        left = deadline - time.monotonic()
        if left <= 0:
            return unanswered(command, AnswerStatus.TIMEOUT, "the time for this host was used up")
        try:
            password = self._password()
        except TransportError as error:
            self._refused = str(error)
            return unanswered(command, AnswerStatus.DENIED, self._refused)
        # A prompt of its own for each command tells that it is sudo who asks: the password is not sent to a command
        # that runs without one. -k makes sudo neither use nor write the record of an earlier authentication.
        prompt = secrets.token_hex(16)
        sudo = ("sudo", "-k", "-S", "-p", prompt, "--", *command.argv)
        line = command_line(("sh", "-c", _LAUNCHER, "sh", seconds(command), *sudo))
        asked = datetime.now(UTC)
        try:
            channel = self._execute(line, min(left, _OPEN_LIMIT))
        except ChannelLost as error:
            return unanswered(command, AnswerStatus.LOST, str(error))
        if started is not None:
            started(command)
        exchange = _Exchange(channel, command, prompt.encode(), password, asked, received)
        try:
            answer = exchange.run(deadline)
        finally:
            close_channel(channel)
        if exchange.prompts > 1:
            self._refused = "sudo did not accept the password; it was not tried again"
        return answer


@dataclass(slots=True)
class _Exchange:
    """One command in its channel. `prompts` counts how often sudo asked."""

    channel: paramiko.Channel
    command: Command
    prompt: bytes
    password: str = field(repr=False)
    asked: datetime
    received: Received
    prompts: int = 0
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    begun: float = field(default_factory=time.monotonic)
    stdout: bytearray = field(default_factory=bytearray)
    stderr: bytearray = field(default_factory=bytearray)

    def run(self, deadline: float) -> Answer:
        limit = self.command.timeout.total_seconds()
        until = min(deadline, self.begun + limit + KILL_AFTER + GRACE)
        ended = False
        try:
            while not self._read():
                if len(self.stdout) > self.command.limit:
                    return self._answer(AnswerStatus.ENDED, "")
                if not ended and self.channel.exit_status_ready():
                    # sudo has ended; a child that keeps the output open gets a little more time.
                    ended, until = True, min(deadline, time.monotonic() + GRACE)
                if time.monotonic() >= until:
                    if ended:
                        break
                    used_up = until == deadline
                    detail = "the time for this host was used up" if used_up else f"did not end within {limit:g} s"
                    return self._answer(AnswerStatus.TIMEOUT, detail)
        except TooMuch as error:
            self.stdout.clear()
            return self._answer(AnswerStatus.LIMIT, str(error))
        except OSError:
            return self._answer(AnswerStatus.LOST, "the connection was lost")
        return self._verdict()

    def _read(self) -> bool:
        """Wait a moment for output and take what is there; true at the end of both streams.

        paramiko cannot wait for both at once (its `fileno` races with closing the channel), so the one where news is
        due is waited for: stderr until sudo has asked, then stdout.
        """
        self.channel.settimeout(_TICK)
        over = False
        with suppress(TimeoutError):
            if self.prompts or self.channel.recv_ready():
                chunk = self.channel.recv(_CHUNK)
                self.received(len(chunk))
                self.stdout += chunk
                over = not chunk
            else:
                chunk = self.channel.recv_stderr(_CHUNK)
                self._complain(chunk)
                over = not chunk and not self.channel.recv_ready()
        while self.channel.recv_stderr_ready():
            self._complain(self.channel.recv_stderr(_CHUNK))
        return over

    def _complain(self, chunk: bytes) -> None:
        self.received(len(chunk))
        self.stderr += chunk
        while self.prompt in self.stderr:
            at = self.stderr.index(self.prompt)
            del self.stderr[at : at + len(self.prompt)]
            self._answer_prompt()
        del self.stderr[STDERR_LIMIT:]

    def _answer_prompt(self) -> None:
        self.prompts += 1
        if self.prompts == 1:
            self.channel.settimeout(_OPEN_LIMIT)
            self.channel.sendall(self.password.encode() + b"\n")
            # A second prompt finds the end of the input and sudo gives up; the command reads nothing.
            self.channel.shutdown_write()

    def _verdict(self) -> Answer:
        # The status may come a moment after the end of the output.
        known = self.channel.status_event.wait(_STATUS_LIMIT)
        code = self.channel.exit_status if known else -1
        if code < 0:
            return self._answer(AnswerStatus.LOST, "the host did not report how the command ended")
        if self.prompts > 1:
            return self._answer(AnswerStatus.DENIED, "sudo did not accept the password", code)
        status, detail = judge(self.command, None, code, bytes(self.stderr), time.monotonic() - self.begun)
        return self._answer(status, detail, None if status is AnswerStatus.TIMEOUT else code)

    def _answer(self, status: AnswerStatus, detail: str, code: int | None = None) -> Answer:
        limit = self.command.limit
        return Answer(
            self.command,
            status,
            self.started,
            timedelta(seconds=time.monotonic() - self.begun),
            code,
            bytes(self.stdout[:limit]),
            bytes(self.stderr),
            len(self.stdout) > limit,
            detail,
            self.asked,
        )
