"""Packages against advisories, with the traps of distributions, and the verdicts that come of it."""

from __future__ import annotations

import gzip
import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from secaudit.checks.host.facts import Package, Packages
from secaudit.checks.patch.checks import advisories_overdue, kev_overdue, no_fix_available
from secaudit.checks.patch.exposure import Exposures, expose
from secaudit.checks.patch.feeds.importing import import_feeds
from secaudit.checks.patch.feeds.lookup import Advisories, AdvisorySource, ExploitScores, KnownExploited, ScoreSource
from secaudit.checks.patch.feeds.records import ExploitedRecord
from secaudit.checks.patch.versions import dpkg_key

from secaudit.api import Advisory, Check, Outcome, Platform, Severity, Unproven, UnprovenKind, Verdict
from tests.checks.judging import AT, judge, only, outcomes
from tests.shared_data import shared

from .feeding import advisories, feed, osv
from .given import NOW, NOWHERE, packages

DAY = timedelta(days=1)
LONG_AGO = "2026-06-01T00:00:00Z"
LISTED = osv("DEBIAN-CVE-2026-9000", "elsewhere")
"""A flaw without a fix, in a package that no host has: advisories that list such flaws can prove that there is none."""


def released(days: int) -> str:
    """So many days before `AT`."""
    return (AT - days * DAY).isoformat()


def installed(*named: tuple[str, str, str, str], manager: str = "dpkg") -> Packages:
    """Packages by name, version, source and source version."""
    return Packages(manager, tuple(Package(name, v, "amd64", source, sv) for name, v, source, sv in named), NOWHERE)


def on(check: Check, exposures: Exposures, *facts: object, **expect: Any) -> list[Verdict]:
    return judge(check, expect, exposures, NOW, *facts)


def overdue(exposures: Exposures, *facts: object, **expect: Any) -> list[Verdict]:
    return on(advisories_overdue, exposures, *facts, **expect)


# --- one finding per upgrade ----------------------------------------------------------------------------------------


def test_a_finding_is_an_upgrade_with_everything_that_it_settles(tmp_path: Path) -> None:
    known = advisories(
        tmp_path,
        osv("DSA-1-1", "openssl", "3.0.1-2", published=LONG_AGO, cves=["CVE-2026-1000"], summary="Important: openssl"),
        osv("DSA-2-1", "openssl", "3.0.1-3", published=released(1), cves=["CVE-2026-1001"]),
        osv("DSA-3-1", "zip", "3.0-1", published=LONG_AGO),
    )
    host = packages(("libssl3", "3.0.1-1"), ("openssl", "3.0.1-1"), ("zip", "3.0-1"), sources={"libssl3": "openssl"})
    finding = only(overdue(expose(host, known)))

    assert (finding.subject, finding.outcome, finding.severity) == ("openssl", Outcome.FAILED, Severity.HIGH)
    assert finding.remediation == "apt-get update && apt-get install --only-upgrade libssl3 openssl"
    assert "3.0.1-3 settles 2 advisories" in finding.observed
    assert "176d" in finding.observed
    assert finding.evidence[0].excerpt.splitlines() == [
        "DSA-1-1 high: fixed in 3.0.1-2, released 2026-06-01 (CVE-2026-1000)",
        "DSA-2-1 severity unknown: fixed in 3.0.1-3, released 2026-11-23 (CVE-2026-1001)",
    ]


def test_nothing_missing_is_proven_by_fresh_advisories(tmp_path: Path) -> None:
    verdict = only(overdue(expose(packages(("jq", "1.7-1")), advisories(tmp_path, osv("DSA-1-1", "jq", "1.7-1")))))
    assert (verdict.outcome, verdict.observed) == (Outcome.PASSED, "no fix is missing")


@pytest.mark.parametrize(
    ("days", "summary", "expect", "outcome"),
    [
        (15, "Critical: jq", {}, Outcome.FAILED),
        (13, "Critical: jq", {}, Outcome.PASSED),
        (15, "Moderate: jq", {}, Outcome.PASSED),
        (31, "Moderate: jq", {}, Outcome.FAILED),
        (89, "Low: jq", {}, Outcome.PASSED),
        (91, "Low: jq", {}, Outcome.FAILED),
        (13, "jq", {}, Outcome.PASSED),
        (15, "jq", {}, Outcome.FAILED),
        (3, "Critical: jq", {"max_age": {"critical": "2d"}}, Outcome.FAILED),
        (15, "Critical: jq", {"allow": ["jq"]}, Outcome.PASSED),
    ],
)
def test_deadlines_by_severity(
    tmp_path: Path, days: int, summary: str, expect: dict[str, Any], outcome: Outcome
) -> None:
    known = advisories(tmp_path, osv("DSA-1-1", "jq", "1.7-1", published=released(days), summary=summary))
    assert only(overdue(expose(packages(("jq", "1.6-1")), known), **expect)).outcome is outcome


@pytest.mark.parametrize(
    ("freeze", "outcome"),
    [
        ({}, Outcome.FAILED),
        ({"extend_deadline": True}, Outcome.PASSED),
        ({"extend_deadline": True, "except": ["high"]}, Outcome.FAILED),
        ({"extend_deadline": True, "to": "2026-11-23"}, Outcome.FAILED),
        ({"extend_deadline": True, "from": "2026-11-24"}, Outcome.FAILED),
    ],
)
def test_a_freeze_moves_deadlines_only_when_it_says_so(
    tmp_path: Path, freeze: dict[str, Any], outcome: Outcome
) -> None:
    # Due on 2026-11-22, in the window; judged on 2026-11-24.
    record = osv("DSA-1-1", "jq", "1.7-1", published=released(16), summary="Important: jq")
    exposures = expose(packages(("jq", "1.6-1")), advisories(tmp_path, record))
    window = {"from": "2026-11-20", "to": "2026-11-30", **freeze}
    verdict = only(overdue(exposures, freeze=[window]))

    assert verdict.outcome is outcome
    frozen = outcome is Outcome.FAILED and window["to"] == "2026-11-30"
    assert ("frozen until 2026-11-30" in verdict.reason) is frozen


def test_a_flaw_takes_the_date_of_the_advisory_that_released_the_same_fix(tmp_path: Path) -> None:
    known = advisories(
        tmp_path,
        osv("DEBIAN-CVE-2026-1000", "jq", "1.7-1", published=LONG_AGO, upstream=["CVE-2026-1000"]),
        osv("DSA-1-1", "jq", "1.7-1", published=released(2), upstream=["CVE-2026-1000"]),
    )
    assert only(overdue(expose(packages(("jq", "1.6-1")), known))).outcome is Outcome.PASSED


@pytest.mark.parametrize(
    ("published", "seen", "outcome"),
    [
        (3, 1, Outcome.PASSED),
        (300, 20, Outcome.FAILED),
        (300, 1, Outcome.UNPROVEN),
        (None, 1, Outcome.UNPROVEN),
    ],
)
def test_a_fix_without_a_date_is_judged_by_its_bounds(
    tmp_path: Path, published: int | None, seen: int, outcome: Outcome
) -> None:
    record = osv("DEBIAN-CVE-2026-1000", "jq", "1.7-1", upstream=["CVE-2026-1000"], modified=released(seen))
    record["published"] = released(published) if published else None
    known = advisories(tmp_path, record, now=AT - seen * DAY)
    verdicts = overdue(expose(packages(("jq", "1.6-1")), known), feed_max_age="60d")
    assert outcomes(verdicts).get("jq", outcomes(verdicts).get("")) is outcome


# --- what does not prove anything -----------------------------------------------------------------------------------


def test_stale_advisories_prove_nothing_and_hide_nothing(tmp_path: Path) -> None:
    known = advisories(tmp_path, osv("DSA-1-1", "jq", "1.7-1", published=LONG_AGO, modified=released(4)))
    assert outcomes(overdue(expose(packages(("jq", "1.6-1")), known))) == {"jq": Outcome.FAILED, "": Outcome.UNPROVEN}
    verdict = only(overdue(expose(packages(("jq", "1.7-1")), known)))
    assert (verdict.outcome, verdict.kind) == (Outcome.UNPROVEN, UnprovenKind.STALE)


@pytest.mark.parametrize("check", [advisories_overdue, no_fix_available])
def test_advisories_that_know_hardly_any_package_prove_nothing(tmp_path: Path, check: Check) -> None:
    host = packages(*((f"package{number}", "1-1") for number in range(20)), ("jq", "1.7-1"))
    known = advisories(tmp_path, osv("DSA-1-1", "jq", "1.7-1"), LISTED)
    verdict = only(on(check, expose(host, known)))

    assert verdict.kind is UnprovenKind.STALE
    assert "1 of 21 installed packages" in verdict.reason
    assert only(on(check, expose(host, known), feed_min_coverage=4)).outcome is Outcome.PASSED


@pytest.mark.parametrize(
    ("version", "fixed", "reason"),
    [
        ("1.7-1~bpo12+1", "1.6-2", "backports"),
        ("1.7_1", "1.6-2", "is not a Debian version"),
        ("1.7-1", "1:1:1_2", "cannot be compared"),
    ],
)
def test_a_version_that_cannot_be_judged_is_unproven(tmp_path: Path, version: str, fixed: str, reason: str) -> None:
    known = advisories(tmp_path, osv("DSA-1-1", "jq", fixed), LISTED)
    for check in (advisories_overdue, no_fix_available):
        verdict = only(on(check, expose(packages(("jq", version)), known)))
        assert (verdict.subject, verdict.outcome) == ("jq", Outcome.UNPROVEN)
        assert reason in verdict.reason


def test_no_advisories_at_all(tmp_path: Path) -> None:
    missing = Unproven(UnprovenKind.STALE, "no advisories")
    assert only(judge(advisories_overdue, {}, missing, NOW)).kind is UnprovenKind.STALE


# --- what distributions mean ------------------------------------------------------------------------------------


def test_the_version_of_the_source_decides(tmp_path: Path) -> None:
    known = advisories(tmp_path, osv("DSA-1-1", "brotli", "1.0.9-2", published=LONG_AGO))
    rebuilt = installed(
        ("libbrotli1", "1.0.9-2+b6", "brotli", "1.0.9-2"), ("gcc", "4:12.2.0-3", "gcc-defaults", "1.203")
    )
    assert only(overdue(expose(rebuilt, known), feed_min_coverage=1)).outcome is Outcome.PASSED


def test_only_the_newest_kernel_image_counts(tmp_path: Path) -> None:
    known = advisories(tmp_path, osv("DSA-1-1", "linux", "6.1.140-1", published=LONG_AGO))
    old = ("linux-image-6.1.0-35-amd64", "6.1.137-1", "linux-signed-amd64", "6.1.137+1")
    new = ("linux-image-6.1.0-37-amd64", "6.1.140-1", "linux-signed-amd64", "6.1.140+1")
    meta = ("linux-image-amd64", "6.1.137-1", "linux-signed-amd64", "6.1.137+1")
    headers = ("linux-libc-dev", "6.1.137-1", "linux", "6.1.137-1")

    assert only(overdue(expose(installed(old, new, meta, headers), known))).outcome is Outcome.PASSED
    finding = only(overdue(expose(installed(old, meta, headers), known)))
    assert (finding.subject, finding.outcome) == ("linux", Outcome.FAILED)
    assert "linux-libc-dev" not in finding.remediation
    jq = ("jq", "1-1", "jq", "1-1")
    assert expose(installed(headers, jq), known).exposed == ()


def test_kernels_of_rpm_systems_stand_side_by_side(tmp_path: Path) -> None:
    record = osv("ALSA-2026:1", "kernel-core", "5.14.0-611.el9", ecosystem="AlmaLinux:9", published=LONG_AGO)
    known = advisories(tmp_path, record, os_id="almalinux", os_version="9.4")
    both = packages(("kernel-core", "5.14.0-503.el9"), ("kernel-core", "5.14.0-611.el9"), manager="rpm")
    assert only(overdue(expose(both, known))).outcome is Outcome.PASSED
    one = packages(("kernel-core", "5.14.0-503.el9"), manager="rpm")
    assert only(overdue(expose(one, known))).remediation == "dnf upgrade kernel-core"


@pytest.mark.parametrize(
    ("version", "outcome"),
    [
        ("1:18.20.4-1.module_el8.9.0+3730+3c79bd6a", Outcome.PASSED),  # rebuilt for an earlier minor release
        ("1:18.18.2-1.module_el8.8.0+3700+1", Outcome.FAILED),
        ("1:18.20.8-1.module_el8.10.0+3900+1", Outcome.PASSED),
        ("1:16.20.2-4.module_el8.9.0+3731+1", Outcome.UNPROVEN),  # another stream, which this advisory is not about
        ("1:18.18.2-1.el8", Outcome.PASSED),  # no module at all
    ],
)
def test_streams_of_modules_are_kept_apart(tmp_path: Path, version: str, outcome: Outcome) -> None:
    record = osv("ALSA-2026:1", "nodejs", ecosystem="AlmaLinux:8", published=LONG_AGO)
    record["affected"] = [
        {
            "package": {"ecosystem": "AlmaLinux:8", "name": "nodejs"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": fixed}]}],
        }
        for fixed in ("1:18.20.4-1.module_el8.10.0+3868+1", "1:18.20.4-1.module_el8.9.0+3730+3c79bd6a")
    ]
    known = advisories(tmp_path, record, os_id="almalinux", os_version="8.10")
    host = packages(("nodejs", version), manager="rpm")
    assert only(overdue(expose(host, known))).outcome is outcome


@pytest.mark.parametrize(
    ("stream", "version", "outcome"),
    [
        ("postgresql:13", "13.10-1.module_el8.7.0+3500+1", Outcome.FAILED),
        ("postgresql:12", "12.19-1.module_el8.9.0+3500+1", Outcome.PASSED),  # the title is about 13 only
        ("", "12.19-1.module_el8.9.0+3500+1", Outcome.UNPROVEN),
        ("postgresql:13", "13.14-1.module_el8.9.0+3706+1", Outcome.PASSED),
        ("postgresql:13", "12.99-1.module_el8.9.0+3500+1", Outcome.FAILED),  # the stream counts, not the number
    ],
)
def test_streams_that_host_and_title_name_are_compared_exactly(
    tmp_path: Path, stream: str, version: str, outcome: Outcome
) -> None:
    fixed = "13.14-1.module_el8.9.0+3706+1"
    summary = "Important: postgresql:13 security update"
    record = osv("ALSA-2024:1", "postgresql", fixed, ecosystem="AlmaLinux:8", published=LONG_AGO, summary=summary)
    known = advisories(tmp_path, record, os_id="almalinux", os_version="8.10")
    host = packages(("postgresql", version), manager="rpm")
    host = replace(host, packages=tuple(replace(one, stream=stream) for one in host.packages))
    assert only(overdue(expose(host, known))).outcome is outcome


def test_streams_leave_no_doubt_in_the_real_feed(tmp_path: Path) -> None:
    """Each modular build that AlmaLinux 8 ever published as a fix, installed from the stream of its advisory."""
    directory = tmp_path / "feeds"
    path = shared("patch/osv/almalinux8.osv.jsonl.gz")
    import_feeds((path,), directory, AT)
    known = AdvisorySource(directory).load(Platform("almalinux", "8.10"))
    builds: dict[tuple[str, str], str] = {}
    with gzip.open(path, "rt") as lines:
        for line in lines:
            record = json.loads(line)
            streams = re.findall(r"\b[a-z][\w.+-]*:[\w.+-]*\w", record["summary"])
            if record["id"].startswith("ALSA") and len(streams) == 1:
                for one in record["affected"]:
                    for event in one["ranges"][0]["events"]:
                        if ".module" in event.get("fixed", ""):
                            builds[one["package"]["name"], event["fixed"]] = streams[0]
    assert len(builds) > 5000
    asked = list(builds.items())[::20]
    plain = [known.standing(name, version) for (name, version), _ in asked]
    exact = [known.standing(name, version, stream) for (name, version), stream in asked]
    doubts = [sum(bool(one and one.doubt) for one in standings) for standings in (plain, exact)]
    assert doubts[1] < doubts[0] / 5, "what is left is about advisories that name no stream in their title"


def test_a_flaw_without_a_fix_is_about_every_stream(tmp_path: Path) -> None:
    records = [
        osv("ALSA-2026:1", "nodejs", "1:18.20.4-1.module_el8.9.0+1+1", ecosystem="AlmaLinux:8"),
        osv("CVE-2026-1000", "nodejs", ecosystem="AlmaLinux:8", summary="Critical: nodejs"),
    ]
    known = advisories(tmp_path, *records, os_id="almalinux", os_version="8.10")
    host = packages(("nodejs", "1:18.20.4-1.module_el8.9.0+1+1"), manager="rpm")
    assert outcomes(on(no_fix_available, expose(host, known))) == {"nodejs": Outcome.FAILED}


def test_a_fix_for_subscribers_is_one_for_them_only(tmp_path: Path) -> None:
    records = [
        osv("USN-1-1", "jq", "1.5-1+esm1", ecosystem="Ubuntu:Pro:18.04:LTS", published=LONG_AGO),
        osv("USN-2-1", "zip", "3.0-2", ecosystem="Ubuntu:18.04:LTS", published=LONG_AGO),
        osv("UBUNTU-CVE-2026-9000", "elsewhere", ecosystem="Ubuntu:18.04:LTS"),
    ]
    known = advisories(tmp_path, *records, os_id="ubuntu", os_version="18.04")
    plain = packages(("jq", "1.5-1"), ("zip", "3.0-2"))
    enrolled = packages(("jq", "1.5-1"), ("zip", "3.0-2"), ("tar", "1.29-1+esm2"))

    assert only(overdue(expose(plain, known))).outcome is Outcome.PASSED
    assert outcomes(overdue(expose(enrolled, known))) == {"jq": Outcome.FAILED}
    finding = only(on(no_fix_available, expose(plain, known), severities=["unknown"]))
    assert "fixes need the subscription pro" in finding.observed
    assert only(on(no_fix_available, expose(enrolled, known), severities=["unknown"])).outcome is Outcome.PASSED


@pytest.mark.parametrize(
    ("ecosystem", "fixed", "installed_version", "outcome"),
    [
        ("Ubuntu:22.04:LTS", "1.6-2", "1.6-1", Outcome.FAILED),
        ("Ubuntu:Pro:22.04:LTS", "1.6-1+esm1", "1.6-1", Outcome.PASSED),  # nothing that this host can install
        ("Ubuntu:Pro:22.04:LTS", "1.6-1+esm2", "1.6-1+esm1", Outcome.FAILED),
        ("Ubuntu:Pro:FIPS:22.04:LTS", "1.6-1+Fips2", "1.6-1", Outcome.PASSED),
        ("Ubuntu:24.04:LTS", "1.6-2", "1.6-1", Outcome.UNPROVEN),  # advisories of another release
    ],
)
def test_which_of_ubuntus_channels_counts(
    tmp_path: Path, ecosystem: str, fixed: str, installed_version: str, outcome: Outcome
) -> None:
    record = osv("USN-1-1", "jq", fixed, ecosystem=ecosystem, published=LONG_AGO, cves=["CVE-2026-1000"])
    import_feeds((feed(tmp_path, record),), tmp_path / "feeds", AT)
    try:
        known = AdvisorySource(tmp_path / "feeds").load(Platform("ubuntu", "22.04"))
    except Unproven as trouble:
        verdict = only(judge(advisories_overdue, {}, trouble, NOW))
    else:
        verdict = only(overdue(expose(packages(("jq", installed_version)), known)))
    assert verdict.outcome is outcome


def test_an_advisory_that_was_withdrawn_leaves_with_the_next_import(tmp_path: Path) -> None:
    other = osv("DSA-2-1", "zip", "3.0-1", published=LONG_AGO)
    wrong = osv("DSA-1-1", "jq", "1.6-2", published=LONG_AGO)
    host = packages(("jq", "1.6-1"), ("zip", "3.0-1"))
    assert outcomes(overdue(expose(host, advisories(tmp_path, other, wrong)))) == {"jq": Outcome.FAILED}
    gone = advisories(tmp_path, other, {**wrong, "withdrawn": "2026-11-20T00:00:00Z"})
    assert only(overdue(expose(host, gone))).outcome is Outcome.PASSED


def test_alpine_names_sources(tmp_path: Path) -> None:
    path = tmp_path / "main.yaml"
    path.write_text("distroversion: v3.20\npackages: [{pkg: {name: openssl, secfixes: {3.1.4-r1: [CVE-2026-1000]}}}]\n")
    import_feeds((path,), tmp_path / "feeds", AT - 20 * DAY, as_of=AT - 20 * DAY)
    known = AdvisorySource(tmp_path / "feeds").load(Platform("alpine", "3.20.3"))
    host = installed(("libssl3", "3.1.4-r0", "openssl", "3.1.4-r0"), manager="apk")
    finding = next(one for one in overdue(expose(host, known)) if one.subject)

    assert (finding.subject, finding.outcome) == ("openssl", Outcome.FAILED)
    assert finding.remediation == "apk update && apk add --upgrade libssl3"
    assert "more than 20d" in finding.observed


# --- exploited, likely exploited, unrepaired --------------------------------------------------------------------------


def catalogue(added: int, due: int, *, ransomware: bool = False, age: int = 1) -> KnownExploited:
    entry = ExploitedRecord("CVE-2026-1000", (AT - added * DAY).date(), (AT - due * DAY).date(), ransomware)
    return KnownExploited(AT - age * DAY, {entry.cve: entry})


@pytest.mark.parametrize(
    ("known", "expect", "outcome"),
    [
        (catalogue(20, -9), {}, Outcome.FAILED),
        (catalogue(10, -9), {}, Outcome.PASSED),
        (catalogue(10, 1), {}, Outcome.FAILED),
        (catalogue(10, 1), {"or_due_date": False}, Outcome.PASSED),
        (catalogue(5, -9, ransomware=True), {}, Outcome.FAILED),
        (catalogue(2, -9, ransomware=True), {}, Outcome.PASSED),
        (catalogue(20, -9), {"allow": ["jq"]}, Outcome.PASSED),
    ],
)
@pytest.mark.parametrize("fixed", [("1.7-1",), ()])
def test_exploited_flaws(
    tmp_path: Path, known: KnownExploited, expect: dict[str, Any], outcome: Outcome, fixed: tuple[str, ...]
) -> None:
    exposures = expose(
        packages(("jq", "1.6-1")), advisories(tmp_path, osv("DSA-1-1", "jq", *fixed, cves=["CVE-2026-1000"]))
    )
    verdict = only(on(kev_overdue, exposures, known, **expect))
    assert verdict.outcome is outcome
    if outcome is Outcome.FAILED:
        assert "CVE-2026-1000" in verdict.observed
        assert ("there is no fix" in verdict.observed) is not bool(fixed)


def test_an_old_catalogue_proves_nothing(tmp_path: Path) -> None:
    exposures = expose(packages(("jq", "1.7-1")), advisories(tmp_path, osv("DSA-1-1", "jq", "1.7-1")))
    assert only(on(kev_overdue, exposures, catalogue(1, -9, age=8))).kind is UnprovenKind.STALE


def scores(tmp_path: Path, score: float, at: datetime = AT) -> ExploitScores:
    path = tmp_path / "epss.csv"
    path.write_text(f"cve,epss,percentile\nCVE-2026-1000,{score},0.9\n")
    import_feeds((path,), tmp_path / "scores", at, as_of=at)
    return ScoreSource(tmp_path / "scores").load(None)


def test_likely_exploited_flaws_are_more_urgent(tmp_path: Path) -> None:
    record = osv("DSA-1-1", "jq", "1.7-1", published=released(20), summary="Low: jq", cves=["CVE-2026-1000"])
    exposures = expose(packages(("jq", "1.6-1")), advisories(tmp_path, record))
    epss = {"min": 0.5, "treat_as": "critical"}

    assert only(overdue(exposures)).outcome is Outcome.PASSED
    assert only(overdue(exposures, scores(tmp_path, 0.6), epss=epss)).outcome is Outcome.FAILED
    assert only(overdue(exposures, scores(tmp_path, 0.4), epss=epss)).outcome is Outcome.PASSED
    assert only(overdue(exposures, scores(tmp_path, 0.4, AT - 5 * DAY), epss=epss)).kind is UnprovenKind.STALE
    missing = Unproven(UnprovenKind.STALE, "no scores")
    assert only(overdue(exposures, missing, epss=epss)).reason == "no scores"


def test_unrepaired_flaws(tmp_path: Path) -> None:
    records = [
        osv("DEBIAN-CVE-2026-1000", "jq", summary="Critical: jq", cves=["CVE-2026-1000"]),
        osv("DEBIAN-CVE-2026-1001", "jq", summary="Low: jq", cves=["CVE-2026-1001"]),
        osv("DEBIAN-CVE-2026-1002", "zip", summary="High: zip", cves=["CVE-2026-1002"]),
        osv("DSA-1-1", "zip", "4-1", cves=["CVE-2026-1002"]),
    ]
    exposures = expose(packages(("jq", "1.6-1"), ("zip", "3.0-1")), advisories(tmp_path, *records))
    finding = only(on(no_fix_available, exposures))

    assert (finding.subject, finding.severity) == ("jq", Severity.CRITICAL)
    assert "DEBIAN-CVE-2026-1000" in finding.observed
    passing = only(on(no_fix_available, exposures, ignore_states=["open"]))
    assert passing.observed == "none (2 unrepaired flaws do not count)"


def test_a_finding_of_an_rpm_system_is_one_source_whatever_binary_packages_the_feed_names(tmp_path: Path) -> None:
    """Kernels too, of which each binary package was a finding of its own."""
    built = {
        "kernel": ("kernel", "kernel-core", "kernel-modules", "kernel-tools", "bpftool"),
        "openssl": ("openssl", "openssl-libs", "openssl-devel"),
        "jq": ("jq",),
    }
    records = [
        osv(f"ALSA-{n}", name, "2-1.el9", ecosystem="AlmaLinux:9", published=LONG_AGO, cves=["CVE-2026-1000"])
        for n, name in enumerate(name for names in built.values() for name in names)
    ]
    host = installed(
        *((name, "1-1.el9", source, "1-1.el9") for source, names in built.items() for name in names), manager="rpm"
    )
    exposures = expose(host, advisories(tmp_path, *records, os_id="almalinux", os_version="9.8"))
    catalogue = KnownExploited(
        AT, {"CVE-2026-1000": ExploitedRecord("CVE-2026-1000", AT.date() - 90 * DAY, AT.date(), False)}
    )
    for found in (overdue(exposures), on(kev_overdue, exposures, catalogue)):
        assert {one.subject for one in found} == set(built)
        assert len(found) == len(built)
        (kernel,) = (one for one in found if one.subject == "kernel")
        assert kernel.remediation.startswith("dnf upgrade ")
        assert set(kernel.remediation.split()[2:]) == set(built["kernel"])
        assert len(kernel.advisories) == len(built["kernel"])
    # What was left out by its binary names still is, when all of them are named.
    assert "kernel" not in outcomes(overdue(exposures, allow=list(built["kernel"])))
    assert "kernel" in outcomes(overdue(exposures, allow=["kernel-core"]))


def test_a_verdict_names_all_its_advisories_as_data(tmp_path: Path) -> None:
    """Evidence shows a few lines; who asks for the hosts with a certain CVE needs every one."""
    records = [osv(f"DSA-{n}-1", "jq", "1.7-1", published=LONG_AGO, cves=[f"CVE-2026-1{n:03}"]) for n in range(40)]
    finding = only(overdue(expose(packages(("jq", "1.6-1")), advisories(tmp_path, *records))))
    assert "more lines" in finding.evidence[0].excerpt
    assert sorted(one.id for one in finding.advisories) == sorted(record["id"] for record in records)
    assert Advisory("DSA-7-1", ("CVE-2026-1007",), "jq", "1.7-1") in finding.advisories
    assert finding.advisories[0].names == ("DSA-0-1", "CVE-2026-1000")

    (tmp_path / "other").mkdir()
    early = osv("DSA-50-1", "jq", "1.7-1", published=released(1), cves=["CVE-2026-2000"])
    within = only(overdue(expose(packages(("jq", "1.6-1")), advisories(tmp_path / "other", early))))
    assert within.outcome is Outcome.PASSED
    assert within.advisories == (Advisory("DSA-50-1", ("CVE-2026-2000",), "jq", "1.7-1"),)


@pytest.mark.parametrize("ecosystem", ["AlmaLinux:9", "Alpine:v3.20", "Debian:12"])
def test_advisories_that_list_only_fixes_prove_nothing_about_flaws_without_one(tmp_path: Path, ecosystem: str) -> None:
    """What counts is what the data list, whatever distribution they are about."""
    os_id, _, version = ecosystem.lower().replace(":v", ":").partition(":")
    fixes = [osv(f"A-{number}", "jq", "1.5-r1", ecosystem=ecosystem) for number in range(150)]
    host = packages(("jq", "1.6-r1"))
    silent = expose(host, advisories(tmp_path, *fixes, os_id=os_id, os_version=version))
    verdict = only(on(no_fix_available, silent))
    assert (verdict.outcome, verdict.kind) == (Outcome.UNPROVEN, UnprovenKind.MISSING)
    assert f"named by 0 of 150 advisories about {os_id}:{version}" in verdict.reason

    # One stray record is no list; two of 152 are more than a percent.
    stray = [osv(f"B-{number}", "zip", ecosystem=ecosystem) for number in range(2)]
    few = expose(host, advisories(tmp_path, *fixes, stray[0], os_id=os_id, os_version=version))
    assert only(on(no_fix_available, few)).outcome is Outcome.UNPROVEN
    listing = expose(host, advisories(tmp_path, *fixes, *stray, os_id=os_id, os_version=version))
    assert only(on(no_fix_available, listing)).outcome is Outcome.PASSED


def test_the_real_advisories_of_almalinux_list_only_fixes(tmp_path: Path) -> None:
    import_feeds((shared("patch/osv/almalinux9.osv.jsonl.gz"),), tmp_path / "feeds", AT, as_of=AT)
    known = AdvisorySource(tmp_path / "feeds").load(Platform("almalinux", "9.8"))
    host = packages(("bash", "5.1.8-9.el9"), manager="rpm")
    verdict = only(on(no_fix_available, expose(host, known), feed_min_coverage=1))
    assert verdict.outcome is Outcome.UNPROVEN
    assert "named by 0 of 178" in verdict.reason


@pytest.mark.parametrize(("expires", "outcome"), [("2026-11-24", Outcome.PASSED), ("2026-11-23", Outcome.FAILED)])
def test_a_flaw_that_does_no_harm_is_left_out_until_the_declaration_ends(
    tmp_path: Path, expires: str, outcome: Outcome
) -> None:
    records = [
        osv("DSA-1-1", "jq", "1.7-1", published=LONG_AGO, cves=["CVE-2026-1000"]),
        osv("DEBIAN-CVE-2026-1000", "zip", summary="Critical: zip", cves=["CVE-2026-1000"]),
    ]
    exposures = expose(packages(("jq", "1.6-1"), ("zip", "3.0-1")), advisories(tmp_path, *records))
    declared = [{"cve": "CVE-2026-1000", "reason": "the module is not loaded", "expires": expires}]

    for verdicts in (
        overdue(exposures, not_affecting=declared),
        on(no_fix_available, exposures, not_affecting=declared),
        on(kev_overdue, exposures, catalogue(20, 1), not_affecting=declared),
    ):
        assert {verdict.outcome for verdict in verdicts} == {outcome}
        if outcome is Outcome.PASSED:
            assert "CVE-2026-1000 until 2026-11-24 (the module is not loaded)" in only(verdicts).observed


def test_an_advisory_counts_while_one_of_its_flaws_does_harm(tmp_path: Path) -> None:
    record = osv("DSA-1-1", "jq", "1.7-1", published=LONG_AGO, cves=["CVE-2026-1000", "CVE-2026-1001"])
    exposures = expose(packages(("jq", "1.6-1")), advisories(tmp_path, record))
    declared = [{"cve": "CVE-2026-1000", "reason": "not loaded", "expires": "2027-01-01"}]
    assert only(overdue(exposures, not_affecting=declared)).outcome is Outcome.FAILED


@pytest.mark.parametrize(
    ("check", "expect"),
    [
        (advisories_overdue, {"not_affecting": [{"cve": "CVE-2026-1000", "reason": "x"}]}),
        (advisories_overdue, {"not_affecting": [{"cve": "jq", "reason": "x", "expires": "2027-01-01"}]}),
        (advisories_overdue, {"max_age": {"grave": "2d"}}),
        (advisories_overdue, {"epss": {"min": 0}}),
        (advisories_overdue, {"freeze": [{"from": "2026-12-20", "to": "2026-12-01"}]}),
        (advisories_overdue, {"freeze": [{"from": "2026-12-20"}]}),
        (advisories_overdue, {"feed_max_age": "0s"}),
        (advisories_overdue, {"feed_min_coverage": 0}),
        (no_fix_available, {"severities": []}),
        (no_fix_available, {"severities": ["grave"]}),
        (kev_overdue, {"ransomware": "soon"}),
    ],
)
def test_expectations_that_make_no_sense_are_refused(check: Check, expect: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        check.expect.model_validate(expect)


# --- properties and real data -----------------------------------------------------------------------------------------

VERSION = st.from_regex(r"[0-9]\.[0-9][a-z]?(~rc1)?-[0-9](\+deb12u[0-9])?", fullmatch=True)


@settings(max_examples=40)
@given(st.lists(VERSION, min_size=1, max_size=5, unique=True), VERSION)
def test_what_is_found_is_what_the_order_says(
    tmp_path_factory: pytest.TempPathFactory, fixes: list[str], version: str
) -> None:
    tmp_path = tmp_path_factory.mktemp("feed")
    records = [osv(f"DSA-{number}-1", "jq", fixed) for number, fixed in enumerate(fixes)]
    found = advisories(tmp_path, *records).standing("jq", version)

    assert {flaw.fixed for flaw in (found.flaws if found else ())} == {
        fix for fix in fixes if dpkg_key(version) < dpkg_key(fix)
    }


def test_a_real_release_of_almalinux(tmp_path: Path) -> None:
    import_feeds((shared("patch/osv/almalinux9.osv.jsonl.gz"),), tmp_path, datetime.now(UTC))
    known: Advisories = AdvisorySource(tmp_path).load(Platform("almalinux", "9.4"))
    host = packages(
        ("sudo", "1.9.5p2-9.el9"),
        ("openssl-libs", "1:3.0.7-24.el9"),
        ("bash", "5.1.8-9.el9"),
        ("kernel-core", "5.14.0-427.13.1.el9_4"),
        manager="rpm",
    )
    exposures = expose(host, known)
    exposed = {one.source: one for one in exposures.exposed}

    assert any(flaw.id.startswith("ALSA-2024:0811") for flaw in exposed["sudo"].fixable)
    assert "CVE-2023-28486" in {cve for flaw in exposed["sudo"].fixable for cve in flaw.cves}
    assert {"openssl-libs", "kernel-core"} <= set(exposed)
    assert all(flaw.released for one in exposed.values() for flaw in one.fixable)
