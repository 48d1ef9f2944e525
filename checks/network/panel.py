"""What this family shows of a host in the dashboard: each port as intended, listening, accepted and seen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from secaudit.api import HostView, Outcome, Unproven, panel
from secaudit.model.panel import Panel, PanelTable, Tone, Words

from ..firewall.analysis.reach import Service, Way
from ..firewall.analysis.service_matrix import Open, all_services, entry
from ..firewall.facts import Firewall
from ..firewall.rules.matches import PacketFamily
from ..host.facts import ListeningSockets, Socket
from .checks import is_loopback
from .expectations import FromNetworks, ListeningServices, OpenPorts
from .facts import PortScanResult, ScannedPorts
from .ports import parse_list, parse_range

_NUMBERS = {"tcp": 6, "udp": 17}
_SINGLE = 64
"""Ports of a range that get a row each; of a larger one only those at which something is."""

Port = tuple[str, int]


@dataclass(frozen=True, slots=True)
class _Known:
    """What each source says; None where it says nothing."""

    intended: dict[Port, str] | None
    listening: dict[Port, list[Socket]] | None
    services: list[Service] | None
    scans: tuple[PortScanResult, ...]


@panel("Ports", facts=[ListeningSockets, Firewall, ScannedPorts])
def ports(view: HostView) -> Panel:
    """Intended × listening × accepted × seen."""
    doubts: list[str] = []
    known = _Known(_intended(view), _listening(view, doubts), _services(view, doubts), tuple(_scans(view, doubts)))
    if known.intended is None:
        doubts.append("which ports the baseline names: start with --inventory, or scan with network.listening-services")
    rows = tuple(_row(port, known) for port in sorted(_worth_a_row(known)))
    lead = f"Not known: {'; '.join(doubts)}." if doubts else ""
    return Panel(lead, (PanelTable("", ("port", "intended", "listening", "accepted", "seen", ""), rows),))


def _intended(view: HostView) -> dict[Port, str] | None:
    found: dict[Port, str] = {}
    expectations = (*view.expected(ListeningServices), *view.expected(OpenPorts))
    for expect in view.expected(ListeningServices):
        for protocol, named in (("tcp", expect.tcp), ("udp", expect.udp)):
            found |= {(protocol, port): "may listen" for name in named for port in parse_range(name)}
    for one in view.expected(OpenPorts):
        for protocol, sources in (("tcp", one.tcp), ("udp", one.udp)):
            for name, source in sources.items():
                networks = source.networks if isinstance(source, FromNetworks) else ()
                who = f"open to {', '.join(map(str, networks))}" if networks else "open to any"
                found |= dict.fromkeys(((protocol, port) for port in parse_range(name)), who)
    return found if expectations else _judged(view)


def _judged(view: HostView) -> dict[Port, str] | None:
    """What the newest scan judged, where the baselines are not at hand."""
    judged = [one for one in view.results if one.check == "network.listening-services"]
    allowed = (one.subject.partition("/") for one in judged if one.subject and one.outcome is Outcome.PASSED)
    found = {(protocol, int(port)): "may listen" for protocol, _, port in allowed if port.isdecimal()}
    return found if judged else None


def _listening(view: HostView, doubts: list[str]) -> dict[Port, list[Socket]] | None:
    sockets = view.facts.get(ListeningSockets)
    if isinstance(sockets, Unproven):
        doubts.append(f"what listens ({sockets.reason})")
        return None
    found: dict[Port, list[Socket]] = {}
    for socket in sockets.sockets:
        found.setdefault((socket.protocol, socket.port), []).append(socket)
    return found


def _services(view: HostView, doubts: list[str]) -> list[Service] | None:
    firewall = view.facts.get(Firewall)
    if isinstance(firewall, Unproven):
        doubts.append(f"what the firewall accepts ({firewall.reason})")
        return None
    services, unsure = all_services(firewall.ruleset, frozenset(PacketFamily))
    doubts += [*unsure, *(gap.reason for gap in firewall.gaps)]
    return None if unsure else [service for service in services if service.way is Way.LOCAL]


def _scans(view: HostView, doubts: list[str]) -> Iterator[PortScanResult]:
    scanned = view.facts.get(ScannedPorts)
    if isinstance(scanned, Unproven):
        doubts.append(f"what is seen from outside ({scanned.reason})")
        return
    for protocol, named, result in scanned.scans:
        if isinstance(result, Unproven):
            doubts.append(f"which {protocol} ports of {named} are seen from outside ({result.reason})")
        else:
            yield result


def _worth_a_row(known: _Known) -> set[Port]:
    found = set(known.listening or {}) | set(_narrow(known.intended or {}))
    found |= {(port.protocol, port.port) for scan in known.scans for port in scan.seen if port.state == "open"}
    for service in known.services or ():
        protocol = next((name for name, number in _NUMBERS.items() if number == service.protocol), "")
        low, high = service.ports.low, service.ports.high
        if protocol and service.access and high - low < _SINGLE:
            found |= {(protocol, port) for port in range(low, high + 1)}
    return found


def _narrow(ports: Iterable[Port]) -> list[Port]:
    named = list(ports)
    return named if len(named) <= _SINGLE else []


def _row(port: Port, known: _Known) -> tuple[Words, ...]:
    intended = None if known.intended is None else known.intended.get(port, "")
    sockets = None if known.listening is None else known.listening.get(port, [])
    accepted, is_open = _accepted(port, known.services)
    seen = _seen(port, known.scans)
    reachable = bool(sockets) and not all(map(is_loopback, sockets or ()))
    return (
        Words(f"{port[0]}/{port[1]}", Tone.STRONG),
        Words("?", Tone.UNSURE) if intended is None else Words(intended or "no", Tone.PLAIN if intended else Tone.DIM),
        Words("?", Tone.UNSURE) if sockets is None else Words(_who(sockets), Tone.PLAIN if reachable else Tone.DIM),
        accepted,
        seen,
        _remark(intended, sockets, is_open=is_open, reachable=reachable, seen=seen.text),
    )


def _who(sockets: list[Socket]) -> str:
    if not sockets:
        return "nothing"
    names = ", ".join(sorted({socket.process or "unknown process" for socket in sockets}))
    return f"{names} on {', '.join(sorted({socket.address for socket in sockets}))}"


def _accepted(port: Port, services: list[Service] | None) -> tuple[Words, bool | None]:
    """From whom, and whether the firewall lets anybody in; None where nobody knows."""
    if services is None:
        return Words("?", Tone.UNSURE), None
    number = _NUMBERS[port[0]]
    there = [one for one in services if one.protocol == number and one.ports.low <= port[1] <= one.ports.high]
    entries = [(one.family.label, entry(one)) for one in there if one.access]
    if not entries:
        return Words("nobody", Tone.DIM), False
    text = "; ".join(f"{label} {told.who}" for label, told in entries)
    sure = any(told.open in (Open.SOME, Open.EVERYWHERE) for _, told in entries)
    return Words(text, Tone.PLAIN if sure else Tone.UNSURE), True if sure else None


def _seen(port: Port, scans: tuple[PortScanResult, ...]) -> Words:
    for scan in scans:
        if scan.protocol == port[0] and port[1] in parse_list(scan.ports):
            named = next((one.state for one in scan.seen if one.port == port[1]), None)
            state = named or ", ".join(state for state, _ in scan.rest) or "not told"
            return Words(state, Tone.STRONG if state == "open" else Tone.DIM)
    return Words("not scanned", Tone.UNSURE)


def _remark(
    intended: str | None, sockets: list[Socket] | None, *, is_open: bool | None, reachable: bool, seen: str
) -> Words:
    """The worst that the four say about each other."""
    if seen == "open" and intended == "":
        return Words("open from outside, not in the baseline", Tone.HIGH)
    if seen == "open" and is_open is False:
        return Words("open from outside, although the rules let nobody in", Tone.HIGH)
    if reachable and intended == "":
        closed = " (the firewall closes it)" if is_open is False else ""
        return Words(f"listens, not in the baseline{closed}", Tone.LOW if closed else Tone.MEDIUM)
    if is_open and sockets == []:
        return Words("accepted, but nothing listens", Tone.LOW)
    if reachable and intended and is_open is False:
        return Words("named, but the firewall lets nobody in", Tone.LOW)
    if intended and sockets == []:
        return Words("named, but nothing listens", Tone.DIM)
    if None in (intended, sockets, is_open):
        return Words("not wholly known", Tone.UNSURE)
    return Words("as intended" if reachable else "", Tone.GOOD)
