"""What the baselines may expect of a host's ports."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network
from typing import Literal

from pydantic import Field, model_validator

from secaudit.api import Expect

from .ports import PortList, Ports, parse_list, parse_range

ALL_PORTS = "1-65535"

Protocol = Literal["tcp", "udp"]


class FromNetworks(Expect):
    """A port that is meant for some networks only."""

    networks: tuple[IPv4Network | IPv6Network, ...] = Field(alias="from", min_length=1)


Source = Literal["any"] | FromNetworks


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
        scanned = numbers(*parse_list(self.scan))
        _within(self.tcp, scanned, "scan")
        allowed = numbers(*map(parse_range, self.tcp))
        for required in self.required:
            if not allowed.issuperset(parse_range(required)):
                raise ValueError(f"port {required} is required but not named under tcp")
        if self.udp and self.scan_udp is None:
            raise ValueError(
                "udp names ports, but scan_udp does not say which to scan; write for example scan_udp: 53,123,161"
            )
        scanned_udp = numbers(*parse_list(self.scan_udp)) if self.scan_udp else frozenset()
        _within(self.udp, scanned_udp, "scan_udp")
        if allowed >= scanned and not self.required and numbers(*map(parse_range, self.udp)) >= scanned_udp:
            raise ValueError("every scanned port is allowed to be open, so nothing could ever be found")
        return self


class ListeningServices(Expect):
    """Which ports may be listened on from outside of the host itself."""

    tcp: tuple[Ports, ...] = ()
    udp: tuple[Ports, ...] = ()
    processes: tuple[str, ...] = ()
    """Programs that may listen on any port, as ss(8) names them; counts only where the owner could be seen."""

    @model_validator(mode="after")
    def _can_fail(self) -> ListeningServices:
        everything = numbers(parse_range(ALL_PORTS))
        if numbers(*map(parse_range, self.tcp)) >= everything and numbers(*map(parse_range, self.udp)) >= everything:
            raise ValueError("every port is allowed, so nothing could ever be found")
        if any(not name or "*" in name for name in self.processes):
            raise ValueError("processes are exact program names, for example sshd")
        return self


def numbers(*ranges: range) -> frozenset[int]:
    """All port numbers in the ranges."""
    return frozenset(port for ports in ranges for port in ports)


def _within(named: Mapping[str, Source], scanned: frozenset[int], scan: str) -> None:
    for ports in named:
        if not scanned.issuperset(parse_range(ports)):
            raise ValueError(f"port {ports} is named, but {scan} leaves it out")
