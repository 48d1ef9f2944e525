"""In a real terminal: a planted fault is found, mended on the host, checked again, and gone. Driven by keys in tmux."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

SECAUDIT = Path(sys.executable).with_name("secaudit")
PATIENCE = 60.0
"""Seconds that anything may take on a busy machine; what is waited for is looked for all the time."""

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


class Terminal:
    """A tmux of its own, with one window of 120×40."""

    def __init__(self, socket: Path) -> None:
        self._tmux = ["tmux", "-f", "/dev/null", "-S", str(socket)]

    def start(self, argv: list[str]) -> None:
        """Run a program in it."""
        size = ["-x", "120", "-y", "40"]
        # A program believes these before it asks the terminal.
        environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
        subprocess.run(
            [*self._tmux, "new-session", "-d", *size, *argv],
            check=True,
            timeout=PATIENCE,
            env={**environment, "TERM": "xterm-256color"},
        )

    def press(self, key: str) -> None:
        """Press a key."""
        subprocess.run([*self._tmux, "send-keys", key], check=True, timeout=PATIENCE)

    def screen(self) -> str:
        """What it shows."""
        shown = subprocess.run([*self._tmux, "capture-pane", "-p"], capture_output=True, timeout=PATIENCE, check=False)
        return shown.stdout.decode()

    def until(self, holds: Callable[[str], bool]) -> str:
        """Wait until it shows something."""
        end = time.monotonic() + PATIENCE
        while not holds(shown := self.screen()):
            assert time.monotonic() < end, shown
            time.sleep(0.1)
        return shown

    def stop(self) -> None:
        """End it."""
        subprocess.run([*self._tmux, "kill-server"], check=False, capture_output=True, timeout=PATIENCE)


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    """A terminal that is gone after the test."""
    if shutil.which("tmux") is None:
        pytest.skip("needs tmux")
    made = Terminal(tmp_path / "tmux")
    yield made
    made.stop()


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
