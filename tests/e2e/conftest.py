"""The lab's hosts as a customer's, scanned once without and once with the generated sudoers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from tests.e2e.audit import TWICE, Audit, Site, describe, scan
from tests.lab.fixtures import StartLab, start_lab
from tests.lab.scenarios import SCENARIOS
from tests.lab.snapshot import Snapshot, snapshot

__all__ = ["start_lab"]

SLOW = ("silent",)
"""Scenarios that are left out: what they would show is not worth the time."""


@dataclass(frozen=True, slots=True)
class Whole:
    """The scan of all hosts, and their roots before and after it."""

    audit: Audit
    before: Mapping[str, Snapshot]
    after: Mapping[str, Snapshot]


@pytest.fixture(scope="session")
def site(start_lab: StartLab, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Two clean hosts, one of every other scenario, and an address where nobody answers."""
    hosts = {name: name for name in SCENARIOS if name not in ("clean", *SLOW)}
    return describe(start_lab({"clean1": "clean", "clean2": "clean", **hosts}), tmp_path_factory.mktemp("site"))


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
    before = {host.name: snapshot(host.root, site.lab.record.base) for host in site.lab.hosts}
    audit = scan(site, tmp_path_factory.mktemp("whole"))
    after = {host.name: snapshot(host.root, site.lab.record.base) for host in site.lab.hosts}
    return Whole(audit, before, after)
