"""The format of an inventory file: what each key takes."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from secaudit.config.fields import LIST_OR_TEXT, Id, Maybe, Text, Texts, listed
from secaudit.config.validation import FileModel

_LABEL = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?", re.ASCII)
_SCOPE = re.compile(r"[A-Za-z0-9_.-]+", re.ASCII)
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@\\+-]*", re.ASCII)
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_LONGEST_NAME = 253


def parse_address(text: str) -> str:
    """A host name or an IP address (an IPv6 zone is allowed), as given.

    Raises ValueError for anything else, also for what programs would take for an option, a range or a network.
    """
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        labels = text.removesuffix(".").split(".")
        valid = len(text) <= _LONGEST_NAME and all(_LABEL.fullmatch(label) for label in labels)
        # Digits, dots and hyphens alone are a mistyped address or a range, never a host's name (RFC 1123 2.1).
        if not valid or not re.search(r"[A-Za-z_]", text):
            raise ValueError(f"{text!r} is not a host name or an IP address") from None
    else:
        scope = address.scope_id if isinstance(address, ipaddress.IPv6Address) else None
        if scope is not None and not _SCOPE.fullmatch(scope):
            raise ValueError(f"{text!r} has no usable zone after the %")
    return text


def _parse_user(text: str) -> str:
    if not _USER.fullmatch(text):
        raise ValueError(f"{text!r} is not a user name")
    return text


def _parse_jump(text: str) -> str:
    user, at, place = text.rpartition("@")
    if at:
        _parse_user(user)
    host, colon, port = place.rpartition(":") if re.search(r"(^[^:]*|\]):\d+$", place) else (place, "", "")
    if colon and not 0 < int(port[:6]) < 65536:
        raise ValueError(f"{text!r} has no port between 1 and 65535")
    try:
        parse_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        raise ValueError(f"{text!r} is not a jump host; write host, user@host or user@host:port") from None
    return text


def _parse_variable(text: str) -> str:
    if not _VARIABLE.fullmatch(text):
        raise ValueError("env takes the name of an environment variable: letters, digits and '_'")
    return text


def _parse_keyring(text: str) -> str:
    service, _, user = text.rpartition("/")
    if not service or not user:
        raise ValueError("keyring takes service/user")
    return text


def _refuse_literal(value: Any) -> Any:
    if not isinstance(value, dict):
        raise ValueError(
            "a password never stands in this file; say where it comes from: {env: NAME}, {file: PATH}, "
            "{command: [program, argument]} or {keyring: service/user}"
        )
    return value


Jumps = Annotated[list[Annotated[str, AfterValidator(_parse_jump)]], BeforeValidator(listed), LIST_OR_TEXT]


class SecretFile(FileModel):
    """Where a password comes from; exactly one key."""

    env: Maybe[Annotated[str, AfterValidator(_parse_variable)]] = None
    """The name of an environment variable of secaudit's process."""
    file: Maybe[Text] = None
    """A file that holds nothing but the password."""
    command: Maybe[Annotated[list[Text], Field(min_length=1)]] = None
    """A program and its arguments, run without a shell, that prints the password."""
    keyring: Maybe[Annotated[str, AfterValidator(_parse_keyring)]] = None
    """`service/user` in the keyring of whoever runs secaudit."""

    @model_validator(mode="after")
    def _one_source(self) -> SecretFile:
        if len(self.model_fields_set) != 1:
            raise ValueError("exactly one of env, file, command and keyring is needed")
        return self


Secret = Annotated[SecretFile | None, BeforeValidator(_refuse_literal)]


class SshFile(FileModel):
    """How to log in. What is not given comes from the ssh configuration of whoever runs secaudit."""

    user: Maybe[Annotated[str, AfterValidator(_parse_user)]] = None
    """The name to log in with."""
    port: Maybe[Annotated[int, Field(ge=1, le=65535)]] = None
    """The port of the ssh server."""
    jump: Jumps = Field(default_factory=list)
    """Jump hosts in the order in which they are passed: `host`, `user@host` or `user@host:port`."""
    identity: Maybe[Text] = None
    """A private key file."""
    identity_files: Texts = Field(default_factory=list)
    """Private key files, tried in this order."""
    known_hosts: Maybe[Text] = None
    """The file that pins the host keys."""
    agent: bool = True
    """Whether the ssh agent is asked."""
    config: bool = True
    """Whether `~/.ssh/config` is read."""
    password: Secret = None
    """Where the login password comes from."""
    sudo_password: Secret = None
    """Where the password for sudo comes from."""

    @model_validator(mode="after")
    def _one_spelling(self) -> SshFile:
        if {"identity", "identity_files"} <= self.model_fields_set:
            raise ValueError("identity and identity_files mean the same; keep one of them")
        return self


class DefaultsFile(FileModel):
    """What every host of a site starts from."""

    ssh: SshFile = Field(default_factory=SshFile)
    """Replaced key by key by the host's own."""
    baselines: Texts = Field(default_factory=list)
    """Names of baselines, or paths relative to this file; the host's own come after them."""
    tags: list[Id] = Field(default_factory=list)
    """Added to the host's own."""


class HostFile(FileModel):
    """One host."""

    address: Maybe[Annotated[str, AfterValidator(parse_address)]] = None
    """Host name or IP address; needed unless the transport is local."""
    transport: Literal["ssh", "local"] = "ssh"
    """`local` audits the machine that secaudit runs on."""
    tags: list[Id] = Field(default_factory=list)
    """Words to choose hosts by."""
    baselines: Texts = Field(default_factory=list)
    """Names of baselines, or paths relative to this file."""
    ssh: SshFile = Field(default_factory=SshFile)
    """What differs from the site's defaults."""
    probe: bool = False
    """Whether packets that test the packet filter may be sent to the host: `secaudit firewall verify --live`."""

    @model_validator(mode="after")
    def _reachable(self) -> HostFile:
        if self.address is None and self.transport == "ssh":
            raise ValueError("the key 'address' is missing")
        return self


class SiteFile(FileModel):
    """A place with its hosts."""

    defaults: DefaultsFile = Field(default_factory=DefaultsFile)
    """What every host of this site starts from."""
    hosts: dict[Id, HostFile]
    """The hosts by name; a name is unique for its customer."""


class CustomerHead(FileModel):
    """Who the customer is."""

    id: Id
    """Part of the identity of every finding: do not change it."""
    name: Text
    """The name as reports show it."""
    language: Literal["de", "en"] = "en"
    """The language of the customer's reports."""


class InventoryFile(FileModel):
    """One customer with its sites and hosts."""

    customer: CustomerHead
    """Who the customer is."""
    sites: dict[Id, SiteFile]
    """The customer's sites by name."""
