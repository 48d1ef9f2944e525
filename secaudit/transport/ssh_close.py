"""Closing what runs over a connection that may break in the same moment.

Closing an SSH channel tells the other side so, and paramiko raises when that cannot be sent any more. Where the closing
is what we want, nobody needs the news: a thread that ends with it would print a traceback to the terminal.
"""

from __future__ import annotations

from contextlib import suppress

import paramiko
from paramiko.packet import Packetizer

GONE = (OSError, EOFError, paramiko.SSHException)


def close_channel(channel: paramiko.Channel) -> None:
    """Close `channel`, whether or not its connection still stands. Safe to call twice and from any thread."""
    with suppress(*GONE):
        channel.close()


class TunnelPacketizer(Packetizer):
    """Packets over a socket or over the channel of a jump host; that the channel is gone is no reason not to close."""

    def close(self) -> None:
        """Close the socket. paramiko's thread calls this at its end, with waiters still to be woken."""
        with suppress(*GONE):
            super().close()
