"""A month in which contracts change: what the earlier one promised for its part is told, and told as commands do."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from secaudit.reports.monthly import render
from secaudit.reports.monthly.build import build
from secaudit.reports.monthly.report import Cause, MonthlyReport, PromiseId
from secaudit.reports.states import State

from secaudit.cli.main import run
from secaudit.cli.month import month_record
from secaudit.config.contract import load_contracts
from secaudit.model.availability import Probe
from secaudit.model.hours import Month
from secaudit.model.month import MonthRecord
from secaudit.store import open_store
from tests.reports.parsed import Page
from tests.reports.test_monthly_command import AFTER, CONTRACT, OCTOBER

FIRST = datetime(2025, 9, 30, 22, tzinfo=UTC)
"""When October begins in Vienna."""

LEDGER = "date,minutes,kind,ticket,note\n"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty store where commands run."""
    (tmp_path / "contracts").mkdir()
    with open_store(str(tmp_path / "store.db")):
        pass
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SECAUDIT_STORE", str(tmp_path / "store.db"))
    return tmp_path


def contract(place: Path, number: int, since: str, until: str | None, work: str | None = "") -> None:
    """Write a contract with ten hours a month and a ledger of its own; without `work` that ledger is missing."""
    text = CONTRACT.replace("V-1", f"V-{number}").replace("ledger.csv", f"{number}.csv")
    text = text.replace(
        "{from: 2025-01-01, until: 2025-12-31}", f"{{from: {since}{f', until: {until}' * bool(until)}}}"
    )
    text = text.replace("source: probes/shop.csv, every: 5m", "every: 1d, probe: {tls: 'shop.example:443'}")
    (place / "contracts" / f"{number}.yaml").write_text(text)
    if work is not None:
        (place / "contracts" / f"{number}.csv").write_text(LEDGER + work)


def probed(place: Path, *down: int) -> None:
    """Probes of the shop at every midnight of October, which fail on some days."""
    with open_store(str(place / "store.db")) as store:
        days = [(FIRST + timedelta(days=day - 1), day not in down) for day in range(1, 32)]
        store.add_probes("muster", "shop", [Probe(at, is_up) for at, is_up in days])


def gathered(place: Path, month: Month = OCTOBER) -> MonthRecord:
    with open_store(str(place / "store.db"), read_only=True) as store:
        return month_record(store, load_contracts(place / "contracts"), "muster", month, AFTER)


def promise(report: MonthlyReport, id: PromiseId) -> tuple[State, Cause, int, int]:
    (found,) = (one for one in report.promises if one.id is id)
    return found.state, found.cause, found.kept, found.whole


def as_json(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, Any]]:
    capsys.readouterr()
    run([*arguments, "--json"])
    found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    return found


def test_the_earlier_contract_was_overdrawn(place: Path) -> None:
    contract(place, 1, "2025-10-01", "2025-10-15", "2025-10-14,630,support,,Moved a <server>\n")
    contract(place, 2, "2025-10-16", None, "2025-10-20,60,support,,\n")
    probed(place)
    record = gathered(place)
    report = build(record)
    assert promise(report, PromiseId.HOURS) == (State.FAILED, Cause.OVERDRAWN, 690, 1200)
    assert promise(report, PromiseId.AVAILABILITY) == (State.PASSED, Cause.KEPT, 1, 1)
    assert report.hours is not None
    assert report.hours.support.overdrawn == 0
    (column,) = (one for one in report.hours_year if one.month == OCTOBER)
    assert (column.there, column.used, column.beyond) == (1200, 690, 30)
    for language, days, over in (
        ("de", "Vertrag V-1, 01.10.2025 bis 15.10.2025", "0,50"),
        ("en", "Contract V-1, 1 Oct 2025 to 15 Oct 2025", "0.50"),
    ):
        page = Page(render(record, language))
        (told,) = (one.text for one in page.all("caption") if "V-1" in one.text)
        assert told.replace("\u00a0", " ").endswith(days)
        row = next(one for one in page.all("tr") if one.attributes.get("data-promise") == "hours")
        assert over in row.text
        assert "Moved a <server>" in page.identified("hours").text
        assert len(page.all("caption")) == len(page.all("table"))
        (words,) = (one.text for one in page.elements if one.attributes.get("id") == "hours-year-d")
        assert over in words, "what is red is said"


def test_the_earlier_target_was_missed(place: Path) -> None:
    contract(place, 1, "2025-01-01", "2025-10-15")
    contract(place, 2, "2025-10-16", None)
    probed(place, 3)
    record = gathered(place)
    report = build(record)
    assert promise(report, PromiseId.AVAILABILITY) == (State.FAILED, Cause.FAILED, 0, 1)
    assert [row.state for row in report.services] == [State.PASSED]
    (earlier,) = report.earlier
    assert [row.state for row in earlier.services] == [State.FAILED]
    assert report.services[0].year[-1].state is State.FAILED, "the column has the worse part"
    page = Page(render(record, "en"))
    ids = [one.attributes["id"] for one in page.elements if "id" in one.attributes]
    assert len(ids) == len(set(ids))
    (told,) = (one.text for one in page.all("h3") if "V-1" in one.text)
    assert "shop" in told
    november = build(gathered(place, OCTOBER.following))
    (trend,) = (one.trend for one in november.promises if one.id is PromiseId.AVAILABILITY)
    assert (trend[-2].share, trend[-2].state) == (0, State.FAILED), "the month after tells the same of October"


def test_an_earlier_ledger_that_cannot_be_read_leaves_hours_unproven(place: Path) -> None:
    contract(place, 1, "2025-10-01", "2025-10-15", None)
    contract(place, 2, "2025-10-16", None)
    report = build(gathered(place))
    assert promise(report, PromiseId.HOURS) == (State.UNPROVEN, Cause.NO_LEDGER, 0, 0)
    assert promise(report, PromiseId.AVAILABILITY)[:2] == (State.UNPROVEN, Cause.NOT_MEASURED)
    page = Page(render(gathered(place), "en"))
    (told,) = (one.text for one in page.all("p") if "data-earlier" in one.attributes)
    assert told.startswith("Contract V-1")
    assert "1.csv: cannot be read" in told
    contract(place, 2, "2025-10-16", None, "2025-10-20,601,support,,\n")
    assert promise(build(gathered(place)), PromiseId.HOURS)[:2] == (State.FAILED, Cause.OVERDRAWN)


def test_what_only_the_earlier_contract_promised_is_a_promise_of_the_month(place: Path) -> None:
    contract(place, 1, "2025-10-01", "2025-10-15", "2025-10-14,630,support,,\n")
    contract(place, 2, "2025-10-16", None)
    later = (place / "contracts" / "2.yaml").read_text().splitlines()
    kept = [line for line in later if not line.startswith(("availability", "  - {service", "resources"))]
    (place / "contracts" / "2.yaml").write_text("\n".join(kept))
    probed(place, 3)
    report = build(gathered(place))
    assert (report.hours, report.services) == (None, ())
    assert promise(report, PromiseId.HOURS) == (State.FAILED, Cause.OVERDRAWN, 630, 600)
    assert promise(report, PromiseId.AVAILABILITY) == (State.FAILED, Cause.FAILED, 0, 1)
    page = Page(render(gathered(place), "en"))
    assert "Contract V-1" in page.identified("hours").text
    assert "Contract V-1" in page.identified("availability").text


def test_days_between_two_contracts_belong_to_neither(place: Path) -> None:
    work = "2025-10-09,60,support,,\n2025-10-12,6000,support,,\n2025-10-20,30,support,,\n"
    contract(place, 1, "2025-10-01", "2025-10-10", work)
    contract(place, 2, "2025-10-16", None, work)
    probed(place, 12)
    report = build(gathered(place))
    (earlier,) = report.earlier
    assert (earlier.first, earlier.last) == (date(2025, 10, 1), date(2025, 10, 10))
    assert [entry.day.day for entry in earlier.work] == [9]
    assert [entry.day.day for entry in report.work] == [20]
    assert promise(report, PromiseId.HOURS) == (State.PASSED, Cause.KEPT, 90, 1200)
    assert promise(report, PromiseId.AVAILABILITY) == (State.PASSED, Cause.KEPT, 1, 1)


def test_a_contract_that_ends_without_a_successor_is_the_only_one(place: Path) -> None:
    contract(place, 1, "2025-10-05", "2025-10-15", "2025-10-14,630,support,,\n2025-10-20,30,support,,\n")
    probed(place)
    report = build(gathered(place))
    assert report.contract is not None
    assert (report.contract.number, report.earlier) == ("V-1", ())
    assert [entry.day.day for entry in report.work] == [14], "work after its end is not its own"
    assert promise(report, PromiseId.HOURS) == (State.FAILED, Cause.OVERDRAWN, 630, 600)
    contract(place, 2, "2025-10-17", "2025-10-20")
    both = build(gathered(place))
    assert both.contract is not None
    assert (both.contract.number, [one.number for one in both.earlier]) == ("V-2", ["V-1"])


def test_the_report_says_of_both_contracts_what_commands_say(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    contract(place, 1, "2025-09-01", "2025-10-15", "2025-09-03,300,support,,\n2025-10-14,630,support,,\n")
    contract(place, 2, "2025-10-16", None, "2025-10-20,60,support,,\n")
    probed(place, 3, 20)
    record = gathered(place)
    month = ("muster", "--month", "2025-10")
    booked = [one for one in as_json(capsys, "contract", "hours", "show", *month) if one["month"] == "2025-10"]
    assert [one["contract"] for one in booked] == ["V-1", "V-2"]
    fields = ("opening", "gained", "used", "overdrawn", "expired", "converted", "closing")
    statements = [one for one in (*(part.hours for part in record.earlier), record.hours) if one is not None]
    assert [[one["support"][field] for field in fields] for one in booked] == [
        [getattr(statement.support, field) for field in fields] for statement in statements
    ]
    measured = as_json(capsys, "availability", "show", *month)
    shown = [*(one for part in record.earlier for one in part.availability), *record.availability]
    assert [(one["service"], one["state"], one["seconds"]["down"]) for one in measured] == [
        (one.service, one.state.value, one.down.total_seconds()) for one in shown
    ]
    assert [one["until"] for one in measured] == ["2025-10-15T22:00:00Z", "2025-10-31T23:00:00Z"]

    page = Page(render(record, "en"))
    later, earlier = page.identified("hours").text.replace("\u00a0", " ").split("Contract V-1")
    for one, told in zip(booked, (earlier, later), strict=True):
        account = {field: f"{one['support'][field] / 60:.2f} h" for field in fields}
        assert f"Carried from September{account['opening']}" in told
        assert f"Work−{account['used']}" in told
        assert re.search(rf"beyond what is included\+?{account['overdrawn']}", told)
        assert re.search(rf"expired−?{account['expired']}", told)
        assert f"Carried on{account['closing']}" in told
    later, earlier = page.identified("availability").text.replace("\u00a0", " ").split("Contract V-1", 1)
    for shown_part, told in zip(measured, (earlier, later), strict=True):
        assert f"measured available{int(float(shown_part['percent']) * 100) / 100:.2f}%" in told
        assert timedelta(seconds=shown_part["seconds"]["down"]) == timedelta(days=1)
        assert "down1 day" in told
