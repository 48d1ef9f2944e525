"""Security groups of AWS and what they allow."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from secaudit.checks.firewall.readers.aws.security_groups import read_aws
from secaudit.checks.firewall.rules.matches import Unmodelled
from secaudit.checks.firewall.rules.ruleset import Ruleset, RulesetError

from tests.checks.firewall.reading import fate, mutated, sample


def permission(protocol: str = "-1", low: object = None, high: object = None, **peers: object) -> dict[str, Any]:
    ports = {} if low is None else {"FromPort": low, "ToPort": high}
    return {"IpProtocol": protocol, **ports, **peers}


def ranges(*networks: str) -> list[dict[str, str]]:
    return [{"CidrIp": network} for network in networks]


EGRESS = [permission(IpRanges=ranges("0.0.0.0/0"))]


def group(*permissions: object, name: str = "sg-1", **more: object) -> dict[str, Any]:
    return {"GroupId": name, "IpPermissions": list(permissions), "IpPermissionsEgress": EGRESS, **more}


WEB = group(
    permission("tcp", 443, 443, IpRanges=ranges("0.0.0.0/0"), Ipv6Ranges=[{"CidrIpv6": "::/0", "Description": "all"}]),
    permission("icmp", 8, -1, IpRanges=ranges("192.0.2.0/24")),
    permission("udp", 1000, 2000, UserIdGroupPairs=[{"GroupId": "sg-9", "UserId": "1"}]),
    permission("50", IpRanges=ranges("192.0.2.7/32")),
    permission("tcp", 5432, 5432, PrefixListIds=[{"PrefixListId": "pl-1"}]),
)


def read(*groups: object, attached: tuple[str, ...] = ()) -> Ruleset:
    return read_aws(json.dumps({"SecurityGroups": groups}, indent=1), "file", attached)


@pytest.mark.parametrize(
    ("packet", "expected"),
    [
        ("tcp 198.51.100.1:9 -> 192.0.2.1:443", "accept"),
        ("tcp [2001:db8::1]:9 -> [2001:db8::2]:443", "accept"),
        ("tcp 198.51.100.1:9 -> 192.0.2.1:444", "drop"),
        ("icmp 192.0.2.9 -> 192.0.2.1", "accept"),
        ("icmp type 13 192.0.2.9 -> 192.0.2.1", "drop"),
        ("icmp 198.51.100.1 -> 192.0.2.1", "drop"),
        ("udp 198.51.100.1:9 -> 192.0.2.1:1500", "unproven"),
        ("udp 198.51.100.1:9 -> 192.0.2.1:2001", "drop"),
        ("esp 192.0.2.7 -> 192.0.2.1", "accept"),
        ("tcp 198.51.100.1:9 -> 192.0.2.1:5432", "unproven"),
        ("tcp 198.51.100.1:9 -> 192.0.2.1:22 established", "accept"),
        ("oif eth0 tcp 192.0.2.1:9 -> 198.51.100.1:25", "accept"),
        ("oif eth0 tcp [2001:db8::1]:9 -> [2001:db8::2]:25", "drop"),
    ],
)
def test_a_group_allows_what_its_permissions_say(packet: str, expected: str) -> None:
    assert fate(read(WEB), packet) == expected


def test_which_groups_an_interface_has_is_known_only_when_it_is_said() -> None:
    ssh = group(permission("tcp", 22, 22, IpRanges=ranges("0.0.0.0/0")), name="sg-2")
    packet = "tcp 198.51.100.1:9 -> 192.0.2.1:22"
    assert fate(read(WEB, ssh), packet) == "unproven"
    assert fate(read(WEB, ssh), packet.replace("22", "23")) == "drop"
    assert fate(read(WEB, ssh, attached=("sg-1",)), packet) == "drop"
    assert fate(read(WEB, ssh, attached=("sg-1", "sg-2")), packet) == "accept"
    with pytest.raises(RulesetError, match="sg-3"):
        read(WEB, attached=("sg-3",))


def test_each_peer_is_a_rule_with_its_line_and_description() -> None:
    rules = {rule.text: rule for _, _, rule in read(WEB).rules}
    found = rules["allow tcp 443 from ::/0"]
    lines = json.dumps({"SecurityGroups": [WEB]}, indent=1).split("\n")
    assert "CidrIpv6" in lines[found.origin.line]
    assert found.comment == "all"
    assert [entry.why for entry in read(WEB).unmodelled] == [
        "the addresses of the security group are not in this document: sg-9",
        "the addresses of the prefix list are not in this document: pl-1",
    ]


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (permission("tcp", 22, None, IpRanges=ranges("0.0.0.0/0")), "are not a range"),
        (permission("tcp", "22", "22", IpRanges=ranges("0.0.0.0/0")), "FromPort is not a number"),
        (permission("moon", IpRanges=ranges("0.0.0.0/0")), "protocol moon is not known"),
        (permission("tcp", 22, 22, IpRanges=ranges("10.0.0.1/8")), "is not a network"),
        (permission("tcp", 22, 22, IpRanges="0.0.0.0/0"), "IpRanges is not a list"),
        (permission("tcp", 22, 22, IpRanges=["0.0.0.0/0"]), "entry of IpRanges is not understood"),
        (permission("tcp", 22, 22, IpRanges=ranges("0.0.0.0/0"), Moon=1), "field Moon"),
        ("nonsense", "is not a permission"),
    ],
)
def test_a_permission_that_is_not_understood_may_allow_anything(wrong: object, why: str) -> None:
    ruleset = read(group(wrong))
    (found,) = ruleset.unmodelled
    assert why in found.why
    assert found.origin.line > 1
    assert fate(ruleset, "tcp 198.51.100.1:9 -> 192.0.2.1:22") == "unproven"


@pytest.mark.parametrize("entry", [1, {}, {"GroupId": "sg-1"}, group(Moon=1), {**WEB, "IpPermissions": 3}])
def test_groups_that_are_not_understood_are_listed(entry: object) -> None:
    ruleset = read(entry)
    assert ruleset.unread
    assert fate(ruleset, "tcp 198.51.100.1:9 -> 192.0.2.1:22") == "unproven"


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"SecurityGroups": {}}', "[" * 100_000, '{"a": 1, "a": 1}', '{"a": "\\ud800"}']
)
def test_other_documents_are_refused(text: str) -> None:
    with pytest.raises(RulesetError):
        read_aws(text, "file")


def test_every_permission_of_the_sample_is_a_rule() -> None:
    text = sample("aws_SecurityGroups.json")
    ruleset = read_aws(text, "file")
    assert {entry.why.split(":")[0] for entry in ruleset.unmodelled} == {
        "which interfaces have the security group is not in this document",
        "the addresses of the security group are not in this document",
    }
    lines = text.split("\n")
    peers = [number for number, line in enumerate(lines, 1) if '"CidrIp' in line or '"UserId"' in line]
    rules = [rule for _, chain, rule in ruleset.rules if chain.base is None]
    assert len(rules) == len(peers)
    assert all(not isinstance(match, Unmodelled) for rule in rules for match in rule.matches)
    database = read_aws(text, "file", ("sg-55510831",))
    assert fate(database, "tcp 198.51.100.1:9 -> 192.0.2.1:23") == "drop"
    assert fate(database, "tcp 10.193.4.5:9 -> 192.0.2.1:3306") == "accept"


@given(st.randoms(use_true_random=False))
def test_mutated_documents_never_crash(chance: random.Random) -> None:
    try:
        ruleset = read_aws(mutated(json.dumps({"SecurityGroups": [WEB]}), chance, '{}[],:"0-'), "file")
    except RulesetError:
        return
    assert len(ruleset.tables) == 1
