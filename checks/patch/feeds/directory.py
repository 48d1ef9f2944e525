"""The feeds as a run finds them: the index, and parts opened in memory."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from secaudit.api import Unproven, UnprovenKind

from .index import Index, Part, read_index, read_part
from .records import FeedError
from .schema import refuse_foreign, restrict

_ADDED = (
    "CREATE TABLE IF NOT EXISTS superseded (aid INTEGER PRIMARY KEY)",
    "CREATE TABLE IF NOT EXISTS stream (id TEXT NOT NULL, stream TEXT NOT NULL)",
)
_ADDED_COLUMN = "ALTER TABLE affected ADD COLUMN stream TEXT NOT NULL DEFAULT ''"
"""What parts of earlier versions may lack: tables, and a column."""


def opened(data: bytes) -> sqlite3.Connection:
    """A part in memory, which nothing can write to. Raises `Unproven` for what is no part of ours."""
    connection = sqlite3.connect(":memory:", check_same_thread=False)
    try:
        connection.deserialize(data)
        restrict(connection)
        refuse_foreign(connection, "a part of the feeds")
        for table in _ADDED:
            # Parts of earlier versions have none: what they say is judged without.
            connection.execute(table)
        if all(row[1] != "stream" for row in connection.execute("PRAGMA table_info(affected)")):
            connection.execute(_ADDED_COLUMN)
    except (FeedError, sqlite3.Error) as error:
        raise Unproven(UnprovenKind.STALE, str(error)) from None
    connection.execute("PRAGMA query_only = ON")
    return connection


class FeedDirectory:
    """The feeds as a run found them when it began; what is imported later does not reach it."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        try:
            self.index: Index = read_index(directory)
        except FeedError as error:
            raise Unproven(UnprovenKind.STALE, str(error)) from None

    def read(self, part: Part) -> bytes:
        """The data of a part. Raises `Unproven` when they are gone or damaged."""
        try:
            return read_part(self._directory, part)
        except FeedError as error:
            raise Unproven(UnprovenKind.STALE, str(error)) from None

    def _catalogue(self, feed: str) -> Part:
        part = self.index.of_feed(feed)
        if part is None:
            reason = f"no {feed.upper()} feed was imported into {self._directory}: `secaudit feed import FILE`"
            raise Unproven(UnprovenKind.STALE, reason)
        return part
