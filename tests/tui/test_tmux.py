"""In a real terminal: a planted fault is found, mended on the host, checked again, and gone. Driven by keys in tmux."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tui.terminal import PATIENCE, Terminal, opened

SECAUDIT = Path(sys.executable).with_name("secaudit")
PLUGIN = '''
from collections.abc import Iterator
from dataclasses import dataclass

from secaudit.api import (
    Answers, Command, Evidence, Expect, Facts, Family, Severity, Verdict, check, collector, failed, passed
)

READ = Command(("cat", {path!r}))


@dataclass(frozen=True, slots=True)
class Banner:
    """What a file says."""

    text: str
    evidence: Evidence


class Wanted(Expect):
    """What it should say."""

    says: str


@collector(Banner, [READ])
def banner(asked: Answers) -> Banner:
    """The file as it is."""
    return Banner(asked.text(READ).strip(), asked[READ].evidence(1))


@check("planted.banner", title="The banner is the agreed one", requires=[Banner], expect=Wanted,
       severity=Severity.CRITICAL, remediation="write the banner")
def agreed(facts: Facts, expect: Wanted) -> Iterator[Verdict]:
    """The file says what was agreed."""
    found = facts[Banner]
    verdict = passed if found.text == expect.says else failed
    yield verdict(reason="the banner says " + found.text, observed=found.text, expected=expect.says,
                  evidence=[found.evidence])


FAMILY = Family("planted", "Planted faults", __name__, checks=(agreed,), collectors=(banner,))
'''
BASELINE = """
baseline: planted
version: 1
controls:
  agreed-banner: {check: planted.banner, severity: critical, expect: {says: welcome}}
"""
INVENTORY = """
customer: {id: muster, name: Muster GmbH, language: en}
sites:
  here:
    hosts:
      me: {address: localhost, transport: local, baselines: [./planted-baseline.yaml]}
"""


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    """A terminal that is gone after the test."""
    with opened(tmp_path / "tmux") as made:
        yield made


def test_a_planted_fault_is_found_mended_checked_again_and_gone(terminal: Terminal, tmp_path: Path) -> None:
    banner = tmp_path / "banner"
    banner.write_text("keep out\n")
    package = tmp_path / "plugins" / "planted"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(PLUGIN.replace("{path!r}", repr(str(banner))))
    inventory = tmp_path / "muster.yaml"
    inventory.write_text(INVENTORY)
    (tmp_path / "planted-baseline.yaml").write_text(BASELINE)
    common = ["--inventory", str(inventory), "--store", str(tmp_path / "store.db"), "--plugins", str(package.parent)]
    subprocess.run([str(SECAUDIT), "scan", *common, "--quiet"], check=True, timeout=PATIENCE)

    terminal.start([str(SECAUDIT), "ui", *common])
    terminal.until(lambda shown: "Muster GmbH" in shown)
    terminal.press("2")
    found = terminal.until(lambda shown: "keep out" in shown and "Evidence" in shown)
    assert "▶    1 │ keep out" in found
    assert "write the banner" in found
    banner.write_text("welcome\n")
    terminal.press("r")
    terminal.until(lambda shown: "Re-check muster/me agreed-banner?" in shown)
    terminal.press("y")
    terminal.until(lambda shown: "0 findings" in shown)
    terminal.press("1")
    terminal.until(lambda shown: "✓" in shown.split("CRIT")[0])
    terminal.press("q")
