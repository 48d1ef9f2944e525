"""What the baselines may expect of a host's ports."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, Literal

from pydantic import (
    BeforeValidator,
    Discriminator,
    Field,
    PlainSerializer,
    Tag,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from secaudit.api import Expect

from .ports import PortList, Ports, numbers, parse_list, parse_range

ALL_PORTS = "1-65535"

Protocol = Literal["tcp", "udp"]


def parse_network(value: object) -> IPv4Network | IPv6Network:
    """Read `10.20.0.0/24` or `2001:db8::/64`. Raises ValueError with an example otherwise."""
    try:
        return ip_network(str(value))
    except ValueError as error:
        raise ValueError(f"{value!r} is not a network; write for example 10.20.0.0/24 or 2001:db8::/64") from error


Network = Annotated[
    IPv4Network | IPv6Network,
    BeforeValidator(parse_network),
    PlainSerializer(str),
    WithJsonSchema({"type": "string", "examples": ["10.20.0.0/24", "2001:db8::/64"]}),
]
"""An IPv4 or IPv6 network."""


class FromNetworks(Expect):
    """A port that is meant for some networks only."""

    networks: tuple[Network, ...] = Field(alias="from")

    @field_validator("networks")
    @classmethod
    def _some(cls, value: tuple[Network, ...]) -> tuple[Network, ...]:
        if not value:
            raise ValueError("from names no network; leave the port out if nobody may reach it")
        return value


def _kind_of_source(value: object) -> str:
    return "from" if isinstance(value, dict | FromNetworks) else "any"


Source = Annotated[
    Annotated[Literal["any"], Tag("any")] | Annotated[FromNetworks, Tag("from")], Discriminator(_kind_of_source)
]
"""Who may reach a port: `any`, or `{from: [networks]}`."""


class OpenPorts(Expect):
    """Which ports may be open as seen from the scanner; whatever is not named must not be."""

    tcp: dict[Ports, Source] = Field(default_factory=dict)
    udp: dict[Ports, Source] = Field(default_factory=dict)
    required: tuple[Ports, ...] = ()
    """TCP ports that must be open."""
    scan: PortList = ALL_PORTS
    """TCP ports to scan."""
    scan_udp: PortList | None = None
    """UDP ports to scan; none unless given."""

    @model_validator(mode="after")
    def _can_fail(self) -> OpenPorts:
        scanned = parse_list(self.scan)
        _within(self.tcp, scanned, "scan")
        allowed = numbers(*map(parse_range, self.tcp))
        for required in self.required:
            if not allowed.issuperset(parse_range(required)):
                raise ValueError(f"port {required} is required but not named under tcp")
        if self.udp and self.scan_udp is None:
            raise ValueError(
                "udp names ports, but scan_udp does not say which to scan; write for example scan_udp: 53,123,161"
            )
        scanned_udp = parse_list(self.scan_udp) if self.scan_udp else frozenset()
        _within(self.udp, scanned_udp, "scan_udp")
        if allowed >= scanned and not self.required and numbers(*map(parse_range, self.udp)) >= scanned_udp:
            raise ValueError("every scanned port is allowed to be open, so nothing could ever be found")
        return self


def _ports_of_map(value: object) -> object:
    """The ports of `{22: any}`: a map that adds to a parent baseline's, where a list would replace it."""
    if not isinstance(value, dict):
        return value
    for ports, word in value.items():
        if word != "any":
            raise ValueError(f"port {ports} is {word!r}; the only word here is any")
    return tuple(value)


PortNames = Annotated[
    tuple[Ports, ...],
    BeforeValidator(_ports_of_map, json_schema_input_type=tuple[Ports, ...] | dict[Ports, Literal["any"]]),
]
"""Ports as a list `[22, 443]`, or as a map `{22: any, 443: any}`."""


class ListeningServices(Expect):
    """Which ports may be listened on from outside of the host itself."""

    tcp: PortNames = ()
    udp: PortNames = ()
    processes: tuple[str, ...] = ()
    """Programs that may listen on any port, as ss(8) names them; counts only where the owner could be seen."""

    @model_validator(mode="after")
    def _can_fail(self) -> ListeningServices:
        everything = parse_list(ALL_PORTS)
        if numbers(*map(parse_range, self.tcp)) >= everything and numbers(*map(parse_range, self.udp)) >= everything:
            raise ValueError("every port is allowed, so nothing could ever be found")
        if any(not name or "*" in name for name in self.processes):
            raise ValueError("processes are exact program names, for example sshd")
        return self


def _within(named: Mapping[str, Source], scanned: frozenset[int], scan: str) -> None:
    for ports in named:
        if not scanned.issuperset(parse_range(ports)):
            raise ValueError(f"port {ports} is named, but {scan} leaves it out")
