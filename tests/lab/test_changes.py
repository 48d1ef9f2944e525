"""A month of a real host in which somebody opened a port: two scans over ssh, and what the customer is told."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from secaudit.cli.main import run
from tests.lab.fixtures import StartLab
from tests.reports.parsed import Page

pytestmark = [pytest.mark.root, pytest.mark.lab]

ALLOWED = "audit ALL=(root) NOPASSWD: /usr/sbin/nft -j list ruleset, " + ", ".join(
    f"/usr/sbin/{program} -c"
    for program in ("iptables-save", "ip6tables-save", "iptables-legacy-save", "ip6tables-legacy-save")
)
OPENS = ["nft", "insert", "rule", "inet", "filter", "input", "ip", "saddr", "203.0.113.7", "tcp", "dport", "5432"]
BASELINE = """\
baseline: packets
version: 1
controls:
  input-policy: {check: firewall.default-policy, severity: high}
"""


def test_a_rule_that_somebody_added_is_told_with_a_packet(
    start_lab: StartLab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    running = start_lab({"opened": "clean", "quiet": "clean"})
    lines = ["customer: {id: lab, name: Lab}", "sites:", "  here:", "    hosts:"]
    for host in running.hosts:
        sudoers = host.root / "etc/sudoers.d/firewall"
        sudoers.write_text(f"{ALLOWED}\n")
        sudoers.chmod(0o440)
        login = (
            f"{{user: audit, identity: {running.key}, known_hosts: {running.known_hosts}, agent: false, config: false}}"
        )
        lines.append(f"      {host.name}: {{address: {host.address}, ssh: {login}}}")
    (tmp_path / "inventory.yaml").write_text("\n".join([*lines, ""]))
    (tmp_path / "packets.yaml").write_text(BASELINE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SECAUDIT_STORE", str(tmp_path / "store.db"))
    scan = ["scan", "--inventory", "inventory.yaml", "--baseline", "./packets.yaml", "--out", "out"]
    assert run(scan) == 0, capsys.readouterr().err
    assert running.run("opened", [*OPENS, "counter", "accept", "comment", '"for Anna"']).returncode == 0
    assert run(scan) == 0
    month = f"{datetime.now(UTC):%Y-%m}"
    assert run(["report", "--kind", "monthly", "--customer", "lab", "--month", month, "--lang", "en"]) == 0
    section = Page((tmp_path / "out" / "lab" / f"monthly-{month}-en.html").read_bytes()).identified("firewall").text
    assert "tcp from 203.0.113.7 to port 5432 was rejected, is let through now" in section
    assert 'ip saddr 203.0.113.7 tcp dport 5432 accept comment "for Anna"' in section
    assert "More open: packets are let through now that were refused before." in section
    assert section.count("No change") == 1, "the other host is as it was"
