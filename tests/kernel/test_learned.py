"""What differences between the analysis and the kernel have taught; each stays here as a test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from secaudit.checks.firewall.packet import read_packet
from secaudit.checks.firewall.verify.ask import ask
from secaudit.checks.firewall.verify.compare import Comparison
from secaudit.checks.firewall.verify.sending import described

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


@pytest.mark.root
def test_listener_discovery_is_not_tracked(kernel: Witness) -> None:
    texts = [f"icmpv6 2001:db8::1 -> 2001:db8:9::9 type {kind} untracked" for kind in (130, 143)]
    rules = "*filter\n-A INPUT -m conntrack --ctstate UNTRACKED\nCOMMIT\n"
    packets = [described(read_packet(text)) for text in texts]
    observation = kernel.observe([RulesetText(Syntax.IP6TABLES, rules)], packets)
    assert [count.packets for count in observation.counters] == [2]
