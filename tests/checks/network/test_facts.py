"""The reader of port scans, over nmap 7.93 run in network namespaces, and damaged copies of its output."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from secaudit.checks.network.collect import port_scans, scanned_ports
from secaudit.checks.network.expectations import ListeningServices, OpenPorts
from secaudit.checks.network.facts import PortScanResult, ScannedPorts

from secaudit.api import AnswerStatus, PortScan, Unproven, UnprovenKind
from tests.checks.judging import NOT_ANSWERED, collect, damaged, ended, recorded, unanswered

NAMES = ("open", "few", "filtered", "silent", "udp-silent", "udp-closed", "timedout", "cut", "unresolved", "down")


def scan(output: bytes | str, ports: str, protocol: str = "tcp") -> PortScanResult | Unproven:
    asked = {"scan": ports} if protocol == "tcp" else {"scan": "1", "scan_udp": ports}
    request = PortScan(protocol, ports)
    fact: ScannedPorts = collect(
        scanned_ports, ended(request, output), wanted=[OpenPorts.model_validate({**asked, "tcp": {}})]
    )
    try:
        return fact.scan(protocol, ports)
    except Unproven as reason:
        return reason


def refused(output: bytes | str, ports: str = "22,80,443,8080") -> Unproven:
    found = scan(output, ports)
    assert isinstance(found, Unproven), found
    return found


def states(name: str, ports: str, protocol: str = "tcp") -> dict[str, str]:
    found = scan(recorded("network", name), ports, protocol)
    assert isinstance(found, PortScanResult), found
    return {port.subject: port.state for port in found.seen}


def test_a_scan_of_all_ports_names_the_open_ones() -> None:
    found = scan(recorded("network", "open.xml"), "1-65535")
    assert isinstance(found, PortScanResult)
    assert [(port.port, port.state, port.reason, port.service) for port in found.seen] == [
        (22, "open", "syn-ack", "ssh"),
        (443, "open", "syn-ack", "https"),
        (8080, "open", "syn-ack", "http-proxy"),
    ]
    assert found.rest == (("closed", 65532),)
    assert 'portid="8080"' in found.seen[2].evidence.excerpt


def test_a_scan_of_few_ports_names_all() -> None:
    assert states("few.xml", "22,80,443,8080") == {
        "tcp/22": "open",
        "tcp/80": "closed",
        "tcp/443": "open",
        "tcp/8080": "open",
    }


@pytest.mark.parametrize(
    ("note", "scanner"),
    [
        (b"", ""),
        (b"<!-- secaudit: scanned from 10.20.0.9 -->\n", "10.20.0.9"),
        (b"<!-- secaudit: scanned from 2001:db8::9 -->\n", "2001:db8::9"),
        (b"<!-- secaudit: scanned from 10.20.0.999 -->\n", ""),
    ],
)
def test_the_address_of_the_scanner_is_noted_behind_the_scan(note: bytes, scanner: str) -> None:
    found = scan(bytes(recorded("network", "few.xml")) + note, "22,80,443,8080")
    assert isinstance(found, PortScanResult)
    assert found.scanner == scanner


def test_one_port_that_answers_proves_that_the_host_was_reached() -> None:
    assert states("filtered.xml", "1-1000") == {"tcp/9": "closed", "tcp/22": "open"}


def test_udp_ports_that_do_not_answer_stay_what_they_are() -> None:
    assert states("udp-silent.xml", "53,161", "udp") == {"udp/53": "open|filtered", "udp/161": "open|filtered"}
    assert states("udp-closed.xml", "53,161", "udp") == {"udp/53": "closed", "udp/161": "closed"}


@pytest.mark.parametrize(
    ("name", "ports", "kind", "words"),
    [
        ("silent", "1-1000", UnprovenKind.UNREACHABLE, "none of the ports 1-1000 answered"),
        ("timedout", "1-65535", UnprovenKind.TIMEOUT, "did not end in time"),
        ("cut", "1-65535", UnprovenKind.NOT_UNDERSTOOD, "cut short"),
        ("unresolved", "22", UnprovenKind.UNREACHABLE, "no host"),
        ("down", "22,443", UnprovenKind.UNREACHABLE, "no host"),
    ],
)
def test_a_scan_that_proves_nothing_is_unproven(name: str, ports: str, kind: UnprovenKind, words: str) -> None:
    reason = refused(recorded("network", f"{name}.xml"), ports)
    assert reason.kind is kind
    assert words in reason.reason


FEW = recorded("network", "few.xml").decode()


@pytest.mark.parametrize(
    ("output", "words"),
    [
        ("", "not whole XML"),
        ("<html/>", "not nmap's"),
        ("<nmaprun/>", "no reason given"),
        (FEW.replace('exit="success"', 'exit="error" errormsg="out of memory"'), "out of memory"),
        (FEW.replace('state="up"', 'state="down"'), "the host is down"),
        (FEW.replace("<address", "<adress"), "exactly one host"),
        (FEW.replace("</host>", '</host><host><status state="up"/></host>'), "exactly one host"),
        (FEW.replace('state="open"', 'state="unlocked"'), "said to be 'unlocked'"),
        (FEW.replace('services="22,80,443,8080"', 'services="22,80"'), "exactly the ports"),
        (FEW.replace('services="22,80,443,8080"', 'services="all"'), "list of scanned ports"),
        (FEW.replace('protocol="tcp" numservices', 'protocol="udp" numservices'), "exactly the ports"),
        (FEW.replace('portid="80"', 'portid="eighty"'), "is missing"),
        (FEW.replace('portid="80"', f'portid="{"9" * 5000}"'), "is missing"),
        (FEW.replace('portid="80"', 'portid="81"'), "exactly the ports"),
        (FEW.replace('<state state="closed"', "<stat"), "is missing"),
        (FEW.replace("<ports>", '<ports><extraports state="open" count="3"/>'), "sums up"),
        (FEW.replace("<ports>", '<ports><extraports state="closed" count="-1"/>'), "sums up"),
        (FEW.replace("<!DOCTYPE nmaprun>", '<!DOCTYPE nmaprun [<!ENTITY a "b">]>'), "entities"),
    ],
)
def test_what_nmap_would_not_write_is_unproven(output: str, words: str) -> None:
    assert output != FEW
    assert words in refused(output).reason


def test_a_port_left_out_of_the_answer_is_noticed() -> None:
    line = next(line for line in FEW.splitlines(keepends=True) if 'portid="80"' in line)
    assert "exactly the ports" in refused(FEW.replace(line, "")).reason


def test_the_expectations_shape_the_scans() -> None:
    wanted: list[Any] = [
        OpenPorts(tcp={"22": "any"}),
        OpenPorts(tcp={"443": "any"}),
        OpenPorts(tcp={"22": "any"}, scan="20-30", udp={"53": "any"}, scan_udp="161, 53"),
        ListeningServices(tcp=(22,)),
    ]
    assert scanned_ports.plan(wanted) == (
        PortScan("tcp", "1-65535"),
        PortScan("tcp", "20-30"),
        PortScan("udp", "53,161"),
    )
    assert list(port_scans([])) == []


def test_a_failed_scan_takes_nothing_away_from_another() -> None:
    wanted = [OpenPorts(tcp={"22": "any"}, scan="22,80,443,8080", scan_udp="53")]
    fact: ScannedPorts = collect(
        scanned_ports,
        ended(PortScan("tcp", "22,80,443,8080"), FEW),
        unanswered(PortScan("udp", "53"), AnswerStatus.DENIED),
        wanted=wanted,
    )
    assert len(fact.scan("tcp", "22,80,443,8080").seen) == 4
    with pytest.raises(Unproven, match="denied"):
        fact.scan("udp", "53")
    with pytest.raises(Unproven, match="were not scanned"):
        fact.scan("tcp", "1-1024")


@pytest.mark.parametrize("status", NOT_ANSWERED)
def test_no_answer_never_becomes_a_scan(status: AnswerStatus) -> None:
    request = PortScan("tcp", "22")
    fact = collect(scanned_ports, unanswered(request, status), wanted=[OpenPorts(scan="22")])
    with pytest.raises(Unproven) as caught:
        fact.scan("tcp", "22")
    assert caught.value.kind is NOT_ANSWERED[status]


def test_a_cut_answer_never_becomes_a_scan() -> None:
    request = PortScan("tcp", "22,80,443,8080")
    fact = collect(scanned_ports, ended(request, FEW, truncated=True), wanted=[OpenPorts(scan=request.ports)])
    with pytest.raises(Unproven) as caught:
        fact.scan("tcp", request.ports)
    assert caught.value.kind is UnprovenKind.TRUNCATED


@settings(max_examples=300)
@given(output=damaged(*(recorded("network", f"{name}.xml") for name in NAMES)))
def test_the_reader_survives_any_output(output: bytes) -> None:
    scan(output, "22,80,443,8080")
    scan(output, "53,161", "udp")
