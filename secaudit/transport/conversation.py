"""Running a batch over a connection: reads the frames, keeps the time, and goes on after whatever a command does."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from secaudit.model.answer import Answer, AnswerStatus
from secaudit.model.request import Command, Request
from secaudit.transport.batch import KILL_AFTER, batch_script, kill_script
from secaudit.transport.channel import Channel, ChannelLost, Connection
from secaudit.transport.frames import Begun, Done, Ended, Event, Exited, FrameError, FrameParser, Grouped, Hello
from secaudit.transport.interface import Received, TooMuch, unlimited
from secaudit.transport.verdict import judge

_OPEN_LIMIT = 10.0
"""Seconds for a connected host to open a channel and take the script."""

_HELLO_LIMIT = 20.0
"""Seconds for the login shell and the script's preparation, and for the step from one command to the next."""

GRACE = 3.0
"""Seconds that children may hold the output open after their command has ended, and that timeout(1) may be late."""

_KILL_LIMIT = 2.0
"""Seconds for the side channel that kills a process group, and again for the output to end after that."""

_BROKEN_PIPE = 128 + 13

Started = Callable[[Request], None] | None


def commands_of(requests: Sequence[Request]) -> list[Command]:
    """The requests of a session, which are commands. Raises TypeError for anything else: that is the prober's."""
    commands = [request for request in requests if isinstance(request, Command)]
    if len(commands) != len(requests):
        raise TypeError("a session answers commands only")
    return commands


def unanswered(request: Request, status: AnswerStatus, detail: str) -> Answer:
    """The answer to a request that was never begun."""
    return Answer(request, status, datetime.now(UTC), detail=detail)


@dataclass(slots=True)
class _Running:
    """The command that runs now. Times are monotonic seconds, except `asked` and `started`."""

    command: Command
    asked: datetime
    started: datetime
    begun: float
    group: int = 0
    code: int | None = None
    exited: float = 0.0
    killed: float | None = None
    overdue: bool = False

    def patience(self) -> float:
        """The monotonic time until which there must be news of this command."""
        if self.killed is not None:
            return self.killed + _KILL_LIMIT
        if self.code is not None:
            return self.exited + GRACE
        return self.begun + self.command.timeout.total_seconds() + KILL_AFTER + GRACE

    def answer(self, status: AnswerStatus, detail: str, stdout: bytes = b"", stderr: bytes = b"") -> Answer:
        limit = self.command.limit
        truncated = len(stdout) > limit
        duration = timedelta(seconds=time.monotonic() - self.begun)
        ended_itself = not self.overdue and not (truncated and self.code == _BROKEN_PIPE)
        code = self.code if ended_itself else None
        return Answer(
            self.command, status, self.started, duration, code, stdout[:limit], stderr, truncated, detail, self.asked
        )

    def complete(self, uid: int | None, stdout: bytes, stderr: bytes) -> Answer:
        """The answer to a command whose frame is complete."""
        if self.code is None:
            return self.answer(AnswerStatus.LOST, "the host did not report how the command ended", stdout, stderr)
        if self.overdue:
            return self.answer(AnswerStatus.TIMEOUT, self.overdue_detail, stdout, stderr)
        status, detail = judge(self.command, uid, self.code, stderr, self.exited - self.begun)
        self.overdue = status is AnswerStatus.TIMEOUT
        return self.answer(status, detail, stdout, stderr)

    @property
    def overdue_detail(self) -> str:
        return f"did not end within {self.command.timeout.total_seconds():g} s"


class Batch:
    """Runs unattended commands (root ones through `sudo -n`) over a connection; `uid` is known after the first run."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.uid: int | None = None

    def run(
        self, commands: Sequence[Command], deadline: float, started: Started, received: Received = unlimited
    ) -> Iterator[Answer]:
        """Answer every command once and in order, as `interface.Session.ask` promises."""
        rest = list(commands)
        while rest:
            attempt = _Attempt(self, self._connection, rest, deadline, started, received)
            answered = 0
            for answer in attempt.answers():
                answered += 1
                yield answer
            rest = rest[answered:]
            if not rest:
                return
            if attempt.flooded:
                yield from (unanswered(command, AnswerStatus.LIMIT, attempt.trouble) for command in rest)
                return
            # Another channel is not worth it where this one brought no command to an end or none could join it.
            if answered == 0 or attempt.deaf or time.monotonic() >= deadline:
                status = AnswerStatus.TIMEOUT if time.monotonic() >= deadline else AnswerStatus.LOST
                detail = "the time for this host was used up" if status is AnswerStatus.TIMEOUT else attempt.trouble
                yield from (unanswered(command, status, detail) for command in rest)
                return


class _Attempt:
    """One channel's worth of a batch.

    `trouble` says why it did not get to the end, `deaf` that the host took no second channel beside it, `flooded`
    that it sent more than it may.
    """

    def __init__(
        self,
        batch: Batch,
        connection: Connection,
        commands: Sequence[Command],
        deadline: float,
        started: Started,
        received: Received,
    ) -> None:
        self._batch = batch
        self._connection = connection
        self._commands = commands
        self._deadline = deadline
        self._started = started
        self._received = received
        self._nonce = secrets.token_hex(8)
        self._parser = FrameParser(self._nonce, [command.limit for command in commands])
        self._running: _Running | None = None
        self._waiting_since = time.monotonic()
        self._asked = datetime.now(UTC)
        self._done = False
        self.deaf = False
        self.flooded = False
        self.trouble = "the connection was lost"

    def answers(self) -> Iterator[Answer]:
        """The answers this channel gives; fewer than commands when it had to be given up."""
        remaining = self._deadline - time.monotonic()
        if remaining <= 0:
            return
        try:
            channel = self._connection.start(batch_script(self._commands, self._nonce), min(remaining, _OPEN_LIMIT))
        except ChannelLost as error:
            self.trouble = str(error)
            return
        try:
            yield from self._read(channel)
        finally:
            channel.close()

    def _read(self, channel: Channel) -> Iterator[Answer]:
        while not self._done:
            now = time.monotonic()
            until = min(
                self._running.patience() if self._running else self._waiting_since + _HELLO_LIMIT, self._deadline
            )
            try:
                chunk = channel.receive(until - now) if until > now else None
            except TimeoutError:
                chunk = None
            except ChannelLost as error:
                self.trouble = str(error)
                yield from self._give_up(AnswerStatus.LOST)
                return
            if chunk is None:
                if not self._push():
                    yield from self._give_up(AnswerStatus.TIMEOUT)
                    return
            elif chunk:
                try:
                    self._received(len(chunk))
                    for event in self._parser.feed(chunk):
                        yield from self._on(event)
                except TooMuch as error:
                    self.trouble, self.flooded = str(error), True
                    yield from self._give_up(AnswerStatus.LIMIT)
                    return
                except FrameError as error:
                    self.trouble = f"the host's answer is damaged: {error}"
                    yield from self._give_up(AnswerStatus.LOST)
                    return
            else:
                self.trouble = "the host's shell ended before its commands did"
                yield from self._give_up(AnswerStatus.LOST)
                return

    def _on(self, event: Event) -> Iterator[Answer]:
        now = time.monotonic()
        running = self._running
        match event:
            case Hello(uid, encoder):
                self._batch.uid = uid
                if encoder == "none":
                    raise FrameError("there is neither base64 nor od on the host")
            case Begun(index):
                command = self._commands[index]
                self._running = _Running(command, self._asked, datetime.now(UTC), now)
                if self._started is not None:
                    self._started(command)
            case Done():
                self._done = True
            case Grouped(group) if running is not None:
                running.group = group
            case Exited(code) if running is not None:
                running.code, running.exited = code, now
            case Ended(_, stdout, stderr) if running is not None:
                self._running = None
                yield running.complete(self._batch.uid, stdout, stderr)
        self._waiting_since = now

    def _push(self) -> bool:
        """Nothing came in time: kill what hangs, once. False when there is nothing more to wait for."""
        running, now = self._running, time.monotonic()
        if running is None:
            self.trouble = "the host's shell did not go on"
            return False
        if now >= self._deadline or running.killed is not None or running.group <= 1:
            return False
        running.overdue = running.code is None
        self._kill(running)
        running.killed = time.monotonic()
        return True

    def _kill(self, running: _Running) -> None:
        end = min(time.monotonic() + _KILL_LIMIT, self._deadline)
        script = kill_script(running.group, running.code is not None)
        try:
            side = self._connection.start(script, max(0.0, end - time.monotonic()))
            try:
                while side.receive(max(0.0, end - time.monotonic())):
                    pass
            finally:
                side.close()
        except (ChannelLost, TimeoutError) as error:
            self.deaf = True
            self.trouble = str(error) or "the host stopped answering"

    def _give_up(self, status: AnswerStatus) -> Iterator[Answer]:
        """The last answer of an abandoned channel: that of the command that ran, with what was read of it.

        Of a host that sent too much nothing is kept of that answer: it would be stored at every scan.
        """
        running = self._running
        if running is None:
            return
        if status is AnswerStatus.LIMIT:
            yield running.answer(status, self.trouble)
            return
        if status is AnswerStatus.LOST:
            detail = self.trouble
        elif running.code is not None:
            detail = "it ended, but something that it started keeps its output open"
        elif time.monotonic() >= self._deadline:
            detail = "the time for this host was used up"
        else:
            detail = running.overdue_detail
        yield running.answer(status, detail, self._parser.partial())
