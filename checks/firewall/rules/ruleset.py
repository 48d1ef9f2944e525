"""The vendor-neutral model of a packet filter: tables, chains, rules and what becomes of a packet.

The model follows netfilter, whose terms it uses: a base chain is attached to a hook with a priority, a user chain is
entered by jump (and comes back) or goto (and does not come back to the calling chain). See nft(8) and iptables(8).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from .matches import Address, AddressRange, AnyOf, Match, NumberRange, PacketFamily, SetMembership, Unmodelled


class TableFamily(StrEnum):
    """Address families of nftables tables; iptables tables are `ip`, ip6tables tables `ip6`."""

    IP = "ip"
    IP6 = "ip6"
    INET = "inet"
    ARP = "arp"
    BRIDGE = "bridge"
    NETDEV = "netdev"

    @property
    def packets(self) -> frozenset[PacketFamily]:
        """The IP packets that tables of this family see on the hooks of the IP stack (`netdev`: at ingress)."""
        return _PACKETS.get(self, frozenset())


_PACKETS = {
    TableFamily.IP: frozenset({PacketFamily.IPV4}),
    TableFamily.IP6: frozenset({PacketFamily.IPV6}),
    TableFamily.INET: frozenset(PacketFamily),
    TableFamily.NETDEV: frozenset(PacketFamily),
}


class Backend(StrEnum):
    """Which part of the kernel holds a table; both may be in use at once, and a packet passes both."""

    NF_TABLES = "nf_tables"
    LEGACY = "legacy"


class Hook(StrEnum):
    """Where in the network stack a base chain is attached."""

    INGRESS = "ingress"
    EGRESS = "egress"
    PREROUTING = "prerouting"
    INPUT = "input"
    FORWARD = "forward"
    OUTPUT = "output"
    POSTROUTING = "postrouting"


class Decision(StrEnum):
    """Verdicts that need no further word. `RETURN` leaves the chain; in a base chain the policy follows."""

    ACCEPT = "accept"
    DROP = "drop"
    REJECT = "reject"
    RETURN = "return"


@dataclass(frozen=True, slots=True)
class Jump:
    """Go on in another chain of the table; a goto does not come back to the chain it stands in."""

    chain: str
    goto: bool = False


@dataclass(frozen=True, slots=True)
class Undecided:
    """What happens cannot be read from the ruleset: queued to a program, or a verdict that is not modelled."""

    text: str


@dataclass(frozen=True, slots=True)
class Branch:
    """One element of a verdict map: the verdict for packets that meet the conditions."""

    matches: tuple[Match, ...]
    verdict: Verdict | None


@dataclass(frozen=True, slots=True)
class VerdictMap:
    """At most one branch holds for a packet; when none does, the next rule follows."""

    branches: tuple[Branch, ...]


Verdict = Decision | Jump | Undecided | VerdictMap


class NatKind(StrEnum):
    """What an address translation rewrites; `REDIRECT` and `MASQUERADE` take the address from the interface."""

    SOURCE = "snat"
    DESTINATION = "dnat"
    MASQUERADE = "masquerade"
    REDIRECT = "redirect"


@dataclass(frozen=True, slots=True)
class NatTarget:
    """What is written into a packet; None leaves the address or the port as it is."""

    addresses: AddressRange | None = None
    ports: NumberRange | None = None


@dataclass(frozen=True, slots=True)
class Nat:
    """Address translation; `to` is the new address and port as the ruleset writes it. Ends the chain like accept.

    `target` is None where `to` is not understood: a map, or parameters that nft does not show.
    """

    kind: NatKind
    to: str
    target: NatTarget | None = None


@dataclass(frozen=True, slots=True)
class Log:
    """The packet is logged and goes on."""

    prefix: str


@dataclass(frozen=True, slots=True)
class MarkChange:
    """How a mark is computed from the one before: `(mark & keep) ^ flip`, on 32 bits."""

    keep: int
    flip: int


@dataclass(frozen=True, slots=True)
class SetMark:
    """The packet's mark (`connection`: the connection's) is changed; `change` is None where it is not modelled.

    `copied` says that the change begins with the other one of the two marks.
    """

    text: str
    change: MarkChange | None
    connection: bool = False
    copied: bool = False


@dataclass(frozen=True, slots=True)
class Untrack:
    """The packet is taken out of connection tracking, or may be where `certain` is False."""

    text: str
    certain: bool = True


class RewrittenField(StrEnum):
    """The fields of a packet that statements overwrite and conditions ask for."""

    SOURCE = "source"
    DESTINATION = "destination"
    SOURCE_PORT = "source_port"
    DESTINATION_PORT = "destination_port"
    ICMP_TYPE = "icmp_type"
    ICMP_CODE = "icmp_code"
    TCP_FLAGS = "tcp_flags"


@dataclass(frozen=True, slots=True)
class Rewrite:
    """A field that conditions ask for is overwritten without address translation; `value` None: it is not known."""

    text: str
    field: RewrittenField
    value: Address | int | None = None


@dataclass(frozen=True, slots=True)
class Effect:
    """Any other statement that leaves the packet on its way and changes nothing that conditions ask for."""

    text: str


Statement = Nat | Log | SetMark | Untrack | Rewrite | Effect


@dataclass(frozen=True, slots=True)
class Counter:
    """How often a rule or policy was met."""

    packets: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Origin:
    """Where something was read: the request key or file, the 1-based line, and the text that says it."""

    source: str
    line: int
    excerpt: str


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `text` is its own syntax without counter and handle; `verdict` None means the next rule follows.

    `answer` is what a rejection sends (`tcp reset`, `icmp port-unreachable`, …), None where that is not known. Where
    statements change the packet before all conditions are asked, `first` is how many come before: a packet that meets
    these and none of the others keeps the change.
    """

    text: str
    matches: tuple[Match, ...]
    verdict: Verdict | None
    origin: Origin
    statements: tuple[Statement, ...] = ()
    counter: Counter | None = None
    comment: str = ""
    handle: int | None = None
    answer: str | None = ""
    first: int | None = None

    @property
    def before_change(self) -> tuple[Match, ...]:
        """The conditions under which the rule's statements change a packet."""
        return self.matches if self.first is None else self.matches[: self.first]

    @property
    def unmodelled(self) -> tuple[str, ...]:
        """Why this rule is not wholly understood, one sentence per part; empty when it is."""
        return tuple(_unmodelled(self.matches, self.verdict))


def _unmodelled(matches: tuple[Match, ...], verdict: Verdict | None) -> Iterator[str]:
    for match in matches:
        if isinstance(match, Unmodelled):
            yield f"{match.why}: {match.text}"
        if isinstance(match, SetMembership):
            yield f"{match.why}: {match.name}"
        if isinstance(match, AnyOf):
            for alternative in match.alternatives:
                yield from _unmodelled(alternative, None)
    if isinstance(verdict, Undecided):
        yield f"verdict is not decided by the ruleset: {verdict.text}"
    if isinstance(verdict, VerdictMap):
        for branch in verdict.branches:
            yield from _unmodelled(branch.matches, branch.verdict)


@dataclass(frozen=True, slots=True)
class Base:
    """How a base chain is attached. Chains of lower priority see a packet first.

    Chains on ingress and egress are bound to devices; `devices` is empty where the listing leaves them out.
    """

    hook: Hook
    priority: int
    type: str
    policy: Decision
    devices: tuple[str, ...] = ()
    counter: Counter | None = None


@dataclass(frozen=True, slots=True)
class Chain:
    """A chain with its rules in order; `base` is None for a user chain."""

    name: str
    base: Base | None
    rules: tuple[Rule, ...]
    origin: Origin


@dataclass(frozen=True, slots=True)
class NamedSet:
    """A named set or map: the types of its key's parts, and its elements as text."""

    name: str
    types: tuple[str, ...]
    elements: tuple[str, ...]
    dynamic: bool


@dataclass(frozen=True, slots=True)
class Table:
    """A table; the base chains of a dormant one are not attached.

    A table that may be dormant is taken for dormant, and is listed in `Ruleset.unread`.
    """

    family: TableFamily
    name: str
    backend: Backend
    chains: tuple[Chain, ...]
    sets: tuple[NamedSet, ...] = ()
    dormant: bool = False
    _by_name: dict[str, Chain] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_name", {chain.name: chain for chain in self.chains})

    @property
    def label(self) -> str:
        """Family and name, as nft(8) writes them."""
        return f"{self.family} {self.name}"

    def chain(self, name: str) -> Chain | None:
        """The chain of that name."""
        return self._by_name.get(name)


@dataclass(frozen=True, slots=True)
class Unread:
    """Something outside of a rule that the reader did not understand, and therefore cannot account for."""

    origin: Origin
    why: str


@dataclass(frozen=True, slots=True)
class Ruleset:
    """Everything one or more readers found, and what they did not understand."""

    tables: tuple[Table, ...]
    unread: tuple[Unread, ...] = ()

    @property
    def rules(self) -> Iterator[tuple[Table, Chain, Rule]]:
        """Every rule with the table and chain it stands in, in order."""
        return ((table, chain, rule) for table in self.tables for chain in table.chains for rule in chain.rules)

    @property
    def unmodelled(self) -> tuple[Unread, ...]:
        """All that is not wholly understood: unread lines, and one entry per part of a rule that is not modelled."""
        return self.unread + tuple(Unread(rule.origin, why) for _, _, rule in self.rules for why in rule.unmodelled)


class RulesetError(Exception):
    """The input as a whole is not in the syntax that the reader knows."""
