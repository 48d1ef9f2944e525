"""Hosts by their packet filter: every recorded ruleset, and small ones for what no recording has."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from secaudit.checks.firewall import collect, routes
from secaudit.checks.firewall.rules.matches import PacketFamily
from secaudit.checks.firewall.saved.files import FILES, LOADERS, UNITS
from secaudit.checks.host.collect import UPTIME

from secaudit.api import Answer, AnswerStatus
from tests.checks.firewall.scenarios import COMMANDS, RECORDED, recorded
from tests.checks.judging import ended, unanswered
from tests.degradation.judging import Bundle

EXPECT: Mapping[str, Sequence[Mapping[str, Any]]] = {
    "firewall.missing": [{}],
    "firewall.default-policy": [{}, {"output": "drop"}],
    "firewall.any-any": [{}],
    "firewall.ipv6-unfiltered": [{}],
    "firewall.established": [{}],
    "firewall.shadowed": [{}],
    "firewall.redundant": [{}],
    "firewall.rule-order": [{}],
    "firewall.management-open": [{"services": ["tcp/22", "tcp/5432"]}],
    "firewall.insecure-services": [{"services": ["tcp/23"]}],
    "firewall.ipv6-wider": [{}],
    "firewall.intended-flows": [
        {
            "allow": [{"name": "web", "sources": ["any"], "to": "tcp/443"}],
            "deny": [{"name": "no telnet", "sources": ["any"], "to": "tcp/23"}],
        },
        {"allow": [{"name": "ssh", "sources": ["10.20.0.0/24"], "to": "tcp/22"}], "only": True},
    ],
    "firewall.loopback": [{}],
    "firewall.published-past-input": [{}],
    "firewall.drop-logging": [{}],
    "firewall.unused-rules": [{"after": "1d"}],
    "firewall.rule-owners": [{}],
    "firewall.invalid-packets": [{}],
    "firewall.fragments": [{}],
    "firewall.spoofing": [{}],
    "firewall.saved": [{}],
    "firewall.hook-order": [{}],
}


def _link(name: str, *addresses: str, flags: str = "UP") -> dict[str, Any]:
    info = [
        {"family": "inet6" if ":" in one else "inet", "local": one.split("/")[0], "prefixlen": int(one.split("/")[1])}
        for one in addresses
    ]
    return {"ifname": name, "flags": flags.split(), "addr_info": info}


_LINKS = [
    _link("lo", "127.0.0.1/8", "::1/128", flags="LOOPBACK UP"),
    _link("eth0", "192.0.2.2/24", "2001:db8::2/64"),
    _link("eth1", "10.0.0.1/24", "fd00::1/64"),
]
_ROUTES4 = [
    {"dst": "default", "dev": "eth0"},
    {"dst": "192.0.2.0/24", "dev": "eth0"},
    {"dst": "10.0.0.0/24", "dev": "eth1"},
]
_ROUTES6 = [{"dst": "fd00::/64", "dev": "eth1"}, {"dst": "default", "dev": "eth0"}]
_RULES = [{"priority": 0, "src": "all", "table": "local"}, {"priority": 32766, "src": "all", "table": "main"}]
V4, V6 = PacketFamily.IPV4, PacketFamily.IPV6


def around(*, ipv6: bool = True, strict: bool = False, enabled: str = "nftables", saved: str = "") -> list[Answer]:
    """What a host says beside its ruleset."""
    names = ("all", "eth0", "eth1")
    keys = (("rp_filter", int(strict)), ("forwarding", 1))
    settings4 = "".join(f"/proc/sys/net/ipv4/conf/{name}/{key}:{value}\n" for name in names for key, value in keys)
    settings6 = "".join(f"/proc/sys/net/ipv6/conf/{name}/forwarding:1\n" for name in names)
    states = "\n\n".join(
        f"Id={name}.service\nUnitFileState={'enabled' if name == enabled else 'disabled'}" for name in UNITS
    )
    paths = ("/etc/nftables.conf",) if enabled == "nftables" else ("/etc/iptables/rules.v4", "/etc/iptables/rules.v6")
    lines = list(enumerate(saved.splitlines(), 1))
    files = "".join(f"{path}:{number}:{line}\n" for path in paths for number, line in lines)
    absent = "/usr/bin/grep: /etc/nftables.d: No such file or directory\n"
    address = "20010db8000000000000000000000002 02 40 00 80     eth0\n"
    return [
        ended(collect.PROC_NET, "dev\nif_inet6\n" if ipv6 else "dev\n"),
        ended(collect.IPV6_ADDRESSES, address) if ipv6 else ended(collect.IPV6_ADDRESSES, exit=1, stderr="cat: no"),
        ended(collect.DISABLE_IPV6, "0\n"),
        ended(routes.ADDRESSES, json.dumps(_LINKS)),
        ended(routes.ROUTES[V4], json.dumps(_ROUTES4)),
        ended(routes.ROUTES[V6], json.dumps(_ROUTES6)),
        ended(routes.RULES[V4], json.dumps(_RULES)),
        ended(routes.RULES[V6], json.dumps(_RULES)),
        ended(routes.SETTINGS[V4], settings4),
        ended(routes.SETTINGS[V6], settings6),
        ended(FILES, files, exit=2, stderr=absent),
        ended(LOADERS, states + "\n"),
        ended(UPTIME, f"{timedelta(days=40).total_seconds():.2f} 100.00\n"),
    ]


LEGACY_MODULES = "x_tables 65536 0 - Live 0x0\niptable_filter 16384 1 - Live 0x0\nip6table_filter 16384 1 - Live 0x0\n"


def _legacy(ipv4: str, ipv6: str = "") -> list[Answer]:
    """A host whose kernel has legacy tables only, and no nft."""
    return [
        unanswered(collect.NFT, AnswerStatus.MISSING),
        ended(collect.IPTABLES, ipv4),
        ended(collect.IP6TABLES, ipv6),
        ended(collect.IPTABLES_LEGACY, ipv4),
        ended(collect.IP6TABLES_LEGACY, ipv6),
        unanswered(collect.IPSET, AnswerStatus.MISSING),
        ended(collect.MODULES, LEGACY_MODULES),
    ]


def _filter(*rules: str, more: str = "") -> str:
    heads = ":INPUT DROP [0:0]", ":FORWARD DROP [0:0]", ":OUTPUT ACCEPT [0:0]"
    return "\n".join((f"# Generated by iptables-save v1.8.9\n{more}*filter", *heads, *rules, "COMMIT", ""))


_LOOPBACK = "[9:900] -A INPUT -i lo -j ACCEPT"
_REPLIES = "[9:900] -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"
_WEB = '[9:900] -A INPUT -p tcp -m tcp --dport 443 -m comment --comment "shop: web" -j ACCEPT'
_CLOSED = "[9:900] -A INPUT -p tcp -m tcp --dport 443 -j DROP"
_PUBLISHED = (
    "*nat\n:PREROUTING ACCEPT [0:0]\n:INPUT ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:POSTROUTING ACCEPT [0:0]\n"
    "[0:0] -A PREROUTING -i eth0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80\nCOMMIT\n"
)
_EARLY = (
    "*raw\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n"
    "[0:0] -A PREROUTING -m conntrack --ctstate INVALID -j DROP\nCOMMIT\n"
)
_FORWARD = "[0:0] -A FORWARD -d 172.17.0.2/32 -p tcp -m tcp --dport 80 -j ACCEPT"


def _small() -> Iterator[tuple[str, list[Answer]]]:
    """Hosts for what no recorded ruleset shows, with all that is said beside the rules."""
    clean = _filter(_LOOPBACK, _REPLIES, _WEB)
    saved = _filter(*(rule.partition("] ")[2] for rule in (_LOOPBACK, _REPLIES, _WEB)))
    persistent = "netfilter-persistent"
    yield "as saved", [*_legacy(clean, clean), *around(strict=True, enabled=persistent, saved=saved)]
    yield "not as saved", [*_legacy(clean, clean), *around(ipv6=False, enabled=persistent, saved=_filter())]
    yield "shadowed", [*_legacy(_filter(_LOOPBACK, _REPLIES, _CLOSED, _WEB)), *around()]
    yield "published", [*_legacy(_filter(_LOOPBACK, _REPLIES, _FORWARD, more=_PUBLISHED)), *around(ipv6=False)]
    yield "asked too early", [*_legacy(_filter(_LOOPBACK, _REPLIES, _WEB, more=_EARLY)), *around(ipv6=False)]


_BESIDE = (collect.PROC_NET, collect.IPV6_ADDRESSES, collect.DISABLE_IPV6, UPTIME)
_WITH_MORE = ("firewall.spoofing", "firewall.saved")
"""Checks that need more than the rules, IPv6 and the uptime: only the small hosts are asked about these."""


def bundles() -> Iterator[Bundle]:
    """Every host with a firewall of its own."""
    for name, answers in _small():
        yield Bundle(f"firewall {name}", tuple(answers), EXPECT)
    asked = {check: expect for check, expect in EXPECT.items() if check not in _WITH_MORE}
    beside = [answer for answer in around() if answer.request in _BESIDE]
    for folder in sorted(RECORDED.iterdir()):
        if all((folder / name).is_file() for name in COMMANDS):
            listings = [_with_modules(answer, folder.name) for answer in recorded(folder.name)]
            yield Bundle(f"firewall {folder.name}", (*listings, *beside), asked)


def _with_modules(answer: Answer, name: str) -> Answer:
    """Where legacy tables are, their modules are loaded; the recorded listings do not say."""
    if answer.request != collect.MODULES or not name.startswith("legacy"):
        return answer
    return ended(collect.MODULES, f"nf_tables 376832 0 - Live 0x0\n{LEGACY_MODULES}")
