"""Schedules: what they mean, and every way to get one wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from secaudit.config.schedule import load_schedules
from secaudit.model.schedule import Schedule
from secaudit.model.severity import Severity
from tests.config.conftest import Write, messages

SMALL = "schedule: nightly\ncron: 30 2 * * *\ntimezone: Europe/Vienna\ninventory: inv\n"


@pytest.fixture
def inventory(write: Write) -> Path:
    return write("inv/a.yaml", "").parent.resolve()


def test_the_whole_and_the_least(write: Write, inventory: Path) -> None:
    write(
        "schedules/a.yaml",
        """\
        schedule: monthly
        cron: 0 6 1 * MON-FRI
        timezone: UTC
        inventory: ../inv
        customers: muster
        sites: [vienna]
        tags: [web, db]
        baselines: [base, ./own.yaml]
        only: ["patch.*"]
        fail_on: critical
        """,
    )
    write("schedules/b.yaml", SMALL.replace("inv\n", "../inv/a.yaml\n"))
    monthly, nightly = load_schedules(Path("schedules"))
    assert monthly == Schedule(
        id="monthly",
        cron="0 6 1 * MON-FRI",
        timezone="UTC",
        inventory=str(inventory),
        customers=("muster",),
        sites=("vienna",),
        tags=("web", "db"),
        baselines=("base", str(Path("schedules/own.yaml").absolute())),
        only=("patch.*",),
        fail_on=Severity.CRITICAL,
    )
    assert nightly == Schedule("nightly", "30 2 * * *", "Europe/Vienna", str(inventory / "a.yaml"))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("cron: 30 2 * *", "2:7: '30 2 * *' has not five fields: minute, hour, day of month, month, day of week"),
        ("cron: '@daily'", "2:7: '@daily' has not five fields: minute, hour, day of month, month, day of week"),
        ("cron: 0 61 * * *", "2:7: '0 61 * * *' is not a cron expression: bad hour"),
        ("cron: 0 0 30 2 *", "2:7: '0 0 30 2 *' is not a cron expression: bad day-of-month"),
        ("cron: 5", "2:7: cron: expected text, found the number 5 (put it in quotes)"),
        ("timezone: Europe/Wien", "2:11: there is no time zone 'Europe/Wien'; did you mean 'Europe/Vienna'?"),
        (
            "timezone: ../../etc/passwd",
            "2:11: there is no time zone '../../etc/passwd'; write for example Europe/Vienna",
        ),
        ("inventory: nowhere", "2:12: there is no inventory 'nowhere' (looked for {here}/nowhere)"),
        (
            "fail_on: dire",
            "2:10: fail_on: expected 'info', 'low', 'medium', 'high' or 'critical', found the text 'dire'",
        ),
        ("fail_on:", "2:1: 'fail_on' has no value (give one, or leave the key out)"),
        ("customer: a", "2:1: unknown key 'customer' (did you mean 'customers'?)"),
    ],
)
def test_bad_files(write: Write, inventory: Path, line: str, message: str) -> None:
    key = line.partition(":")[0]
    rest = [given for given in SMALL.splitlines() if not given.startswith(f"{key}:")]
    write(
        "s/a.yaml", "\n".join([rest[0], line, *rest[1:]]).replace("inv", "../inv").replace("../inventory", "inventory")
    )
    assert messages(lambda: load_schedules(Path("s"))) == [f"s/a.yaml:{message.format(here=Path('s').absolute())}"]


def test_two_schedules_of_one_name(write: Write, inventory: Path) -> None:
    write("a.yaml", SMALL)
    write("b.yaml", SMALL)
    assert messages(lambda: load_schedules(Path())) == [
        "b.yaml:1:11: schedule 'nightly' is there already (first at a.yaml:1)"
    ]
