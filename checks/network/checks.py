"""The checks of ports, seen from outside and from inside."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from ipaddress import IPv6Address, ip_address
from itertools import groupby
from operator import attrgetter

from secaudit.api import (
    Evidence,
    Facts,
    Outcome,
    Severity,
    Unproven,
    UnprovenKind,
    Verdict,
    check,
    failed,
    passed,
    unproven,
)

from ..host.facts import ListeningSockets, Socket
from .expectations import FromNetworks, ListeningServices, OpenPorts, Source
from .facts import PortScanResult, ScannedPort, ScannedPorts
from .ports import numbers, parse_list, parse_range

SHOWN = 20
"""How many port numbers a sentence can hold."""


@check(
    "network.open-ports",
    title="Only named ports are open from outside",
    severity=Severity.HIGH,
    requires=[ScannedPorts],
    expect=OpenPorts,
    remediation=(
        "Find the service behind the port on the host, stop it or close the port in the firewall; if it is meant to be "
        "open, name it in the baseline:\n"
        "ss -lntup\n"
        "systemctl disable --now SERVICE"
    ),
    references={
        "cis-v8": ["4.4", "4.8"],
        "csf-2.0": ["PR.IR-01"],
        "iso-27001": ["A.8.20"],
        "bsi": ["NET.3.2.A2"],
        "nis2": ["21(2)(e)"],
        "pci-4.0": ["1.2.5", "11.3"],
        "nist-800-53": ["CM-7", "SC-7"],
    },
)
def open_ports(facts: Facts, expect: OpenPorts) -> Iterator[Verdict]:
    """No port is open from the scanner's place in the network that the baseline does not name.

    The scan sees the host from one address. A port that is named with `from` may be seen open only from an address in
    these networks; that it is closed to everybody else is for the checks of the firewall to prove.
    """
    yield from _judge_protocol(facts[ScannedPorts], "tcp", expect.scan, expect.tcp, expect.required)
    if expect.scan_udp is not None:
        yield from _judge_protocol(facts[ScannedPorts], "udp", expect.scan_udp, expect.udp, ())


def _judge_protocol(
    scans: ScannedPorts, protocol: str, scanned: str, named: Mapping[str, Source], required: Sequence[str]
) -> Iterator[Verdict]:
    try:
        scan = scans.scan(protocol, scanned)
    except Unproven as reason:
        yield reason.verdict(protocol)
        return
    allowed = numbers(*map(parse_range, named))
    unexpected = [port for port in scan.seen if port.state == "open" and port.port not in allowed]
    silent = _silent(scan, allowed)
    for port in unexpected:
        yield failed(
            port.subject,
            reason=f"Port {port.subject} is open from outside, and the baseline does not name it.",
            observed=f"open ({port.service})" if port.service else "open",
            expected="closed or filtered",
            evidence=[port.evidence],
            remediation=_close(port.protocol, port.port),
        )
    if silent:
        yield unproven(
            protocol,
            kind=UnprovenKind.NOT_UNDERSTOOD,
            reason=f"no answer from {_some(silent)}: open and silent, or filtered",
            expected="closed or filtered",
            evidence=[scan.evidence],
        )
    elif not unexpected:
        yield passed(
            protocol,
            observed=f"no unnamed port is open among {protocol} {scanned}",
            expected="only named ports are open",
            evidence=[scan.evidence],
        )
    for ports in required:
        verdict, source = _judge_required(scan, ports), named.get(ports, "any")
        yield verdict if verdict.outcome is Outcome.FAILED or source == "any" else _judge_named(scan, ports, source)
    for ports, source in named.items():
        if ports not in required:
            yield _judge_named(scan, ports, source)


def _silent(scan: PortScanResult, allowed: frozenset[int]) -> list[int]:
    """Unnamed ports that may be open. Ports that nmap sums up count when any of the sums is of that kind."""
    silent = {port.port for port in scan.seen if port.state == "open|filtered"}
    if any(state == "open|filtered" for state, _ in scan.rest):
        silent |= parse_list(scan.ports) - {port.port for port in scan.seen}
    return sorted(silent - allowed)


def _judge_required(scan: PortScanResult, ports: str) -> Verdict:
    subject, wanted = f"{scan.protocol}/{ports}", parse_range(ports)
    inside = _inside(scan, wanted)
    opened = {port.port for port in inside if port.state == "open"}
    closed = [number for number in wanted if number not in opened]
    evidence = [port.evidence for port in inside] or [scan.evidence]
    if closed:
        return failed(
            subject,
            reason=f"Port {subject} must be open from outside and is not.",
            observed=f"not open: {_some(closed)}",
            expected="open",
            evidence=evidence,
            remediation=(
                "Start the service and let it through the firewall:\n"
                f"ss -ln{scan.protocol[0]}p 'sport = :{closed[0]}'\n"
                "systemctl --failed"
            ),
        )
    return passed(subject, observed="open", expected="open", evidence=evidence)


def _judge_named(scan: PortScanResult, ports: str, source: Source) -> Verdict:
    subject, inside = f"{scan.protocol}/{ports}", _inside(scan, parse_range(ports))
    opened = [port.port for port in inside if port.state == "open"]
    observed = "not open" if not opened else "open" if ports.isdecimal() else f"open: {_some(opened)}"
    evidence = [port.evidence for port in inside] or [scan.evidence]
    if not isinstance(source, FromNetworks):
        return passed(subject, observed=observed, expected="may be open", evidence=evidence)
    networks = ", ".join(map(str, source.networks))
    expected = f"open to {networks} only"
    if opened and not scan.scanner:
        return unproven(
            subject,
            kind=UnprovenKind.NOT_RECORDED,
            reason="the port is open, and the recording does not say from which address it was scanned",
            expected=expected,
            evidence=evidence,
        )
    if opened and not any(ip_address(scan.scanner) in network for network in source.networks):
        return failed(
            subject,
            reason=f"Port {subject} is open to {scan.scanner}, which is in none of the networks that may reach it.",
            observed=observed,
            expected=expected,
            evidence=evidence,
            remediation=_admit(scan.protocol, opened[0], networks),
        )
    reason = "One scan cannot prove who else is let in; the firewall's checks do."
    return passed(subject, reason=reason, observed=observed, expected=expected, evidence=evidence)


def _inside(scan: PortScanResult, ports: range) -> list[ScannedPort]:
    return [port for port in scan.seen if port.port in ports]


@check(
    "network.listening-services",
    title="Only named services listen",
    severity=Severity.MEDIUM,
    requires=[ListeningSockets],
    expect=ListeningServices,
    remediation=(
        "Stop the service, bind it to 127.0.0.1, or name its port in the baseline:\n"
        "ss -lntup\n"
        "systemctl disable --now SERVICE"
    ),
    references={
        "cis-v8": ["4.8"],
        "csf-2.0": ["PR.IR-01", "PR.PS-01"],
        "iso-27001": ["A.8.20", "A.8.21"],
        "bsi": ["SYS.1.3"],
        "nis2": ["21(2)(e)"],
        "pci-4.0": ["1.2.5", "2.2.4"],
        "nist-800-53": ["CM-7"],
    },
)
def listening_services(facts: Facts, expect: ListeningServices) -> Iterator[Verdict]:
    """Nothing listens on an address other machines can reach unless the baseline names its port.

    It sees from inside what a firewall hides from a port scan: a rule that is lifted one day must not open more than
    was agreed. Sockets on the loopback interface are left out.
    """
    allowed = {"tcp": numbers(*map(parse_range, expect.tcp)), "udp": numbers(*map(parse_range, expect.udp))}
    key = attrgetter("protocol", "port")
    reachable = sorted((socket for socket in facts[ListeningSockets].sockets if not is_loopback(socket)), key=key)
    unexpected = False
    for (protocol, port), group in groupby(reachable, key=key):
        sockets = list(group)
        if port in allowed[protocol] or all(socket.process in expect.processes for socket in sockets):
            yield passed(
                f"{protocol}/{port}", observed=_listeners(sockets), expected="may listen", evidence=_evidence(sockets)
            )
            continue
        unexpected = True
        yield failed(
            f"{protocol}/{port}",
            reason=f"A service that the baseline does not name listens on {protocol}/{port}: {_listeners(sockets)}.",
            observed=_listeners(sockets),
            expected="nothing listens there",
            evidence=_evidence(sockets),
            remediation=_close(protocol, port),
        )
    if not unexpected:
        yield passed(
            observed="no unnamed service listens",
            expected="only named services listen",
            evidence=facts[ListeningSockets].evidence,
        )


def is_loopback(socket: Socket) -> bool:
    """Whether only the host itself reaches the socket."""
    address = ip_address(socket.address)
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return socket.interface == "lo" or (mapped or address).is_loopback


def _listeners(sockets: Sequence[Socket]) -> str:
    """`sshd (0.0.0.0, ::)`: every program with the addresses it listens on; unknown owners as such."""
    processes = sorted({socket.process for socket in sockets})
    return "; ".join(
        f"{process or 'unknown process'} "
        f"({', '.join(dict.fromkeys(_place(socket) for socket in sockets if socket.process == process))})"
        for process in processes
    )


def _place(socket: Socket) -> str:
    address = f"{socket.address} + IPv4" if socket.dual_stack else socket.address
    return f"{address}%{socket.interface}" if socket.interface else address


def _evidence(sockets: Sequence[Socket]) -> list[Evidence]:
    return [socket.evidence for socket in sockets]


def _close(protocol: str, port: int) -> str:
    return (
        "Find the service, then stop it, bind it to 127.0.0.1 or close the port in the firewall; if it is meant to be "
        "there, name the port in the baseline:\n"
        f"ss -ln{protocol[0]}p 'sport = :{port}'\n"
        "systemctl disable --now SERVICE"
    )


def _admit(protocol: str, port: int, networks: str) -> str:
    return (
        f"Let only {networks} through the host's firewall, or name the network of the scanner in the baseline; what "
        "the rules let through shows:\n"
        f"secaudit firewall reach --host HOST --to {protocol}/{port}"
    )


def _some(ports: Sequence[int]) -> str:
    shown = ", ".join(map(str, ports[:SHOWN]))
    return f"{shown} and {len(ports) - SHOWN} more" if len(ports) > SHOWN else shown
