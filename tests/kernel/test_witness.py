"""What the kernel does with packets under small rulesets whose answer is known beforehand."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from secaudit.model.observation import Fate, Observation, RuleCount, RulesetText, Syntax
from secaudit.model.packet import ACK, ICMP, ICMPV6, SYN, TCP, UDP, Direction, Packet, Tracking
from secaudit.verification.errors import VerificationError
from secaudit.verification.loading import refuse_dangers
from secaudit.verification.witness import Witness, verify, witness

ENDS = {4: ("10.1.1.1", "192.0.2.9"), 6: ("2001:db8::1", "2001:db8:9::9")}
DROPPED, REJECTED, RECEIVED, SENT = Fate


@pytest.fixture(scope="module")
def kernel() -> Iterator[Witness]:
    with witness(["eth0", "eth1"]) as running:
        yield running


def packet(hook: Direction, protocol: int = TCP, version: int = 4, **more: Any) -> Packet:
    source, destination = map(ip_address, ENDS[version])
    return replace(Packet(hook, protocol, source, destination, 1000, 22), **more)


def nft(*chains: str) -> list[RulesetText]:
    return [RulesetText(Syntax.NFT, "\n".join(["table inet t {", *chains, "}", ""]))]


def chain(hook: str, *rules: str, policy: str = "accept", priority: int = 0) -> str:
    name = f"{hook}{priority}".replace("-", "_")
    head = f"type filter hook {hook} priority {priority}; policy {policy};"
    return "\n".join([f"chain {name} {{", head, *rules, "}"])


def counts(observation: Observation) -> list[int]:
    return [count.packets for count in observation.counters]


@pytest.mark.root
@pytest.mark.parametrize("version", [4, 6])
def test_each_hook_has_the_last_word_on_its_own_packets(kernel: Witness, version: int) -> None:
    packets = [packet(hook, version=version) for hook in Direction]
    for hook in Direction:
        observation = kernel.observe(nft(chain(hook, "counter drop")), packets)
        open_ways = {Direction.INPUT: RECEIVED, Direction.FORWARD: SENT, Direction.OUTPUT: SENT} | {hook: DROPPED}
        assert observation.fates == tuple(open_ways[packet.hook] for packet in packets)
        assert observation.counters == (RuleCount("inet t", f"{hook}0", 0, 1),)


@pytest.mark.root
@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("hook", list(Direction))
def test_connection_tracking_calls_packets_what_they_are_sent_as(
    kernel: Witness, hook: Direction, version: int
) -> None:
    icmp = {4: (ICMP, 8, 0), 6: (ICMPV6, 128, 129)}[version]
    packets = [
        packet(hook, TCP, version, tcp_flags=SYN),
        packet(hook, UDP, version),
        packet(hook, icmp[0], version, icmp_type=icmp[1]),
        packet(hook, TCP, version, state=Tracking.ESTABLISHED, tcp_flags=ACK),
        packet(hook, UDP, version, state=Tracking.ESTABLISHED),
        packet(hook, icmp[0], version, state=Tracking.ESTABLISHED, icmp_type=icmp[2]),
        packet(hook, TCP, version, state=Tracking.INVALID, tcp_flags=0),
        packet(hook, TCP, version, state=Tracking.UNTRACKED),
    ]
    rules = [f"ct state {state} counter" for state in Tracking]
    observation = kernel.observe(nft(chain(hook, *rules)), packets)
    assert not observation.unsent
    assert counts(observation) == [3, 3, 0, 1, 1]


@pytest.mark.root
def test_a_wrong_checksum_makes_a_packet_invalid(kernel: Witness) -> None:
    packets = [
        packet(hook, protocol, version, state=Tracking.INVALID)
        for hook in (Direction.INPUT, Direction.FORWARD)
        for protocol in (TCP, UDP)
        for version in (4, 6)
    ]
    rules = chain("prerouting", "ct state invalid counter drop")
    assert set(kernel.observe(nft(rules), packets).fates) == {DROPPED}


@pytest.mark.root
@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("hook", list(Direction))
def test_a_rejection_is_told_from_a_drop(kernel: Witness, hook: Direction, version: int) -> None:
    flags = (SYN, ACK)
    packets = [packet(hook, TCP, version, tcp_flags=bits) for bits in flags] + [packet(hook, UDP, version)]
    by_reset = nft(chain(hook, "meta l4proto tcp counter reject with tcp reset", "reject"))
    assert kernel.observe(by_reset, packets).fates == (REJECTED,) * 3
    by_error = nft(chain(hook, "counter reject", policy="drop"), chain("output", "counter", priority=100))
    observation = kernel.observe(by_error, packets)
    assert observation.fates == (REJECTED,) * 3
    assert counts(observation)[0] == 3


@pytest.mark.root
@pytest.mark.parametrize("version", [4, 6])
def test_no_rate_limit_hides_a_rejection(kernel: Witness, version: int) -> None:
    packets = [packet(Direction.INPUT, UDP, version, source_port=port) for port in range(3000)]
    observation = kernel.observe(nft(chain("input", "counter reject")), packets)
    assert set(observation.fates) == {REJECTED}


@pytest.mark.root
def test_the_kernels_own_answers_are_not_taken_for_packets_of_the_probe(kernel: Witness) -> None:
    packets = [packet(Direction.INPUT, UDP, 4, source_port=port) for port in range(3000)]
    # The kernel numbers its answers in 16 bits, so 66,000 of them meet every number that the probe uses.
    for _ in range(22):
        assert set(kernel.observe(nft(chain("input", "counter reject")), packets).fates) == {REJECTED}


@pytest.mark.root
def test_names_that_no_interface_can_have_are_left_out() -> None:
    hostile = "x\nlink del dev lo"
    with witness([hostile, "lo", "", "..", "a/b", "-all", "eth0.100"]) as running:
        observation = running.observe(
            [], [packet(Direction.INPUT, in_interface=name) for name in (hostile, "eth0.100")]
        )
    assert observation.fates == (None, RECEIVED)


@pytest.mark.root
def test_packets_do_not_change_what_becomes_of_the_next(kernel: Witness) -> None:
    there = packet(Direction.FORWARD, UDP)
    back = replace(there, source=there.destination, destination=there.source, source_port=22, destination_port=1000)
    observation = kernel.observe(
        nft(chain("forward", "ct state new counter accept", policy="drop")), [there, back, there]
    )
    assert observation.fates == (SENT, SENT, SENT)


@pytest.mark.root
def test_packets_pass_the_interfaces_that_they_name(kernel: Witness) -> None:
    ways = [("eth0", "eth1"), ("eth1", "eth0"), ("eth0", "eth0"), ("", "")]
    packets = [packet(Direction.FORWARD, in_interface=iif, out_interface=oif) for iif, oif in ways]
    rules = [f'iif "{iif}" oif "{oif}" counter' for iif, oif in ways[:3]]
    assert counts(kernel.observe(nft(chain("forward", *rules)), packets)) == [1, 1, 1]


@pytest.mark.root
def test_packets_come_in_over_the_loopback_interface(kernel: Witness) -> None:
    local: dict[str, Any] = {"source": ip_address("127.0.0.1"), "destination": ip_address("127.0.0.1")}
    packets = [
        packet(Direction.INPUT, in_interface="lo", **local),
        packet(Direction.INPUT, version=6, in_interface="lo"),
        packet(Direction.INPUT),
    ]
    observation = kernel.observe(nft(chain("input", 'iif "lo" counter accept', policy="drop")), packets)
    assert observation.fates == (RECEIVED, RECEIVED, DROPPED)


SAVED = """*filter
:INPUT DROP [0:0]
-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
COMMIT
"""
TRANSLATED = """*nat
-A PREROUTING -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
-A FORWARD -d 172.17.0.2 -p tcp -m tcp --dport 80 -j ACCEPT
COMMIT
"""


@pytest.mark.root
@pytest.mark.parametrize(
    ("syntax", "version"),
    [
        (Syntax.IPTABLES, 4),
        (Syntax.IP6TABLES, 6),
        (Syntax.IPTABLES_LEGACY, 4),
        (Syntax.IP6TABLES_LEGACY, 6),
    ],
)
def test_every_iptables_tool_loads_lists_and_is_emptied(kernel: Witness, syntax: Syntax, version: int) -> None:
    packets = [packet(Direction.INPUT, version=version, destination_port=port) for port in (22, 23)]
    observation = kernel.observe([RulesetText(syntax, SAVED)], packets)
    assert observation.fates == (RECEIVED, DROPPED)
    assert observation.counters == (RuleCount("ip filter" if version == 4 else "ip6 filter", "INPUT", 0, 1),)
    assert [listing.syntax for listing in observation.listings] == [syntax]
    assert kernel.observe([], packets).fates == (RECEIVED, RECEIVED)


@pytest.mark.root
def test_a_listing_loads_again(kernel: Witness) -> None:
    text = nft(
        "set ports { type inet_service; flags interval; elements = { 20-25 } }",
        chain("input", "tcp dport @ports counter drop"),
    )
    sent = [packet(Direction.INPUT)]
    (listing,) = kernel.observe(text, sent).listings
    assert listing.syntax is Syntax.NFT_JSON
    assert "secaudit" not in listing.text
    assert kernel.observe([listing], sent).fates == (DROPPED,)


@pytest.mark.root
def test_a_translated_packet_is_forwarded_past_the_input_chain(kernel: Witness) -> None:
    packets = [packet(Direction.INPUT, destination_port=port) for port in (8080, 80)]
    assert kernel.observe([RulesetText(Syntax.IPTABLES, TRANSLATED)], packets).fates == (SENT, DROPPED)


@pytest.mark.root
@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"source": ip_address("0.1.2.3")}, "belongs to no host"),
        ({"source": ip_address("127.0.0.1")}, "outside of the loopback interface"),
        ({"destination": ip_address("224.0.0.1")}, "does not belong to one host"),
        ({"source_port": 65536}, "out of range"),
        ({"in_interface": "eth7"}, "no interface 'eth7'"),
        ({"in_interface": "lo"}, "nothing is forwarded"),
        ({"tcp_flags": 3}, "calls it invalid"),
        ({"state": Tracking.ESTABLISHED}, "would change the connection"),
        ({"state": Tracking.RELATED}, "are not made"),
        ({"protocol": 47, "state": Tracking.INVALID}, "would not call it invalid"),
        ({"protocol": ICMP, "icmp_type": 3, "state": Tracking.ESTABLISHED}, "belong to no connection"),
    ],
)
def test_what_cannot_be_sent_as_described_has_no_fate(kernel: Witness, wrong: dict[str, Any], why: str) -> None:
    observation = kernel.observe([], [packet(Direction.FORWARD, **wrong), packet(Direction.FORWARD)])
    assert observation.fates == (None, SENT)
    assert why in observation.unsent[0]


@pytest.mark.root
def test_a_ruleset_that_is_refused_is_told(kernel: Witness) -> None:
    with pytest.raises(VerificationError, match=r"nft refused: .*syntax error"):
        kernel.observe([RulesetText(Syntax.NFT, "table inet t { chain")], [])
    assert kernel.observe([], [packet(Direction.INPUT)]).fates == (RECEIVED,)


@pytest.mark.root
def test_the_machine_itself_is_left_alone() -> None:
    def own() -> list[str]:
        commands = (["nft", "list", "tables"], ["ip", "-o", "link"], ["ip", "route"], ["sysctl", "net.ipv4.ip_forward"])
        return [subprocess.run(argv, capture_output=True, text=True, check=True).stdout for argv in commands]

    before = own()[0], Path("/proc/self/ns/net").readlink()
    observation = verify(
        nft(chain("input", 'iifname "eth0" counter drop')), [packet(Direction.INPUT, in_interface="eth0")]
    )
    assert observation.fates == (DROPPED,)
    assert (own()[0], Path("/proc/self/ns/net").readlink()) == before
    assert "secaudit-in" not in own()[1]


@pytest.mark.parametrize(
    "text",
    [
        'include "/etc/shadow"',
        'table t { }; include\t"x"',
        'include\\\n"x"',
        '# include "x"',
        "table inet secaudit_witness { }",
    ],
)
def test_nft_text_that_reaches_out_is_refused(text: str) -> None:
    with pytest.raises(VerificationError):
        refuse_dangers(RulesetText(Syntax.NFT, text))


@pytest.mark.parametrize(
    "option",
    ["-M /x", "-M/x", "-4M/x", "--modprobe=/x", "--modprobe /x", "--mod /x", "--modp=/x", "'--mod'probe /x", '"-M" x'],
)
def test_iptables_text_that_starts_programs_is_refused(option: str) -> None:
    text = f'*filter\n-A INPUT -m comment --comment "-x" {option} -j ACCEPT\nCOMMIT\n'
    with pytest.raises(VerificationError, match=r"line 2 .*modprobe"):
        refuse_dangers(RulesetText(Syntax.IPTABLES, text))


def test_what_only_looks_dangerous_is_loaded() -> None:
    harmless = (
        '-A MANAGEMENT -m statistic --mode random --probability 0.5 -m comment --comment "for M" -j MARK --set-mark 0x1'
    )
    refuse_dangers(RulesetText(Syntax.IPTABLES, f"*mangle\n{harmless}\nCOMMIT\n"))
    refuse_dangers(RulesetText(Syntax.NFT, 'table t { chain c { comment "includes all" } }'))


@pytest.mark.parametrize(
    "line", ["save -file /x", "create a hash:ip -file /x", "destroy", "-f /x", "add a 10.0.0.1 -o xml"]
)
def test_sets_that_do_more_than_hold_elements_are_refused(line: str) -> None:
    with pytest.raises(VerificationError, match="line 2 "):
        refuse_dangers(RulesetText(Syntax.IPSET, f"create a hash:ip comment\n{line}\n"))
    refuse_dangers(RulesetText(Syntax.IPSET, 'create a hash:ip comment\nadd a 10.0.0.1 comment "a -f b"\n'))
