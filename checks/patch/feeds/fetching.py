"""Fetching one address: on from where the last try broke off, and by way of a file that names the newest archive."""

from __future__ import annotations

import hashlib
import re
import urllib.error
import urllib.request
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from http.client import HTTPException, HTTPMessage, HTTPResponse
from pathlib import Path
from typing import IO
from urllib.parse import urljoin, urlsplit

from pydantic import BaseModel, ConfigDict, ValidationError

from secaudit.api import FeedSource

from .documents import MAX_TOTAL
from .records import FeedError

_TIMEOUT = 60
_TRIES = 8
_CHUNK = 1 << 20
_POINTER = "archive_latest.txt"
"""Red Hat's name for a file with one line: what the newest archive beside it is called."""

_MAX_POINTER = 1024
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,200}", re.ASCII)
_RANGE = re.compile(r"bytes (?P<first>\d+)-\d+/(?P<total>\d+|\*)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Known:
    """What came from an address the last time: which address in the end, and its marks."""

    address: str = ""
    etag: str = ""
    modified: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came: the file, from which address, and its marks; `date` is when the server sent it, aware UTC."""

    file: Path
    address: str
    etag: str
    modified: str
    date: datetime | None


class _Part(BaseModel):
    """What a file that is not whole yet is of: the address, and the mark that it had."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    address: str
    mark: str


class _BrokenOffError(Exception):
    """The connection ended before everything was there."""


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


def fetch(source: FeedSource, mirror: str, directory: Path, scratch: Path, known: Known) -> Answer | None:
    """Fetch into `scratch`; None when the server says that nothing changed.

    What broke off is tried again, and what is there by then stays in `directory` for the next time.
    """
    url, name = source.url, source.file
    if urlsplit(url).path.rpartition("/")[2] == _POINTER:
        name = _pointed(url, mirror)
        url = urljoin(url, name)
        name = Path(source.name).name or name
    part = directory / part_name(source)
    headers = _whole(url, mirror, part, known if known.address == url else Known())
    if headers is None:
        return None
    if source.sha256:
        with part.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if digest != source.sha256:
            _drop(part)
            raise FeedError(f"has the sha256 {digest}, not the one that is expected")
    part.replace(scratch / name)
    _drop(part)
    etag, modified, sent = (headers.get(header, "") for header in ("ETag", "Last-Modified", "Date"))
    return Answer(scratch / name, url, etag, modified, _date(sent))


def part_name(source: FeedSource) -> str:
    """What the file is called into which an address is fetched."""
    return f"fetched-{hashlib.sha256(source.url.encode()).hexdigest()[:16]}.part"


def drop_others(directory: Path, sources: tuple[FeedSource, ...]) -> None:
    """Remove what was begun to be fetched from addresses that are not asked any more."""
    wanted = {part_name(source) for source in sources}
    for path in directory.glob("fetched-*.part"):
        if path.name not in wanted:
            _drop(path)


def _pointed(url: str, mirror: str) -> str:
    request = urllib.request.Request(_address(url, mirror))  # noqa: S310 - the configuration takes https only
    try:
        with _asked(request) as answer:
            text = answer.read(_MAX_POINTER).decode("utf-8", "replace").strip()
    except urllib.error.HTTPError as error:
        raise FeedError(f"the server answers {error.code} {error.reason}") from None
    except HTTPException as error:
        raise FeedError(f"could not be fetched: {error}") from None
    if not _FILE_NAME.fullmatch(text):
        raise FeedError(f"names no archive: {text[:80]!r}")
    return text


def _whole(url: str, mirror: str, part: Path, known: Known) -> HTTPMessage | None:
    """The headers of what is in `part` then, whole; None when nothing changed."""
    best = -1
    for _ in range(_TRIES):
        begun = _begun(part, url)
        try:
            return _received(url, mirror, part, begun, known)
        except _BrokenOffError as error:
            there = part.stat().st_size if part.exists() else 0
            if there <= best:
                raise FeedError(f"broke off {error}") from None
            best = there
    raise FeedError(f"broke off {_TRIES} times, at last after {best} bytes; the next update goes on from there")


def _received(url: str, mirror: str, part: Path, begun: str, known: Known) -> HTTPMessage | None:
    request = urllib.request.Request(_address(url, mirror))  # noqa: S310 - the configuration takes https only
    size = part.stat().st_size if begun else 0
    if begun:
        request.add_header("Range", f"bytes={size}-")
        request.add_header("If-Range", begun)
    else:
        if known.etag:
            request.add_header("If-None-Match", known.etag)
        if known.modified:
            request.add_header("If-Modified-Since", known.modified)
    try:
        with _asked(request) as answer:
            continued = answer.status == HTTPStatus.PARTIAL_CONTENT
            if continued and not _continues(answer, size):
                _drop(part)
                raise FeedError("answers with another part of the file than the one that was asked for")
            if not continued:
                _drop(part)
                _note(part, url, answer.headers)
            _receive(answer, part, size if continued else 0)
            headers: HTTPMessage = answer.headers
            return headers
    except urllib.error.HTTPError as error:
        if error.code == HTTPStatus.NOT_MODIFIED:
            return None
        if error.code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and begun:
            _drop(part)
            raise _BrokenOffError("and the server does not go on") from None
        raise FeedError(f"the server answers {error.code} {error.reason}") from None


def _asked(request: urllib.request.Request) -> HTTPResponse:
    try:
        answer: HTTPResponse = urllib.request.build_opener(Redirects).open(request, timeout=_TIMEOUT)
    except urllib.error.HTTPError:
        raise
    except (urllib.error.URLError, HTTPException, TimeoutError, UnicodeError) as error:
        raise FeedError(f"could not be fetched: {getattr(error, 'reason', None) or error}") from None
    return answer


def _continues(answer: HTTPResponse, size: int) -> bool:
    told = _RANGE.fullmatch(answer.headers.get("Content-Range", ""))
    return told is not None and int(told["first"]) == size


def _receive(answer: HTTPResponse, part: Path, size: int) -> None:
    announced = None if answer.length is None else size + answer.length
    if announced is not None and announced > MAX_TOTAL:
        raise FeedError("more than can be a feed")
    with part.open("r+b" if size else "wb") as out:
        out.seek(size)
        try:
            while data := answer.read(_CHUNK):
                size += len(data)
                if size > MAX_TOTAL:
                    raise FeedError("more than can be a feed")
                out.write(data)
        except (HTTPException, TimeoutError, ConnectionError) as error:
            raise _BrokenOffError(f"after {size} bytes ({str(error) or type(error).__name__})") from None
    if announced is not None and size != announced:
        raise _BrokenOffError(f"after {size} of {announced} bytes")


def _note(part: Path, url: str, headers: HTTPMessage) -> None:
    """Remember what is being fetched, where the server gives it a mark by which it can be gone on with."""
    etag = headers.get("ETag", "")
    mark = etag if etag and not etag.startswith("W/") else headers.get("Last-Modified", "")
    note = _noted(part)
    if mark:
        note.write_text(_Part(address=url, mark=mark).model_dump_json(), encoding="utf-8")


def _begun(part: Path, url: str) -> str:
    """The mark of what is there of an address already; empty when that is nothing."""
    try:
        noted = _Part.model_validate_json(_noted(part).read_bytes())
        here = part.stat().st_size
    except (OSError, ValidationError):
        return ""
    return noted.mark if noted.address == url and here else ""


def _noted(part: Path) -> Path:
    return part.with_suffix(".json")


def _drop(part: Path) -> None:
    part.unlink(missing_ok=True)
    _noted(part).unlink(missing_ok=True)


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
