"""apt as an independent judge: what it would take from the security archive is what the advisories must name.

The feed is made of the security archive's own index: every source package, repaired in the version that lies there.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from secaudit.checks.host.collect import OS_RELEASE
from secaudit.checks.host.collect import os_release as collect_os_release
from secaudit.checks.host.collect import packages as collect_packages
from secaudit.checks.patch.exposure import expose
from secaudit.checks.patch.readers.apt import SIMULATION, read_simulation
from secaudit.checks.patch.versions import dpkg_key

from secaudit.api import Command
from tests.checks.judging import collect, ended, facts

from .feeding import advisories, osv

LISTS = Path("/var/lib/apt/lists")
HELPER = Path("/usr/lib/apt/apt-helper")


def asked(command: Command) -> str:
    ran = subprocess.run(command.argv, capture_output=True, text=True, check=False)
    if ran.returncode != 0:
        pytest.skip(f"{command.key} ended with {ran.returncode}: {ran.stderr.strip()[:200]}")
    return ran.stdout


def security_archive() -> dict[str, str]:
    """Source package → newest source version in the security archive of this machine, by its own lists."""
    indexes = sorted(LISTS.glob("*security*_Packages*")) if HELPER.exists() else []
    if not indexes:
        pytest.skip("this machine has no list of a security archive")
    newest: dict[str, str] = {}
    for index in indexes:
        text = subprocess.run([HELPER, "cat-file", index], capture_output=True, text=True, check=True).stdout
        for paragraph in text.split("\n\n"):
            fields = dict(re.findall(r"^(Package|Version|Source): (.+)$", paragraph, re.MULTILINE))
            if not fields:
                continue
            source, _, version = str(fields.get("Source") or fields["Package"]).partition(" ")
            version = version.strip("()") or fields["Version"]
            if source not in newest or dpkg_key(newest[source]) < dpkg_key(version):
                newest[source] = version
    return newest


def test_apt_takes_what_the_advisories_name(tmp_path: Path) -> None:
    if shutil.which("apt-get") is None:
        pytest.skip("this is no Debian system")
    archive = security_archive()
    release = collect(collect_os_release, ended(OS_RELEASE, asked(OS_RELEASE)))
    if release.id != "debian":
        pytest.skip("the oracle is about Debian")
    dpkg, *_ = collect_packages.plan(())
    assert isinstance(dpkg, Command)
    installed = collect(collect_packages, ended(dpkg, asked(dpkg)), known=facts(release))
    apt_says = read_simulation(ended(SIMULATION, asked(SIMULATION)))
    records = [
        osv(f"DSA-{number}-1", source, version, ecosystem=f"Debian:{release.version}")
        for number, (source, version) in enumerate(sorted(archive.items()))
    ]
    known = advisories(tmp_path, *records, os_version=release.version)

    found = {one.source: one for one in expose(installed, known).exposed}
    by_name = {package.name: package for package in installed.packages}
    taken = [(update, by_name[update.package.partition(":")[0]]) for update in apt_says.updates if update.security]
    pending = {package.source for _, package in taken}
    unclear = {by_name[kept.package.partition(":")[0]].source for kept in apt_says.kept_back}
    if not any(package.name.startswith("linux-image-") for package in installed.packages):
        unclear.add("linux")  # headers alone hold none of the kernel's flaws

    assert set(found) - unclear == pending - unclear
    for update, package in taken:
        if package.source in found and package.version == package.source_version:
            assert {flaw.fixed for flaw in found[package.source].fixable} == {re.sub(r"\+b\d+$", "", update.fixed)}
