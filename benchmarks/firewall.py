"""Finding dead rules: ours against Aerleon's shade check on the same rules, and how the cost grows."""

from __future__ import annotations

import gc
import random
import time
from collections.abc import Callable
from functools import partial
from importlib import import_module
from ipaddress import IPv4Network
from typing import TypeVar

from secaudit.checks.firewall.analysis.anomalies import Kind, find_anomalies
from secaudit.checks.firewall.path.tracer import Tracer
from secaudit.checks.firewall.readers.iptables.save import read_iptables_save
from secaudit.checks.firewall.rules.attachment import chains_on
from secaudit.checks.firewall.rules.matches import PacketFamily
from secaudit.checks.firewall.rules.packet import read_packet
from secaudit.checks.firewall.rules.ruleset import Hook, Ruleset, TableFamily
from secaudit.checks.firewall.sets.packet_sets import ChainSets

from benchmarks.measure import own_peak
from benchmarks.peers.aerleon_shade import shaded
from benchmarks.report import Bar, table

PORTS = (22, 25, 53, 80, 110, 143, 443, 445, 993, 1433, 3306, 3389, 5432, 5900, 6379, 8080, 8443, 9200, 11211, 27017)
BARS = {1_000: 0.3, 5_000: 2.0, 10_000: 4.0, 100_000: 120.0}
COMPARED = 5_000
"""Rules for the peer, whose cost grows with the square; these take it minutes."""

FASTER = 50
QUERIES = 200

_T = TypeVar("_T")


def rules(count: int, seed: int = 1) -> list[tuple[str, str, str, int, int, bool]]:
    """Rules as source, destination, protocol, first and last port (0: any) and verdict, the last one a drop of all.

    About √count networks from /16 to /32, 15 % any source or else 5 % any destination, 70 % tcp, 22 % udp, half of
    the ports well known, 80 % accept; one in a hundred is covered by two halves before it.
    """
    chance = random.Random(seed)
    pool = [_network(chance) for _ in range(max(4, int(count**0.5)))]
    found: list[tuple[str, str, str, int, int, bool]] = []
    while len(found) < count - 1:
        source = "0.0.0.0/0" if chance.random() < 0.15 else chance.choice(pool)
        anywhere = not source.endswith("/0") and chance.random() < 0.05
        destination = "0.0.0.0/0" if anywhere else chance.choice(pool)
        protocol = chance.choices(["tcp", "udp", "icmp"], [70, 22, 8])[0]
        port = chance.choice(PORTS) if chance.random() < 0.5 else chance.randint(1024, 65000)
        low = 0 if protocol == "icmp" else port
        high = low + chance.randint(1, 50) if low and chance.random() < 0.15 else low
        rule = (source, destination, protocol, low, high, chance.random() < 0.8)
        if not source.endswith(("/0", "/32")) and chance.random() < 0.02 and len(found) < count - 3:
            found += [(half, *rule[1:]) for half in _halves(source)]
        found.append(rule)
    return [*found[: count - 1], ("0.0.0.0/0", "0.0.0.0/0", "", 0, 0, False)]


def _halves(network: str) -> list[str]:
    return [str(half) for half in IPv4Network(network).subnets()]


def _network(chance: random.Random) -> str:
    length = chance.choice([32, 32, 32, 28, 24, 24, 20, 16])
    address = (10 << 24 | chance.getrandbits(24)) >> (32 - length) << (32 - length)
    return f"{address >> 24}.{address >> 16 & 255}.{address >> 8 & 255}.{address & 255}/{length}"


def ruleset(count: int) -> Ruleset:
    """The rules as iptables has them."""
    lines = ["*filter", ":INPUT ACCEPT [0:0]", ":FORWARD DROP [0:0]", ":OUTPUT ACCEPT [0:0]"]
    for source, destination, protocol, low, high, accept in rules(count):
        words = ["-A FORWARD"]
        words += [f"-s {source}"] if not source.endswith("/0") else []
        words += [f"-d {destination}"] if not destination.endswith("/0") else []
        words += [f"-p {protocol}"] if protocol else []
        words += [f"-m {protocol} --dport {low}" + (f":{high}" if high > low else "")] if low else []
        lines.append(" ".join([*words, "-j ACCEPT" if accept else "-j DROP"]))
    found: Ruleset = read_iptables_save("\n".join([*lines, "COMMIT", ""]), TableFamily.IP, "generated")
    return found


def timed(call: Callable[[], _T]) -> tuple[float, _T]:
    """CPU seconds of a call, and what it returned."""
    gc.collect()
    begun = time.process_time()
    result = call()
    return time.process_time() - begun, result


def measure() -> tuple[str, list[Bar]]:
    """Analyse rulesets of growing length, ask about packets, and let the peer look at the shortest."""
    rows: list[list[str]] = []
    bars: list[Bar] = []
    loading, _ = timed(lambda: import_module("numpy"))
    rows.append(["loading numpy, once per process", f"{loading:.2f} s", "", "", ""])
    ours = full = 0.0
    dead_of_ours: set[int] = set()
    for count, bar in BARS.items():
        loaded = ruleset(count)
        spent, found = timed(partial(find_anomalies, loaded))
        dead = {
            anomaly.at.index or 0
            for anomaly in found.found
            if anomaly.kind in (Kind.SHADOWED, Kind.REDUNDANT) and anomaly.by[0].line < anomaly.at.line
        }
        unions = sum(1 for anomaly in found.found if anomaly.at.index in dead and len(anomaly.by) > 1)
        rows.append(
            [f"ours, {count:,} rules", f"{spent:.2f} s", str(len(dead)), str(unions), str(len(found.undecided))]
        )
        bars.append(Bar(f"CPU of {count:,} rules", spent, bar, "s", at_least=False))
        if count == COMPARED:
            ours, full, dead_of_ours = _deciding(loaded), spent, dead
            rows.append([f"ours, {count:,} rules, dead rules alone", f"{ours:.2f} s", "", "", ""])
        if count == 10_000:
            bars.append(Bar("one packet among 10,000 rules", _query(loaded) * 1000, 5, "ms", at_least=False))
    peak = own_peak()
    bars.append(Bar("memory at 100,000 rules", peak, 1024, "MiB", at_least=False))
    theirs, seen = shaded(rules(COMPARED))
    missed = len(dead_of_ours - seen)
    rows.append(["Aerleon / ours, full anomaly set", f"{theirs / full:.0f} times", "", "", ""])
    rows.append([f"Aerleon, {COMPARED:,} rules", f"{theirs:.2f} s", str(len(seen)), f"{missed} dead missed", ""])
    bars.append(Bar("CPU of Aerleon / ours, dead rules alone", theirs / ours, FASTER, "times", at_least=True))
    return table("Dead rules", ["what", "CPU", "dead", "by a union", "undecided"], rows), bars


def _deciding(loaded: Ruleset) -> float:
    """CPU seconds of deciding which rules are dead, unions and witnesses included; as for the peer without reading."""
    (attached,) = chains_on(loaded, PacketFamily.IPV4, (Hook.FORWARD,))
    sets = ChainSets.of(attached, PacketFamily.IPV4, tracked=False)
    spent, _ = timed(lambda: list(sets.fates()))
    return spent


def _query(loaded: Ruleset) -> float:
    """CPU seconds of one answer."""
    tracer = Tracer(loaded)
    packets = [
        read_packet(f"iif eth0 oif eth1 tcp 10.{n}.1.1:40000 -> 10.{255 - n}.2.2:{PORTS[n % len(PORTS)]}")
        for n in range(QUERIES)
    ]
    tracer.trace(packets[0])
    spent, _ = timed(lambda: [tracer.trace(packet) for packet in packets])
    return spent / QUERIES
