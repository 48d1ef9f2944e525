"""A flaw from its advisory to its repair: feed, finding, upgrade on the host, proof; and found in stored answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.checks.patch.feeding import feed, osv
from tests.e2e.audit import Site, describe, secaudit
from tests.e2e.packages import install
from tests.lab.fixtures import StartLab
from tests.lab.lab import Lab

pytestmark = [pytest.mark.root, pytest.mark.lab]

AGENT = "shop-agent"
HOST = "shop1"
BASELINE = """
baseline: flaws
version: 1
controls:
  flaws: {check: patch.advisories-overdue, severity: high, expect: {feed_max_age: 3d}}
"""


def advisories(lab: Lab, folder: Path) -> Path:
    """Three advisories about the agent, and one about every other package that each version of it has in it."""
    told = lab.run(HOST, ["sh", "-c", ". /etc/os-release; echo $VERSION_ID; dpkg-query -W -f '${source:Package}\\n'"])
    release, *sources = told.stdout.decode().split()
    ecosystem, today = f"Debian:{release}", datetime.now(UTC)
    made = {"ecosystem": ecosystem, "published": (today - timedelta(days=60)).isoformat()}
    records = [
        osv("DSA-1-1", AGENT, "1.0-2", cves=["CVE-2026-1001"], **made),
        osv("DSA-2-1", AGENT, "1.1-1", cves=["CVE-2026-1002"], **made),
        osv("DSA-3-1", AGENT, "1.1-1", cves=["CVE-2026-1003"], **made),
    ]
    records += [osv(f"DSA-{10 + n}-1", source, "0~~1", **made) for n, source in enumerate(sorted({*sources} - {AGENT}))]
    for record in records:
        record["modified"] = today.isoformat()
    return feed(folder, *records)


class Scans:
    """One host, one store, one directory of feeds."""

    def __init__(self, site: Site, folder: Path) -> None:
        self.site, self.folder = site, folder
        (folder / "flaws.yaml").write_text(BASELINE)
        self.files = ("--store", str(folder / "store.db"), "--feeds", str(folder / "feeds"))

    def judged(self, *argv: str, out: str) -> Mapping[str, Any]:
        """The one result of a scan."""
        done = secaudit(
            "scan",
            *argv,
            "--baseline",
            str(self.folder / "flaws.yaml"),
            *self.files,
            "--out",
            str(self.folder / out),
            "--format",
            "json",
            "--quiet",
        )
        results = self.folder / out / "results.json"
        assert results.exists(), done.stderr
        (result,) = json.loads(results.read_text())["results"]
        return dict(result)

    def scan(self, out: str) -> Mapping[str, Any]:
        return self.judged("--inventory", str(self.site.inventory), "--host", HOST, out=out)

    def findings(self, state: str) -> list[str]:
        """The subjects of findings in a state; the scan without a feed left one about the whole host."""
        done = secaudit("findings", "list", "--json", "--state", state, "--store", str(self.folder / "store.db"))
        assert done.returncode == 0, done.stderr
        found = json.loads(done.stdout)
        rows = found["findings"] if isinstance(found, dict) else found
        return [str(row["subject"]) for row in rows]


def test_from_the_advisory_to_the_proof_of_its_repair(start_lab: StartLab, tmp_path: Path) -> None:
    lab = start_lab({HOST: "clean"})
    install(lab, HOST, tmp_path, AGENT, "1.0-1")
    scans = Scans(describe(lab, tmp_path / "lab.yaml"), tmp_path)

    blind = scans.scan("blind")
    assert (blind["outcome"], blind["kind"]) == ("unproven", "stale")

    imported = secaudit("feed", "import", str(advisories(lab, tmp_path)), "--feeds", str(tmp_path / "feeds"))
    assert imported.returncode == 0, imported.stderr
    # The host has the repair by now, and the answers of the first scan have not: they alone are judged.
    install(lab, HOST, tmp_path, AGENT, "1.1-1")
    retro = scans.judged("--from-store", "latest", "--only", "patch.*", out="retro")
    assert (retro["outcome"], retro["subject"]) == ("failed", AGENT)
    assert "1.1-1 settles 3 advisories" in retro["observed"]
    assert retro["remediation"] == f"apt-get update && apt-get install --only-upgrade {AGENT}"
    assert AGENT not in scans.findings("all"), "judging stored answers stores nothing"

    install(lab, HOST, tmp_path / "again", AGENT, "1.0-1")
    found = scans.scan("found")
    assert (found["outcome"], found["subject"], found["fingerprint"]) == ("failed", AGENT, retro["fingerprint"])
    assert AGENT in scans.findings("open")

    install(lab, HOST, tmp_path / "repaired", AGENT, "1.1-1")
    proven = scans.scan("proven")
    assert (proven["outcome"], proven["observed"]) == ("passed", "no fix is missing")
    assert scans.findings("open") == []
    assert AGENT in scans.findings("resolved")
