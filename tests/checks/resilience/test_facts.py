"""The readers of the resilience family: chrony 4.3 and /proc recorded, mdstat after the kernel's own format."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from secaudit.checks.resilience import FAMILY
from secaudit.checks.resilience import collect as resilience
from secaudit.checks.resilience.facts import MdArrays, TimeSync

from secaudit.api import AnswerStatus, Collector, Unproven, UnprovenKind
from tests.checks.judging import (
    NOT_ANSWERED,
    collect,
    collect_or_refuse,
    damaged,
    ended,
    recorded,
    refusal,
    unanswered,
)

NO_MD = recorded("resilience", "devices-without-md.txt")
WITH_MD = NO_MD.replace(b"  7 loop\n", b"  7 loop\n  9 md\n")
SYNCHRONISED = recorded("resilience", "chrony-synchronised.txt")
UNSYNCHRONISED = recorded("resilience", "chrony-unsynchronised.txt")

MDSTAT = """\
Personalities : [raid1] [raid6] [raid5] [raid4] [raid0]
md0 : active raid1 sdb1[1] sda1[0]
      1048512 blocks super 1.2 [2/2] [UU]
      bitmap: 0/1 pages [0KB], 65536KB chunk

md1 : active raid1 sdc1[2](F) sdb2[1](W)
      104320 blocks super 1.2 [2/1] [_U]

md2 : active raid5 sdf1[3] sde1[1] sdd1[0]
      2093056 blocks super 1.2 level 5, 512k chunk, algorithm 2 [3/2] [UU_]
      [=>...................]  recovery =  9.5% (100352/1046528) finish=0.1min speed=100352K/sec

md3 : active (auto-read-only) raid1 sdh1[1] sdg1[0]
      1046528 blocks super 1.2 [2/2] [UU]
      \tresync=PENDING

md4 : inactive sdi1[0](S)
      1048512 blocks super 1.2

md5 : active raid0 sdk1[1] sdj1[0]
      2093056 blocks super 1.2 512k chunks

md6 : broken raid0 sdl1[0]
      2093056 blocks super 1.2 512k chunks

md126 : active raid1 sdm[1] sdn[0]
      1048512 blocks super external:/md127/0 [2/2] [UU]
      [===>.................]  check = 17.0% (178688/1048512) finish=0.2min speed=59562K/sec

md127 : inactive sdm[1](S) sdn[0](S)
      5288 blocks super external:imsm

unused devices: <none>
"""


def arrays(mdstat: str | bytes) -> MdArrays:
    found: MdArrays = collect(
        resilience.md_arrays, ended(resilience.DEVICES, WITH_MD), ended(resilience.MDSTAT, mdstat)
    )
    return found


def test_every_kind_of_array() -> None:
    found = {array.name: array for array in arrays(MDSTAT).arrays}
    assert [(a.name, a.state, a.level, a.wanted, a.present, a.action) for a in found.values()] == [
        ("md0", "active", "raid1", 2, 2, ""),
        ("md1", "active", "raid1", 2, 1, ""),
        ("md2", "active", "raid5", 3, 2, "recovery"),
        ("md3", "active", "raid1", 2, 2, "resync"),
        ("md4", "inactive", "", None, None, ""),
        ("md5", "active", "raid0", None, None, ""),
        ("md6", "broken", "raid0", None, None, ""),
        ("md126", "active", "raid1", 2, 2, "check"),
        ("md127", "inactive", "", None, None, ""),
    ]
    assert found["md1"].faulty == ("sdc1",)
    assert (found["md2"].progress, found["md3"].progress) == ("9.5%", "PENDING")
    assert [name for name, array in found.items() if array.container] == ["md127"]
    assert found["md1"].evidence.lines == (6, 7)


def test_a_driver_without_arrays() -> None:
    found = arrays("Personalities : \nunused devices: <none>\n")
    assert (found.driver, found.arrays) == (True, ())


def test_no_driver_is_read_from_the_list_of_drivers() -> None:
    no_file = ended(resilience.MDSTAT, exit=1, stderr="cat: /proc/mdstat: No such file or directory\n")
    found = collect(resilience.md_arrays, ended(resilience.DEVICES, NO_MD), no_file)
    assert (found.driver, found.arrays) == (False, ())
    assert refusal(resilience.md_arrays, ended(resilience.DEVICES, WITH_MD), no_file).kind is UnprovenKind.ERROR
    unknown = refusal(resilience.md_arrays, ended(resilience.DEVICES, "Character devices:\n"), no_file)
    assert unknown.kind is UnprovenKind.NOT_UNDERSTOOD


def test_a_character_device_called_md_is_no_driver() -> None:
    devices = NO_MD.replace(b"Block devices:", b"  9 md\nBlock devices:")
    assert not collect(resilience.md_arrays, ended(resilience.DEVICES, devices)).driver


@pytest.mark.parametrize(
    "mdstat",
    [
        "",
        MDSTAT.removesuffix("unused devices: <none>\n"),
        MDSTAT.replace("md0 : active raid1", "md0 : sleeping raid1"),
        MDSTAT.replace("md0 : active raid1 sdb1[1] sda1[0]", "md0 : active"),
        MDSTAT.replace("sdb1[1]", "sdb1"),
        MDSTAT.replace("[2/1] [_U]", ""),
        MDSTAT.replace("[2/1]", f"[{'9' * 5000}/1]"),
    ],
)
def test_an_mdstat_of_another_form_gives_no_fact(mdstat: str) -> None:
    answers = (ended(resilience.DEVICES, WITH_MD), ended(resilience.MDSTAT, mdstat))
    assert refusal(resilience.md_arrays, *answers).kind is UnprovenKind.NOT_UNDERSTOOD


def sync(chrony: bytes | str | None, timedatectl: str | None = None) -> TimeSync | Unproven:
    found: TimeSync | Unproven = collect_or_refuse(
        resilience.time_sync,
        unanswered(resilience.CHRONY, AnswerStatus.MISSING)
        if chrony is None
        else ended(resilience.CHRONY, chrony, exit=0 if chrony else 1, stderr=b"" if chrony else b"506 Cannot talk"),
        unanswered(resilience.TIMEDATECTL, AnswerStatus.MISSING)
        if timedatectl is None
        else ended(resilience.TIMEDATECTL, timedatectl),
    )
    return found


def test_chrony_that_follows_a_server() -> None:
    found = sync(SYNCHRONISED)
    assert isinstance(found, TimeSync)
    assert (found.source, found.synchronized, found.upstream) == ("chrony", True, "127.0.0.1")
    assert found.offset == timedelta(microseconds=2)
    assert found.updated is not None
    assert found.updated.replace(microsecond=0) == datetime(2026, 11, 24, 6, 46, 21, tzinfo=UTC)


def test_chrony_that_follows_nobody() -> None:
    found = sync(UNSYNCHRONISED)
    assert isinstance(found, TimeSync)
    assert (found.synchronized, found.upstream, found.offset, found.updated) == (False, "", None, None)


def test_chrony_that_follows_its_own_clock_follows_nobody() -> None:
    found = sync(SYNCHRONISED.replace(b"7F000001,127.0.0.1", b"7F7F0101,"))
    assert isinstance(found, TimeSync)
    assert not found.synchronized


@pytest.mark.parametrize(
    ("chrony", "word", "synchronized"),
    [(None, "yes", True), (None, "no", False), ("", "no", False), ("x", "no", False)],
)
def test_systemd_is_believed_where_chrony_says_nothing(chrony: str | None, word: str, synchronized: bool) -> None:
    found = sync(chrony, f"Timezone=Etc/UTC\nLocalRTC=no\nCanNTP=yes\nNTP=yes\nNTPSynchronized={word}\n")
    assert isinstance(found, TimeSync)
    assert (found.source, found.synchronized, found.offset) == ("systemd", synchronized, None)
    assert found.evidence.lines == (5, 5)


@pytest.mark.parametrize(("chrony", "kind"), [("", UnprovenKind.ERROR), ("garbage", UnprovenKind.NOT_UNDERSTOOD)])
def test_systemd_does_not_vouch_for_a_chrony_that_is_there_and_says_nothing(chrony: str, kind: UnprovenKind) -> None:
    found = sync(chrony, "NTPSynchronized=yes\n")
    assert isinstance(found, Unproven)
    assert (found.kind, "chronyc" in found.reason) == (kind, True)


def test_chrony_is_believed_before_systemd() -> None:
    found = sync(UNSYNCHRONISED, "NTPSynchronized=yes\n")
    assert isinstance(found, TimeSync)
    assert not found.synchronized


@pytest.mark.parametrize("timedatectl", [None, "", "NTPSynchronized=perhaps\n", "NTP=yes\n"])
def test_nobody_who_knows_is_unproven_with_both_reasons(timedatectl: str | None) -> None:
    found = sync(None, timedatectl)
    assert isinstance(found, Unproven)
    assert "chronyc" in found.reason
    assert "timedatectl" in found.reason


@pytest.mark.parametrize(
    "line",
    [
        SYNCHRONISED.replace(b"Normal", b"Fine"),
        SYNCHRONISED.replace(b"127.0.0.1,9", b"127.0.0.1"),
        SYNCHRONISED.replace(b"1795502781.531633339", b"999999999999.0"),
        SYNCHRONISED.replace(b"1795502781.531633339", b"nan"),
    ],
)
def test_chrony_of_another_form_is_not_believed(line: bytes) -> None:
    assert line != SYNCHRONISED
    found = sync(line)
    assert isinstance(found, Unproven)


@pytest.mark.parametrize("collector", FAMILY.collectors, ids=lambda collector: collector.fact.__name__)
@pytest.mark.parametrize("status", NOT_ANSWERED)
def test_no_answer_never_becomes_a_fact(collector: Collector[object], status: AnswerStatus) -> None:
    answers = [unanswered(request, status, "as told") for request in collector.plan(())]
    assert refusal(collector, *answers).kind is NOT_ANSWERED[status]


@pytest.mark.parametrize("collector", FAMILY.collectors, ids=lambda collector: collector.fact.__name__)
@settings(max_examples=150)
@given(first=damaged(WITH_MD, SYNCHRONISED), second=damaged(MDSTAT.encode(), b"NTPSynchronized=yes\n"))
def test_readers_survive_any_output(collector: Collector[object], first: bytes, second: bytes) -> None:
    one, two = collector.plan(())
    collect_or_refuse(collector, ended(one, first), ended(two, second))


@pytest.mark.parametrize("piece", [b" ", b"1", b"\n", b"[1", b"check ", b"md0 : active a[0]\n"])
def test_no_output_keeps_the_reader_of_arrays_busy(piece: bytes) -> None:
    """A reader whose time grows with the square of the output would not come back from these for minutes."""
    hostile = piece * 30_000
    begun = time.process_time()
    collect_or_refuse(
        resilience.md_arrays, ended(resilience.DEVICES, b"Block devices:\n" + hostile), ended(resilience.MDSTAT)
    )
    mdstat = b"Personalities :\n" + hostile + b"\nunused devices: <none>\n"
    collect_or_refuse(resilience.md_arrays, ended(resilience.DEVICES, WITH_MD), ended(resilience.MDSTAT, mdstat))
    assert time.process_time() - begun < 10
