"""Rulesets with a point to them, and what the kernel's own tools print once they are loaded.

`python -m tests.checks.firewall.scenarios` loads each one in a network namespace of its own and records the answers
to the family's commands under `recorded/`; it needs root.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from secaudit.checks.firewall import collect

from secaudit.api import Answer, AnswerStatus
from tests.checks.judging import ended, unanswered

RECORDED = Path(__file__).parent / "recorded"

COMMANDS = {
    "nft.json": collect.NFT,
    "iptables-save.txt": collect.IPTABLES,
    "ip6tables-save.txt": collect.IP6TABLES,
    "iptables-legacy-save.txt": collect.IPTABLES_LEGACY,
    "ip6tables-legacy-save.txt": collect.IP6TABLES_LEGACY,
}


ASKING = "\n".join(f"{' '.join(command.argv)} > {name}" for name, command in COMMANDS.items())
"""Shell commands that ask all of them."""


@dataclass(frozen=True)
class Scenario:
    """What is loaded: nft text, and iptables-restore text per family for the nf_tables and the legacy variant."""

    name: str
    nft: str = ""
    ipv4: str = ""
    ipv6: str = ""
    legacy4: str = ""
    legacy6: str = ""


def filter_table(*rules: str, input: str = "ACCEPT", forward: str = "ACCEPT", chains: str = "") -> str:
    """iptables-restore text of a filter table."""
    heads = [f":INPUT {input}", f":FORWARD {forward}", ":OUTPUT ACCEPT", *(f":{name} -" for name in chains.split())]
    return "\n".join(["*filter", *heads, *rules, "COMMIT", ""])


def table(label: str, hook: str, *rules: str, priority: str = "0", policy: str = "accept", more: str = "") -> str:
    """nft text of a table with one base chain, named like its hook; `more` is put in before it."""
    head = f"type filter hook {hook} priority {priority}; policy {policy};"
    name = hook.split(maxsplit=1)[0]
    return "\n".join([f"table {label} {{", more, f"chain {name} {{", head, *rules, "}", "}", ""])


def inet(*rules: str, policy: str = "accept", more: str = "") -> str:
    """nft text of a table inet filter with a base chain on the input hook."""
    return table("inet filter", "input", *rules, policy=policy, more=more)


STATEFUL = "ct state established,related accept"

SCENARIOS = [
    Scenario("empty"),
    Scenario(
        "nft-default-drop",
        inet(
            STATEFUL,
            'iif "lo" accept',
            "meta l4proto { icmp, ipv6-icmp } accept",
            "ip saddr 10.20.0.0/24 tcp dport 22 counter accept",
            policy="drop",
        )
        + table("inet filter", "forward", policy="drop"),
    ),
    Scenario(
        "nft-final-rule",
        inet(
            'iifname "lo" accept',
            STATEFUL,
            "tcp dport { 22, 443 } accept",
            'log prefix "dropped " counter drop',
        )
        + table("inet filter", "forward", "reject with icmpx type admin-prohibited"),
    ),
    Scenario(
        "nft-state-vmap",
        inet("ct state vmap { established : accept, related : accept, invalid : drop }", policy="drop"),
    ),
    Scenario(
        "nft-state-vmap-open",
        inet("ct state vmap { established : accept, new : accept, invalid : drop }", policy="drop"),
    ),
    Scenario(
        "nft-two-chains",
        inet("tcp dport 22 accept", policy="drop") + table("inet early", "input", "accept", priority="-10"),
    ),
    Scenario("nft-accept-all", inet(STATEFUL, 'accept comment "for now"', policy="drop")),
    Scenario(
        "nft-ipv4-only",
        table("ip filter", "input", "tcp dport 22 accept", policy="drop"),
    ),
    Scenario(
        "nft-both-families",
        table("ip filter", "input", "tcp dport 22 accept", policy="drop")
        + table("ip6 filter", "input", "tcp dport 22 accept", policy="drop"),
    ),
    Scenario("nft-family-in-rule", inet("meta nfproto ipv6 accept", "tcp dport 22 accept", policy="drop")),
    Scenario(
        "nft-ingress",
        table("netdev edge", "ingress device lo", "ip saddr 10.0.0.0/8 accept", priority="-500", policy="drop"),
    ),
    Scenario(
        "nft-prerouting",
        table("inet raw", "prerouting", "tcp dport 22 accept", priority="raw", policy="drop"),
    ),
    Scenario(
        "nft-named-sets",
        inet(
            "ip saddr @admins tcp dport @services accept",
            "ip saddr . tcp dport @pairs accept",
            "tcp dport vmap @decisions",
            policy="drop",
            more="set admins { type ipv4_addr; flags interval; elements = { 10.0.0.0/8, 192.168.1.1-192.168.1.9 }; }\n"
            "set services { type inet_service; flags interval; elements = { 22, 8000-8080 }; }\n"
            "set pairs { type ipv4_addr . inet_service; elements = { 10.0.0.1 . 22 }; }\n"
            "map decisions { type inet_service : verdict; elements = { 80 : accept, 23 : drop }; }",
        ),
    ),
    Scenario(
        "nft-set-of-everyone",
        inet(
            "ip saddr @everyone accept",
            policy="drop",
            more="set everyone { type ipv4_addr; flags interval; elements = { 0.0.0.0/1, 128.0.0.0/1 }; }",
        ),
    ),
    Scenario(
        "nft-jump-to-drop",
        inet("tcp dport 22 accept", "jump last", more="chain last {\nlog\ndrop\n}"),
    ),
    Scenario(
        "nft-zones",
        inet(
            "ct state vmap { established : accept, related : accept }",
            "jump zones",
            "accept",
            more="chain allowed {\ntcp dport 22 accept\n}\n"
            "chain public {\njump allowed\nmeta l4proto icmp accept\nreject with icmpx admin-prohibited\n}\n"
            'chain zones {\niifname "dmz" goto allowed\ngoto public\n}',
        ),
    ),
    Scenario("nft-reset-is-tcp-only", inet("tcp dport 22 accept", "reject with tcp reset")),
    Scenario("nft-not-loopback", inet(STATEFUL, 'iifname != "lo" drop')),
    Scenario("nft-no-packet-has-two-states", inet("ct state != new,established drop")),
    Scenario(
        "nft-dormant",
        inet(policy="drop", more="flags dormant;"),
    ),
    Scenario(
        "nft-not-understood",
        inet("ct zone 1 accept", "tcp dport 22 ct zone 1 accept", policy="drop"),
    ),
    Scenario("nft-rate-limited", inet("limit rate 100/second accept", policy="drop")),
    Scenario(
        "iptables-final-drop",
        ipv4=filter_table(
            "-A INPUT -i lo -j ACCEPT",
            "-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
            '-A INPUT -p tcp -m multiport --dports 22,80,8000:8080 -m comment --comment "it\'s \\"web\\"" -j ACCEPT',
            "-A INPUT -j DROP",
            "-A FORWARD -j REJECT --reject-with icmp-admin-prohibited",
        ),
        ipv6=filter_table("-A INPUT -i lo -j ACCEPT", input="DROP", forward="DROP"),
    ),
    Scenario(
        "iptables-jump-to-drop",
        ipv4=filter_table(
            "-A INPUT -p tcp --dport 22 -j ACCEPT",
            "-A INPUT -j finish",
            '-A finish -m limit --limit 3/min -j LOG --log-prefix "bye: "',
            "-A finish -j DROP",
            chains="finish",
        ),
    ),
    Scenario(
        "iptables-goto",
        ipv4=filter_table("-A INPUT -g way", "-A INPUT -j DROP", "-A way -p tcp --dport 22 -j ACCEPT", chains="way"),
    ),
    Scenario("iptables-return", ipv4=filter_table("-A INPUT -j RETURN", "-A INPUT -j DROP")),
    Scenario(
        "iptables-any-any",
        ipv4=filter_table(
            "-A INPUT -s 0.0.0.0/0 -m conntrack --ctstate NEW -j ACCEPT",
            "-A FORWARD -i eth0 -j ACCEPT",
            input="DROP",
            forward="DROP",
        ),
    ),
    Scenario(
        "iptables-user-chains",
        ipv4=filter_table(
            "-A INPUT -p tcp --dport 22 -j narrow",
            "-A INPUT -j wide",
            "-A narrow -j ACCEPT",
            "-A wide -i lo -j ACCEPT",
            "-A wide -j ACCEPT",
            input="DROP",
            chains="narrow wide",
        ),
    ),
    Scenario("iptables-drop-before-accept", ipv4=filter_table("-A INPUT -j DROP", "-A INPUT -j ACCEPT")),
    Scenario(
        "iptables-negated-state",
        ipv4=filter_table("-A INPUT -i lo -j ACCEPT", "-A INPUT -m conntrack ! --ctstate RELATED,ESTABLISHED -j DROP"),
    ),
    Scenario("iptables-all-but-some", ipv4=filter_table("-A INPUT ! -s 192.0.2.0/24 -j ACCEPT", input="DROP")),
    Scenario("iptables-no-fragments", ipv4=filter_table("-A INPUT ! -f -j ACCEPT", input="DROP")),
    Scenario(
        "iptables-not-understood",
        ipv4=filter_table("-A INPUT -m length --length 0:65535 -j ACCEPT", input="DROP", forward="DROP"),
    ),
    Scenario(
        "iptables-every-match",
        ipv4=filter_table(
            "-A INPUT ! -i eth0 -s 10.0.0.0/8 ! -d 10.1.0.0/16 -j DROP",
            "-A INPUT -f -j DROP",
            "-A INPUT -p icmp --icmp-type 8 -m limit --limit 5/min -j ACCEPT",
            "-A INPUT -p tcp ! --syn -m state --state NEW -j DROP",
            "-A INPUT -p udp --sport 1024: --dport 53 -j ACCEPT",
            "-A INPUT -m iprange ! --src-range 10.0.0.1-10.0.0.5 -j DROP",
            "-A INPUT -m addrtype --dst-type BROADCAST -j DROP",
            "-A INPUT -m mac --mac-source 00:11:22:33:44:55 -j MARK --set-mark 1",
            "-A INPUT -m mark --mark 0x1/0xff -j ACCEPT",
            "-A INPUT -m pkttype --pkt-type multicast -j RETURN",
            "-A INPUT -m recent --set --name seen",
            "-A INPUT -m recent --update --seconds 60 --hitcount 4 --name seen -j DROP",
            "-A OUTPUT -m owner --uid-owner 0 -j ACCEPT",
            "-A FORWARD -p 47 -j ACCEPT",
            "-A FORWARD -i tun+ -o eth+ -p sctp --dport 9 -j ACCEPT",
            input="DROP",
            forward="DROP",
        )
        + "*nat\n:PREROUTING ACCEPT\n:POSTROUTING ACCEPT\n"
        "-A PREROUTING -p tcp --dport 80 -j DNAT --to-destination 10.0.0.1:8080\n"
        "-A POSTROUTING -o eth0 -j MASQUERADE\nCOMMIT\n",
    ),
    Scenario(
        "iptables-ufw",
        ipv4=filter_table(
            "-A INPUT -j ufw-before-input",
            "-A INPUT -j ufw-user-input",
            "-A ufw-before-input -i lo -j ACCEPT",
            "-A ufw-before-input -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
            "-A ufw-before-input -j ufw-not-local",
            "-A ufw-not-local -m addrtype --dst-type LOCAL -j RETURN",
            "-A ufw-not-local -m addrtype --dst-type MULTICAST -j RETURN",
            "-A ufw-not-local -j DROP",
            "-A ufw-user-input -p tcp -m tcp --dport 22 -j ACCEPT",
            chains="ufw-before-input ufw-user-input ufw-not-local",
        ),
    ),
    Scenario(
        "iptables-docker",
        ipv4=filter_table(
            "-A FORWARD -j DOCKER-USER",
            "-A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
            "-A FORWARD -o docker0 -j DOCKER",
            "-A FORWARD -i docker0 ! -o docker0 -j ACCEPT",
            "-A DOCKER -d 172.17.0.2/32 ! -i docker0 -o docker0 -p tcp -m tcp --dport 80 -j ACCEPT",
            "-A DOCKER-USER -j RETURN",
            forward="DROP",
            chains="DOCKER DOCKER-USER",
        ),
    ),
    Scenario(
        "iptables-and-native",
        nft=inet("tcp dport 22 accept", policy="drop"),
        ipv4=filter_table("-A INPUT -m comment --comment all -j ACCEPT"),
    ),
    Scenario("legacy-drop", legacy4=filter_table("-A INPUT -i lo -j ACCEPT", input="DROP", forward="DROP")),
    Scenario(
        "legacy-behind-modern",
        ipv4=filter_table("-A INPUT -j ACCEPT"),
        legacy4=filter_table("-A INPUT -j DROP"),
        legacy6=filter_table("-A INPUT -j DROP"),
    ),
]


def run_loaded(scenario: Scenario, *, before: str = "", after: str, folder: Path) -> None:
    """Run shell commands in a new network namespace before and after the ruleset is loaded there. Needs root."""
    loads = {
        "nft -f": scenario.nft,
        "iptables-nft-restore": scenario.ipv4,
        "ip6tables-nft-restore": scenario.ipv6,
        "iptables-legacy-restore": scenario.legacy4,
        "ip6tables-legacy-restore": scenario.legacy6,
    }
    script = ["set -e", before]
    for number, (command, text) in enumerate(loads.items()):
        (folder / f"load{number}").write_text(text)
        if text:
            script.append(f"{command} load{number}")
    script.append(after)
    argv = ["unshare", "-n", "bash", "-c", "\n".join(script)]
    subprocess.run(argv, check=True, cwd=folder, timeout=60, capture_output=True)


def load_and_read(scenario: Scenario) -> Mapping[str, str]:
    """Load a ruleset in a network namespace of its own and ask the real tools: stdout by file name. Needs root."""
    with tempfile.TemporaryDirectory() as folder:
        run_loaded(scenario, after=ASKING, folder=Path(folder))
        return {name: Path(folder, name).read_text() for name in COMMANDS}


def answers(outputs: Mapping[str, str]) -> list[Answer]:
    """What a transport would have given; there is no ipset, and `/proc/modules` has netfilter as modules."""
    modules = ended(collect.MODULES, "nf_tables 376832 0 - Live 0x0\nx_tables 65536 0 - Live 0x0\n")
    return [ended(command, outputs[name]) for name, command in COMMANDS.items()] + [
        unanswered(collect.IPSET, AnswerStatus.MISSING),
        modules,
    ]


def recorded(name: str) -> list[Answer]:
    """The recorded answers of a scenario."""
    return answers({file: (RECORDED / name / file).read_text() for file in COMMANDS})


def missing(*names: str) -> list[Answer]:
    """Answers of commands (by their file name) that are not installed."""
    return [unanswered(COMMANDS[name], AnswerStatus.MISSING) for name in names]


def main() -> None:
    """Record every scenario anew; files without content are written too."""
    for scenario in SCENARIOS:
        folder = RECORDED / scenario.name
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in load_and_read(scenario).items():
            (folder / name).write_text(text)


if __name__ == "__main__":
    main()
