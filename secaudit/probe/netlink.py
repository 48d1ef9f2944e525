"""Netlink messages of netfilter: netlink(7), linux/netfilter/nfnetlink.h. Attributes are in network byte order."""

from __future__ import annotations

import os
import socket
import struct

NETFILTER = 12
REQUEST, ACK, CREATE = 0x001, 0x004, 0x400
_ERROR = 2
_NESTED = 0x8000
HEADER = struct.Struct("=IHHII")


def message(kind: int, flags: int, family: int, resource: int, attributes: bytes) -> bytes:
    """A request to netfilter: `kind` is subsystem << 8 | type."""
    body = struct.pack(">BBH", family, 0, resource) + attributes
    return HEADER.pack(HEADER.size + len(body), kind, flags | REQUEST, 0, 0) + body


def attribute(kind: int, value: bytes) -> bytes:
    """One attribute, padded to four octets."""
    return struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def nested(kind: int, *attributes: bytes) -> bytes:
    """An attribute made of attributes."""
    return attribute(kind | _NESTED, b"".join(attributes))


def ask(link: socket.socket, request: bytes) -> None:
    """Send a request that asks for an acknowledgement and wait for that. Raises OSError with the kernel's error."""
    link.send(request)
    answer = link.recv(8192)
    if HEADER.unpack_from(answer)[1] != _ERROR:
        raise OSError("the kernel answered a netlink request with something else than an acknowledgement")
    error = -struct.unpack_from("=i", answer, HEADER.size)[0]
    if error:
        raise OSError(error, os.strerror(error))
