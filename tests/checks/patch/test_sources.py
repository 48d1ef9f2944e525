"""Archives, held packages, automatic updates, forbidden packages and minimum versions."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from pydantic import ValidationError
from secaudit.checks.host.facts import OsRelease
from secaudit.checks.patch.checks import (
    automatic_updates,
    forbidden_packages,
    held_packages,
    minimum_versions,
    repositories,
)
from secaudit.checks.patch.collect import automatic_updates as collect_updates
from secaudit.checks.patch.collect import held_packages as collect_holds
from secaudit.checks.patch.collect import last_automatic_run
from secaudit.checks.patch.collect import repositories as collect_repositories
from secaudit.checks.patch.facts import AutomaticUpdates, HeldPackages, LastAutomaticRun, Repositories
from secaudit.checks.patch.readers.sources import (
    APT_PERIODIC,
    APT_RUNS,
    APT_TIMER,
    APT_TRUST,
    ARCHIVES,
    HOLDS,
    OVERRIDES,
)

from secaudit.api import AnswerStatus, Check, Facts, Outcome, Request, Unproven, UnprovenKind, Verdict
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

from .given import NOW, NOWHERE, clock, managed_by, packages

DEBIAN = managed_by("dpkg")
# What apt 2.6.1 printed for Debian's archives and a flat one of our own.
LISTED = (
    "http://mirror.example/debian\tbookworm\tDebian\tDebian\tyes\n"
    "http://mirror.example/debian-security\tbookworm-security\tDebian\tDebian-Security\tyes\n"
)
ACME = "https://apt.acme.example/debian\t./\tAcme\tAcme packages\tyes\n"
UNSIGNED = "https://apt.acme.example/debian\t./\t$(ORIGIN)\t$(LABEL)\tno\n"
TRUST = (
    "Acquire::AllowInsecureRepositories\t0\nAcquire::AllowWeakRepositories\t0\n"
    "Acquire::AllowDowngradeToInsecureRepositories\t0\n"
)
FOUND = (
    "/etc/apt/sources.list.d/acme.list:1:deb [arch=amd64 trusted=yes\n"
    "/etc/apt/sources.list.d/more.sources:4:Allow-Insecure: yes\n"
)


def archives(listed: str = LISTED, found: str = "", trust: str = TRUST) -> Repositories:
    overrides = ended(OVERRIDES, found, exit=0 if found else 1)
    return collect(collect_repositories, ended(ARCHIVES, listed), overrides, ended(APT_TRUST, trust), known=DEBIAN)


def test_the_distributions_own_archives() -> None:
    verdict = only(judge(repositories, {}, archives()))
    assert (verdict.outcome, verdict.observed) == (Outcome.PASSED, "Debian (bookworm), Debian (bookworm-security)")


@pytest.mark.parametrize(
    ("listed", "expect", "failed"),
    [
        (LISTED + ACME, {}, ["https://apt.acme.example/debian ./"]),
        (LISTED + ACME, {"origins": ["Debian", "Acme"]}, []),
        (LISTED + ACME, {"sites": ["apt.acme.example"]}, []),
        (LISTED + UNSIGNED, {"sites": ["apt.acme.example"]}, ["https://apt.acme.example/debian ./"]),
    ],
)
def test_archives_of_others(listed: str, expect: dict[str, Any], failed: list[str]) -> None:
    verdicts = judge(repositories, expect, archives(listed))
    assert [verdict.subject for verdict in verdicts if verdict.outcome is Outcome.FAILED] == failed


def test_an_unsigned_archive_of_unknown_origin_is_one_finding() -> None:
    finding = only(judge(repositories, {}, archives(LISTED + UNSIGNED)))
    assert finding.observed == "its signature is not checked, it is of another origin (none)"


def test_trust_that_was_switched_off() -> None:
    insecure = TRUST.replace("Repositories\t0", "Repositories\ttrue", 1) + "APT::Get::AllowUnauthenticated\t1\n"
    verdicts = judge(repositories, {}, archives(found=FOUND, trust=insecure))

    assert set(outcomes(verdicts)) == {
        "/etc/apt/sources.list.d/acme.list",
        "/etc/apt/sources.list.d/more.sources",
        "Acquire::AllowInsecureRepositories",
        "APT::Get::AllowUnauthenticated",
    }
    assert "trusted=yes" in verdicts[0].observed


@pytest.mark.parametrize(
    ("listed", "found", "kind"),
    [
        ("", "", UnprovenKind.MISSING),
        ("http://mirror.example/debian\tbookworm\n", "", UnprovenKind.NOT_UNDERSTOOD),
        (LISTED.replace("yes", "perhaps"), "", UnprovenKind.NOT_UNDERSTOOD),
        (LISTED.replace("\tyes", ""), "", UnprovenKind.NOT_UNDERSTOOD),
        (LISTED, "a word\n", UnprovenKind.NOT_UNDERSTOOD),
    ],
)
def test_archives_that_are_not_understood(listed: str, found: str, kind: UnprovenKind) -> None:
    with pytest.raises(Unproven) as unproven:
        archives(listed, found)
    assert unproven.value.kind is kind


def test_a_folder_that_cannot_be_searched_is_no_proof() -> None:
    denied = ended(OVERRIDES, exit=2)
    assert (
        refusal(collect_repositories, ended(ARCHIVES, LISTED), denied, ended(APT_TRUST, TRUST), known=DEBIAN).kind
        is UnprovenKind.ERROR
    )


# --- held -----------------------------------------------------------------------------------------------------------


def held(text: str) -> HeldPackages:
    return collect(collect_holds, ended(HOLDS, text), known=DEBIAN)


def test_held_packages() -> None:
    verdicts = judge(held_packages, {"allow": ["jq"]}, held("jq\nlinux-image-amd64\nzlib1g:i386\n"))
    assert outcomes(verdicts) == {"linux-image-amd64": Outcome.FAILED, "zlib1g:i386": Outcome.FAILED}
    assert verdicts[0].remediation == "apt-mark unhold linux-image-amd64"
    assert only(judge(held_packages, {}, held(""))).observed == "nothing held"
    assert only(judge(held_packages, {"allow": ["jq"]}, held("jq\n"))).observed == "held: jq"


def test_a_list_of_something_else_is_not_understood() -> None:
    assert refusal(collect_holds, ended(HOLDS, "E: broken\n"), known=DEBIAN).kind is UnprovenKind.NOT_UNDERSTOOD


# --- automatic updates ----------------------------------------------------------------------------------------------

ON = "APT::Periodic\t\nAPT::Periodic::Update-Package-Lists\t1\nAPT::Periodic::Unattended-Upgrade\t1\n"
WITH_PROGRAM = facts(packages(("unattended-upgrades", "2.9.1")))


def updates(
    settings: str = ON, timer: str = "enabled\n", known: Facts = WITH_PROGRAM, exit: int = 0
) -> AutomaticUpdates:
    return collect(collect_updates, ended(APT_PERIODIC, settings), ended(APT_TIMER, timer, exit=exit), known=known)


def ran(hours: float) -> LastAutomaticRun:
    stamp = (AT - timedelta(hours=hours)).timestamp()
    text = f"0\td\t{stamp}\t{stamp}\t\n1\tf\t{stamp}\t{stamp}\tunattended-upgrades-stamp\n"
    return collect(last_automatic_run, ended(APT_RUNS, text), known=DEBIAN)


def on_updates(*values: object, **expect: Any) -> Verdict:
    return only(judge(automatic_updates, expect, *values, clock(), NOW))


@pytest.mark.parametrize(
    ("state", "missing"),
    [
        (updates(), ""),
        (updates(ON.replace("Upgrade\t1", "Upgrade\t0")), "APT::Periodic::Unattended-Upgrade is not set"),
        (updates(""), "APT::Periodic::Update-Package-Lists is not set"),
        (updates(f"{ON}APT::Periodic::Enable\t0\n"), "APT::Periodic::Enable is 0"),
        (updates(timer="disabled\n", exit=1), "apt-daily-upgrade.timer is disabled"),
        (updates(timer="masked\n", exit=1), "apt-daily-upgrade.timer is masked"),
        (updates(timer="", exit=1), "apt-daily-upgrade.timer is not there"),
        (updates(known=DEBIAN), "unattended-upgrades is not installed"),
    ],
)
def test_what_keeps_updates_from_installing_themselves(state: AutomaticUpdates, missing: str) -> None:
    verdict = on_updates(state, ran(5))
    assert verdict.outcome is (Outcome.FAILED if missing else Outcome.PASSED)
    assert missing in verdict.observed


@pytest.mark.parametrize(
    ("hours", "outcome"), [(5, Outcome.PASSED), (49, Outcome.FAILED), (-1, Outcome.UNPROVEN), (-0.05, Outcome.PASSED)]
)
def test_the_age_of_the_last_run(hours: float, outcome: Outcome) -> None:
    assert on_updates(updates(), ran(hours)).outcome is outcome


def test_updates_that_never_ran() -> None:
    never = refusal(last_automatic_run, ended(APT_RUNS, "0\td\t1.0\t1.0\t\n"), known=DEBIAN)
    assert (on_updates(updates(), never).kind, on_updates(updates(""), never).outcome) == (
        UnprovenKind.STALE,
        Outcome.FAILED,
    )


# --- what no reader gets past ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", NOT_ANSWERED)
@pytest.mark.parametrize(
    ("collector", "request_"),
    [(collect_holds, HOLDS), (collect_repositories, ARCHIVES), (collect_updates, APT_PERIODIC)],
)
def test_what_is_not_answered_is_unproven(status: AnswerStatus, collector: Any, request_: Request) -> None:
    assert refusal(collector, unanswered(request_, status), known=DEBIAN).kind is NOT_ANSWERED[status]


@pytest.mark.parametrize("collector", [collect_holds, collect_repositories, collect_updates])
def test_other_package_managers_are_not_guessed(collector: Any) -> None:
    assert refusal(collector, known=managed_by("pkg")).kind is UnprovenKind.NOT_UNDERSTOOD


@given(damaged(LISTED.encode(), UNSIGNED.encode()), damaged(FOUND.encode()), damaged(TRUST.encode(), ON.encode()))
def test_any_output_is_read_or_refused(listed: bytes, found: bytes, settings: bytes) -> None:
    collect_or_refuse(
        collect_repositories, ended(ARCHIVES, listed), ended(OVERRIDES, found), ended(APT_TRUST, settings), known=DEBIAN
    )
    collect_or_refuse(collect_updates, ended(APT_PERIODIC, settings), ended(APT_TIMER, listed), known=DEBIAN)
    collect_or_refuse(collect_holds, ended(HOLDS, listed), known=DEBIAN)
    collect_or_refuse(last_automatic_run, ended(APT_RUNS, found), known=DEBIAN)


# --- packages -------------------------------------------------------------------------------------------------------


def test_forbidden_packages() -> None:
    host = packages(("telnetd", "0.17"), ("jq", "1.6-1"))
    finding = only(judge(forbidden_packages, {"packages": ["telnetd", "nis"]}, host))
    assert (finding.subject, finding.remediation) == ("telnetd", "apt-get purge telnetd")
    assert only(judge(forbidden_packages, {"packages": ["nis"]}, host)).outcome is Outcome.PASSED


def release(id_: str, version: str) -> OsRelease:
    return OsRelease(id_, version, "", "", (), NOWHERE)


BOOKWORM = release("debian", "12")


@pytest.mark.parametrize(
    ("demanded", "outcome"),
    [
        ({"debian-12": "1:9.2p1-2+deb12u5"}, Outcome.FAILED),
        ({"debian-12": "1:9.2p1-2+deb12u4"}, Outcome.PASSED),
        ({"debian-12": "1:9.2p1-2", "debian": "2:0-1"}, Outcome.PASSED),
        ({"any": "1:9.2p1-3"}, Outcome.FAILED),
        ({"debian": "new"}, Outcome.UNPROVEN),
        ({"debian-13": "1:10.0p1-1"}, Outcome.NOT_APPLICABLE),
    ],
)
def test_minimum_versions(demanded: dict[str, str], outcome: Outcome) -> None:
    host = packages(("openssh-server", "1:9.2p1-2+deb12u4"))
    expect = {"packages": {"openssh-server": demanded, "nginx": {"any": "2-1"}}}
    assert only(judge(minimum_versions, expect, host, BOOKWORM)).outcome is outcome


def test_minimum_versions_of_a_minor_release_and_of_packages_side_by_side() -> None:
    host = packages(("kernel", "5.14.0-427.el9"), ("kernel", "5.14.0-503.el9"), manager="rpm")
    expect = {"packages": {"kernel": {"almalinux-9": "5.14.0-503.el9"}}}
    assert outcomes(judge(minimum_versions, expect, host, release("almalinux", "9.4"))) == {
        "kernel 5.14.0-427.el9": Outcome.FAILED,
        "kernel 5.14.0-503.el9": Outcome.PASSED,
    }


@pytest.mark.parametrize(
    ("check", "expect"),
    [
        (forbidden_packages, {"packages": []}),
        (forbidden_packages, {}),
        (minimum_versions, {"packages": {}}),
        (repositories, {"origins": []}),
        (automatic_updates, {"max_age": "0s"}),
    ],
)
def test_expectations_that_make_no_sense_are_refused(check: Check, expect: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        check.expect.model_validate(expect)
