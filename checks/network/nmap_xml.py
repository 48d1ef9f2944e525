"""nmap's XML output (nmap.dtd, version 1.05), read by python-nmap behind checks of what that parser takes for granted.

python-nmap's parser is a method of a class whose constructor looks for the nmap program and runs it. A reader of
recorded scans has no business doing so, and works on machines without nmap: the object is made without its
constructor, on whose results the parser does not depend (it keeps the text and its own result in the instance).
"""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Any, NoReturn
from xml.etree import ElementTree as ET

import nmap

from secaudit.api import Answer, PortScan, Unproven, UnprovenKind

from .facts import PortScanResult, ScannedPort
from .ports import parse_list

STATES = frozenset({"open", "closed", "filtered", "open|filtered"})

_SCANNER = re.compile(r"<!-- secaudit: scanned from ([0-9a-fA-F.:]{2,45}) -->")
_PORT_LINE = re.compile(r'<port protocol="(tcp|udp)" portid="(\d{1,5})">')


def read_scan(answer: Answer, request: PortScan) -> PortScanResult:
    """The ports of the one host that was scanned.

    Raises `Unproven` for a scan that was cut short, left ports out, did not reach the host, or that nothing at all
    answered.
    """
    root = _document(answer)
    host = _host(answer, root)
    states = _rest(answer, host)
    ports = _parsed(answer)
    lines = {
        (found[1], int(found[2])): number
        for number, line in enumerate(answer.lines, 1)
        for found in _PORT_LINE.finditer(line)
    }
    seen = []
    for port, fields in sorted(ports.get(request.protocol, {}).items()):
        if fields["state"] not in STATES:
            _refuse(answer, f"port {port} is said to be {fields['state']!r}")
        seen.append(
            ScannedPort(
                protocol=request.protocol,
                port=port,
                state=fields["state"],
                reason=fields["reason"] or "",
                service=fields["name"] or "",
                evidence=answer.evidence(lines.get((request.protocol, port))),
            )
        )
    _check_coverage(answer, root, request, {port.port for port in seen}, sum(count for _, count in states))
    answered = any(port.state in ("open", "closed") for port in seen) or any(state == "closed" for state, _ in states)
    if not answered and request.protocol == "tcp":
        raise Unproven(
            UnprovenKind.UNREACHABLE,
            f"none of the ports {request.ports} answered: a host that drops everything and a host that the scanner "
            "does not reach look the same",
            (answer.evidence(),),
        )
    return PortScanResult(request.protocol, request.ports, tuple(seen), states, answer.evidence(), _scanner(answer))


def _scanner(answer: Answer) -> str:
    """The scanner's address, which the prober notes behind nmap's output; empty in recordings without the note."""
    found = _SCANNER.search(answer.text.rpartition("</nmaprun>")[2])
    try:
        return str(ip_address(found[1])) if found else ""
    except ValueError:
        return ""


def _document(answer: Answer) -> ET.Element:
    text = answer.text
    if "<!ENTITY" in text:
        _refuse(answer, "it defines entities")
    try:
        root = ET.fromstring(text)  # noqa: S314 - entities are refused above, nothing external is fetched
    except (ET.ParseError, ValueError):
        _refuse(answer, "it is not whole XML, so the scan was cut short")
    if root.tag != "nmaprun":
        _refuse(answer, "it is not nmap's")
    finished = root.find("runstats/finished")
    if finished is None or finished.get("exit") != "success" or root.find("runstats/hosts") is None:
        reason = finished.get("errormsg") if finished is not None else None
        raise Unproven(
            UnprovenKind.ERROR, f"nmap did not finish the scan: {reason or 'no reason given'}", (answer.evidence(),)
        )
    return root


def _host(answer: Answer, root: ET.Element) -> ET.Element:
    hosts = root.findall("host")
    if not hosts:
        raise Unproven(UnprovenKind.UNREACHABLE, "nmap found no host at the address", (answer.evidence(),))
    status = hosts[0].find("status")
    if len(hosts) > 1 or status is None or hosts[0].find("address") is None:
        _refuse(answer, "it does not speak about exactly one host")
    if status.get("state") != "up":
        raise Unproven(
            UnprovenKind.UNREACHABLE, f"nmap says that the host is {status.get('state')}", (answer.evidence(),)
        )
    if hosts[0].get("timedout") == "true":
        raise Unproven(UnprovenKind.TIMEOUT, "the port scan did not end in time", (answer.evidence(),))
    return hosts[0]


def _rest(answer: Answer, host: ET.Element) -> tuple[tuple[str, int], ...]:
    """States of the ports that nmap sums up instead of naming them; python-nmap leaves them out."""
    rest = []
    for extra in host.findall("ports/extraports"):
        state, count = extra.get("state", ""), extra.get("count", "")
        if state not in STATES - {"open"} or not _is_count(count):
            _refuse(answer, f"it sums up {count!r} ports as {state!r}")
        rest.append((state, int(count)))
    return tuple(rest)


def _parsed(answer: Answer) -> dict[str, Any]:
    parser = nmap.PortScanner.__new__(nmap.PortScanner)
    try:
        hosts = parser.analyse_nmap_xml_scan(answer.text)["scan"]
    except (nmap.PortScannerError, AttributeError, KeyError, TypeError, ValueError):
        # The parser looks up elements and attributes without asking whether they are there.
        _refuse(answer, "an element that nmap always writes is missing")
    (ports,) = hosts.values()
    return dict(ports)


def _check_coverage(answer: Answer, root: ET.Element, request: PortScan, seen: set[int], rest: int) -> None:
    scanned: frozenset[int] = frozenset()
    for info in root.findall("scaninfo"):
        if info.get("protocol") == request.protocol:
            try:
                scanned = parse_list(info.get("services"))
            except ValueError:
                _refuse(answer, "its list of scanned ports has a form that is not known")
    if scanned != parse_list(request.ports) or not seen <= scanned or len(seen) + rest != len(scanned):
        _refuse(answer, "it does not cover exactly the ports that were asked for")


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 5


def _refuse(answer: Answer, why: str) -> NoReturn:
    raise Unproven(
        UnprovenKind.NOT_UNDERSTOOD, f"the result of the port scan cannot be used: {why}", (answer.evidence(),)
    )
