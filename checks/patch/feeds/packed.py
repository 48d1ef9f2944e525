"""Unpacking what publishers pack their feeds in, as a stream and within bounds: gzip, bzip2, xz, Zstandard, and tar."""

from __future__ import annotations

import bz2
import gzip
import importlib
import io
import lzma
import tarfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO, Any, Protocol, cast

from secaudit.api import MIB

from .records import FeedError

SUFFIXES = (".gz", ".bz2", ".xz", ".zst")
_SHORT: Mapping[str, str] = {".tgz": ".tar.gz", ".tbz2": ".tar.bz2", ".txz": ".tar.xz", ".tzst": ".tar.zst"}
_CHUNK = 256 * 1024
_MAX_MEMORY = 256 * MIB
"""Bytes that xz may take for its dictionary; its own highest level takes 65 MiB."""

MAX_MEMBERS = 5_000_000


class _Decompressor(Protocol):
    """What the standard library's decompressors have in common."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


@dataclass(frozen=True, slots=True)
class _Packing:
    """A way of packing: what makes its decompressors, and what these raise for damaged data."""

    make: Callable[[], _Decompressor]
    damage: type[Exception]


def _zstandard() -> _Packing:
    """Raises FeedError where no module for it is installed."""
    for name in ("compression.zstd", "backports.zstd"):
        try:
            module = importlib.import_module(name)
        except ImportError:
            continue
        return _Packing(module.ZstdDecompressor, module.ZstdError)
    raise FeedError("Zstandard needs Python 3.14 or the package backports.zstd; unpack it with zstd -d")


_PACKINGS: Mapping[str, Callable[[], _Packing]] = {
    ".bz2": lambda: _Packing(bz2.BZ2Decompressor, OSError),
    ".xz": lambda: _Packing(lambda: lzma.LZMADecompressor(memlimit=_MAX_MEMORY), lzma.LZMAError),
    ".zst": _zstandard,
}


def inner_name(name: str) -> str:
    """What a file is called when it is unpacked: `all.tar` for `all.tar.xz`, and for `all.txz`."""
    lower = name.lower()
    for short, long in _SHORT.items():
        if lower.endswith(short):
            name = name[: -len(short)] + long
    return name.rpartition(".")[0] if name.lower().endswith(SUFFIXES) else name


def unpacked(stream: IO[bytes], name: str) -> IO[bytes]:
    """The stream that a packed file holds, by its name; the same when it is not packed."""
    lower = name.lower()
    lower = next((one for short, one in _SHORT.items() if lower.endswith(short)), lower)
    if lower.endswith(".gz"):
        return cast("IO[bytes]", gzip.GzipFile(fileobj=stream))
    packing = next((find() for suffix, find in _PACKINGS.items() if lower.endswith(suffix)), None)
    return stream if packing is None else cast("IO[bytes]", io.BufferedReader(_Unpacked(stream, packing, name), _CHUNK))


class _Unpacked(io.RawIOBase):
    """What comes out of one packed stream after the other, as `cat a.gz b.gz` makes them."""

    def __init__(self, stream: IO[bytes], packing: _Packing, name: str) -> None:
        super().__init__()
        self._stream = stream
        self._make = packing.make
        self._damage = packing.damage
        self._name = name
        self._decompressor = packing.make()
        self._rest = b""

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill `buffer` as far as there is something. Raises FeedError where the stream is damaged or breaks off."""
        while True:
            try:
                data = self._some(len(buffer))
            except (OSError, ValueError, self._damage) as error:
                raise FeedError(f"{self._name}: damaged or incomplete: {error}") from None
            if data is not None:
                buffer[: len(data)] = data
                return len(data)

    def _some(self, most: int) -> bytes | None:
        """Some data, none at the end; None when it has to be tried again."""
        if self._decompressor.eof:
            rest = self._decompressor.unused_data or self._stream.read(_CHUNK)
            # Zeros behind the end are padding, of xz and of tapes.
            if not rest.strip(b"\0"):
                return b"" if not rest else self._behind(rest)
            self._decompressor, self._rest = self._make(), rest
        if self._decompressor.needs_input and not self._rest:
            self._rest = self._stream.read(_CHUNK)
            if not self._rest:
                raise FeedError(f"{self._name}: damaged or incomplete: it breaks off")
        data, self._rest = self._decompressor.decompress(self._rest, most), b""
        return data or None

    def _behind(self, rest: bytes) -> bytes | None:
        """Read the padding; None when another stream comes after it."""
        while not rest.strip(b"\0"):
            rest = self._stream.read(_CHUNK)
            if not rest:
                return b""
        self._decompressor, self._rest = self._make(), rest
        return None


def tar_members(stream: IO[bytes], name: str) -> Iterator[tuple[str, IO[bytes]]]:
    """The files of an archive one after the other, each to be read before the next; never written under their names.

    Raises FeedError for a name that leaves the archive, for more members than a feed has, and for damage.
    """
    count = 0
    try:
        with tarfile.open(fileobj=stream, mode="r|") as archive:
            for member in archive:
                count += 1
                parts = PurePosixPath(member.name.replace("\\", "/"))
                if parts.is_absolute() or ".." in parts.parts:
                    raise FeedError(f"{name}: the member {member.name[:80]!r} leaves the archive")
                if count > MAX_MEMBERS:
                    raise FeedError(f"{name}: more than {MAX_MEMBERS:,} members")
                file = archive.extractfile(member) if member.isfile() else None
                if file is not None:
                    yield member.name, file
                # tarfile remembers every member, and there are hundreds of thousands.
                archive.members = []  # type: ignore[attr-defined]  # typeshed leaves it out
        # Only at the very end is it known whether all of a packed stream came.
        while stream.read(_CHUNK):
            pass
    except tarfile.TarError as error:
        raise FeedError(f"{name}: damaged or incomplete: {error}") from None
