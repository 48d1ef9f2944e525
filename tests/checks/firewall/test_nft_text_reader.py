"""The text of nft means what its JSON means, and files that people write mean what nft makes of them."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from secaudit.checks.firewall.readers.nft.document import read_nft_json
from secaudit.checks.firewall.readers.nft.ruleset import read_nft_ruleset
from secaudit.checks.firewall.rules.ruleset import Effect, Rule, Ruleset, RulesetError, Statement

from tests.checks.firewall.reading import SHARED, fate, mutated, sample
from tests.checks.firewall.scenarios import SCENARIOS, run_loaded

RECORDED = Path(__file__).parent / "recorded" / "nft-text"
TEXT = (RECORDED / "nft.txt").read_text()


def told(statement: Statement) -> object:
    """Effects are compared by kind: JSON leaves out what `add @set { … timeout 5m }` says."""
    return Effect if isinstance(statement, Effect) else statement


def meaning(rule: Rule) -> object:
    return rule.matches, rule.verdict, [told(statement) for statement in rule.statements], rule.counter, rule.comment


def shape(ruleset: Ruleset) -> object:
    return [
        (table.label, table.dormant, [(chain.name, chain.base) for chain in table.chains]) for table in ruleset.tables
    ]


def assert_same(text: str, json: str) -> None:
    one, other = read_nft_ruleset(text, "text"), read_nft_json(json, "json")
    assert (len(one.unread), shape(one)) == (len(other.unread), shape(other))
    for (_, _, mine), (_, _, theirs) in zip(one.rules, other.rules, strict=True):
        assert meaning(mine) == meaning(theirs), mine.text


def test_the_recorded_text_means_what_the_recorded_json_means() -> None:
    assert_same(TEXT, (RECORDED / "nft.json").read_text())


@pytest.mark.root
@pytest.mark.parametrize("name", ["scenarios", "nft_nat_addr_port_dump.nft"])
def test_what_nft_lists_now_means_the_same_in_text_and_json(name: str, tmp_path: Path) -> None:
    asking = "nft list ruleset > text; nft -j list ruleset > json"
    if name == "scenarios":
        for scenario in (scenario for scenario in SCENARIOS if scenario.nft and not scenario.ipv4):
            run_loaded(scenario, after=asking, folder=tmp_path)
            # The device of an ingress chain and whether a table is dormant are in the text only (nft 1.0.6).
            if scenario.name not in ("nft-ingress", "nft-dormant"):
                assert_same((tmp_path / "text").read_text(), (tmp_path / "json").read_text())
    else:
        sample(name)
        script = f"nft -f {SHARED / name} && {asking}"
        subprocess.run(["unshare", "-n", "sh", "-c", script], check=True, cwd=tmp_path)
        assert_same((tmp_path / "text").read_text(), (tmp_path / "json").read_text())


FILE = """#!/usr/sbin/nft -f
# what a person writes
flush ruleset

define lan = { 10.0.0.0/8, 192.168.0.0/16 }
define ports = { ssh, https }
define uplink = "eth0"
define admins = { $lan, 192.0.2.7 }

table inet filter {
    set blocked {
        type ipv4_addr; flags interval
        elements = {
            203.0.113.0/24,   # a comment in between
            198.51.100.1 - 198.51.100.9 }
    }
    chain input {
        type filter hook input priority filter - 5
        policy drop

        iif lo accept; ct state vmap { established : accept, related : accept, invalid : drop }
        ip saddr @blocked drop
        iifname $uplink ip saddr $admins tcp dport $ports accept comment "people; and machines"
        tcp dport { http, 8000-8080 } \\
            limit rate 5/second burst 10 packets counter name hits accept
        meta l4proto { icmp, ipv6-icmp } accept
        tcp flags & (fin|syn|rst|ack) != syn ct state new log prefix "odd: " group 2 drop
        log flags tcp sequence,options level warn
    }
    counter hits { }
}
table inet filter {
    chain input { udp dport domain reject with icmpx admin-prohibited; }
    chain forward { type filter hook forward priority 0; policy drop; }
}
table ip nat {
    chain pre { type nat hook prerouting priority dstnat; iifname eth0 tcp dport 80 dnat to 10.0.0.5:8080; }
    chain post { type nat hook postrouting priority srcnat; oifname eth0 masquerade random,persistent; }
}
table bridge b { chain f { type filter hook forward priority filter; } }
"""


def test_ranges_with_spaces_are_not_taken_for_something_else() -> None:
    ruleset = read_nft_ruleset(FILE, "file")
    assert [entry.origin.line for entry in ruleset.unread] == [11]


CLEAN = FILE.replace(".1 - 198", ".1-198")


@pytest.mark.parametrize(
    ("packet", "expected"),
    [
        ("iif lo tcp 127.0.0.1:9 -> 127.0.0.1:9", "accept"),
        ("iif eth0 tcp 10.1.1.1:9 -> 192.0.2.1:22", "accept"),
        ("iif eth0 tcp 192.0.2.7:9 -> 192.0.2.1:443", "accept"),
        ("iif eth0 tcp 192.0.2.8:9 -> 192.0.2.1:443", "drop"),
        ("iif eth0 tcp 198.51.100.5:9 -> 192.0.2.1:80", "drop"),
        ("iif eth1 tcp 192.0.2.8:9 -> 192.0.2.1:8010", "unproven"),
        ("iif eth1 udp 192.0.2.8:9 -> 192.0.2.1:53", "reject"),
        ("iif eth1 udp 192.0.2.8:9 -> 192.0.2.1:54 established", "accept"),
        ("iif eth1 icmp 192.0.2.8 -> 192.0.2.1", "accept"),
        ("iif eth1 oif eth0 icmp 192.0.2.8 -> 192.0.2.1", "drop"),
    ],
)
def test_files_that_people_write_are_understood(packet: str, expected: str) -> None:
    ruleset = read_nft_ruleset(CLEAN, "file")
    assert not ruleset.unmodelled
    assert fate(ruleset, packet) == expected


def test_priorities_comments_and_lines_are_kept() -> None:
    ruleset = read_nft_ruleset(CLEAN, "file")
    bases = {f"{table.label} {chain.name}": chain.base for table in ruleset.tables for chain in table.chains}
    priorities = {name: base.priority for name, base in bases.items() if base}
    assert priorities == {
        "inet filter input": -5,
        "inet filter forward": 0,
        "ip nat pre": -100,
        "ip nat post": 100,
        "bridge b f": -200,
    }
    rules = {rule.origin.line: rule for _, _, rule in ruleset.rules}
    line = next(number for number, text in enumerate(CLEAN.split("\n"), 1) if "$uplink" in text)
    assert rules[line].comment == "people; and machines"
    assert rules[line].origin.excerpt.startswith("iifname $uplink")


@pytest.mark.parametrize(
    "text",
    [
        "ip saddr $undefined accept",
        "tcp dport no-such-service accept",
        "tcp dport 70000 accept",
        "ip saddr 1.2.3.4.5 accept",
        "@nh,8,8 0x1 accept",
        "ip saddr 10.0.0.0/8 frobnicate accept",
        "ip saddr { 10.0.0.1 accept",
        "meta l4proto tcp # match multiport",
        "tcp dport vmap { 22 : explode }",
        "limit rate fast accept",
        "ip saddr",
        '"accept"',
    ],
)
def test_a_rule_that_is_not_understood_decides_nothing(text: str) -> None:
    ruleset = read_nft_ruleset(
        f"table inet t {{\nchain c {{\ntype filter hook input priority 0; policy drop\n{text}\n}}\n}}\n", "file"
    )
    assert ruleset.unmodelled
    assert fate(ruleset, "tcp 10.0.0.1:9 -> 192.0.2.1:22") == "unproven"


@pytest.mark.parametrize(
    "text",
    [
        'include "/etc/nftables.d/*.nft"',
        "add rule inet t c tcp dport 22 accept",
        "delete table inet t",
        "flush ruleset",
        "table inet t { chain c { policy drop; } }",
        "table inet t { chain d { type filter hook input priority sometimes; } }",
        "table inet t { set s { type ipv4_addr; moon 5; } }",
        "table inet t { moon x { } }",
        "table inet t { accept }",
        "table inet t { { accept; } }",
        'table inet "u v" w { }',
        "table inet t { set s { type ipv4_addr; elements = { 10.0.0.1 } 10.0.0.2; } }",
        "table inet t { set s { type ipv4_addr; elements = { 10.0.0.1 }; elements = { 10.0.0.2 }; } }",
        "table inet t { set s { type ipv4_addr; }; set s { type ipv4_addr; } }",
        "table inet t { chain d { ",
        "define a = $b",
        "}",
    ],
)
def test_statements_that_are_not_modelled_are_listed(text: str) -> None:
    ruleset = read_nft_ruleset(f"table inet t {{\nchain c {{\n}}\n}}\n{text}\n", "file")
    assert {entry.origin.line for entry in ruleset.unread} == {5}
    assert fate(ruleset, "tcp 10.0.0.1:9 -> 192.0.2.1:22") == "unproven"


def test_flags_of_tables_are_known_or_listed() -> None:
    dormant = "table inet t { flags dormant; chain c { type filter hook input priority 0; policy drop; } }"
    assert fate(read_nft_ruleset(dormant, "file"), "tcp 10.0.0.1:9 -> 192.0.2.1:22") == "accept"
    assert read_nft_ruleset(dormant.replace("dormant", "dormant, moon"), "file").unread


def test_definitions_that_stand_for_too_much_are_not_followed() -> None:
    lines = [
        "define a = { 10.0.0.1 }",
        *(f"define a{n} = {{ $a{n - 1 or ''}, $a{n - 1 or ''} }}" for n in range(1, 20)),
    ]
    ruleset = read_nft_ruleset("\n".join([*lines, "table ip t { }"]), "file")
    assert ruleset.unread


@pytest.mark.parametrize("text", ["", "nonsense", "*filter\n-A INPUT -j DROP\nCOMMIT\n", "{" * 5_000])
def test_text_without_a_table_is_refused(text: str) -> None:
    with pytest.raises(RulesetError):
        read_nft_ruleset(text, "file")


@pytest.mark.parametrize(
    ("change", "rest"),
    [
        ("dnat to ip daddr map @m", "drop"),
        ("dnat to numgen inc mod 2 map { 0 : 10.0.0.1, 1 : 10.0.0.2 }", "drop"),
        ("meta mark set ip daddr map { 10.0.0.1 : 5 } drop", "accept"),
    ],
)
def test_a_map_that_may_lack_an_element_makes_the_rule_conditional(change: str, rest: str) -> None:
    chain = f"chain c {{ type filter hook input priority 0;\n{change}\n{rest}\n}}"
    ruleset = read_nft_ruleset(f"table ip t {{ map m {{ type ipv4_addr : ipv4_addr; }}\n{chain}\n}}", "file")
    assert fate(ruleset, "tcp 10.0.0.1:9 -> 192.0.2.1:22") == "unproven"


@pytest.mark.parametrize("name", ["flatshare_nft-ruleset.nft", "nft_nat_addr_port_dump.nft"])
def test_every_line_of_the_samples_is_modelled(name: str) -> None:
    text = sample(name)
    ruleset = read_nft_ruleset(text, "file")
    assert all("which packets the map has" in entry.why for entry in ruleset.unmodelled)
    words = ("accept", "reject", "dnat", "snat", "jump", "counter")
    lines = [
        number for number, line in enumerate(text.split("\n"), 1) if any(f"{word} " in line + " " for word in words)
    ]
    bases = [number for number in lines if "type nat" in text.split("\n")[number - 1]]
    assert {rule.origin.line for _, _, rule in ruleset.rules} == set(lines) - set(bases)


@given(st.randoms(use_true_random=False))
def test_mutated_text_never_crashes_and_loses_no_line(chance: random.Random) -> None:
    text = mutated(chance.choice([TEXT, CLEAN]), chance, '{}();,.:/"#=&|-$@9x ')
    try:
        ruleset = read_nft_ruleset(text, "file")
    except RulesetError:
        return
    assert all(entry.origin.line <= text.count("\n") + 1 for entry in ruleset.unmodelled)
