"""What came back for a packet that was sent to a real host from outside."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from secaudit.model.packet import Address


class Echo(StrEnum):
    """What can be seen from outside."""

    ANSWER = "answer"
    """Whoever it was for answered: SYN with ACK, an echo reply, a datagram."""
    RESET = "reset"
    """A TCP reset: a closed port, or a rule that rejects with one."""
    PROHIBITED = "icmp-admin-prohibited"
    """ICMP destination unreachable, communication administratively prohibited."""
    UNREACHABLE = "icmp-unreachable"
    """ICMP destination unreachable for another reason: a rule that rejects, or no such port, host or route."""
    SILENCE = "silence"
    """Nothing, though it was sent several times."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What came back for one packet, and from whom; `by` is None for silence."""

    echo: Echo
    by: Address | None = None
