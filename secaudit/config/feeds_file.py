"""The format of a file of feed sources: what each key takes."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, ValidationError, ValidatorFunctionWrapHandler, WithJsonSchema, WrapValidator

from secaudit.config.validation import FileModel

_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_EXAMPLE = "write for example https://feeds.example/all.zip"
_LONGEST_QUOTE = 100
_SHA256 = "([0-9a-f]{64})?"
_URL = "https://.+|http://(?:127\\.0\\.0\\.1|\\[::1\\]|localhost)(?:[:/].*)?"


def _parse_url(text: str) -> str:
    address = text.strip()
    shown = repr(_shown(address))
    try:
        parts = urlsplit(address)
        _ = parts.port
        host = (parts.hostname or "").encode("idna")
    except ValueError:
        raise ValueError(f"{shown} is not an address; {_EXAMPLE}") from None
    # Advisories over a connection that anybody can change would be worth nothing; nobody changes loopback.
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        raise ValueError(f"{shown} is not an https address; {_EXAMPLE}")
    if not host:
        raise ValueError(f"{shown} names no host; {_EXAMPLE}")
    if not (parts.path + parts.query).isascii() or re.search(r"[\0- \x7f]", address.partition("#")[0]):
        raise ValueError(f"{shown} has characters that no address has; write them as %20 and the like")
    return address


def _shown(address: str) -> str:
    """An address for messages, without what may be a secret: who logs in, and the query."""
    login, _, rest = address.rpartition("@")
    shown = ("…@" if login else "") + rest.partition("?")[0]
    return shown if len(shown) <= _LONGEST_QUOTE else shown[:_LONGEST_QUOTE] + "…"


def _parse_mirror(text: str) -> str:
    return _parse_url(text) if text else text


def _parse_name(text: str) -> str:
    if "\0" in text or text.rpartition("/")[2] in (".", ".."):
        raise ValueError(f"{text[:_LONGEST_QUOTE]!r} is not the name of a file; write for example tracker.json")
    return text


def _parse_sha256(text: str) -> str:
    if not re.fullmatch(_SHA256, text):
        raise ValueError(f"{text[:_LONGEST_QUOTE]!r} is not a sha256: 64 hexadecimal digits, letters in lower case")
    return text


def _parse_day(value: Any, handler: ValidatorFunctionWrapHandler) -> date | None:
    try:
        day: date | None = handler(value)
    except ValidationError:
        quoted = value[:_LONGEST_QUOTE] if isinstance(value, str) else value
        shown = repr(quoted) if isinstance(quoted, str | int | float) else "this"
        raise ValueError(f"{shown} is not a day; write for example 2027-03-31") from None
    return day


Url = Annotated[str, AfterValidator(_parse_url), WithJsonSchema({"type": "string", "pattern": f"^(?:{_URL})$"})]
Mirror = Annotated[str, AfterValidator(_parse_mirror), WithJsonSchema({"type": "string", "pattern": f"^(?:{_URL})?$"})]
Name = Annotated[str, AfterValidator(_parse_name)]
Sha256 = Annotated[str, AfterValidator(_parse_sha256), WithJsonSchema({"type": "string", "pattern": f"^{_SHA256}$"})]
LastDay = Annotated[
    date | None,
    Field(strict=False),
    WrapValidator(_parse_day),
    WithJsonSchema({"anyOf": [{"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"}, {"type": "null"}]}),
]


class FeedFile(FileModel):
    """Where one feed is published."""

    url: Url
    """Its address; https, except on this machine."""
    name: Name = ""
    """What the fetched file is called; its suffix tells the format where the address has none."""
    expires: LastDay = None
    """The last day on which statements (VEX) from there count; a year after each was made unless given."""
    sha256: Sha256 = ""
    """What has to come, when it must not change; anything unless given."""


class FeedsFile(FileModel):
    """Where advisories are fetched from."""

    mirror: Mirror = ""
    """The address of a mirror that has the feeds below their host names; none unless given."""
    feeds: Annotated[list[FeedFile], Field(min_length=1)]
    """The feeds."""
