"""Which networks are behind which interface of a host, and what its kernel makes of sources that come the wrong way."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_interface, ip_network
from typing import Any

from secaudit.api import Answers, Command, Evidence, Unproven, UnprovenKind, collector

from .rules.matches import AddressRange, PacketFamily
from .sets.addresses import address_runs, last_address
from .sets.regions import Runs, common, outside, runs

ADDRESSES = Command(("ip", "-j", "addr"))
ROUTES = {
    PacketFamily.IPV4: Command(("ip", "-j", "-4", "route")),
    PacketFamily.IPV6: Command(("ip", "-j", "-6", "route")),
}
RULES = {
    PacketFamily.IPV4: Command(("ip", "-j", "-4", "rule")),
    PacketFamily.IPV6: Command(("ip", "-j", "-6", "rule")),
}
SETTINGS = {
    PacketFamily.IPV4: Command(
        ("grep", "-r", "-H", "--include=rp_filter", "--include=forwarding", "^", "/proc/sys/net/ipv4/conf")
    ),
    PacketFamily.IPV6: Command(("grep", "-r", "-H", "--include=forwarding", "^", "/proc/sys/net/ipv6/conf")),
}

MOST = 5000
"""Routes that are looked at; a host with more is a router of the internet."""

_SETTING = re.compile(r"/proc/sys/net/ipv[46]/conf/([^/:]+)/(rp_filter|forwarding):(\d+)", re.ASCII)
_USUAL_TABLES = {"local", "main", "default", "255", "254", "253"}
# Sources that the kernel drops or that nobody has, whatever the interface (ip_route_input_slow, ip6_rcv_core).
_NOBODY = {
    PacketFamily.IPV4: ("0.0.0.0/8", "127.0.0.0/8", "224.0.0.0/3"),
    PacketFamily.IPV6: ("::/127", "ff00::/8"),
}


@dataclass(frozen=True, slots=True)
class Interface:
    """One interface that packets of a family come in through.

    `foreign` are the sources whose way back leads through another interface; None where that is not known, because of
    `why`. `strict`: the kernel drops packets with such sources. `forwards`: it passes packets on that come in here.
    """

    name: str
    family: PacketFamily
    foreign: Runs | None
    why: str
    strict: bool
    forwards: bool | None
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class Interfaces:
    """The interfaces of a host that are up, but for the loopback and the members of bridges and bonds."""

    found: tuple[Interface, ...]


@collector(Interfaces, (ADDRESSES, *ROUTES.values(), *RULES.values(), *SETTINGS.values()))
def interfaces(answers: Answers) -> Interfaces:
    """Read addresses, routes, policy rules and settings. Raises `Unproven` when there are no interfaces to be seen."""
    links = _listing(answers, ADDRESSES)
    names = [name for link in links if (name := _receives(link))]
    found = [part for family in PacketFamily for part in _of_family(answers, family, names, links)]
    if not found:
        raise Unproven(UnprovenKind.NOT_UNDERSTOOD, "no interface has an address", (answers[ADDRESSES].evidence(),))
    return Interfaces(tuple(found))


def _of_family(
    answers: Answers, family: PacketFamily, names: Sequence[str], links: Sequence[Mapping[str, Any]]
) -> Iterator[Interface]:
    own = runs((number, number) for link in links for number in _addresses(link, family))
    if not own:
        return
    why = ""
    behind: dict[str, Runs] = {}
    asked = (ADDRESSES, ROUTES[family], RULES[family], SETTINGS[family])
    evidence = tuple(answers[command].evidence() for command in asked)
    try:
        _usual_rules(answers, RULES[family])
        behind = networks_behind(_listing(answers, ROUTES[family]), family)
    except Unproven as reason:
        why = reason.reason
    settings: dict[tuple[str, str], int] = {}
    try:
        lines = answers.ended(SETTINGS[family]).lines
        settings = {(m[1], m[2]): int(m[3]) for line in lines if (m := _SETTING.fullmatch(line))}
    except Unproven as reason:
        why = why or reason.reason
    nobody = address_runs(map(AddressRange.of, map(ip_network, _NOBODY[family])), family)
    for name in names:
        others = runs(part for other, parts in behind.items() if other != name for part in parts)
        legitimate = runs((*behind.get(name, ()), *own, *nobody))
        # The larger of the two counts (ip-sysctl.rst); IPv6 has no such setting.
        checked = max(settings.get(("all", "rp_filter"), 0), settings.get((name, "rp_filter"), 0))
        yield Interface(
            name,
            family,
            None if why else common(others, outside(legitimate, last_address(family))),
            why,
            family is PacketFamily.IPV4 and checked == 1,
            _on(settings.get((name, "forwarding"))),
            evidence,
        )


def _on(value: int | None) -> bool | None:
    return None if value is None else value != 0


def _receives(link: Mapping[str, Any]) -> str:
    """The interface's name if packets come in through it: it is up, no loopback and no member of another one."""
    flags, name = link.get("flags"), link.get("ifname")
    if not isinstance(flags, list) or not isinstance(name, str):
        raise Unproven(UnprovenKind.NOT_UNDERSTOOD, f"`{ADDRESSES.key}` printed a form that is not known")
    return name if "UP" in flags and "LOOPBACK" not in flags and "master" not in link else ""


def _addresses(link: Mapping[str, Any], family: PacketFamily) -> Iterator[int]:
    """The host's own addresses and the first and last ones of their networks: nobody else can have these."""
    kind = "inet" if family is PacketFamily.IPV4 else "inet6"
    listed = link.get("addr_info")
    for entry in listed if isinstance(listed, list) else ():
        if isinstance(entry, dict) and entry.get("family") == kind:
            try:
                interface = ip_interface(f"{entry.get('local')}/{entry.get('prefixlen')}")
            except ValueError as error:
                text = f"`{ADDRESSES.key}` printed a form that is not known"
                raise Unproven(UnprovenKind.NOT_UNDERSTOOD, text) from error
            yield int(interface.ip)
            if interface.network.num_addresses > 2:
                yield int(interface.network.network_address)
                if family is PacketFamily.IPV4:
                    yield int(interface.network.broadcast_address)


def _usual_rules(answers: Answers, command: Command) -> None:
    """Raises `Unproven` where routes depend on more than the destination."""
    for rule in _listing(answers, command):
        usual = rule.get("src") == "all" and str(rule.get("table")) in _USUAL_TABLES
        if not usual or not rule.keys() <= {"priority", "src", "table", "protocol"}:
            reason = "routes depend on more than the destination (ip rule)"
            raise Unproven(UnprovenKind.NOT_UNDERSTOOD, reason, (answers[command].evidence(),))


def networks_behind(routes: Sequence[Mapping[str, Any]], family: PacketFamily) -> dict[str, Runs]:
    """The addresses whose best route leads through each interface: the longest prefix wins, whatever the metric.

    Raises `Unproven` for routes that are not understood.
    """
    if len(routes) > MOST:
        raise Unproven(UnprovenKind.NOT_UNDERSTOOD, f"there are more than {MOST} routes")
    by_length: dict[int, list[tuple[str, tuple[int, int]]]] = {}
    for route in routes:
        destination = route.get("dst")
        everything = "0.0.0.0/0" if family is PacketFamily.IPV4 else "::/0"
        try:
            network = ip_network(everything if destination == "default" else str(destination))
        except ValueError as error:
            raise Unproven(UnprovenKind.NOT_UNDERSTOOD, f"the route to {destination} is not understood") from error
        span = int(network.network_address), int(network.broadcast_address)
        by_length.setdefault(network.prefixlen, []).extend((name, span) for name in _ways(route))
    taken: Runs = ()
    found: dict[str, list[tuple[int, int]]] = {}
    for length in sorted(by_length, reverse=True):
        free = outside(taken, last_address(family))
        here = by_length[length]
        for name in dict.fromkeys(name for name, _ in here):
            found.setdefault(name, []).extend(common(runs(span for at, span in here if at == name), free))
        taken = runs((*taken, *(span for _, span in here)))
    return {name: runs(parts) for name, parts in found.items() if name}


def _ways(route: Mapping[str, Any]) -> tuple[str, ...]:
    """The interfaces of a route; one without a name for those that lead nowhere."""
    kind = route.get("type", "unicast")
    if kind in ("unreachable", "blackhole", "prohibit"):
        return ("",)
    hops = route.get("nexthops")
    names = [hop.get("dev") for hop in hops if isinstance(hop, dict)] if isinstance(hops, list) else [route.get("dev")]
    if kind != "unicast" or not names or not all(isinstance(name, str) and name for name in names):
        raise Unproven(UnprovenKind.NOT_UNDERSTOOD, f"the route to {route.get('dst')} is not understood")
    return tuple(str(name) for name in names)


def _listing(answers: Answers, command: Command) -> list[Mapping[str, Any]]:
    answer = answers.ended(command)
    try:
        found = json.loads(answer.text or "[]")
    except (ValueError, RecursionError) as error:
        reason = f"`{command.key}` printed no JSON"
        raise Unproven(UnprovenKind.NOT_UNDERSTOOD, reason, (answer.evidence(),)) from error
    if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
        reason = f"`{command.key}` printed a form that is not known"
        raise Unproven(UnprovenKind.NOT_UNDERSTOOD, reason, (answer.evidence(),))
    return found
