"""Opening what feeds come in: archives, packed files, JSON lines, folders, files; bounded, whatever they hold."""

from __future__ import annotations

import gzip
import io
import json
import re
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, Any

from secaudit.api import MIB

from .packed import inner_name, tar_members, unpacked
from .records import FeedError

MAX_DOCUMENT = 64 * MIB
"""Bytes of one JSON document, one line, one top-level member or one YAML file."""

MAX_TOTAL = 32 * 1024 * MIB
"""Bytes of everything that one path holds, unpacked."""

_CHUNK = 256 * 1024
_FEEDS = (".json", ".jsonl", ".yaml", ".yml", ".csv")
_BLANKS = re.compile(r"[ \t\r\n]*")


@dataclass(frozen=True, slots=True)
class Source:
    """One stream of a feed: the name that messages use, its suffix without compression, and how to open it."""

    name: str
    suffix: str
    opened: Callable[[], AbstractContextManager[io.BufferedReader]]


def sources(path: Path) -> Iterator[Source]:
    """Every stream below `path`, in the order of names. Raises FeedError for what cannot be a feed."""
    if path.is_dir():
        inside = sorted(found for found in path.rglob("*") if found.is_file() and not found.is_symlink())
        feeds = [found for found in inside if _suffix(found.name) in _FEEDS]
        if not feeds:
            raise FeedError(f"{path}: the folder holds no feed (JSON, JSON lines, YAML or CSV)")
        for found in feeds:
            yield _file(found)
    elif not path.is_file():
        raise FeedError(f"{path}: no such file or folder")
    elif path.suffix == ".zip":
        yield from _members(path)
    elif _suffix(path.name) == ".tar":
        yield from _tar(path)
    else:
        yield _file(path)


def _file(path: Path) -> Source:
    return Source(str(path), _suffix(path.name), partial(_open, path))


@contextmanager
def _open(path: Path) -> Iterator[io.BufferedReader]:
    with explained(str(path)), path.open("rb") as raw:
        yield _bounded(unpacked(raw, path.name), str(path))


def _tar(path: Path) -> Iterator[Source]:
    """The feeds in an archive that is read once, as it comes: each has to be read before the next is asked for."""
    with explained(str(path)), path.open("rb") as raw:
        found = False
        for name, file in tar_members(_bounded(unpacked(raw, path.name), str(path)), str(path)):
            if _suffix(name) in _FEEDS:
                found = True
                yield Source(f"{path}: {name}", _suffix(name), partial(_in_tar, file, f"{path}: {name}"))
        if not found:
            raise FeedError(f"{path}: the archive holds no feed (JSON, JSON lines, YAML or CSV)")


@contextmanager
def _in_tar(file: IO[bytes], name: str) -> Iterator[io.BufferedReader]:
    with explained(name):
        yield _bounded(unpacked(file, name), name)


def _members(path: Path) -> Iterator[Source]:
    """The members of an archive. Nothing is ever written under their names, but a climbing one is no honest feed."""
    with explained(str(path)), zipfile.ZipFile(path) as archive:
        members = [info for info in archive.infolist() if not info.is_dir()]
        for info in members:
            parts = PurePosixPath(info.filename.replace("\\", "/"))
            if parts.is_absolute() or ".." in parts.parts:
                raise FeedError(f"{path}: the member {info.filename[:80]!r} leaves the archive")
        if sum(info.file_size for info in members) > MAX_TOTAL:
            raise FeedError(f"{path}: more than {MAX_TOTAL // MIB} MiB when unpacked")
        names = [info.filename for info in members]
        if len(set(names)) != len(names):
            raise FeedError(f"{path}: two members have one name")
        for info in members:
            name = f"{path}: {info.filename}"
            yield Source(name, _suffix(info.filename), partial(_member, archive, info, name))


@contextmanager
def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str) -> Iterator[io.BufferedReader]:
    with explained(name), archive.open(info) as unpacked:
        # What the archive says of its sizes may be a lie: only what comes out counts.
        yield _bounded(unpacked, name)


def _suffix(name: str) -> str:
    return PurePosixPath(inner_name(name)).suffix.lower().replace(".ndjson", ".jsonl")


def _bounded(stream: IO[bytes], name: str) -> io.BufferedReader:
    return io.BufferedReader(_Bounded(stream, name), _CHUNK)


class _Bounded(io.RawIOBase):
    """A stream that ends with FeedError instead of giving more than `MAX_TOTAL` bytes."""

    def __init__(self, stream: IO[bytes], name: str) -> None:
        super().__init__()
        self._stream = stream
        self._name = name
        self._left = MAX_TOTAL

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill `buffer` as far as there is something."""
        data = self._stream.read(len(buffer))
        self._left -= len(data)
        if self._left < 0:
            raise FeedError(f"{self._name}: more than {MAX_TOTAL // MIB} MiB")
        buffer[: len(data)] = data
        return len(data)


@contextmanager
def explained(name: str) -> Iterator[None]:
    """Turn what broken files raise into FeedError."""
    try:
        yield
    except (zipfile.BadZipFile, gzip.BadGzipFile, tarfile.TarError, zlib.error, EOFError) as error:
        raise FeedError(f"{name}: damaged or incomplete: {error}") from None
    except (NotImplementedError, RuntimeError) as error:
        if isinstance(error, RecursionError):
            raise FeedError(f"{name}: nested too deeply") from None
        raise FeedError(f"{name}: cannot be unpacked: {error}") from None
    except UnicodeDecodeError as error:
        raise FeedError(f"{name}: not UTF-8 at byte {error.start}") from None
    except OSError as error:
        raise FeedError(f"{name}: {error.strerror or error}") from None


def whole(stream: io.BufferedReader, name: str) -> bytes:
    """Everything, at most `MAX_DOCUMENT` bytes."""
    data = stream.read(MAX_DOCUMENT + 1)
    if len(data) > MAX_DOCUMENT:
        raise FeedError(f"{name}: more than {MAX_DOCUMENT // MIB} MiB in one document")
    return data


def lines(stream: io.BufferedReader, name: str) -> Iterator[bytes]:
    """Lines that are not blank, each at most `MAX_DOCUMENT` bytes long."""
    number = 0
    while line := stream.readline(MAX_DOCUMENT + 1):
        number += 1
        if len(line) > MAX_DOCUMENT:
            raise FeedError(f"{name}: line {number} is longer than {MAX_DOCUMENT // MIB} MiB")
        if line.strip():
            yield line


def parse(data: bytes | str, name: str) -> Any:
    """A JSON value. Raises FeedError with the place where it breaks off."""
    try:
        return json.loads(data)
    except ValueError as error:
        raise FeedError(f"{name}: not JSON: {error}") from None
    except RecursionError:
        raise FeedError(f"{name}: nested too deeply") from None


def members(stream: io.BufferedReader, name: str) -> Iterator[tuple[str, Any]]:
    """The members of a JSON object one after the other, so that a large one is never whole in memory.

    Raises FeedError for what is no object, for a name that comes twice, and for a member over `MAX_DOCUMENT`.
    """
    text = _Text(stream, name)
    seen: set[str] = set()
    if text.skip("{"):
        while not text.skip("}"):
            if seen and not text.skip(","):
                raise text.error("expected a comma")
            key = text.value()
            if not isinstance(key, str) or not text.skip(":"):
                raise text.error("expected a name and a colon")
            if key in seen:
                raise FeedError(f"{name}: {key[:80]!r} comes twice")
            seen.add(key)
            yield key, text.value()
    else:
        raise text.error("expected an object")
    if text.peek():
        raise text.error("there is something after the end")


class _Text:
    """JSON text that is read as far as it is needed."""

    def __init__(self, stream: io.BufferedReader, name: str) -> None:
        self._stream = io.TextIOWrapper(stream, "utf-8")
        self._name = name
        self._decoder = json.JSONDecoder()
        self._buffer = ""
        self._at = 0
        self._ended = False

    def peek(self) -> str:
        """The next character that is not blank; empty at the end."""
        while True:
            blanks = _BLANKS.match(self._buffer, self._at)
            self._at = blanks.end() if blanks else self._at
            if self._at < len(self._buffer):
                return self._buffer[self._at]
            if not self._more(_CHUNK):
                return ""

    def skip(self, character: str) -> bool:
        """Whether the next character is this one, which is then behind us."""
        if self.peek() != character:
            return False
        self._at += 1
        return True

    def value(self) -> Any:
        """The value that begins here. Each time it is not whole yet, twice as much is read."""
        self.peek()
        step = _CHUNK
        while True:
            try:
                found, end = self._decoder.raw_decode(self._buffer, self._at)
            except ValueError:
                whole_value = False
            except RecursionError:
                raise FeedError(f"{self._name}: nested too deeply") from None
            else:
                # A number may go on in what was not read yet.
                whole_value = end < len(self._buffer) or self._ended
            if whole_value:
                self._at = end
                return found
            if len(self._buffer) - self._at > MAX_DOCUMENT:
                raise self.error(f"a member of more than {MAX_DOCUMENT // MIB} MiB")
            if not self._more(step) and self._ended:
                try:
                    found, end = self._decoder.raw_decode(self._buffer, self._at)
                except ValueError:
                    raise self.error("not JSON, or it breaks off") from None
                self._at = end
                return found
            step *= 2

    def error(self, what: str) -> FeedError:
        """An error with the text around the place."""
        return FeedError(f"{self._name}: {what} near {self._buffer[self._at : self._at + 40]!r}")

    def _more(self, count: int) -> bool:
        if self._ended:
            return False
        data = self._stream.read(count)
        self._buffer = self._buffer[self._at :] + data
        self._at = 0
        self._ended = not data
        return bool(data)
