"""Network namespaces: setns(2), unshare(2), network_namespaces(7)."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager

_CLONE_NEWNET = 0x40000000
_LIBC = ctypes.CDLL(None, use_errno=True)
_OWN = "/proc/thread-self/ns/net"


def new_namespace() -> str:
    """Make a namespace and return a path to it. It lasts as long as this process. Raises OSError."""
    before = os.open(_OWN, os.O_RDONLY | os.O_CLOEXEC)
    try:
        _must(_LIBC.unshare(_CLONE_NEWNET))
        kept = os.open(_OWN, os.O_RDONLY | os.O_CLOEXEC)
        _must(_LIBC.setns(before, _CLONE_NEWNET))
    finally:
        os.close(before)
    return f"/proc/{os.getpid()}/fd/{kept}"


@contextmanager
def inside(path: str) -> Iterator[None]:
    """Let this thread work in the namespace; sockets opened there stay there. Raises OSError."""
    before = os.open(_OWN, os.O_RDONLY | os.O_CLOEXEC)
    try:
        target = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            _must(_LIBC.setns(target, _CLONE_NEWNET))
        finally:
            os.close(target)
        try:
            yield
        finally:
            _must(_LIBC.setns(before, _CLONE_NEWNET))
    finally:
        os.close(before)


def _must(result: int) -> None:
    if result:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
