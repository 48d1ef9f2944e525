"""Every planted fault is found, nothing else is, and what could not be seen is never a pass."""

from __future__ import annotations

import pytest

from tests.e2e.audit import DEAD, LEFT_OUT, Audit, Site, Whole
from tests.lab.base import USER
from tests.lab.scenarios import SCENARIOS
from tests.lab.snapshot import LOGGED, changes

pytestmark = [pytest.mark.root, pytest.mark.lab]

FAMILIES = ("backup", "firewall", "host", "network", "patch")
AS_ROOT = ("backup.", "firewall.")
"""Checks that need an answer which only root gets."""
FAULTS = [name for name in SCENARIOS if name not in ("clean", "hanging", *LEFT_OUT)]


@pytest.mark.parametrize("name", FAULTS)
def test_exactly_the_planted_fault_is_found(site: Site, whole: Whole, name: str) -> None:
    assert whole.audit.failed(name) == {(found.check, found.subject) for found in site.lab.host(name).expected}
    assert whole.audit.status(name) == "complete"


@pytest.mark.parametrize("name", ["clean1", "clean2"])
def test_a_clean_host_fails_nothing_and_proves_something_in_each_family(whole: Whole, name: str) -> None:
    assert whole.audit.failed(name) == set()
    proven = {result["family"] for result in whole.audit.results(name, "passed")}
    assert proven >= set(FAMILIES)


def test_an_unreachable_host_is_unproven_in_every_control(whole: Whole) -> None:
    controls = {result["control"] for result in whole.audit.results("clean1")}
    results = whole.audit.results(DEAD)
    assert whole.audit.status(DEAD) == "unreachable"
    assert {result["control"] for result in results} == controls
    assert {result["outcome"] for result in results} == {"unproven"}


def test_a_hanging_host_is_unproven_but_for_what_its_ports_show(whole: Whole) -> None:
    assert whole.audit.status("hanging") == "unreachable"
    seen = {result["check"] for result in whole.audit.results("hanging", "passed", "failed", "not_applicable")}
    assert seen <= {"network.open-ports"}


def test_a_command_that_does_not_end_leaves_the_rest_alone(whole: Whole) -> None:
    unproven = {result["check"] for result in whole.audit.results("slow-command", "unproven")}
    assert "patch.pending-security" in unproven
    passed = {result["check"] for result in whole.audit.results("slow-command", "passed")}
    assert passed >= {"firewall.default-policy", "backup.restic-freshness", "network.open-ports"}


def test_hosts_that_do_not_answer_make_the_scan_incomplete(whole: Whole) -> None:
    assert whole.audit.exit == 3
    assert f"{DEAD} is unreachable" in whole.audit.stdout
    assert "hanging is unreachable" in whole.audit.stdout


@pytest.mark.parametrize("name", [name for name in FAULTS if name != "clock-skew"] + ["clean1", "clean2", "hanging"])
def test_nothing_is_written_on_a_host(whole: Whole, name: str) -> None:
    assert changes(whole.before[name], whole.after[name]) == []


def test_the_preloaded_clock_writes_nothing_but_its_own_semaphores(whole: Whole) -> None:
    allowed = (*LOGGED, "/dev/shm/*faketime*")
    assert changes(whole.before["clock-skew"], whole.after["clock-skew"], allowed) == []


def test_the_audit_user_may_run_the_generated_commands_and_no_other(site: Site, whole: Whole) -> None:
    assert site.lab.run("clean1", ["visudo", "-c"]).returncode == 0
    as_user = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", "sudo", "-n"]
    allowed = site.lab.run("clean1", [*as_user, "/usr/sbin/nft", "-j", "list", "ruleset"])
    assert allowed.returncode == 0, allowed.stderr
    for argv in (["/usr/bin/id"], ["/usr/sbin/nft", "-j", "flush", "ruleset"], ["/usr/sbin/nft", "list", "ruleset"]):
        assert site.lab.run("clean1", [*as_user, *argv]).returncode == 1


def test_without_sudo_nothing_that_needs_root_is_passed_or_failed(denied: Audit) -> None:
    hosts = [found["host"] for found in denied.document["hosts"]]
    assert len(hosts) == 3
    for host in hosts:
        decided = {result["check"] for result in denied.results(host, "passed", "failed", "not_applicable")}
        assert not [check for check in decided if check.startswith(AS_ROOT)]
        assert {"network.open-ports", "patch.pending-security", "host.clock-skew"} <= decided
        refused = denied.results(host, "unproven")
        reasons = {result["check"]: result["reason"] for result in refused if result["check"].startswith(AS_ROOT)}
        assert len(reasons) >= 6
        assert all("sudo" in reason for reason in reasons.values()), reasons


def test_hostile_text_reaches_neither_terminal_nor_summary(whole: Whole) -> None:
    for text in (whole.audit.stdout, whole.audit.stderr):
        assert not {"\x1b", "\u202e", "\u2066", "\x07"} & set(text)
