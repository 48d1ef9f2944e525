"""Fetching feeds from where they are published, or from a mirror of that."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from secaudit.api import FeedSource, FeedSources

from .fetching import Known, Redirects, drop_others, fetch
from .importing import confirm, import_feeds
from .index import read_index
from .records import FeedError

__all__ = ["Outcome", "Redirects", "update"]

_STATE = "fetched.json"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one feed, for people."""

    text: str
    failed: bool = False


class _Fetched(BaseModel):
    """What a server said the last time, and which parts came from there."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    address: str = ""
    etag: str = ""
    modified: str = ""
    parts: tuple[str, ...] = ()
    expires: date | None = None


class _State(BaseModel):
    """What is remembered, by address."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    addresses: dict[str, _Fetched] = {}


def update(sources: FeedSources, directory: Path, now: datetime) -> Iterator[Outcome]:
    """Fetch and import each feed by itself, and tell about each; a failure leaves that feed as it was."""
    for source in sources.feeds:
        try:
            yield Outcome(f"{source.shown}: {_update(source, sources.mirror, directory, now)}")
        except FeedError as error:
            yield Outcome(f"{source.shown}: {error}", failed=True)
        except OSError as error:
            yield Outcome(f"{source.shown}: {error.strerror or error}", failed=True)
    drop_others(directory, sources.feeds)


def _update(source: FeedSource, mirror: str, directory: Path, now: datetime) -> str:
    directory.mkdir(parents=True, exist_ok=True)
    state = _read_state(directory)
    known = state.addresses.get(source.url, _Fetched())
    name = _name(source)
    if known.expires != source.expires or not _is_here(directory, known.parts, name):
        known = _Fetched()
    with tempfile.TemporaryDirectory(prefix="fetch-", dir=directory) as scratch:
        # What an earlier version remembers has no address of its own: it was the one of the source.
        before = Known(known.address or source.url, known.etag, known.modified)
        answer = fetch(source, mirror, directory, Path(scratch), before)
        if answer is None:
            confirm(directory, known.parts, name, now)
            return "not changed"
        # What a server gives today is what the feed says today, however old its youngest entry is.
        as_of = min(answer.date, now) if answer.date else None
        parts = import_feeds((answer.file,), directory, now, as_of=as_of, expires=source.expires, source=name)
    names = tuple(part.name for part in parts)
    fetched = _Fetched(
        address=answer.address, etag=answer.etag, modified=answer.modified, parts=names, expires=source.expires
    )
    _write_state(directory, _State(addresses={**state.addresses, source.url: fetched}))
    return ", ".join(names)


def _name(source: FeedSource) -> str:
    """What an address is called in the index, which everybody may read: without what may be secret in it."""
    if source.shown == source.url:
        return source.url
    return f"{source.shown} ({hashlib.sha256(source.url.encode()).hexdigest()[:8]})"


def _is_here(directory: Path, parts: tuple[str, ...], name: str) -> bool:
    """Whether everything that came from an address the last time is still in use."""
    here = {part.name for part in read_index(directory).parts if any(one.name == name for one in part.sources)}
    return here.issuperset(parts)


def _read_state(directory: Path) -> _State:
    """What servers said the last time; without it everything is fetched again."""
    try:
        return _State.model_validate_json((directory / _STATE).read_bytes())
    except (OSError, ValidationError):
        return _State()


def _write_state(directory: Path, state: _State) -> None:
    new = directory / f"{_STATE}.new"
    new.write_text(state.model_dump_json(indent=2), encoding="utf-8")
    new.replace(directory / _STATE)
