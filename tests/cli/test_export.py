"""`secaudit export`: what hosts have installed, from recorded answers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from secaudit.cli.main import run


def test_the_packages_of_this_machine_come_back_from_a_bundle(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = tmp_path / "bundle"
    assert run(["scan", "local", "--no-store", "--record", str(bundle), "--only", "patch.*", "--quiet"]) in (0, 3)
    capsys.readouterr()
    out = tmp_path / "bill.json"
    assert run(["export", "sbom", f"replay:{bundle}", "--out", str(out)]) == 0
    first = out.read_bytes()
    assert run(["export", "sbom", f"replay:{bundle}", "--out", str(out)]) == 0
    assert out.read_bytes() == first
    assert any(part["name"] == "dpkg" for part in json.loads(first)["components"])


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["sbom"], "name a host"),
        (["sbom", "web1"], "is no host"),
        (["sbom", "replay:nowhere"], "nowhere"),
        (["sbom", "--host", "web1"], "--inventory"),
        (["bom"], "No such command"),
    ],
)
def test_what_cannot_be_exported_is_said(
    arguments: list[str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["export", *arguments]) == 2
    assert says in capsys.readouterr().err


def test_vulnerabilities_that_cannot_be_told_are_not_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["export", "sbom", "local", "--advisories", "--feeds", str(tmp_path)]) == 2
    assert "no advisories about" in capsys.readouterr().err
