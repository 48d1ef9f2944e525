"""Opening a store: the engine with its settings, the file with its permissions, and the schema at its revision."""

from __future__ import annotations

import errno
import os
import sqlite3
import stat
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import ArgumentError

from secaudit.store.errors import StoreError, explained, name_of
from secaudit.store.schema import REVISIONS, metadata

WRITING = "secaudit_writing"
"""Execution option of connections that write; SQLite takes the write lock when such a transaction begins."""

BUSY_SECONDS = 30
_MIGRATION_LOCK = 0x5EC_A0D17
_REVISION_TABLE = "alembic_version"


def default_url() -> str:
    """The store used when none is named: `secaudit/store.sqlite` in the XDG state directory.

    XDG Base Directory Specification 0.8: `$XDG_STATE_HOME` when it is absolute, else `~/.local/state`.
    """
    configured = Path(os.environ.get("XDG_STATE_HOME", ""))
    state = configured if configured.is_absolute() else Path.home() / ".local" / "state"
    return URL.create("sqlite", database=str(state / "secaudit" / "store.sqlite")).render_as_string()


def parse_url(text: str) -> URL:
    """A SQLAlchemy URL, or a plain path of an SQLite file. Raises StoreError for anything that is no store of ours."""
    if "://" not in text:
        return URL.create("sqlite", database=text)
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        # Without what they say: it may be a part of the password.
        raise StoreError("that is not a store URL; write sqlite:///PATH or postgresql+psycopg://…") from None
    if url.drivername == "postgresql":
        url = url.set(drivername="postgresql+psycopg")
    if url.drivername not in ("sqlite", "sqlite+pysqlite", "postgresql+psycopg"):
        raise StoreError(f"no store of the kind {url.drivername!r}; write sqlite:///PATH or postgresql+psycopg://…")
    if "@" in (url.host or ""):
        raise StoreError("a password with @ in it cannot be told from the server's name; write %40 for it")
    if (url.database or "").startswith("file:"):
        raise StoreError("a store is named by its path, not by a URI of SQLite's; write sqlite:///PATH")
    return url


def connect(url: URL, *, read_only: bool, create: bool) -> Engine:
    """An engine for a store whose schema is current. Raises StoreError and leaves no connection open then."""
    is_file = url.get_backend_name() == "sqlite"
    engine = _sqlite(url, read_only=read_only, create=create) if is_file else _postgresql(url, read_only)
    try:
        with explained(url):
            _prepare(engine, url, read_only=read_only, create=create)
    except BaseException:
        engine.dispose()
        raise
    return engine


def _sqlite(url: URL, *, read_only: bool, create: bool) -> Engine:
    path = Path(url.database or "")
    if not url.database or url.database == ":memory:":
        raise StoreError("a store in memory keeps nothing; name a file")
    if path.is_dir():
        raise StoreError(f"the store {path} is a directory; name a file")
    if not create and not path.exists():
        raise _none_yet(path)
    if read_only:
        url = url.set(database=f"file:{quote(str(path))}?mode=ro", query={"uri": "true"})
    else:
        _create_file(path)
    with explained(url):
        engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS})

    @event.listens_for(engine, "connect")
    def configure(connection: sqlite3.Connection, _record: object) -> None:
        # The driver's own transaction control would commit before DDL; `begin` below replaces it.
        connection.isolation_level = None
        connection.execute("PRAGMA foreign_keys = ON")
        if not read_only:
            tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            if not tables or _REVISION_TABLE in tables:
                # The mode is written into the file, so not into one of another program.
                connection.execute("PRAGMA journal_mode = WAL")
            # FULL also flushes the WAL at each commit; NORMAL could lose the last hosts when the power fails.
            connection.execute("PRAGMA synchronous = FULL")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writing = connection.get_execution_options().get(WRITING, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")

    return engine


def _create_file(path: Path) -> None:
    """Create the file for its owner only: it says where every host is weak. SQLite gives `-wal` the same mode.

    Without opening it, however short: POSIX drops every lock that this process has on a file when it closes any
    descriptor of it (fcntl(2)). Other processes would then take themselves for the last user of the store and remove
    `-wal` and `-shm` although connections of this process still use them.
    """
    try:
        if str(path) == make_url(default_url()).database:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with suppress(FileExistsError):
            # SQLite follows links, and so must this.
            os.mknod(path.resolve(), stat.S_IFREG | 0o600)
    except OSError as error:
        raise StoreError(f"the store {path} cannot be opened: {error.strerror}") from error
    if not os.access(path, os.R_OK | os.W_OK, effective_ids=True):
        raise StoreError(f"the store {path} cannot be opened: {os.strerror(errno.EACCES)}")


def _postgresql(url: URL, read_only: bool) -> Engine:
    options: dict[str, Any] = {"execution_options": {"postgresql_readonly": True}} if read_only else {}
    try:
        with explained(url):
            return create_engine(url, pool_pre_ping=True, **options)
    except ModuleNotFoundError as error:
        raise StoreError("a store in PostgreSQL needs its driver; install secaudit[postgresql]") from error


def _none_yet(name: object) -> StoreError:
    return StoreError(f"there is no store {name} yet; a scan creates it")


def _prepare(engine: Engine, url: URL, *, read_only: bool, create: bool) -> None:
    """Bring the schema up to date, or say why this version of secaudit must not touch it."""
    with engine.connect() as connection:
        found = _revision(connection, url)
    if found == REVISIONS[-1]:
        return
    if found is None and not create:
        raise _none_yet(name_of(url))
    if read_only:
        raise StoreError(f"the store {name_of(url)} was written by an older secaudit; the next scan upgrades it")
    with engine.execution_options(**{WRITING: True}).begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _MIGRATION_LOCK})
        found = _revision(connection, url)
        if found is None:
            _create(connection)
        elif found != REVISIONS[-1]:
            # Only an older store needs Alembic, which takes longer to import than most commands to run.
            from secaudit.store.migrate import upgrade  # noqa: PLC0415 - see above

            upgrade(connection)


def _create(connection: Connection) -> None:
    """Make the tables of a new store, with Alembic's note of their revision beside them."""
    metadata.create_all(connection, checkfirst=False)
    column = f"version_num VARCHAR(32) NOT NULL CONSTRAINT {_REVISION_TABLE}_pkc PRIMARY KEY"
    connection.execute(text(f"CREATE TABLE {_REVISION_TABLE} ({column})"))
    connection.execute(text(f"INSERT INTO {_REVISION_TABLE} VALUES (:revision)"), {"revision": REVISIONS[-1]})  # noqa: S608 - a constant


def _revision(connection: Connection, url: URL) -> str | None:
    """The revision of the schema, None in an empty database. Raises StoreError for what is no store of this version."""
    tables = inspect(connection).get_table_names()
    if _REVISION_TABLE not in tables:
        if tables:
            raise StoreError(f"the store {name_of(url)} is a database of another program")
        return None
    found: str | None = connection.execute(text(f"SELECT version_num FROM {_REVISION_TABLE}")).scalar()  # noqa: S608 - a constant
    if found is not None and found not in REVISIONS:
        raise StoreError(f"the store {name_of(url)} was written by a newer secaudit (schema {found}); update secaudit")
    return found
