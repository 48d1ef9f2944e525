"""A host made with rpm itself against AlmaLinux's advisories, and librpm's own comparison as the judge."""

from __future__ import annotations

import gzip
import json
import random
import shutil
import subprocess
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
from secaudit.checks.host.collect import packages as collect_packages
from secaudit.checks.host.facts import OsRelease, Packages
from secaudit.checks.patch.exposure import expose
from secaudit.checks.patch.feeds.importing import import_feeds
from secaudit.checks.patch.feeds.lookup import AdvisorySource
from secaudit.checks.patch.versions import rpm_key

from secaudit.api import Command, Platform
from tests.checks.judging import AT, collect, ended, facts
from tests.shared_data import shared

from .given import NOWHERE
from .roots import tools_root

pytestmark = [pytest.mark.root]

PACKAGES = 400
LABEL = "nodejs:20:9030020240301113533:rhel9"
_, RPM, _, _, MODULES = collect_packages.plan(())

SPEC = """\
Name: base
Version: 1
Release: 1
Summary: base
License: none
BuildArch: noarch
%description
base
"""
SUBPACKAGE = """\
%package -n {name}
Version: {version}
Release: {release}
Epoch: {epoch}
{label}Summary: {name}
%description -n {name}
{name}
%files -n {name}
"""


@dataclass(frozen=True)
class Fix:
    advisory: str
    version: str


def fixes() -> dict[str, list[Fix]]:
    """What AlmaLinux's feed says, read without a line of ours: package → advisories of security updates."""
    found: dict[str, list[Fix]] = defaultdict(list)
    lines = gzip.decompress(shared("patch/osv/almalinux9.osv.jsonl.gz").read_bytes()).decode().splitlines()
    for record in map(json.loads, lines):
        if not record["id"].startswith("ALSA-") or record.get("withdrawn"):
            continue
        for affected in record["affected"]:
            if affected["package"]["ecosystem"] != "AlmaLinux:9":
                continue  # one advisory may be about several releases
            for event in (event for one in affected["ranges"] for event in one["events"] if "fixed" in event):
                found[affected["package"]["name"]].append(Fix(record["id"], event["fixed"]))
    return found


def chosen(known: dict[str, list[Fix]]) -> Iterator[tuple[str, str]]:
    """Packages by name and version: a version of the feed, or one right before or after it."""
    rng = random.Random(20261124)
    plain = sorted(
        name
        for name, said in known.items()
        if not name.startswith("kernel") and not any(".module" in fix.version for fix in said)
    )
    for name in rng.sample(plain, PACKAGES):
        version = rng.choice(known[name]).version
        yield name, version + rng.choice(["", "", "~1", "^1", ".1", "a"])


def split(version: str) -> tuple[str, str, str]:
    epoch, _, rest = version.rpartition(":")
    name, _, release = rest.rpartition("-")
    return epoch or "0", name, release


@pytest.fixture(scope="module")
def installed() -> Iterator[Packages]:
    root = tools_root()
    packages = dict(chosen(fixes()))
    spec = SPEC
    for name, full in (*packages.items(), ("nodejs", "1:20.11.1-1.module_el9.3.0+90+f7dba7ef")):
        epoch, version, release = split(full)
        label = f"ModularityLabel: {LABEL}\n" if name == "nodejs" else ""
        spec += SUBPACKAGE.format(name=name, version=version, release=release, epoch=epoch, label=label)
    # The root is shared by all test runs of this machine.
    work = Path(tempfile.mkdtemp(prefix="rpm-oracle-", dir=root / "tmp"))
    inside = f"/tmp/{work.name}"
    (work / "host.spec").write_text(spec)
    script = f"""\
        set -e; cd {inside}; mkdir host
        rpmbuild --quiet -bb --define '_topdir {inside}' --define '_binary_payload w0.gzdio' host.spec
        find RPMS -name '*.rpm' >list
        rpm --root {inside}/host --initdb
        rpm --root {inside}/host -i --nodeps --justdb $(cat list)
    """
    try:
        ran = subprocess.run(["chroot", root, "sh", "-c", script], capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stderr[-2000:]
        answers = []
        for command in (RPM, MODULES):
            assert isinstance(command, Command)
            argv = ["chroot", str(root), command.argv[0], "--root", f"{inside}/host", *command.argv[1:]]
            answers.append(ended(command, subprocess.run(argv, capture_output=True, check=True).stdout))
        os = OsRelease("almalinux", "9.4", "", "", ("rhel",), NOWHERE)
        yield collect(collect_packages, *answers, known=facts(os))
    finally:
        shutil.rmtree(work)


def test_rpm_tells_versions_and_streams(installed: Packages) -> None:
    packages = {one.name: one for one in installed.packages}
    assert len(packages) == PACKAGES + 1
    assert {name: one.version.removeprefix("0:") for name, one in packages.items() if name != "nodejs"} == {
        name: version.removeprefix("0:") for name, version in chosen(fixes())
    }
    assert {one.name: one.stream for one in installed.packages if one.stream} == {"nodejs": "nodejs:20"}


def test_librpm_finds_the_same_advisories(installed: Packages, tmp_path: Path) -> None:
    known = fixes()
    packages = [one for one in installed.packages if one.name != "nodejs"]
    pairs = [(one, fix) for one in packages for fix in known[one.name]]
    asked = "".join(f"{one.version}\t{fix.version}\n" for one, fix in pairs)
    oracle = ["/usr/bin/python3", str(Path(__file__).with_name("oracle.py")), "rpm"]
    told = subprocess.run(oracle, input=asked, capture_output=True, text=True, check=True).stdout.split()
    wanted: dict[str, dict[str, str]] = defaultdict(dict)
    for (one, fix), sign in zip(pairs, told, strict=True):
        if sign == "-1":
            wanted[one.name][fix.advisory] = max(fix.version, wanted[one.name].get(fix.advisory, "0-0"), key=rpm_key)

    import_feeds((shared("patch/osv/almalinux9.osv.jsonl.gz"),), tmp_path / "feeds", AT + timedelta(days=1))
    advisories = AdvisorySource(tmp_path / "feeds").load(Platform("almalinux", "9.4"))
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for one in packages:
        standing = advisories.standing(one.name, one.version)
        assert standing is None or not standing.doubt
        for flaw in standing.flaws if standing else ():
            found[one.name][flaw.id] = max(flaw.fixed, found[one.name].get(flaw.id, "0-0"), key=rpm_key)
    assert found == wanted
    assert len(pairs) > 1000
    assert 0 < sum(map(len, found.values())) < len(pairs)
    # Grouped by source package as findings are (here all were built from one), the same packages and advisories.
    (exposed,) = expose(replace(installed, packages=tuple(packages)), advisories).exposed
    assert set(exposed.packages) == set(wanted)
    assert {flaw.id for flaw in exposed.fixable} == {advisory for said in wanted.values() for advisory in said}
