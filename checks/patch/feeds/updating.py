"""Fetching feeds from where they are published, or from a mirror of that."""

from __future__ import annotations

import hashlib
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from http.client import HTTPException, HTTPMessage, HTTPResponse
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, ValidationError

from secaudit.api import FeedSource, FeedSources

from .documents import MAX_TOTAL
from .importing import confirm, import_feeds
from .index import read_index
from .records import FeedError

_STATE = "fetched.json"
_TIMEOUT = 60


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one feed, for people."""

    text: str
    failed: bool = False


class _Fetched(BaseModel):
    """What a server said the last time, and which parts came from there."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    etag: str = ""
    modified: str = ""
    parts: tuple[str, ...] = ()
    expires: date | None = None


class _State(BaseModel):
    """What is remembered, by address."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    addresses: dict[str, _Fetched] = {}


@dataclass(frozen=True, slots=True)
class _Answer:
    """The headers that came with a feed; `date` is when the server sent it, aware UTC."""

    etag: str
    modified: str
    date: datetime | None


def update(sources: FeedSources, directory: Path, now: datetime) -> Iterator[Outcome]:
    """Fetch and import each feed by itself, and tell about each; a failure leaves that feed as it was."""
    for source in sources.feeds:
        try:
            yield Outcome(f"{source.shown}: {_update(source, sources.mirror, directory, now)}")
        except FeedError as error:
            yield Outcome(f"{source.shown}: {error}", failed=True)
        except OSError as error:
            yield Outcome(f"{source.shown}: {error.strerror or error}", failed=True)


def _update(source: FeedSource, mirror: str, directory: Path, now: datetime) -> str:
    directory.mkdir(parents=True, exist_ok=True)
    state = _read_state(directory)
    known = state.addresses.get(source.url, _Fetched())
    name = _name(source)
    if known.expires != source.expires or not _is_here(directory, known.parts, name):
        known = _Fetched()
    with tempfile.TemporaryDirectory(prefix="fetch-", dir=directory) as scratch:
        file = Path(scratch) / source.file
        answer = _fetch(source, mirror, file, known)
        if answer is None:
            confirm(directory, known.parts, name, now)
            return "not changed"
        # What a server gives today is what the feed says today, however old its youngest entry is.
        as_of = min(answer.date, now) if answer.date else None
        parts = import_feeds((file,), directory, now, as_of=as_of, expires=source.expires, source=name)
    names = tuple(part.name for part in parts)
    fetched = _Fetched(etag=answer.etag, modified=answer.modified, parts=names, expires=source.expires)
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


class Redirects(urllib.request.HTTPRedirectHandler):
    """Follows a server to another address, but never from one with TLS to one without."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        """Refuse what would give up TLS."""
        if req.type == "https" and urlsplit(newurl).scheme != "https":
            raise FeedError("could not be fetched: the server sends us on to an address without TLS")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _fetch(source: FeedSource, mirror: str, file: Path, known: _Fetched) -> _Answer | None:
    """Fetch into `file`; None when the server says that nothing changed."""
    request = urllib.request.Request(_address(source.url, mirror))  # noqa: S310 - the configuration takes https only
    if known.etag:
        request.add_header("If-None-Match", known.etag)
    if known.modified:
        request.add_header("If-Modified-Since", known.modified)
    try:
        with urllib.request.build_opener(Redirects).open(request, timeout=_TIMEOUT) as answer:
            _receive(answer, file, source)
            headers = answer.headers
            return _Answer(headers.get("ETag", ""), headers.get("Last-Modified", ""), _date(headers.get("Date", "")))
    except urllib.error.HTTPError as error:
        if error.code == HTTPStatus.NOT_MODIFIED:
            return None
        raise FeedError(f"the server answers {error.code} {error.reason}") from None
    except (urllib.error.URLError, HTTPException, TimeoutError, UnicodeError) as error:
        raise FeedError(f"could not be fetched: {getattr(error, 'reason', None) or error}") from None


def _receive(answer: HTTPResponse, file: Path, source: FeedSource) -> None:
    announced = answer.length
    digest = hashlib.sha256()
    size = 0
    with file.open("wb") as out:
        while data := answer.read(1 << 20):
            size += len(data)
            if size > MAX_TOTAL:
                raise FeedError("more than can be a feed")
            digest.update(data)
            out.write(data)
    if announced is not None and size != announced:
        raise FeedError(f"broke off after {size} of {announced} bytes")
    if source.sha256 and digest.hexdigest() != source.sha256:
        raise FeedError(f"has the sha256 {digest.hexdigest()}, not the one that is expected")


def _address(url: str, mirror: str) -> str:
    if not mirror:
        return url
    parts = urlsplit(url)
    host = (parts.hostname or "").encode("idna").decode("ascii")
    return f"{mirror.rstrip('/')}/{host}{parts.path}"


def _date(text: str) -> datetime | None:
    try:
        return parsedate_to_datetime(text).astimezone(UTC)
    except (TypeError, ValueError):
        return None


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
