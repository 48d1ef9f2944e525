"""`findings show` has what a person needs to act: what was seen, where that stands, and what to do."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from secaudit.cli.main import run
from secaudit.model.outcome import Outcome
from secaudit.store import open_store
from tests.store.scenes import WEB, a_result, scan


def test_it_shows_evidence_remedy_and_a_hint(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(tmp_path / "store.sqlite")
    failed = replace(a_result(WEB), remediation="Close it:\nsystemctl stop x\x1b[31m")
    denied = replace(a_result(WEB, "ssh", "", Outcome.UNPROVEN), remediation="Add the line.")
    with open_store(path) as store:
        scan(store, 0, WEB, failed, denied)
    assert run(["findings", "show", failed.fingerprint, "--store", path]) == 0
    out = capsys.readouterr().out
    assert "observed     8080 open\n" in out
    assert "evidence     ss -tln (exit 0, line 3-4)\n             LISTEN 0.0.0.0:8080\n" in out
    assert "remedy       Close it:\n             systemctl stop x" in out
    assert "\x1b" not in out
    assert "hint         `secaudit checks show network.open-ports`" in out
    assert run(["findings", "show", denied.fingerprint, "--store", path]) == 0
    assert "to settle    Add the line.\n" in capsys.readouterr().out
