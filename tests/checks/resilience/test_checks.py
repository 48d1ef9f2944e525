"""The checks of the resilience family."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError
from secaudit.checks.host.facts import Service, Services
from secaudit.checks.resilience import FAMILY
from secaudit.checks.resilience.checks import failed_services, raid_degraded, time_sync
from secaudit.checks.resilience.facts import MdArray, MdArrays, TimeSync

from secaudit.api import Evidence, Now, Outcome, Unproven, UnprovenKind
from tests.checks.judging import AT, document, judge, only, outcomes

EVIDENCE = Evidence("cat /proc/mdstat", 0, (2, 3), "…")

WHOLE = MdArray("md0", "active", "raid1", 2, 2, (), "", "", False, EVIDENCE)


def md(*arrays: MdArray, driver: bool = True) -> MdArrays:
    return MdArrays(driver, arrays, EVIDENCE)


@pytest.mark.parametrize(
    ("array", "trouble"),
    [
        (replace(WHOLE, present=1), "1 of 2 members present"),
        (replace(WHOLE, present=1, faulty=("sdb1",)), "1 of 2 members present; faulty: sdb1"),
        (replace(WHOLE, present=1, action="recovery", progress="9.5%"), "1 of 2 members present; recovery 9.5%"),
        (replace(WHOLE, action="resync", progress="PENDING"), "resync PENDING"),
        (replace(WHOLE, state="inactive", level="", wanted=None, present=None), "inactive"),
        (replace(WHOLE, state="broken", level="raid0", wanted=None, present=None), "broken"),
    ],
)
def test_an_array_that_is_not_whole_fails(array: MdArray, trouble: str) -> None:
    verdict = only(judge(raid_degraded, {}, md(array)))
    assert (verdict.subject, verdict.outcome, verdict.observed) == ("md0", Outcome.FAILED, trouble)
    assert verdict.evidence == (EVIDENCE,)


@pytest.mark.parametrize(
    "array",
    [
        WHOLE,
        replace(WHOLE, action="check", progress="17.0%"),
        replace(WHOLE, level="raid0", wanted=None, present=None),
    ],
)
def test_a_whole_array_passes(array: MdArray) -> None:
    assert only(judge(raid_degraded, {}, md(array))).outcome is Outcome.PASSED


def test_a_container_is_no_array() -> None:
    container = replace(WHOLE, name="md127", state="inactive", level="", wanted=None, present=None, container=True)
    assert only(judge(raid_degraded, {}, md(container))).outcome is Outcome.NOT_APPLICABLE
    assert outcomes(judge(raid_degraded, {}, md(container, WHOLE))) == {"md0": Outcome.PASSED}


def test_a_declared_array_must_be_there() -> None:
    assert outcomes(judge(raid_degraded, {"arrays": ["md0", "md1"]}, md(WHOLE))) == {
        "md0": Outcome.PASSED,
        "md1": Outcome.FAILED,
    }
    verdict = only(judge(raid_degraded, {"arrays": ["md0"]}, md(driver=False)))
    assert (verdict.outcome, verdict.observed) == (Outcome.FAILED, "not there; the md driver is not loaded")


def test_no_array_and_none_declared_is_not_applicable() -> None:
    assert only(judge(raid_degraded, {}, md(driver=False))).outcome is Outcome.NOT_APPLICABLE


def test_an_unread_mdstat_is_unproven() -> None:
    verdict = only(judge(raid_degraded, {}, Unproven(UnprovenKind.DENIED, "no")))
    assert (verdict.outcome, verdict.kind) == (Outcome.UNPROVEN, UnprovenKind.DENIED)


def services(**active: str) -> Services:
    return Services(
        tuple(Service(f"{name}.service", "loaded", state, state, EVIDENCE) for name, state in active.items())
    )


def test_a_failed_service_fails_by_name() -> None:
    verdict = only(judge(failed_services, {}, services(ssh="active", backup="failed", other="inactive")))
    assert (verdict.subject, verdict.outcome) == ("backup.service", Outcome.FAILED)


def test_ignored_services_are_named_as_evidence() -> None:
    some = Services((Service("user@1000.service", "loaded", "failed", "failed", EVIDENCE),))
    verdict = only(judge(failed_services, {"ignore": ["user@*.service"]}, some))
    assert (verdict.outcome, verdict.evidence) == (Outcome.PASSED, (EVIDENCE,))
    assert verdict.observed == "1 services, 1 of them failed and ignored"


def test_healthy_services_pass() -> None:
    assert only(judge(failed_services, {}, services(ssh="active"))).observed == "1 services, none of them failed"


def test_a_host_without_systemd_is_unproven() -> None:
    verdict = only(judge(failed_services, {}, Unproven(UnprovenKind.ERROR, "not booted with systemd")))
    assert verdict.outcome is Outcome.UNPROVEN


HELD = TimeSync("chrony", True, "192.0.2.1", timedelta(milliseconds=2), AT - timedelta(minutes=5), EVIDENCE)
SYSTEMD = TimeSync("systemd", True, "", None, None, EVIDENCE)


@pytest.mark.parametrize(
    ("sync", "expect", "outcome"),
    [
        (HELD, {}, Outcome.PASSED),
        (HELD, {"max_offset": "1s"}, Outcome.PASSED),
        (HELD, {"max_age": "1m"}, Outcome.FAILED),
        (replace(HELD, offset=timedelta(seconds=2)), {"max_offset": "1s"}, Outcome.FAILED),
        (replace(HELD, updated=AT - timedelta(days=2)), {}, Outcome.FAILED),
        (TimeSync("chrony", False, "", None, None, EVIDENCE), {}, Outcome.FAILED),
        (SYSTEMD, {}, Outcome.PASSED),
        (SYSTEMD, {"max_offset": "1s"}, Outcome.UNPROVEN),
        (replace(SYSTEMD, synchronized=False), {"max_offset": "1s"}, Outcome.FAILED),
    ],
)
def test_the_clock_must_be_held_by_a_server(sync: TimeSync, expect: dict[str, Any], outcome: Outcome) -> None:
    assert only(judge(time_sync, expect, sync, Now(AT))).outcome is outcome


def test_an_unknown_time_service_is_unproven() -> None:
    verdict = only(judge(time_sync, {}, Now(AT), Unproven(UnprovenKind.MISSING, "neither")))
    assert (verdict.outcome, verdict.kind) == (Outcome.UNPROVEN, UnprovenKind.MISSING)


@pytest.mark.parametrize(
    ("check", "expect"),
    [
        (raid_degraded, {"arrays": ["/dev/md0"]}),
        (raid_degraded, {"arrays": ["sda"]}),
        (failed_services, {"ignore": ["*"]}),
        (failed_services, {"ignore": ["*.service"]}),
        (failed_services, {"ignore": ["backup"]}),
        (time_sync, {"max_age": "0s"}),
        (time_sync, {"max_age": "5w"}),
        (time_sync, {"max_offset": "2h"}),
        (time_sync, {"server": "pool.example"}),
    ],
)
def test_expectations_that_make_no_sense_are_refused(check: Any, expect: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        check.expect.model_validate(expect)


def test_every_check_has_a_page_that_agrees_with_it() -> None:
    document(FAMILY)
