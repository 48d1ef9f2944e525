"""A directory of compressed blobs, each under the sha256 of its content: `objects/ab/cdef…`."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

from secaudit.transcript.codec import BLOB_LIMIT, TranscriptError, compress, expand


class Objects:
    """Content-addressed storage below one directory.

    Names are built from digests only, so nothing that a bundle says can lead out of the directory, and every blob is
    checked against its name when it is read. Digests are 64 lower-case hex digits; callers have validated them.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def path(self, digest: str) -> Path:
        """Where the blob with this digest lies."""
        return self._directory / digest[:2] / digest[2:]

    def put(self, blobs: Mapping[str, bytes]) -> None:
        """Store blobs by digest, durably and each once. Raises OSError.

        All are written before the first is flushed, so that a journalling file system commits them together.
        """
        missing = {self.path(digest): data for digest, data in blobs.items() if not self.path(digest).exists()}
        for folder in {path.parent for path in missing}:
            folder.mkdir(parents=True, exist_ok=True)
        write_durably({path: compress(data) for path, data in missing.items()})
        if missing:
            flush_directory(self._directory)

    def get(self, digest: str) -> bytes:
        """Read a blob. Raises TranscriptError when it is missing, not a regular file, or not what its name says."""
        try:
            data = expand(read_regular(self.path(digest), BLOB_LIMIT))
        except TranscriptError as error:
            raise TranscriptError(f"object {digest}: {error}") from error
        if hashlib.sha256(data).hexdigest() != digest:
            raise TranscriptError(f"object {digest}: its content has another digest; the bundle was altered")
        return data


def write_durably(files: Mapping[Path, bytes]) -> None:
    """Write files so that after a crash each is there whole or not at all. Readable by the owner only. Raises OSError.

    The data is flushed before the rename, and the directory after it (fsync(2), rename(2)).
    """
    # A directory has one writer, so a fixed temporary name is enough, and one left by a crash is used again.
    waiting = {path: path.with_name(f".{path.name}.new") for path in files}
    opened: list[BinaryIO] = []
    try:
        for path, temporary in waiting.items():
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
            opened.append(os.fdopen(os.open(temporary, flags, 0o600), "wb"))
            opened[-1].write(files[path])
            opened[-1].flush()
        for file in opened:
            os.fsync(file.fileno())
        for path, temporary in waiting.items():
            temporary.replace(path)
    except OSError:
        for temporary in waiting.values():
            temporary.unlink(missing_ok=True)
        raise
    finally:
        for file in opened:
            file.close()
    for folder in {path.parent for path in files}:
        flush_directory(folder)


def flush_directory(directory: Path) -> None:
    """Make renames and new entries in a directory durable. Raises OSError."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_regular(path: Path, limit: int) -> bytes:
    """Read a regular file of at most `limit` bytes; a link, pipe or device is refused and cannot block.

    Raises TranscriptError.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise TranscriptError(f"{path} is not a regular file")
            data = file.read(limit + 1)
    except OSError as error:
        raise TranscriptError(f"cannot read {path}: {error.strerror}") from error
    if len(data) > limit:
        raise TranscriptError(f"{path} is larger than {limit} bytes")
    return data
