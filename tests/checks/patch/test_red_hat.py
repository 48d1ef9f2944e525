"""Red Hat's CSAF and VEX: packages of modules, and flaws that are known of source packages."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from secaudit.checks.host.facts import Package, Packages
from secaudit.checks.patch.checks import no_fix_available
from secaudit.checks.patch.exposure import expose
from secaudit.checks.patch.feeds.csaf import read_csaf
from secaudit.checks.patch.feeds.importing import import_feeds
from secaudit.checks.patch.feeds.lookup import Advisories, AdvisorySource
from secaudit.checks.patch.feeds.records import AdvisoryRecord, State

from secaudit.api import Outcome, Platform
from tests.checks.judging import judge
from tests.shared_data import shared

from .given import NOW, NOWHERE

PURL = "pkg:rpm/redhat/"
PLATFORMS = {
    "rhel8": "cpe:/o:redhat:enterprise_linux:8",
    "rhel9": "cpe:/o:redhat:enterprise_linux:9",
    "app8": "cpe:/a:redhat:enterprise_linux:8::appstream",
}


def vex(parts: Mapping[str, tuple[str, str, str]], **status: list[str]) -> dict[str, Any]:
    """A document; `parts` are products by id: what they are part of, their own id, and its purl."""
    purls = {own: purl for _, own, purl in parts.values() if purl}
    return {
        "document": {
            "csaf_version": "2.0",
            "category": "csaf_vex",
            "aggregate_severity": {"text": "Critical"},
            "publisher": {"name": "Red Hat Product Security"},
            "tracking": {
                "id": "CVE-2026-0001",
                "initial_release_date": "2026-08-01T00:00:00Z",
                "current_release_date": "2026-09-01T00:00:00Z",
            },
        },
        "product_tree": {
            "branches": [
                *(
                    {"product": {"product_id": id_, "product_identification_helper": {"cpe": cpe}}}
                    for id_, cpe in PLATFORMS.items()
                ),
                *(
                    {"product": {"product_id": id_, "product_identification_helper": {"purl": purl}}}
                    for id_, purl in purls.items()
                ),
            ],
            "relationships": [
                {
                    "full_product_name": {"product_id": id_},
                    "product_reference": own,
                    "relates_to_product_reference": within,
                }
                for id_, (within, own, _) in parts.items()
            ],
        },
        "vulnerabilities": [{"cve": "CVE-2026-0001", "product_status": status}],
    }


def record(document: Mapping[str, Any]) -> tuple[AdvisoryRecord, Counter[str]]:
    left_out: Counter[str] = Counter()
    found = list(read_csaf(document, "x", lambda reason: left_out.update((reason,))))
    (advisory,) = [one for one in found if isinstance(one, AdvisoryRecord)]
    return advisory, left_out


def imported(tmp_path: Path, document: Mapping[str, Any] | Path, version: str = "8.10") -> Advisories:
    path = document if isinstance(document, Path) else tmp_path / "cve.json"
    if not isinstance(document, Path):
        path.write_text(json.dumps(document))
    import_feeds((path,), tmp_path / "feeds", datetime.now(UTC))
    return AdvisorySource(tmp_path / "feeds").load(Platform("rhel", version))


def rpm(name: str, version: str, source: str, stream: str = "") -> Package:
    return Package(name, version, "x86_64", source, version.rpartition(":")[2], stream)


def flaws(advisories: Advisories, *packages: Package) -> dict[str, list[str]]:
    exposures = expose(Packages("rpm", packages, NOWHERE), advisories)
    assert not exposures.doubts
    return {
        one.source: [flaw.fixed or flaw.state.value for flaw in (*one.fixable, *one.unfixed)]
        for one in exposures.exposed
    }


# --- modules ---------------------------------------------------------------------------------------------------------


def test_a_real_advisory_about_a_module(tmp_path: Path) -> None:
    path = shared("patch/csaf/rhsa-2023_7025.json")
    advisory, left_out = record(json.loads(path.read_text()))
    assert left_out == Counter()
    assert {one.stream for one in advisory.ranges} == {"ruby:2.5"}
    fixes = {one.name: one.fixed for one in advisory.ranges}
    assert fixes["ruby-libs"] == "2.5.9-111.module+el8.9.0+19193+435404ae"
    assert fixes["rubygem-abrt"] == "0.3.0-4.module+el8.9.0+19193+435404ae"
    assert len(fixes) == 32

    known = imported(tmp_path, path)
    before = "2.5.9-110.module+el8.6.0+15956+aa803fc1"
    assert flaws(known, rpm("ruby-libs", before, "ruby", "ruby:2.5")) == {"ruby": [fixes["ruby-libs"]]}
    assert flaws(known, rpm("ruby-libs", before, "ruby")) == {"ruby": [fixes["ruby-libs"]]}
    assert flaws(known, rpm("ruby-libs", fixes["ruby-libs"], "ruby", "ruby:2.5")) == {}
    assert flaws(known, rpm("ruby-libs", "2.5.0-1.module+el8.6.0+1+a", "ruby", "ruby:2.6")) == {}
    assert flaws(known, rpm("ruby-libs", "2.5.0-1.el8", "ruby")) == {}, "what is of no module is repaired otherwise"


@pytest.mark.parametrize(
    ("parts", "product"),
    [
        (
            {"p": ("app8", "nodejs", f"{PURL}nodejs@18.2-1.module%2Bel8?arch=x86_64&epoch=1&rpmmod=nodejs:18:80:ab")},
            "p",
        ),
        ({"p": ("app8", "nodejs-1:18.2-1.module+el8.x86_64::nodejs:18", "")}, "p"),
        ({"p": ("app8", "nodejs-1:18.2-1.module+el8.x86_64.rpm-nodejs:18", "")}, "p"),
        (
            {
                "m": ("app8", "nodejs:18:8090020231004:a75119d5", "pkg:rpmmod/redhat/nodejs@18:8090020231004:a75119d5"),
                "p": ("m", "nodejs-1:18.2-1.module+el8.x86_64", ""),
            },
            "p",
        ),
    ],
)
def test_the_ways_in_which_packages_of_modules_are_named(parts: dict[str, tuple[str, str, str]], product: str) -> None:
    advisory, left_out = record(vex(parts, fixed=[product]))
    (found,) = advisory.ranges
    assert (found.release, found.name, found.fixed, found.stream) == (
        "rhel:8",
        "nodejs",
        "1:18.2-1.module+el8",
        "nodejs:18",
    )
    assert left_out == Counter()


def test_each_stream_is_judged_by_its_own_fix(tmp_path: Path) -> None:
    parts = {
        name: ("app8", name, f"{PURL}nodejs@{version}?arch=x86_64&epoch=1&rpmmod=nodejs:{name}")
        for name, version in (("18", "18.2-1.module%2Bel8"), ("20", "20.9-1.module%2Bel8"))
    }
    parts["16"] = ("rhel8", "nodejs:16/nodejs", f"{PURL}nodejs@16?arch=src&rpmmod=nodejs:16")
    known = imported(tmp_path, vex(parts, fixed=["18", "20"], known_affected=["16"]))

    def of(version: str, stream: str) -> dict[str, list[str]]:
        return flaws(
            known, rpm("npm", f"1:{version}", "nodejs", stream), rpm("nodejs", f"1:{version}", "nodejs", stream)
        )

    assert of("18.5-1.module+el8", "nodejs:18") == {}
    assert of("18.1-1.module+el8", "nodejs:18") == {"nodejs": ["1:18.2-1.module+el8"]}
    assert of("20.8-1.module+el8", "nodejs:20") == {"nodejs": ["1:20.9-1.module+el8"]}
    assert of("16.1-1.module+el8", "nodejs:16") == {"nodejs": ["open"]}
    assert of("16.1-1.el8", "") == {}


# --- source packages -------------------------------------------------------------------------------------------------


def test_a_flaw_of_a_source_package_is_one_of_what_is_built_of_it(tmp_path: Path) -> None:
    known = imported(tmp_path, shared("patch/csaf/cve-2026-0001.json"), "9.4")
    packages = [
        rpm("python3", "3.9.18-1.el9", "python3.9"),
        rpm("python3-libs", "3.9.18-1.el9", "python3.9"),
        rpm("bash", "5.1.8-9.el9", "bash"),
    ]
    (found,) = expose(Packages("rpm", tuple(packages), NOWHERE), known).exposed
    assert (found.source, found.packages) == ("python3.9", ("python3", "python3-libs"))
    assert [(flaw.id, flaw.state) for flaw in found.unfixed] == [("CVE-2026-0001", State.OPEN)]


def test_a_grave_flaw_of_a_source_package_does_not_pass(tmp_path: Path) -> None:
    known = imported(tmp_path, shared("patch/csaf/cve-2026-0001.json"), "9.4")
    exposures = expose(Packages("rpm", (rpm("python3-libs", "3.9.18-1.el9", "python3.9"),), NOWHERE), known)
    verdicts = judge(no_fix_available, {"feed_max_age": "900d", "severities": ["critical"]}, exposures, NOW)
    assert [(one.subject, one.outcome) for one in verdicts if one.outcome is Outcome.FAILED] == [
        ("python3.9", Outcome.FAILED)
    ]


def test_of_kernels_the_newest_has_the_flaws_of_their_source(tmp_path: Path) -> None:
    parts = {"p": ("rhel9", "kernel", f"{PURL}kernel?arch=src")}
    known = imported(tmp_path, vex(parts, known_affected=["p"]), "9.4")
    packages = [rpm("kernel-core", f"5.14.0-{n}.el9", "kernel") for n in (1, 2)]
    packages += [rpm("kernel-headers", "5.14.0-2.el9", "kernel"), rpm("perf", "5.14.0-2.el9", "kernel")]
    (found,) = expose(Packages("rpm", tuple(packages), NOWHERE), known).exposed
    assert (found.packages, found.installed) == (("kernel-core",), ("5.14.0-2.el9",))


def test_images_and_modules_themselves_are_no_packages() -> None:
    parts = {
        "image": ("app8", "ubi8", "pkg:oci/ubi8"),
        "module": ("app8", "nodejs:18:8090020231004:a75119d5", ""),
        "bare": ("app8", "jq", f"{PURL}jq?arch=src"),
    }
    advisory, left_out = record(vex(parts, known_affected=["image", "module", "bare"], fixed=["bare"]))
    assert [one.name for one in advisory.ranges] == ["jq"]
    assert left_out == Counter({"no package": 2, "fixed without a version": 1})
