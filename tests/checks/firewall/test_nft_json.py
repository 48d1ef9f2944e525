"""Objects of `nft -j list ruleset` and what they mean."""

from __future__ import annotations

import json
from ipaddress import ip_address, ip_network
from typing import Any

import pytest
from secaudit.checks.firewall.readers.nft.document import read_nft_json
from secaudit.checks.firewall.rules.matches import (
    Addresses,
    AddressRange,
    AddressType,
    AnyOf,
    ConntrackState,
    Fragment,
    Icmp,
    IcmpKind,
    InInterface,
    KnownCondition,
    Mark,
    Match,
    NumberRange,
    OfFamily,
    PacketFamily,
    Ports,
    Protocol,
    Side,
    Sometimes,
    State,
    TcpFlags,
    Unmodelled,
)
from secaudit.checks.firewall.rules.ruleset import (
    Branch,
    Counter,
    Decision,
    Jump,
    Log,
    MarkChange,
    Nat,
    NatKind,
    NatTarget,
    Rule,
    RulesetError,
    SetMark,
    Undecided,
    VerdictMap,
)

SETS: list[dict[str, Any]] = [
    {"set": {"family": "inet", "table": "t", "name": "admins", "type": "ipv4_addr", "elem": ["192.0.2.1"]}},
    {"set": {"family": "inet", "table": "t", "name": "empty", "type": "ipv4_addr", "flags": ["timeout"]}},
    {
        "map": {
            "family": "inet",
            "table": "t",
            "name": "decide",
            "type": "inet_service",
            "map": "verdict",
            "elem": [[22, {"accept": None}], ["*", {"jump": {"target": "other"}}]],
        }
    },
]

# A packet without a connection meets no condition on one.
CONNECTED = ConntrackState(frozenset({State.INVALID, State.UNTRACKED}), negated=True)


def rule(*expressions: Any) -> Rule:
    entries = [
        {"metainfo": {"json_schema_version": 1}},
        {"table": {"family": "inet", "name": "t", "handle": 1}},
        {"chain": {"family": "inet", "table": "t", "name": "c", "handle": 1}},
        {"chain": {"family": "inet", "table": "t", "name": "other", "handle": 2}},
        *SETS,
        {"rule": {"family": "inet", "table": "t", "chain": "c", "handle": 7, "expr": list(expressions)}},
    ]
    ruleset = read_nft_json(json.dumps({"nftables": entries}), "source")
    assert not ruleset.unread
    return next(ruleset.rules)[2]


def match(left: Any, right: Any, op: str = "==") -> dict[str, Any]:
    return {"match": {"op": op, "left": left, "right": right}}


def payload(protocol: str, field: str) -> dict[str, Any]:
    return {"payload": {"protocol": protocol, "field": field}}


def prefix(address: str, length: int) -> dict[str, Any]:
    return {"prefix": {"addr": address, "len": length}}


V4, V6 = (OfFamily(frozenset({family})) for family in PacketFamily)
TCP = Protocol(frozenset({6}))
STATE = {"ct": {"key": "state"}}


@pytest.mark.parametrize(
    ("expression", "matches"),
    [
        (match({"meta": {"key": "iifname"}}, "eth*"), (InInterface(("eth*",)),)),
        (match({"meta": {"key": "iif"}}, "lo", "!="), (InInterface(("lo",), negated=True),)),
        (
            match(payload("ip", "saddr"), prefix("10.0.0.0", 8), "!="),
            (V4, Addresses(Side.SOURCE, (AddressRange.of(ip_network("10.0.0.0/8")),), negated=True)),
        ),
        (
            match(payload("ip6", "daddr"), {"range": ["2001:db8::1", "2001:db8::9"]}),
            (V6, Addresses(Side.DESTINATION, (AddressRange(ip_address("2001:db8::1"), ip_address("2001:db8::9")),))),
        ),
        (
            match(payload("ip", "saddr"), "@admins"),
            (V4, Addresses(Side.SOURCE, (AddressRange.of(ip_network("192.0.2.1/32")),))),
        ),
        (match(payload("ip", "saddr"), "@empty"), (V4, Addresses(Side.SOURCE, ()))),
        (
            match(payload("tcp", "dport"), {"set": [22, {"range": [80, 90]}]}),
            (TCP, Ports(Side.DESTINATION, (NumberRange(22, 22), NumberRange(80, 90)))),
        ),
        (
            match(payload("tcp", "dport"), 22, "!="),
            (TCP, Ports(Side.DESTINATION, (NumberRange(22, 22),), negated=True)),
        ),
        (match(payload("th", "sport"), 1023, ">"), (Ports(Side.SOURCE, (NumberRange(1024, 65535),)),)),
        (match({"meta": {"key": "l4proto"}}, {"set": ["tcp", "udp"]}), (Protocol(frozenset({6, 17})),)),
        (match({"meta": {"key": "nfproto"}}, "ipv6"), (V6,)),
        (match(STATE, "new", "in"), (ConntrackState(frozenset({State.NEW})),)),
        (
            match(STATE, {"set": ["new", "invalid"]}, "!="),
            (ConntrackState(frozenset({State.NEW, State.INVALID}), True),),
        ),
        (
            match(payload("icmpv6", "type"), {"set": ["nd-neighbor-solicit", 136]}),
            (
                Protocol(frozenset({58})),
                Icmp(PacketFamily.IPV6, (IcmpKind(NumberRange(135, 135)), IcmpKind(NumberRange(136, 136)))),
            ),
        ),
        (
            match({"&": [payload("tcp", "flags"), ["fin", "syn", "rst", "ack"]]}, "syn"),
            (TCP, TcpFlags(23, frozenset({2}))),
        ),
        (
            match({"&": [payload("tcp", "flags"), {"|": [{"|": ["fin", "syn"]}, "ack"]}]}, {"|": ["syn", "ack"]}),
            (TCP, TcpFlags(19, frozenset({18}))),
        ),
        (match(payload("tcp", "flags"), ["syn", "ack"], "in"), (TCP, TcpFlags(18, frozenset({0}), negated=True))),
        (match(payload("tcp", "flags"), ["syn", "ack"], "!"), (TCP, TcpFlags(18, frozenset({0})))),
        (match(payload("tcp", "flags"), 18, "!="), (TCP, TcpFlags(255, frozenset({18}), negated=True))),
        (match(STATE, {"|": ["new", "established"]}, "!="), (ConntrackState(frozenset(), negated=True),)),
        (match(STATE, "new", "!"), (ConntrackState(frozenset({State.NEW}), negated=True),)),
        (match(payload("tcp", "flags"), {"set": [{"|": ["syn", "ack"]}]}), (TCP, TcpFlags(255, frozenset({18})))),
        (match(payload("tcp", "flags"), {"set": ["syn", "ack"]}), (TCP, TcpFlags(255, frozenset({2, 16})))),
        (match({"&": [payload("ip", "frag-off"), 8191]}, 0, "!="), (V4, Fragment())),
        (match({"&": [{"meta": {"key": "mark"}}, 255]}, 16), (Mark(16, 255),)),
        (match({"ct": {"key": "mark"}}, 3), (CONNECTED, Mark(3, 0xFFFFFFFF, connection=True))),
        (
            match({"fib": {"result": "type", "flags": ["daddr"]}}, "local"),
            (AddressType(Side.DESTINATION, frozenset({"local"})),),
        ),
        (
            match({"fib": {"result": "oif", "flags": ["saddr", "iif"]}}, False),
            (KnownCondition("reverse path", "fib saddr . iif oif missing"),),
        ),
        (
            match(
                {"concat": [payload("ip", "saddr"), payload("tcp", "dport")]}, {"set": [{"concat": ["192.0.2.1", 22]}]}
            ),
            (
                V4,
                TCP,
                AnyOf(
                    (
                        (
                            Addresses(Side.SOURCE, (AddressRange.of(ip_network("192.0.2.1/32")),)),
                            Ports(Side.DESTINATION, (NumberRange(22, 22),)),
                        ),
                    )
                ),
            ),
        ),
        ({"limit": {"rate": 5, "per": "second"}}, (Sometimes("limit", "limit rate 5/second"),)),
        ({"reject": {"type": "tcp reset"}}, (TCP,)),
        ({"reject": {"type": "icmp", "expr": "port-unreachable"}}, (V4,)),
        ({"reject": {"type": "icmpx", "expr": "port-unreachable"}}, ()),
        ({"xt": {"type": "match", "name": "comment"}}, ()),
    ],
)
def test_conditions(expression: Any, matches: tuple[Match, ...]) -> None:
    found = rule(expression)
    assert found.matches == matches
    assert not found.unmodelled


@pytest.mark.parametrize(
    "expression",
    [
        match(STATE, ["new", "established"], "!="),
        match(payload("ip", "dscp"), "cs1"),
        match(payload("ip", "dscp"), "cs1", "in"),
        match({"ct": {"key": "status"}}, "dnat", "!"),
        match(payload("ip", "saddr"), "@nowhere"),
        match(payload("ip", "saddr"), "no address"),
        match(payload("ip", "saddr"), {"range": ["10.0.0.9", "10.0.0.1"]}),
        match(payload("tcp", "dport"), 70000),
        match(payload("tcp", "dport"), 0, "<"),
        match(payload("tcp", "dport"), True),
        match({"ct": {"key": "zone"}}, 1),
        match(payload("ether", "saddr"), "00:11:22:33:44:55", "!="),
        match({"xor": [1, 2]}, 3),
        match(payload("tcp", "dport"), 22, "~"),
        {"match": 7},
        {"xt": {"type": "match", "name": "conntrack"}},
    ],
)
def test_what_is_not_understood_stays_in_the_rule(expression: Any) -> None:
    found = rule(expression, {"accept": None})
    assert any(isinstance(part, Unmodelled) for part in found.matches)
    assert found.verdict is Decision.ACCEPT


def test_what_an_unknown_field_implies_is_known() -> None:
    assert rule(match(payload("ip", "dscp"), "cs1")).matches[0] == V4


UNKNOWN_MAP = {"vmap": {"key": payload("ip", "dscp"), "data": {"set": [["cs1", {"drop": None}]]}}}


@pytest.mark.parametrize(
    "expression", [{"xt": None}, {"xt": {"type": "target", "name": "TPROXY"}}, {"new": 1}, 5, "x", UNKNOWN_MAP]
)
def test_an_unknown_statement_may_end_the_way(expression: Any) -> None:
    assert isinstance(rule(expression).verdict, Undecided)


@pytest.mark.parametrize("expression", [{"xt": None}, {"new": 1}])
def test_a_verdict_behind_an_unknown_statement_is_not_certain(expression: Any) -> None:
    assert isinstance(rule(expression, {"accept": None}).verdict, Undecided)


def test_an_escaped_surrogate_is_refused() -> None:
    with pytest.raises(RulesetError):
        read_nft_json('{"nftables": [{"table": {"family": "inet", "name": "\\ud800"}}]}', "source")


def test_verdicts_and_statements() -> None:
    assert rule({"jump": {"target": "other"}}).verdict == Jump("other")
    assert rule({"goto": {"target": "other"}}).verdict == Jump("other", goto=True)
    assert isinstance(rule({"jump": {"target": "nowhere"}}).verdict, Undecided)
    assert rule({"continue": None}).verdict is None
    assert isinstance(rule({"queue": {"num": 1}}).verdict, Undecided)
    logged = rule({"counter": {"packets": 5, "bytes": 300}}, {"log": {"prefix": "x "}}, {"drop": None})
    assert (logged.counter, logged.statements, logged.verdict) == (Counter(5, 300), (Log("x "),), Decision.DROP)
    assert logged.text == 'log prefix "x " drop'
    assert logged.handle == 7
    translated = rule({"dnat": {"addr": "10.0.0.1", "port": 80}})
    to = NatTarget(AddressRange(ip_address("10.0.0.1"), ip_address("10.0.0.1")), NumberRange(80, 80))
    assert (translated.statements, translated.verdict) == (
        (Nat(NatKind.DESTINATION, "10.0.0.1:80", to),),
        Decision.ACCEPT,
    )
    marked = rule({"mangle": {"key": {"meta": {"key": "mark"}}, "value": 1}})
    assert marked.statements == (SetMark("meta mark set 1", MarkChange(0, 1)),)


def test_a_verdict_map_becomes_branches() -> None:
    found = rule({"vmap": {"key": payload("tcp", "dport"), "data": "@decide"}})
    port = Ports(Side.DESTINATION, (NumberRange(22, 22),))
    assert found.matches == (TCP,)
    assert found.verdict == VerdictMap((Branch((port,), Decision.ACCEPT), Branch((), Jump("other"))))
    states = rule({"vmap": {"key": STATE, "data": {"set": [["invalid", {"drop": None}]]}}})
    assert states.verdict == VerdictMap((Branch((ConntrackState(frozenset({State.INVALID})),), Decision.DROP),))
    assert states.text == "ct state vmap { invalid : drop }"


def test_a_text_does_not_depend_on_the_order_of_a_set() -> None:
    one = rule(match(payload("tcp", "dport"), {"set": [443, 22]}))
    other = rule(match(payload("tcp", "dport"), {"set": [22, 443]}))
    assert one.text == other.text == "tcp dport { 22, 443 }"


@pytest.mark.parametrize(
    "entry",
    [
        {"rule": {"family": "inet", "table": "t", "chain": "nowhere", "expr": []}},
        {"chain": {"family": "inet", "table": "t", "name": "c", "hook": "new", "prio": 0, "type": "filter"}},
        {"chain": {"family": "inet", "table": "nowhere", "name": "c"}},
        {"table": {"family": "new", "name": "t"}},
        {"table": {"family": "inet", "name": "u", "flags": ["u"]}},
        {"set": {"family": "inet", "table": "t", "name": "s", "type": "ipv4_addr", "elem": 3}},
        {"table": {"family": "inet", "name": "u", "flags": 5}},
        {"new": {}},
        7,
    ],
)
def test_objects_that_are_not_understood_are_listed(entry: Any) -> None:
    table = {"table": {"family": "inet", "name": "t"}}
    ruleset = read_nft_json(json.dumps({"nftables": [table, entry]}), "source")
    assert [(found.origin.line, found.origin.excerpt) for found in ruleset.unread] == [(1, json.dumps(entry))]
