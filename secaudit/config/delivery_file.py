"""The format of a delivery file: what each key takes."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from secaudit.config.contract_file import Mail
from secaudit.config.fields import Id, Maybe, SeverityWord, Text, Texts
from secaudit.config.inventory_file import Secret
from secaudit.config.validation import FileModel
from secaudit.model.severity import Severity

_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_PORTS = {"starttls": 587, "tls": 465, "none": 25}


def _parse_customer(text: str) -> str:
    if text == "*":
        return text
    if not text or not text[0].isalnum():
        raise ValueError(f"{text!r} is neither a customer's id nor '*' for all of them")
    return text


class MailFile(FileModel):
    """A mail server, and who gets mail through it."""

    host: Text
    """Its name; the certificate must be for it."""
    security: Literal["starttls", "tls", "none"] = "starttls"
    """How the connection is protected; none is for this machine alone."""
    port: Maybe[Annotated[int, Field(ge=1, le=65535)]] = None
    """587 for starttls, 465 for tls, 25 for none unless given."""
    sender: Mail
    """The address that mails come from."""
    to: list[Mail] = Field(default_factory=list)
    """Who gets them; monthly reports go to the recipients in the contract as well."""
    user: Maybe[Text] = None
    """Who logs in."""
    password: Maybe[Secret] = None
    """Where the password comes from."""
    ca_file: Maybe[Text] = None
    """Certificates that the server's is verified against, instead of the system's."""
    timeout: Annotated[int, Field(ge=1, le=300)] = 30
    """Seconds for each step."""

    @property
    def listening(self) -> int:
        """The port, given or usual."""
        return self.port or _PORTS[self.security]

    @model_validator(mode="after")
    def _protected(self) -> MailFile:
        if self.security == "none" and self.host not in _LOOPBACK:
            raise ValueError(f"mail to {self.host!r} would go in the clear; write security: starttls or tls")
        if (self.user is None) != (self.password is None):
            raise ValueError("user and password belong together")
        return self


class TargetFile(FileModel):
    """One place to deliver to: exactly one of its keys."""

    smtp: Maybe[MailFile] = None
    """Mail."""
    apprise: Maybe[Secret] = None
    """The address of a service that apprise knows (https://github.com/caronc/apprise), as a secret."""
    directory: Maybe[Text] = None
    """A directory, relative to this file; each message becomes a folder there."""

    @model_validator(mode="after")
    def _one(self) -> TargetFile:
        if sum(kind is not None for kind in (self.smtp, self.apprise, self.directory)) != 1:
            raise ValueError("a target is one of smtp, apprise and directory")
        return self


class SubscriptionFile(FileModel):
    """Who is told what about a customer."""

    customer: Annotated[str, AfterValidator(_parse_customer)]
    """The customer's id in the inventory, or '*' for all of them."""
    changes: Texts = Field(default_factory=list)
    """Targets that get a digest when something changes."""
    monthly: Texts = Field(default_factory=list)
    """Targets that get the monthly report; not for '*', whose report would go to others."""
    minimum: SeverityWord = Severity.HIGH
    """The least severity of a finding that is told."""
    language: Maybe[Literal["de", "en"]] = None
    """What is written in; the language of the customer's contract when it is left out, English for '*'."""

    @model_validator(mode="after")
    def _sensible(self) -> SubscriptionFile:
        if not self.changes and not self.monthly:
            raise ValueError("name targets under changes or monthly")
        if self.customer == "*" and self.monthly:
            raise ValueError("a monthly report is for one customer; name it instead of '*'")
        return self


class DeliveryFile(FileModel):
    """Where messages and reports go."""

    targets: dict[Id, TargetFile] = Field(default_factory=dict)
    """Places to deliver to, by name; the names are unique over all delivery files."""
    subscriptions: list[SubscriptionFile] = Field(default_factory=list)
    """Who is told what."""
