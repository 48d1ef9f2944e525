"""How long a tracker wants us to wait. Pure: "now" is what the tracker says it is."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

MINUTE = 60.0
"""What GitHub asks of those whom it has told no time."""

_FORBIDDEN, _TOO_MANY = 403, 429
_SECONDARY = b"secondary rate limit"


def is_limited(status: int, headers: Mapping[str, str], body: bytes) -> bool:
    """Whether a tracker did nothing because we ask too much. GitHub says so with 403 too (its page on rate limits)."""
    if status == _TOO_MANY:
        return True
    told = "retry-after" in headers or headers.get("x-ratelimit-remaining") == "0"
    return status == _FORBIDDEN and (told or _SECONDARY in body.lower())


def seconds_asked(status: int, headers: Mapping[str, str], attempt: int) -> float:
    """Seconds until the next try after the `attempt`-th, as the headers (in lower case) say; else 2, 4, 8 …

    `Retry-After` is a number or a date (RFC 9110 section 10.2.3), `X-RateLimit-Reset` a number of seconds since 1970.
    """
    after = headers.get("retry-after", "").strip()
    if after.isascii() and after.isdecimal():
        return float(after[:9])
    now = _moment(headers.get("date", "")) or datetime.now(UTC)
    until = _moment(after) or _reset(headers)
    if until is not None:
        return max(1.0, (until - now).total_seconds())
    return MINUTE if status == _FORBIDDEN else 2.0**attempt


def _reset(headers: Mapping[str, str]) -> datetime | None:
    reset = headers.get("x-ratelimit-reset", "")
    if headers.get("x-ratelimit-remaining") != "0" or not (reset.isascii() and reset.isdecimal()):
        return None
    try:
        return datetime.fromtimestamp(int(reset[:12]), UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _moment(text: str) -> datetime | None:
    """A date of HTTP as aware UTC; None for what is none."""
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError):
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
