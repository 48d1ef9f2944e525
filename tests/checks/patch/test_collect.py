"""What is asked about the patch level, and how the answers are read."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from secaudit.checks.patch.collect import (
    kernel_unpacked,
    package_lists,
    pending_updates,
    reboot_flag,
    support_dates,
)
from secaudit.checks.patch.readers.apt import LISTS, SIMULATION
from secaudit.checks.patch.readers.dnf import INSTALLED, METADATA, PENDING
from secaudit.checks.patch.readers.reboot import FLAG, FLAG_PACKAGES, UNPACKED

from secaudit.api import AnswerStatus, Command, Unproven, UnprovenKind
from tests.checks.judging import NOT_ANSWERED, collect, ended, facts, refusal, unanswered
from tests.shared_data import shared

from .given import managed_by, packages, recorded

DPKG, RPM = managed_by("dpkg"), managed_by("rpm")
HEAD = "Reading package lists...\nCalculating upgrade...\n"


def simulated(stdout: str | bytes, exit: int = 0, stderr: str | bytes = b"") -> Unproven:
    answer = ended(SIMULATION, stdout, exit=exit, stderr=stderr)
    return refusal(pending_updates, answer, known=DPKG)


def test_a_real_simulation() -> None:
    pending = collect(pending_updates, ended(SIMULATION, recorded("simulation.txt")), known=DPKG)
    assert len(pending.updates) == 116
    assert sum(update.security for update in pending.updates) == 74
    assert pending.kept_back == ()
    assert pending.evidence.excerpt.startswith("116 upgraded,")
    liblzma = next(update for update in pending.updates if update.package == "liblzma-dev")
    assert (liblzma.installed, liblzma.fixed) == ("5.4.1-1", "5.4.1-1+deb12u2")
    assert liblzma.origins == ("Debian-Security:12/oldstable-security",)
    assert liblzma.evidence.excerpt.startswith("Inst liblzma-dev [5.4.1-1]")
    both = next(update for update in pending.updates if update.package == "libgcrypt20")
    assert both.origins == ("Debian:12.15/oldstable", "Debian-Security:12/oldstable-security")
    assert both.security


def test_a_shared_simulation_of_another_host() -> None:
    stdout = shared("patch/samples/apt-get_-s_upgrade.txt").read_bytes()
    pending = collect(pending_updates, ended(SIMULATION, stdout), known=DPKG)
    assert len(pending.updates) == 107
    assert sum(update.security for update in pending.updates) == 64


def test_a_host_that_is_up_to_date() -> None:
    pending = collect(pending_updates, ended(SIMULATION, recorded("simulation-current.txt")), known=DPKG)
    assert pending.updates == pending.kept_back == ()


def test_what_is_kept_back_is_told() -> None:
    pending = collect(pending_updates, ended(SIMULATION, recorded("simulation-kept-back.txt")), known=DPKG)
    assert [one.package for one in pending.kept_back] == ["unzip"]
    assert pending.kept_back[0].evidence.excerpt == "  unzip"


def test_a_new_package_is_no_pending_update_but_is_counted() -> None:
    text = (
        HEAD + "1 upgraded, 1 newly installed, 0 to remove and 0 not upgraded.\n"
        "Inst linux-image-6.1.0-50-amd64 (6.1.170-1 Debian-Security:12/oldstable-security [amd64])\n"
        "Inst linux-image-amd64 [6.1.140-1] (6.1.170-1 Debian-Security:12/oldstable-security [amd64])\n"
    )
    pending = collect(pending_updates, ended(SIMULATION, text), known=DPKG)
    assert [update.package for update in pending.updates] == ["linux-image-amd64"]


@pytest.mark.parametrize(
    ("origins", "security"),
    [
        ("Debian-Security:12/oldstable-security", True),
        ("Debian-Security:10/oldoldstable", True),
        ("Ubuntu:22.04/jammy-security", True),
        ("Ubuntu:22.04/jammy-updates, Ubuntu:22.04/jammy-security", True),
        ("UbuntuESM:18.04/bionic-infra-security", True),
        ("UbuntuESMApps:22.04/jammy-apps-security", True),
        ("Debian:12.15/oldstable", False),
        ("Docker CE:bookworm", False),
        ("my-security-tools:1/stable", False),
    ],
)
def test_security_is_told_by_the_archive(origins: str, security: bool) -> None:
    text = (
        HEAD + f"1 upgraded, 0 newly installed, 0 to remove and 0 not upgraded.\nInst a [1] (2 {origins} [amd64]) []\n"
    )
    pending = collect(pending_updates, ended(SIMULATION, text), known=DPKG)
    assert [update.security for update in pending.updates] == [security]


@pytest.mark.parametrize(
    "stdout",
    [
        "",
        "\0",
        HEAD,
        HEAD + "0 upgraded, 0 newly installed, 0 to remove and 1 not upgraded.\n",
        HEAD + "2 upgraded, 0 newly installed, 0 to remove and 0 not upgraded.\nInst a [1] (2 X:1/y [all])\n",
        HEAD + "0 upgraded, 0 newly installed, 0 to remove and 0 not upgraded.\nInst a [1] (2 X:1/y [all])\n",
        HEAD + "1 upgraded, 0 newly installed, 0 to remove and 0 not upgraded.\nInst a;reboot [1] (2 X:1/y [all])\n",
        HEAD + "1 upgraded, 0 newly installed, 0 to remove and 0 not upgraded.\nInst a [1]\n",
        HEAD + "0 aktualisiert, 0 neu installiert, 0 zu entfernen und 0 nicht aktualisiert.\n",
    ],
)
def test_a_simulation_that_does_not_add_up_is_unproven(stdout: str) -> None:
    assert simulated(stdout).kind is UnprovenKind.NOT_UNDERSTOOD


@pytest.mark.parametrize(
    "line",
    ["Inst a [1] (2 X:1/y [all])" + " [a]" * 5000 + "x", "Inst a [1] (2 " + "[all]) " * 5000, "9" * 5000 + " upgraded"],
)
def test_a_hostile_line_takes_no_time(line: str) -> None:
    assert simulated(HEAD + line).kind is UnprovenKind.NOT_UNDERSTOOD


def test_a_host_without_a_security_archive_is_not_up_to_date() -> None:
    reason = simulated(recorded("simulation-no-security.txt"), 100, recorded("simulation-no-security.err"))
    assert reason.kind is UnprovenKind.MISSING
    assert "no security archive" in reason.reason


def test_errors_of_apt_are_unproven() -> None:
    broken = simulated(recorded("simulation-broken.txt"), 100, recorded("simulation-broken.err"))
    assert broken.kind is UnprovenKind.ERROR
    assert "Unmet dependencies" in broken.reason
    fine = recorded("simulation-current.txt")
    assert simulated(fine, 0, "W: odd\nE: The package cache file is corrupted\n").kind is UnprovenKind.ERROR
    assert simulated(fine, 1).kind is UnprovenKind.ERROR


def test_a_truncated_simulation_is_unproven() -> None:
    answer = ended(SIMULATION, recorded("simulation.txt"), truncated=True)
    assert refusal(pending_updates, answer, known=DPKG).kind is UnprovenKind.TRUNCATED


ADVISORIES = (
    "RHSA-2024:0811 Moderate/Sec.  sudo-1.9.5p2-10.el9_3.x86_64\n"
    "ALSA-2024:1130 Important/Sec. openssl-libs-1:3.0.7-27.el9.x86_64\n"
)


def test_advisories_of_dnf() -> None:
    known = facts(packages(("sudo", "1.9.5p2-9.el9"), manager="rpm"))
    pending = collect(pending_updates, ended(PENDING, ADVISORIES), ended(INSTALLED, ""), known=known)
    sudo, openssl = pending.updates
    assert (sudo.package, sudo.installed, sudo.fixed) == ("sudo", "1.9.5p2-9.el9", "1.9.5p2-10.el9_3")
    assert sudo.origins == ("RHSA-2024:0811 Moderate",)
    assert (openssl.package, openssl.fixed, openssl.architecture) == ("openssl-libs", "1:3.0.7-27.el9", "x86_64")
    assert openssl.evidence.lines == (2, 2)


def test_repositories_without_advisories_prove_nothing() -> None:
    silent = refusal(pending_updates, ended(PENDING), ended(INSTALLED), known=RPM)
    assert silent.kind is UnprovenKind.MISSING
    proven = collect(pending_updates, ended(PENDING), ended(INSTALLED, "i " + ADVISORIES), known=RPM)
    assert proven.updates == ()


@pytest.mark.parametrize("line", ["Error: no cache", "RHSA-1 Moderate/Sec. sudo", "RHBA-1 bugfix sudo-1-2.x86_64"])
def test_another_form_of_advisory_is_unproven(line: str) -> None:
    reason = refusal(pending_updates, ended(PENDING, line), ended(INSTALLED), known=RPM)
    assert reason.kind is UnprovenKind.NOT_UNDERSTOOD


def test_package_managers_without_a_reader_are_unproven() -> None:
    assert refusal(pending_updates, known=managed_by("pkg")).kind is UnprovenKind.NOT_UNDERSTOOD
    assert refusal(package_lists, known=managed_by("pkg")).kind is UnprovenKind.NOT_UNDERSTOOD


def test_lists_of_apt() -> None:
    lists = collect(package_lists, ended(LISTS, recorded("lists.txt")), known=DPKG)
    assert lists.youngest == datetime(2026, 11, 24, 6, 20, 26, tzinfo=UTC)
    assert {archive.name.split("_dists_")[1]: archive.security for archive in lists.archives} == {
        "bookworm-security_InRelease": True,
        "bookworm_InRelease": False,
        "bookworm-updates_InRelease": False,
    }
    # The server's stamp of the main archive is months old, although it was reached just now.
    main = next(archive for archive in lists.archives if "bookworm_InRelease" in archive.name)
    assert main.confirmed == datetime(2026, 11, 24, 6, 20, 26, tzinfo=UTC)


@pytest.mark.parametrize(
    ("stdout", "kind"),
    [
        ("", UnprovenKind.NOT_UNDERSTOOD),
        ("0\td\t1795501226.2\t1795501226.2\t\n", UnprovenKind.STALE),
        ("0\tf\t1795501226.2\t1795501226.2\t\n", UnprovenKind.NOT_UNDERSTOOD),
        ("1\tf\t1795501226.2\t1795501226.2\tx_InRelease\n", UnprovenKind.NOT_UNDERSTOOD),
        ("0\td\tyesterday\t1\t\n", UnprovenKind.NOT_UNDERSTOOD),
        ("0\td\t99999999999.0\t99999999999999.0\t\n", UnprovenKind.NOT_UNDERSTOOD),
        ("0\td\t1.0\t1.0\t\n1\tf\t1.0\t1.0\ta\nb_InRelease\n", UnprovenKind.NOT_UNDERSTOOD),
    ],
)
def test_lists_that_cannot_be_read_are_unproven(stdout: str, kind: UnprovenKind) -> None:
    assert refusal(package_lists, ended(LISTS, stdout), known=DPKG).kind is kind


def test_metadata_of_dnf() -> None:
    stdout = "0\td\t5.0\t5.0\t\n3\tf\t1795501226.0\t1795501226.0\tbaseos-1/repodata/repomd.xml\n"
    lists = collect(package_lists, ended(METADATA, stdout), known=RPM)
    assert lists.youngest == datetime(2026, 11, 24, 6, 20, 26, tzinfo=UTC)
    assert refusal(package_lists, ended(METADATA, "0\td\t5.0\t5.0\t\n"), known=RPM).kind is UnprovenKind.STALE


def test_the_flag_and_who_set_it() -> None:
    flag = collect(
        reboot_flag,
        ended(FLAG, recorded("run-with-flag.txt")),
        ended(FLAG_PACKAGES, "linux-image-6.1.0-38-amd64\nlibc6\nlibc6\n\x1b[2J $(id)\n"),
    )
    assert flag.since is not None
    assert flag.packages == ("linux-image-6.1.0-38-amd64", "libc6")


def test_a_missing_flag_needs_the_folder_as_proof() -> None:
    no_packages = ended(FLAG_PACKAGES, exit=1, stderr="cat: /run/reboot-required.pkgs: No such file or directory")
    assert collect(reboot_flag, ended(FLAG, recorded("run-without-flag.txt")), no_packages).since is None
    assert refusal(reboot_flag, ended(FLAG, ""), no_packages).kind is UnprovenKind.NOT_UNDERSTOOD
    assert refusal(reboot_flag, ended(FLAG, exit=1), no_packages).kind is UnprovenKind.ERROR


def test_when_kernels_were_unpacked() -> None:
    unpacked = collect(kernel_unpacked, ended(UNPACKED, recorded("unpacked.txt")))
    assert set(unpacked.times) == {"linux-image-6.1.0-37-amd64", "linux-image-amd64"}


def test_the_support_table_ships_with_the_family() -> None:
    assert collect(support_dates).releases["debian", "12"].extended_by == "Debian LTS"


@pytest.mark.parametrize("status", NOT_ANSWERED)
@pytest.mark.parametrize(
    ("fact", "request_", "known"),
    [
        (pending_updates, SIMULATION, DPKG),
        (package_lists, LISTS, DPKG),
        (package_lists, METADATA, RPM),
        (reboot_flag, FLAG, None),
        (kernel_unpacked, UNPACKED, None),
    ],
)
def test_no_answer_is_unproven(status: AnswerStatus, fact: object, request_: Command, known: object) -> None:
    reason = refusal(fact, unanswered(request_, status), known=known)  # type: ignore[arg-type] # parametrised
    assert reason.kind is NOT_ANSWERED[status]


FRAGMENTS = st.lists(
    st.one_of(
        st.binary(max_size=40),
        st.sampled_from(
            [
                b"Inst a [1] (2 X:1/y [all])\n",
                b"1 upgraded, 0 newly installed, 0 to remove and 0 not upgraded.\n",
                b"The following packages have been kept back:\n  a\n",
                b"0\td\t1.0\t1.0\t\n",
                b"1\tf\t1.0\t1.0\ta\n",
                ADVISORIES.encode(),
            ]
        ),
    ),
    max_size=8,
).map(b"".join)


@given(FRAGMENTS)
def test_readers_raise_nothing_but_unproven(stdout: bytes) -> None:
    for fact, requests, known in (
        (pending_updates, (SIMULATION,), DPKG),
        (pending_updates, (PENDING, INSTALLED), RPM),
        (package_lists, (LISTS,), DPKG),
        (package_lists, (METADATA,), RPM),
        (reboot_flag, (FLAG, FLAG_PACKAGES), None),
        (kernel_unpacked, (UNPACKED,), None),
    ):
        with suppress(Unproven):
            collect(fact, *(ended(request, stdout) for request in requests), known=known)
