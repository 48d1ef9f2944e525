"""Unit files that systemd takes, whatever stands in a path."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from secaudit.fleet.units import REPORTS, SCANS, units

SERVICE, TIMER = f"{SCANS.name}.service", f"{SCANS.name}.timer"


def test_every_argument_reaches_the_command() -> None:
    made = units(["/usr/bin/secaudit", "schedule", "run-due", "--schedules", "/srv/a b/50%/$x"], "audit")

    assert 'ExecStart=/usr/bin/secaudit schedule run-due --schedules "/srv/a b/50%%/$$x"' in made[SERVICE]
    assert "User=audit" in made[SERVICE]
    assert f"Unit={SERVICE}" in made[TIMER]


@pytest.mark.parametrize("user", ["", "a b", "%h"])
def test_a_user_that_a_unit_cannot_hold_is_refused(user: str) -> None:
    with pytest.raises(ValueError, match="not a user name"):
        units(["/usr/bin/secaudit"], user)


def test_a_newline_cannot_start_another_directive() -> None:
    with pytest.raises(ValueError, match="control character"):
        units(["/usr/bin/secaudit", "x\nExecStartPost=/bin/false"], "audit")


def test_a_service_may_write_where_it_is_told_and_runs_something_before() -> None:
    text = units(["/bin/b"], "audit", REPORTS, before=["/bin/a"], writes=[Path("/srv/a b/50%")])[
        f"{REPORTS.name}.service"
    ]
    assert "ExecStartPre=-/bin/a\nExecStart=/bin/b\n" in text
    assert 'ReadWritePaths="/srv/a b/50%%"' in text


@pytest.mark.parametrize("path", ["out", '/srv/"', "/srv/a\\b", "/srv/a\nUser=root"])
def test_a_directory_that_a_unit_cannot_name_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="no directory that a unit can name"):
        units(["/bin/b"], "audit", REPORTS, writes=[Path(path)])


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_systemd_accepts_the_units(tmp_path: Path) -> None:
    for name, text in units(["/bin/true", "a b"], "root").items():
        (tmp_path / name).write_text(text)
    ran = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(tmp_path / TIMER), str(tmp_path / SERVICE)],
        capture_output=True,
        text=True,
        check=False,
    )
    mine = [line for line in ran.stderr.splitlines() if "secaudit" in line]
    assert not mine


def test_a_scan_that_is_not_complete_fails_and_somebody_hears_of_it() -> None:
    made = units(["/bin/true"], "audit")
    assert "SuccessExitStatus=1\n" in made[SERVICE]
    assert "OnFailure=secaudit-failure@%n.service\n" in made[SERVICE]
    assert "%i failed" in made["secaudit-failure@.service"]
