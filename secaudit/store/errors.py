"""What can go wrong with a store, in one clear sentence each."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import URL
from sqlalchemy.exc import DBAPIError, InterfaceError, SQLAlchemyError

from secaudit.model.errors import UserError
from secaudit.transcript.codec import TranscriptError

# Primary result codes of SQLite (https://www.sqlite.org/rescode.html); extended codes hold them in the low byte.
_SQLITE = {
    sqlite3.SQLITE_FULL: "has no room: the disk is full; hosts that were stored before are intact",
    sqlite3.SQLITE_NOTADB: "is not an SQLite database",
    sqlite3.SQLITE_CORRUPT: "is damaged; restore it from a backup",
    sqlite3.SQLITE_BUSY: "is locked by another process; try again when it is done",
    sqlite3.SQLITE_LOCKED: "is locked by another process; try again when it is done",
    sqlite3.SQLITE_READONLY: "may not be written; even to read it, SQLite writes beside it",
    sqlite3.SQLITE_PERM: "may not be opened: permission denied",
    sqlite3.SQLITE_AUTH: "may not be opened: permission denied",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened; check that it exists and that its directory may be written",
    sqlite3.SQLITE_IOERR: "cannot be read or written: input/output error",
}


class StoreError(UserError):
    """The store cannot do what was asked. The text is one sentence for people and holds no password."""


@contextmanager
def explained(url: URL) -> Iterator[None]:
    """Turn what the database raises inside, and what is wrong with stored content, into `StoreError`."""
    try:
        yield
    except DBAPIError as error:
        raise StoreError(f"the store {name_of(url)} {_reason(error, url)}") from error
    except TranscriptError as error:
        raise StoreError(f"the store {name_of(url)} is damaged: {error}") from error
    except SQLAlchemyError as error:
        raise StoreError(f"the store {name_of(url)} failed: {_first_line(error)}") from error


def name_of(url: URL) -> str:
    """The store as messages call it: the file of SQLite, else the URL without password or options, maybe secret."""
    if url.get_backend_name() == "sqlite":
        return (url.database or ":memory:").removeprefix("file:").partition("?")[0]
    return url.set(query={}).render_as_string(hide_password=True)


def _reason(error: DBAPIError, url: URL) -> str:
    original = error.orig
    code = getattr(original, "sqlite_errorcode", None)
    primary = code & 0xFF if isinstance(code, int) else None
    if primary == sqlite3.SQLITE_CANTOPEN and os.access(name_of(url), os.R_OK, effective_ids=True):
        # The file may be read; the ones that SQLite keeps beside it (`-wal`, `-shm`) could not be made.
        primary = sqlite3.SQLITE_READONLY
    known = _SQLITE.get(primary) if primary is not None else None
    if known is not None:
        return known
    # psycopg: no SQLSTATE means that there was no answer from a server (connection refused, broken, timed out).
    if getattr(original, "sqlstate", "") is None or isinstance(error, InterfaceError) or error.connection_invalidated:
        return f"cannot be reached: {_first_line(original)}"
    return f"failed: {_first_line(original)}"


def _first_line(error: BaseException | None) -> str:
    return str(error).strip().partition("\n")[0][:300] if error is not None else "unknown reason"
