"""The way of one packet, by hand-written rulesets whose outcome is known."""

from __future__ import annotations

import json
from ipaddress import ip_address
from itertools import pairwise
from typing import Any

import pytest
from secaudit.checks.firewall.path.trace import Fate, Trace
from secaudit.checks.firewall.path.tracer import Tracer
from secaudit.checks.firewall.readers.nft.document import read_nft_json
from secaudit.checks.firewall.rules.packet import PacketTextError, read_packet
from secaudit.checks.firewall.rules.ruleset import Hook

from tests.checks.firewall.given import ruleset

SSH = "iif eth0 tcp 10.0.0.1:4000 -> 192.0.2.1:22 new"


def trace(found: Any, packet: str = SSH, **local: Any) -> Trace:
    return Tracer(found, **local).trace(read_packet(packet))


def path(found: Trace) -> list[tuple[str, str]]:
    return [(step.chain.name, step.action) for step in found.steps]


@pytest.mark.parametrize(
    ("lines", "fate"),
    [
        (["-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT"], Fate.ACCEPT),
        (["-A INPUT -p udp -m udp --dport 22 -j ACCEPT"], Fate.DROP),
        (["-A INPUT -s 10.0.0.0/8 -j REJECT", "-A INPUT -j ACCEPT"], Fate.REJECT),
        (["-A INPUT ! -i eth0 -j ACCEPT"], Fate.DROP),
        (["-A INPUT -i eth+ -m conntrack ! --ctstate INVALID -j ACCEPT"], Fate.ACCEPT),
        (["-A INPUT -m limit --limit 1/sec -j ACCEPT"], Fate.UNPROVEN),
        (["-A INPUT -m limit --limit 1/sec -j LOG", "-A INPUT -j ACCEPT"], Fate.ACCEPT),
        (["-A INPUT -m nosuch --thing -j DROP"], Fate.DROP),
        (["-A INPUT -p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -j ACCEPT"], Fate.ACCEPT),
        (["-A INPUT -j MARK --set-xmark 0x10/0xff", "-A INPUT -m mark --mark 0x10/0xf0 -j ACCEPT"], Fate.ACCEPT),
        (
            [
                "-A INPUT -m limit --limit 1/sec -j MARK --set-xmark 0x1/0xffffffff",
                "-A INPUT -m mark --mark 0x1 -j ACCEPT",
            ],
            Fate.UNPROVEN,
        ),
        (["-A INPUT -m addrtype --dst-type LOCAL -j RETURN", "-A INPUT -j ACCEPT"], Fate.DROP),
    ],
)
def test_what_becomes_of_a_new_ssh_connection(lines: list[str], fate: Fate) -> None:
    assert trace(ruleset(*lines)).fate is fate


def test_an_answer_that_depends_on_a_limit_says_so() -> None:
    found = trace(ruleset("-A INPUT -m limit --limit 1/sec -j ACCEPT"))
    assert found.possible == {Fate.ACCEPT, Fate.DROP}
    assert found.because == ("`-m limit --limit 1/sec -j ACCEPT` (line 6): limit holds now and then",)
    assert [step.certain for step in found.steps] == [False, False]


def test_returns_and_gotos_go_where_the_manual_says() -> None:
    found = ruleset(
        "-A INPUT -j one",
        "-A INPUT -j ACCEPT",
        "-A one -g two",
        "-A one -j DROP",
        "-A two -s 10.0.0.1/32 -j RETURN",
        "-A two -j DROP",
        chains="one two",
    )
    assert path(trace(found)) == [
        ("INPUT", "jump one"),
        ("one", "goto two"),
        ("two", "return"),
        ("INPUT", "accept"),
    ]


def test_a_drop_on_a_later_chain_outweighs_an_accept() -> None:
    raw = "\n".join(["*raw", ":PREROUTING ACCEPT [0:0]", "-A PREROUTING -j ACCEPT", "COMMIT"])
    found = trace(ruleset("-A INPUT -s 10.0.0.1/32 -j DROP", policy="ACCEPT", more=raw))
    assert found.fate is Fate.DROP
    assert found.steps[-1].rule.origin.line == 9


NAT = "\n".join(["*nat", ":PREROUTING ACCEPT [0:0]", "-A PREROUTING -p tcp -m tcp --dport 8080 -j {}", "COMMIT"])
PUBLISHED = "iif eth0 tcp 198.51.100.7:4000 -> 192.0.2.1:8080"


def test_translated_destinations_are_forwarded_and_never_meet_the_input_chain() -> None:
    nat = NAT.format("DNAT --to-destination 172.17.0.2:80")
    found = trace(ruleset("-A FORWARD -d 172.17.0.2/32 -p tcp -m tcp --dport 80 -j ACCEPT", more=nat), PUBLISHED)
    assert found.fate is Fate.ACCEPT
    assert found.packet.hook is Hook.FORWARD
    assert path(found)[0] == ("PREROUTING", "dnat to 172.17.0.2:80")


def test_a_translation_to_an_address_of_the_host_stays_on_it() -> None:
    nat = NAT.format("DNAT --to-destination 192.0.2.9")
    rules = ruleset("-A INPUT -d 192.0.2.9/32 -j ACCEPT", more=nat)
    assert trace(rules, PUBLISHED).fate is Fate.DROP
    assert trace(rules, PUBLISHED, local=frozenset({ip_address("192.0.2.9")})).fate is Fate.ACCEPT


def test_a_redirect_stays_on_the_host_with_a_new_port() -> None:
    rules = ruleset("-A INPUT -p tcp -m tcp --dport 3128 -j ACCEPT", more=NAT.format("REDIRECT --to-ports 3128"))
    assert trace(rules, PUBLISHED).fate is Fate.ACCEPT
    assert trace(rules, f"{PUBLISHED} established").fate is Fate.DROP


def test_untracked_packets_have_no_connection_state() -> None:
    raw = "\n".join(["*raw", ":PREROUTING ACCEPT [0:0]", "-A PREROUTING -j CT --notrack", "COMMIT"])
    rules = ruleset("-A INPUT -m conntrack --ctstate UNTRACKED -j ACCEPT", more=raw)
    assert trace(rules).fate is Fate.ACCEPT


def test_lines_that_were_not_read_leave_everything_unproven() -> None:
    found = trace(ruleset("-A INPUT -j ACCEPT", "-X nonsense"))
    assert (found.fate, found.possible) == (Fate.UNPROVEN, {Fate.ACCEPT})
    assert "line 7" in found.because[0]


def test_chains_made_to_be_slow_end_unproven() -> None:
    names = [f"c{number}" for number in range(14)]
    lines = [f"-A {a} -j {b}" for a, b in pairwise(names) for _ in range(4)]
    assert trace(ruleset("-A INPUT -j c0", *lines, chains=" ".join(names))).fate is Fate.UNPROVEN


def nft(*chains: dict[str, Any], rules: dict[str, list[list[Any]]]) -> Any:
    entries: list[dict[str, Any]] = [{"table": {"family": "inet", "name": "t"}}]
    entries += [{"chain": {"family": "inet", "table": "t", **chain}} for chain in chains]
    entries += [
        {"rule": {"family": "inet", "table": "t", "chain": name, "handle": 1, "expr": expr}}
        for name, listed in rules.items()
        for expr in listed
    ]
    return read_nft_json(json.dumps({"nftables": entries}), "nft")


def test_verdict_maps_take_the_branch_of_the_packet() -> None:
    base = {"name": "in", "hook": "input", "prio": 0, "type": "filter", "policy": "accept"}
    state = {"ct": {"key": "state"}}
    vmap = {
        "vmap": {"key": state, "data": {"set": [["new", {"jump": {"target": "new"}}], ["invalid", {"drop": None}]]}}
    }
    rules = nft(base, {"name": "new"}, rules={"in": [[vmap]], "new": [[{"reject": None}]]})
    assert trace(rules).fate is Fate.REJECT
    assert trace(rules, f"{SSH.removesuffix('new')} invalid").fate is Fate.DROP
    assert trace(rules, f"{SSH.removesuffix('new')} established").fate is Fate.ACCEPT


def test_an_ingress_chain_without_devices_may_or_may_not_see_a_packet() -> None:
    base = {"name": "in", "hook": "ingress", "prio": 0, "type": "filter", "policy": "drop"}
    assert trace(nft(base, rules={})).fate is Fate.UNPROVEN
    assert trace(nft({**base, "dev": "eth0"}, rules={})).fate is Fate.DROP
    assert trace(nft({**base, "dev": "eth1"}, rules={})).fate is Fate.ACCEPT


def test_a_long_chain_gives_the_same_answers_as_its_rules_one_by_one() -> None:
    lines = [f"-A INPUT -s 10.{n % 200}.0.0/16 -p tcp -m tcp --dport {n}:{n + 3} -j ACCEPT" for n in range(1, 900)]
    rules = ruleset(*lines, "-A INPUT -m iprange --src-range 10.1.0.5-10.3.0.9 -p udp -m udp --dport 53 -j REJECT")
    tracer = Tracer(rules)
    for source, port, fate in [
        ("10.7.0.1", 10, Fate.ACCEPT),
        ("10.7.0.1", 11, Fate.DROP),
        ("10.7.0.1", 207, Fate.ACCEPT),
        ("10.7.0.1", 206, Fate.DROP),
        ("10.199.255.255", 202, Fate.ACCEPT),
        ("10.200.0.0", 202, Fate.DROP),
    ]:
        assert tracer.trace(read_packet(f"iif eth0 tcp {source}:1 -> 192.0.2.1:{port}")).fate is fate
    for source, fate in [("10.1.0.4", Fate.DROP), ("10.1.0.5", Fate.REJECT), ("10.3.0.10", Fate.DROP)]:
        assert tracer.trace(read_packet(f"iif eth0 udp {source}:1 -> 192.0.2.1:53")).fate is fate


@pytest.mark.parametrize(
    "text",
    [
        SSH,
        "iif eth0 oif eth1 udp [2001:db8::1]:53 -> [2001:db8::2]:53 established mark 0x10 ctmark 0x2",
        "oif eth0 icmp 192.0.2.1 -> any type echo-reply code 0",
        "icmpv6 fe80::1 -> ff02::1 type 134",
        "iif eth0 tcp 10.0.0.1:1 -> 10.0.0.2:2 flags syn,ack fragment stype local dtype broadcast",
        "hook forward gre 10.0.0.1 -> 10.0.0.2",
    ],
)
def test_packets_are_read_as_they_are_written(text: str) -> None:
    packet = read_packet(text)
    assert read_packet(str(packet)) == packet


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("tcp 10.0.0.1", "DESTINATION"),
        ("10.0.0.1 -> 10.0.0.2", "protocol"),
        ("tcp 10.0.0.1 -> 2001:db8::1", "versions"),
        ("tcp any -> any:22", "address"),
        ("icmp 10.0.0.1:5 -> 10.0.0.2", "no ports"),
        ("icmp 2001:db8::1 -> 2001:db8::2", "ICMPv6"),
        ("tcp udp 10.0.0.1 -> 10.0.0.2", "too many"),
        ("tcp 10.0.0.1:99999 -> 10.0.0.2", "not a port"),
        ("tcp 10.0.0.1 -> 10.0.0.2 mark -1", "mark is a number"),
        ("tcp 10.0.0.1 -> 10.0.0.2 flags sin", "TCP flag"),
        ("tcp 10.0.0.1 -> 10.0.0.2 iif", "lacks"),
        ("tcp 10.0.0.1 -> 10.0.0.2 hello", "not understood"),
        ("tcp 10.0.0.300 -> 10.0.0.2", "not an IP address"),
    ],
)
def test_what_is_no_packet_is_refused_with_the_reason(text: str, why: str) -> None:
    with pytest.raises(PacketTextError, match=why):
        read_packet(text)


EARLY = """*raw
:PREROUTING ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
{}
COMMIT"""


@pytest.mark.parametrize(
    ("rule", "packet", "fate"),
    [
        ("-m conntrack --ctstate INVALID -j DROP", SSH, Fate.DROP),
        ("-m conntrack --ctstate NEW -j DROP", SSH, Fate.ACCEPT),
        ("-m conntrack ! --ctstate INVALID -j DROP", SSH, Fate.ACCEPT),
        ("-m conntrack --ctstate INVALID -j DROP", SSH.replace("new", "established"), Fate.DROP),
        ("-m conntrack --ctstate NEW -j DROP", SSH.replace("eth0", "lo"), Fate.DROP),
        ("-m conntrack --ctstate NEW -j DROP", SSH.replace("iif eth0", ""), Fate.UNPROVEN),
        ("-j CT --notrack", SSH, Fate.DROP),
        ("-m limit --limit 1/sec -j CT --notrack", SSH, Fate.UNPROVEN),
    ],
)
def test_before_connections_are_looked_up_every_packet_counts_as_invalid(rule: str, packet: str, fate: Fate) -> None:
    found = ruleset(
        "-A INPUT -m conntrack --ctstate UNTRACKED -j DROP", policy="ACCEPT", more=EARLY.format(f"-A PREROUTING {rule}")
    )
    assert trace(found, packet).fate is fate
