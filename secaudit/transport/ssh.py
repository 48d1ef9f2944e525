"""Commands on a host over SSH: one connection, one channel for the batch, channels of their own where sudo asks."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence

import paramiko

from secaudit.model.answer import Answer
from secaudit.model.inventory import Host
from secaudit.model.request import KIB, Request
from secaudit.transport.channel import ChannelLost
from secaudit.transport.conversation import Batch, Started, commands_of
from secaudit.transport.interface import Received, Unreachable, unlimited
from secaudit.transport.secrets import Secrets, SecretUnavailable
from secaudit.transport.ssh_close import GONE, close_channel
from secaudit.transport.ssh_login import Link, log_in, silence
from secaudit.transport.ssh_route import route
from secaudit.transport.sudo import PasswordSudo

_CHUNK = 256 * KIB


class SshTransport:
    """Opens hosts over SSH.

    `connect_limit` bounds, in seconds, each of connecting to and logging into every server on the way.
    """

    def __init__(self, connect_limit: float = 10.0) -> None:
        self._limit = connect_limit
        self._secrets = Secrets()
        silence()

    def open(self, host: Host, deadline: float) -> SshSession:
        """Log in before `deadline` (monotonic). Raises Unreachable with a message that says what to do."""
        hops = route(host)
        settings = host.ssh
        password = settings.password
        try:
            link = log_in(
                hops, deadline, self._limit, None if password is None else lambda: self._secrets.get(password)
            )
        except SecretUnavailable as error:
            raise Unreachable(str(error)) from error
        sudo_password = settings.sudo_password if hops[-1].user != "root" else None
        return SshSession(link, None if sudo_password is None else lambda: self._secrets.get(sudo_password))


class SshSession:
    """One host. Use from one thread at a time; `close` may come from another."""

    def __init__(self, link: Link, sudo_password: Callable[[], str] | None) -> None:
        self._link = link
        self._connection = _SshConnection(link.transport)
        self._batch = Batch(self._connection)
        self._sudo = None if sudo_password is None else PasswordSudo(self._connection.execute, sudo_password)

    def ask(
        self,
        requests: Sequence[Request],
        deadline: float,
        started: Started = None,
        received: Received = unlimited,
    ) -> Iterator[Answer]:
        """See `interface.Session.ask`. Takes commands only.

        With a sudo password the root commands follow one by one after the batch; answers keep the order asked.
        """
        commands = commands_of(requests)
        if self._sudo is None:
            yield from self._batch.run(commands, deadline, started, received)
            return
        unattended = [each for each in commands if not each.root]
        plain = iter(list(self._batch.run(unattended, deadline, started, received)))
        for command in commands:
            if command.root:
                yield self._sudo.run(command, deadline, started, received)
            else:
                yield next(plain)

    def close(self) -> None:
        """Cut the connection. Never waits for the host; what still runs there dies when it next writes."""
        self._link.close()


class _SshConnection:
    """Runs programs in channels of one connection."""

    def __init__(self, transport: paramiko.Transport) -> None:
        self._transport = transport

    def execute(self, line: str, timeout: float) -> paramiko.Channel:
        """A new channel in which the user's login shell runs `line`. Raises ChannelLost after `timeout` seconds."""
        try:
            channel = self._transport.open_session(timeout=timeout)
        except paramiko.ChannelException as error:
            raise ChannelLost("the server refused another channel") from error
        except GONE as error:
            raise ChannelLost("the connection was lost") from error
        # paramiko waits for the server's reply to `exec` without a limit of its own; closing the channel ends the wait.
        watchdog = threading.Timer(timeout, close_channel, (channel,))
        watchdog.start()
        try:
            channel.exec_command(line)
        except GONE as error:
            close_channel(channel)
            raise ChannelLost("the host did not start a shell") from error
        finally:
            watchdog.cancel()
        return channel

    def start(self, script: bytes, timeout: float) -> _ScriptChannel:
        """See `channel.Connection`."""
        end = time.monotonic() + timeout
        channel = self.execute("sh -s", timeout)
        try:
            channel.settimeout(max(0.1, end - time.monotonic()))
            channel.sendall(script)
            channel.shutdown_write()
        except GONE as error:
            close_channel(channel)
            raise ChannelLost("the host did not take the commands") from error
        return _ScriptChannel(channel)


class _ScriptChannel:
    """The output of a script."""

    def __init__(self, channel: paramiko.Channel) -> None:
        self._channel = channel

    def receive(self, timeout: float) -> bytes:
        self._channel.settimeout(timeout)
        try:
            chunk = self._channel.recv(_CHUNK)
        except TimeoutError:
            raise
        except OSError as error:
            raise ChannelLost("the connection was lost") from error
        # A connection that breaks looks like the end of the output, but nobody has announced that end.
        if not chunk and not self._channel.eof_received:
            raise ChannelLost("the connection was lost")
        return chunk

    def close(self) -> None:
        close_channel(self._channel)
