"""The lab's hosts as a customer's, scanned once without and once with the generated sudoers."""

from __future__ import annotations

import pytest

from tests.e2e.audit import LEFT_OUT, TWICE, Audit, Site, Whole, describe, scan, snapshots
from tests.lab.fixtures import StartLab, start_lab
from tests.lab.scenarios import SCENARIOS

__all__ = ["start_lab"]


@pytest.fixture(scope="session")
def site(start_lab: StartLab, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Two clean hosts, one of every other scenario, and an address where nobody answers."""
    hosts = {name: name for name in SCENARIOS if name not in ("clean", *LEFT_OUT)}
    lab = start_lab({"clean1": "clean", "clean2": "clean", **hosts})
    return describe(lab, tmp_path_factory.mktemp("site") / "lab.yaml")


@pytest.fixture(scope="session")
def denied(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Audit:
    """Some of the hosts, scanned without any sudo rule."""
    return scan(site, tmp_path_factory.mktemp("denied"), ["--tag", TWICE])


@pytest.fixture(scope="session")
def whole(site: Site, denied: Audit, tmp_path_factory: pytest.TempPathFactory) -> Whole:
    """All hosts, scanned with the sudoers that secaudit generates and no other."""
    generated = site.run("sudoers")
    assert generated.returncode == 0, generated.stderr
    for host in site.lab.hosts:
        file = host.root / "etc/sudoers.d/secaudit"
        file.write_text(generated.stdout)
        file.chmod(0o440)
    before = snapshots(site.lab)
    audit = scan(site, tmp_path_factory.mktemp("whole"))
    return Whole(audit, before, snapshots(site.lab))
