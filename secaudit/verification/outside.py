"""The scanner's side of a real host: packets that begin something new, at a bounded rate, and what comes back."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_address

from secaudit.model.answered import Answered, Echo
from secaudit.model.packet import Address, Packet
from secaudit.probe.protocol import TRACKED, Wording
from secaudit.verification.errors import VerificationError
from secaudit.verification.probe_process import ProbeProcess

_PATIENCE = 1.0
"""Seconds for an answer, three times over."""

_MOST_SECONDS = 100.0
"""The probe must end within its client's patience."""


@dataclass(frozen=True, slots=True)
class ScannerSide:
    """See `secaudit.api.Outside`. Made by `outside`."""

    source: Address
    destination: Address
    first_port: int
    probe: ProbeProcess

    def knock(self, packets: Sequence[Packet], rate: int) -> list[Answered]:
        """Send packets to the host and tell what came back; bounded in time by what the probe may take.

        Raises VerificationError for packets of other ends, and where the kernel refuses to send.
        """
        if any((packet.source, packet.destination) != (self.source, self.destination) for packet in packets):
            raise VerificationError("only packets from here to the host are sent")
        at_once = max(1, int((_MOST_SECONDS / 3 - _PATIENCE) * rate))
        answered: list[Answered] = []
        for begin in range(0, len(packets), at_once):
            words = [_wording(packet) for packet in packets[begin : begin + at_once]]
            for word, octets in self.probe.knock(words, rate, _PATIENCE):
                answered.append(Answered(Echo(word), ip_address(bytes.fromhex(octets)) if octets else None))
        return answered


@contextmanager
def outside(address: str) -> Iterator[ScannerSide]:
    """Where packets to the host's address come from, for as long as the `with` statement lasts. Needs root.

    Raises VerificationError when there is no way to the host.
    """
    if os.geteuid() != 0:
        raise VerificationError("verification needs root: it sends raw packets")
    source, destination = _ends(address)
    with ProbeProcess() as probe:
        yield ScannerSide(source, destination, 20_000 + int.from_bytes(os.urandom(2)) % 40_000, probe)


def _ends(address: str) -> tuple[Address, Address]:
    """The scanner's address and the host's, as the kernel would choose them; nothing is sent."""
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(address, 9, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, kind, protocol) as asked:
            asked.connect(place)
            return ip_address(asked.getsockname()[0]), ip_address(str(place[0]))
    except OSError as error:
        raise VerificationError(f"there is no way to {address}: {error.strerror or error}") from error


def _wording(packet: Packet) -> Wording:
    return Wording(
        packet.source.packed.hex(),
        packet.destination.packed.hex(),
        packet.protocol,
        packet.source_port,
        packet.destination_port,
        packet.icmp_type,
        packet.icmp_code,
        packet.tcp_flags,
        TRACKED,
        False,
    )
