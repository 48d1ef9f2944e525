"""HTTP with a tracker: bounded in time, size and tries; TLS is verified and redirects are not followed."""

from __future__ import annotations

import ssl
import time
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx

from secaudit.export.concealing import conceal
from secaudit.export.trackers.waiting import is_limited, seconds_asked
from secaudit.model.errors import UserError
from secaudit.model.safe_text import visible_line

MAX_BYTES = 16 * 1024 * 1024
MAX_WAIT = 60.0
"""Seconds that a tracker may make us wait before a request is tried again."""
PATIENCE = 600.0
"""Seconds that it may make us wait in all."""
TRIES = 4
MAX_SECONDS = 300.0
"""Seconds that one answer may take as a whole; the timeout is for each step of it."""

_SAID = 4096
"""Bytes of an answer that an error is told from."""

Params = Mapping[str, str | Sequence[str]]
"""What stands behind the question mark; of a sequence each item under the same name."""

_PASSING = frozenset({502, 503, 504})
_MISSING = frozenset({301, 308, 404, 410})
"""Gone, hidden from us, or moved for good to where our credentials do not follow."""


class TrackerError(UserError):
    """A tracker did not do what it was asked for.

    `is_refused` says that it certainly did nothing; `status` is that of its answer, 0 when there was none.
    """

    def __init__(self, message: str, *, is_refused: bool = False, status: int = 0) -> None:
        super().__init__(message)
        self.is_refused = is_refused
        self.status = status


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: its parsed JSON (None without a body) and its headers in lower case."""

    data: Any
    headers: Mapping[str, str]


class Session:
    """One tracker's connection. What changes something is sent again only when the tracker said that it did nothing."""

    def __init__(
        self,
        url: str,
        headers: Mapping[str, str],
        *,
        auth: tuple[str, str] | None = None,
        secret: str = "",
        ca_file: str = "",
        timeout: float = 30.0,
        pause: float = 0.0,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`timeout` is in seconds for each step of a request, `pause` the least seconds from one change to the next.

        Raises TrackerError when the certificates cannot be read.
        """
        try:
            context = ssl.create_default_context(cafile=ca_file or None)
        except OSError as error:
            raise TrackerError(f"the certificates in {ca_file} cannot be read: {error.strerror or error}") from None
        self._sleep = sleep
        self._pause = pause
        self._changed = float("-inf")
        self._waited = 0.0
        # Also the part of a header that holds it, as Basic authentication encodes it (RFC 7617).
        encoded = b64encode(":".join(auth).encode()).decode() if auth else ""
        self._secrets = [text for text in (secret, encoded) if text]
        self._base = url.rstrip("/")
        self._client = httpx.Client(
            headers={"Accept": "application/json", "User-Agent": "secaudit", **headers},
            auth=auth,
            verify=context,
            timeout=timeout,
            follow_redirects=False,
            trust_env=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def get(self, path: str, params: Params | None = None) -> Reply:
        """Ask for something."""
        reply = self._call("GET", path, params=params, is_question=True)
        assert reply is not None
        return reply

    def get_known(self, path: str, params: Params | None = None) -> Reply | None:
        """Ask for something that may be gone; None when it is."""
        return self._call("GET", path, params=params, is_question=True, may_miss=True)

    def ask(self, path: str, body: object) -> Reply:
        """Ask for something by a question that is too long for an address."""
        reply = self._call("POST", path, body=body, is_question=True)
        assert reply is not None
        return reply

    def send(self, method: str, path: str, body: object, headers: Mapping[str, str] | None = None) -> Reply:
        """Change something."""
        early = self._changed + self._pause - time.monotonic()
        if early > 0:
            self._sleep(early)
        try:
            reply = self._call(method, path, body=body, headers=headers)
        finally:
            self._changed = time.monotonic()
        assert reply is not None
        return reply

    def _call(
        self,
        method: str,
        path: str,
        *,
        params: Params | None = None,
        body: object = None,
        headers: Mapping[str, str] | None = None,
        is_question: bool = False,
        may_miss: bool = False,
    ) -> Reply | None:
        """One request with its tries. Raises TrackerError, whose text holds no secret."""
        what = f"{method} {self._base}{path}"
        for attempt in range(1, TRIES + 1):
            try:
                status, found, raw = self._once(method, path, params, body, headers)
            except httpx.HTTPError as error:
                if not is_question or attempt == TRIES:
                    # What we did wrong ourselves is told with the header that is wrong, which may be the secret.
                    is_told = str(error) and not isinstance(error, httpx.LocalProtocolError)
                    reason = f"{type(error).__name__}: {error}" if is_told else type(error).__name__
                    refused = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
                    raise TrackerError(self._hide(f"{what}: {reason}")[:500], is_refused=refused) from None
                self._sleep(2.0 ** (attempt - 1))
                continue
            if may_miss and status in _MISSING:
                return None
            again = is_limited(status, found, raw) or (status in _PASSING and is_question)
            if again and attempt < TRIES:
                self._wait(seconds_asked(status, found, attempt), what)
                continue
            if not 200 <= status < 300:
                # Cut only when nothing is left to hide: half of a secret would not be found.
                said = self._hide(raw[:_SAID].decode("utf-8", "replace"))[:300]
                refused = 400 <= status < 500 and status not in (408, 409)
                raise TrackerError(f"{what}: status {status}: {said}", is_refused=refused, status=status)
            return Reply(_parsed(raw, what), found)
        raise AssertionError("every try returns, raises or goes on")

    def _wait(self, seconds: float, what: str) -> None:
        """Do as the tracker asks, within bounds."""
        if seconds > MAX_WAIT:
            raise TrackerError(f"{what}: the tracker asks to wait {seconds:.0f} s; try again later", is_refused=True)
        if self._waited + seconds > PATIENCE:
            raise TrackerError(f"{what}: the tracker asks to wait again and again; try again later", is_refused=True)
        self._waited += seconds
        self._sleep(seconds)

    def _hide(self, text: str) -> str:
        """A text for people: a server may say what it was sent."""
        return visible_line(conceal(text, self._secrets))

    def _once(
        self,
        method: str,
        path: str,
        params: Params | None,
        body: object,
        headers: Mapping[str, str] | None,
    ) -> tuple[int, Mapping[str, str], bytes]:
        raw = bytearray()
        begun = time.monotonic()
        with self._client.stream(
            method, self._base + path, params=params, json=body, headers=dict(headers or {})
        ) as response:
            for piece in response.iter_bytes():
                raw += piece
                if len(raw) > MAX_BYTES:
                    raise TrackerError(f"{method} {self._base}{path}: more than {MAX_BYTES} bytes came back")
                if time.monotonic() - begun > MAX_SECONDS:
                    raise TrackerError(f"{method} {self._base}{path}: the answer took more than {MAX_SECONDS:g} s")
            return response.status_code, {name.lower(): value for name, value in response.headers.items()}, bytes(raw)


def segment(text: str) -> str:
    """A text as one segment of a path."""
    return quote(text, safe="")


def _parsed(raw: bytes, what: str) -> Any:
    if not raw.strip():
        return None
    try:
        return httpx.Response(200, content=raw).json()
    except (ValueError, RecursionError):
        raise TrackerError(f"{what}: the answer is not JSON") from None
