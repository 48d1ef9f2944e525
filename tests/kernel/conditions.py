"""Conditions of generated rules: how nft and iptables write them, and the values at which they change their mind."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_network

Aims = dict[str, list[int]]
"""Values of packet fields that a condition is about, bounds included."""

INTERFACES = ("eth0", "eth1", "wg0")
STATES = ("new", "established", "invalid", "untracked")

_V4_NETWORK = ip_network("10.0.0.0/8")
_V6_NETWORK = ip_network("2001:db8::/32")
_REGIONS = {"source": (0, 1), "destination": (2, 3)}
_PORTS = (0, 1, 22, 53, 80, 443, 1023, 1024, 8080, 32768, 65534, 65535)


@dataclass(frozen=True)
class Condition:
    """The text of a condition and the values that it turns on."""

    text: str
    aims: Aims = field(default_factory=dict)


def address(chance: random.Random, version: int, side: str) -> int:
    """An address out of a few dense regions, so that conditions meet; sources and destinations have their own."""
    network = _V4_NETWORK if version == 4 else _V6_NETWORK
    base, width = int(network.network_address), network.max_prefixlen - network.prefixlen
    return base | (chance.choice(_REGIONS[side]) << (width - 4)) | chance.choice([0, 1, 127, 128, 255, 256, 511, 65535])


def shown(number: int, version: int) -> str:
    """An address as text."""
    return str(IPv4Address(number) if version == 4 else IPv6Address(number))


def _prefix(chance: random.Random, version: int, side: str) -> tuple[str, list[int]]:
    longest = 32 if version == 4 else 128
    length = chance.choice(
        [longest, longest, longest - 1, longest - 7, longest - 8, longest - 16, 10 if version == 4 else 34]
    )
    low = address(chance, version, side) >> (longest - length) << (longest - length)
    return f"{shown(low, version)}/{length}", [low, low | ((1 << (longest - length)) - 1)]


def _span(chance: random.Random, version: int, side: str) -> tuple[str, list[int]]:
    low = address(chance, version, side)
    high = low + chance.choice([1, 2, 10, 255, 256, 1000])
    return f"{shown(low, version)}-{shown(high, version)}", [low, high]


def _port_span(chance: random.Random, sign: str) -> tuple[str, list[int]]:
    low = chance.choice(_PORTS)
    if chance.random() < 0.5:
        return str(low), [low]
    high = min(65535, low + chance.choice([1, 10, 1000]))
    return (f"{low}{sign}{high}", [low, high]) if high > low else (str(low), [low])


def _disjoint(
    chance: random.Random, make: Callable[[], tuple[str, list[int]]], most: int
) -> list[tuple[str, list[int]]]:
    """Some spans that do not touch: nft refuses overlapping elements of one set."""
    chosen: list[tuple[str, list[int]]] = []
    for _ in range(most):
        text, bounds = make()
        if all(bounds[-1] < other[0] - 1 or bounds[0] > other[-1] + 1 for _, other in chosen):
            chosen.append((text, bounds))
    return chosen


def _negation(chance: random.Random, sign: str) -> str:
    return sign if chance.random() < 0.2 else ""


def nft_address(chance: random.Random, version: int) -> Condition:
    """Source or destination in a prefix, a range or a set of both."""
    side, name = chance.choice([("saddr", "source"), ("daddr", "destination")])

    def one() -> tuple[str, list[int]]:
        return chance.choice([_prefix, _span])(chance, version, name)

    elements = _disjoint(chance, one, chance.choice([1, 1, 3, 6]))
    text = elements[0][0] if len(elements) == 1 else "{ " + ", ".join(element for element, _ in elements) + " }"
    return Condition(
        f"{'ip' if version == 4 else 'ip6'} {side} {_negation(chance, '!= ')}{text}",
        {name: [bound for _, bounds in elements for bound in bounds], "version": [version]},
    )


def nft_ports(chance: random.Random) -> Condition:
    """A port of TCP, UDP or either."""
    side, name = chance.choice([("sport", "source_port"), ("dport", "destination_port"), ("dport", "destination_port")])
    protocol, numbers = chance.choice([("tcp", [6]), ("tcp", [6]), ("udp", [17]), ("th", [6, 17])])
    elements = _disjoint(chance, lambda: _port_span(chance, "-"), chance.choice([1, 1, 4]))
    text = elements[0][0] if len(elements) == 1 else "{ " + ", ".join(element for element, _ in elements) + " }"
    guard = "meta l4proto { tcp, udp } " if protocol == "th" else ""
    return Condition(
        f"{guard}{protocol} {side} {_negation(chance, '!= ')}{text}",
        {name: [bound for _, bounds in elements for bound in bounds], "protocol": numbers},
    )


def nft_protocol(chance: random.Random, version: int) -> Condition:
    """The transport protocol."""
    name, number = chance.choice([("tcp", 6), ("udp", 17), ("icmp", 1), ("ipv6-icmp", 58), ("gre", 47)])
    key = chance.choice(["meta l4proto", "ip protocol" if version == 4 else "meta l4proto"])
    return Condition(f"{key} {_negation(chance, '!= ')}{name}", {"protocol": [number]})


def nft_icmp(chance: random.Random, version: int) -> Condition:
    """ICMP types and codes."""
    kind = chance.choice([0, 3, 8, 11, 13] if version == 4 else [1, 3, 128, 129])
    name = "icmp" if version == 4 else "icmpv6"
    aims = {"protocol": [1 if version == 4 else 58], "icmp_type": [kind], "version": [version]}
    if chance.random() < 0.3:
        code = chance.choice([0, 1, 13])
        return Condition(
            f"{name} type {kind} {name} code {_negation(chance, '!= ')}{code}", aims | {"icmp_code": [code]}
        )
    return Condition(f"{name} type {_negation(chance, '!= ')}{kind}", aims)


def nft_flags(chance: random.Random) -> Condition:
    """TCP flags: any of some, exactly some under a mask, not exactly some."""
    text, flags = chance.choice(
        [
            ("tcp flags syn", [2, 18]),
            ("tcp flags & (fin | syn | rst | ack) == syn", [2, 18]),
            ("tcp flags & (syn | ack) != syn | ack", [18, 2]),
            ("tcp flags { syn, ack, syn | ack }", [2, 16, 18, 24]),
            ("tcp flags ! syn", [2, 16]),
            ("tcp flags syn / syn,ack", [2, 18]),
            ("tcp flags & (fin | syn) == 0x0", [0, 16]),
        ]
    )
    return Condition(text, {"tcp_flags": flags, "protocol": [6]})


def nft_state(chance: random.Random) -> Condition:
    """Connection tracking states."""
    states = chance.sample(range(len(STATES)), chance.choice([1, 2]))
    names = [STATES[state] for state in states]
    text = names[0] if len(names) == 1 else "{ " + ", ".join(names) + " }"
    return Condition(f"ct state {_negation(chance, '!= ')}{text}", {"state": list(states)})


def nft_interface(chance: random.Random) -> Condition:
    """Interfaces by name, wildcard, set or index."""
    side, name = chance.choice([("iif", "in_interface"), ("oif", "out_interface")])
    text = chance.choice(
        [f'{side}name "eth0"', f'{side}name "eth*"', f'{side}name {{ "eth1", "wg0" }}', f'{side} "eth1"']
    )
    if chance.random() < 0.2 and "{" not in text:
        text = text.replace(' "', ' != "')
    return Condition(text, {name: [0, 1, 2]})


def nft_pair(chance: random.Random, version: int) -> Condition:
    """A concatenation of address and port."""
    pairs = {(address(chance, version, "source"), chance.choice(_PORTS)) for _ in range(3)}
    elements = ", ".join(f"{shown(one, version)} . {port}" for one, port in sorted(pairs))
    return Condition(
        f"{'ip' if version == 4 else 'ip6'} saddr . tcp dport {_negation(chance, '!= ')}{{ {elements} }}",
        {
            "source": [one for one, _ in pairs],
            "destination_port": [port for _, port in pairs],
            "protocol": [6],
            "version": [version],
        },
    )


def nft_mark(chance: random.Random) -> Condition:
    """A mark that rules before may have set."""
    return Condition(chance.choice(["meta mark 1", "meta mark & 0x2 == 0x2", "meta mark != 0"]))


def nft_comparison(chance: random.Random, version: int) -> Condition:
    """A field that is smaller or greater than a value."""
    operator = chance.choice(["<", "<=", ">", ">="])
    port = chance.choice([22, 443, 1024])
    bound = address(chance, version, "source")
    return chance.choice(
        [
            Condition(
                f"tcp dport {operator} {port}", {"destination_port": [port - 1, port, port + 1], "protocol": [6]}
            ),
            Condition(f"tcp flags {operator} 2", {"tcp_flags": [1, 2, 16], "protocol": [6]}),
            Condition(f"meta l4proto {operator} 6", {"protocol": [1, 6, 17, 47]}),
            Condition(
                f"{'ip' if version == 4 else 'ip6'} saddr {operator} {shown(bound, version)}",
                {"source": [bound - 1, bound, bound + 1], "version": [version]},
            ),
        ]
    )


def nft_connection(chance: random.Random) -> Condition:
    """What packets without a connection never meet."""
    text = chance.choice(["ct mark 0", "ct mark != 1", "ct mark & 0x2 == 0x2", "ct mark != 0", "ct direction original"])
    return Condition(text, {"state": [0, 1, 2, 3]})


def nft_ipsec(chance: random.Random, version: int) -> Condition:
    """A security association. In IPv6 the authentication header is one before the protocol, not the protocol."""
    name, number = chance.choice([("esp", 50), ("ah", 51)] if version == 4 else [("esp", 50)])
    return Condition(f"{name} spi {_negation(chance, '!= ')}256", {"protocol": [number], "version": [version]})


def nft_any(chance: random.Random, version: int) -> Condition:
    """Any condition that nft can write."""
    choices: list[Callable[[], Condition]] = [
        lambda: nft_address(chance, version),
        lambda: nft_address(chance, version),
        lambda: nft_ports(chance),
        lambda: nft_ports(chance),
        lambda: nft_protocol(chance, version),
        lambda: nft_icmp(chance, version),
        lambda: nft_flags(chance),
        lambda: nft_state(chance),
        lambda: nft_interface(chance),
        lambda: nft_pair(chance, version),
        lambda: nft_mark(chance),
        lambda: nft_comparison(chance, version),
        lambda: nft_connection(chance),
        lambda: nft_ipsec(chance, version),
    ]
    return chance.choice(choices)()


def iptables_any(chance: random.Random, version: int, chain: str) -> Condition:
    """Any condition that iptables or ip6tables can write; `chain` says which interfaces it may ask for."""
    made = [_iptables_address, _iptables_address, _iptables_ports, _iptables_ports, _iptables_icmp, _iptables_flags]
    made += [_iptables_state, _iptables_mark, _iptables_type, _iptables_connection_mark, _iptables_ipsec]
    if chance.random() < 0.15:
        return _iptables_interface(chance, chain)
    return chance.choice(made)(chance, version)


def _iptables_address(chance: random.Random, version: int) -> Condition:
    side, name, word = chance.choice([("-s", "source", "src"), ("-d", "destination", "dst")])
    negation = _negation(chance, "! ")
    if chance.random() < 0.3:
        text, bounds = _span(chance, version, name)
        return Condition(f"-m iprange {negation}--{word}-range {text}", {name: bounds})
    text, bounds = _prefix(chance, version, name)
    return Condition(f"{negation}{side} {text}", {name: bounds})


def _iptables_ports(chance: random.Random, version: int) -> Condition:
    protocol, number = chance.choice([("tcp", 6), ("udp", 17)])
    side, name = chance.choice([("sport", "source_port"), ("dport", "destination_port")])
    negation = _negation(chance, "! ")
    if chance.random() < 0.4:
        elements = _disjoint(chance, lambda: _port_span(chance, ":"), 4)
        word = chance.choice([f"{side}s", f"{side}s", "ports"])
        bounds = [bound for _, found in elements for bound in found]
        aims = {name: bounds} if word != "ports" else {"source_port": bounds, "destination_port": bounds}
        text = ",".join(element for element, _ in elements)
        return Condition(f"-p {protocol} -m multiport {negation}--{word} {text}", aims | {"protocol": [number]})
    text, bounds = _port_span(chance, ":")
    return Condition(f"-p {protocol} -m {protocol} {negation}--{side} {text}", {name: bounds, "protocol": [number]})


def _iptables_icmp(chance: random.Random, version: int) -> Condition:
    negation = _negation(chance, "! ")
    if version == 4:
        text, kind = chance.choice([("8", 8), ("0", 0), ("3/13", 3), ("11", 11), ("any", 8)])
        negation = "" if text == "any" else negation
        return Condition(f"-p icmp -m icmp {negation}--icmp-type {text}", {"icmp_type": [kind], "protocol": [1]})
    text, kind = chance.choice([("128", 128), ("129", 129), ("1/1", 1)])
    return Condition(f"-p ipv6-icmp -m icmp6 {negation}--icmpv6-type {text}", {"icmp_type": [kind], "protocol": [58]})


def _iptables_flags(chance: random.Random, version: int) -> Condition:
    text = chance.choice(
        ["SYN,ACK SYN", "FIN,SYN,RST,ACK SYN", "ALL NONE", "ALL FIN,PSH,URG", "SYN,FIN SYN,FIN", "ACK,URG URG"]
    )
    return Condition(
        f"-p tcp -m tcp {_negation(chance, '! ')}--tcp-flags {text}",
        {"tcp_flags": [2, 16, 18, 0, 41, 3, 32, 48], "protocol": [6]},
    )


def _iptables_state(chance: random.Random, version: int) -> Condition:
    states = chance.sample(range(len(STATES)), chance.choice([1, 2]))
    names = ",".join(STATES[state].upper() for state in states)
    module, option = chance.choice([("conntrack", "ctstate"), ("state", "state")])
    return Condition(f"-m {module} {_negation(chance, '! ')}--{option} {names}", {"state": list(states)})


def _iptables_mark(chance: random.Random, version: int) -> Condition:
    return Condition(f"-m mark {_negation(chance, '! ')}--mark {chance.choice(['0x1', '0x2/0x2', '0x0'])}")


def _iptables_connection_mark(chance: random.Random, version: int) -> Condition:
    text = chance.choice(["0x0", "0x1/0x1", "0x2"])
    return Condition(f"-m connmark {_negation(chance, '! ')}--mark {text}", {"state": [0, 1, 2, 3]})


def _iptables_ipsec(chance: random.Random, version: int) -> Condition:
    kinds = [("esp", 50, "espspi"), ("ah", 51, "ahspi")]
    name, number, option = chance.choice(kinds if version == 4 else kinds[:1])
    return Condition(f"-p {name} -m {name} {_negation(chance, '! ')}--{option} 256", {"protocol": [number]})


def _iptables_type(chance: random.Random, version: int) -> Condition:
    side, kind = chance.choice(["src", "dst"]), chance.choice(["LOCAL", "UNICAST", "LOCAL,UNICAST"])
    return Condition(f"-m addrtype {_negation(chance, '! ')}--{side}-type {kind}")


def _iptables_interface(chance: random.Random, chain: str) -> Condition:
    # iptables refuses the other side in these chains.
    sides = {"INPUT": "i", "PREROUTING": "i", "OUTPUT": "o", "POSTROUTING": "o"}.get(chain, chance.choice("io"))
    text = chance.choice(["eth0", "eth+", "wg0"])
    name = "in_interface" if sides == "i" else "out_interface"
    return Condition(f"{_negation(chance, '! ')}-{sides} {text}", {name: [0, 1, 2]})
