"""The family that `docs/writing-a-check.md` makes works as it stands there."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import ROOT

BASELINE = """\
baseline: mine
version: 1
controls:
  motd: {check: acme.motd-present, expect: {contains: acme-owns-this}}
"""
_BLOCK = re.compile(r"```python\n# acme/(\w+\.py)[^\n]*\n(.*?)```", re.DOTALL)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with `mine.yaml` and the package below `plugins/`, put together from the blocks of the page."""
    family = tmp_path / "plugins" / "acme"
    (family / "docs").mkdir(parents=True)
    for name, code in _BLOCK.findall((ROOT / "docs" / "writing-a-check.md").read_text(encoding="utf-8")):
        if "recalls" not in code:  # a sketch, which says so
            (family / name).write_text(code)
    init = family / "__init__.py"
    modules = 'title="Acme rules", modules=["collect", "checks", "report", "changes"]'
    init.write_text(init.read_text().replace('title="Acme rules"', modules))
    (family / "docs" / "motd-present.md").write_text("# acme.motd-present\n\nProves that the owner is named.\n")
    (tmp_path / "mine.yaml").write_text(BASELINE)
    return tmp_path


def secaudit(place: Path, *arguments: str) -> str:
    """What a command prints, with the family; run in a process of its own, since a family is loaded once."""
    command = [sys.executable, "-m", "secaudit", *arguments, "--plugins", "plugins"]
    ran = subprocess.run(command, cwd=place, capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_the_family_of_the_page_judges_this_machine_and_its_bundle_alike(place: Path) -> None:
    assert "The login message names the owner" in secaudit(place, "checks", "list", "--family", "acme")
    assert "the owner is named" in secaudit(place, "checks", "show", "acme.motd-present")
    scan = ["--baseline", "./mine.yaml", "--format", "html,json"]
    secaudit(place, "scan", "local", *scan, "--no-store", "--record", "./bundle", "--out", "first")
    secaudit(place, "scan", "replay:./bundle", *scan, "--out", "again")
    assert (place / "first" / "results.json").read_bytes() == (place / "again" / "results.json").read_bytes()
    (result,) = json.loads((place / "again" / "results.json").read_bytes())["results"]
    assert (result["control"], result["outcome"]) in {("motd", "failed"), ("motd", "unproven")}
    if result["outcome"] == "failed":
        assert "Message of the day" in (place / "again" / "report.html").read_text(encoding="utf-8")


def test_the_panel_of_the_page_is_one(place: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", "import acme.panel; print(acme.panel.motd)"],
        cwd=place / "plugins",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert "Greeting" in ran.stdout
