"""Port scans with the real nmap, and with programs that only look like it."""

from __future__ import annotations

import gc
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from secaudit.model.answer import Answer, AnswerStatus
from secaudit.model.inventory import Host, SshSettings, TransportKind
from secaudit.model.request import PortScan
from secaudit.transport.portscan import NmapProber
from tests.transport.processes import alive

needs_nmap = pytest.mark.skipif(shutil.which("nmap") is None, reason="needs nmap")


def host(address: str = "127.0.0.1") -> Host:
    return Host("c", "s", "h", address, ssh=SshSettings(use_config=False))


def scan(target: Host, request: PortScan, prober: NmapProber | None = None, limit: float = 60) -> Answer:
    return (prober or NmapProber()).scan(target, request, time.monotonic() + limit)


def states(answer: Answer) -> dict[int, str]:
    return {int(port.attrib["portid"]): port[0].attrib["state"] for port in ET.fromstring(answer.stdout).iter("port")}


@pytest.fixture
def listening() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@needs_nmap
def test_an_open_and_a_closed_port(listening: int) -> None:
    answer = scan(host(), PortScan(ports=f"1,{listening}"))
    assert (answer.status, answer.exit, answer.stderr, answer.truncated) == (AnswerStatus.ENDED, 0, b"", False)
    assert states(answer) == {1: "closed", listening: "open"}
    assert answer.stdout.endswith(b"</nmaprun>\n<!-- secaudit: scanned from 127.0.0.1 -->\n")


@needs_nmap
def test_a_name_is_resolved_before(listening: int) -> None:
    answer = scan(host("localhost"), PortScan(ports="1"))
    addresses = [address.attrib["addr"] for address in ET.fromstring(answer.stdout).iter("address")]
    assert addresses in (["127.0.0.1"], ["::1"])


@needs_nmap
def test_ipv6() -> None:
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as server:
        port = server.getsockname()[1]
        assert states(scan(host("::1"), PortScan(ports=str(port)))) == {port: "open"}


@needs_nmap
@pytest.mark.root
def test_udp(needs_root: None) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        port = server.getsockname()[1]
        assert states(scan(host(), PortScan("udp", str(port)))) == {port: "open|filtered"}


def test_udp_without_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    answer = scan(host(), PortScan("udp", "53"))
    assert (answer.status, answer.detail) == (AnswerStatus.DENIED, "a UDP scan needs root on the scanner")


@needs_nmap
def test_ports_that_do_not_exist() -> None:
    answer = scan(host(), PortScan(ports="70000"))
    assert (answer.status, answer.exit) == (AnswerStatus.ENDED, 1)
    assert b"Ports specified must be between 0 and 65535" in answer.stderr


@pytest.mark.parametrize(
    "address",
    [
        "10.0.0.0/24",
        "10.0.0.1-9",
        "10.0.0.*",
        "127.0.0.1 127.0.0.2",
        "-iL /etc/passwd",
        "--script=evil",
        "127.0.0.1,2",
        "fe80::1%eth0 -iL x",
        "a" * 300,
        "",
    ],
)
def test_an_address_is_never_a_list_or_an_option(address: str, tmp_path: Path) -> None:
    called = tmp_path / "called"
    answer = scan(host(address), PortScan(), NmapProber([fake(tmp_path, f'echo "$@" >> {called}')]))
    assert answer.status in (AnswerStatus.LOST, AnswerStatus.ENDED)
    if called.exists():  # an empty name and a short one such as "127.1" are resolved by the system
        assert address not in called.read_text().splitlines()[-1].split()


def fake(directory: Path, script: str) -> str:
    """A program that has nmap's version and does something else."""
    program = directory / "nmap"
    program.write_text(
        f'#!/bin/sh\n[ "$1" = -V ] && {{ echo "Nmap version 7.93 ( https://nmap.org )"; exit; }}\n{script}\n'
    )
    program.chmod(0o755)
    return str(program)


def test_what_nmap_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prober = NmapProber([fake(tmp_path, 'echo "$@" >&2')])

    def asked(address: str, request: PortScan) -> str:
        return scan(host(address), request, prober).stderr.decode().strip()

    monkeypatch.setattr("os.geteuid", lambda: 0)
    common = "-n -Pn -T4"
    limit = "--host-timeout 5000ms"
    five = timedelta(seconds=5)
    assert asked("192.0.2.1", PortScan(ports="1-9", timeout=five)) == (
        f"-oX - 192.0.2.1 -p 1-9 {common} -sS --max-retries 1 --min-rate 5000 {limit}"
    )
    assert asked("2001:db8::1", PortScan("udp", "53", timeout=five)) == (
        f"-oX - 2001:db8::1 -p 53 -6 {common} -sU --max-retries 2 {limit}"
    )
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert " -sT " in asked("192.0.2.1", PortScan())


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # python-nmap kills the process, but never waits for it
def test_an_nmap_that_hangs_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("secaudit.transport.portscan._BACKSTOP", 0.1)
    prober = NmapProber([fake(tmp_path, f"echo $$ > {tmp_path}/pid; exec sleep 600")])
    begun = time.monotonic()
    answer = scan(host(), PortScan(timeout=timedelta(seconds=3)), prober)
    assert time.monotonic() - begun < 60
    assert (answer.status, answer.exit) == (AnswerStatus.TIMEOUT, None)
    gc.collect()
    end = time.monotonic() + 20
    while alive(int((tmp_path / "pid").read_text())):
        assert time.monotonic() < end, "the process goes on"
    # The next process that is started collects the dead one and closes its pipes, here where the warning is expected.
    subprocess.run(["true"], check=True)


def test_a_scan_that_nmap_gave_up(tmp_path: Path) -> None:
    xml = (
        '<nmaprun args="x"><host starttime="1" endtime="2" timedout="true"><status state="up"/>'
        '<address addr="192.0.2.1" addrtype="ipv4"/></host><runstats><finished timestr="x" elapsed="1" exit="success"/>'
        '<hosts up="1" down="0" total="1"/></runstats></nmaprun>'
    )
    answer = scan(host("192.0.2.1"), PortScan(), NmapProber([fake(tmp_path, f"echo '{xml}'")]))
    assert answer.status is AnswerStatus.TIMEOUT
    assert answer.stdout.decode().strip() == xml


def test_output_that_is_not_xml(tmp_path: Path) -> None:
    answer = scan(host(), PortScan(), NmapProber([fake(tmp_path, "printf '<nmaprun'")]))
    assert (answer.status, answer.exit, answer.stdout, answer.stderr) == (AnswerStatus.ENDED, 1, b"<nmaprun", b"")


def test_no_nmap() -> None:
    answer = scan(host(), PortScan(), NmapProber(["/no/such/nmap"]))
    assert (answer.status, answer.detail) == (AnswerStatus.MISSING, "nmap is not installed on the scanner")


def test_this_machine_is_not_scanned() -> None:
    here = Host("c", "s", "h", "127.0.0.1", TransportKind.LOCAL)
    assert scan(here, PortScan()).status is AnswerStatus.DENIED


def test_a_host_behind_a_jump_host_is_not_scanned() -> None:
    behind = Host("muster", "vienna", "db1", "10.20.0.12", ssh=SshSettings(jump=("bastion.example",), use_config=False))
    answer = scan(behind, PortScan())
    assert answer.status is AnswerStatus.DENIED
    assert "jump host" in answer.detail


class Clock:
    """A monotonic clock that stands still unless it is set, and counts how often it was read."""

    def __init__(self) -> None:
        self.now = 0.0
        self.read = 0

    def monotonic(self) -> float:
        self.read += 1
        return self.now


def test_waiting_for_a_turn_takes_no_time_of_the_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held, over, clock = tmp_path / "held", tmp_path / "over", Clock()
    monkeypatch.setattr("secaudit.transport.portscan.time", clock)
    wait = f"if [ ! -e {held} ]; then touch {held}; while [ ! -e {over} ]; do sleep 0.02; done; fi"
    done = '<nmaprun><runstats><finished exit="success"/><hosts up="1" down="0" total="1"/></runstats></nmaprun>'
    prober = NmapProber([fake(tmp_path, f"{wait}\necho '{done}'")], at_once=1)
    with ThreadPoolExecutor() as threads:
        first = threads.submit(prober.scan, host(), PortScan(ports="9"), 60.0)
        while not held.exists():
            time.sleep(0.01)
        before = clock.read
        second = threads.submit(prober.scan, host(), PortScan(ports="9"), 60.0)
        while clock.read == before:
            time.sleep(0.01)
        clock.now = 1000.0
        over.touch()
        assert first.result().status is AnswerStatus.ENDED
        answer = second.result()
    assert answer.status is AnswerStatus.ENDED
    assert answer.asked is not None
    assert answer.started - answer.asked == timedelta(seconds=1000)
    assert answer.duration == timedelta()


def test_nothing_waits_any_more_once_the_scan_is_stopped(tmp_path: Path) -> None:
    held, over = tmp_path / "held", tmp_path / "over"
    prober = NmapProber([fake(tmp_path, f"touch {held}; while [ ! -e {over} ]; do sleep 0.02; done")], at_once=1)
    with ThreadPoolExecutor() as threads:
        first = threads.submit(prober.scan, host(), PortScan(ports="9"), time.monotonic() + 60)
        while not held.exists():
            time.sleep(0.01)
        waiting = [threads.submit(prober.scan, host(), PortScan(ports="9"), time.monotonic() + 60) for _ in range(2)]
        prober.close()
        answers = [one.result() for one in waiting]
        over.touch()
        first.result()
    assert {(answer.status, answer.detail) for answer in answers} == {(AnswerStatus.LOST, "the scan was stopped")}


def test_no_time_left() -> None:
    assert scan(host(), PortScan(), limit=-1).status is AnswerStatus.TIMEOUT
