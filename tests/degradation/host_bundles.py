"""Hosts by their clock, disks, ports, services and backups: each with everything right, and with everything wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from secaudit.checks.backup.expect import BorgFreshness, FileFreshness, ResticFreshness
from secaudit.checks.host import collect as host
from secaudit.checks.resilience import collect as resilience

from secaudit.api import Answer, AnswerStatus, PortScan
from tests.checks.judging import AT, ended, recorded, unanswered
from tests.degradation.judging import Bundle

Expectations = Mapping[str, Sequence[Mapping[str, Any]]]


# --- ports ------------------------------------------------------------------------------------------------------------

_SOCKETS4, _SOCKETS6 = recorded("host", "ss-4.txt"), recorded("host", "ss-6.txt")
_SCANS: Expectations = {
    "network.open-ports": [
        {"tcp": {"22": "any", "443": "any"}},
        {"tcp": {"22": "any", "443": "any", "8080": "any"}, "required": ["22"]},
        {"tcp": {"22": {"from": ["10.20.0.0/24"]}, "443": "any", "8080": "any"}},
        {"scan": "1-1024", "scan_udp": "53,123,161"},
    ],
    "network.listening-services": [{"tcp": ["22"]}, {"tcp": ["1-65534"], "udp": ["1-65535"]}],
}


def _ports() -> Iterator[Bundle]:
    for name in ("open", "filtered", "few", "silent"):
        scan = ended(PortScan(), recorded("network", f"{name}.xml"))
        sockets = ended(host.SOCKETS_V4, _SOCKETS4), ended(host.SOCKETS_V6, _SOCKETS6)
        yield Bundle(f"ports {name}", (scan, *sockets), _SCANS)


# --- clock, disks, services, arrays -----------------------------------------------------------------------------------

_MOUNTS = recorded("host", "mountinfo.txt")
_DF, _INODES = recorded("host", "df-k.txt"), recorded("host", "df-i.txt")
_WITH_MD = recorded("resilience", "devices-without-md.txt").replace(b"  7 loop\n", b"  7 loop\n  9 md\n")
_ARRAYS = """\
Personalities : [raid1]
md0 : active raid1 sdb1[1] sda1[0]
      1048512 blocks super 1.2 [2/2] [UU]

md1 : active raid1 sdc1[2]{mark} sdb2[1]
      104320 blocks super 1.2 [2/{number}] [{state}]

unused devices: <none>
"""
_UNITS = "ssh.service loaded active running OpenBSD Secure Shell server\nshop.service loaded {state} Shop\n"
_STATE: Expectations = {
    "host.clock-skew": [{"max": "5s"}],
    "host.filesystem-usage": [{}, {"used": 99, "inodes": 99}],
    "resilience.raid-degraded": [{}, {"arrays": ["md0"]}],
    "resilience.failed-services": [{}],
    "resilience.time-sync": [{}, {"max_offset": "1s"}],
}


def _state(name: str, *, well: bool, md: bool = True, chrony: Answer, systemd: Answer) -> Bundle:
    skew = timedelta() if well else timedelta(minutes=9)
    arrays = _ARRAYS.format(mark="" if well else "(F)", number=2 if well else 1, state="UU" if well else "_U")
    answers = [
        ended(host.CLOCK, f"{(AT + skew).timestamp():.9f}\n"),
        ended(host.MOUNTS, _MOUNTS),
        ended(host.DF_BYTES, _DF),
        ended(host.DF_INODES, _INODES),
        ended(host.SERVICES, _UNITS.format(state="active running" if well else "failed failed")),
        ended(resilience.DEVICES, _WITH_MD if md else recorded("resilience", "devices-without-md.txt")),
        ended(resilience.MDSTAT, arrays) if md else ended(resilience.MDSTAT, exit=1, stderr="cat: /proc/mdstat: No\n"),
        chrony,
        systemd,
    ]
    return Bundle(f"state {name}", tuple(answers), _STATE)


def _states() -> Iterator[Bundle]:
    no_chrony = unanswered(resilience.CHRONY, AnswerStatus.MISSING)
    synchronised = recorded("resilience", "chrony-synchronised.txt").decode()
    fields = synchronised.strip().split(",")
    follows = ",".join((*("C0000201", "192.0.2.1", "3", f"{AT.timestamp() - 60:.9f}"), *fields[4:])) + "\n"
    long_ago = ",".join((*("C0000201", "192.0.2.1", "3", f"{AT.timestamp() - 900_000:.9f}"), *fields[4:])) + "\n"
    on, off = (ended(resilience.TIMEDATECTL, f"NTP={word}\nNTPSynchronized={word}\n") for word in ("yes", "no"))
    yield _state("well", well=True, chrony=ended(resilience.CHRONY, follows), systemd=on)
    yield _state("well without chrony", well=True, md=False, chrony=no_chrony, systemd=on)
    yield _state("ill without chrony", well=False, md=False, chrony=no_chrony, systemd=off)
    unsynchronised = recorded("resilience", "chrony-unsynchronised.txt")
    yield _state("ill", well=False, chrony=ended(resilience.CHRONY, unsynchronised), systemd=off)
    yield _state("ill for long", well=False, chrony=ended(resilience.CHRONY, long_ago), systemd=on)


# --- backups ----------------------------------------------------------------------------------------------------------

_FILES = {"datasets": {"shop-db": {"path": "/var/backups/shop/*.gz", "max_age": "26h"}}}
_RESTIC = {
    "repositories": {"offsite": {"repository": "/srv/restic", "password_file": "/srv/keys/restic", "max_age": "24h"}}
}
_BORG = {"repositories": {"vault": {"repository": "/srv/borg", "max_age": "24h", "min_files": 1}}}
_BACKUPS: Expectations = {
    "backup.file-freshness": [_FILES],
    "backup.restic-freshness": [_RESTIC],
    "backup.borg-freshness": [_BORG],
}


def _backups(name: str, age: timedelta, *, files: bool = True) -> Bundle:
    taken = AT - age
    (dataset,) = FileFreshness.model_validate(_FILES).datasets.values()
    (restic,) = ResticFreshness.model_validate(_RESTIC).repositories.values()
    (borg,) = BorgFreshness.model_validate(_BORG).repositories.values()
    assert borg.contents is not None
    stamp = taken.timestamp()
    folder = f"0/d/{stamp}/4096//var/backups/shop\0"
    old = f"1/f/{stamp - 86400}/900//var/backups/shop/a.gz\0"
    listing = folder + (old + f"1/f/{stamp}/900//var/backups/shop/b.gz\0" if files else "")
    snapshots = [
        {
            "time": (taken - timedelta(days=days)).isoformat(),
            "tree": "t",
            "paths": ["/srv"],
            "hostname": "web1",
            "id": "01",
        }
        for days in (1, 0)
    ]
    archives = json.loads(recorded("backup", "borg-archives.json"))
    contents = json.loads(recorded("backup", "borg-contents.json"))
    for number, one in enumerate((*archives["archives"], *contents["archives"])):
        one["name"] = one["archive"] = f"web1-{number % len(contents['archives'])}"
        one["id"] = f"{number % len(contents['archives']):064x}"
        for key in ("start", "time", "end"):
            if key in one:
                one[key] = taken.replace(tzinfo=None).isoformat(timespec="microseconds")
    answers = [
        ended(host.CLOCK, f"{AT.timestamp():.9f}\n"),
        ended(dataset.listing, listing),
        ended(restic.listing, json.dumps(snapshots)),
        ended(borg.listing, json.dumps(archives, indent=4)),
        ended(borg.contents, json.dumps(contents, indent=4)),
    ]
    return Bundle(f"backups {name}", tuple(answers), _BACKUPS)


def bundles() -> Iterator[Bundle]:
    """All of them."""
    yield from _ports()
    yield from _states()
    yield _backups("young", timedelta(hours=3))
    yield _backups("old", timedelta(days=9))
    yield _backups("without a file", timedelta(days=9), files=False)
