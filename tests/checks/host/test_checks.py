"""The checks of the host family, on facts made by hand."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError
from secaudit.checks.host import FAMILY
from secaudit.checks.host.checks import clock_skew, filesystem_usage
from secaudit.checks.host.facts import Filesystem, Filesystems, HostClock, Mount, Space

from secaudit.api import Evidence, Outcome, Unproven, UnprovenKind
from tests.checks.judging import AT, document, judge, only, outcomes

EVIDENCE = Evidence("df -P -k", 0, (2, 2), "…")


def clock(skew: float, accuracy: float = 0.1) -> HostClock:
    return HostClock(AT, timedelta(seconds=skew), timedelta(seconds=accuracy), EVIDENCE)


def filesystem(
    target: str, used: int | None = 10, inodes: int | None = 10, fstype: str = "ext4", device: str = "8:1"
) -> Filesystem:
    return Filesystem(
        mount=Mount("/dev/sda1", target, fstype, device, "/", ("rw",), EVIDENCE),
        space=None if used is None else Space(used, 100 - used),
        inodes=None if inodes is None else Space(inodes, 100 - inodes),
        evidence=(EVIDENCE,),
    )


@pytest.mark.parametrize(
    ("skew", "outcome"),
    [
        (0.0, Outcome.PASSED),
        (1.9, Outcome.PASSED),
        (-1.9, Outcome.PASSED),
        (1.95, Outcome.UNPROVEN),
        (-2.05, Outcome.UNPROVEN),
        (2.2, Outcome.FAILED),
        (-2.2, Outcome.FAILED),
        (86400.0 * 365, Outcome.FAILED),
    ],
)
def test_clock_skew_counts_how_well_it_is_known(skew: float, outcome: Outcome) -> None:
    verdict = only(judge(clock_skew, {"max": "2s"}, clock(skew)))
    assert verdict.outcome is outcome
    assert verdict.evidence == (EVIDENCE,)


def test_clock_skew_says_which_way() -> None:
    assert "2.2 s behind" in only(judge(clock_skew, {"max": "2s"}, clock(-2.2))).reason
    assert "2.2 s ahead" in only(judge(clock_skew, {"max": "2s"}, clock(2.2))).reason


@pytest.mark.parametrize("expect", [{}, {"max": "0s"}, {"max": "2h"}, {"max": 5}, {"max": "2s", "min": "1s"}])
def test_clock_skew_refuses_what_could_never_fail(expect: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        judge(clock_skew, expect, clock(0))


def test_an_unread_clock_is_unproven() -> None:
    verdict = only(judge(clock_skew, {"max": "2s"}, Unproven(UnprovenKind.TIMEOUT, "late")))
    assert (verdict.outcome, verdict.kind) == (Outcome.UNPROVEN, UnprovenKind.TIMEOUT)


def test_filesystem_usage_speaks_of_each_mount_point() -> None:
    full = Filesystems((filesystem("/"), filesystem("/srv", used=91), filesystem("/var", inodes=95)))
    verdicts = judge(filesystem_usage, {"used": 90, "inodes": 90}, full)
    assert outcomes(verdicts) == {"/": Outcome.PASSED, "/srv": Outcome.FAILED, "/var": Outcome.FAILED}
    assert verdicts[1].reason == "/srv has used 91 % of its space."
    assert verdicts[2].reason == "/var has used 95 % of its inodes."


def test_filesystem_usage_passes_at_the_limit_itself() -> None:
    assert (
        only(judge(filesystem_usage, {"used": 90}, Filesystems((filesystem("/", used=90),)))).outcome is Outcome.PASSED
    )


def test_limits_of_a_mount_point_replace_those_for_all() -> None:
    full = Filesystems((filesystem("/srv", used=95, inodes=95),))
    assert (
        only(judge(filesystem_usage, {"mounts": {"/srv": {"used": 96, "inodes": 96}}}, full)).outcome is Outcome.PASSED
    )
    verdict = only(judge(filesystem_usage, {"mounts": {"/srv": {"used": 96}}}, full))
    assert (verdict.outcome, verdict.reason) == (Outcome.FAILED, "/srv has used 95 % of its inodes.")


def test_what_df_did_not_tell_is_unproven_unless_it_is_too_full_already() -> None:
    some = Filesystems((filesystem("/a", used=None), filesystem("/b", inodes=None), filesystem("/c", 99, None)))
    assert outcomes(judge(filesystem_usage, {}, some)) == {
        "/a": Outcome.UNPROVEN,
        "/b": Outcome.UNPROVEN,
        "/c": Outcome.FAILED,
    }


def test_images_container_layers_and_ignored_mounts_are_not_judged() -> None:
    some = Filesystems(
        (
            filesystem("/snap/core/1", 100, fstype="squashfs"),
            filesystem("/var/lib/docker/overlay2/x/merged", None, fstype="overlay"),
            filesystem("/mnt/iso", 100),
        )
    )
    verdict = only(judge(filesystem_usage, {"ignore": ["/mnt/*"]}, some))
    assert verdict.outcome is Outcome.NOT_APPLICABLE


def test_the_root_of_a_container_is_judged() -> None:
    verdict = only(judge(filesystem_usage, {}, Filesystems((filesystem("/", 99, fstype="overlay"),))))
    assert verdict.outcome is Outcome.FAILED


def test_a_file_system_without_inodes_of_its_own_is_judged_by_space() -> None:
    btrfs = Filesystem(
        Mount("/dev/sdb", "/", "btrfs", "0:30", "/", (), EVIDENCE), Space(1, 9), Space(0, 0), (EVIDENCE,)
    )
    verdict = only(judge(filesystem_usage, {}, Filesystems((btrfs,))))
    assert verdict.outcome is Outcome.PASSED
    assert "inodes" not in verdict.observed


@pytest.mark.parametrize(
    "expect",
    [
        {"used": 100},
        {"used": 0},
        {"inodes": 100},
        {"ignore": ["*"]},
        {"ignore": ["/*"]},
        {"ignore": ["srv"]},
        {"mounts": {"srv": {"used": 5}}},
        {"mounts": {"/srv": {"used": 100}}},
    ],
)
def test_filesystem_usage_refuses_what_could_never_fail(expect: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        judge(filesystem_usage, expect, Filesystems((filesystem("/"),)))


def test_every_check_has_a_page_that_agrees_with_it() -> None:
    document(FAMILY)
