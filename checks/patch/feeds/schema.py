"""The tables of a part, and nothing else: a file that came in a bundle is looked at before anything is asked of it."""

from __future__ import annotations

import sqlite3
import sys
from itertools import count
from pathlib import Path

from secaudit.api import MIB

from .records import FeedError, State

TABLES = (
    (
        "CREATE TABLE advisory ("
        " aid INTEGER PRIMARY KEY, id TEXT NOT NULL, severity INTEGER NOT NULL, published INTEGER, released INTEGER,"
        " cves TEXT NOT NULL, changed INTEGER, source INTEGER NOT NULL)"
    ),
    (
        "CREATE TABLE affected ("
        " name TEXT NOT NULL, introduced BLOB, fixed BLOB, version TEXT NOT NULL, state TEXT NOT NULL,"
        " channel TEXT NOT NULL, seen INTEGER NOT NULL, aid INTEGER NOT NULL, stream TEXT NOT NULL)"
    ),
    "CREATE TABLE source (sid INTEGER PRIMARY KEY, name TEXT NOT NULL)",
    "CREATE TABLE superseded (aid INTEGER PRIMARY KEY)",
    "CREATE TABLE stream (id TEXT NOT NULL, stream TEXT NOT NULL)",
    "CREATE TABLE package (name TEXT PRIMARY KEY, highest BLOB) WITHOUT ROWID",
    (
        "CREATE TABLE exploited ("
        " cve TEXT PRIMARY KEY, added TEXT NOT NULL, due TEXT NOT NULL, ransomware INTEGER NOT NULL) WITHOUT ROWID"
    ),
    "CREATE TABLE score (cve TEXT PRIMARY KEY, score REAL NOT NULL, percentile REAL NOT NULL) WITHOUT ROWID",
    (
        "CREATE TABLE support ("
        " distribution TEXT NOT NULL, release TEXT NOT NULL, until TEXT NOT NULL, extended TEXT,"
        " extension TEXT NOT NULL, subscription INTEGER NOT NULL, PRIMARY KEY (distribution, release)) WITHOUT ROWID"
    ),
    (
        "CREATE TABLE newest_minor ("
        " distribution TEXT NOT NULL, release TEXT NOT NULL, minor INTEGER NOT NULL, since TEXT NOT NULL,"
        " PRIMARY KEY (distribution, release)) WITHOUT ROWID"
    ),
    (
        "CREATE TABLE statement ("
        " names TEXT NOT NULL, product TEXT NOT NULL, status TEXT NOT NULL, reason TEXT NOT NULL, author TEXT NOT NULL,"
        " at INTEGER NOT NULL, expires TEXT NOT NULL, source INTEGER NOT NULL)"
    ),
)
INDEX_BY_NAME = "CREATE INDEX affected_name ON affected (name, fixed, introduced)"

# Those of earlier versions, which kept no account of sources.
_EARLIER = (
    (
        "CREATE TABLE advisory ("
        " aid INTEGER PRIMARY KEY, id TEXT NOT NULL, severity INTEGER NOT NULL, published INTEGER, released INTEGER,"
        " cves TEXT NOT NULL)"
    ),
    (
        "CREATE TABLE affected ("
        " name TEXT NOT NULL, introduced BLOB, fixed BLOB, version TEXT NOT NULL, state TEXT NOT NULL,"
        " channel TEXT NOT NULL, seen INTEGER NOT NULL, aid INTEGER NOT NULL)"
    ),
    (
        "CREATE TABLE statement ("
        " names TEXT NOT NULL, product TEXT NOT NULL, status TEXT NOT NULL, reason TEXT NOT NULL, author TEXT NOT NULL,"
        " at INTEGER NOT NULL, expires TEXT NOT NULL)"
    ),
)
_ADDED = frozenset({"source", "superseded", "stream", "newest_minor"})
"""Tables that parts of earlier versions may lack."""

MAX_PART = 1024 * MIB
"""Bytes of one part: a run keeps those that it needs in memory."""

_MAX_VALUE = MIB
_STEPS = 1_000_000
_MAX_STEPS = 4_000
"""How often SQLite's machine may run `_STEPS` instructions to look at a part: some 60 for a million ranges."""


def _plain(sql: str) -> str:
    """A statement without the differences that its layout makes."""
    return " ".join(sql.split()).replace("( ", "(").replace(" )", ")")


_KNOWN = frozenset(_plain(sql) for sql in (*TABLES, *_EARLIER, INDEX_BY_NAME))
_NEEDED = frozenset(sql.split()[2] for sql in TABLES) - _ADDED

# Whatever a column is declared as, SQLite keeps values of any type in it.
_WRONG = {
    "advisory": (
        "typeof(aid) <> 'integer' OR typeof(id) <> 'text' OR typeof(cves) <> 'text'"
        " OR typeof(severity) <> 'integer' OR severity NOT BETWEEN 0 AND 5"
        " OR typeof(published) NOT IN ('integer', 'null') OR typeof(released) NOT IN ('integer', 'null')"
        " OR abs(coalesce(published, 0)) > 99999999999 OR abs(coalesce(released, 0)) > 99999999999"
    ),
    "affected": (
        "typeof(name) <> 'text' OR typeof(introduced) NOT IN ('blob', 'null') OR typeof(fixed) NOT IN ('blob', 'null')"
        f" OR typeof(version) <> 'text' OR state NOT IN ({', '.join(repr(state.value) for state in State)})"
        " OR typeof(channel) <> 'text' OR typeof(seen) <> 'integer' OR seen NOT BETWEEN 0 AND 99999999999"
        " OR typeof(aid) <> 'integer'"
    ),
    "stream": "typeof(id) <> 'text' OR typeof(stream) <> 'text'",
    "source": "typeof(name) <> 'text'",
    "package": "typeof(name) <> 'text' OR typeof(highest) NOT IN ('blob', 'null')",
    "exploited": (
        "typeof(cve) <> 'text' OR date(added, '+0 days') IS NOT added OR date(due, '+0 days') IS NOT due"
        " OR typeof(ransomware) <> 'integer'"
    ),
    "score": "typeof(cve) <> 'text' OR typeof(score) <> 'real' OR score NOT BETWEEN 0 AND 1",
    "support": (
        "typeof(distribution) <> 'text' OR typeof(release) <> 'text' OR date(until, '+0 days') IS NOT until"
        " OR date(extended, '+0 days') IS NOT extended"
        " OR typeof(extension) <> 'text' OR typeof(subscription) <> 'integer'"
    ),
    "newest_minor": (
        "typeof(distribution) <> 'text' OR typeof(release) <> 'text' OR typeof(minor) <> 'integer'"
        " OR date(since, '+0 days') IS NOT since"
    ),
    "statement": (
        "typeof(names) <> 'text' OR names = '' OR typeof(product) <> 'text' OR typeof(status) <> 'text'"
        " OR typeof(reason) <> 'text' OR typeof(author) <> 'text' OR typeof(at) <> 'integer'"
        " OR at NOT BETWEEN 0 AND 99999999999 OR date(expires, '+0 days') IS NOT expires"
    ),
}


def restrict(connection: sqlite3.Connection) -> None:
    """Take from a connection what data of others could make use of."""
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA cell_size_check = ON")
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 2 * MAX_PART - 1)
    if sys.version_info >= (3, 12):
        connection.setconfig(sqlite3.SQLITE_DBCONFIG_DEFENSIVE, True)
        connection.setconfig(sqlite3.SQLITE_DBCONFIG_ENABLE_VIEW, False)
        connection.setconfig(sqlite3.SQLITE_DBCONFIG_ENABLE_TRIGGER, False)


def refuse_foreign(connection: sqlite3.Connection, place: str, schema: str = "main") -> None:
    """Raise FeedError unless a database has exactly our tables and our index: no view, trigger or virtual table."""
    connection.execute("PRAGMA trusted_schema = OFF")
    found = set()
    for type_, name, sql in connection.execute(f"SELECT type, name, sql FROM {schema}.sqlite_master"):  # noqa: S608
        if sql is None and type_ == "index" and str(name).startswith("sqlite_autoindex_"):
            continue
        if not isinstance(sql, str) or _plain(sql) not in _KNOWN or type_ not in ("table", "index"):
            raise FeedError(f"{place}: it holds the {str(type_)[:20]} {str(name)[:80]!r}, which no part of a feed has")
        found.add(str(name))
    missing = sorted(_NEEDED - found)
    if missing:
        raise FeedError(f"{place}: it has no table {missing[0]!r}, which every part of a feed has")


def refuse_hostile(path: Path, place: str) -> None:
    """Raise FeedError unless a file is a sound part of a feed: our tables, values of their types; in bounded time."""
    try:
        connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True)
    except sqlite3.Error as error:
        raise FeedError(f"{place}: {error}") from None
    steps = count()
    connection.set_progress_handler(lambda: next(steps) >= _MAX_STEPS, _STEPS)
    try:
        restrict(connection)
        refuse_foreign(connection, place)
        (sound,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if sound != "ok":
            raise FeedError(f"{place}: damaged: {str(sound)[:200]}")
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _MAX_VALUE)
        for table, wrong in _WRONG.items():
            there = connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (table,)).fetchone()
            if there and connection.execute(f"SELECT 1 FROM {table} WHERE {wrong} LIMIT 1").fetchone():  # noqa: S608
                raise FeedError(f"{place}: a row of {table} has a value that it cannot have")
    except sqlite3.OperationalError as error:
        if "interrupt" in str(error):
            raise FeedError(f"{place}: takes more work to look at than a part can need") from None
        raise FeedError(f"{place}: {error}") from None
    except sqlite3.Error as error:
        raise FeedError(f"{place}: {error}") from None
    finally:
        connection.close()
