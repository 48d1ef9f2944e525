"""The commands as they are, run on the machine that runs the tests."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from secaudit.checks.host import collect as host
from secaudit.checks.host.facts import Filesystems, HostClock, ListeningSockets, Packages

from secaudit.api import Answer, AnswerStatus, Collector, Command, Facts
from tests.checks.judging import collect, unanswered

NEEDED = ("cat", "date", "df", "ss", "uname")

pytestmark = pytest.mark.skipif(
    any(shutil.which(program) is None for program in NEEDED), reason=f"needs a Linux with {', '.join(NEEDED)}"
)


def run(command: Command) -> Answer:
    if shutil.which(command.argv[0]) is None:
        return unanswered(command, AnswerStatus.MISSING)
    started = datetime.now(UTC)
    done = subprocess.run(command.argv, capture_output=True, env={**os.environ, "LC_ALL": "C"}, check=False)
    duration = datetime.now(UTC) - started
    return Answer(command, AnswerStatus.ENDED, started, duration, done.returncode, done.stdout, done.stderr)


def here(collector: Collector[Any], *known: object) -> Any:
    answers = [run(request) for request in collector.plan(()) if isinstance(request, Command)]
    return collect(collector, *answers, known=Facts({type(fact): fact for fact in known}))


def test_a_listener_is_seen_with_its_port_and_owner() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        found: ListeningSockets = here(host.listening_sockets)
        mine = [each for each in found.sockets if each.port == listener.getsockname()[1]]
    assert [(each.protocol, each.address, bool(each.process)) for each in mine] == [("tcp", "127.0.0.1", True)]


def test_the_clock_agrees_with_itself() -> None:
    clock: HostClock = here(host.host_clock)
    assert abs(clock.skew) <= clock.accuracy
    assert clock.accuracy < timedelta(seconds=10)


def test_the_root_file_system_has_a_size() -> None:
    found: Filesystems = here(host.filesystems, here(host.mounts))
    (root,) = [each for each in found.filesystems if each.mount.target == "/"]
    usage = os.statvfs("/")
    assert root.space is not None
    assert root.space.used + root.space.available <= usage.f_blocks * usage.f_frsize


def test_release_kernel_uptime_and_packages_are_understood() -> None:
    os_release = here(host.os_release)
    assert here(host.kernel).release == os.uname().release
    assert here(host.uptime).booted < datetime.now(UTC)
    packages: Packages = here(host.packages, os_release)
    assert packages.packages
