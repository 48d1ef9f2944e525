"""The probe as a process: what it answers, and what is left when it or its client ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from secaudit.probe.protocol import TRACKED, Wording
from secaudit.verification.errors import VerificationError
from secaudit.verification.loading import run_in
from secaudit.verification.probe_process import ProbeProcess

WORDING = Wording("0a000001", "0a000002", 17, 1, 2, 0, 0, 0, TRACKED, False)


def probe(*lines: str) -> list[dict[str, object]]:
    done = subprocess.run(
        [sys.executable, "-m", "secaudit.probe"], input="\n".join(lines), capture_output=True, text=True, check=True
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_every_line_has_an_answer() -> None:
    lines = [
        "",
        "[]",
        "{}",
        '{"job": "nonsense"}',
        '{"job": "collect"}',
        "{",
        '{"job": "collect", "count": 0, "seconds": 0}',
    ]
    answers = probe(*lines)
    assert [list(answer) for answer in answers] == [["error"]] * 6 + [["ok"]]


def test_main_process_never_imports_scapy() -> None:
    code = "import sys, secaudit.verification.witness; sys.exit(any(name.startswith('scapy') for name in sys.modules))"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.root
def test_packets_are_recognised_at_an_interface() -> None:
    with ProbeProcess() as running:
        one, other = running.namespace(), running.namespace()
        run_in(one, ["ip", "link", "add", "name", "left", "type", "veth", "peer", "name", "right", "netns", other])
        run_in(one, ["ip", "link", "set", "left", "up"])
        run_in(other, ["ip", "link", "set", "right", "up"])
        running.listen_at(other, "right")
        running.send(
            one,
            "left",
            40,
            [WORDING, WORDING._replace(protocol=6), WORDING._replace(source="0" * 32, destination="1" * 32)],
        )
        assert running.collect(3, 5) == [(40, 255), (41, 255), (42, 255)]
        assert running.collect(1, 0) == []


@pytest.mark.root
def test_an_error_is_told_and_the_probe_goes_on() -> None:
    with ProbeProcess() as running:
        with pytest.raises(VerificationError, match="could not send"):
            running.send("/nowhere", "a", 0, [WORDING])
        namespace = running.namespace()
        with pytest.raises(VerificationError, match="could not send"):
            running.send(namespace, "missing", 0, [WORDING])
        assert run_in(namespace, ["ip", "-o", "link"]).startswith("1: lo")


@pytest.mark.root
def test_a_dead_probe_is_told() -> None:
    with ProbeProcess() as running:
        namespace = running.namespace()
        os.kill(int(namespace.split("/")[2]), signal.SIGKILL)
        with pytest.raises(VerificationError, match="the probe ended"):
            running.namespace()


@pytest.mark.root
def test_a_killed_client_leaves_nothing() -> None:
    code = (
        "import sys\n"
        "from secaudit.verification.probe_process import ProbeProcess\n"
        "with ProbeProcess() as running: print(running.namespace(), flush=True); sys.stdin.read()"
    )
    client = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert client.stdout is not None
    namespace = Path(client.stdout.readline().strip())
    assert namespace.exists()
    client.kill()
    client.communicate()
    end = time.monotonic() + 20
    while namespace.exists():
        assert time.monotonic() < end
        time.sleep(0.01)
