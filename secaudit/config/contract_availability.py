"""The part of a contract file that promises availability, and how services are probed."""

from __future__ import annotations

import re
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from secaudit.config.contract_fields import Percent, SomeTime
from secaudit.config.fields import Id, Maybe, Text
from secaudit.config.inventory_file import parse_address
from secaudit.config.validation import FileModel

_LONGEST_PATTERN = 500


def split_endpoint(text: str) -> tuple[str, int]:
    """`host:port` or `[address]:port` in its parts. Raises ValueError."""
    host, _, port = text.rpartition(":")
    if not (port.isascii() and port.isdecimal()) or not 0 < int(port[:6]) < 65536:
        raise ValueError(f"{text!r} has no port between 1 and 65535; write host:port")
    if not host:
        raise ValueError(f"{text!r} is not an endpoint; write host:port")
    if ":" in host and not (host.startswith("[") and host.endswith("]")):
        raise ValueError(f"{text!r} is not an endpoint; write an IPv6 address in brackets: [2001:db8::1]:443")
    return parse_address(host.removeprefix("[").removesuffix("]")), int(port)


def _parse_endpoint(text: str) -> str:
    split_endpoint(text)
    return text


def _parse_url(text: str) -> str:
    parts = urlsplit(text)
    is_plain = text.isascii() and text.isprintable() and " " not in text
    if parts.scheme not in ("http", "https") or not parts.hostname or not is_plain:
        raise ValueError(f"{text!r} is not the address of a page; write for example https://shop.example/health")
    if parts.username is not None or parts.fragment:
        raise ValueError("the address of a probed page holds neither a user nor a fragment")
    parse_address(parts.hostname)
    if parts.port == 0:
        raise ValueError(f"{text!r} has no port between 1 and 65535")
    return text


def parse_pattern(text: str) -> str:
    """Refuse what is no regular expression, or a very long one; return it as it is."""
    if len(text) > _LONGEST_PATTERN:
        raise ValueError(f"a regular expression has {_LONGEST_PATTERN} characters at most")
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"{text!r} is not a regular expression: {error}") from None
    return text


Endpoint = Annotated[str, AfterValidator(_parse_endpoint)]
HttpUrl = Annotated[str, AfterValidator(_parse_url)]


class ProbeFile(FileModel):
    """A light probe; exactly one of `tcp`, `http` and `tls`."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [{"required": [kind]} for kind in ("tcp", "http", "tls")],
            "dependentRequired": {"status": ["http"], "body": ["http"]},
        }
    )

    tcp: Maybe[Endpoint] = None
    """host:port that takes a connection."""
    http: Maybe[HttpUrl] = None
    """Address of a page; https is verified. Redirects are answers like all others and are not followed."""
    tls: Maybe[Endpoint] = None
    """host:port that completes a TLS handshake with a valid certificate."""
    status: list[Annotated[int, Field(ge=100, le=599)]] = Field(default_factory=lambda: [200])
    """HTTP: the statuses that are right."""
    body: Maybe[Annotated[str, AfterValidator(parse_pattern)]] = None
    """HTTP: a regular expression that must be found in the first 64 KiB of the page."""
    name: Maybe[Text] = None
    """TLS: the name that the certificate must be for; the host unless given."""
    ca_file: Maybe[Text] = None
    """Certificates to verify against instead of the system's, relative to this file."""
    timeout: Annotated[int, Field(ge=1, le=60)] = 10
    """Seconds that the whole probe may take."""

    @model_validator(mode="after")
    def _one_kind(self) -> ProbeFile:
        if len({"tcp", "http", "tls"} & self.model_fields_set) != 1:
            raise ValueError("exactly one of tcp, http and tls is needed")
        stray = sorted({"status", "body"} & self.model_fields_set) if self.http is None else []
        if stray:
            raise ValueError(f"{stray[0]} belongs to http")
        return self


class AvailabilityFile(FileModel):
    """A promised availability."""

    service: Id
    """The name of the service."""
    target: Percent
    """Percent of a month without planned windows."""
    source: Maybe[Text] = None
    """A CSV or JSON file with probe data, relative to this file; besides it probes in the store count."""
    probe: Maybe[ProbeFile] = None
    """A light probe that `secaudit availability probe` sends."""
    down_after: Annotated[int, Field(ge=1, le=100)] = 1
    """How many probes in a row must fail before the service is called down, from the first of them on."""
    every: Maybe[SomeTime] = None
    """How often it is probed; a probe speaks for that long at most. 5m unless given."""
    min_coverage: Percent = 99.0
    """Percent of the time that must have been measured before anything is said."""
    exclude: list[Literal["maintenance_windows"]] = Field(default_factory=list)
    """What does not count."""
