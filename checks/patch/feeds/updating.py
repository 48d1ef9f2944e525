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
from http.client import HTTPException, HTTPResponse
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from .documents import MAX_TOTAL
from .importing import confirm, import_feeds
from .records import FeedError

_STATE = "fetched.json"
_TIMEOUT = 60
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


def _only_https(url: str) -> str:
    """Advisories over a connection that anybody can change would be worth nothing; nobody changes loopback."""
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        raise ValueError(f"{url[:100]!r} is not an https address")
    return url


class FeedSource(BaseModel):
    """One address. `name` gives the suffix when the address has none; `sha256` pins what has to come.

    `expires` is the last day on which the statements (VEX) from there count.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str
    name: str = ""
    expires: date | None = None
    sha256: str = Field(default="", pattern="^([0-9a-f]{64})?$")

    @field_validator("url")
    @classmethod
    def _is_safe(cls, url: str) -> str:
        return _only_https(url)

    @property
    def file(self) -> str:
        """What the fetched file is called: its suffix tells the format."""
        return PurePosixPath(self.name or urlsplit(self.url).path).name or "feed"


class FeedSources(BaseModel):
    """Addresses, and the prefix of a mirror that has them below their host name: `https://mirror.example/feeds`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    mirror: str = ""
    feeds: tuple[FeedSource, ...] = Field(min_length=1)

    @field_validator("mirror")
    @classmethod
    def _is_safe(cls, mirror: str) -> str:
        return _only_https(mirror) if mirror else mirror


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one feed, for people."""

    text: str
    failed: bool = False


def read_sources(path: Path) -> FeedSources:
    """Read the YAML file that names the addresses. Raises FeedError."""
    try:
        return FeedSources.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise FeedError(f"{path}: {error.strerror or error}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise FeedError(f"{path}: not YAML: {str(error).splitlines()[0]}") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(step) for step in first["loc"])
        raise FeedError(f"{path}: {place or 'the file'}: {first['msg']}") from None


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
            yield Outcome(f"{source.url}: {_update(source, sources.mirror, directory, now)}")
        except FeedError as error:
            yield Outcome(f"{source.url}: {error}", failed=True)
        except OSError as error:
            yield Outcome(f"{source.url}: {error.strerror or error}", failed=True)


def _update(source: FeedSource, mirror: str, directory: Path, now: datetime) -> str:
    directory.mkdir(parents=True, exist_ok=True)
    state = _read_state(directory)
    known = state.addresses.get(source.url, _Fetched())
    if known.expires != source.expires:
        known = _Fetched()
    with tempfile.TemporaryDirectory(prefix="fetch-", dir=directory) as scratch:
        file = Path(scratch) / source.file
        answer = _fetch(source, mirror, file, known)
        if answer is None:
            confirm(directory, known.parts, now)
            return "not changed"
        # What a server gives today is what the feed says today, however old its youngest entry is.
        as_of = min(answer.date, now) if answer.date else None
        parts = import_feeds((file,), directory, now, as_of=as_of, expires=source.expires)
    names = tuple(part.name for part in parts)
    fetched = _Fetched(etag=answer.etag, modified=answer.modified, parts=names, expires=source.expires)
    _write_state(directory, _State(addresses={**state.addresses, source.url: fetched}))
    return ", ".join(names)


def _fetch(source: FeedSource, mirror: str, file: Path, known: _Fetched) -> _Answer | None:
    """Fetch into `file`; None when the server says that nothing changed."""
    request = urllib.request.Request(_address(source.url, mirror))  # noqa: S310 - https only, see FeedSource
    if known.etag:
        request.add_header("If-None-Match", known.etag)
    if known.modified:
        request.add_header("If-Modified-Since", known.modified)
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT) as answer:  # noqa: S310 - https only, see FeedSource
            _receive(answer, file, source)
            headers = answer.headers
            return _Answer(headers.get("ETag", ""), headers.get("Last-Modified", ""), _date(headers.get("Date", "")))
    except urllib.error.HTTPError as error:
        if error.code == HTTPStatus.NOT_MODIFIED:
            return None
        raise FeedError(f"the server answers {error.code} {error.reason}") from None
    except (urllib.error.URLError, HTTPException, TimeoutError) as error:
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
    parts = urlsplit(url)
    return f"{mirror.rstrip('/')}/{parts.hostname}{parts.path}" if mirror else url


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
