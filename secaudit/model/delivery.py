"""What is told to people outside: targets, messages, and how far each message got. Times are aware UTC."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from secaudit.model.inventory import SecretSource
from secaudit.model.severity import Severity

EVERYONE = "*"
"""The customer of a subscription to the changes of all customers."""


class Security(StrEnum):
    """How the connection to a mail server is protected."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"
    """Only to this machine."""


@dataclass(frozen=True, slots=True)
class MailTarget:
    """Mail through a server. `to` may be empty where the contract names the recipients.

    With an empty `ca_file` the system's certificates are trusted.
    """

    name: str
    host: str
    port: int
    security: Security
    sender: str
    to: tuple[str, ...] = ()
    user: str = ""
    password: SecretSource | None = None
    ca_file: str = ""
    timeout: float = 30.0


@dataclass(frozen=True, slots=True)
class AppriseTarget:
    """Any service that apprise knows; its address holds credentials, so it is a secret."""

    name: str
    url: SecretSource


@dataclass(frozen=True, slots=True)
class DirectoryTarget:
    """A directory; each message becomes a folder of its own there."""

    name: str
    path: str


Target = MailTarget | AppriseTarget | DirectoryTarget


@dataclass(frozen=True, slots=True)
class Subscription:
    """Who is told what of a customer (or of `EVERYONE`): names of targets.

    `changes` get a digest of what changed at severity `minimum` and above, `monthly` the month's report. `language` is
    what they are written to in (`de`, `en`); empty: in that of the customer's contract, else in English.
    """

    customer: str
    changes: tuple[str, ...]
    monthly: tuple[str, ...]
    minimum: Severity
    language: str = ""


@dataclass(frozen=True, slots=True)
class DeliveryPlan:
    """Everything that delivery files say."""

    targets: tuple[Target, ...]
    subscriptions: tuple[Subscription, ...]

    def target(self, name: str) -> Target | None:
        """The target of this name; None when the files no longer have it."""
        return next((target for target in self.targets if target.name == name), None)


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that goes along."""

    name: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Message:
    """What one target is to get: plain text, one subject line, files. `to` are a mail's recipients."""

    customer: str
    target: str
    subject: str
    text: str
    to: tuple[str, ...] = ()
    attachments: tuple[Attachment, ...] = ()


@dataclass(frozen=True, slots=True)
class Letter:
    """A message before it is posted, with the digests of everything that it tells."""

    message: Message
    tells: tuple[str, ...] = ()


class Stage(StrEnum):
    """How far a message got."""

    WAITING = "waiting"
    """To be sent, at `next` or later."""
    SENDING = "sending"
    """Somebody is at it; when that takes too long nobody knows whether it arrived."""
    SENT = "sent"
    """The target took it."""
    UNCERTAIN = "uncertain"
    """The sender ended in the middle of it: it may have arrived. Only a person sends it again."""
    FAILED = "failed"
    """Tried too often, or refused by the target for good."""
    DROPPED = "dropped"
    """A person decided that it is not to be sent."""


@dataclass(frozen=True, slots=True)
class Posted:
    """A message in the outbox. `detail` says why it was not sent yet."""

    id: int
    message: Message
    composed: datetime
    stage: Stage
    attempts: int
    next: datetime
    detail: str
