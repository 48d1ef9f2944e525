"""Feeds through the command line: imported, used by a scan, recorded with it, and the same bytes when replayed."""

from __future__ import annotations

import json
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from secaudit.cli.main import run
from secaudit.model.signing import SigningKey

from .feeding import feed, osv

BASELINE = """
baseline: own
version: 1
controls:
  flaws: {check: patch.advisories-overdue, severity: high, expect: {feed_max_age: 3d}}
"""


@pytest.fixture
def bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A scan of this machine with advisories about its release, in which bash is the one package with a flaw."""
    release = platform.freedesktop_os_release()
    if release.get("ID") != "debian":
        pytest.skip("the feed of this test is about Debian")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    ecosystem = f"Debian:{release['VERSION_ID']}"
    query = ["dpkg-query", "-W", "-f", "${source:Package}\\n"]
    sources = sorted(set(subprocess.run(query, capture_output=True, text=True, check=True).stdout.split()))
    today = datetime.now(UTC).isoformat()
    records = [
        osv(f"DSA-{number}-1", source, "0~~1", ecosystem=ecosystem, modified=today)
        for number, source in enumerate(sources)
    ]
    records.append(osv("DSA-9999-1", "bash", "99:1-1", ecosystem=ecosystem, modified=today, cves=["CVE-2026-1000"]))
    (tmp_path / "own.yaml").write_text(BASELINE)
    assert run(["feed", "import", str(feed(tmp_path, *records)), "--feeds", "feeds"]) == 0
    scan = ["scan", "local", "--baseline", "own.yaml", "--feeds", "feeds", "--no-store", "--quiet"]
    assert run([*scan, "--record", "bundle", "--out", "live"]) == 0
    return tmp_path


def test_the_same_transcript_baseline_and_feed_give_the_same_bytes(bundle: Path) -> None:
    for out in ("first", "second"):
        assert run(["scan", "replay:bundle", "--feeds", "feeds", "--out", out, "--quiet"]) == 0
    live = (bundle / "live" / "results.json").read_bytes()
    assert (bundle / "first" / "results.json").read_bytes() == (bundle / "second" / "results.json").read_bytes() == live

    found = json.loads(live)
    # Packages from backports, which this machine may have, are unproven.
    (result,) = [one for one in found["results"] if one["outcome"] == "failed"]
    assert result["subject"] == "bash"
    assert result["remediation"].endswith("--only-upgrade bash")
    (part,) = found["run"]["feeds"]
    assert part["name"].startswith("osv debian:")
    assert (bundle / "feeds" / f"{part['sha256']}.sqlite").is_file()


def test_without_the_feed_the_same_transcript_proves_nothing(bundle: Path) -> None:
    assert run(["scan", "replay:bundle", "--feeds", "elsewhere", "--out", "again", "--quiet"]) == 0
    found = json.loads((bundle / "again" / "results.json").read_bytes())
    (result,) = found["results"]
    assert (result["outcome"], result["kind"]) == ("unproven", "stale")
    assert "secaudit feed import" in result["reason"]
    assert found["run"]["feeds"] == []


def test_a_statement_and_a_signed_bundle_reach_a_recorded_scan(bundle: Path) -> None:
    """What is stated later holds for last night's answers, on a scanner that gets its feeds in a signed bundle."""
    vex = {
        "@context": "https://openvex.dev/ns/v0.2.0",
        "author": "Anna",
        "timestamp": datetime.now(UTC).isoformat(),
        "statements": [
            {
                "vulnerability": {"name": "CVE-2026-1000"},
                "products": [{"@id": "pkg:deb/debian/bash"}],
                "status": "not_affected",
                "impact_statement": "nobody logs in",
            }
        ],
    }
    (bundle / "vex.json").write_text(json.dumps(vex))
    public = SigningKey.new().write(bundle / "feeds.key")
    assert run(["feed", "import", "vex.json", "--feeds", "feeds"]) == 0
    assert run(["feed", "export", "all.feeds.tar", "--sign", "feeds.key", "--feeds", "feeds"]) == 0
    assert run(["feed", "import", "all.feeds.tar", "--trusted-key", str(public), "--feeds", "there"]) == 0
    assert run(["scan", "replay:bundle", "--feeds", "there", "--out", "again", "--quiet"]) == 0

    found = json.loads((bundle / "again" / "results.json").read_bytes())
    assert not [one for one in found["results"] if one["outcome"] == "failed"]
    assert [part["name"] for part in found["run"]["feeds"]][-1] == "vex"
