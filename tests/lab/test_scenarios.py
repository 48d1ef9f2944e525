"""Every scenario is what it says, told by the host's own programs."""

from __future__ import annotations

import time

import pytest

from tests.lab.fixtures import StartLab
from tests.lab.lab import Lab
from tests.lab.scenarios import SCENARIOS

pytestmark = [pytest.mark.root, pytest.mark.lab]


@pytest.fixture(scope="module")
def every(start_lab: StartLab) -> Lab:
    return start_lab({name: name for name in SCENARIOS})


SECURITY = "apt-get -s -o Debug::NoLocking=1 dist-upgrade | grep -c '^Inst.*Debian-Security'"
RULES = "nft list ruleset"
NEWEST = "cd /var/backups/shop; ls -t | head -1 | xargs stat -c '%s'"
RESTIC = (
    "restic --no-cache --no-lock -r /srv/restic -p /etc/restic/password snapshots --json | grep -o 'time\":\"[^T]*'"
)


@pytest.mark.parametrize(
    ("name", "script", "said"),
    [
        ("clean", SECURITY, "0"),
        ("pending-security", SECURITY, "1"),
        ("extra-listener", "ss -Hltn 'sport = :8080' | wc -l", "1"),
        ("firewall-accept", f"{RULES} | grep -c 'hook input.*policy accept'", "1"),
        ("firewall-any-any", f"{RULES} | grep -c '^\t\taccept'", "1"),
        ("firewall-none", f"{RULES} | wc -l", "0"),
        ("ipv6-unfiltered", f"{RULES} | grep '^table'", "table ip filter {"),
        (
            "iptables-accept",
            "for t in iptables ip6tables; do $t -S INPUT | head -1; done",
            "-P INPUT ACCEPT\n-P INPUT ACCEPT",
        ),
        ("stale-lists", "find /var/lib/apt/lists -mtime -9 | wc -l", "0"),
        ("reboot-required", "cat /run/reboot-required.pkgs", "linux-image-amd64\nlibc6"),
        ("end-of-life", ". /etc/os-release; echo $ID $VERSION_ID", "debian 10"),
        ("stale-backup", "find /var/backups/shop -type f -mtime -4 | wc -l", "0"),
        ("tiny-backup", NEWEST, "0"),
        ("slow-command", "timeout 0.1 dpkg-query -W; echo $?", "124"),
        ("hostile", "ls /var/backups/shop | grep -c -e '-rf'", "1"),
    ],
)
def test_fault_is_there(every: Lab, name: str, script: str, said: str) -> None:
    assert every.run(name, ["sh", "-c", script]).stdout.decode().strip() == said


def test_clock_is_ten_minutes_ahead(every: Lab) -> None:
    ahead = float(every.run("clock-skew", ["date", "+%s.%N"]).stdout) - time.time()
    assert ahead == pytest.approx(600, abs=5)


def test_repositories_are_readable_and_as_old_as_said(every: Lab) -> None:
    script = "restic --no-cache --no-lock -r /srv/restic -p /etc/restic/password snapshots latest --json"
    fresh = every.run("clean", ["sh", "-c", script])
    stale = every.run("stale-restic", ["sh", "-c", script])
    assert fresh.returncode == stale.returncode == 0
    assert fresh.stdout != stale.stdout
    borg = "BORG_PASSCOMMAND='cat /etc/borg/passphrase' BORG_BASE_DIR=/tmp borg list --short /srv/borg"
    listed = every.run("stale-borg", ["sh", "-c", borg])
    assert listed.returncode == 0, listed.stderr
    assert listed.stdout.startswith(b"shop-")


def test_hanging_host_accepts_and_says_nothing(every: Lab) -> None:
    import socket

    with socket.create_connection((every.host("hanging").address, 22), timeout=5) as connection:
        connection.settimeout(0.5)
        with pytest.raises(TimeoutError):
            connection.recv(1)
