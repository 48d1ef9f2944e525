"""Reading the frames that the batch script prints: pure, incremental, bounded. The grammar stands in `batch`."""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from secaudit.model.request import KIB, MIB
from secaudit.transport.batch import STDERR_LIMIT

_GARBAGE_LIMIT = MIB
_MARK_LIMIT = 80
_EXIT_MAX = 255
_WHITESPACE = b" \t\r\n"


class FrameError(Exception):
    """The stream is not what the batch script prints; nothing after this point can be trusted."""


@dataclass(frozen=True, slots=True)
class Hello:
    """The script runs. `uid` is None when the host could not tell; `encoder` is `base64`, `od` or `none`."""

    uid: int | None
    encoder: str


@dataclass(frozen=True, slots=True)
class Begun:
    """The command with this index begins."""

    index: int


@dataclass(frozen=True, slots=True)
class Grouped:
    """The process group of the command that runs now."""

    group: int


@dataclass(frozen=True, slots=True)
class Exited:
    """The command itself has ended; a child may still hold its output open."""

    code: int


@dataclass(frozen=True, slots=True)
class Ended:
    """The command is complete. `stdout` holds up to one byte more than the command's limit."""

    index: int
    stdout: bytes
    stderr: bytes


@dataclass(frozen=True, slots=True)
class Done:
    """The script has run to its end."""


Event = Hello | Begun | Grouped | Exited | Ended | Done


class FrameParser:
    """Turns the channel's bytes into events.

    `nonce` is that of the script, `limits` the stdout limits (bytes) of its commands. What a login shell prints
    before the script's hello is skipped.
    """

    def __init__(self, nonce: str, limits: Sequence[int]) -> None:
        self._hello = re.compile(rb":hello %s (\d{1,10}|unknown) (base64|od|none):" % re.escape(nonce.encode()))
        self._limits = limits
        self._greeting: bytearray | None = bytearray()
        self._encoder = ""
        self._mark: bytearray | None = None
        self._payload = bytearray()
        self._room = 0
        self._index = -1
        self._running = False
        self._stdout: bytes | None = None
        self._done = False

    def feed(self, chunk: bytes) -> Iterator[Event]:
        """Take the next bytes, however they were cut, and give the events that they complete.

        Raises FrameError when they cannot come from the script; the events before the break have been given then.
        """
        if self._greeting is not None:
            self._greeting += chunk
            found = self._hello.search(self._greeting)
            if found is None:
                if len(self._greeting) > _GARBAGE_LIMIT:
                    raise FrameError("the login shell prints too much before the commands begin")
                return
            chunk = bytes(self._greeting[found.end() :])
            self._greeting = None
            self._encoder = found[2].decode()
            yield Hello(None if found[1] == b"unknown" else int(found[1]), self._encoder)
        pieces = chunk.split(b":")
        for number, piece in enumerate(pieces):
            if number:
                yield from self._colon()
            self._take(piece)

    def partial(self) -> bytes:
        """What was read so far of the stdout of the command that runs now; nothing when it is damaged."""
        if self._stdout is not None:
            return self._stdout
        clean = bytes(self._payload).translate(None, _WHITESPACE)
        whole = len(clean) - len(clean) % (4 if self._encoder == "base64" else 2)
        try:
            return self._decode(clean[:whole])
        except FrameError:
            return b""

    def _take(self, piece: bytes) -> None:
        if self._mark is not None:
            self._mark += piece
            if len(self._mark) > _MARK_LIMIT:
                raise FrameError("a mark does not end")
        elif piece:
            if len(piece) > self._room:
                raise FrameError("more output than the command was allowed")
            self._room -= len(piece)
            self._payload += piece

    def _colon(self) -> Iterator[Event]:
        if self._mark is None:
            self._mark = bytearray()
            return
        words = bytes(self._mark).split(b" ")
        self._mark = None
        kind = words[0]
        if kind in (b"stderr", b"done") and len(words) == 1:
            event = self._section(kind)
        elif kind in (b"begin", b"group", b"exit", b"end") and len(words) == 2 and words[1].isdigit():
            event = self._numbered(kind, int(words[1]))
        else:
            raise FrameError("an unknown mark")
        if event is not None:
            yield event

    def _section(self, kind: bytes) -> Event | None:
        if kind == b"done":
            if self._running or self._done:
                raise FrameError("the end comes too early")
            self._done = True
            return Done()
        if not self._running or self._stdout is not None:
            raise FrameError("stderr does not belong to a command")
        self._stdout = self._flush()
        self._room = _encoded_size(2 * STDERR_LIMIT)
        return None

    def _numbered(self, kind: bytes, number: int) -> Event:
        if kind == b"begin":
            if self._running or self._done or number != self._index + 1 or number >= len(self._limits):
                raise FrameError("commands begin out of order")
            self._index, self._running, self._stdout = number, True, None
            self._room = _encoded_size(self._limits[number] + 1)
            return Begun(number)
        if not self._running:
            raise FrameError("a mark stands outside of a command")
        if kind == b"group":
            return Grouped(number)
        if kind == b"exit":
            if number > _EXIT_MAX:
                raise FrameError("an exit code that no process has")
            return Exited(number)
        if self._stdout is None or number != self._index:
            raise FrameError("commands end out of order")
        event = Ended(number, self._stdout, self._flush()[:STDERR_LIMIT])
        self._running, self._room = False, 0
        return event

    def _flush(self) -> bytes:
        decoded = self._decode(bytes(self._payload).translate(None, _WHITESPACE))
        self._payload.clear()
        return decoded

    def _decode(self, clean: bytes) -> bytes:
        try:
            if self._encoder == "base64":
                return binascii.a2b_base64(clean, strict_mode=True)
            return binascii.unhexlify(clean)
        except binascii.Error as error:
            raise FrameError("the encoded output is damaged") from error


def _encoded_size(size: int) -> int:
    # od needs three characters for a byte and a newline for every sixteen; base64 needs less.
    return 4 * size + KIB
