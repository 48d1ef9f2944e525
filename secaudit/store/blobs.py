"""Content kept once: compressed, under its sha256."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping
from importlib import import_module
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import Connection, Row, select

from secaudit.store.schema import blob
from secaudit.transcript.codec import TranscriptError, compress, expand

T = TypeVar("T")

_BATCH = 500


def keep(connection: Connection, contents: Mapping[str, bytes]) -> dict[str, int]:
    """Store what is not there yet and return the row id of every digest (hex)."""
    ids = _find(connection, contents)
    # Sorted, so that two writers on PostgreSQL wait for each other in one order and cannot deadlock.
    missing = sorted(contents.keys() - ids.keys())
    if missing:
        rows = [{"sha256": bytes.fromhex(digest), "data": compress(contents[digest])} for digest in missing]
        # The one that is in use is loaded already; PostgreSQL's takes longer to import than storing a host.
        dialect = import_module(f"sqlalchemy.dialects.{connection.dialect.name}")
        connection.execute(dialect.insert(blob).on_conflict_do_nothing(), rows)
        ids |= _find(connection, missing)
    return ids


def load(connection: Connection, digests: Collection[str]) -> dict[str, bytes]:
    """The contents of digests (hex), without those that are not there. Raises TranscriptError for a damaged one."""
    found: dict[str, bytes] = {}
    for batch in _batches(digests):
        query = select(blob).where(blob.c.sha256.in_([bytes.fromhex(digest) for digest in batch]))
        found |= {row.sha256.hex(): content(row) for row in connection.execute(query)}
    return found


def load_ids(connection: Connection, ids: Collection[int]) -> dict[int, bytes]:
    """The contents of row ids. Raises TranscriptError for a damaged one."""
    found: dict[int, bytes] = {}
    for batch in _batches(ids):
        found |= {row.id: content(row) for row in connection.execute(select(blob).where(blob.c.id.in_(batch)))}
    return found


def content(row: Row[Any]) -> bytes:
    """The content of a row with `sha256` and `data`, checked against its digest. Raises TranscriptError."""
    data = expand(row.data)
    if hashlib.sha256(data).digest() != row.sha256:
        raise TranscriptError(f"the content of {row.sha256.hex()} has another digest")
    return data


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
