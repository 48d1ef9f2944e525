"""Systems without apt: dnf, zypper, apk and pacman.

Recorded from rpm 4.18, dnf 4.14, zypper 1.14.42 and pacman 6.0.2 over a repository made for it; apk after its manual.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from secaudit.checks.host.facts import OsRelease
from secaudit.checks.patch.checks import (
    automatic_updates,
    held_packages,
    kernel_outdated,
    pending_security,
    reboot_required,
    repositories,
)
from secaudit.checks.patch.collect import automatic_updates as collect_updates
from secaudit.checks.patch.collect import held_packages as collect_holds
from secaudit.checks.patch.collect import (
    last_automatic_run,
    live_patches,
    package_lists,
    pending_updates,
    reboot_flag,
)
from secaudit.checks.patch.collect import repositories as collect_repositories
from secaudit.checks.patch.facts import LivePatches, PackageLists
from secaudit.checks.patch.readers import apk, dnf, pacman, zypper
from secaudit.checks.patch.readers.livepatch import CANONICAL, LOADED
from secaudit.checks.patch.readers.reboot import FLAG, FLAG_PACKAGES
from secaudit.checks.patch.readers.repo_files import DNF_FILES, ZYPPER_FILES
from secaudit.checks.patch.readers.timers import DNF_CONF, STAMPS, TIMERS

from secaudit.api import Answer, AnswerStatus, Command, Facts, Outcome, UnprovenKind, Verdict
from tests.checks.judging import (
    AT,
    NOT_ANSWERED,
    collect,
    collect_or_refuse,
    damaged,
    ended,
    facts,
    judge,
    only,
    outcomes,
    refusal,
    unanswered,
)

from .given import NOW, NOWHERE, clock, kernel, managed_by, packages, recorded

DNF, APK, PACMAN = managed_by("rpm"), managed_by("apk"), managed_by("pacman")
ZYPPER = facts(
    packages(("base", "1-1"), manager="rpm"), OsRelease("opensuse-leap", "15.6", "", "", ("suse", "opensuse"), NOWHERE)
)
FRESH = PackageLists("any", AT - timedelta(hours=1), (), NOWHERE)


def pending(request: Command, text: str | bytes, known: Facts, exit: int = 0) -> list[Verdict]:
    found = collect(pending_updates, ended(request, text, exit=exit), known=known)
    host = packages(("base", "1-1"), manager=found.manager)
    return judge(pending_security, {}, found, FRESH, host, clock(), NOW)


# --- pending --------------------------------------------------------------------------------------------------------

PATCHES = recorded("zypper-patches.xml").decode()


def test_security_patches_of_zypper() -> None:
    assert only(pending(zypper.PATCHES, PATCHES, ZYPPER)).outcome is Outcome.PASSED
    needed = only(pending(zypper.PATCHES, PATCHES.replace("not-needed", "needed"), ZYPPER))
    assert (needed.subject, needed.outcome) == ("DEMO-SA-2026:0001", Outcome.FAILED)
    assert needed.remediation == "zypper patch --category security"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (PATCHES[: PATCHES.index("<update ")] + "</update-list>\n</update-status>\n</stream>\n", UnprovenKind.MISSING),
        (PATCHES.replace("not-needed", "perhaps"), UnprovenKind.NOT_UNDERSTOOD),
        (PATCHES.replace("</stream>", ""), UnprovenKind.NOT_UNDERSTOOD),
        (PATCHES.replace('name="DEMO-SA-2026:0001"', "name='x'"), UnprovenKind.NOT_UNDERSTOOD),
        ("", UnprovenKind.NOT_UNDERSTOOD),
        ("<stream></stream>", UnprovenKind.NOT_UNDERSTOOD),
    ],
)
def test_patches_that_prove_nothing(text: str, kind: UnprovenKind) -> None:
    assert refusal(pending_updates, ended(zypper.PATCHES, text), known=ZYPPER).kind is kind


def test_dnf_lists_installed_advisories_as_it_lists_pending_ones() -> None:
    answers = ended(dnf.PENDING), ended(dnf.INSTALLED, recorded("dnf-installed.txt"))
    assert collect(pending_updates, *answers, known=DNF).updates == ()


@pytest.mark.parametrize(
    ("request_", "known", "text", "subject"),
    [
        (apk.NEWER, APK, "Installed:                                Available:\nmusl-1.2.4-r2  < 1.2.4-r3\n", "musl"),
        (pacman.NEWER, PACMAN, "python-pip 24.2-1 -> 24.3.1-1 [ignored]\n", "python-pip"),
    ],
)
def test_managers_that_do_not_tell_security_updates_apart(
    request_: Command, known: Facts, text: str, subject: str
) -> None:
    finding = only(pending(request_, text, known))
    assert (finding.subject, finding.outcome) == (subject, Outcome.UNPROVEN)
    assert " waits, and whether it is a security update is not shown." in finding.reason
    heading = "Installed:     Available:\n" if request_ is apk.NEWER else ""
    none = only(pending(request_, heading, known, exit=1 if request_ is pacman.NEWER else 0))
    assert none.outcome is Outcome.PASSED


def test_pacman_without_databases_knows_of_no_update() -> None:
    warning = "warning: database file for 'core' does not exist (use '-Sy' to download)\n"
    reason = refusal(pending_updates, ended(pacman.NEWER, exit=1, stderr=warning), known=PACMAN)
    assert reason.kind is UnprovenKind.ERROR


# --- age of lists ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("request_", "known", "name"),
    [
        (zypper.METADATA, ZYPPER, "demo/repodata/repomd.xml"),
        (apk.INDEXES, APK, "APKINDEX.bf1c2ae3.tar.gz"),
        (pacman.DATABASES, PACMAN, "core.db"),
    ],
)
def test_the_youngest_index_counts(request_: Command, known: Facts, name: str) -> None:
    folder = "0\td\t1795492800.0\t1795492800.0\t\n"
    listed = f"{folder}1\tf\t1795400000.0\t1795492800.0\tx{name}\n1\tf\t1795410000.0\t1795492800.0\t{name}\n"
    found = collect(package_lists, ended(request_, listed), known=known)
    assert found.youngest == datetime.fromtimestamp(1795410000, UTC)
    assert refusal(package_lists, ended(request_, folder), known=known).kind is UnprovenKind.STALE


# --- held -----------------------------------------------------------------------------------------------------------


def held(known: Facts, *answers: Answer) -> dict[str, str]:
    verdicts = judge(held_packages, {}, collect(collect_holds, *answers, known=known))
    return {verdict.subject: verdict.remediation for verdict in verdicts if verdict.outcome is Outcome.FAILED}


TOML = """\
/etc/dnf/versionlock.toml:1:version = "1.0"
/etc/dnf/versionlock.toml:3:[[packages]]
/etc/dnf/versionlock.toml:4:name = "openssl"
/etc/dnf/versionlock.toml:5:[[packages.conditions]]
/etc/dnf/versionlock.toml:6:key = "evr"
"""


def test_held_by_dnf() -> None:
    repos = recorded("dnf-repos.txt").decode() + "/etc/dnf/dnf.conf:9:excludepkgs=kernel*, nginx\n"
    locks = recorded("dnf-locks.txt").decode() + TOML
    found = held(DNF, ended(dnf.LOCKS, locks), ended(DNF_FILES, repos))
    assert set(found) == {"bash", "demo", "openssl", "kernel*", "nginx"}
    assert found["kernel*"] == "dnf versionlock delete 'kernel*'"
    assert held(DNF, ended(dnf.LOCKS, exit=1), ended(DNF_FILES, recorded("dnf-repos.txt"))) == {}


def test_held_by_zypper() -> None:
    assert set(held(ZYPPER, ended(zypper.LOCKS, recorded("zypp-locks.txt")))) == {"foo", "kernel*", "nginx"}
    assert held(ZYPPER, ended(zypper.LOCKS, exit=1)) == {}


def test_held_by_apk() -> None:
    world = "alpine-base\nnginx=1.26.2-r0\nopenssl>3\npython3~3.12\nmusl<1.3\n!busybox-extras\nhttpie@testing\n"
    assert set(held(APK, ended(apk.WORLD, world))) == {"nginx", "python3", "musl"}


def test_held_by_pacman() -> None:
    found = held(PACMAN, ended(pacman.SETTINGS, recorded("pacman-conf.txt")))
    assert set(found) == {"linux", "nginx", "gnome"}


@pytest.mark.parametrize(
    ("known", "answer"),
    [
        (DNF, ended(dnf.LOCKS, exit=2)),
        (DNF, ended(dnf.LOCKS, "/etc/dnf/plugins/versionlock.list:1:two words\n")),
        (ZYPPER, ended(zypper.LOCKS, exit=2)),
        (ZYPPER, ended(zypper.LOCKS, "solvable_name: x\n")),
        (APK, ended(apk.WORLD, "=1.2\n")),
        (PACMAN, ended(pacman.SETTINGS, "")),
        (PACMAN, ended(pacman.SETTINGS, "error: config file could not be read\n")),
    ],
)
def test_what_may_be_held_is_not_guessed(known: Facts, answer: Answer) -> None:
    assert refusal(collect_holds, answer, known=known).kind in (UnprovenKind.ERROR, UnprovenKind.NOT_UNDERSTOOD)


# --- repositories ---------------------------------------------------------------------------------------------------


def troubles(known: Facts, *answers: Answer, **expect: Any) -> dict[str, str]:
    verdicts = judge(repositories, expect, collect(collect_repositories, *answers, known=known))
    return {verdict.subject: verdict.observed for verdict in verdicts if verdict.outcome is Outcome.FAILED}


BASEOS = (
    "/etc/yum.repos.d/almalinux.repo:1:[baseos]\n"
    "/etc/yum.repos.d/almalinux.repo:3:mirrorlist=https://mirrors.almalinux.org/mirrorlist/$releasever/baseos\n"
    "/etc/yum.repos.d/almalinux.repo:4:enabled=1\n"
)
CHECKED = "/etc/dnf/dnf.conf:1:[main]\n/etc/dnf/dnf.conf:2:gpgcheck=1\n"


@pytest.mark.parametrize(
    ("files", "found"),
    [
        (CHECKED + BASEOS, {}),
        (BASEOS, {"mirrors.almalinux.org baseos": "its signature is not checked"}),
        (BASEOS + "/etc/yum.repos.d/almalinux.repo:5:gpgcheck=1\n", {}),
        (
            CHECKED.replace("=1", "=0") + BASEOS + "/etc/yum.repos.d/almalinux.repo:5:gpgcheck=1\n",
            {"/etc/dnf/dnf.conf": "checking signatures is switched off (gpgcheck is off)"},
        ),
        (CHECKED + BASEOS.replace("enabled=1", "enabled=0") + BASEOS.replace("almalinux.repo", "a.repo"), {}),
        (
            recorded("dnf-repos.txt").decode(),
            {
                "/etc/yum.repos.d/demo.repo demo": "its signature is not checked, "
                "it is of another origin (none that is stated)"
            },
        ),
    ],
)
def test_repositories_of_dnf(files: str, found: dict[str, str]) -> None:
    assert troubles(DNF, ended(DNF_FILES, files)) == found


def test_repositories_of_zypper_are_checked_unless_a_file_says_no() -> None:
    signed = recorded("zypp-repos.txt").decode().replace("gpgcheck=0", "gpgcheck=1").replace("demo", "repo-oss")
    assert troubles(ZYPPER, ended(ZYPPER_FILES, signed)) == {}
    assert list(troubles(ZYPPER, ended(ZYPPER_FILES, recorded("zypp-repos.txt")))) == [
        "/etc/zypp/repos.d/demo.repo demo"
    ]


def test_repositories_of_apk() -> None:
    listed = (
        "#http://old.example/v3.18/main\nhttps://dl-cdn.alpinelinux.org/alpine/v3.20/main\n"
        "http://user:secret@mirror.example/alpine/v3.20/community\n@testing https://dl-cdn.alpinelinux.org/alpine/edge/testing\n"
    )
    assert list(troubles(APK, ended(apk.REPOSITORIES, listed))) == ["dl-cdn.alpinelinux.org edge/testing"]
    assert troubles(APK, ended(apk.REPOSITORIES, listed), repositories=["v3.20/*", "edge/testing"]) == {}
    assert refusal(collect_repositories, ended(apk.REPOSITORIES, "# none\n"), known=APK).kind is UnprovenKind.MISSING


def test_repositories_of_pacman() -> None:
    found = troubles(PACMAN, ended(pacman.SETTINGS, recorded("pacman-conf.txt")))
    assert found == {"mirror.example.test core": "its signature is not checked"}  # extra demands signatures for itself
    trusting = recorded("pacman-conf.txt").decode().replace("PackageTrustedOnly", "PackageTrustAll", 1)
    assert "/etc/pacman.conf" in troubles(PACMAN, ended(pacman.SETTINGS, trusting))


@pytest.mark.parametrize(
    "files", ["", "Binary file matches\n", "/etc/yum.repos.d/a.repo:1:enabled=1\n", BASEOS.replace("=1", "=maybe")]
)
def test_repositories_that_are_not_understood(files: str) -> None:
    kinds = (UnprovenKind.NOT_UNDERSTOOD, UnprovenKind.MISSING)
    assert refusal(collect_repositories, ended(DNF_FILES, files), known=DNF).kind in kinds


# --- automatic updates ----------------------------------------------------------------------------------------------


def missing(known: Facts, units: str, conf: Answer | None = None) -> tuple[str, ...]:
    answers = [ended(TIMERS, units, exit=0 if units else 1), conf or ended(DNF_CONF, exit=2)]
    return tuple(collect(collect_updates, *answers, known=known).missing)


APPLIED = ended(DNF_CONF, "/etc/dnf/automatic.conf:20:apply_updates = yes\n")
LATER = ended(DNF_CONF, "/etc/dnf/automatic.conf:20:apply_updates = no\n")


@pytest.mark.parametrize(
    ("known", "units", "conf", "reason"),
    [
        (DNF, "dnf-automatic-install.timer enabled disabled\n", None, ""),
        (DNF, "dnf-automatic.timer enabled disabled\n", APPLIED, ""),
        (DNF, "dnf-automatic.timer enabled disabled\n", LATER, "apply_updates is off in /etc/dnf/automatic.conf"),
        (DNF, "dnf-automatic-install.timer disabled disabled\n", None, "dnf-automatic-install.timer is disabled"),
        (DNF, "", None, "dnf-automatic-install.timer is not there"),
        (ZYPPER, "transactional-update.timer enabled enabled\n", None, ""),
        (ZYPPER, "dnf-automatic-install.timer enabled disabled\n", None, "transactional-update.timer is not there"),
    ],
)
def test_timers_that_install_updates(known: Facts, units: str, conf: Answer | None, reason: str) -> None:
    assert missing(known, units, conf) == ((reason,) if reason else ())


def test_the_settings_of_a_timer_have_to_be_readable() -> None:
    units = ended(TIMERS, "dnf-automatic.timer enabled disabled\n")
    assert refusal(collect_updates, units, ended(DNF_CONF, exit=2), known=DNF).kind is UnprovenKind.ERROR
    no_systemd = ended(TIMERS, exit=1, stderr="System has not been booted with systemd as init system (PID 1).")
    assert refusal(collect_updates, no_systemd, known=DNF).kind is UnprovenKind.ERROR


def test_the_last_run_of_a_timer() -> None:
    state = collect(collect_updates, ended(TIMERS, "dnf-automatic-install.timer enabled disabled\n"), known=DNF)
    folder, stamp = "0\td\t1.0\t1.0\t\n", (AT - timedelta(hours=5)).timestamp()
    other = f"1\tf\t{stamp + 9}\t{stamp}\tstamp-fstrim.timer\n"
    ran = collect(
        last_automatic_run,
        ended(STAMPS, f"{folder}{other}1\tf\t{stamp}\t{stamp}\tstamp-dnf-automatic-install.timer\n"),
        known=DNF,
    )
    verdict = only(judge(automatic_updates, {}, state, ran, clock(), NOW))
    assert (verdict.outcome, verdict.observed) == (Outcome.PASSED, "switched on, last run 5h ago")
    assert refusal(last_automatic_run, ended(STAMPS, folder + other), known=DNF).kind is UnprovenKind.STALE


def test_jobs_of_alpine_and_what_pacman_leaves_open() -> None:
    assert collect(collect_updates, ended(apk.JOBS, "/etc/periodic/daily/upgrade\n"), known=APK).missing == ()
    assert collect(collect_updates, ended(apk.JOBS, exit=1), known=APK).missing != ()
    assert refusal(collect_updates, ended(apk.JOBS, exit=2), known=APK).kind is UnprovenKind.ERROR
    assert refusal(collect_updates, known=PACMAN).kind is UnprovenKind.NOT_UNDERSTOOD


# --- kernels and live patches ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("manager", "installed", "running", "outcome"),
    [
        ("apk", ("linux-lts", "6.6.56-r0"), "6.6.56-0-lts", Outcome.PASSED),
        ("apk", ("linux-lts", "6.6.58-r0"), "6.6.56-0-lts", Outcome.FAILED),
        ("apk", ("linux-virt", "6.6.58-r0"), "6.6.56-0-lts", Outcome.UNPROVEN),
        ("apk", ("musl", "1.2.4-r2"), "6.1.0-37-amd64", Outcome.NOT_APPLICABLE),
        ("pacman", ("linux", "6.11.5.arch1-1"), "6.11.5-arch1-1", Outcome.PASSED),
        ("pacman", ("linux", "6.11.6.arch1-1"), "6.11.5-arch1-1", Outcome.FAILED),
        ("pacman", ("linux-zen", "6.11.5.zen1-1"), "6.11.5-zen1-1-zen", Outcome.PASSED),
        ("pacman", ("linux-lts", "6.6.59-1"), "6.6.58-1-lts", Outcome.FAILED),
    ],
)
def test_kernels_that_are_replaced_in_place(
    manager: str, installed: tuple[str, str], running: str, outcome: Outcome
) -> None:
    host = packages(installed, manager=manager)
    assert only(judge(kernel_outdated, {}, kernel(running), host, clock(), NOW)).outcome is outcome


VERSION = "/proc/version:Linux version 6.8.0-45-generic\n"
PATCH = "/sys/kernel/livepatch/kpatch_6_8_1/enabled:1\n/sys/kernel/livepatch/kpatch_6_8_1/transition:0\n"
CLIENT = (
    '{"Status": [{"Kernel": "6.8.0-45.45", "Running": true, "Livepatch": {"State": "%s", "CheckState": "checked"}}]}'
)


def patched(loaded: str = PATCH, client: Answer | None = None) -> LivePatches:
    absent = unanswered(CANONICAL, AnswerStatus.MISSING)
    return collect(live_patches, ended(LOADED, VERSION + loaded, exit=0 if loaded else 2), client or absent)


OLD = packages(("linux-image-6.8.0-45-generic", "6.8.0-45.45"), ("linux-image-6.8.0-50-generic", "6.8.0-50.51"))


@pytest.mark.parametrize(
    ("live", "counts", "outcome"),
    [
        (patched(), True, Outcome.PASSED),
        (patched(), False, Outcome.FAILED),
        (patched(""), True, Outcome.FAILED),
        (patched(PATCH.replace("enabled:1", "enabled:0")), True, Outcome.FAILED),
        (patched(PATCH.replace("transition:0", "transition:1")), True, Outcome.FAILED),
        (patched(client=ended(CANONICAL, CLIENT % "applied")), True, Outcome.PASSED),
        (patched(client=ended(CANONICAL, CLIENT % "unapplied")), True, Outcome.FAILED),
        (patched("", ended(CANONICAL, CLIENT % "nothing-to-apply")), True, Outcome.PASSED),
        (patched("", ended(CANONICAL, "[[" * 90)), True, Outcome.FAILED),
        (patched("", ended(CANONICAL, '{"Status": [1]}')), True, Outcome.FAILED),
    ],
)
def test_live_patches_may_stand_for_a_boot(live: LivePatches, counts: bool, outcome: Outcome) -> None:
    known = kernel("6.8.0-45-generic"), OLD, live, clock(), NOW
    assert only(judge(kernel_outdated, {"livepatch_counts": counts}, *known)).outcome is outcome


@pytest.mark.parametrize(
    ("asked_by", "outcome"),
    [("linux-image-6.8.0-50-generic\nlinux-base\n", Outcome.PASSED), ("libc6\n", Outcome.FAILED)],
)
def test_live_patches_stand_for_a_reboot_that_only_a_kernel_asks_for(asked_by: str, outcome: Outcome) -> None:
    since = (AT - timedelta(days=9)).timestamp()
    listed = f"0\td\t{since}\t{since}\t\n1\tf\t{since}\t{since}\treboot-required\n"
    flag = collect(reboot_flag, ended(FLAG, listed), ended(FLAG_PACKAGES, asked_by))
    known = flag, kernel("6.8.0-45-generic"), OLD, patched(), clock(), NOW
    assert only(judge(reboot_required, {"livepatch_counts": True}, *known)).outcome is outcome
    assert only(judge(reboot_required, {}, *known)).outcome is Outcome.FAILED


def test_the_flag_of_suse() -> None:
    since = (AT - timedelta(days=9)).timestamp()
    listed = f"0\td\t{since}\t{since}\t\n1\tf\t{since}\t{since}\treboot-needed\n"
    assert collect(reboot_flag, ended(FLAG, listed), ended(FLAG_PACKAGES, exit=1)).since is not None


# --- what no reader gets past ---------------------------------------------------------------------------------------

EVERY = [
    (pending_updates, ZYPPER, zypper.PATCHES),
    (pending_updates, APK, apk.NEWER),
    (pending_updates, PACMAN, pacman.NEWER),
    (package_lists, ZYPPER, zypper.METADATA),
    (package_lists, APK, apk.INDEXES),
    (package_lists, PACMAN, pacman.DATABASES),
    (collect_holds, DNF, dnf.LOCKS),
    (collect_holds, ZYPPER, zypper.LOCKS),
    (collect_holds, APK, apk.WORLD),
    (collect_holds, PACMAN, pacman.SETTINGS),
    (collect_repositories, DNF, DNF_FILES),
    (collect_repositories, ZYPPER, ZYPPER_FILES),
    (collect_repositories, APK, apk.REPOSITORIES),
    (collect_repositories, PACMAN, pacman.SETTINGS),
    (collect_updates, DNF, TIMERS),
    (collect_updates, APK, apk.JOBS),
    (last_automatic_run, DNF, STAMPS),
    (live_patches, DNF, LOADED),
]


@pytest.mark.parametrize("status", NOT_ANSWERED)
@pytest.mark.parametrize(("collector", "known", "request_"), EVERY)
def test_what_is_not_answered_is_unproven(
    status: AnswerStatus, collector: Any, known: Facts, request_: Command
) -> None:
    assert refusal(collector, unanswered(request_, status), known=known).kind is NOT_ANSWERED[status]


@given(
    st.sampled_from(EVERY),
    damaged(
        *(recorded(f"{name}.txt") for name in ("pacman-conf", "dnf-repos", "dnf-locks", "zypp-repos", "zypp-locks")),
        PATCHES.encode(),
        PATCH.encode(),
    ),
)
def test_any_output_is_read_or_refused(one: tuple[Any, Facts, Command], output: bytes) -> None:
    collector, known, request = one
    collect_or_refuse(collector, ended(request, output), known=known)


def test_outcomes_are_told_once_for_each_name() -> None:
    twice = ended(dnf.LOCKS, recorded("dnf-locks.txt").decode() * 2)
    verdicts = judge(held_packages, {}, collect(collect_holds, twice, ended(DNF_FILES, CHECKED), known=DNF))
    assert set(outcomes(verdicts)) == {"bash", "demo"}
