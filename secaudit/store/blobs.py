"""Content kept once: compressed, under its sha256."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from itertools import islice
from typing import TypeVar

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from secaudit.store.schema import blob
from secaudit.transcript.codec import compress, expand

T = TypeVar("T")

_BATCH = 500


def keep(connection: Connection, contents: Mapping[str, bytes]) -> dict[str, int]:
    """Store what is not there yet and return the row id of every digest (hex)."""
    ids = _find(connection, contents)
    # Sorted, so that two writers on PostgreSQL wait for each other in one order and cannot deadlock.
    missing = sorted(contents.keys() - ids.keys())
    if missing:
        rows = [{"sha256": bytes.fromhex(digest), "data": compress(contents[digest])} for digest in missing]
        dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
        connection.execute(dialect.insert(blob).on_conflict_do_nothing(), rows)
        ids |= _find(connection, missing)
    return ids


def load(connection: Connection, digests: Collection[str]) -> dict[str, bytes]:
    """The contents of digests (hex), without those that are not there."""
    found: dict[str, bytes] = {}
    for batch in _batches(digests):
        query = select(blob.c.sha256, blob.c.data).where(blob.c.sha256.in_([bytes.fromhex(digest) for digest in batch]))
        found |= {row.sha256.hex(): expand(row.data) for row in connection.execute(query)}
    return found


def load_ids(connection: Connection, ids: Collection[int]) -> dict[int, bytes]:
    """The contents of row ids."""
    found: dict[int, bytes] = {}
    for batch in _batches(ids):
        query = select(blob.c.id, blob.c.data).where(blob.c.id.in_(batch))
        found |= {row.id: expand(row.data) for row in connection.execute(query)}
    return found


def _find(connection: Connection, digests: Collection[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for batch in _batches(digests):
        query = select(blob.c.sha256, blob.c.id).where(blob.c.sha256.in_([bytes.fromhex(digest) for digest in batch]))
        found |= {row.sha256.hex(): row.id for row in connection.execute(query)}
    return found


def _batches(items: Collection[T]) -> Iterator[list[T]]:
    iterator = iter(items)
    while batch := list(islice(iterator, _BATCH)):
        yield batch
