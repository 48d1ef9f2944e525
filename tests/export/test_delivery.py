"""Messages leave by real ways: a mail server with TLS, a webhook, a directory."""

from __future__ import annotations

import email
import json
import resource
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.policy import default
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st
from pytest_httpserver import HTTPServer as HttpServer
from werkzeug import Response

from secaudit.cli.translations import phrasebook
from secaudit.export.delivery.digest import LENGTH, SHOWN, Change, ChangeKind, body, subject
from secaudit.export.delivery.sending import NotDelivered, Refused, as_mail, deliver
from secaudit.model.delivery import (
    AppriseTarget,
    Attachment,
    DirectoryTarget,
    MailTarget,
    Message,
    Posted,
    Security,
    Stage,
)
from secaudit.model.inventory import SecretKind, SecretSource
from secaudit.model.phrasebook import Phrasebook
from secaudit.model.severity import Severity

# aiosmtpd does not know that its TLS begins before its first word.
pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS:UserWarning")

AT = datetime(2026, 11, 24, 6, 0, tzinfo=UTC)
SECRET = SecretSource(SecretKind.ENV, "SECRET")
MESSAGE = Message(
    "muster", "mail", "Bericht für Müller", "Grüße\n", ("it@muster.example",), (Attachment("m.pdf", b"%PDF-1.7"),)
)


def posted(message: Message = MESSAGE) -> Posted:
    return Posted(7, message, AT, Stage.SENDING, 0, AT, "")


class Inbox:
    """What a server took; refuses with `answer` where there is one."""

    def __init__(self) -> None:
        self.mails: list[Any] = []
        self.answer = ""
        self.recipient = ""
        self.goodbye = "221 Bye"

    async def handle_QUIT(self, _server: SMTP, _session: Session, _envelope: Envelope) -> str:  # noqa: N802 - theirs
        return self.goodbye

    async def handle_RCPT(  # noqa: N802 - theirs
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if self.recipient:
            return self.recipient
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - theirs
        if self.answer:
            return self.answer
        assert isinstance(envelope.content, bytes)
        self.mails.append((envelope.rcpt_tos, email.message_from_bytes(envelope.content, policy=default)))
        return "250 OK"


def _certificate(folder: Path) -> Path:
    """A certificate for localhost that is its own authority, with its key in `key.pem`."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    form = serialization.PrivateFormat.PKCS8
    pem = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    (folder / "key.pem").write_bytes(pem)
    path = folder / "ca.pem"
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    return path


def _login(_server: object, _session: object, _envelope: object, _mechanism: str, data: LoginPassword) -> AuthResult:
    return AuthResult(success=data == LoginPassword(b"audit", b"right"), handled=False)


@pytest.fixture(scope="module", params=[Security.STARTTLS, Security.TLS])
def mail_server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A mail server that takes mail over TLS from those who log in: inbox and target."""
    folder = tmp_path_factory.mktemp("tls")
    ca = _certificate(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(ca, folder / "key.pem")
    inbox = Inbox()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    over: dict[str, Any] = {"ssl_context": context} if request.param is Security.TLS else {"tls_context": context}
    controller = Controller(
        inbox,
        hostname="127.0.0.1",
        port=port,
        auth_required=True,
        auth_require_tls=request.param is Security.STARTTLS,
        require_starttls=request.param is Security.STARTTLS,
        authenticator=_login,
        **over,
    )
    controller.start()
    sender = "secaudit@provider.example"
    yield inbox, MailTarget("mail", "localhost", port, request.param, sender, (), "audit", SECRET, str(ca), 10)
    controller.stop()


def test_mail_arrives_over_tls_as_it_was_written(mail_server: Any) -> None:
    inbox, target = mail_server
    inbox.mails.clear()
    deliver(posted(), target, lambda _source: "right")
    ((recipients, mail),) = inbox.mails
    assert recipients == ["it@muster.example"]
    assert mail["Subject"] == "Bericht für Müller"
    assert mail["Message-ID"] == as_mail(posted(), target)["Message-ID"]
    assert mail.get_body().get_content().replace("\r\n", "\n") == "Grüße\n"
    (file,) = mail.iter_attachments()
    assert (file.get_filename(), file.get_content_type(), file.get_content()) == (
        "m.pdf",
        "application/pdf",
        b"%PDF-1.7",
    )


def test_a_wrong_password_is_told_without_it(mail_server: Any) -> None:
    _, target = mail_server
    with pytest.raises(NotDelivered, match="535") as caught:
        deliver(posted(), target, lambda _source: "wrong-hunter2")
    assert "hunter2" not in str(caught.value)


def test_a_certificate_that_nobody_vouches_for_is_refused(mail_server: Any) -> None:
    inbox, target = mail_server
    inbox.mails.clear()
    stranger = MailTarget("mail", "localhost", target.port, target.security, target.sender, timeout=10)
    with pytest.raises(NotDelivered, match=r"(?i)certificate.verify.failed"):
        deliver(posted(), stranger, lambda _source: "right")
    assert inbox.mails == []


def test_a_server_that_refuses_has_not_taken_it(mail_server: Any) -> None:
    inbox, target = mail_server
    inbox.answer = "552 mailbox full"
    try:
        with pytest.raises(Refused, match="552 mailbox full"):
            deliver(posted(), target, lambda _source: "right")
    finally:
        inbox.answer = ""


def test_a_recipient_that_is_refused_for_good_is_not_asked_again_and_a_busy_one_is(mail_server: Any) -> None:
    inbox, target = mail_server
    for answer, kind in (("550 5.1.1 no such user", Refused), ("450 4.2.1 try later", NotDelivered)):
        inbox.recipient = answer
        try:
            with pytest.raises(NotDelivered, match=f"it@muster.example: {answer}") as caught:
                deliver(posted(), target, lambda _source: "right")
        finally:
            inbox.recipient = ""
        assert type(caught.value) is kind


def test_what_was_taken_is_sent_however_the_server_ends(mail_server: Any) -> None:
    inbox, target = mail_server
    inbox.mails.clear()
    inbox.goodbye = "421 shutting down"
    try:
        deliver(posted(), target, lambda _source: "right")
    finally:
        inbox.goodbye = "221 Bye"
    assert len(inbox.mails) == 1


def test_a_server_that_is_not_there_is_named() -> None:
    target = MailTarget("mail", "127.0.0.1", 1, Security.NONE, "a@b.example", timeout=2)
    with pytest.raises(NotDelivered, match=r"127\.0\.0\.1:1"):
        deliver(posted(), target, lambda _source: "")
    with pytest.raises(NotDelivered, match="nobody is named"):
        deliver(posted(Message("m", "mail", "s", "t")), target, lambda _source: "")


@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")  # apprise looks whether it is there
def test_a_webhook_gets_text() -> None:
    bodies: list[dict[str, Any]] = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Hook) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        target = AppriseTarget("chat", SECRET)
        deliver(posted(), target, lambda _source: f"json://127.0.0.1:{server.server_port}/")
    assert bodies[0]["title"] == "Bericht für Müller"
    assert bodies[0]["message"] == "Grüße"
    with pytest.raises(NotDelivered, match="does not know") as caught:
        deliver(posted(), target, lambda _source: "nonsense-hunter2")
    assert "hunter2" not in str(caught.value)


@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
@pytest.mark.parametrize("status", [301, 302, 307])
def test_a_webhook_that_points_elsewhere_has_not_taken_it(httpserver: HttpServer, status: int) -> None:
    """Whoever answers there got no message, or was never to have it."""
    httpserver.expect_request("/hook").respond_with_response(Response(status=status, headers={"Location": "/there"}))
    httpserver.expect_request("/there").respond_with_data("ok")
    with pytest.raises(NotDelivered, match="chat: the service did not take it"):
        deliver(posted(), AppriseTarget("chat", SECRET), lambda _: f"json://127.0.0.1:{httpserver.port}/hook")
    assert [request.path for request, _ in httpserver.log] == ["/hook"]


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path) -> None:
    """And when there is room again, the message arrives whole."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    message = replace(MESSAGE, attachments=(Attachment("m.pdf", b"%" * 50_000),))
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
    try:
        with pytest.raises(NotDelivered, match=r"2026-11-24-060000-7: File too large"):
            deliver(posted(message), DirectoryTarget("archive", str(tmp_path)), lambda _: "")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(tmp_path.iterdir()) == []
    deliver(posted(message), DirectoryTarget("archive", str(tmp_path)), lambda _: "")
    assert {path.name for path in tmp_path.glob("*/*")} == {"message.txt", "message.json", "m.pdf"}


def test_a_directory_gets_a_folder_once(tmp_path: Path) -> None:
    target = DirectoryTarget("archive", str(tmp_path / "archive"))
    deliver(posted(), target, lambda _source: "")
    deliver(posted(), target, lambda _source: "")
    (folder,) = (tmp_path / "archive").iterdir()
    assert (folder / "m.pdf").read_bytes() == b"%PDF-1.7"
    assert (folder / "message.txt").read_text(encoding="utf-8") == "Bericht für Müller\n\nGrüße\n"


def test_a_file_name_cannot_leave_the_folder(tmp_path: Path) -> None:
    message = Message("muster", "archive", "s", "t", (), (Attachment("../../outside", b"x"),))
    deliver(posted(message), DirectoryTarget("archive", str(tmp_path / "archive")), lambda _source: "")
    assert not (tmp_path / "outside").exists()


ENGLISH = Phrasebook()


def change(kind: ChangeKind = ChangeKind.NEW, text: str = "Port open", number: int = 0) -> Change:
    return Change(f"{kind}{number}", kind, AT, Severity.HIGH, "web1", text)


def test_a_digest_names_the_worst_first_and_says_what_it_leaves_out() -> None:
    changes = [change(ChangeKind.RESOLVED), *(change(number=number) for number in range(SHOWN + 3))]
    assert subject("muster", changes, ENGLISH) == f"[secaudit] muster: {SHOWN + 3} new, 1 resolved"
    text = body("muster", changes, AT, ENGLISH)
    assert text.index("New findings") < text.index("Resolved findings")
    assert "  … and 3 more" in text


@given(st.text(max_size=400))
def test_whatever_a_host_says_stays_on_its_line_and_out_of_the_head(said: str) -> None:
    text = body("muster", [change(text=said)], AT, ENGLISH)
    assert len(text.splitlines()) == len(body("muster", [change()], AT, ENGLISH).splitlines())
    assert max(map(len, text.splitlines())) < LENGTH + 60
    target = MailTarget("mail", "localhost", 25, Security.NONE, "a@b.example", ("c@d.example",))
    mail = as_mail(posted(Message("muster", "mail", f"x {said}", text)), target)
    assert mail.keys() == as_mail(posted(Message("muster", "mail", "x", text)), target).keys()
    assert "\n" not in str(mail["Subject"])


def test_a_digest_is_german_where_german_is_read() -> None:
    book = phrasebook("de", "secaudit.export.delivery")
    for kind in ChangeKind:
        changes = [
            Change(
                f"a{number}", kind, AT, severity, "web1", "The service ssh.service has failed.", "services ssh.service"
            )
            for number, severity in enumerate((*Severity, None))
        ]
        late = "remediation within 5bd, until 2026-11-25 16:00 UTC"
        changes.append(Change("due", kind, AT, Severity.HIGH, "web2", "no answer", deadline=late))
        english = body("muster", changes, AT, ENGLISH)
        german = body("muster", changes, AT, book)
        assert subject("muster", changes, book) != subject("muster", changes, ENGLISH)
        same = set(german.split("\n")) & set(english.split("\n"))
        assert same == {"muster, 2026-11-24 06:00 UTC", ""}
        assert "  hoch: web1: Der Dienst ssh.service ist ausgefallen. (services ssh.service)" in german
        assert "  hoch: web2: keine Antwort: Behebung innerhalb von 5bd, bis 2026-11-25 16:00 UTC" in german
    many = [change(number=number) for number in range(SHOWN + 2)]
    assert "  … und 2 weitere" in body("muster", many, AT, book)


def test_a_reader_of_german_gets_no_english_and_nobody_gets_internal_addresses() -> None:
    book = phrasebook("de", "secaudit.export.delivery")
    said = "10.20.0.11:22 hung up; tried fd00:20::11 from 192.168.7.0/24, 203.0.113.9 and 127.0.0.1"
    gone = Change("k", ChangeKind.UNREACHABLE, AT, None, "web1", said, plain="no answer")
    german, english = (body("muster", [gone], AT, one) for one in (book, ENGLISH))
    assert "  web1: keine Antwort" in german
    assert "web1: internal address:22 hung up; tried internal address from internal address, 203.0.113.9" in english
    assert "127.0.0.1" in english


def test_what_one_control_says_of_a_host_is_one_line() -> None:
    def new(host: str, subject: str, severity: Severity = Severity.HIGH) -> Change:
        text = f"A security update of {subject} is available and not installed."
        return Change(f"{host}{subject}", ChangeKind.NEW, AT, severity, host, text, "security-updates", subject)

    def gone(host: str) -> Change:
        return Change(host, ChangeKind.UNREACHABLE, AT, None, host, "no answer")

    packages = [f"lib{number:02}" for number in range(30)]
    changes = [*(new("web1", package) for package in packages), new("db1", "openssl"), gone("a"), gone("b")]
    told = body("Muster", changes, AT, Phrasebook()).splitlines()
    assert "  high: web1: security-updates (30): " + ", ".join(packages[:8]) + ", …" in told
    assert any("db1: A security update of openssl" in line for line in told)
    assert {"  a: no answer", "  b: no answer", "New findings (31)"} <= set(told)
    assert len(told) == 11


def test_what_is_left_out_of_a_digest_is_counted_by_changes() -> None:
    changes = [
        Change(f"{host}/{port}", ChangeKind.NEW, AT, Severity.LOW, f"h{host:02}", "open", "ports", f"tcp/{port}")
        for host in range(SHOWN + 2)
        for port in range(3)
    ]
    assert "  … and 6 more" in body("Muster", changes, AT, Phrasebook()).splitlines()
