"""The format of an inventory file: what each key takes."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from secaudit.config.validation import FileModel

_ID = re.compile(r"[a-z0-9][a-z0-9_.-]*", re.ASCII)
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


def _parse_id(text: str) -> str:
    if not _ID.fullmatch(text):
        raise ValueError(
            f"{text!r} is not an id: lower-case letters, digits, '.', '_' and '-', not '.', '_' or '-' first"
        )
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


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


_LIST_OR_TEXT = WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]})

Id = Annotated[str, AfterValidator(_parse_id), WithJsonSchema({"type": "string", "pattern": f"^{_ID.pattern}$"})]
Texts = Annotated[list[str], BeforeValidator(_listed), _LIST_OR_TEXT]
Jumps = Annotated[list[Annotated[str, AfterValidator(_parse_jump)]], BeforeValidator(_listed), _LIST_OR_TEXT]
Text = Annotated[str, Field(min_length=1)]


class SecretFile(FileModel):
    """Where a password comes from; exactly one key."""

    env: Annotated[str, AfterValidator(_parse_variable)] | None = None
    file: Text | None = None
    command: Annotated[list[Text], Field(min_length=1)] | None = None
    keyring: Annotated[str, AfterValidator(_parse_keyring)] | None = None

    @model_validator(mode="after")
    def _one_source(self) -> SecretFile:
        if len(self.model_fields_set) != 1:
            raise ValueError("exactly one of env, file, command and keyring is needed")
        return self


Secret = Annotated[SecretFile, BeforeValidator(_refuse_literal)]


class SshFile(FileModel):
    """How to log in."""

    user: Annotated[str, AfterValidator(_parse_user)] | None = None
    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    jump: Jumps = Field(default_factory=list)
    identity: Text | None = None
    identity_files: Texts = Field(default_factory=list)
    known_hosts: Text | None = None
    agent: bool = True
    config: bool = True
    password: Secret | None = None
    sudo_password: Secret | None = None

    @model_validator(mode="after")
    def _one_spelling(self) -> SshFile:
        if {"identity", "identity_files"} <= self.model_fields_set:
            raise ValueError("identity and identity_files mean the same; keep one of them")
        return self


class DefaultsFile(FileModel):
    """What every host of a site starts from."""

    ssh: SshFile = SshFile()
    baselines: Texts = Field(default_factory=list)
    tags: list[Id] = Field(default_factory=list)


class HostFile(FileModel):
    """One host."""

    address: Annotated[str, AfterValidator(parse_address)] | None = None
    transport: Literal["ssh", "local"] = "ssh"
    tags: list[Id] = Field(default_factory=list)
    baselines: Texts = Field(default_factory=list)
    ssh: SshFile = SshFile()

    @model_validator(mode="after")
    def _reachable(self) -> HostFile:
        if self.address is None and self.transport == "ssh":
            raise ValueError("the key 'address' is missing")
        return self


class SiteFile(FileModel):
    """A place with its hosts."""

    defaults: DefaultsFile = DefaultsFile()
    hosts: dict[Id, HostFile]


class CustomerHead(FileModel):
    """Who the customer is."""

    id: Id
    name: Text
    language: Literal["de", "en"] = "en"


class InventoryFile(FileModel):
    """The file of one customer."""

    customer: CustomerHead
    sites: dict[Id, SiteFile]
