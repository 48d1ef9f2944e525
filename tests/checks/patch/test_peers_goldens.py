"""Trivy's published results for packages of distributions, replayed with its own advisories: nothing of them is missed.

Its fixtures stay outside of the project: `SECAUDIT_TRIVY` names a checkout of github.com/aquasecurity/trivy.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from secaudit.checks.patch.feeds.importing import import_feeds
from secaudit.checks.patch.feeds.lookup import AdvisorySource

from secaudit.api import Platform
from tests.checks.judging import AT

from .feeding import feed, osv

# Trivy's name of a family: the file of its advisories, its name of a release, OSV's, and ours.
FAMILIES: Mapping[str, tuple[str, str, str, str]] = {
    "alpine": ("alpine", "alpine {}", "Alpine:v{}", "alpine"),
    "debian": ("debian", "debian {}", "Debian:{}", "debian"),
    "ubuntu": ("ubuntu", "ubuntu {}", "Ubuntu:{}:LTS", "ubuntu"),
    "alma": ("almalinux", "alma {}", "AlmaLinux:{}", "almalinux"),
    "rocky": ("rockylinux", "rocky {}", "Rocky Linux:{}", "rocky"),
}
LEAST = 40
"""How many of its findings are replayed at least: a checkout of another form would replay none."""


def published() -> Path:
    named = os.environ.get("SECAUDIT_TRIVY", "")
    if not named:
        pytest.skip("SECAUDIT_TRIVY names no checkout of github.com/aquasecurity/trivy")
    return Path(named) / "integration" / "testdata"


def release_of(os: Mapping[str, str]) -> str:
    numbers = os["Name"].split(" ")[0].split(".")
    return ".".join(numbers[:2] if os["Family"] in ("alpine", "ubuntu") else numbers[:1])


def advisories(folder: Path, family: str, release: str) -> Iterator[tuple[str, str, str]]:
    """Flaw, package, and fix (empty: none) of each of its advisories about a release."""
    file, bucket, _, _ = FAMILIES[family]
    for one in yaml.safe_load((folder / "fixtures" / "db" / f"{file}.yaml").read_text()):
        if one["bucket"] == bucket.format(release):
            for package in one["pairs"]:
                for pair in package["pairs"]:
                    yield pair["key"], package["bucket"], pair["value"].get("FixedVersion", "")


def records(found: list[tuple[str, str, str]], ecosystem: str) -> Iterator[dict[str, Any]]:
    for number, (flaw, package, fix) in enumerate(found):
        yield osv(f"T-{number}", package, *([fix] if fix else []), ecosystem=ecosystem, cves=[flaw])


def replay(golden: Path, folder: Path, tmp_path: Path) -> tuple[set[tuple[str, ...]], set[tuple[str, ...]]]:
    """What Trivy reports, and what we do, of the packages that it reports: package, version, flaw, fix."""
    told = json.loads(golden.read_text())
    os_ = told.get("Metadata", {}).get("OS", {})
    if os_.get("Family") not in FAMILIES:
        return set(), set()
    release = release_of(os_)
    _, _, ecosystem, ours = FAMILIES[os_["Family"]]
    known = list(advisories(folder, os_["Family"], release))
    flaws = [
        one
        for result in told["Results"]
        if result.get("Class") == "os-pkgs"
        for one in result.get("Vulnerabilities", [])
    ]
    if not known or not flaws:
        return set(), set()
    path = feed(tmp_path, *records(known, ecosystem.format(release)), name=f"{golden.stem}.jsonl")
    import_feeds((path,), tmp_path / golden.stem, AT)
    looked_up = AdvisorySource(tmp_path / golden.stem).load(Platform(ours, release))
    theirs: set[tuple[str, ...]] = set()
    found: set[tuple[str, ...]] = set()
    for one in flaws:
        theirs.add((one["PkgName"], one["InstalledVersion"], one["VulnerabilityID"], one.get("FixedVersion", "")))
        # The results name no source package: it is the one that the advisory about the flaw is about.
        for source in {package for flaw, package, _ in known if flaw == one["VulnerabilityID"]}:
            standing = looked_up.standing(source, one["InstalledVersion"])
            for flaw in standing.flaws if standing else ():
                found.add((one["PkgName"], one["InstalledVersion"], flaw.cves[0], flaw.fixed))
    return theirs, found


def test_nothing_that_trivy_reports_is_missed(tmp_path: Path) -> None:
    folder = published()
    missed, more, replayed = {}, {}, 0
    for golden in sorted(folder.glob("*.json.golden")):
        theirs, ours = replay(golden, folder, tmp_path)
        replayed += len(theirs)
        if theirs - ours:
            missed[golden.name] = theirs - ours
        if ours - theirs:
            more[golden.name] = ours - theirs
    assert missed == {}
    # What we say besides is what these runs of Trivy were asked to leave out; see docs/feeds.md.
    asked = ("ignore-unfixed", "high-critical", "ignore-cveids", "medium", "skip")
    assert not [name for name in more if not any(word in name for word in asked)]
    assert replayed >= LEAST
