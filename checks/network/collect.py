"""Requests of this family and how their answers become facts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from secaudit.api import Answers, Expect, PortScan, attempt, collector

from .expectations import OpenPorts
from .facts import PortScanResult, ScannedPorts
from .nmap_xml import read_scan


def port_scans(wanted: Sequence[Expect]) -> Iterator[PortScan]:
    """One scan for each protocol and port list that a control names."""
    for expect in wanted:
        if isinstance(expect, OpenPorts):
            yield PortScan("tcp", expect.scan)
            if expect.scan_udp is not None:
                yield PortScan("udp", expect.scan_udp)


@collector(ScannedPorts, port_scans)
def scanned_ports(answers: Answers) -> ScannedPorts:
    """Every scan by itself: one that proves nothing takes nothing away from the others."""
    scans = dict.fromkeys(port_scans(answers.wanted))
    return ScannedPorts(tuple((scan.protocol, scan.ports, attempt(_result, answers, scan)) for scan in scans))


def _result(answers: Answers, scan: PortScan) -> PortScanResult:
    return read_scan(answers.ended(scan), scan)
