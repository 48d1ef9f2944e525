"""The checks of the network family."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError
from secaudit.checks.host.facts import ListeningSockets, Socket
from secaudit.checks.network import FAMILY
from secaudit.checks.network.checks import listening_services, open_ports
from secaudit.checks.network.facts import PortScanResult, ScannedPort, ScannedPorts

from secaudit.api import Evidence, Outcome, Unproven, UnprovenKind
from tests.checks.judging import document, judge, only, outcomes

EVIDENCE = Evidence("port scan", 0, (9, 9), "…")


def port(number: int, state: str = "open", protocol: str = "tcp") -> ScannedPort:
    return ScannedPort(protocol, number, state, "", "", EVIDENCE)


def scans(*seen: ScannedPort, ports: str = "1-65535", rest: str = "closed", protocol: str = "tcp") -> ScannedPorts:
    result = PortScanResult(protocol, ports, seen, ((rest, 1),), EVIDENCE)
    return ScannedPorts(((protocol, ports, result),))


def both(tcp: ScannedPorts, udp: ScannedPorts) -> ScannedPorts:
    return ScannedPorts(tcp.scans + udp.scans)


def test_an_unnamed_open_port_fails_and_named_ones_pass() -> None:
    verdicts = judge(open_ports, {"tcp": {22: "any", 443: "any"}}, scans(port(22), port(443), port(8080)))
    assert outcomes(verdicts) == {
        "tcp/8080": Outcome.FAILED,
        "tcp/22": Outcome.PASSED,
        "tcp/443": Outcome.PASSED,
    }
    assert verdicts[0].evidence == (EVIDENCE,)
    assert "sport = :8080" in verdicts[0].remediation


def test_a_host_as_agreed_passes_as_a_whole_too() -> None:
    verdicts = judge(open_ports, {"tcp": {22: "any", 443: "any"}}, scans(port(22), port(80, "closed")))
    assert outcomes(verdicts) == {"tcp": Outcome.PASSED, "tcp/22": Outcome.PASSED, "tcp/443": Outcome.PASSED}
    assert verdicts[2].observed == "not open"


def test_ranges_are_named_once() -> None:
    verdicts = judge(open_ports, {"tcp": {"8000-8010": "any"}}, scans(port(8001), port(8004), port(8011)))
    assert outcomes(verdicts) == {"tcp/8011": Outcome.FAILED, "tcp/8000-8010": Outcome.PASSED}
    assert verdicts[1].observed == "open: 8001, 8004"


SOME = {"tcp": {22: {"from": ["10.20.0.0/24", "2001:db8::/64"]}}}


def from_address(scanner: str, *seen: ScannedPort) -> ScannedPorts:
    ((protocol, ports, result),) = scans(*seen, port(80, "closed")).scans
    assert isinstance(result, PortScanResult)
    return ScannedPorts(((protocol, ports, replace(result, scanner=scanner)),))


@pytest.mark.parametrize("scanner", ["10.20.0.9", "2001:db8::9"])
def test_a_port_for_some_networks_may_be_open_to_them(scanner: str) -> None:
    verdict = judge(open_ports, SOME, from_address(scanner, port(22)))[1]
    assert verdict.outcome is Outcome.PASSED
    assert verdict.expected == "open to 10.20.0.0/24, 2001:db8::/64 only"
    assert "cannot prove" in verdict.reason


@pytest.mark.parametrize("scanner", ["", "10.20.0.9", "192.0.2.1"])
def test_a_port_for_some_networks_may_be_closed_to_anybody(scanner: str) -> None:
    assert judge(open_ports, SOME, from_address(scanner))[1].outcome is Outcome.PASSED


@pytest.mark.parametrize("required", [[], [22]])
def test_a_port_for_some_networks_fails_when_it_is_open_to_others(required: list[int]) -> None:
    verdict = judge(open_ports, SOME | {"required": required}, from_address("192.0.2.1", port(22)))[1]
    assert (verdict.subject, verdict.outcome) == ("tcp/22", Outcome.FAILED)
    assert "is open to 192.0.2.1, which is in none of the networks" in verdict.reason


@pytest.mark.parametrize("required", [[], [22]])
def test_without_the_scanners_address_an_open_port_for_some_networks_proves_nothing(required: list[int]) -> None:
    verdict = judge(open_ports, SOME | {"required": required}, from_address("", port(22)))[1]
    assert (verdict.subject, verdict.outcome) == ("tcp/22", Outcome.UNPROVEN)
    assert verdict.kind is UnprovenKind.NOT_RECORDED


def test_required_ports_must_be_open() -> None:
    expect = {"tcp": {443: "any", "25-26": "any"}, "required": [443, "25-26"]}
    verdicts = judge(open_ports, expect, scans(port(443), port(25), port(26, "filtered")))
    assert outcomes(verdicts) == {"tcp": Outcome.PASSED, "tcp/443": Outcome.PASSED, "tcp/25-26": Outcome.FAILED}
    assert verdicts[2].observed == "not open: 26"


def test_silent_udp_ports_are_neither_open_nor_closed() -> None:
    expect = {"tcp": {22: "any"}, "udp": {53: "any"}, "scan_udp": "53,123,161"}
    tcp = scans(port(22))
    silent = scans(
        port(53, "open|filtered", "udp"), port(161, "open|filtered", "udp"), ports="53,123,161", protocol="udp"
    )
    verdicts = judge(open_ports, expect, both(tcp, silent))
    assert outcomes(verdicts)["udp"] is Outcome.UNPROVEN
    assert outcomes(verdicts)["udp/53"] is Outcome.PASSED
    assert [v.reason for v in verdicts if v.subject == "udp"] == ["no answer from 161: open and silent, or filtered"]
    summed_up = scans(port(53, "open", "udp"), ports="53,123,161", rest="open|filtered", protocol="udp")
    verdicts = judge(open_ports, expect, both(tcp, summed_up))
    assert [v.reason for v in verdicts if v.subject == "udp"] == [
        "no answer from 123, 161: open and silent, or filtered"
    ]
    closed = scans(ports="53,123,161", protocol="udp")
    assert outcomes(judge(open_ports, expect, both(tcp, closed)))["udp"] is Outcome.PASSED


def test_a_scan_that_failed_is_unproven_and_the_other_judged() -> None:
    tcp = scans(port(22), port(23))
    failed = ScannedPorts((("udp", "53", Unproven(UnprovenKind.TIMEOUT, "late")),))
    verdicts = judge(open_ports, {"tcp": {22: "any"}, "scan_udp": "53"}, both(tcp, failed))
    assert outcomes(verdicts) == {
        "tcp/23": Outcome.FAILED,
        "tcp/22": Outcome.PASSED,
        "udp": Outcome.UNPROVEN,
    }


def test_no_scan_at_all_is_unproven() -> None:
    verdict = only(judge(open_ports, {"tcp": {22: "any"}}, Unproven(UnprovenKind.DENIED, "local")))
    assert (verdict.outcome, verdict.kind) == (Outcome.UNPROVEN, UnprovenKind.DENIED)


@pytest.mark.parametrize(
    ("expect", "words"),
    [
        ({"tcp": {"1-65535": "any"}}, "nothing could ever be found"),
        ({"tcp": {22: "any"}, "scan": 22}, "nothing could ever be found"),
        ({"tcp": {22: "any"}, "scan": "80"}, "scan leaves it out"),
        ({"tcp": {22: "any"}, "required": [443]}, "not named under tcp"),
        ({"udp": {53: "any"}}, "scan_udp does not say"),
        ({"udp": {53: "any"}, "scan_udp": "161"}, "scan_udp leaves it out"),
        ({"tcp": {0: "any"}}, "no port"),
        ({"tcp": {"30-20": "any"}}, "no port"),
        ({"tcp": {70000: "any"}}, "no port"),
        ({"tcp": {True: "any"}}, "no port"),
        ({"tcp": {22: "all"}}, "any"),
        ({"tcp": {22: {"from": []}}}, "names no network"),
        ({"tcp": {22: {"from": ["10.20.0.11/24"]}}}, "is not a network; write"),
        ({"scan": "ssh"}, "no port"),
    ],
)
def test_open_ports_refuses_what_makes_no_sense(expect: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        judge(open_ports, expect, scans())


def socket(
    number: int,
    address: str = "0.0.0.0",
    protocol: str = "tcp",
    process: str = "",
    interface: str = "",
    dual: bool = False,
) -> Socket:
    return Socket(protocol, address, number, interface, process, dual, EVIDENCE)


def test_a_service_that_nobody_named_fails_with_its_process() -> None:
    listening = ListeningSockets((socket(22, process="sshd"), socket(8080, "::", process="java", dual=True)))
    verdicts = judge(listening_services, {"tcp": [22]}, listening)
    assert outcomes(verdicts) == {"tcp/22": Outcome.PASSED, "tcp/8080": Outcome.FAILED}
    assert verdicts[1].observed == "java (:: + IPv4)"


def test_ports_may_be_written_as_a_map_that_merges_with_a_parents() -> None:
    listening = ListeningSockets((socket(22), socket(8001)))
    verdicts = judge(listening_services, {"tcp": {22: "any", "8000-8010": "any"}}, listening)
    assert outcomes(verdicts) == {"tcp/22": Outcome.PASSED, "tcp/8001": Outcome.PASSED, "": Outcome.PASSED}


def test_the_same_port_on_several_addresses_is_one_finding() -> None:
    listening = ListeningSockets((socket(25), socket(25, "::"), socket(25, "fe80::1", interface="eth0")))
    verdict = only(judge(listening_services, {}, listening))
    assert verdict.subject == "tcp/25"
    assert verdict.observed == "unknown process (0.0.0.0, ::, fe80::1%eth0)"
    assert len(verdict.evidence) == 3


def test_loopback_is_left_out() -> None:
    listening = ListeningSockets(
        (
            socket(1, "127.0.0.53"),
            socket(2, "::1"),
            socket(3, "::ffff:127.0.0.1"),
            socket(4, "0.0.0.0", interface="lo"),
        )
    )
    assert outcomes(judge(listening_services, {}, listening)) == {"": Outcome.PASSED}


def test_protocols_are_told_apart() -> None:
    verdicts = judge(listening_services, {"tcp": [53]}, ListeningSockets((socket(53, protocol="udp"),)))
    assert outcomes(verdicts) == {"udp/53": Outcome.FAILED}


def test_a_named_process_may_listen_anywhere_if_its_owner_was_seen() -> None:
    seen = ListeningSockets((socket(20048, process="rpc.mountd"), socket(20048, "::", process="rpc.mountd")))
    assert outcomes(judge(listening_services, {"processes": ["rpc.mountd"]}, seen))["tcp/20048"] is Outcome.PASSED
    partly = ListeningSockets((socket(20048, process="rpc.mountd"), socket(20048, "::")))
    assert outcomes(judge(listening_services, {"processes": ["rpc.mountd"]}, partly)) == {"tcp/20048": Outcome.FAILED}


def test_unread_sockets_are_unproven() -> None:
    verdict = only(judge(listening_services, {"tcp": [22]}, Unproven(UnprovenKind.MISSING, "no ss")))
    assert (verdict.outcome, verdict.kind) == (Outcome.UNPROVEN, UnprovenKind.MISSING)


@pytest.mark.parametrize(
    "expect",
    [
        {"tcp": ["1-65535"], "udp": ["1-30000", "30001-65535"]},
        {"processes": ["*"]},
        {"processes": [""]},
        {"tcp": ["ssh"]},
        {"sctp": [1]},
        {"tcp": {22: {"from": ["10.0.0.0/8"]}}},
        {"tcp": {"ssh": "any"}},
    ],
)
def test_listening_services_refuses_what_makes_no_sense(expect: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        judge(listening_services, expect, ListeningSockets(()))


def test_every_check_has_a_page_that_agrees_with_it() -> None:
    document(FAMILY)
