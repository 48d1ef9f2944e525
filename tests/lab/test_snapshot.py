"""A snapshot notices whatever is written on a host."""

from __future__ import annotations

import pytest

from tests.lab.fixtures import StartLab
from tests.lab.lab import Lab
from tests.lab.snapshot import changes, snapshot

pytestmark = [pytest.mark.root, pytest.mark.lab]


@pytest.fixture(scope="module")
def scratch(start_lab: StartLab) -> Lab:
    return start_lab({"scratch": "clean"})


@pytest.mark.parametrize(
    ("script", "seen"),
    [
        ("true", []),
        ("cat /etc/passwd /usr/bin/sudo >/dev/null", []),
        ("echo new > /opt/new", ["+ /opt/new"]),
        ("rm /etc/gshadow", ["- /etc/gshadow"]),
        ("chmod 600 /etc/passwd", ["~ /etc/passwd"]),
        ("chmod 1777 /opt", ["~ /opt"]),
        (
            "touch -r /usr/bin/sudo /tmp/when; touch /usr/bin/sudo; touch -r /tmp/when /usr/bin/sudo; rm /tmp/when",
            ["~ /usr/bin/sudo"],
        ),
        ("echo x > /dev/shm/hidden", ["+ /dev/shm/hidden"]),
        ("ln -sf /elsewhere /usr/bin/awk", ["~ /usr/bin/awk"]),
        ("echo login >> /var/log/sshd.log; mkdir -p /run/sudo/ts", []),
        ("mkdir -p /var/log/apt; echo x > /var/log/apt/planned.log", ["+ /var/log/apt/planned.log"]),
    ],
)
def test_names_what_changed(scratch: Lab, script: str, seen: list[str]) -> None:
    root = scratch.host("scratch").root
    before = snapshot(root, scratch.record.base)
    assert scratch.run("scratch", ["sh", "-c", script]).returncode == 0
    assert changes(before, snapshot(root, scratch.record.base)) == seen
