"""A packet in words: what a firewall may look at, and where the packet comes from."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address

Address = IPv4Address | IPv6Address
TCP, UDP, ICMP, ICMPV6 = 6, 17, 1, 58
SYN, ACK = 2, 16


class Direction(StrEnum):
    """Which way a packet takes through a host; the values are the names of netfilter's hooks."""

    INPUT = "input"
    """It arrives from the network and is addressed to the host."""
    FORWARD = "forward"
    """It arrives from the network and is addressed to somebody else."""
    OUTPUT = "output"
    """A process of the host sends it."""


class Tracking(StrEnum):
    """What connection tracking makes of a packet; the values are the words of `ct state` in nft(8)."""

    NEW = "new"
    ESTABLISHED = "established"
    RELATED = "related"
    INVALID = "invalid"
    UNTRACKED = "untracked"


@dataclass(frozen=True, slots=True)
class Packet:
    """One whole packet.

    `protocol` is the IANA number. Ports count for protocols that have them, `icmp_type` and `icmp_code` for ICMP and
    ICMPv6, `tcp_flags` for TCP (bits FIN 1, SYN 2, RST 4, PSH 8, ACK 16, URG 32). `in_interface` and `out_interface`
    are empty where it passes none or any will do.
    """

    hook: Direction
    protocol: int
    source: Address
    destination: Address
    source_port: int = 0
    destination_port: int = 0
    icmp_type: int = 0
    icmp_code: int = 0
    tcp_flags: int = SYN
    state: Tracking = Tracking.NEW
    in_interface: str = ""
    out_interface: str = ""

    def __post_init__(self) -> None:
        if self.source.version != self.destination.version:
            raise ValueError(f"{self.source} and {self.destination} are of different IP versions")

    @property
    def version(self) -> int:
        """The IP version, 4 or 6."""
        return self.source.version
