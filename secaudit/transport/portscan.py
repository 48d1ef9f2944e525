"""Port scans from the scanner's side, by nmap through python-nmap."""

from __future__ import annotations

import ipaddress
import math
import os
import re
import socket
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import nmap

from secaudit.model.answer import Answer, AnswerStatus
from secaudit.model.inventory import Host, TransportKind
from secaudit.model.request import PortScan
from secaudit.transport.interface import Unreachable
from secaudit.transport.ssh_route import route

# No name resolution, no ping first (a firewalled host is there all the same), and a rate that gets through the ports
# of a host that drops everything. UDP is left to nmap's own pace: hosts limit the ICMP errors that tell closed ports.
_COMMON = "-n -Pn -T4"
_TCP = "--max-retries 1 --min-rate 5000"
_UDP = "-sU --max-retries 2"

_BACKSTOP = 5
"""Seconds after which nmap is killed when it does not keep its own time limit."""

# nmap.dtd: the attribute of <host> when --host-timeout struck; such a host has no list of ports.
_GAVE_UP = re.compile(rb'<host [^>]*timedout="true"')
_SUCCESS = re.compile(rb'<finished [^>]*exit="success"')
_ZONE = re.compile(r"[A-Za-z0-9_.-]{1,32}")


AT_ONCE = 8
"""Scans side by side: each sends thousands of packets a second, and a link that drops them hides open ports."""


class NmapProber:
    """Scans with nmap: SYN scans as root, else connect scans; UDP needs root.

    `programs` are tried in order; no more than `at_once` scans run side by side, the others wait their turn.
    """

    def __init__(
        self, programs: Sequence[str] = ("nmap", "/usr/bin/nmap", "/usr/local/bin/nmap"), at_once: int = AT_ONCE
    ) -> None:
        self._programs = tuple(programs)
        self._turns = at_once
        self._turn = threading.Condition()
        self._closed = False

    def scan(self, host: Host, request: PortScan, deadline: float) -> Answer:
        """See `interface.Prober.scan`. One host, one address: a name is resolved first, so nmap only sees a literal.

        A host behind a jump host is `DENIED`: what has its address here may be another machine.
        """
        asked, since = datetime.now(UTC), time.monotonic()
        with self._turn:
            # Without a limit of its own: those before it have theirs, and so does the whole queue.
            self._turn.wait_for(lambda: self._turns > 0 or self._closed)
            if self._closed:
                return Answer(request, AnswerStatus.LOST, asked, detail="the scan was stopped", asked=asked)
            self._turns -= 1
        try:
            waited = time.monotonic() - since
            return self._scan(host, request, deadline + waited, asked, asked + timedelta(seconds=waited))
        finally:
            with self._turn:
                self._turns += 1
                self._turn.notify()

    def close(self) -> None:
        """See `interface.Prober.close`."""
        with self._turn:
            self._closed = True
            self._turn.notify_all()

    def _scan(self, host: Host, request: PortScan, deadline: float, asked: datetime, started: datetime) -> Answer:
        begun = time.monotonic()

        def answer(status: AnswerStatus, detail: str, stdout: bytes = b"", stderr: str = "") -> Answer:
            return Answer(
                request,
                status,
                started,
                timedelta(seconds=time.monotonic() - begun),
                (0 if _SUCCESS.search(stdout) else 1) if status is AnswerStatus.ENDED else None,
                stdout[: request.limit],
                stderr.encode(),
                len(stdout) > request.limit,
                detail,
                asked,
            )

        if host.transport is TransportKind.LOCAL:
            return answer(AnswerStatus.DENIED, "this machine cannot see its own ports from outside")
        privileged = os.geteuid() == 0
        if request.protocol == "udp" and not privileged:
            return answer(AnswerStatus.DENIED, "a UDP scan needs root on the scanner")
        try:
            hops = route(host)
            if len(hops) > 1:
                return answer(
                    AnswerStatus.DENIED, "the host is behind a jump host; scan its ports from its own network"
                )
            address = _address(hops[-1].host)
        except Unreachable as error:
            return answer(AnswerStatus.LOST, str(error))
        left = min(request.timeout.total_seconds(), deadline - time.monotonic())
        if left <= 0:
            return answer(AnswerStatus.TIMEOUT, "the time for this host was used up")
        try:
            # Looking for the program also runs it once; a scanner object holds one scan, so each scan has its own.
            scanner = nmap.PortScanner(nmap_search_path=self._programs)
        except nmap.PortScannerError:
            return answer(AnswerStatus.MISSING, "nmap is not installed on the scanner")
        try:
            found = scanner.scan(
                hosts=str(address),
                ports=request.ports,
                arguments=_arguments(request, address, privileged, left),
                timeout=left + _BACKSTOP,
            )
        except nmap.PortScannerTimeout:
            return answer(AnswerStatus.TIMEOUT, f"nmap did not end within {left:g} s and was killed")
        except nmap.PortScannerError as error:
            # Without complaints on stderr the error holds the output once more.
            complaints = error.value if isinstance(error.value, str) else ""
            return answer(AnswerStatus.ENDED, "", _output(scanner), complaints)
        stdout = _output(scanner)
        if _GAVE_UP.search(stdout):
            return answer(AnswerStatus.TIMEOUT, f"the scan did not end within {left:.0f} s", stdout)
        return answer(AnswerStatus.ENDED, "", stdout + _scanned_from(address), _complaints(found))


def _scanned_from(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bytes:
    """The scanner's own address on the way to the host, as an XML comment behind nmap's output, which lacks it.

    Connecting a datagram socket chooses the address and sends nothing (udp(7)).
    """
    version = socket.AF_INET if address.version == 4 else socket.AF_INET6
    try:
        with socket.socket(version, socket.SOCK_DGRAM) as way:
            way.connect((str(address), 9))
            own = way.getsockname()[0]
    except OSError:
        return b""
    return f"<!-- secaudit: scanned from {own.partition('%')[0]} -->\n".encode()


def _arguments(
    request: PortScan, address: ipaddress.IPv4Address | ipaddress.IPv6Address, privileged: bool, left: float
) -> str:
    kind = _UDP if request.protocol == "udp" else f"{'-sS' if privileged else '-sT'} {_TCP}"
    family = "-6 " if address.version == 6 else ""
    return f"{family}{_COMMON} {kind} --host-timeout {math.ceil(left * 1000)}ms"


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The one address to scan: nmap would take lists, ranges, networks and options for targets. Raises Unreachable."""
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        try:
            found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            raise Unreachable(f"the name {name!r} cannot be resolved") from None
        address = ipaddress.ip_address(found[0][4][0])
    if isinstance(address, ipaddress.IPv6Address) and address.scope_id and not _ZONE.fullmatch(address.scope_id):
        raise Unreachable(f"{name!r} is not an address that can be scanned")
    return address


def _output(scanner: Any) -> bytes:
    output = scanner.get_nmap_last_output()
    return output if isinstance(output, bytes) else str(output).encode()


def _complaints(found: dict[str, Any]) -> str:
    """nmap's stderr, as far as python-nmap keeps it: the whole text once for every line of it."""
    told = found["nmap"]["scaninfo"]
    return "".join(dict.fromkeys((*told.get("error", ()), *told.get("warning", ()))))
