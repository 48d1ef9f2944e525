"""nmap as it is, against a listener of the test."""

from __future__ import annotations

import shutil
import socket
import subprocess

import pytest
from secaudit.checks.network.collect import scanned_ports
from secaudit.checks.network.expectations import OpenPorts
from secaudit.checks.network.facts import ScannedPorts

from secaudit.api import PortScan
from tests.checks.judging import collect, ended


@pytest.mark.skipif(shutil.which("nmap") is None, reason="needs nmap")
def test_a_listener_is_seen_open_and_a_port_without_one_closed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        opened, closed = listener.getsockname()[1], bound.getsockname()[1]
        expect = OpenPorts.model_validate({"scan": f"{opened},{closed}"})
        done = subprocess.run(
            ["nmap", "-n", "-Pn", "-sT", "-oX", "-", "-p", expect.scan, "127.0.0.1"], capture_output=True, check=True
        )
    fact: ScannedPorts = collect(scanned_ports, ended(PortScan("tcp", expect.scan), done.stdout), wanted=[expect])
    states = {port.port: port.state for port in fact.scan("tcp", expect.scan).seen}
    assert states == {opened: "open", closed: "closed"}
