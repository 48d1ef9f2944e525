"""Exit codes and replays of scans of real hosts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.e2e.audit import DEAD, SERVER, Site, Whole, secaudit

pytestmark = [pytest.mark.root, pytest.mark.lab]


@pytest.mark.parametrize(("host", "code"), [("clean2", 0), ("firewall-none", 1), (DEAD, 3)])
def test_the_gate_tells_clean_failed_and_unproven_apart(
    site: Site, whole: Whole, tmp_path: Path, host: str, code: int
) -> None:
    limits = ["--host", host, "--only", "firewall.*", "--fail-on", "high"]
    done = site.run("scan", *limits, "--out", str(tmp_path), "--store", str(tmp_path / "store.db"))
    assert done.returncode == code, done.stdout + done.stderr


def test_a_recorded_scan_gives_the_same_results_without_any_host(site: Site, whole: Whole, tmp_path: Path) -> None:
    at = "2026-12-24T06:00:00Z"
    bundle = tmp_path / "bundle"
    live = site.run(
        *("scan", "--host", "stale-restic", "--only", "backup.*", "--at", at, "--record", str(bundle)),
        *("--out", str(tmp_path / "live"), "--format", "json", "--store", str(tmp_path / "live.db")),
    )
    assert live.returncode == 0, live.stderr
    written = []
    for name in ("first", "second"):
        replayed = secaudit(
            *("scan", f"replay:{bundle}", "--at", at, "--only", "backup.*", "--baseline", str(SERVER)),
            *("--out", str(tmp_path / name), "--format", "json", "--no-store"),
        )
        assert replayed.returncode == 0, replayed.stderr
        written.append((tmp_path / name / "results.json").read_bytes())
    assert written[0] == written[1]
    results = json.loads((tmp_path / "live" / "results.json").read_text())["results"]
    told = [(result["fingerprint"], result["outcome"], result["observed"], result["evidence"]) for result in results]
    again = [
        (result["fingerprint"], result["outcome"], result["observed"], result["evidence"])
        for result in json.loads(written[0])["results"]
    ]
    assert told == again
    assert {result["outcome"] for result in results} == {"failed"}


def test_a_hanging_host_delays_no_other(site: Site, whole: Whole, tmp_path: Path) -> None:
    some = ["--host", "h*", "--only", "firewall.*"]
    done = site.run("scan", *some, "--out", str(tmp_path), "--store", str(tmp_path / "store.db"))
    assert done.returncode == 3
    assert 0 <= done.stderr.find("lab/hostile complete") < done.stderr.find("lab/hanging unreachable")
