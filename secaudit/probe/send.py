"""Sending packets: as frames from an interface, or through the namespace's own IP stack."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterable
from typing import Protocol

from secaudit.probe.protocol import MAC

_ETHER_TYPES = {4: b"\x08\x00", 6: b"\x86\xdd"}
_BUFFER = 4 << 20
_SO_SNDBUFFORCE = 32


class Sender(Protocol):
    """A way out for packets."""

    def send(self, packets: Iterable[bytes | bytearray]) -> int:
        """Send IP packets in order; returns how many. Raises OSError."""


class FrameSender:
    """Ethernet frames from an interface of the thread's namespace: packet(7)."""

    def __init__(self, interface: str) -> None:
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_SNDBUFFORCE, _BUFFER)
        self._socket.bind((interface, 0))

    def send(self, packets: Iterable[bytes | bytearray]) -> int:
        """See `Sender`."""
        heads = {version << 4: MAC + bytes(6) + kind for version, kind in _ETHER_TYPES.items()}
        count = 0
        for packet in packets:
            self._socket.send(heads[packet[0] & 0xF0] + packet)
            count += 1
        return count


class StackSender:
    """Packets with their own IP header through the stack of the thread's namespace: raw(7), ipv6(7)."""

    def __init__(self) -> None:
        self._sockets = {
            version << 4: socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_RAW)
            for version, family in ((4, socket.AF_INET), (6, socket.AF_INET6))
        }
        for opened in self._sockets.values():
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            opened.setsockopt(socket.SOL_SOCKET, _SO_SNDBUFFORCE, _BUFFER)

    def send(self, packets: Iterable[bytes | bytearray]) -> int:
        """See `Sender`. A packet that netfilter drops on its way counts as sent."""
        count = 0
        for packet in packets:
            version = packet[0] & 0xF0
            destination = (
                socket.inet_ntop(socket.AF_INET, packet[16:20])
                if version == 4 << 4
                else socket.inet_ntop(socket.AF_INET6, packet[24:40])
            )
            try:
                self._sockets[version].sendto(packet, (destination, 0))
            except OSError as error:
                if error.errno != errno.EPERM:
                    raise
            count += 1
        return count
