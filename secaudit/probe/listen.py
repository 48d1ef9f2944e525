"""Recognising the probe's packets: as netfilter logs them, or as they arrive at an interface."""

from __future__ import annotations

import errno
import socket
import struct
from typing import Protocol

from secaudit.probe.build import number_in, number_reset
from secaudit.probe.netlink import ACK, HEADER, NETFILTER, ask, attribute, message
from secaudit.probe.protocol import HOOK_OUTPUT, NO_HOOK

_BUFFER = 64 << 20
_SO_RCVBUFFORCE = 33
_ETH_P_ALL = 3

Recognised = tuple[int, int]
"""Number of a packet, and netfilter's number of the hook where it was."""


class Listener(Protocol):
    """Where packets are recognised."""

    def fileno(self) -> int:
        """For select(2)."""

    def drain(self) -> list[Recognised]:
        """What came since the last time; waits for nothing. Raises OSError when the kernel had to throw some away."""


class InterfaceListener:
    """Packets as they arrive at an interface of the thread's namespace (packet(7)), before netfilter sees them."""

    def __init__(self, interface: str) -> None:
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ALL))
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER)
        self._socket.bind((interface, _ETH_P_ALL))
        self._socket.setblocking(False)

    def fileno(self) -> int:
        """See `Listener`."""
        return self._socket.fileno()

    def drain(self) -> list[Recognised]:
        """See `Listener`. Frames that the interface sent are not counted."""
        found: list[Recognised] = []
        while True:
            try:
                frame, (_, _, direction, *_) = self._socket.recvfrom(2048)
            except BlockingIOError:
                return found
            number = number_in(frame)
            if number is not None and direction != socket.PACKET_OUTGOING:
                found.append((number, NO_HOOK))


_ULOG = 4 << 8
_MSG_PACKET, _MSG_CONFIG = _ULOG, _ULOG | 1
_CFG_CMD, _CFG_MODE, _CFG_NLBUFSIZ, _CFG_TIMEOUT = 1, 2, 3, 4
_CMD_BIND, _COPY_PACKET = 1, 2
_SNAPLEN = 2048
_HOOK_AT = HEADER.size + 4 + 4 + 2
"""Behind nfgenmsg, the head of the first attribute (nfulnl_msg_packet_hdr) and its hw_protocol."""


class LogListener:
    """Packets that rules of the thread's namespace log to an nflog group: linux/netfilter/nfnetlink_log.h.

    In the kernel's message the packet's header is the first attribute and the packet itself the last, whose length
    is a multiple of four for every packet that the probe builds and its hosts answer.
    """

    def __init__(self, group: int) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETFILTER)
        self._socket.bind((0, 0))
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER)
        for kind, value in (
            (_CFG_CMD, struct.pack(">B", _CMD_BIND)),
            (_CFG_MODE, struct.pack(">IBx", _SNAPLEN, _COPY_PACKET)),
            (_CFG_NLBUFSIZ, struct.pack(">I", 1 << 16)),
            (_CFG_TIMEOUT, struct.pack(">I", 1)),
        ):
            ask(self._socket, message(_MSG_CONFIG, ACK, socket.AF_UNSPEC, group, attribute(kind, value)))
        self._socket.setblocking(False)

    def fileno(self) -> int:
        """See `Listener`."""
        return self._socket.fileno()

    def drain(self) -> list[Recognised]:
        """See `Listener`."""
        found: list[Recognised] = []
        while True:
            try:
                data = memoryview(self._socket.recv(1 << 17))
            except BlockingIOError:
                return found
            except OSError as error:
                if error.errno == errno.ENOBUFS:
                    raise OSError(errno.ENOBUFS, "the kernel could not hold all logged packets") from error
                raise
            at = 0
            while at < len(data):
                length, kind, *_ = HEADER.unpack_from(data, at)
                if kind == _MSG_PACKET:
                    hook, packet = data[at + _HOOK_AT], data[at : at + length]
                    number = number_in(packet)
                    if number is None and hook == HOOK_OUTPUT:
                        number = number_reset(packet)
                    if number is not None:
                        found.append((number, hook))
                at += length + (-length % 4)
