"""Rulesets by chance, and packets aimed at the bounds of their rules. The same seed gives the same of both."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from secaudit.checks.firewall.rules.matches import PacketFamily, State
from secaudit.checks.firewall.rules.packet import Packet
from secaudit.checks.firewall.verify.aiming import Aim, aimed_packets

from secaudit.model.observation import RulesetText, Syntax
from tests.kernel.conditions import INTERFACES, STATES, Aims, Condition, address, iptables_any, nft_any, shown
from tests.kernel.sets import GeneratedSet, generated_sets

_HOOKS = ("prerouting", "input", "forward", "output", "postrouting")
_USER_CHAINS = 4
KINDS = ("nft", "iptables", "legacy")


@dataclass(frozen=True)
class Case:
    """A ruleset in its parts, and packets to send."""

    seed: int
    rulesets: tuple[RulesetText, ...]
    packets: tuple[Packet, ...]


def case(seed: int, kind: str, packets: int) -> Case:
    """A case of one kind: `nft`, or a pair of iptables tables `iptables` or `legacy`."""
    chance = random.Random(f"{kind} {seed}")
    aims: list[Aims] = []
    if kind == "nft":
        texts = [RulesetText(Syntax.NFT, _nft(chance, aims))]
    else:
        syntaxes = {
            "iptables": (Syntax.IPTABLES, Syntax.IP6TABLES),
            "legacy": (Syntax.IPTABLES_LEGACY, Syntax.IP6TABLES_LEGACY),
        }[kind]
        sets = {version: generated_sets(chance, version) if chance.random() < 0.5 else [] for version in (4, 6)}
        texts = [
            RulesetText(syntax, _iptables(chance, aims, version, sets[version]))
            for syntax, version in zip(syntaxes, (4, 6), strict=True)
        ]
        if any(sets.values()):
            lines = [line for made in sets.values() for one in made for line in one.lines]
            texts.append(RulesetText(Syntax.IPSET, "\n".join([*lines, ""])))
    return Case(seed, tuple(texts), tuple(aimed_packets(map(_aim, aims), INTERFACES, packets, chance.randrange)))


def _nft(chance: random.Random, aims: list[Aims]) -> str:
    """One or two tables; every chain of hooks that there is by chance, some hooks twice."""
    texts = []
    for number in range(chance.choice([1, 1, 2])):
        family = chance.choice(["inet", "inet", "ip", "ip6"])
        bases: list[tuple[str, int]] = [
            (hook, priority) for hook in _HOOKS for priority in (-150, 0, 50) if chance.random() < 0.3
        ]
        lines: list[str] = []
        sets: list[str] = []
        # A chain is declared before it is jumped to.
        for user in reversed(range(_USER_CHAINS)):
            targets = [f"u{later}" for later in range(user + 1, _USER_CHAINS)]
            lines += [f"chain u{user} {{", *_nft_rules(chance, aims, family, targets, "", sets), "}"]
        for index, (hook, priority) in enumerate(bases):
            policy = "drop" if chance.random() < 0.3 else "accept"
            lines += [
                f"chain b{index} {{",
                f"type filter hook {hook} priority {priority + number}; policy {policy};",
                *_nft_rules(chance, aims, family, [f"u{user}" for user in range(_USER_CHAINS)], hook, sets),
                "}",
            ]
        if chance.random() < 0.35:
            lines += _nft_translations(chance, aims, family)
        texts += [f"table {family} t{number} {{", *sets, *lines, "}"]
    return "\n".join([*texts, ""])


def _nft_rules(
    chance: random.Random, aims: list[Aims], family: str, targets: Sequence[str], hook: str, sets: list[str]
) -> list[str]:
    rules = []
    for _ in range(chance.randint(1, 7)):
        version = {"ip": 4, "ip6": 6}.get(family) or chance.choice([4, 6])
        conditions = [nft_any(chance, version) for _ in range(chance.choice([0, 1, 1, 1, 2, 3]))]
        conditions = _of_one_protocol([condition for condition in conditions if _allowed(condition, family)])
        aims.append(_joined(conditions))
        words = [_named(chance, condition.text, sets) for condition in conditions]
        protocol = next(filter(None, map(_protocol, conditions)), "tcp")
        change = [_nft_change(chance, version, family, protocol)] if chance.random() < 0.2 else []
        verdict = _nft_verdict(chance, targets, hook, sets, protocol == "tcp")
        if chance.random() < 0.15:
            verdict = _nft_unnamed(chance, version, protocol)
        rules.append(" ".join([*words, *change, "counter", verdict]))
    return rules


def _nft_change(chance: random.Random, version: int, family: str, protocol: str) -> str:
    """A statement that writes into the packet or its connection, for packets that have what it writes to."""
    name = "ip" if version == 4 else "ip6"
    choices = [
        f"{name} dscp set cs1",
        "ip ttl set 64" if version == 4 else "ip6 hoplimit set 64",
        "ct mark set 1",
        "ct mark set ct mark | 0x2",
        "meta mark set ct mark",
        "meta mark set 1",
    ]
    if protocol == "tcp":
        choices += ["tcp dport set 80", "tcp sport set 1024", "tcp option maxseg size set 1400"]
    # nft orders bits of ip6 dscp in a way that older kernels take for a concatenation with the version.
    return chance.choice([choice for choice in choices if family == "inet" or not choice.startswith(("ip6 dscp",))])


def _nft_unnamed(chance: random.Random, version: int, protocol: str) -> str:
    """A chain without a name, behind a jump or in a verdict map."""
    bodies = ["accept", "drop", "return", "meta mark set 1", "ct state established accept"]
    bodies.append(f"ip{'' if version == 4 else '6'} saddr {shown(address(chance, version, 'source'), version)} drop")
    if protocol == "tcp":
        bodies += ["tcp dport 22 accept", "tcp dport 80-443 drop"]
    word = chance.choice(["jump", "jump", "goto"])
    rules = "\n".join(
        f"{body.rpartition(' ')[0]} counter {body.rpartition(' ')[2]}"
        if " " in body and "set" not in body
        else f"counter {body}"
        for body in chance.sample(bodies, chance.choice([1, 2, 3]))
    )
    return f"{word} {{\n{rules}\n}}"


def _nft_translations(chance: random.Random, aims: list[Aims], family: str) -> list[str]:
    """Chains of type nat: destinations before routing, sources after it."""
    lines = []
    ways = (("prerouting", -100, "destination", "dnat"), ("postrouting", 100, "source", "snat"))
    for hook, priority, side, word in ways:
        # The kernel heeds their priorities only among themselves.
        own = chance.choice([priority, priority, priority - 30, priority + 60])
        lines += [f"chain by_{word} {{", f"type nat hook {hook} priority {own};"]
        for _ in range(chance.randint(1, 3)):
            version = {"ip": 4, "ip6": 6}.get(family) or chance.choice([4, 6])
            conditions = [nft_any(chance, version) for _ in range(chance.choice([0, 1, 2]))]
            conditions = [
                condition
                for condition in conditions
                if _allowed(condition, family) and not {"protocol", "version"} & condition.aims.keys()
            ]
            aims.append(_joined(conditions) | {"version": [version], "protocol": [6], "destination_port": [22, 80]})
            words = [condition.text for condition in conditions]
            name = "ip" if version == 4 else "ip6"
            ports = chance.choice(["tcp dport 22", "tcp dport 80-443", "meta l4proto tcp"])
            to = f"{name + ' ' if family == 'inet' else ''}to {shown(address(chance, version, side), version)}"
            own_address = "masquerade" if word == "snat" else "redirect to :8080"
            target = chance.choice([f"{word} {to}", f"{word} {to}", own_address])
            guard = f"meta nfproto ipv{version} " if family == "inet" else ""
            lines.append(" ".join([f"{guard}{ports}", *words, "counter", target]))
        lines.append("}")
    return lines


_TYPES = {"ip": "ipv4_addr", "ip6": "ipv6_addr", "tcp": "inet_service", "udp": "inet_service"}
_SET = re.compile(r"(ip|ip6|tcp|udp) ([sd]addr|[sd]port) (!= )?(\{ [^}]+ \})")


def _named(chance: random.Random, text: str, sets: list[str]) -> str:
    """The condition with its set by name, now and then; the set is added to those of the table."""
    found = _SET.fullmatch(text)
    if found is None or chance.random() < 0.5:
        return text
    name = f"s{len(sets)}"
    sets.append(f"set {name} {{ type {_TYPES[found[1]]}; flags interval; elements = {found[4]}; }}")
    return f"{found[1]} {found[2]} {found[3] or ''}@{name}"


def _allowed(condition: Condition, family: str) -> bool:
    """Whether nft takes the condition there: not those of the other family."""
    return family == "inet" or ("ip6 " if family == "ip" else "ip ") not in f" {condition.text}"


def _protocol(condition: Condition) -> str:
    """What the condition says about the transport protocol; empty when nothing."""
    words = condition.text.split()
    if "protocol" not in condition.aims:
        return ""
    return "tcp" if "tcp" in words[:4] and words[0] != "meta" and words[1] != "protocol" else condition.text


def _of_one_protocol(conditions: Sequence[Condition]) -> list[Condition]:
    """Without what speaks of another transport protocol than a condition before: nft refuses such rules."""
    first = next(filter(None, map(_protocol, conditions)), "")
    return [condition for condition in conditions if _protocol(condition) in ("", first)]


def _nft_verdict(chance: random.Random, targets: Sequence[str], hook: str, sets: list[str], tcp: bool) -> str:
    choices = ["accept", "accept", "drop", "return", "", "meta mark set 1", "meta mark set meta mark | 0x2"]
    if hook in ("input", "forward", "output"):
        choices.append("reject")
    for target in targets[:3]:
        choices += [f"jump {target}", f"goto {target}"]
        if tcp:
            choices.append(f"tcp dport vmap {{ 22 : accept, 80-443 : jump {target}, 8080 : drop }}")
        choices.append(f"ct state vmap {{ established : accept, invalid : drop, new : jump {target} }}")
        choices.append(f"ct state vmap {{ invalid : drop, untracked : continue }} jump {target}")
        choices.append(f"ct mark vmap {{ 0 : jump {target}, 1 : drop }}")
        choices.append("ct state vmap { invalid : drop } accept")
    if targets and chance.random() < 0.15:
        return _named_map(chance, targets[0], sets, tcp)
    return chance.choice(choices)


def _named_map(chance: random.Random, target: str, sets: list[str], tcp: bool) -> str:
    """A map with a name that leads to verdicts; the map is added to those of the table."""
    name = f"m{len(sets)}"
    key, kind, flags, elements = chance.choice(
        [
            ("ct state", "ct_state", "", f"established : accept, new : jump {target}"),
            ("meta l4proto", "inet_proto", "", f"tcp : jump {target}, udp : accept, icmp : drop"),
        ]
        + [("tcp dport", "inet_service", "flags interval; ", f"22 : accept, 80-443 : jump {target}, 8080 : drop")] * tcp
    )
    sets.append(f"map {name} {{ type {kind} : verdict; {flags}elements = {{ {elements} }}; }}")
    return f"{key} vmap @{name}"


_BUILT_IN = {
    "filter": ("INPUT", "FORWARD", "OUTPUT"),
    "mangle": ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"),
}


def _iptables(chance: random.Random, aims: list[Aims], version: int, sets: Sequence[GeneratedSet]) -> str:
    lines = _translations(chance, aims, version) if chance.random() < 0.3 else []
    for table, chains in _BUILT_IN.items():
        if table == "mangle" and chance.random() < 0.5:
            continue
        users = [f"u{user}" for user in range(_USER_CHAINS)]
        lines.append(f"*{table}")
        lines += [f":{chain} {'DROP' if chance.random() < 0.2 else 'ACCEPT'} [0:0]" for chain in chains]
        lines += [f":{user} - [0:0]" for user in users]
        for position, chain in enumerate([*users, *chains]):
            targets = users[position + 1 :] if chain in users else users
            for _ in range(chance.randint(0, 7)):
                conditions = [iptables_any(chance, version, chain) for _ in range(chance.choice([0, 1, 1, 2, 3]))]
                if sets and chance.random() < 0.25:
                    conditions.append(chance.choice(sets).condition(chance))
                conditions = _compatible(conditions)
                aims.append(_joined(conditions) | {"version": [version]})
                words = [condition.text for condition in conditions]
                lines.append(" ".join(["-A", chain, *words, _iptables_target(chance, targets, table, chain)]).rstrip())
        lines.append("COMMIT")
    return "\n".join([*lines, ""])


def _translations(chance: random.Random, aims: list[Aims], version: int) -> list[str]:
    """A table nat: destinations before routing, sources after it."""
    lines = ["*nat"]
    for _ in range(chance.randint(1, 4)):
        chain, side, target = chance.choice(
            [("PREROUTING", "destination", "DNAT --to-destination"), ("POSTROUTING", "source", "SNAT --to-source")]
        )
        conditions = [iptables_any(chance, version, chain) for _ in range(chance.choice([0, 1, 2]))]
        conditions = [condition for condition in _compatible(conditions) if "protocol" not in condition.aims]
        aims.append(_joined(conditions) | {"version": [version], "protocol": [6]})
        words = [condition.text for condition in conditions]
        to = shown(address(chance, version, side), version)
        lines.append(" ".join(["-A", chain, "-p tcp", *words, "-j", target, to]))
    return [*lines, "COMMIT"]


def _compatible(conditions: Sequence[Condition]) -> list[Condition]:
    """Without what iptables refuses in one rule: two protocols, or one option twice."""
    chosen: list[Condition] = []
    seen: set[str] = set()
    for condition in conditions:
        options = {word for word in condition.text.split() if word.startswith("-") and word != "-m"}
        module = {
            word
            for before, word in zip(condition.text.split(), condition.text.split()[1:], strict=False)
            if before == "-m"
        }
        if not (options | module) & seen:
            chosen.append(condition)
            seen |= options | module
    return chosen


def _iptables_target(chance: random.Random, targets: Sequence[str], table: str, chain: str) -> str:
    choices = ["-j ACCEPT", "-j ACCEPT", "-j DROP", "-j RETURN", ""]
    if table == "filter" and chain in _BUILT_IN["filter"]:
        choices.append("-j REJECT")
    if table == "mangle":
        choices += ["-j MARK --set-mark 0x1", "-j MARK --or-mark 0x2", "-j CONNMARK --set-mark 0x1"]
        choices += ["-j CONNMARK --or-mark 0x2", "-j CONNMARK --restore-mark"]
    for target in targets[:2]:
        choices += [f"-j {target}", f"-g {target}"]
    return chance.choice(choices)


def _joined(conditions: Sequence[Condition]) -> Aims:
    joined: Aims = {}
    for condition in conditions:
        for name, values in condition.aims.items():
            joined[name] = joined.get(name, []) + values
    return joined


def _aim(aims: Aims) -> Aim:
    """The values in the words of the family."""
    versions = aims.get("version", [])
    ends = {
        name: tuple(IPv4Address(value) if value < 1 << 32 else IPv6Address(value) for value in aims.get(name, []))
        for name in ("source", "destination")
    }
    return Aim(
        families=tuple(PacketFamily.IPV4 if version == 4 else PacketFamily.IPV6 for version in versions[:1]),
        protocols=tuple(aims.get("protocol", ())),
        sources=ends["source"],
        destinations=ends["destination"],
        source_ports=tuple(aims.get("source_port", ())),
        destination_ports=tuple(aims.get("destination_port", ())),
        icmp_types=tuple(aims.get("icmp_type", ())),
        icmp_codes=tuple(aims.get("icmp_code", ())),
        tcp_flags=tuple(aims.get("tcp_flags", ())),
        states=tuple(State(STATES[state]) for state in aims.get("state", ())),
        in_interfaces=tuple(INTERFACES[number] for number in aims.get("in_interface", ())),
        out_interfaces=tuple(INTERFACES[number] for number in aims.get("out_interface", ())),
    )
