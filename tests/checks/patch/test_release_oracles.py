"""Whole releases of Debian, fresh from the archive, judged by us and by apt with the security suite enabled.

Two feeds. One is made of the security archive itself, so that both know the same: then both have to name the same
source packages with the same fixed versions. The other is Debian's own list of advisories as it was in April 2023: it
knows less than the archive does today, and the difference has to be exactly what was published since.
"""

from __future__ import annotations

import gzip
import re
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from secaudit.checks.host.collect import OS_RELEASE
from secaudit.checks.host.collect import os_release as collect_os_release
from secaudit.checks.host.collect import packages as collect_packages
from secaudit.checks.host.facts import Packages
from secaudit.checks.patch.exposure import Exposed, expose
from secaudit.checks.patch.facts import PendingUpdates
from secaudit.checks.patch.readers.apt import SIMULATION, read_simulation
from secaudit.checks.patch.versions import dpkg_key

from secaudit.api import Command
from tests.checks.judging import collect, ended, facts
from tests.shared_data import shared

from .feeding import advisories, osv
from .roots import release_root

pytestmark = [pytest.mark.root]

_DSA = re.compile(r"\[\d+ \w+ \d{4}\] (D[SL]A-\d+-\d+) ")
_FIX = re.compile(r"\t\[(?P<codename>\w+)\] - (?P<source>\S+) (?P<version>\d\S*)")


@dataclass(frozen=True)
class Release:
    """A root, what is installed in it, and the source versions of the binaries in its security archive."""

    root: Path
    version: str
    installed: Packages
    archive: dict[tuple[str, str], tuple[str, str]]

    def simulated(self, *options: str) -> PendingUpdates:
        """What apt would do, asked with the family's own command."""
        argv = [SIMULATION.argv[0], *options, *SIMULATION.argv[1:]]
        ran = subprocess.run(["chroot", self.root, *argv], capture_output=True, text=True, check=True)
        return read_simulation(ended(SIMULATION, ran.stdout))

    def fixed_by_apt(self, pending: PendingUpdates) -> dict[str, str]:
        """Source package → source version that apt takes from the security archive."""
        assert pending.kept_back == ()
        taken = [self.archive[one.package.partition(":")[0], one.fixed] for one in pending.updates if one.security]
        return dict(taken)


def asked(root: Path, command: Command) -> str:
    return subprocess.run(["chroot", root, *command.argv], capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="module", params=["bullseye", "bookworm", "trixie"])
def release(request: pytest.FixtureRequest) -> Release:
    return opened(request.param)


def opened(codename: str) -> Release:
    root = release_root(codename)
    os = collect(collect_os_release, ended(OS_RELEASE, asked(root, OS_RELEASE)))
    dpkg, *_ = collect_packages.plan(())
    assert isinstance(dpkg, Command)
    installed = collect(collect_packages, ended(dpkg, asked(root, dpkg)), known=facts(os))
    return Release(root, os.version, installed, dict(security_archive(root)))


def security_archive(root: Path) -> Iterator[tuple[tuple[str, str], tuple[str, str]]]:
    for index in (root / "var/lib/apt/lists").glob("*security*_Packages"):
        for paragraph in index.read_text().split("\n\n"):
            fields = dict(re.findall(r"^(Package|Version|Source): (.+)$", paragraph, re.MULTILINE))
            if fields:
                source, _, version = str(fields.get("Source") or fields["Package"]).partition(" ")
                yield (fields["Package"], fields["Version"]), (source, version.strip("()") or fields["Version"])


def judged(tmp_path: Path, release: Release, installed: Packages, *records: dict[str, Any]) -> dict[str, Exposed]:
    known = advisories(tmp_path, *records, os_version=release.version)
    exposures = expose(installed, known)
    assert exposures.doubts == ()
    return {one.source: one for one in exposures.exposed}


def newest(one: Exposed) -> str:
    return max((str(flaw.fixed) for flaw in one.fixable), key=dpkg_key)


def test_apt_and_the_advisories_of_the_archive_name_the_same_versions(release: Release, tmp_path: Path) -> None:
    ecosystem = f"Debian:{release.version}"
    repaired = sorted(set(release.archive.values()))
    records = [osv(f"DSA-{n}-1", source, fixed, ecosystem=ecosystem) for n, (source, fixed) in enumerate(repaired, 1)]
    found = judged(tmp_path, release, release.installed, *records)
    assert {source: newest(one) for source, one in found.items()} == release.fixed_by_apt(release.simulated())
    assert found, "a release without a single update since its last point release would prove nothing"


def published(codename: str) -> list[tuple[str, str, str]]:
    """Advisory, source, fixed version of every line about the release in Debian's own list."""
    found = []
    name = ""
    for line in gzip.decompress(shared("patch/debian-DSA-list.txt.gz").read_bytes()).decode().splitlines():
        if heading := _DSA.match(line):
            name = heading[1]
        elif (fix := _FIX.fullmatch(line)) and fix["codename"] == codename:
            found.append((name, fix["source"], fix["version"]))
    return found


def test_a_host_of_2023_by_the_list_of_2023_and_by_the_archive_of_today(tmp_path: Path) -> None:
    """Installed is what was there just before each advisory; what apt knows beyond the list was published later."""
    release = opened("bullseye")
    listed = published("bullseye")
    assert len(listed) > 300
    in_list: dict[str, str] = {}
    for _, source, version in listed:
        in_list[source] = max(version, in_list.get(source, "0"), key=dpkg_key)
    before = {source: f"{version}~" for source, version in in_list.items()}

    old = replace(
        release.installed,
        packages=tuple(
            replace(one, version=before.get(one.source, one.version), source_version=before[one.source])
            if one.source in before
            else one
            for one in release.installed.packages
        ),
    )
    records = [
        osv(f"{name}#{n}", source, fixed, ecosystem="Debian:11") for n, (name, source, fixed) in enumerate(listed)
    ]
    ours = {source: newest(one) for source, one in judged(tmp_path, release, old, *records).items()}
    sources = {one.source for one in release.installed.packages}
    assert ours == {source: version for source, version in in_list.items() if source in sources}
    assert len(ours) > 10
    assert judged(tmp_path, release, release.installed, *records) == {}, "the last point release has all of the list"

    # The root is shared by all test runs of this machine.
    with tempfile.NamedTemporaryFile("w", prefix="status-", dir=release.root / "tmp") as status:
        status.write(aged((release.root / "var/lib/dpkg/status").read_text(), before))
        status.flush()
        theirs = release.fixed_by_apt(release.simulated("-o", f"Dir::State::status=/tmp/{Path(status.name).name}"))
        today = release.fixed_by_apt(release.simulated())
    # What lies in the security archive today is newer than the list for every source that both name; what only we
    # name was repaired in the list's version or a later one of the main archive, and left the security archive.
    both = ours.keys() & theirs.keys()
    assert all(dpkg_key(ours[source]) <= dpkg_key(theirs[source]) for source in both)
    in_security = {source for source, _ in release.archive.values()}
    assert ours.keys() - theirs.keys() == {source for source in ours if source not in in_security}
    # What only apt names is what it names for the release without any of our changes: published after the list.
    assert theirs.keys() - ours.keys() == today.keys() - ours.keys()


def aged(status: str, before: dict[str, str]) -> str:
    """dpkg's status with the sources of `before` in those versions, and no dependencies on what they really were."""
    status = re.sub(r"^(?:Pre-Depends|Depends|Breaks|Conflicts|Recommends): .*\n", "", status, flags=re.MULTILINE)
    return "\n\n".join(_aged(stanza, before) for stanza in status.split("\n\n"))


def _aged(stanza: str, before: dict[str, str]) -> str:
    fields = dict(re.findall(r"^(Package|Source): (\S+)", stanza, re.MULTILINE))
    version = before.get(fields.get("Source") or fields.get("Package", ""))
    if version is None:
        return stanza
    without_version = re.sub(r"^Source: (\S+) \(.*\)$", r"Source: \1", stanza, flags=re.MULTILINE)
    return re.sub(r"^Version: .*$", f"Version: {version}", without_version, flags=re.MULTILINE)
