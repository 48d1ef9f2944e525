"""The ways by which messages leave: mail, apprise, a directory."""

from __future__ import annotations

import json
import smtplib
import ssl
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from importlib import import_module
from mimetypes import guess_type
from pathlib import Path
from shutil import rmtree
from typing import TYPE_CHECKING

from secaudit.export.concealing import conceal
from secaudit.model.delivery import AppriseTarget, DirectoryTarget, MailTarget, Message, Posted, Security, Target
from secaudit.model.errors import UserError
from secaudit.model.inventory import SecretSource
from secaudit.model.safe_text import visible, visible_line

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer as Buffer

Reveal = Callable[[SecretSource], str]
"""Gives the value of a secret; may raise a UserError that names its source only."""


class NotDelivered(UserError):
    """A message did not leave, and surely did not arrive; the text says why and holds no secret."""


class Refused(NotDelivered):
    """The target will never take this message (RFC 5321, 5yz): to send it again would only ask the same again."""


class MaybeDelivered(UserError):
    """The connection ended after the message was handed over and before the target confirmed it."""


def deliver(posted: Posted, target: Target, reveal: Reveal) -> None:
    """Hand a message to its target. Raises NotDelivered, Refused, MaybeDelivered."""
    match target:
        case MailTarget():
            _mail(posted, target, reveal)
        case AppriseTarget():
            _apprise(posted.message, target, reveal)
        case DirectoryTarget():
            _write(posted, target)


def as_mail(posted: Posted, target: MailTarget) -> EmailMessage:
    """The message as mail. Its Message-ID is the same each time it is sent, so that a copy can be told."""
    message = posted.message
    mail = EmailMessage(policy=SMTP)
    mail["From"] = target.sender
    mail["To"] = ", ".join(message.to or target.to)
    mail["Subject"] = visible_line(message.subject)
    mail["Date"] = posted.composed
    domain = target.sender.rpartition("@")[2]
    mail["Message-ID"] = f"<secaudit-{posted.id}-{posted.composed:%Y%m%d%H%M%S%f}@{domain}>"
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no vacation notice answers it
    mail.set_content(visible(message.text))
    for file in message.attachments:
        kind = guess_type(file.name)[0] or "application/octet-stream"
        main, _, sub = kind.partition("/")
        mail.add_attachment(file.data, maintype=main, subtype=sub, filename=visible_line(file.name))
    return mail


_FOR_GOOD = 500
"""The first reply code after which a client must not repeat its request (RFC 5321, section 4.2.1)."""


class _Server(smtplib.SMTP):
    """A server that notes when the content of a message began to go there: before that it surely did not arrive."""

    began = False

    def data(self, msg: Buffer | str) -> tuple[int, bytes]:
        """See `smtplib.SMTP.data`."""
        self.began = True
        return super().data(msg)


class _TlsServer(_Server, smtplib.SMTP_SSL):
    """The same, with TLS from the first word on."""


def _mail(posted: Posted, target: MailTarget, reveal: Reveal) -> None:
    if not (posted.message.to or target.to):
        raise NotDelivered(f"{target.name}: nobody is named to get it")
    mail = as_mail(posted, target)
    password = reveal(target.password) if target.password else ""
    try:
        context = ssl.create_default_context(cafile=target.ca_file or None)
    except OSError as error:
        raise NotDelivered(f"the certificates in {target.ca_file} cannot be read: {error.strerror or error}") from None
    server: _Server | None = None
    try:
        if target.security is Security.TLS:
            server = _TlsServer(target.host, target.port, timeout=target.timeout, context=context)
        else:
            server = _Server(target.host, target.port, timeout=target.timeout)
        if target.security is Security.STARTTLS:
            server.starttls(context=context)
        if target.user:
            server.login(target.user, password)
        refused = server.send_message(mail)
    except (smtplib.SMTPException, OSError, UnicodeError) as error:
        raise _trouble(error, target, password, began=server is not None and server.began) from None
    finally:
        # How the server says goodbye does not change what it has taken.
        with suppress(smtplib.SMTPException, OSError):
            if server is not None:
                server.quit()
    if refused:
        raise MaybeDelivered(f"{target.host} took it, but not for {_refusals(refused, password)}")


def _refusals(recipients: Mapping[str, tuple[int, bytes]], password: str) -> str:
    """Who gets nothing, with the server's own words."""
    said = (
        f"{address}: {code} {visible_line(conceal(answer.decode('utf-8', 'replace'), [password]))[:200]}"
        for address, (code, answer) in recipients.items()
    )
    return "; ".join(said)[:600]


def _trouble(error: Exception, target: MailTarget, password: str, *, began: bool) -> UserError:
    """What an error means for the message, which `began` to go there or did not."""
    maybe = MaybeDelivered if began else NotDelivered
    match error:
        case smtplib.SMTPResponseException(smtp_code=code, smtp_error=answer):
            text = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer
            said = visible_line(conceal(text, [password]))[:300]
            if code < 0:
                return maybe(f"{target.host}: this is no answer of a mail server: {said}")
            # The server answered, so it did not take the message. What it says of a login or of the connection is
            # about this sender and not about the message: somebody corrects it, and the message goes.
            about_message = isinstance(error, (smtplib.SMTPSenderRefused, smtplib.SMTPDataError))
            kind = Refused if about_message and code >= _FOR_GOOD else NotDelivered
            return kind(f"{target.host}: {code} {said}")
        case smtplib.SMTPRecipientsRefused(recipients=recipients):
            kind = Refused if all(code >= _FOR_GOOD for code, _ in recipients.values()) else NotDelivered
            return kind(f"{target.host} refuses {_refusals(recipients, password)}")
        case UnicodeError():
            # Before anything of the message went: names of hosts and what a login sends have encodings of their own.
            return NotDelivered(f"{target.host}: host, user or password has a character that may not stand there")
    return maybe(f"{target.host}:{target.port}: {visible_line(str(error)) or type(error).__name__}")


# Chats look for mentions in plain text too (`@everyone`, `<!channel>`), and a host's texts are none of them to make:
# the full-width forms look alike and mean nothing.
_CALLS_NOBODY = str.maketrans({"@": "＠", "<": "＜", ">": "＞"})


def _apprise(message: Message, target: AppriseTarget, reveal: Reveal) -> None:
    try:
        apprise = import_module("apprise")
    except ImportError:
        raise NotDelivered(f"{target.name}: needs the package secaudit[notify]") from None
    # What a redirect asks for instead is fetched without the message, and answered with "fine" all the same.
    service = apprise.Apprise(asset=apprise.AppriseAsset(http_redirects=False))
    if not service.add(reveal(target.url)):
        raise NotDelivered(f"{target.name}: apprise does not know this kind of address")
    text = apprise.NotifyFormat.TEXT
    title, body = (visible(part).translate(_CALLS_NOBODY) for part in (visible_line(message.subject), message.text))
    if not service.notify(title=title, body=body, body_format=text):
        raise NotDelivered(f"{target.name}: the service did not take it")


def _write(posted: Posted, target: DirectoryTarget) -> None:
    """A folder for each message; it appears whole, so that whoever watches the directory never sees half of one."""
    message = posted.message
    folder = Path(target.path) / f"{posted.composed:%Y-%m-%d-%H%M%S}-{posted.id}"
    draft = folder.with_name(f".{folder.name}.draft")
    try:
        if folder.exists():
            return
        draft.parent.mkdir(parents=True, exist_ok=True)
        # For its owner alone, as the store is; a group that is to read it can be given the folder above.
        draft.mkdir(mode=0o700, exist_ok=True)
        (draft / "message.txt").write_text(visible(f"{message.subject}\n\n{message.text}"), encoding="utf-8")
        head = {"customer": message.customer, "subject": message.subject, "composed": _moment(posted.composed)}
        (draft / "message.json").write_text(json.dumps(head, indent=2) + "\n", encoding="utf-8")
        for file in message.attachments:
            (draft / Path(file.name).name).write_bytes(file.data)
        draft.rename(folder)
    except OSError as error:
        rmtree(draft, ignore_errors=True)
        raise NotDelivered(f"{folder}: {error.strerror or error}") from None


def _moment(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
