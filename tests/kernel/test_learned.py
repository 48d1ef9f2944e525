"""What differences between the analysis and the kernel have taught; each stays here as a test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from secaudit.checks.firewall.rules.packet import read_packet
from secaudit.checks.firewall.verify.ask import ask
from secaudit.checks.firewall.verify.compare import Comparison

from secaudit.model.observation import RulesetText, Syntax
from secaudit.verification.witness import Witness, witness

PACKETS = [
    f"{way} udp {ends}"
    for way in ("hook input iif eth0", "hook forward iif eth0 oif eth1", "hook output oif eth1")
    for ends in ("10.0.0.1:1 -> 10.9.9.9:2", "[2001:db8::1]:1 -> [2001:db8:9::9]:2")
]


@pytest.fixture(scope="module")
def kernel() -> Iterator[Witness]:
    with witness(["eth0", "eth1"]) as running:
        yield running


def compared(kernel: Witness, syntax: Syntax, text: str) -> Comparison:
    comparison: Comparison = ask(kernel, [RulesetText(syntax, text)], [read_packet(packet) for packet in PACKETS])
    assert not comparison.unsent
    return comparison


@pytest.mark.root
@pytest.mark.parametrize("hook", ["prerouting", "input", "forward", "output", "postrouting"])
def test_an_interface_that_is_not_known_yet_has_no_name(kernel: Witness, hook: str) -> None:
    rules = [
        f'{side}name {sign}"eth{number}" counter'
        for side in ("iif", "oif")
        for sign in ("", "!= ")
        for number in (0, 1)
    ]
    text = "\n".join(["table inet t { chain c {", f"type filter hook {hook} priority 0;", *rules, "}", "}"])
    assert not compared(kernel, Syntax.NFT, text).mismatches


@pytest.mark.root
@pytest.mark.parametrize("chain", ["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"])
def test_iptables_sees_interfaces_alike(kernel: Witness, chain: str) -> None:
    rules = [f"-A u {sign}-{side} eth{number}" for side in "io" for sign in ("", "! ") for number in (0, 1)]
    text = "\n".join(["*mangle", ":u - [0:0]", f"-A {chain} -j u", *rules, "COMMIT", ""])
    assert not compared(kernel, Syntax.IPTABLES, text).mismatches


@pytest.mark.root
@pytest.mark.parametrize("syntax", [Syntax.IPTABLES, Syntax.IP6TABLES, Syntax.IP6TABLES_LEGACY])
def test_types_of_ipv6_addresses(kernel: Witness, syntax: Syntax) -> None:
    types = ["UNICAST", "LOCAL", "LOCAL,UNICAST"]
    rules = [
        f"-A u -m addrtype {sign}--{side}-type {kind}"
        for side in ("src", "dst")
        for sign in ("", "! ")
        for kind in types
    ]
    text = "\n".join(["*mangle", ":u - [0:0]", "-A PREROUTING -j u", "-A OUTPUT -j u", *rules, "COMMIT", ""])
    assert not compared(kernel, syntax, text).mismatches


TRANSLATED = [f"hook {way} tcp 10.0.0.1:1 -> 10.9.9.9:{port}" for way in ("input", "forward") for port in (22, 80)]


def chains(*bodies: str) -> str:
    """Tables with a chain each, in the order in which the kernel gets to know them."""
    lines = [f"table inet t{number} {{\nchain c {{\n{body}\n}}\n}}" for number, body in enumerate(bodies)]
    return "\n".join([*lines, ""])


@pytest.mark.root
@pytest.mark.parametrize("kind", ["filter", "nat"])
def test_of_chains_with_one_priority_the_last_comes_first(kernel: Witness, kind: str) -> None:
    verdict = "drop" if kind == "filter" else "dnat ip to 10.8.8.8"
    body = f"type {kind} hook prerouting priority -100\ntcp dport 22 counter {verdict}"
    comparison = ask(kernel, [RulesetText(Syntax.NFT, chains(body, body))], list(map(read_packet, TRANSLATED)))
    assert comparison.rules == 2
    assert not comparison.mismatches


@pytest.mark.root
@pytest.mark.parametrize("priorities", [(-100, -100), (-150, 0), (60, -120)])
def test_what_one_chain_translates_no_other_does(kernel: Witness, priorities: tuple[int, int]) -> None:
    # The filter chain between them shows that both sit where the kernel translates, whatever their priority.
    text = chains(
        f"type nat hook prerouting priority {priorities[0]}\ntcp dport 22 counter dnat ip to 10.8.8.8",
        f"type nat hook prerouting priority {priorities[1]}\nmeta l4proto tcp counter dnat ip to 10.7.7.7",
        "type filter hook prerouting priority -110\nip daddr 10.9.9.9 counter",
        "type filter hook prerouting priority -90\nip daddr 10.7.7.7 counter\nip daddr 10.8.8.8 counter",
    )
    comparison = ask(kernel, [RulesetText(Syntax.NFT, text)], list(map(read_packet, TRANSLATED)))
    assert comparison.rules == 5
    assert not comparison.mismatches
    assert comparison.agreed == len(TRANSLATED)


@pytest.mark.root
@pytest.mark.parametrize("syntax", [Syntax.IPTABLES, Syntax.IPTABLES_LEGACY])
def test_sets_are_loaded_before_the_rules_and_removed_after_them(kernel: Witness, syntax: Syntax) -> None:
    sets = "create a hash:net\nadd a 10.0.0.0/8\nadd a 10.0.0.0/24 nomatch\ncreate l list:set\nadd l a\n"
    rules = "*filter\n-A FORWARD -m set --match-set l src -j DROP\n-A FORWARD -m set ! --match-set a dst\nCOMMIT\n"
    packets = [
        read_packet(f"hook forward udp {ends}") for ends in ("10.0.0.1:1 -> 10.9.9.9:2", "10.2.0.1:1 -> 1.1.1.1:2")
    ]
    for _ in range(2):
        comparison = ask(kernel, [RulesetText(syntax, rules), RulesetText(Syntax.IPSET, sets)], packets)
        assert (comparison.agreed, comparison.rules, comparison.mismatches) == (2, 2, ())
