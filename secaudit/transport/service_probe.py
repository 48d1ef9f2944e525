"""Light probes of services: a TCP connection, a page over HTTP, or a TLS handshake. Nothing is sent but that."""

from __future__ import annotations

import re
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException
from threading import Timer

from secaudit.model.availability import Probe
from secaudit.model.contract import ProbeKind, ServiceProbe
from secaudit.model.safe_text import visible_line

MAX_BODY = 64 * 1024
"""Bytes of a page that are read."""


def probe_service(probe: ServiceProbe, at: datetime) -> Probe:
    """Look at a service once. `at` (aware UTC) is noted as the moment; whatever goes wrong is an answer: down."""
    expires: datetime | None = None
    try:
        with _connected(probe) as (connection, expires):
            is_up, detail = _page(probe, connection) if probe.kind is ProbeKind.HTTP else (True, "answered")
    except TimeoutError:
        is_up, detail = False, f"no answer within {probe.timeout.total_seconds():g} s"
    except ssl.SSLCertVerificationError as error:
        is_up, detail = False, f"the certificate is refused: {error.verify_message}"
    except (OSError, HTTPException, ValueError) as error:
        is_up, detail = False, _said_by(error)
    return Probe(at, is_up, visible_line(detail)[:200], expires)


def _said_by(error: Exception) -> str:
    """What the system says of an error; else its kind with what it says."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


@contextmanager
def _connected(probe: ServiceProbe) -> Iterator[tuple[socket.socket, datetime | None]]:
    """A connection (with TLS where it is spoken) that is cut off when the time is over, and its certificate's end."""
    seconds = probe.timeout.total_seconds()
    deadline = time.monotonic() + seconds
    with socket.create_connection((probe.host, probe.port), timeout=seconds) as plain:
        # A limit for each read does not bound a service that sends a byte now and then.
        cut = Timer(max(0.0, deadline - time.monotonic()), _cut_off, (plain,))
        cut.daemon = True
        cut.start()
        try:
            if not probe.is_encrypted:
                yield plain, None
            else:
                context = ssl.create_default_context(cafile=probe.ca_file or None)
                with context.wrap_socket(plain.dup(), server_hostname=probe.name) as encrypted:
                    yield encrypted, _expiry(encrypted)
        except (OSError, HTTPException, ValueError):
            if time.monotonic() >= deadline:
                raise TimeoutError from None
            raise
        finally:
            cut.cancel()


def _cut_off(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return


def _expiry(connection: ssl.SSLSocket) -> datetime | None:
    certificate = connection.getpeercert() or {}
    text = certificate.get("notAfter")
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(text), UTC) if isinstance(text, str) else None


def _page(probe: ServiceProbe, connection: socket.socket) -> tuple[bool, str]:
    """Whether the page has the right status and body, and what was seen."""
    http = HTTPConnection(probe.host, probe.port)
    http.sock = connection
    http.request("GET", probe.path, headers={"User-Agent": "secaudit-probe", "Connection": "close"})
    with http.getresponse() as response:
        body = response.read(MAX_BODY) if probe.body else b""
        status = response.status
    if status not in probe.statuses:
        return False, f"status {status}"
    if probe.body and not re.search(probe.body, body.decode("utf-8", "replace")):
        return False, f"status {status}, but the page does not hold {probe.body!r}"
    return True, f"status {status}"
