"""Sets of ipset, and what membership in them asks of packets."""

from __future__ import annotations

import random
import subprocess
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from secaudit.checks.firewall.path.holds import conditions_hold
from secaudit.checks.firewall.readers.ipset.members import resolve_sets
from secaudit.checks.firewall.readers.ipset.save import read_ipset_save
from secaudit.checks.firewall.readers.iptables.save import read_iptables_save
from secaudit.checks.firewall.rules.matches import Addresses, AnyOf, Match, PacketFamily, SetMembership, Side
from secaudit.checks.firewall.rules.packet import Packet, read_packet
from secaudit.checks.firewall.rules.ruleset import TableFamily

RECORDED = Path(__file__).parent / "recorded" / "ipset"
SETS = (RECORDED / "ipset-save.txt").read_text()


def members(condition: str, listing: str = SETS, more: str = "", family: TableFamily = TableFamily.IP) -> list[Match]:
    """The conditions of a rule with one `-m set`."""
    lines = ["*filter", ":INPUT ACCEPT [0:0]", f"-A INPUT -m set {condition} -j DROP", more, "COMMIT", ""]
    ruleset = resolve_sets(read_iptables_save("\n".join(lines), family, "rules"), read_ipset_save(listing, "sets"))
    assert not ruleset.unread
    return list(next(ruleset.rules)[2].matches)


def packet(text: str) -> Packet:
    return read_packet(text)


@pytest.mark.parametrize(
    ("condition", "text", "holds"),
    [
        ("--match-set nets src", "tcp 10.9.9.9 -> 192.0.2.1", True),
        ("--match-set nets src", "tcp 10.1.9.9 -> 192.0.2.1", False),
        ("--match-set nets src", "tcp 10.1.2.9 -> 192.0.2.1", True),
        ("! --match-set nets src", "tcp 10.1.9.9 -> 192.0.2.1", True),
        ("--match-set nets dst", "tcp 10.9.9.9 -> 192.0.2.1", False),
        ("--match-set addresses dst", "tcp 10.9.9.9 -> 192.0.2.9", True),
        ("--match-set masked dst", "tcp 10.9.9.9 -> 198.51.100.200", True),
        ("--match-set services dst,dst", "tcp 10.0.0.1:80 -> 192.0.2.1:80", True),
        ("--match-set services dst,src", "tcp 10.0.0.1:81 -> 192.0.2.1:80", False),
        ("--match-set services dst,dst", "udp 10.0.0.1:9 -> 192.0.2.1:80", False),
        ("--match-set services dst,dst", "icmp 10.0.0.1 -> 192.0.2.1", True),
        ("--match-set services dst,dst", "icmp type 8 code 1 10.0.0.1 -> 192.0.2.1", False),
        ("--match-set services dst,dst", "vrrp 10.0.0.1 -> 192.0.2.2", True),
        ("! --match-set services dst,dst", "gre 10.0.0.1 -> 192.0.2.2", True),
        ("--match-set services dst", "vrrp 10.0.0.1 -> 192.0.2.2", False),
        ("--match-set lan src,src", "iif eth0 udp 10.0.0.1:1 -> 192.0.2.2:1", True),
        ("--match-set lan src,src", "iif eth1 udp 10.0.0.1:1 -> 192.0.2.2:1", False),
        ("--match-set lan src,src", "iif wg7 udp 192.168.0.1:1 -> 192.0.2.2:1", True),
        ("--match-set lan src,dst", "iif wg7 udp 192.168.0.1:1 -> 192.0.2.2:1", False),
        ("--match-set lan src,src", "iif br0 udp 172.16.0.1:1 -> 192.0.2.2:1", None),
        ("--match-set ports dst", "udp 192.168.0.1:1 -> 192.0.2.2:81", True),
        ("--match-set ports dst", "sctp 192.168.0.1:1 -> 192.0.2.2:81", False),
        ("! --match-set ports dst", "icmp 192.168.0.1 -> 192.0.2.2", True),
        ("--match-set block dst", "icmp 192.168.0.1 -> 192.0.2.77", True),
        ("--match-set block24 dst", "icmp 192.168.0.1 -> 10.3.4.99", True),
        ("--match-set both src", "tcp 10.9.9.9 -> 192.0.2.1", True),
        ("--match-set both src", "tcp 192.0.2.9 -> 192.0.2.1", True),
        ("! --match-set both src", "tcp 198.51.100.1 -> 192.0.2.1", True),
        ("--match-set ipmac src,src", "tcp 10.0.0.1 -> 192.0.2.1", None),
        ("--match-set ipmac src,src", "tcp 10.0.0.2 -> 192.0.2.1", False),
        ("--match-set three src,dst,dst", "tcp 192.0.2.1:5 -> 10.9.9.9:80", True),
        ("--match-set three src,dst,dst", "tcp 192.0.2.1:5 -> 10.9.9.9:81", False),
        ("--match-set six src", "tcp 192.0.2.1:5 -> 10.9.9.9:81", False),
        ("! --match-set six src", "tcp 192.0.2.1:5 -> 10.9.9.9:81", True),
    ],
)
def test_membership_is_exact(condition: str, text: str, holds: bool | None) -> None:
    assert conditions_hold(members(condition), packet(text)) is holds


def test_ipv6_rules_see_the_ipv6_sets_only() -> None:
    six = members("--match-set both src", family=TableFamily.IP6)
    assert conditions_hold(six, packet("tcp 2001:db8::1 -> 2001:db8::2")) is True
    assert conditions_hold(six, packet("tcp 2001:db9::1 -> 2001:db8::2")) is False


def test_addresses_become_one_condition_without_gaps() -> None:
    listing = "create s hash:net family inet\nadd s 10.0.0.0/25\nadd s 10.0.0.128/25\n"
    found = members("--match-set s src", listing)
    assert [str(part) for match in found for part in match.ranges] == ["10.0.0.0/24"]


def test_later_fragments_have_no_ports() -> None:
    fragment = replace(packet("tcp 10.0.0.1 -> 192.0.2.1"), later_fragment=True)
    assert conditions_hold(members("--match-set services dst,dst"), fragment) is False


@pytest.mark.parametrize(
    ("listing", "why"),
    [
        ("", "the set s is not listed"),
        ("create s hash:ip family inet\nadd s 10.0.0.1 vanishing", "vanishing is not understood"),
        ("create s hash:ip family inet\nadd s nonsense", "nonsense is not an address or network"),
        ("create s hash:ip family inet bitmask 255.0.0.255", "bitmask is not understood"),
        ("create s hash:moon family inet", "type hash:moon are not modelled"),
        ("create s hash:ip,port family inet\nadd s 10.0.0.1", "does not fit the type"),
        ("create s hash:ip,port family inet\nadd s 10.0.0.1,tcp:70000", "not a number up to 65535"),
        ("create s list:set size 8\nadd s t", "the set t is not listed"),
        ("create s hash:net,iface family inet\nadd s 10.0.0.0/8,eth nomatch wildcard", "exceptions"),
    ],
)
def test_sets_that_are_not_known_stay_unknown_and_say_why(listing: str, why: str) -> None:
    (found,) = members("--match-set s src,src", listing)
    assert isinstance(found, SetMembership)
    assert why in found.why
    assert conditions_hold([found], packet("tcp 10.0.0.1 -> 10.0.0.2")) is None


def test_a_set_that_rules_change_is_not_known() -> None:
    (found,) = members("--match-set addresses src", more="-A INPUT -j SET --add-set addresses src")
    assert isinstance(found, SetMembership)
    assert "as packets pass" in found.why


def test_the_reverse_of_exceptions_is_not_taken_for_the_set() -> None:
    (found,) = members("--match-set nets src --return-nomatch")
    assert conditions_hold([found], packet("tcp 10.1.9.9 -> 10.0.0.2")) is None


def test_recorded_rules_are_resolved_or_listed() -> None:
    rules = read_iptables_save((RECORDED / "iptables-save.txt").read_text(), TableFamily.IP, "rules")
    ruleset = resolve_sets(rules, read_ipset_save(SETS, "sets"))
    assert [entry.why.split(":")[0] for entry in ruleset.unmodelled] == [
        "rules change the set addresses as packets pass",
        "option --return-nomatch is not modelled",
    ]
    assert not any(isinstance(match, Addresses | AnyOf) for _, _, rule in rules.rules for match in rule.matches)


def test_lines_of_no_set_are_listed() -> None:
    sets = read_ipset_save("create s hash:ip family inet\nadd t 10.0.0.1\nswap s t\n", "sets")
    assert [entry.origin.line for entry in sets.unread] == [2, 3]


@given(st.randoms(use_true_random=False))
def test_mutated_listings_never_crash(chance: random.Random) -> None:
    characters = list(SETS)
    for _ in range(chance.randrange(1, 30)):
        at = chance.randrange(len(characters))
        characters[at : at + chance.randrange(3)] = chance.choice(["", "\n", ",", "9", "x", ":", "/", '"', " "])
    rules = read_iptables_save((RECORDED / "iptables-save.txt").read_text(), TableFamily.IP, "rules")
    ruleset = resolve_sets(rules, read_ipset_save("".join(characters), "sets"))
    assert len(list(ruleset.rules)) == 6


@pytest.mark.root
def test_the_kernel_agrees_about_nested_prefixes(tmp_path: Path) -> None:
    """Random nested prefixes with exceptions, asked of a set in a network namespace of its own."""
    chance = random.Random(7)
    lines = ["create s hash:net family inet"]
    lines += [
        f"add s 10.0.{chance.randrange(4)}.{chance.randrange(256)}/{chance.randrange(22, 33)} {exception} -exist"
        for exception in chance.choices(["", "nomatch"], k=60)
    ]
    addresses = [f"10.0.{chance.randrange(4)}.{chance.randrange(256)}" for _ in range(300)]
    (tmp_path / "sets").write_text("\n".join([*lines, ""]))
    asking = "\n".join(f"ipset test s {address} && echo {address} >> {tmp_path}/in" for address in addresses)
    script = f"ipset restore < {tmp_path}/sets && ipset save > {tmp_path}/save\n{asking}\ntrue"
    subprocess.run(["unshare", "-n", "sh", "-c", script], check=True, capture_output=True)
    found = members("--match-set s src", (tmp_path / "save").read_text())
    inside = set((tmp_path / "in").read_text().split())
    assert 0 < len(inside) < len(set(addresses))
    for address in addresses:
        asked = Packet(packet("tcp 10.0.0.1 -> 10.0.0.2").hook, PacketFamily.IPV4, 6, ip_address(address), None)
        assert conditions_hold(found, asked) is (address in inside), address
    assert all(isinstance(match, Addresses) and match.side is Side.SOURCE for match in found)
