"""Packets that no honest sender sends: invalid ones, impossible flags, later fragments, forged sources."""

from __future__ import annotations

import json
from ipaddress import ip_network
from typing import Any

import pytest
from secaudit.checks.firewall import routes
from secaudit.checks.firewall.analysis.reach import Reachability
from secaudit.checks.firewall.checks import spoofing, strays
from secaudit.checks.firewall.facts import Firewall, Gap, Source
from secaudit.checks.firewall.readers.iptables.save import read_iptables_save
from secaudit.checks.firewall.readers.nft.ruleset import read_nft_ruleset
from secaudit.checks.firewall.routes import Interfaces, networks_behind
from secaudit.checks.firewall.rules.matches import PacketFamily
from secaudit.checks.firewall.rules.ruleset import TableFamily

from secaudit.api import Answer, AnswerStatus, Evidence, Outcome, Unproven, UnprovenKind
from tests.checks.firewall.given import HARDENED, firewall
from tests.checks.firewall.judging_ipv6 import OFF, ON
from tests.checks.judging import collect, ended, judge, only, outcomes, refusal, unanswered

P, F, U, N = Outcome.PASSED, Outcome.FAILED, Outcome.UNPROVEN, Outcome.NOT_APPLICABLE
WEB = "-A INPUT -p tcp -m tcp --dport 443 -j ACCEPT"
ESTABLISHED = "-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"


@pytest.mark.parametrize(
    ("lines", "outcome"),
    [
        (HARDENED, P),
        ([ESTABLISHED, WEB], F),
        ([ESTABLISHED, "-A INPUT -m nosuch -j DROP", WEB], U),
        ([ESTABLISHED, WEB.replace("-j", "-m conntrack --ctstate NEW -j")], P),
        ([WEB], F),
        ([WEB.replace("-j", "--syn -j")], P),
        (["-A INPUT -p tcp -m tcp --tcp-flags FIN,SYN FIN,SYN -j DROP", WEB], F),
        (["-A INPUT -p udp -m udp --dport 53 -j ACCEPT"], P),
    ],
)
def test_packets_of_no_connection(lines: list[str], outcome: Outcome) -> None:
    found = only(judge(strays.invalid_packets, {}, firewall(*lines), OFF))
    assert found.outcome is outcome
    if outcome is F:
        assert ("invalid" if ESTABLISHED in lines else "flags") in found.observed
        assert [part.excerpt for part in found.evidence] == [WEB]


@pytest.mark.parametrize(
    ("lines", "policy", "outcome"),
    [
        ([WEB], "DROP", P),
        (HARDENED, "DROP", P),
        (["-A INPUT -p tcp -m tcp --dport 23 -j DROP"], "ACCEPT", F),
        (["-A INPUT -p tcp -m tcp --dport 23 -j DROP", ESTABLISHED], "ACCEPT", P),
        (["-A INPUT -f -j DROP", "-A INPUT -p tcp -m tcp --dport 23 -j DROP"], "ACCEPT", P),
        (["-A INPUT -f -j ACCEPT"], "DROP", F),
        (["-A INPUT -m nosuch -j DROP"], "ACCEPT", U),
        ([], "ACCEPT", N),
    ],
)
def test_later_fragments(lines: list[str], policy: str, outcome: Outcome) -> None:
    heads = [f":INPUT {policy} [0:0]", ":FORWARD DROP [0:0]", ":OUTPUT ACCEPT [0:0]"]
    found = read_iptables_save("\n".join(["*filter", *heads, *lines, "COMMIT", ""]), TableFamily.IP, "file")
    fact = Firewall(found, (), (Source("iptables-save -c", "tables: 1", Evidence("x", 0, None, "")),))
    verdict = only(judge(strays.fragments, {}, fact, OFF))
    assert verdict.outcome is outcome
    assert outcome is not F or "fragment" in verdict.observed


def test_what_is_not_seen_may_drop_or_accept() -> None:
    gap = Gap(frozenset({PacketFamily.IPV4}), UnprovenKind.DENIED, "nft was denied", ())
    known = firewall(ESTABLISHED, WEB)
    fact = Firewall(known.ruleset, (gap,), known.sources)
    assert only(judge(strays.invalid_packets, {}, fact, OFF)).outcome is U
    known = firewall(*HARDENED)
    assert only(judge(strays.invalid_packets, {}, Firewall(known.ruleset, (gap,), known.sources), OFF)).outcome is P


def link(name: str, *addresses: str, flags: str = "UP", **more: object) -> dict[str, object]:
    info = [
        {
            "family": "inet6" if ":" in part else "inet",
            "local": part.split("/")[0],
            "prefixlen": int(part.split("/")[1]),
        }
        for part in addresses
    ]
    return {"ifname": name, "flags": flags.split(), "addr_info": info, **more}


LINKS = [
    link("lo", "127.0.0.1/8", "::1/128", flags="LOOPBACK UP"),
    link("eth0", "192.0.2.2/24", "2001:db8::2/64"),
    link("eth1", "10.0.0.1/24", "fd00::1/64"),
    link("veth3", master="docker0"),
    link("down0", "10.9.0.1/24", flags="BROADCAST"),
]
ROUTES4 = [
    {"dst": "default", "gateway": "192.0.2.1", "dev": "eth0", "flags": []},
    {"dst": "192.0.2.0/24", "dev": "eth0"},
    {"dst": "10.0.0.0/24", "dev": "eth1"},
    {"dst": "10.0.0.128/25", "dev": "eth0"},
    {"type": "unreachable", "dst": "10.0.0.64/26"},
]
ROUTES6 = [{"dst": "fd00::/64", "dev": "eth1"}, {"dst": "default", "dev": "eth0"}]
USUAL = [{"priority": 0, "src": "all", "table": "local"}, {"priority": 32766, "src": "all", "table": "main"}]


def interfaces(rp: int = 0, forwarding: int = 0, rules: list[dict[str, object]] | None = None) -> Interfaces:
    settings4 = "\n".join(
        f"/proc/sys/net/ipv4/conf/{name}/{key}:{value}"
        for name in ("all", "eth0", "eth1")
        for key, value in (("rp_filter", rp if name == "eth1" else 0), ("forwarding", forwarding))
    )
    settings6 = f"/proc/sys/net/ipv6/conf/eth1/forwarding:{forwarding}\n/proc/sys/net/ipv6/conf/eth0/forwarding:0"
    return collect(routes.interfaces, *answers(settings4, settings6, rules or USUAL))


def answers(settings4: str, settings6: str, rules: list[dict[str, object]]) -> list[Answer]:
    v4, v6 = PacketFamily.IPV4, PacketFamily.IPV6
    return [
        ended(routes.ADDRESSES, json.dumps(LINKS)),
        ended(routes.ROUTES[v4], json.dumps(ROUTES4)),
        ended(routes.ROUTES[v6], json.dumps(ROUTES6)),
        ended(routes.RULES[v4], json.dumps(rules)),
        ended(routes.RULES[v6], json.dumps(USUAL)),
        ended(routes.SETTINGS[v4], settings4),
        ended(routes.SETTINGS[v6], settings6),
    ]


def test_the_longest_prefix_tells_what_is_behind_an_interface() -> None:
    behind = networks_behind(ROUTES4, PacketFamily.IPV4)
    network = ip_network("10.0.0.0/26")
    assert behind["eth1"] == ((int(network.network_address), int(network.broadcast_address)),)
    assert not any(low <= int(ip_network("10.0.0.64/26").network_address) <= high for low, high in behind["eth0"])


def spoofed(fact: Firewall, found: Interfaces | Unproven, **more: Any) -> dict[str, Outcome]:
    return outcomes(judge(spoofing.spoofing, {}, fact, OFF, found, **more))


FROM_ETH1 = "-A INPUT -s 192.0.2.0/24 -i eth1 -j DROP"


@pytest.mark.parametrize(
    ("lines", "outcome"),
    [
        ([WEB], F),
        ([FROM_ETH1, WEB], F),
        (["-A INPUT ! -s 10.0.0.0/24 -i eth1 -j DROP", "-A INPUT -s 10.0.0.128/25 -i eth1 -j DROP", WEB], P),
        ([WEB.replace("-A INPUT", "-A INPUT -i eth0")], P),
        (["-A INPUT -m rpfilter --invert -j DROP", WEB], P),
        (["-A INPUT -m rpfilter --invert --loose -j DROP", WEB], U),
        (["-A INPUT -m nosuch -j DROP", WEB], U),
        (["-A FORWARD -i eth1 -j ACCEPT"], P),
    ],
)
def test_forged_sources(lines: list[str], outcome: Outcome) -> None:
    found = spoofed(firewall(*lines), interfaces())
    assert found["eth1 IPv4"] is outcome
    assert found.keys() == {"eth0 IPv4", "eth1 IPv4"}


def test_an_error_message_begins_no_connection() -> None:
    errors = "-A INPUT -p icmp -m icmp --icmp-type 3 -j ACCEPT"
    assert spoofed(firewall(ESTABLISHED, errors), interfaces())["eth1 IPv4"] is P
    assert spoofed(firewall(errors), interfaces())["eth1 IPv4"] is F
    assert spoofed(firewall(ESTABLISHED, errors.replace(" 3 ", " 8 ")), interfaces())["eth1 IPv4"] is F


def test_the_kernel_or_the_rules_may_refuse_forged_sources() -> None:
    assert spoofed(firewall(WEB), interfaces(rp=1)) == {"eth0 IPv4": F, "eth1 IPv4": P}
    assert spoofed(firewall(WEB), interfaces(rp=2))["eth1 IPv4"] is F
    forwarding = firewall("-A FORWARD -i eth1 -j ACCEPT")
    assert spoofed(forwarding, interfaces(forwarding=1))["eth1 IPv4"] is F


def test_the_witness_of_a_forged_source_is_behind_another_interface() -> None:
    found = judge(spoofing.spoofing, {}, firewall(FROM_ETH1, WEB), OFF, interfaces())
    observed = next(verdict.observed for verdict in found if verdict.subject == "eth1 IPv4")
    assert "iif eth1" in observed
    assert "-> 192.0.2.1:443" in observed
    assert observed.split(" -> ")[0].rsplit(" ", 1)[1].split(":")[0] not in ("10.0.0.1", "192.0.2.2")


NFT = """table inet filter {
  chain prerouting { type filter hook prerouting priority raw; policy accept;
    %s
  }
  chain input { type filter hook input priority filter; policy drop; tcp dport 443 accept
  }
}
"""


@pytest.mark.parametrize(
    ("rule", "outcome"), [("fib saddr . iif oif missing drop", P), ("fib saddr oif missing drop", U), ("", F)]
)
def test_ipv6_has_only_the_rules(rule: str, outcome: Outcome) -> None:
    fact = Firewall(read_nft_ruleset(NFT % rule, "file"), (), ())
    found = outcomes(judge(spoofing.spoofing, {}, fact, ON, interfaces(rp=1)))
    assert found["eth1 IPv6"] is outcome


def test_routes_that_are_not_known_prove_nothing() -> None:
    policy = [*USUAL, {"priority": 100, "src": "10.0.0.0", "srclen": 24, "table": "vpn"}]
    assert spoofed(firewall(WEB), interfaces(rules=policy)) == {"eth0 IPv4": U, "eth1 IPv4": U}
    assert spoofed(firewall(WEB), interfaces(rp=1, rules=policy)) == {"eth0 IPv4": U, "eth1 IPv4": P}
    assert refusal(routes.interfaces, unanswered(routes.ADDRESSES, AnswerStatus.MISSING)).kind is UnprovenKind.MISSING
    assert refusal(routes.interfaces, ended(routes.ADDRESSES, "[7]")).kind is UnprovenKind.NOT_UNDERSTOOD


def test_a_test_of_the_way_back_does_not_hide_what_honest_senders_reach() -> None:
    fact = Firewall(read_nft_ruleset(NFT % "fib saddr . iif oif missing drop", "file"), (), ())
    for family in PacketFamily:
        (service,) = Reachability(fact.ruleset, family).services()
        assert (service.label, [access.certain for access in service.access]) == ("tcp/443", [True])
    assert set(outcomes(judge(strays.invalid_packets, {}, fact, ON)).values()) == {F}
    loose = Firewall(read_nft_ruleset(NFT % "fib saddr oif missing drop", "file"), (), ())
    assert set(outcomes(judge(strays.invalid_packets, {}, loose, ON)).values()) == {U}
