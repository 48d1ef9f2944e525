"""What the batch needs of a connection: running `sh -s` with a script on its stdin and reading what it prints."""

from __future__ import annotations

from typing import Protocol


class ChannelLost(Exception):
    """The channel or its connection is gone."""


class Channel(Protocol):
    """The output of one running script."""

    def receive(self, timeout: float) -> bytes:
        """The next bytes; empty at the end. Raises TimeoutError after `timeout` seconds, or ChannelLost."""
        ...

    def close(self) -> None:
        """Stop reading, at once; the script dies when it next writes. Safe to call twice."""
        ...


class Connection(Protocol):
    """A host that scripts can be run on, one at a time or side by side."""

    def start(self, script: bytes, timeout: float) -> Channel:
        """Feed `script` to a new `sh -s` within `timeout` seconds, or raise ChannelLost."""
        ...
