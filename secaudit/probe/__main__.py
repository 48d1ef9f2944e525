"""`python -m secaudit.probe`: answers requests (see `protocol`) until its input ends, and leaves nothing behind."""

from __future__ import annotations

import json
import select
import struct
import sys
import time
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any

from secaudit.probe import conntrack
from secaudit.probe.build import MOST, build
from secaudit.probe.knock import knock
from secaudit.probe.listen import InterfaceListener, Listener, LogListener, Recognised
from secaudit.probe.namespaces import inside, new_namespace
from secaudit.probe.protocol import Wording
from secaudit.probe.send import FrameSender, Sender, StackSender

_BATCH = 256
"""Packets sent between two looks at what the listener has."""


class Probe:
    """The jobs, and the sockets they share."""

    def __init__(self) -> None:
        self._listener: Listener | None = None
        self._recognised: list[Recognised] = []
        self._senders: dict[tuple[str, str | None], Sender] = {}

    def namespace(self) -> str:
        """See `protocol`."""
        return new_namespace()

    def listen(self, namespace: str, group: int = 0, interface: str | None = None) -> None:
        """See `protocol`."""
        with inside(namespace):
            self._listener = InterfaceListener(interface) if interface is not None else LogListener(group)

    def connect(self, namespace: str, packets: list[list[Any]]) -> None:
        """See `protocol`."""
        with inside(namespace):
            conntrack.connect(Wording(*packet) for packet in packets)

    def disconnect(self, namespace: str) -> None:
        """See `protocol`."""
        with inside(namespace):
            conntrack.disconnect()

    def send(self, namespace: str, interface: str | None, first: int, packets: list[list[Any]]) -> int:
        """See `protocol`."""
        if first + len(packets) > MOST:
            raise ValueError(f"packets are numbered below {MOST}")
        sender = self._sender(namespace, interface)
        built = (build(Wording(*packet), number) for number, packet in enumerate(packets, first))
        sent = 0
        while count := sender.send(islice(built, _BATCH)):
            sent += count
            self._drain()
        return sent

    def _sender(self, namespace: str, interface: str | None) -> Sender:
        """The way out of there, kept open: the kernel waits for every processor when a packet socket is closed."""
        found = self._senders.get((namespace, interface))
        if found is None:
            with inside(namespace):
                found = StackSender() if interface is None else FrameSender(interface)
            self._senders[namespace, interface] = found
        return found

    def collect(self, count: int, seconds: float) -> list[Recognised]:
        """See `protocol`."""
        end = time.monotonic() + seconds
        self._drain()
        while self._listener and len(self._recognised) < count and (left := end - time.monotonic()) > 0:
            select.select([self._listener], [], [], left)
            self._drain()
        found, self._recognised = self._recognised, []
        return found

    def knock(self, packets: list[list[Any]], rate: int, seconds: float) -> list[tuple[str, str]]:
        """See `protocol`."""
        return knock([Wording(*packet) for packet in packets], rate, seconds)

    def _drain(self) -> None:
        if self._listener:
            self._recognised += self._listener.drain()


def answer(probe: Probe, line: str) -> dict[str, Any]:
    """Do what one line asks."""
    jobs: dict[str, Callable[..., Any]] = {
        "namespace": probe.namespace,
        "listen": probe.listen,
        "connect": probe.connect,
        "disconnect": probe.disconnect,
        "send": probe.send,
        "collect": probe.collect,
        "knock": probe.knock,
    }
    try:
        arguments = json.loads(line)
        return {"ok": jobs[arguments.pop("job")](**arguments)}
    except (OSError, ValueError, TypeError, KeyError, struct.error) as error:
        return {"error": f"{type(error).__name__}: {error}"}


def main(lines: Iterable[str]) -> None:
    """Answer line by line."""
    probe = Probe()
    for line in lines:
        sys.stdout.write(json.dumps(answer(probe, line), separators=(",", ":")) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(sys.stdin)
