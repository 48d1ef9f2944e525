"""Rulesets as ufw 0.36.2, firewalld 1.3.3 and Docker 20.10 wrote them on a host, and what an engineer says of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from secaudit.cli.main import run

TOOLS = Path(__file__).parent / "recorded" / "tools"


def audit(capsys: pytest.CaptureFixture[str], *names: str) -> list[str]:
    assert run(["firewall", "audit", *(str(TOOLS / name) for name in names)]) == 0
    return [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]


def test_ufw(capsys: pytest.CaptureFixture[str]) -> None:
    told = audit(capsys, "ufw.v4", "ufw.v6")
    findings = [line for line in told if line.startswith(("LOW", "MEDIUM", "HIGH"))]
    # What the user denied is denied anyway; what ufw writes by itself is no one's to tidy up.
    assert [line.split(" -p ")[0] for line in findings] == [
        "LOW redundant: ip filter ufw-user-input rule 4 (line 103):",
        "LOW redundant: ip6 filter ufw6-user-input rule 3 (line 141):",
    ]
    assert not [line for line in told if line.startswith("not ")]
    assert "tcp/22 IPv4 10.20.0.0/24" in told
    assert "tcp/443 IPv6 ::/0" in told
    assert "tcp/2222 IPv4 0.0.0.0/0 (perhaps)" in told
    # Accepting the loopback first is no hint in IPv6: a routing header of type 0 is dropped behind it.
    assert told[-1] == "2 findings, 29 hints (--all)"


def test_firewalld(capsys: pytest.CaptureFixture[str]) -> None:
    told = audit(capsys, "firewalld.json")
    assert told[:3] == [
        "tcp/22 IPv4 10.20.0.0/24",
        "tcp/443 IPv4 0.0.0.0-203.0.112.255, 203.0.114.0-255.255.255.255",
        "tcp/8443 IPv4 0.0.0.0-203.0.112.255, 203.0.114.0-255.255.255.255",
    ]
    assert not [line for line in told if "perhaps" in line]
    assert told[-1].startswith("0 findings")


def test_docker(capsys: pytest.CaptureFixture[str]) -> None:
    told = audit(capsys, "docker.v4")
    assert "tcp/8080 IPv4 0.0.0.0/0 through if0 -> 172.17.0.2:80" in told
    assert "tcp/5432 IPv4 0.0.0.0/0 through if0 at 127.0.0.1/32 -> 172.17.0.3:5432" in told
    assert told[-1] == "0 findings, 1 hint (--all)"


@pytest.mark.root
@pytest.mark.parametrize("names", [("ufw.v4", "ufw.v6"), ("firewalld.json",), ("docker.v4",)])
def test_the_kernel_agrees(capsys: pytest.CaptureFixture[str], names: tuple[str, ...]) -> None:
    assert run(["firewall", "verify", *(str(TOOLS / name) for name in names), "--packets", "1000"]) == 0
    assert ", 0 mismatches" in capsys.readouterr().out
