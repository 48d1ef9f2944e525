"""From a planted fault on a real host to its proven end, by keys in a real terminal and over SSH."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from tests.e2e.audit import PROGRAM, describe, secaudit
from tests.e2e.packages import install
from tests.lab.fixtures import StartLab
from tests.tui.terminal import opened

pytestmark = [pytest.mark.root, pytest.mark.lab]

HOST, TELNET = "shop1", "telnetd"
BASELINE = """
baseline: plain
version: 1
controls:
  no-telnet: {check: patch.forbidden-packages, severity: critical, expect: {packages: [telnetd]}}
"""


def test_a_fault_is_found_mended_checked_again_over_ssh_and_resolved(start_lab: StartLab, tmp_path: Path) -> None:
    lab = start_lab({HOST: "clean"})
    (tmp_path / "plain.yaml").write_text(BASELINE)
    inventory = describe(lab, tmp_path / "lab.yaml").inventory
    document = yaml.safe_load(inventory.read_text())
    site = document["sites"]["bench"]
    site["defaults"]["baselines"] = ["./plain.yaml"]
    site["hosts"] = {HOST: site["hosts"][HOST]}
    inventory.write_text(yaml.safe_dump(document))
    store = str(tmp_path / "store.db")
    files = ["--inventory", str(inventory), "--store", store]

    install(lab, HOST, tmp_path, TELNET, "0.17-45")
    scanned = secaudit("scan", *files, "--quiet")
    assert scanned.returncode == 0, scanned.stderr

    with opened(tmp_path / "tmux") as terminal:
        terminal.start([str(PROGRAM), "ui", *files])
        terminal.until(lambda shown: "Lab Ltd" in shown)
        terminal.press("2")
        terminal.until(lambda shown: TELNET in shown)
        terminal.press("/")
        terminal.type(f"sev:crit host:{HOST}")
        terminal.press("Enter")
        found = terminal.until(lambda shown: "1 finding" in shown and "Evidence" in shown)
        assert f"{TELNET}  The package {TELNET} must not be installed" in found
        terminal.press("Enter")
        terminal.until(lambda shown: f"Findings ▸ Lab Ltd ▸ {HOST} ▸ no-telnet {TELNET}" in shown)
        terminal.press("e")
        evidence = terminal.until(lambda shown: "▸ evidence" in shown and "▷" in shown)
        (marked,) = [line for line in evidence.splitlines() if line.lstrip().startswith("▷")]
        assert TELNET in marked
        terminal.press("BSpace")
        lab.run(HOST, ["dpkg", "--purge", TELNET])
        terminal.press("r")
        terminal.until(lambda shown: f"Re-check lab/{HOST} no-telnet?" in shown)
        terminal.press("y")
        terminal.until(lambda shown: "✓ resolved" in shown)
        terminal.press("BSpace")
        terminal.until(lambda shown: "0 findings" in shown)
        terminal.press("1")
        terminal.until(lambda shown: "✓" in shown.split("SCANS")[0])
        terminal.press("q")

    told = json.loads(secaudit("findings", "list", "--json", "--state", "resolved", "--store", store).stdout)
    rows = told["findings"] if isinstance(told, dict) else told
    assert [row["subject"] for row in rows] == [TELNET]
