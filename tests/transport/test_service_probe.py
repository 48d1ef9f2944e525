"""Light probes against real servers."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from secaudit.model.contract import ProbeKind, ServiceProbe
from secaudit.transport.service_probe import probe_service

AT = datetime(2026, 11, 24, 12, tzinfo=UTC)
SHORT = timedelta(seconds=0.4)


class _Pages(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        """A good page, a wrong one, and one that never ends."""
        if self.path == "/drip":
            self.send_response(200)
            self.end_headers()
            for _ in range(1000):
                self.wfile.write(b"x")
                time.sleep(0.05)
            return
        self.send_response(200 if self.path == "/ok?a=1" else 503)
        self.end_headers()
        self.wfile.write(b"status: fine \x1b[31m\n")

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


@contextmanager
def served(context: ssl.SSLContext | None = None) -> Iterator[int]:
    """A web server on loopback."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Pages)
    server.daemon_threads = True
    server.block_on_close = False
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 of 30 days, with its key in the same file."""
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    argv = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30"]
    argv += ["-subj", "/CN=loopback", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(path)]
    made = subprocess.run(argv, capture_output=True, check=True)
    path.write_bytes(path.read_bytes() + made.stdout)
    return path


@pytest.fixture(scope="module")
def tls(certificate: Path) -> Iterator[int]:
    """A web server that speaks TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with served(context) as port:
        yield port


@pytest.fixture(scope="module")
def plain() -> Iterator[int]:
    """A web server that does not."""
    with served() as port:
        yield port


def http(port: int, path: str = "/ok?a=1", body: str = "", timeout: timedelta = timedelta(seconds=5)) -> ServiceProbe:
    """A probe of a page."""
    return ServiceProbe(ProbeKind.HTTP, "127.0.0.1", port, timeout, path=path, statuses=(200,), body=body)


def test_a_page(plain: int) -> None:
    found = probe_service(http(plain, body="status: (fine|good)"), AT)
    assert (found.at, found.is_up, found.detail, found.expires) == (AT, True, "status 200", None)


def test_a_wrong_status_and_a_wrong_body_are_down(plain: int) -> None:
    assert probe_service(http(plain, "/gone"), AT).detail == "status 503"
    found = probe_service(http(plain, body="excellent"), AT)
    assert (found.is_up, "does not hold 'excellent'" in found.detail) == (False, True)


def test_an_encrypted_page_and_a_handshake_tell_when_the_certificate_ends(tls: int, certificate: Path) -> None:
    page = ServiceProbe(
        ProbeKind.HTTP, "127.0.0.1", tls, SHORT * 10, True, "127.0.0.1", "/ok?a=1", (200,), "", str(certificate)
    )
    handshake = ServiceProbe(ProbeKind.TLS, "127.0.0.1", tls, SHORT * 10, True, "127.0.0.1", ca_file=str(certificate))
    for probe in (page, handshake):
        found = probe_service(probe, AT)
        assert found.is_up, found.detail
        assert found.expires is not None
        assert timedelta(days=29) < found.expires - datetime.now(UTC) <= timedelta(days=30)


def test_a_certificate_that_nobody_vouches_for_or_of_another_name_is_down(tls: int, certificate: Path) -> None:
    unknown = ServiceProbe(ProbeKind.TLS, "127.0.0.1", tls, SHORT * 10, True, "127.0.0.1")
    other = ServiceProbe(ProbeKind.TLS, "127.0.0.1", tls, SHORT * 10, True, "shop.example", ca_file=str(certificate))
    for probe in (unknown, other):
        found = probe_service(probe, AT)
        assert (found.is_up, found.detail.startswith("the certificate is refused")) == (False, True)


@pytest.mark.parametrize("kind", [ProbeKind.HTTP, ProbeKind.TLS])
def test_a_port_that_hangs_is_down_in_time(kind: ProbeKind) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        begin = time.monotonic()
        is_tls = kind is ProbeKind.TLS
        probe = ServiceProbe(kind, "127.0.0.1", silent.getsockname()[1], SHORT, is_tls, "127.0.0.1", "/", (200,))
        found = probe_service(probe, AT)
    assert (found.is_up, found.detail) == (False, "no answer within 0.4 s")
    assert time.monotonic() - begin < 15


def test_a_page_that_comes_byte_by_byte_is_down_in_time(plain: int) -> None:
    begin = time.monotonic()
    found = probe_service(http(plain, "/drip", body="never", timeout=SHORT), AT)
    assert not found.is_up
    assert time.monotonic() - begin < 15


def test_connections(plain: int) -> None:
    assert probe_service(ServiceProbe(ProbeKind.TCP, "127.0.0.1", plain, SHORT), AT).is_up
    with socket.create_server(("127.0.0.1", 0)) as server:
        closed = server.getsockname()[1]
    found = probe_service(ServiceProbe(ProbeKind.TCP, "127.0.0.1", closed, SHORT), AT)
    assert (found.is_up, "refused" in found.detail) == (False, True)
    assert not probe_service(ServiceProbe(ProbeKind.TCP, "no-such-host.invalid", 80, SHORT), AT).is_up
