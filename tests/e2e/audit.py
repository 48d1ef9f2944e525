"""A customer whose hosts are in the lab, and the scanner as its users run it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.lab.base import USER
from tests.lab.lab import Lab
from tests.lab.snapshot import Snapshot, snapshot

DEAD = "dead"
"""A host of the inventory at whose address nobody answers."""
LEFT_OUT = ("silent",)
"""Scenarios that are not scanned: what they would show is not worth the time."""
TWICE = "twice"
"""The tag of hosts that are also scanned before the audit user may run anything as root."""
_TWICE = ("clean1", "firewall-none", "stale-restic")
PROGRAM = Path(sys.executable).with_name("secaudit")

BASELINES = Path(__file__).with_name("baselines")
SERVER, BORG = BASELINES / "lab-server.yaml", BASELINES / "lab-borg.yaml"


def secaudit(*argv: str, limit: float = 240) -> subprocess.CompletedProcess[str]:
    """Run the command line, for at most `limit` seconds."""
    return subprocess.run([str(PROGRAM), *argv], capture_output=True, text=True, check=False, timeout=limit)


@dataclass(frozen=True, slots=True)
class Site:
    """A running lab and the files that describe it to the scanner."""

    lab: Lab
    inventory: Path

    def run(self, command: str, *argv: str) -> subprocess.CompletedProcess[str]:
        """`secaudit COMMAND --inventory … ARGV`."""
        return secaudit(command, "--inventory", str(self.inventory), *argv)


@dataclass(frozen=True, slots=True)
class Audit:
    """A scan that has ended: exit code, both texts, and results.json."""

    exit: int
    stdout: str
    stderr: str
    document: Mapping[str, Any]

    def status(self, host: str) -> str:
        """How far the scan of a host got."""
        return next(str(found["status"]) for found in self.document["hosts"] if found["host"] == host)

    def results(self, host: str, *outcomes: str) -> list[Mapping[str, Any]]:
        """The host's results, or those of them with one of `outcomes`."""
        found = (result for result in self.document["results"] if result["host"] == host)
        return [result for result in found if not outcomes or result["outcome"] in outcomes]

    def failed(self, host: str) -> set[tuple[str, str]]:
        """Check id and subject of everything that failed on a host."""
        return {(result["check"], result["subject"]) for result in self.results(host, "failed")}


@dataclass(frozen=True, slots=True)
class Whole:
    """A scan of all hosts, and their roots before and after it."""

    audit: Audit
    before: Mapping[str, Snapshot]
    after: Mapping[str, Snapshot]


def describe(lab: Lab, inventory: Path) -> Site:
    """Write the inventory for a lab and a host that is dead."""
    hosts: dict[str, dict[str, object]] = {host.name: {"address": host.address} for host in lab.hosts}
    for host in lab.hosts:
        if host.scenario == "stale-borg":
            hosts[host.name]["baselines"] = [str(BORG)]
        if host.name in _TWICE:
            hosts[host.name]["tags"] = [TWICE]
    hosts[DEAD] = {"address": lab.dead_address}
    ssh = {"user": USER, "identity": str(lab.key), "known_hosts": str(lab.known_hosts), "agent": False, "config": False}
    site = {"defaults": {"ssh": ssh, "baselines": [str(SERVER)]}, "hosts": hosts}
    document = {"customer": {"id": "lab", "name": "Lab Ltd"}, "sites": {"bench": site}}
    inventory.write_text(yaml.safe_dump(document, sort_keys=False))
    return Site(lab, inventory)


def snapshots(lab: Lab) -> dict[str, Snapshot]:
    """The roots of all hosts."""
    return {host.name: snapshot(host.root, lab.record.base) for host in lab.hosts}


def scan(site: Site, out: Path, argv: Sequence[str] = ()) -> Audit:
    """Scan the site's hosts."""
    done = site.run(
        *("scan", "--out", str(out), "--format", "json", "--host-limit", "3m"),
        *("--store", str(out.with_suffix(".db")), *argv),
    )
    results = out / "results.json"
    assert results.exists(), f"no results.json, exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
    return Audit(done.returncode, done.stdout, done.stderr, json.loads(results.read_text()))
