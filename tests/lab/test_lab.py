"""The lab keeps its promises: real hosts, apart from each other, and nothing left behind."""

from __future__ import annotations

import os
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import paramiko
import pytest

from tests.lab import lab, runtime
from tests.lab.base import USER, locked
from tests.lab.draft import Draft
from tests.lab.errors import LabError
from tests.lab.fixtures import StartLab
from tests.lab.lab import Lab, Planned
from tests.lab.network import existing
from tests.lab.runtime import HostRecord
from tests.lab.scenarios import SCENARIOS, Scenario

pytestmark = [pytest.mark.root, pytest.mark.lab]

CLEAN = SCENARIOS["clean"]


@contextmanager
def login(running: Lab, host: HostRecord, address: str) -> Iterator[paramiko.SSHClient]:
    client = paramiko.SSHClient()
    client.load_host_keys(str(running.known_hosts))
    client.set_missing_host_key_policy(paramiko.RejectPolicy())
    try:
        client.connect(
            address, username=USER, key_filename=str(running.key), allow_agent=False, look_for_keys=False, timeout=10
        )
        yield client
    finally:
        client.close()


def eventually(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 10
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def knock(address: str) -> float:
    """Seconds that a TCP connection takes to be made."""
    began = time.perf_counter()
    socket.create_connection((address, 443), timeout=2).close()
    return time.perf_counter() - began


def command(*argv: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.lab", *argv], capture_output=True, text=True, check=False, timeout=60
    )


def test_audit_user_logs_in_over_both_families_with_pinned_host_keys(clean_lab: Lab) -> None:
    host = clean_lab.host("clean1")
    for address in (host.address, host.address6):
        with login(clean_lab, host, address) as client:
            _, stdout, _ = client.exec_command("hostname; id -un; sudo -n id; echo $?")
            assert stdout.read().decode().split() == ["clean1", USER, "1"]


def test_hosts_have_host_keys_of_their_own(clean_lab: Lab) -> None:
    lines = clean_lab.known_hosts.read_text().splitlines()
    assert len({line.split()[2] for line in lines}) == len(clean_lab.hosts) == 2


def test_roots_are_apart(clean_lab: Lab) -> None:
    clean_lab.run("clean1", ["touch", "/etc/mine"])
    try:
        assert clean_lab.run("clean1", ["test", "-e", "/etc/mine"]).returncode == 0
        assert clean_lab.run("clean2", ["test", "-e", "/etc/mine"]).returncode == 1
        assert not (clean_lab.record.base / "etc/mine").exists()
    finally:
        clean_lab.run("clean1", ["rm", "/etc/mine"])


def test_a_host_sees_no_mount_process_or_link_of_the_machine(clean_lab: Lab) -> None:
    mounted = clean_lab.run("clean1", ["cut", "-d", " ", "-f", "5", "/proc/self/mountinfo"]).stdout.decode().split()
    assert sorted(mounted) == ["/", "/dev", "/dev/pts", "/proc", "/run", "/sys", "/tmp"]
    processes = clean_lab.run("clean1", ["ps", "-e", "-o", "pid=,comm="]).stdout.decode().split("\n")
    assert processes[0].split() == ["1", "sh"]
    assert {line.split()[1] for line in processes if line} <= {"sh", "bash", "sshd", "socat", "ps"}
    links = clean_lab.run("clean1", ["ip", "-brief", "link"]).stdout.decode().splitlines()
    assert [line.partition("@")[0].split()[0] for line in links] == ["lo", "eth0"]


def test_the_kernel_enforces_the_host_s_own_ruleset(start_lab: StartLab) -> None:
    running = start_lab({"closed": "clean", "open": "firewall-none"})
    for name in ("closed", "open"):
        running.run(name, ["sh", "-c", "socat TCP6-LISTEN:9999,ipv6only=0,fork - </dev/null >/dev/null 2>&1 &"])
        assert eventually(lambda name=name: b":9999" in running.run(name, ["ss", "-Hltn"]).stdout)  # type: ignore[misc]
    for address in (running.host("closed").address, running.host("closed").address6):
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((address, 9999), timeout=5)
        socket.create_connection((address, 443), timeout=5).close()
    for address in (running.host("open").address, running.host("open").address6):
        socket.create_connection((address, 9999), timeout=5).close()


def test_a_host_has_a_package_database_that_apt_can_judge(clean_lab: Lab) -> None:
    argv = ["setpriv", f"--reuid={USER}", "--regid=nogroup", "--clear-groups"]
    simulated = clean_lab.run("clean1", [*argv, "apt-get", "-s", "-o", "Debug::NoLocking=1", "dist-upgrade"])
    assert simulated.returncode == 0
    assert b"0 upgraded, 0 newly installed, 0 to remove and 0 not upgraded." in simulated.stdout


def test_exit_codes_and_input_pass_through(clean_lab: Lab) -> None:
    done = clean_lab.run("clean1", ["sh", "-c", "cat; exit 7"], stdin=b"given")
    assert (done.returncode, done.stdout) == (7, b"given")
    with pytest.raises(LabError, match="no host 'nobody'"):
        clean_lab.run("nobody", ["true"])


def test_ends_without_a_trace() -> None:
    links, mounts = existing(), Path("/proc/self/mounts").read_text()
    with lab.running([Planned("short", CLEAN)]) as running:
        assert running.host("short").process.alive
        assert set(existing()) > set(links)
        assert Path("/proc/self/mounts").read_text() == mounts
    assert not running.host("short").process.alive
    assert existing() == links
    assert not running.record.directory.exists()


def test_a_host_that_cannot_start_ends_the_lab_and_says_why() -> None:
    def plant(draft: Draft) -> tuple[()]:
        draft.nftables = "nonsense"
        return ()

    links = existing()
    broken = Scenario("broken", "", plant)
    with (
        pytest.raises(LabError, match=r"host bad did not start.*\n.*syntax error"),
        lab.running([Planned("bad", broken)]),
    ):
        pass
    assert existing() == links


@pytest.mark.parametrize(
    ("names", "said"), [(["same", "same"], "same name"), (["Ü"], "not a name"), (["../up"], "not a name")]
)
def test_refuses_names_that_are_no_names(names: list[str], said: str) -> None:
    with pytest.raises(LabError, match=said), lab.running([Planned(name, CLEAN) for name in names]):
        pass


def test_hosts_end_when_their_owner_is_killed_and_the_rest_is_swept() -> None:
    script = (
        "import time\n"
        "from tests.lab.lab import Planned, running\n"
        "from tests.lab.scenarios import SCENARIOS\n"
        "with running([Planned('orphan', SCENARIOS['clean'])], 'crashing'):\n"
        "    print('up', flush=True)\n"
        "    time.sleep(600)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == b"up\n"
        record = runtime.find("crashing")
        os.kill(owner.pid, signal.SIGKILL)
    (orphan,) = record.hosts
    assert eventually(lambda: not orphan.process.alive)
    with locked(runtime.LOCK):
        runtime.sweep()
    assert not [name for name in existing() if name.startswith(record.segment.bridge)]
    assert not record.directory.exists()


def test_links_can_be_slow_and_lossy(start_lab: StartLab) -> None:
    running = start_lab({"far": "firewall-none"})
    address = running.host("far").address
    near = statistics.median(knock(address) for _ in range(20))
    running.impair(timedelta(milliseconds=30), loss=0.0)
    far = statistics.median(knock(address) for _ in range(20))
    assert near + 0.025 < far < near + 0.2


def test_a_lost_link_loses_everything(start_lab: StartLab) -> None:
    running = start_lab({"lost": "firewall-none"})
    knock(running.host("lost").address)
    running.impair(timedelta(), loss=1.0)
    with pytest.raises(TimeoutError):
        knock(running.host("lost").address)


def test_by_hand() -> None:
    name = f"byhand{os.getpid()}"
    started = command("up", "--hosts", "1", "--scenario", "stale-backup", "--name", name)
    try:
        assert started.returncode == 0, started.stderr
        assert [line.split()[0] for line in started.stdout.splitlines()] == ["host1", "stale-backup"]
        assert command("list", "--name", name).stdout == started.stdout
        done = command("exec", "--name", name, "host1", "--", "sh", "-c", "hostname; exit 5")
        assert (done.stdout, done.returncode) == ("host1\n", 5)
        assert "up already" in command("up", "--hosts", "1", "--name", name).stderr
        record = runtime.find(name)
    finally:
        ended = command("down", "--name", name)
    assert ended.returncode == 0, ended.stderr
    assert not any(host.process.alive for host in record.hosts)
    assert not record.directory.exists()
    again = command("down", "--name", name)
    assert (again.returncode, again.stderr) == (0, f"no lab '{name}' was up\n")
    missing = command("list", "--name", name)
    assert missing.returncode == 1
    assert f"there is no lab '{name}'" in missing.stderr
