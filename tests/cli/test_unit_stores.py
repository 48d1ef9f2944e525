"""Services may write to the store that was named, wherever they run; the dashboard starts without schedules."""

from __future__ import annotations

from pathlib import Path

import pytest

from secaudit.cli.main import run
from secaudit.config.errors import ConfigError
from secaudit.config.paths import has_yaml
from secaudit.fleet.units import SCANS


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A directory with one schedule."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    for folder in ("schedules", "inventory", "data"):
        (tmp_path / folder).mkdir()
    text = "schedule: nightly\ncron: '0 2 * * *'\ntimezone: UTC\ninventory: ../inventory\n"
    (tmp_path / "schedules" / "nightly.yaml").write_text(text)


@pytest.mark.parametrize("named", ["data/audit.db", "sqlite:///data/audit.db"])
def test_a_service_may_write_to_its_store(named: str, tmp_path: Path) -> None:
    assert run(["schedule", "units", "--user", "audit", "--out", "units", "--store", named, "--state", "data"]) == 0
    text = (tmp_path / "units" / f"{SCANS.name}.service").read_text()
    assert text.count(f'ReadWritePaths="{tmp_path}/data"') == 1
    assert f"--store {tmp_path}/data/audit.db" in text, "a service runs in another directory"


def test_a_directory_that_is_not_there_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["schedule", "units", "--user", "audit", "--store", "absent/audit.db"]) == 0
    assert "absent has to be made first" in capsys.readouterr().err


def test_a_server_needs_no_directory(capsys: pytest.CaptureFixture[str]) -> None:
    url = "postgresql+psycopg://audit@db/secaudit"
    assert run(["schedule", "units", "--user", "audit", "--store", url]) == 0
    out = capsys.readouterr().out
    assert f"--store {url}" in out
    assert "ReadWritePaths" not in out


def test_a_directory_without_a_schedule_is_none(tmp_path: Path) -> None:
    assert has_yaml(tmp_path / "schedules")
    assert not has_yaml(tmp_path / "data")
    with pytest.raises(ConfigError, match="cannot be listed"):
        has_yaml(tmp_path / "absent")
