"""Reader for security groups of AWS: what `aws ec2 describe-security-groups` prints.

The fields are those of the EC2 API (SecurityGroup, IpPermission); how groups filter is in the Amazon VPC User Guide,
"Control traffic to your AWS resources using security groups": a group only allows, an interface that has several
groups may do what any of them allows, what none allows is dropped, and answers to what was let through pass.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any

from ...rules import numbers
from ...rules.matches import (
    BYTE,
    Addresses,
    AddressRange,
    ConntrackState,
    Icmp,
    IcmpKind,
    Match,
    NotUnderstoodError,
    NumberRange,
    PacketFamily,
    Ports,
    Protocol,
    SetMembership,
    Side,
    State,
    Unmodelled,
)
from ...rules.ruleset import (
    Backend,
    Base,
    Chain,
    Decision,
    Hook,
    Jump,
    Origin,
    Rule,
    Ruleset,
    RulesetError,
    Table,
    TableFamily,
    Unread,
)
from .json_lines import Path, container_lines


@dataclass(frozen=True, slots=True)
class _Direction:
    """One half of a group: the key of its permissions, and where in a host they act."""

    key: str
    name: str
    hook: Hook
    remote: Side
    preposition: str


_DIRECTIONS = (
    _Direction("IpPermissions", "inbound", Hook.INPUT, Side.SOURCE, "from"),
    _Direction("IpPermissionsEgress", "outbound", Hook.OUTPUT, Side.DESTINATION, "to"),
)
_GROUP_KEYS = frozenset(direction.key for direction in _DIRECTIONS) | {
    "Description",
    "GroupId",
    "GroupName",
    "OwnerId",
    "SecurityGroupArn",
    "Tags",
    "VpcId",
}
_PERMISSION_KEYS = frozenset(
    ["FromPort", "IpProtocol", "IpRanges", "Ipv6Ranges", "PrefixListIds", "ToPort", "UserIdGroupPairs"]
)
# Peers of a permission: the key of the list, the key that names the peer, and what else an entry may say.
_PEERS = {
    "IpRanges": ("CidrIp", frozenset({"Description"})),
    "Ipv6Ranges": ("CidrIpv6", frozenset({"Description"})),
    "PrefixListIds": ("PrefixListId", frozenset({"Description"})),
    "UserIdGroupPairs": (
        "GroupId",
        frozenset({"Description", "GroupName", "PeeringStatus", "UserId", "VpcId", "VpcPeeringConnectionId"}),
    ),
}


def read_aws(text: str, source: str, attached: Sequence[str] = ()) -> Ruleset:
    """Read security groups as one table: a user chain per group and direction, entered from `inbound` and `outbound`.

    `attached` are the ids of the groups of the network interface in question. Without them every group of the file is
    entered under the condition that the interface has it, which is not known; the only group of a file is taken for
    attached. Raises `RulesetError` when the text is not such a document or lacks an attached group. What is not
    understood inside a permission becomes part of its rules, everything else is listed in `unread`.
    """
    try:
        document = json.loads(text, object_pairs_hook=_object)
        json.dumps(document, ensure_ascii=False).encode()  # an escaped surrogate could be neither stored nor shown
        lines = container_lines(text)
    except (ValueError, RecursionError) as error:
        raise RulesetError(f"is not JSON: {type(error).__name__}") from error
    match document:
        case {"SecurityGroups": [*entries]}:
            return _Reader(source, lines).read(entries, attached)
    raise RulesetError("is JSON, but holds no list of SecurityGroups")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("an object has the same key twice")
    return found


class _Reader:
    def __init__(self, source: str, lines: Mapping[Path, int]) -> None:
        self._source = source
        self._lines = lines
        self._unread: list[Unread] = []

    def read(self, entries: Sequence[Any], attached: Sequence[str]) -> Ruleset:
        groups: dict[str, tuple[Path, Mapping[str, Any]]] = {}
        for number, entry in enumerate(entries):
            path: Path = ("SecurityGroups", number)
            match entry:
                case {"GroupId": str(name)} if name not in groups:
                    groups[name] = path, entry
                    for key in sorted(entry.keys() - _GROUP_KEYS):
                        self._list(path, entry[key], f"the field {key} of a group is not modelled")
                case _:
                    self._list(path, entry, "is not a group with an id of its own")
        lacking = [name for name in attached if name not in groups]
        if lacking:
            raise RulesetError(f"holds no security group {lacking[0]}")
        used = attached or list(groups)
        certain = bool(attached) or len(groups) == 1
        chains: list[Chain] = []
        for direction in _DIRECTIONS:
            own = [self._group(name, *groups[name], direction) for name in groups]
            entering = [self._entered(chain, certain) for name, chain in zip(groups, own, strict=True) if name in used]
            base = Base(direction.hook, 0, "filter", Decision.DROP)
            chains += [Chain(direction.name, base, (self._replies(), *entering), self._origin((), "")), *own]
        table = Table(TableFamily.INET, "aws", Backend.NF_TABLES, tuple(chains))
        return Ruleset((table,), tuple(self._unread))

    def _origin(self, path: Path, entry: Any) -> Origin:
        """Where a value stands, or else the nearest container around it."""
        shown = json.dumps(entry, ensure_ascii=False) if entry != "" else ""
        while path and path not in self._lines:
            path = path[:-1]
        return Origin(self._source, self._lines.get(path, 1), shown)

    def _list(self, path: Path, entry: Any, why: str) -> None:
        self._unread.append(Unread(self._origin(path, entry), why))

    def _replies(self) -> Rule:
        states = frozenset({State.ESTABLISHED, State.RELATED})
        text = "answers to what was let through"
        return Rule(text, (ConntrackState(states),), Decision.ACCEPT, self._origin((), ""), comment="implied by AWS")

    def _entered(self, chain: Chain, certain: bool) -> Rule:
        text = f"interfaces with {chain.name}"
        name = chain.name.partition(" ")[0]
        unknown = SetMembership(name, (), why="which interfaces have the security group is not in this document")
        condition = () if certain else (unknown,)
        return Rule(text, condition, Jump(chain.name), chain.origin, comment="implied by AWS")

    def _group(self, name: str, path: Path, group: Mapping[str, Any], direction: _Direction) -> Chain:
        rules: list[Rule] = []
        path = (*path, direction.key)
        permissions = group.get(direction.key)
        if isinstance(permissions, list):
            for number, permission in enumerate(permissions):
                rules += self._permission((*path, number), permission, direction)
        else:
            self._list(path, permissions, f"the group {name} does not say what is allowed {direction.name}")
        return Chain(f"{name} {direction.name}", None, tuple(rules), self._origin(path, ""))

    def _permission(self, path: Path, permission: Any, direction: _Direction) -> Iterator[Rule]:
        """One rule per peer; a permission that is not understood may allow anything."""
        try:
            if not isinstance(permission, dict):
                raise NotUnderstoodError("is not a permission")
            if unknown := sorted(permission.keys() - _PERMISSION_KEYS):
                raise NotUnderstoodError(f"the field {unknown[0]} of a permission is not modelled")
            service, conditions = _service(permission)
            peers = [(key, *peer) for key in _PEERS for peer in _entries(permission, key)]
        except NotUnderstoodError as error:
            origin = self._origin(path, permission)
            yield Rule(origin.excerpt, (Unmodelled(origin.excerpt, str(error)),), Decision.ACCEPT, origin)
            return
        service_fields = {key: value for key, value in permission.items() if key not in _PEERS}
        for key, number, peer in peers:
            shown, matches, comment = _peer(key, peer, direction.remote)
            yield Rule(
                text=f"allow {service} {direction.preposition} {shown}",
                matches=(*matches, *conditions),
                verdict=Decision.ACCEPT,
                origin=self._origin((*path, key, number), {**service_fields, key: [peer]}),
                comment=comment,
            )


def _entries(permission: Mapping[str, Any], key: str) -> Iterator[tuple[int, Any]]:
    found = permission.get(key, [])
    if not isinstance(found, list):
        raise NotUnderstoodError(f"{key} is not a list")
    yield from enumerate(found)


def _peer(key: str, peer: Any, side: Side) -> tuple[str, tuple[Match, ...], str]:
    """The other end of a permission: its name, the conditions that it stands for, and its description."""
    named, others = _PEERS[key]
    if not (isinstance(peer, dict) and isinstance(peer.get(named), str) and peer.keys() <= others | {named}):
        shown = json.dumps(peer, ensure_ascii=False)
        return shown, (Unmodelled(shown, f"entry of {key} is not understood"),), ""
    name = peer[named]
    comment = peer.get("Description")
    return name, (_peer_condition(key, name, side),), comment if isinstance(comment, str) else ""


def _peer_condition(key: str, name: str, side: Side) -> Match:
    match key:
        case "PrefixListIds":
            return Unmodelled(name, "the addresses of the prefix list are not in this document")
        case "UserIdGroupPairs":
            # Private addresses of the interfaces that have the group; never everybody.
            return SetMembership(name, (side,), why="the addresses of the security group are not in this document")
    try:
        return Addresses(side, (AddressRange.of(ip_network(name)),))
    except ValueError:
        return Unmodelled(name, "is not a network")


def _service(permission: Mapping[str, Any]) -> tuple[str, tuple[Match, ...]]:
    """Protocol and ports of a permission as text and as conditions."""
    protocol = permission.get("IpProtocol")
    if protocol == "-1":
        return "everything", ()
    number = numbers.protocol_number(protocol) if isinstance(protocol, str) else None
    if number is None:
        raise NotUnderstoodError(f"protocol {protocol} is not known")
    only = Protocol(frozenset({number}))
    low, high = (_bound(permission, key) for key in ("FromPort", "ToPort"))
    if number in (numbers.ICMP, numbers.ICMPV6):
        return _icmp(number, low, high, only)
    if number not in (numbers.TCP, numbers.UDP):
        # Ports count for TCP and UDP only (IpPermission in the EC2 API reference).
        return str(protocol), (only,)
    if low in (None, -1) and high in (None, -1):
        return str(protocol), (only,)
    if low is None or high is None or not 0 <= low <= high <= 65535:
        raise NotUnderstoodError(f"ports {low} to {high} are not a range")
    shown = str(low) if low == high else f"{low}-{high}"
    return f"{protocol} {shown}", (only, Ports(Side.DESTINATION, (NumberRange(low, high),)))


def _bound(permission: Mapping[str, Any], key: str) -> int | None:
    value = permission.get(key)
    if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
        raise NotUnderstoodError(f"{key} is not a number")
    return value


def _icmp(number: int, kind: int | None, code: int | None, only: Protocol) -> tuple[str, tuple[Match, ...]]:
    """For ICMP the first port is the type and the last one the code; -1 stands for all of them."""
    family = PacketFamily.IPV4 if number == numbers.ICMP else PacketFamily.IPV6
    name = "icmp" if number == numbers.ICMP else "icmpv6"
    if kind in (None, -1) and code in (None, -1):
        return name, (only,)
    if kind is None or code is None or not (0 <= kind <= 255 and -1 <= code <= 255):
        raise NotUnderstoodError(f"{kind} and {code} are not a type and code of ICMP")
    codes = BYTE if code == -1 else NumberRange(code, code)
    shown = f"{name} type {kind}" + (f" code {code}" if code != -1 else "")
    return shown, (only, Icmp(family, (IcmpKind(NumberRange(kind, kind), codes),)))
