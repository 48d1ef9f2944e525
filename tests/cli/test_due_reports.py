"""Monthly reports of everybody: written and sent by one daily timer, each once, one's trouble not being the others'."""

from __future__ import annotations

import os
import shutil
import subprocess
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from secaudit.cli.main import run
from secaudit.cli.month import month_record
from secaudit.model.contract import Contracts
from secaudit.model.hours import Month
from secaudit.model.month import MonthRecord
from secaudit.store import Store, open_store
from tests.store.scenes import WEB, a_result, scan

CONTRACT = """\
schema: secaudit.contract/1
customer: {{id: {customer}, name: {customer}, number: V-1}}
valid: {{from: {since}}}
calendar: {{timezone: UTC, hours: {{mon-fri: ["08:00-17:00"]}}}}
priorities:
  P1: {{from: [critical], response: {{time: 1h, clock: real}}, remediation: {{time: 24h, clock: real}}}}
report: {{{report}}}
"""
DELIVERY = """\
targets:
  archive: {directory: ../sent}
subscriptions:
  - {customer: anna, monthly: [archive]}
  - {customer: bert, monthly: [archive]}
"""
WRITE = ["report", "--kind", "monthly"]


def last() -> Month:
    return Month.of(datetime.now(UTC).date()).previous


def contract(place: Path, customer: str, report: str = "language: en", since: date = date(2020, 1, 1)) -> None:
    text = CONTRACT.format(customer=customer, report=report, since=since)
    (place / "contracts" / f"{customer}.yaml").write_text(text)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store, a delivery file, two customers with a contract, and a third that has one since this month."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SECAUDIT_STORE", str(tmp_path / "store.sqlite"))
    for name in ("contracts", "delivery", "sent", "out"):
        (tmp_path / name).mkdir()
    contract(tmp_path, "anna")
    contract(tmp_path, "bert")
    contract(tmp_path, "new", since=last().following.first)
    (tmp_path / "delivery" / "all.yaml").write_text(DELIVERY)
    with open_store(str(tmp_path / "store.sqlite")) as store:
        scan(store, 0, WEB, a_result(WEB))
    return tmp_path


def written(place: Path) -> list[str]:
    return sorted(str(path.relative_to(place / "out")) for path in (place / "out").glob("*/monthly-*.html"))


def sent(place: Path) -> list[str]:
    return sorted(path.name for path in (place / "sent").glob("*/monthly-*"))


def test_everybody_with_a_contract_in_that_month_gets_a_report(place: Path) -> None:
    assert run(WRITE) == 0
    assert written(place) == [f"{who}/monthly-{last()}-en.html" for who in ("anna", "bert")]
    assert run([*WRITE, "--month", str(last().following)]) == 0
    assert f"new/monthly-{last().following}-en.html" in written(place)


def test_the_trouble_of_one_does_not_keep_the_others_from_theirs(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    contract(place, "anna", "language: en, sign: ed25519")
    assert run(WRITE) == 3
    assert "anna: the contract of anna promises signed reports" in capsys.readouterr().err
    assert written(place) == [f"bert/monthly-{last()}-en.html"]
    assert run(["deliver", "--month", "last", "--send"]) == 3
    assert f"anna: there is no report of {last()} in out/anna" in capsys.readouterr().err
    assert sent(place) == [f"monthly-{last()}-en.html"]
    contract(place, "anna")
    assert run([*WRITE, "--due"]) == 0
    assert run(["deliver", "--due", "--send"]) == 0
    assert len(sent(place)) == 2, "made up for"


def test_a_defect_that_one_customers_data_brings_to_light_stays_its_own(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def gathered(store: Store, contracts: Contracts, customer: str, month: Month, now: datetime) -> MonthRecord:
        if customer == "anna":
            raise KeyError("db1")
        return month_record(store, contracts, customer, month, now)

    monkeypatch.setattr("secaudit.cli.month.month_record", gathered)
    assert run(WRITE) == 4
    assert "anna: secaudit failed unexpectedly: KeyError: 'db1'" in capsys.readouterr().err
    assert written(place) == [f"bert/monthly-{last()}-en.html"]


def test_every_day_sends_what_is_due_once(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for _day in range(3):
        assert run([*WRITE, "--due"]) == 0
        assert run(["deliver", "--due", "--send"]) == 0
    assert sent(place) == [f"monthly-{last()}-en.html"] * 2
    told = capsys.readouterr()
    assert told.out.count("  sent") == 2
    assert told.out.count("index.html") == 2, "what was written stays as it was sent"
    assert "No report is due that is not written yet." in told.err
    shutil.rmtree(place / "out")
    assert run(["deliver", "--due", "--send"]) == 0, "what was sent need not lie here any more"


def test_one_customer_alone(place: Path) -> None:
    assert run([*WRITE, "--due", "--customer", "bert"]) == 0
    assert written(place) == [f"bert/monthly-{last()}-en.html"]
    assert run(["deliver", "--due", "--customer", "bert", "--send"]) == 0
    assert len(sent(place)) == 1
    assert run(["deliver", "--due", "--customer", "new", "--send"]) == 0
    assert len(sent(place)) == 1


def test_a_preview_is_written_anew_and_never_sent_as_the_report(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(WRITE) == 0
    preview = place / "out" / "anna" / f"monthly-{last()}-en.html"
    preview.write_text("as it stood")
    over = datetime.combine(last().following.first, datetime.min.time(), UTC)
    moment = (over - timedelta(seconds=1)).timestamp()
    os.utime(preview, (moment, moment))
    assert run(["deliver", "--due", "--send"]) == 3
    assert "only a preview, written before the month was over" in capsys.readouterr().err
    assert len(sent(place)) == 1
    assert run([*WRITE, "--due"]) == 0
    assert preview.read_text() != "as it stood"
    assert run(["deliver", "--due", "--send"]) == 0
    assert len(sent(place)) == 2


def test_recipients_whom_no_target_reaches_are_trouble_and_nobody_at_all_is_not(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (place / "delivery" / "all.yaml").write_text(DELIVERY.replace("  - {customer: bert, monthly: [archive]}\n", ""))
    assert run(WRITE) == 0
    assert run(["deliver", "--due", "--send"]) == 0
    contract(place, "bert", "language: en, recipients: [it@bert.example]")
    assert run(["deliver", "--due", "--send"]) == 3
    assert "bert: nobody gets the monthly report of bert" in capsys.readouterr().err


def test_the_units_write_and_then_send(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (place / "out").rmdir()
    assert run(["deliver", "units", "--user", "root", "--sign", "audit.key", "--out", "units"]) == 0
    assert f"{place}/out has to be made first" in capsys.readouterr().err
    service, timer = (place / "units" / f"secaudit-reports.{kind}" for kind in ("service", "timer"))
    text = service.read_text()
    report, deliver = (line for line in text.splitlines() if line.startswith("ExecStart"))
    assert report.startswith("ExecStartPre=-")
    assert f"report --kind monthly --out {place}/out --due --contracts {place}/contracts" in report
    assert f"--sign {place}/audit.key" in report
    assert f"deliver --send --reports {place}/out --delivery {place}/delivery --due" in deliver
    assert f'ReadWritePaths="{place}/sent"' in text
    assert "SuccessExitStatus" not in text, "a report that is missing is a failure"
    assert "OnCalendar=*-*-* 06:00:00" in timer.read_text()
    if shutil.which("systemd-analyze"):
        verify = ["systemd-analyze", "verify", "--man=no", str(timer), str(service)]
        ran = subprocess.run(verify, capture_output=True, text=True, check=False)
        assert not [line for line in ran.stderr.splitlines() if "secaudit" in line]


def test_units_need_files_to_go_by(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (place / "delivery" / "all.yaml").unlink()
    assert run(["deliver", "units"]) == 2
    assert "no delivery file here" in capsys.readouterr().err
