"""The verdicts on the patch level."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError
from secaudit.checks.host.facts import OsRelease
from secaudit.checks.patch import FAMILY
from secaudit.checks.patch.checks import (
    end_of_life,
    kernel_outdated,
    lists_stale,
    pending_security,
    reboot_required,
)
from secaudit.checks.patch.collect import package_lists, pending_updates
from secaudit.checks.patch.facts import (
    KeptBack,
    KernelUnpacked,
    ListedArchive,
    PackageLists,
    PendingUpdate,
    PendingUpdates,
    RebootFlag,
)
from secaudit.checks.patch.feeds.announced import AnnouncedSupport
from secaudit.checks.patch.readers.apt import LISTS, SIMULATION
from secaudit.checks.patch.support_dates import SUPPORT_DATES

from secaudit.api import Check, Evidence, Now, Outcome, Severity, Unproven, UnprovenKind, Verdict
from tests.checks.judging import AT, collect, ended, judge, only, outcomes

from .given import NOW, NOWHERE, clock, kernel, managed_by, packages, recorded

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SSL = {"libssl3": "openssl", "openssl": "openssl"}
INSTALLED = packages(("libssl3", "3.0.1-1"), ("openssl", "3.0.1-1"), ("jq", "1.6-2"), sources=SSL)


def update(package: str, security: bool = True) -> PendingUpdate:
    return PendingUpdate(package, "amd64", "1", "2", ("Debian-Security:12/x",), security, NOWHERE)


def pending(*updates: PendingUpdate, kept: tuple[str, ...] = (), manager: str = "dpkg") -> PendingUpdates:
    return PendingUpdates(manager, updates, tuple(KeptBack(package, NOWHERE) for package in kept), NOWHERE)


def lists(age: timedelta = HOUR, **archives: timedelta) -> PackageLists:
    listed = [ListedArchive(f"{name}_InRelease", AT - reached, NOWHERE) for name, reached in archives.items()]
    return PackageLists("dpkg", AT - age, tuple(listed), NOWHERE)


def on_security(*values: object, **expect: Any) -> list[Verdict]:
    return judge(pending_security, expect, *values, INSTALLED, clock(), NOW)


def test_a_finding_is_a_source_package_with_the_command_that_repairs_it() -> None:
    verdicts = on_security(pending(update("libssl3"), update("openssl"), update("jq", security=False)), lists())
    finding = only(verdicts)
    assert (finding.subject, finding.outcome) == ("openssl", Outcome.FAILED)
    assert finding.remediation == "apt-get update && apt-get install --only-upgrade libssl3 openssl"
    assert "libssl3 1 → 2" in finding.observed
    assert "Debian-Security" in finding.observed


def test_the_package_manager_of_the_remediation() -> None:
    assert only(on_security(pending(update("jq"), manager="rpm"), lists())).remediation == "dnf upgrade --security jq"


def test_foreign_architectures_belong_to_the_same_source() -> None:
    finding = only(on_security(pending(update("libssl3"), update("libssl3:i386")), lists()))
    assert finding.subject == "openssl"
    assert finding.remediation.endswith("libssl3 libssl3:i386")


@pytest.mark.parametrize(
    ("expect", "outcome"),
    [
        ({}, Outcome.FAILED),
        ({"max": 1}, Outcome.PASSED),
        ({"allow": ["openssl"]}, Outcome.PASSED),
        ({"allow": ["jq"]}, Outcome.FAILED),
    ],
)
def test_max_and_allow(expect: dict[str, Any], outcome: Outcome) -> None:
    verdicts = on_security(pending(update("libssl3"), update("openssl")), lists(), **expect)
    assert only(verdicts).outcome is outcome


def test_nothing_pending_is_proven_by_young_lists_only() -> None:
    assert only(on_security(pending(), lists())).outcome is Outcome.PASSED
    old = only(on_security(pending(), lists(49 * HOUR)))
    assert (old.outcome, old.kind) == (Outcome.UNPROVEN, UnprovenKind.STALE)
    assert only(on_security(pending(), lists(49 * HOUR), lists_max_age="3d")).outcome is Outcome.PASSED
    future = only(on_security(pending(), lists(-HOUR)))
    assert future.kind is UnprovenKind.NOT_UNDERSTOOD
    denied = only(on_security(pending(), Unproven(UnprovenKind.DENIED, "no")))
    assert denied.kind is UnprovenKind.DENIED


def test_a_security_archive_that_is_not_reached_any_more() -> None:
    late = {"m_dists_bookworm-security": 3 * DAY, "m_dists_bookworm": HOUR}
    assert only(on_security(pending(), lists(**late))).kind is UnprovenKind.STALE
    other = {"m_dists_bookworm-security": HOUR, "third_dists_stable": 300 * DAY}
    assert only(on_security(pending(), lists(**other))).outcome is Outcome.PASSED


def test_what_is_pending_fails_however_old_the_lists_are() -> None:
    verdicts = on_security(pending(update("jq")), lists(30 * DAY))
    assert outcomes(verdicts) == {"jq": Outcome.FAILED, "": Outcome.UNPROVEN}


def test_what_is_kept_back_is_unproven() -> None:
    verdicts = on_security(pending(kept=("libssl3", "openssl", "jq")), lists())
    assert outcomes(verdicts) == {"openssl": Outcome.UNPROVEN, "jq": Outcome.UNPROVEN}
    known = on_security(pending(update("openssl"), kept=("libssl3",)), lists())
    assert outcomes(known) == {"openssl": Outcome.FAILED}
    assert only(on_security(pending(kept=("jq",)), lists(), allow=["jq"])).outcome is Outcome.PASSED


def test_the_host_s_own_clock_counts() -> None:
    values = (pending(), lists(-50 * HOUR), INSTALLED, clock(51 * HOUR), NOW)
    assert only(judge(pending_security, {}, *values)).outcome is Outcome.PASSED


def test_from_recordings_to_findings() -> None:
    host = managed_by("dpkg")
    updates = collect(pending_updates, ended(SIMULATION, recorded("simulation.txt")), known=host)
    ages = collect(package_lists, ended(LISTS, recorded("lists.txt")), known=host)
    at = Now(datetime(2026, 11, 24, 7, 0, tzinfo=UTC))
    verdicts = judge(pending_security, {}, updates, ages, INSTALLED, clock(), at)
    assert {verdict.outcome for verdict in verdicts} == {Outcome.FAILED}
    assert len(verdicts) > 30


@pytest.mark.parametrize(
    ("age", "archives", "outcome"),
    [
        (HOUR, {"a": HOUR}, Outcome.PASSED),
        (48 * HOUR, {"a": 48 * HOUR}, Outcome.PASSED),
        (49 * HOUR, {"a": HOUR}, Outcome.FAILED),
        (HOUR, {"a": HOUR, "b": 49 * HOUR}, Outcome.FAILED),
        (-4 * timedelta(minutes=1), {"a": HOUR}, Outcome.PASSED),
        (-HOUR, {"a": HOUR}, Outcome.UNPROVEN),
    ],
)
def test_age_of_lists(age: timedelta, archives: dict[str, timedelta], outcome: Outcome) -> None:
    assert only(judge(lists_stale, {}, lists(age, **archives), clock(), NOW)).outcome is outcome


DEBIAN = "#1 SMP PREEMPT_DYNAMIC Debian 6.1.140-1 (2025-05-22)"
IMAGE = "linux-image-6.1.0-37-amd64"


@pytest.mark.parametrize(
    ("running", "installed", "manager", "outcome"),
    [
        (kernel("6.1.0-37-amd64", DEBIAN), [(IMAGE, "6.1.140-1")], "dpkg", Outcome.PASSED),
        (kernel("6.1.0-37-amd64", DEBIAN), [(IMAGE, "6.1.140-1+deb12u1")], "dpkg", Outcome.FAILED),
        (
            kernel("6.1.0-37-amd64", DEBIAN),
            [(IMAGE, "6.1.140-1"), ("linux-image-6.1.0-38-amd64", "6.1.147-1")],
            "dpkg",
            Outcome.FAILED,
        ),
        # The package of the running kernel was removed after the update: its version is still told by uname.
        (kernel("6.1.0-37-amd64", DEBIAN), [("linux-image-6.1.0-38-amd64", "6.1.147-1")], "dpkg", Outcome.FAILED),
        (
            kernel("6.1.0-37-amd64", DEBIAN),
            [(IMAGE, "6.1.140-1"), ("linux-image-6.1.0-38-amd64-dbg", "6.1.147-1")],
            "dpkg",
            Outcome.PASSED,
        ),
        (
            kernel("6.8.0-9-generic", "#9-Ubuntu SMP"),
            [("linux-image-6.8.0-9-generic", "6.8.0-9.9"), ("linux-image-6.8.0-10-generic", "6.8.0-10.10")],
            "dpkg",
            Outcome.FAILED,
        ),
        (
            kernel("6.8.0-10-generic", "#10-Ubuntu SMP"),
            [("linux-image-6.8.0-9-generic", "6.8.0-9.9"), ("linux-image-unsigned-6.8.0-10-generic", "6.8.0-10.10")],
            "dpkg",
            Outcome.PASSED,
        ),
        (
            kernel("6.8.12-4-pve", "#1 SMP PREEMPT_DYNAMIC PMX 6.8.12-4"),
            [("proxmox-kernel-6.8", "6.8.12-4"), ("proxmox-kernel-6.8.12-4-pve-signed", "6.8.12-4")],
            "dpkg",
            Outcome.PASSED,
        ),
        (
            kernel("6.8.12-4-pve", "#1 SMP PREEMPT_DYNAMIC PMX 6.8.12-4"),
            [("proxmox-kernel-6.8.12-4-pve-signed", "6.8.12-4"), ("proxmox-kernel-6.8.12-10-pve", "6.8.12-10")],
            "dpkg",
            Outcome.FAILED,
        ),
        (kernel("7.1-vendor"), [("vendor-kernel-7.1-vendor", "7.1")], "dpkg", Outcome.UNPROVEN),
        (kernel("6.18.44-fc"), [("linux-image-amd64", "6.1.140-1")], "dpkg", Outcome.NOT_APPLICABLE),
        (kernel("6.18.44-fc"), [("bash", "5")], "dpkg", Outcome.NOT_APPLICABLE),
        (kernel("6.18.44-fc"), [(IMAGE, "6.1.140-1")], "dpkg", Outcome.UNPROVEN),
        (kernel("6.1.0-37-amd64", DEBIAN), [(IMAGE, "6.1_140")], "dpkg", Outcome.UNPROVEN),
        (kernel("5.14.0-9.el9.x86_64"), [("kernel-core", "5.14.0-9.el9")], "rpm", Outcome.PASSED),
        (
            kernel("5.14.0-9.el9.x86_64"),
            [("kernel-core", "5.14.0-9.el9"), ("kernel-core", "5.14.0-10.el9")],
            "rpm",
            Outcome.FAILED,
        ),
        (kernel("5.14.0-8.el9.x86_64"), [("kernel-core", "5.14.0-9.el9")], "rpm", Outcome.UNPROVEN),
        (kernel("6.6.58-0-lts"), [("linux-lts", "6.6.58-r0")], "apk", Outcome.PASSED),
        (kernel("6.6.58-0-lts"), [("linux-lts", "6.6.58-r0")], "pkg", Outcome.UNPROVEN),
    ],
)
def test_running_kernel(running: Any, installed: list[tuple[str, str]], manager: str, outcome: Outcome) -> None:
    known = packages(*installed, manager=manager)
    assert only(judge(kernel_outdated, {}, running, known, clock(), NOW)).outcome is outcome


def unpacked(age: timedelta) -> KernelUnpacked:
    return KernelUnpacked({"linux-image-6.1.0-38-amd64": AT - age})


NEWER = packages((IMAGE, "6.1.140-1"), ("linux-image-6.1.0-38-amd64", "6.1.147-1"))


@pytest.mark.parametrize(
    ("grace", "times", "outcome"),
    [
        ("7d", unpacked(6 * DAY), Outcome.PASSED),
        ("7d", unpacked(8 * DAY), Outcome.FAILED),
        ("7d", unpacked(-8 * DAY), Outcome.FAILED),
        ("7d", KernelUnpacked({}), Outcome.FAILED),
        ("7d", Unproven(UnprovenKind.DENIED, "no"), Outcome.FAILED),
        ("0s", unpacked(timedelta()), Outcome.FAILED),
    ],
)
def test_a_newer_kernel_may_wait_for_a_while(grace: str, times: object, outcome: Outcome) -> None:
    running = kernel("6.1.0-37-amd64", DEBIAN)
    verdict = only(judge(kernel_outdated, {"grace": grace}, running, NEWER, clock(), NOW, times))
    assert verdict.outcome is outcome


CURRENT = packages((IMAGE, "6.1.140-1"))


def flag(age: timedelta | None, *by: str) -> RebootFlag:
    return RebootFlag(None if age is None else AT - age, by, NOWHERE)


@pytest.mark.parametrize(
    ("state", "known", "outcome"),
    [
        (flag(DAY, "libc6"), CURRENT, Outcome.PASSED),
        (flag(8 * DAY, "libc6"), CURRENT, Outcome.FAILED),
        (flag(8 * DAY), packages(("bash", "5")), Outcome.FAILED),
        (flag(-DAY), CURRENT, Outcome.UNPROVEN),
        (flag(None), CURRENT, Outcome.PASSED),
        (flag(None), packages(("unattended-upgrades", "2")), Outcome.PASSED),
        (flag(None), packages(("bash", "5")), Outcome.NOT_APPLICABLE),
        (flag(None), packages(("kernel-core", "x")), Outcome.NOT_APPLICABLE),
        (flag(None), packages((IMAGE, "6_1")), Outcome.UNPROVEN),
        (flag(None), NEWER, Outcome.UNPROVEN),
    ],
)
def test_pending_reboot(state: RebootFlag, known: Any, outcome: Outcome) -> None:
    running = kernel("6.1.0-37-amd64", DEBIAN)
    verdict = only(judge(reboot_required, {}, state, running, known, clock(), NOW, KernelUnpacked({})))
    assert verdict.outcome is outcome


def test_a_kernel_that_waits_is_a_pending_reboot() -> None:
    running = kernel("6.1.0-37-amd64", DEBIAN)
    for age, outcome in ((6 * DAY, Outcome.PASSED), (8 * DAY, Outcome.FAILED)):
        verdict = only(judge(reboot_required, {}, flag(None), running, NEWER, clock(), NOW, unpacked(age)))
        assert verdict.outcome is outcome


NOTHING_IMPORTED = AnnouncedSupport({})
DATES = SUPPORT_DATES, NOTHING_IMPORTED


def release(id: str, version: str) -> OsRelease:
    return OsRelease(id, version, "", id.title(), (), Evidence("cat /etc/os-release", 0, None, ""))


@pytest.mark.parametrize(
    ("host", "expect", "outcome"),
    [
        (release("debian", "13"), {}, Outcome.PASSED),
        (release("debian", "12"), {}, Outcome.PASSED),
        (release("debian", "12"), {"lts_counts": False}, Outcome.FAILED),
        (release("debian", "11"), {}, Outcome.FAILED),
        (release("ubuntu", "24.04"), {}, Outcome.PASSED),
        (release("ubuntu", "20.04"), {}, Outcome.UNPROVEN),
        (release("ubuntu", "20.04"), {"lts_counts": False}, Outcome.FAILED),
        (release("ubuntu", "16.04"), {}, Outcome.FAILED),
        (release("ubuntu", "25.10"), {}, Outcome.UNPROVEN),
        (release("almalinux", "9.8"), {}, Outcome.PASSED),
        (release("rhel", "7.9"), {}, Outcome.UNPROVEN),
        (release("centos", "7"), {}, Outcome.FAILED),
        (release("alpine", "3.20.3"), {}, Outcome.FAILED),
        (release("alpine", "3.22.1"), {"warn_before": "90d"}, Outcome.PASSED),
        (release("alpine", "3.22.1"), {"warn_before": "200d"}, Outcome.FAILED),
        (release("debian", ""), {}, Outcome.UNPROVEN),
        (release("gentoo", "2.17"), {}, Outcome.UNPROVEN),
    ],
)
def test_support_of_releases(host: OsRelease, expect: dict[str, Any], outcome: Outcome) -> None:
    assert only(judge(end_of_life, expect, host, *DATES, NOW)).outcome is outcome


@pytest.mark.parametrize(
    ("id", "version", "outcome", "said"),
    [
        ("almalinux", "9.0", Outcome.FAILED, "no updates for almalinux 9.0 any more: it was superseded by 9.8"),
        ("almalinux", "9.7", Outcome.FAILED, "superseded by 9.8"),
        ("almalinux", "9.8", Outcome.PASSED, ""),
        (
            "almalinux",
            "9.9",
            Outcome.UNPROVEN,
            "newer than the newest minor release that was known on 2026-08-22 (9.8)",
        ),
        ("almalinux", "9", Outcome.UNPROVEN, "is not known"),
        ("rocky", "8.9", Outcome.FAILED, "superseded by 8.10"),
        ("rocky", "8.10", Outcome.PASSED, ""),
        ("rhel", "9.0", Outcome.FAILED, "superseded by 9.8"),
        ("rhel", "9.4", Outcome.FAILED, "superseded by 9.8"),
        ("rhel", "9.5", Outcome.FAILED, "superseded by 9.8"),
        ("rhel", "9.6", Outcome.UNPROVEN, "with Red Hat Extended Update Support only"),
        ("rhel", "8.0", Outcome.UNPROVEN, "until when it gets extended updates is not known"),
        ("rhel", "10.2", Outcome.PASSED, ""),
    ],
)
def test_minor_releases_have_an_end_of_their_own(id: str, version: str, outcome: Outcome, said: str) -> None:
    verdict = only(judge(end_of_life, {}, release(id, version), *DATES, NOW))
    assert verdict.outcome is outcome
    assert said in verdict.reason


def test_which_minor_release_is_the_newest_has_to_be_known_of_late() -> None:
    later = Now(AT + timedelta(days=100))
    stale = only(judge(end_of_life, {}, release("rocky", "9.8"), *DATES, later))
    assert (stale.outcome, stale.kind) == (Outcome.UNPROVEN, UnprovenKind.STALE)
    assert only(judge(end_of_life, {}, release("rocky", "9.7"), *DATES, later)).outcome is Outcome.FAILED
    # No minor release comes after the last one.
    assert only(judge(end_of_life, {}, release("rocky", "8.10"), *DATES, later)).outcome is Outcome.PASSED


def test_an_end_of_the_minor_release_is_graver_than_one_of_the_major_that_is_near() -> None:
    verdict = only(judge(end_of_life, {"warn_before": "9999d"}, release("rocky", "9.0"), *DATES, NOW))
    assert verdict.severity is Severity.HIGH


def test_the_last_day_is_supported() -> None:
    host = release("debian", "11")
    for day, outcome in ((31, Outcome.PASSED), (32, Outcome.FAILED)):
        now = Now(datetime(2026, 8, 1, tzinfo=UTC) + timedelta(days=day - 1))
        assert only(judge(end_of_life, {"warn_before": "0s"}, host, *DATES, now)).outcome is outcome


def test_an_end_that_is_near_is_milder_than_one_that_is_past() -> None:
    near = only(judge(end_of_life, {"warn_before": "200d"}, release("alpine", "3.22"), *DATES, NOW))
    assert near.severity is Severity.MEDIUM
    assert only(judge(end_of_life, {}, release("debian", "11"), *DATES, NOW)).severity is None


def test_an_old_table_proves_the_end_and_nothing_else() -> None:
    old = replace(SUPPORT_DATES, reviewed=date(2025, 1, 1))
    assert only(judge(end_of_life, {}, release("debian", "11"), old, NOTHING_IMPORTED, NOW)).outcome is Outcome.FAILED
    supported = only(judge(end_of_life, {}, release("debian", "13"), old, NOTHING_IMPORTED, NOW))
    assert (supported.outcome, supported.kind) == (Outcome.UNPROVEN, UnprovenKind.STALE)


@pytest.mark.parametrize(
    ("check", "expect"),
    [
        (pending_security, {"max": -1}),
        (pending_security, {"max": 1000}),
        (pending_security, {"lists_max_age": "0s"}),
        (pending_security, {"limit": 3}),
        (lists_stale, {"max_age": "0s"}),
        (lists_stale, {"max_age": "soon"}),
        (reboot_required, {"max_pending": 7}),
        (end_of_life, {"lts_counts": "perhaps"}),
    ],
)
def test_expectations_that_are_refused(check: Check, expect: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        check.expect.model_validate(expect)


@pytest.mark.parametrize("check", FAMILY.checks, ids=lambda check: check.id)
def test_every_check_has_a_page_and_clauses(check: Check) -> None:
    page = FAMILY.page(check)
    assert page is not None
    assert page.startswith(f"# {check.id}")
    assert "unproven" in page
    assert check.references
