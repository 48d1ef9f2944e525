"""What the kernel of this machine did with packets under a ruleset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Syntax(StrEnum):
    """What a ruleset is written in, and with that the program that loads and lists it."""

    NFT = "nft"
    NFT_JSON = "nft-json"
    IPTABLES = "iptables-save"
    IP6TABLES = "ip6tables-save"
    IPTABLES_LEGACY = "iptables-legacy-save"
    IP6TABLES_LEGACY = "ip6tables-legacy-save"
    IPSET = "ipset-save"
    """Sets that rules of the iptables tools ask for."""


@dataclass(frozen=True, slots=True)
class RulesetText:
    """A ruleset, or the part of one that is written in one syntax."""

    syntax: Syntax
    text: str


class Fate(StrEnum):
    """What the kernel did with a packet."""

    DROPPED = "dropped"
    """It reached the packet filter and did not come out of it."""
    REJECTED = "rejected"
    """Like dropped, and the sender was told."""
    RECEIVED = "received"
    """It passed everything on its way to a process of the host."""
    SENT = "sent"
    """It passed everything on its way out of the host."""

    @property
    def accepted(self) -> bool:
        """Whether the packet passed."""
        return self in (Fate.RECEIVED, Fate.SENT)


@dataclass(frozen=True, slots=True)
class RuleCount:
    """How many packets a rule counted. `index` is its position in the chain, from 0; `table` is family and name."""

    table: str
    chain: str
    index: int
    packets: int


@dataclass(frozen=True, slots=True)
class Observation:
    """What the kernel did: one fate per packet in their order, and what every counting rule counted.

    A packet that could not be sent as it is described has no fate but a reason why in `unsent`, by its position.
    `listings` is the ruleset as the tools list it afterwards, with counters: nftables as nft-json.
    """

    fates: tuple[Fate | None, ...]
    counters: tuple[RuleCount, ...]
    listings: tuple[RulesetText, ...]
    unsent: Mapping[int, str]
