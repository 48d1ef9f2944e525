"""Policies of a FortiGate and what they decide."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from secaudit.checks.firewall.readers.fortigate.config import read_fortigate
from secaudit.checks.firewall.rules.ruleset import Ruleset, RulesetError

from tests.checks.firewall.reading import fate, mutated, sample

OBJECTS = """#config-version=FG100F-7.2.5
config system interface
    edit "wan1"
        set vdom "root"
        set description "two
lines; config \\"quoted\\""
    next
    edit "lan"
        set vdom "root"
    next
    edit "dmz"
    next
end
config system zone
    edit "inside"
        set interface "lan" "dmz"
    next
end
config firewall address
    edit "servers"
        set subnet 192.0.2.0 255.255.255.0
    next
    edit "span"
        set type iprange
        set start-ip 198.51.100.7
        set end-ip 198.51.100.9
    next
    edit "name"
        set type fqdn
        set fqdn "www.example.com"
    next
    edit "strange"
        set type dynamic
        set sub-type sdn
    next
end
config firewall address6
    edit "six"
        set ip6 2001:db8::/32
    next
end
config firewall addrgrp
    edit "all-of-them"
        set member "servers" "span" "all-of-them"
    next
end
config firewall service custom
    edit "WEB"
        set tcp-portrange 80 443:1024-65535
    next
    edit "DNS"
        set tcp-portrange 53
        set udp-portrange 53
    next
    edit "PING"
        set protocol ICMP
        set icmptype 8
        unset icmpcode
    next
    edit "GRE"
        set protocol IP
        set protocol-number 47
    next
end
config firewall service group
    edit "usual"
        set member "WEB" "DNS"
    next
end
"""
TO_SERVERS = ("srcintf wan1", "dstintf inside", "srcaddr all", "dstaddr servers", "schedule always", "action accept")


def configuration(*policies: tuple[str, ...], section: str = "firewall policy", more: str = "") -> str:
    lines = [f"config {section}"]
    for number, policy in enumerate(policies, 1):
        lines += [f"    edit {number}", *(f"        set {setting}" for setting in policy), "    next"]
    return "\n".join([OBJECTS + more, *lines, "end", ""])


def read(*policies: tuple[str, ...], section: str = "firewall policy", more: str = "") -> Ruleset:
    return read_fortigate(configuration(*policies, section=section, more=more), "file")


def unmodelled(ruleset: Ruleset) -> list[str]:
    """All but the verdict on local traffic, which is never in a configuration."""
    return [entry.why for entry in ruleset.unmodelled if "offers by itself" not in entry.why]


@pytest.mark.parametrize(
    ("settings", "packet", "expected"),
    [
        (("service WEB",), "tcp 198.51.100.1:9 -> 192.0.2.1:80", "accept"),
        (("service WEB",), "tcp 198.51.100.1:9 -> 192.0.2.1:443", "drop"),
        (("service WEB",), "tcp 198.51.100.1:2000 -> 192.0.2.1:443", "accept"),
        (("service WEB",), "tcp 198.51.100.1:9 -> 192.0.3.1:80", "drop"),
        (("service usual",), "udp 198.51.100.1:9 -> 192.0.2.1:53", "accept"),
        (("service usual", "service-negate enable"), "udp 198.51.100.1:9 -> 192.0.2.1:53", "drop"),
        (("service usual", "service-negate enable"), "udp 198.51.100.1:9 -> 192.0.2.1:54", "accept"),
        (("service PING GRE",), "icmp 198.51.100.1 -> 192.0.2.1", "accept"),
        (("service PING GRE",), "icmp type 13 198.51.100.1 -> 192.0.2.1", "drop"),
        (("service PING GRE",), "gre 198.51.100.1 -> 192.0.2.1", "accept"),
        (("service ALL",), "esp 198.51.100.1 -> 192.0.2.1", "accept"),
        (("service ALL", "srcaddr all-of-them"), "tcp 198.51.100.8:9 -> 192.0.2.1:1", "accept"),
        (("service ALL", "srcaddr all-of-them"), "tcp 198.51.100.1:9 -> 192.0.2.1:1", "drop"),
        (("service ALL", "srcaddr span", "srcaddr-negate enable"), "tcp 198.51.100.1:9 -> 192.0.2.1:1", "accept"),
        (("service ALL", "srcaddr span", "srcaddr-negate enable"), "tcp 198.51.100.8:9 -> 192.0.2.1:1", "drop"),
        (("service ALL", "srcaddr span name"), "tcp 198.51.100.8:9 -> 192.0.2.1:1", "accept"),
        (("service ALL", "srcaddr span name"), "tcp 198.51.100.1:9 -> 192.0.2.1:1", "unproven"),
        (("service ALL", "schedule nights"), "tcp 198.51.100.1:9 -> 192.0.2.1:1", "unproven"),
        (("service ALL", "groups staff"), "tcp 198.51.100.1:9 -> 192.0.2.1:1", "unproven"),
        (("service ALL", "srcintf inside"), "tcp 198.51.100.1:9 -> 192.0.2.1:1", "drop"),
        (("service ALL", "srcintf any", "dstintf any"), "tcp 198.51.100.1:9 -> 192.0.2.1:1", "accept"),
        (("service ALL", "status disable"), "tcp 198.51.100.1:9 -> 192.0.2.1:1", "drop"),
        (("service ALL", "action deny", "send-deny-packet enable"), "tcp 198.51.100.1:9 -> 192.0.2.1:1", "reject"),
        (("service ALL", "action ipsec"), "tcp 198.51.100.1:9 -> 192.0.2.1:1", "unproven"),
        (("service ALL",), "tcp 198.51.100.1:9 -> 203.0.113.1:1 established", "accept"),
        (("service ALL",), "tcp [2001:db8::1]:9 -> [2001:db8::2]:1", "drop"),
        (("service ALL", "srcaddr6 all", "dstaddr6 six"), "tcp [2001:db8::1]:9 -> [2001:db8::2]:1", "accept"),
    ],
)
def test_a_policy_decides_what_its_fields_say(settings: tuple[str, ...], packet: str, expected: str) -> None:
    assert fate(read((*TO_SERVERS, *settings)), f"iif wan1 oif lan {packet}") == expected


def test_the_first_policy_that_fits_decides() -> None:
    deny = (*TO_SERVERS, "srcaddr span", "action deny", "service ALL")
    ruleset = read(deny, (*TO_SERVERS, "service ALL"))
    assert fate(ruleset, "iif wan1 oif dmz tcp 198.51.100.8:9 -> 192.0.2.1:1") == "drop"
    assert fate(ruleset, "iif wan1 oif dmz tcp 198.51.100.1:9 -> 192.0.2.1:1") == "accept"


def test_policies_before_version_6_4_are_of_one_family() -> None:
    policy = ("srcintf wan1", "dstintf lan", "srcaddr all", "dstaddr six", "service ALL", "action accept")
    ruleset = read(policy, section="firewall policy6")
    assert not unmodelled(ruleset)
    assert fate(ruleset, "iif wan1 oif lan tcp [2001:db8::1]:9 -> [2001:db8::2]:1") == "accept"
    assert fate(ruleset, "iif wan1 oif lan tcp 192.0.2.1:9 -> 192.0.2.1:1") == "drop"


def test_local_policies_come_before_what_the_device_offers() -> None:
    policy = ("intf wan1", "srcaddr span", "dstaddr all", "service ALL")
    ruleset = read(policy, section="firewall local-in-policy")
    assert fate(ruleset, "iif wan1 tcp 198.51.100.8:9 -> 192.0.2.1:22") == "drop"
    assert fate(ruleset, "iif wan1 tcp 198.51.100.1:9 -> 192.0.2.1:22") == "unproven"


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        (("service MISSING",), "the service is not in the configuration: MISSING"),
        (("service ALL", "srcintf virtual-wan-link"), "the interface is not in the configuration: virtual-wan-link"),
        (("service ALL", "srcaddr missing"), "the address is not in the configuration: missing"),
        (("service ALL", "srcaddr strange"), "addresses of the type dynamic are not modelled: strange"),
        (("service ALL", "srcaddr name"), "the addresses of the name are not in the configuration: name"),
        (
            ("service ALL", "internet-service enable"),
            "the field of the policy is not modelled: internet-service enable",
        ),
        ((), "the policy does not say it: service"),
    ],
)
def test_what_is_not_understood_is_listed_and_decides_nothing(settings: tuple[str, ...], why: str) -> None:
    ruleset = read((*TO_SERVERS, *settings))
    assert unmodelled(ruleset) == [why]
    assert fate(ruleset, "iif wan1 oif lan tcp 198.51.100.1:9 -> 192.0.2.1:1") == "unproven"
    assert next(entry for entry in ruleset.unmodelled if entry.why == why).origin.excerpt.startswith("edit 1;")


@pytest.mark.parametrize(
    "more",
    [
        'config firewall vip\nedit "v"\nset extip 192.0.2.1\nnext\nend\n',
        "config system settings\nset ngfw-mode policy-based\nend\n",
        "config system zone\nedit inside\nset intrazone allow\nnext\nend\n",
        "nonsense\n",
        "next\n",
        "edit 3\n",
    ],
)
def test_sections_and_lines_that_are_not_modelled_leave_nothing_proven(more: str) -> None:
    ruleset = read((*TO_SERVERS, "service ALL"), more=more)
    assert ruleset.unread
    assert fate(ruleset, "iif wan1 oif lan tcp 198.51.100.1:9 -> 192.0.2.1:1") == "unproven"


def test_a_line_in_the_wrong_place_is_listed_without_its_end() -> None:
    (entry,) = read((*TO_SERVERS, "service ALL"), more="set password ENC c2VjcmV0\n").unread
    assert entry.origin.excerpt == "set password"


def test_virtual_domains_have_policies_of_their_own() -> None:
    allowing = "srcintf any\nset dstintf any\nset srcaddr all\nset dstaddr all\nset service ALL\nset action accept"
    text = f"""config vdom
edit one
next
edit two
next
end
config global
config system interface
edit a
set vdom one
next
edit b
set vdom two
next
end
end
config vdom
edit one
config firewall policy
edit 1
set {allowing}
next
end
next
edit two
config firewall policy
end
end
"""
    ruleset = read_fortigate(text, "file")
    assert not ruleset.unread
    assert fate(ruleset, "iif a oif b tcp 198.51.100.1:9 -> 192.0.2.1:1") == "accept"
    assert fate(ruleset, "iif b oif a tcp 198.51.100.1:9 -> 192.0.2.1:1") == "drop"


def test_text_of_another_kind_is_refused() -> None:
    with pytest.raises(RulesetError):
        read_fortigate("*filter\n-A INPUT -j DROP\n", "file")


def test_every_policy_of_the_sample_is_a_rule_or_disabled() -> None:
    text = sample("fortios_firewall_policy.conf")
    ruleset = read_fortigate(text, "file")
    assert not unmodelled(ruleset)
    lines = [number for number, line in enumerate(text.split("\n"), 1) if line.startswith("    edit")]
    policies = [number for number in lines if number > text[: text.index("config firewall policy")].count("\n")]
    disabled, *active = policies
    rules = [rule for _, _, rule in ruleset.rules if rule.text.startswith("policy")]
    assert [rule.origin.line for rule in rules] == active
    assert "set status disable" in text.split("\n")[disabled : disabled + 8][-1]


@given(st.randoms(use_true_random=False))
def test_mutated_configurations_never_crash(chance: random.Random) -> None:
    text = configuration((*TO_SERVERS, "service usual PING"), (*TO_SERVERS, "service ALL", "srcaddr all-of-them"))
    try:
        read_fortigate(mutated(text, chance, "\"'\\ #-:/9x"), "file")
    except RulesetError:
        return


def test_groups_that_hold_each_other_many_times_are_read_quickly() -> None:
    groups = "".join(
        f"edit g{number}\nset member {' '.join([f'g{number + 1}'] * 50)}\nnext\n" for number in range(3000)
    )
    more = f"config firewall addrgrp\n{groups}edit g3000\nset member servers\nnext\nend\n"
    ruleset = read((*TO_SERVERS, "service ALL", "srcaddr g0"), more=more)
    assert fate(ruleset, "iif wan1 oif lan tcp 192.0.2.9:9 -> 192.0.2.1:1") == "accept"
