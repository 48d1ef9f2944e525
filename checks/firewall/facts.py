"""Facts about the packet filter of a host."""

from __future__ import annotations

from dataclasses import dataclass

from secaudit.api import Evidence, UnprovenKind

from .rules.matches import PacketFamily
from .rules.ruleset import Ruleset


@dataclass(frozen=True, slots=True)
class Source:
    """One way to look at the ruleset: the command, what it gave in a few words, and its answer."""

    command: str
    gave: str
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Gap:
    """A part of the kernel's ruleset that could not be seen.

    What is seen to drop a packet drops it all the same; that nothing drops it cannot be said with a gap.
    """

    families: frozenset[PacketFamily]
    kind: UnprovenKind
    reason: str
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class Firewall:
    """The packet filter of the running kernel, merged from every tool that answered, each table once."""

    ruleset: Ruleset
    gaps: tuple[Gap, ...]
    sources: tuple[Source, ...]

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """The answers that it was read from."""
        return tuple(source.evidence for source in self.sources)

    def gap(self, family: PacketFamily) -> Gap | None:
        """The first gap in what is known about a family."""
        return next((gap for gap in self.gaps if family in gap.families), None)


@dataclass(frozen=True, slots=True)
class Ipv6Stack:
    """Whether the kernel speaks IPv6. `enabled` is False only when that is proven."""

    enabled: bool
    reason: str
    evidence: Evidence
