"""Every command that shows what hosts, people and trackers said: a terminal never obeys it."""

from __future__ import annotations

from pathlib import Path

import pytest

from secaudit.cli.main import run
from secaudit.store import open_store
from secaudit.store.records import FindingFilter, FindingState
from tests.hostile.scenes import FORBIDDEN, WRITTEN

COMMANDS = (
    ("findings", "list", "--state", "all"),
    ("findings", "list", "--json"),
    ("findings", "show", "{finding}"),
    ("findings", "history", "{finding}"),
    ("findings", "list", "--customer", WRITTEN),
    ("gate",),
    ("gate", "--fail-on", "info"),
    ("gate", "--run", WRITTEN),
    ("report", "--out", "{out}", "--format", "html,json,sarif,junit,csv"),
    ("report", "--out", "{out}", "--format", WRITTEN),
    ("report", "--kind", "fleet", "--out", "{out}"),
    ("verify",),
    ("verify", WRITTEN, "--key", WRITTEN),
    ("deliver", "list"),
    ("tracker", "list"),
    ("waivers", "check"),
    ("scan", "--from-store", "latest", "--no-store"),
    ("scan", WRITTEN, "--no-store"),
    ("checks", "show", WRITTEN),
    ("schema", WRITTEN),
    ("inventory", "list", WRITTEN),
    (WRITTEN,),
)


@pytest.fixture(scope="module")
def finding(evil_store: Path) -> str:
    with open_store(str(evil_store), read_only=True) as store:
        return store.findings(FindingFilter(state=FindingState.ALL), 1)[0].fingerprint


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: " ".join(command).replace(WRITTEN, "EVIL"))
def test_a_terminal_obeys_nobody(
    evil_store: Path,
    finding: str,
    tmp_path: Path,
    command: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SECAUDIT_STORE", str(evil_store))
    words = {"{out}": str(tmp_path), "{finding}": finding}
    code = run([words.get(part, part) for part in command])
    shown = capsys.readouterr()
    assert code != 4, shown.err
    assert not FORBIDDEN & set(shown.out + shown.err), shown
