"""`secaudit contract`: what its commands print, and how they end."""

from __future__ import annotations

import json
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.command_line import Run, command_line

CONTRACT = """\
schema: secaudit.contract/1
customer: {id: muster, name: Muster GmbH, number: V-1}
valid: {from: 2026-01-01, until: 2026-06-30}
calendar:
  timezone: Europe/Berlin
  hours: {mon-fri: ["08:00-17:00"]}
  maintenance_windows: [{rrule: "FREQ=MONTHLY;BYDAY=1SU", start: "02:00", minutes: 240}]
priorities:
  P1: {from: [critical, high], response: {time: 1h}}
availability:
  - {service: shop, target: 99.9, source: ../probes/shop.csv, every: 1h, exclude: [maintenance_windows]}
resources:
  included: 2.5
  carry: {expires_months: 1}
  convert: {after_months: 1}
  ledger: ../ledger/2026.csv
"""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command line in a directory with one contract."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SECAUDIT_CONTRACTS", raising=False)
    Path("contracts").mkdir()
    Path("contracts/muster.yaml").write_text(CONTRACT)

    return command_line(capsys, "contract")


def test_validate_tells_the_problems_of_all_paths(run: Run) -> None:
    Path("bad.yaml").write_text(CONTRACT.replace("critical", "dire"))
    ended, out, err = run("validate", "contracts", "bad.yaml", "none.yaml")
    assert (ended, out) == (2, "contracts: 1 contract, no problem found\n")
    assert err.splitlines()[0].startswith("bad.yaml:9:15: from: expected 'info'")
    assert err.splitlines()[1] == "none.yaml: there is no such file"


def test_show(run: Run) -> None:
    ended, out, _ = run("show", "muster")
    assert ended == 0
    assert "muster  Muster GmbH, contract V-1, 2026-01-01 to 2026-06-30 (over)" in out
    assert "P1        critical, high  1h (real)  -" in out
    assert "availability: shop 99.9 %, without maintenance" in out
    assert "maintenance: FREQ=MONTHLY;BYDAY=1SU from 02:00 for 4h" in out
    assert "clocks: from 2026-01-01, warn at 0.8; a finding that comes back has new ones" in out
    assert "pauses: none, since no reason is named (sla.pause_reasons)" in out
    assert (
        "included: 2.5 hours a month; unused ones stay for 1 month; after 1 month they become development hours" in out
    )
    later = CONTRACT.replace("{from: 2026-01-01, until: 2026-06-30}", "{from: 2150-01-01}")
    Path("contracts/later.yaml").write_text(later)
    assert "2150-01-01 without an end (not in force yet)" in run("show")[1]
    Path("contracts/later.yaml").unlink()
    (shown,) = json.loads(run("show", "--json")[1])
    assert (shown["customer"], shown["until"], len(shown["sha256"])) == ("muster", "2026-06-30", 64)
    assert run("show", "zettel") == (2, "", "there is no contract of zettel; see --contracts\n")


@pytest.mark.parametrize(
    ("hours", "said"),
    [
        ('{mon-fri: ["08:00-17:00"]}', "hours: mon-fri 08:00-17:00, "),
        ('{mon-thu: ["08:00-17:00"], fri: ["08:00-15:00"]}', "hours: mon-thu 08:00-17:00, fri 08:00-15:00, "),
        ('{mon: ["08:00-12:00", "13:00-17:00"], wed: ["08:00-12:00"], thu: ["08:00-12:00"]}', None),
    ],
)
def test_show_names_days_in_a_row_together(run: Run, hours: str, said: str | None) -> None:
    Path("contracts/muster.yaml").write_text(CONTRACT.replace('{mon-fri: ["08:00-17:00"]}', hours))
    assert (said or "hours: mon 08:00-12:00 13:00-17:00, wed-thu 08:00-12:00, ") in run("show")[1]


def test_show_tells_by_when_notice_is_given(run: Run) -> None:
    text = CONTRACT.replace("until: 2026-06-30", "until: 2026-06-30, notice_days: 90")
    Path("contracts/muster.yaml").write_text(text)
    assert "    notice: by 2026-04-01, 90 days before its end\n" in run("show")[1]
    Path("contracts/muster.yaml").write_text(text.replace("until: 2026-06-30, ", ""))
    assert "    notice: 90 days\n" in run("show")[1]


def test_of_a_contract_that_is_over_its_last_month_is_shown(run: Run) -> None:
    assert run("hours", "add", "muster", "45", "--date", "2026-06-30")[0] == 0
    assert run("hours", "show", "muster")[1] == run("hours", "show", "muster", "--month", "2026-06")[1]
    assert run("hours", "show", "muster", "--month", "2026-07")[2] == (
        "no contract of muster is in force in 2026-07; there is one from 2026-01-01 to 2026-06-30\n"
    )
    later = CONTRACT.replace("{from: 2026-01-01, until: 2026-06-30}", "{from: 2150-01-01}")
    Path("contracts/later.yaml").write_text(later)
    assert run("hours", "add", "muster", "45", "--date", "2026-07-01")[2] == (
        "no contract of muster is in force on 2026-07-01; "
        "there is one from 2026-01-01 to 2026-06-30, from 2150-01-01 on\n"
    )


def test_hours_are_added_imported_and_shown(run: Run) -> None:
    ended, _, err = run("hours", "show", "muster", "--month", "2026-02")
    assert (ended, "`secaudit contract hours add` begins one" in err) == (2, True)
    assert run("hours", "add", "muster", "1h30m", "--date", "2026-01-10", "--ticket", "T-1")[0] == 0
    Path("more.csv").write_text("date,minutes,kind,ticket\n2026-01-10,90,support,T-1\n2026-02-03,180,support,T-2\n")
    for added in (1, 0):
        ended, out, _ = run("hours", "import", "muster", "more.csv")
        assert (ended, out.endswith(f"ledger/2026.csv: {added} of 2 lines added\n")) == (0, True)
    ended, out, _ = run("hours", "show", "muster", "--month", "2026-02")
    assert ended == 0
    assert [line.split() for line in out.splitlines()[1:]] == [
        ["2026-01", "support", "0:00", "2:30", "1:30", "0:00", "0:00", "0:00", "1:00"],
        ["2026-02", "support", "1:00", "2:30", "3:00", "0:00", "0:00", "0:00", "0:30"],
    ]
    months = json.loads(run("hours", "show", "muster", "--month", "2026-03", "--json")[1])
    assert [month["support"]["closing"] for month in months] == [60, 30, 150]
    assert (months[2]["development"]["gained"], months[2]["rounded"]) == (30, 0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("add", "muster", "0"), "'0' is not a time of work; write 45, 45m, 2h or 1h30m"),
        (("add", "muster", "soon"), "'soon' is not a time of work; write 45, 45m, 2h or 1h30m"),
        (("add", "muster", "745h"), "'745h' is more than a month; a line of a ledger holds 744h at most"),
        (("add", "muster", "45", "--date", "9999-12-31"), "is not a day; write for example 2026-10-31"),
        (("show", "muster", "--month", "9999-12"), "is not a month; write for example 2026-10"),
        (("add", "muster", "45", "--date", "2026-07-01"), "no contract of muster is in force on 2026-07-01"),
        (("add", "muster", "45", "--date", "yesterday"), "is not a day; write for example 2026-10-31"),
        (("add", "zettel", "45"), "there is no contract of zettel; see --contracts"),
        (("show", "muster", "--month", "2025-12"), "no contract of muster is in force in 2025-12"),
        (("show", "muster", "--month", "13"), "is not a month; write for example 2026-10"),
    ],
)
def test_what_cannot_be_done_with_hours(run: Run, arguments: tuple[str, ...], message: str) -> None:
    ended, _, err = run("hours", *arguments)
    assert ended == 2
    assert message in err
    assert not Path("ledger").exists()


@pytest.mark.parametrize(
    ("lines", "messages"),
    [
        (
            "2026-01-10,90,support\n2026-07-03,180,support\n2025-01-01,1,support\n",
            [
                "3:1: no contract of muster is in force on 2026-07-03",
                "4:1: no contract of muster is in force on 2025-01-01",
            ],
        ),
        ("2026-01-10,90,support\n2026-01-11,1.5,support\n", ["3:1: '1.5' are not minutes; write a whole number"]),
    ],
)
def test_no_line_is_imported_when_one_is_wrong(run: Run, lines: str, messages: list[str]) -> None:
    Path("more.csv").write_text(f"date,minutes,kind\n{lines}")
    ended, out, err = run("hours", "import", "muster", "more.csv")
    assert (ended, out) == (2, "")
    for line, message in zip(err.splitlines(), messages, strict=True):
        assert line.startswith(f"more.csv:{message}")
    assert not Path("ledger").exists()


def test_what_is_imported_must_be_there(run: Run) -> None:
    assert run("hours", "import", "muster", "none.csv")[2] == "none.csv: cannot be read: No such file or directory\n"


def test_an_import_for_two_contracts_writes_both_ledgers_or_none(run: Run) -> None:
    later = CONTRACT.replace("{from: 2026-01-01, until: 2026-06-30}", "{from: 2026-07-01}").replace("2026.csv", "b.csv")
    Path("contracts/later.yaml").write_text(later)
    Path("more.csv").write_text("date,minutes,kind\n2026-06-30,90,support\n2026-07-01,180,support\n")
    Path("ledger").mkdir()
    Path("ledger/b.csv").write_text("no ledger\n")
    ended, out, err = run("hours", "import", "muster", "more.csv")
    assert (ended, out, "b.csv:1:1: unknown column 'no ledger'" in err) == (2, "", True)
    assert not Path("ledger/2026.csv").exists()
    Path("ledger/b.csv").unlink()
    assert run("hours", "import", "muster", "more.csv")[0] == 0
    assert [Path(f"ledger/{name}.csv").read_text().splitlines()[1:] for name in ("2026", "b")] == [
        ["2026-06-30,90,support,,"],
        ["2026-07-01,180,support,,"],
    ]


def test_a_month_in_which_contracts_change_shows_both_and_what_counts_nowhere(run: Run) -> None:
    text = CONTRACT.replace("until: 2026-06-30", "until: 2026-06-15")
    Path("contracts/muster.yaml").write_text(text)
    later = text.replace("{from: 2026-01-01, until: 2026-06-15}", "{from: 2026-06-16}").replace("V-1", "V-2")
    Path("contracts/later.yaml").write_text(later.replace("2026.csv", "b.csv"))
    Path("ledger").mkdir()
    Path("ledger/2026.csv").write_text("date,minutes,kind\n2026-06-15,330,support\n2026-06-16,60,support\n")
    Path("ledger/b.csv").write_text("date,minutes,kind\n2026-06-16,30,support\n2062-06-16,5,support\n")
    ended, out, err = run("hours", "show", "muster", "--month", "2026-06")
    assert ended == 0
    assert [line.partition(": no contract")[0].rpartition("/")[2] for line in err.splitlines()] == ["2026.csv:3"]
    lines = [line.split() for line in out.splitlines() if "2026-06" in line]
    assert lines == [
        # Half an hour more was worked than June and what was carried from May include.
        ["2026-06", "support", "2:30", "2:30", "5:30", "0:30", "0:00", "0:00", "0:00"],
        ["Contract", "V-2,", "from", "2026-06-16"],
        ["2026-06", "support", "0:00", "2:30", "0:30", "0:00", "0:00", "0:00", "2:00"],
    ]
    plain = json.loads(run("hours", "show", "muster", "--month", "2026-06", "--json")[1])
    assert [(each["contract"], each["support"]["overdrawn"]) for each in plain if each["month"] == "2026-06"] == [
        ("V-1", 30),
        ("V-2", 0),
    ]
    Path("contracts/later.yaml").unlink()
    assert "b.csv" not in run("hours", "show", "muster", "--month", "2026-06")[2]


def test_today_is_the_customer_s(run: Run) -> None:
    """There is no moment at which the day is the same in these two zones."""
    for customer, zone in (("east", "Pacific/Kiritimati"), ("west", "Etc/GMT+12")):
        text = CONTRACT.replace("id: muster", f"id: {customer}").replace("Europe/Berlin", zone)
        text = text.replace(", until: 2026-06-30", "").replace("2026.csv", f"{customer}.csv")
        Path(f"contracts/{customer}.yaml").write_text(text)
        before = datetime.now(ZoneInfo(zone)).date()
        assert run("hours", "add", customer, "45")[0] == 0
        day = Path(f"ledger/{customer}.csv").read_text().splitlines()[1].partition(",")[0]
        assert before <= date.fromisoformat(day) <= datetime.now(ZoneInfo(zone)).date()
        *_, last = json.loads(run("hours", "show", customer, "--json")[1])
        assert (last["month"], last["support"]["used"]) == (day[:7], 45)
