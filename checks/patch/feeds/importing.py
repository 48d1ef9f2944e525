"""Importing feeds: everything of one command or nothing."""

from __future__ import annotations

import fcntl
import gc
import os
import sqlite3
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path

from .index import INDEX, Index, Part, read_index, write_index
from .intake import Intake, refuse_future, united
from .records import FeedError


def import_feeds(
    paths: tuple[Path, ...],
    directory: Path,
    now: datetime,
    *,
    as_of: datetime | None = None,
    expires: date | None = None,
    shrink: bool = False,
    source: str = "",
) -> tuple[Part, ...]:
    """Read all `paths` and put what they hold in the place of what came from the same sources before.

    Each path is a source by itself, unless `source` names one that all of them are. What came from other sources stays.
    `now` and `as_of` are aware UTC; `as_of` is the moment the feeds speak for, when they do not tell it themselves or
    were confirmed later. `expires` is the last day on which statements (VEX) count. `shrink` accepts a part that is
    much smaller than the one before. Raises FeedError, and then everything is as it was.
    """
    if as_of is not None:
        refuse_future(as_of, now, "--as-of")
    if expires is not None and expires < now.date():
        raise FeedError(f"--expires: {expires} is over")
    try:
        with locked(directory):
            index = read_index(directory)
            with tempfile.TemporaryDirectory(prefix="import-", dir=directory) as scratch, _without_cycles():
                intake = Intake(Path(scratch), now, expires)
                parts = _write_parts(paths, intake, directory, index, as_of, shrink=shrink, source=source)
            switch(directory, index, parts)
            return parts
    except sqlite3.Error as error:
        raise FeedError(f"{directory}: {error}") from None


def _write_parts(
    paths: tuple[Path, ...],
    intake: Intake,
    directory: Path,
    index: Index,
    as_of: datetime | None,
    *,
    shrink: bool,
    source: str,
) -> tuple[Part, ...]:
    try:
        for path in paths:
            intake.take(path, as_of, source or f"{path.resolve()}")
        return intake.finish(directory, index, shrink=shrink)
    finally:
        intake.close()


def confirm(directory: Path, names: tuple[str, ...], source: str, at: datetime) -> None:
    """Note that what came from a source into these parts is at the moment `at` (aware UTC) still what it gives."""
    with locked(directory):
        index = read_index(directory)
        same = []
        for part in index.parts:
            if part.name in names:
                each = (one.model_copy(update={"at": at}) if one.name == source else one for one in part.sources)
                origins = tuple(each)
                same.append(part.model_copy(update={"at": min(one.at for one in origins), "sources": origins}))
        switch(directory, index, tuple(same))


def remove(directory: Path, names: Collection[str]) -> None:
    """Take parts out of use, or what came from a source into all of them.

    Raises FeedError, and removes nothing, when one of the names is neither that of a part nor that of a source.
    """
    with locked(directory):
        index = read_index(directory)
        sources = {one.name for part in index.parts for one in part.sources}
        missing = set(names) - {part.name for part in index.parts} - sources
        if missing:
            raise FeedError(f"{directory} has no feed {', '.join(sorted(missing))}; see `secaudit feed info`")
        gone = {part.name for part in index.parts if part.name in names or {o.name for o in part.origins} <= {*names}}
        left = index.without(gone)
        with tempfile.TemporaryDirectory(prefix="import-", dir=directory) as scratch:
            rest = tuple(
                united(directory, Path(scratch), part, ((directory / part.file, kept),))
                for part in left.parts
                if len(kept := tuple(one for one in part.sources if one.name not in names)) < len(part.sources)
            )
        _put_in_use(directory, index, left.replaced(rest))


def switch(directory: Path, old: Index, parts: tuple[Part, ...]) -> None:
    """Put parts, whose files are there, in use.

    Runs on their way need the replaced ones: those stay until the next time.
    """
    _put_in_use(directory, old, old.replaced(parts))


def _put_in_use(directory: Path, old: Index, new: Index) -> None:
    folder = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
        write_index(directory, new)
        os.fsync(folder)
    finally:
        os.close(folder)
    in_use = {part.file for part in (*old.parts, *new.parts)}
    for path in directory.glob("*.sqlite"):
        if path.name not in in_use:
            path.unlink(missing_ok=True)


@contextmanager
def _without_cycles() -> Iterator[None]:
    """Switch the search for reference cycles off: documents and records make none, and it took a fifth of the time."""
    searching = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if searching:
            gc.enable()


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Make the directory and keep other imports out. Raises FeedError when another one is running."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        lock = os.open(directory / f"{INDEX}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise FeedError(f"{directory}: {error.strerror or error}") from None
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise FeedError(f"{directory}: another import is running") from None
        yield
    except OSError as error:
        raise FeedError(f"{directory}: {error.strerror or error}") from None
    finally:
        os.close(lock)
