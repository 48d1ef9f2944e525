"""Deadlines, waivers, hours and availability: page one, appendix, results.json, commands and dashboard say the same."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from secaudit.reports.monthly import render

from secaudit.cli.main import run
from secaudit.cli.month import month_record
from secaudit.cli.promises import Promises
from secaudit.config.contract import load_contracts
from secaudit.config.waivers import load_waivers
from secaudit.export import results as results_file
from secaudit.model.outcome import Outcome
from secaudit.model.result import Result
from secaudit.model.sla import EventKind, FindingEvent
from secaudit.store import Store, open_store
from tests.reports.parsed import Element, Page
from tests.reports.test_monthly_command import AFTER, CONTRACT, OCTOBER
from tests.store.scenes import START, WEB, a_result, a_run, record

BEGIN = datetime(2025, 10, 1, 2, tzinfo=UTC)
END = datetime(2025, 10, 31, 23, tzinfo=UTC)
"""When October ends in Vienna."""

WAIVERS = """\
- control: open-ports
  host: web1
  subject: tcp/3
  owner: anna@provider.example
  reason: migration
  expires: 2025-12-01
"""

KINDS = {"met": "met", "missed": "broken", "breached": "broken", "running": "running", "warning": "running"}
KINDS |= {"paused": "paused", "waived": "waived"}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """October: tcp/1 is mended in time, tcp/2 late, tcp/3 waived, tcp/4 late and open, tcp/5 found last."""
    (tmp_path / "contracts").mkdir()
    (tmp_path / "contracts" / "muster.yaml").write_text(CONTRACT.replace("2025-12-31", "2027-12-31"))
    (tmp_path / "contracts" / "ledger.csv").write_text("date,minutes,kind\n2025-10-06,90,support\n")
    (tmp_path / "contracts" / "probes").mkdir()
    beats = [BEGIN - timedelta(hours=4) + timedelta(minutes=5 * at) for at in range(31 * 288 + 12)]
    probes = "".join(f"{beat:%Y-%m-%dT%H:%M:%SZ},{int(beat.day != 12)}\n" for beat in beats)
    (tmp_path / "contracts" / "probes" / "shop.csv").write_text(f"time,up\n{probes}")
    (tmp_path / "waivers").mkdir()
    (tmp_path / "waivers" / "muster.yaml").write_text(WAIVERS)
    with open_store(str(tmp_path / "store.db")) as store:
        overlay = Promises(load_contracts(tmp_path / "contracts"), load_waivers(tmp_path / "waivers"), store)
        for day in range(31):
            night(store, overlay, BEGIN + timedelta(days=day), day)
            if day == 0:
                quick = a_result(WEB, subject="tcp/1").fingerprint
                at = BEGIN + timedelta(hours=5)
                store.add_event(FindingEvent(quick, EventKind.ACKNOWLEDGED, at, author="anna"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SECAUDIT_STORE", str(tmp_path / "store.db"))
    return tmp_path


def night(store: Store, overlay: Promises, at: datetime, day: int) -> None:
    """A whole scan of the host."""
    mended = {"tcp/1": 2, "tcp/2": 15}
    subjects = ["tcp/1", "tcp/2", "tcp/3", "tcp/4", *(["tcp/5"] if day == 30 else [])]
    found: list[Result] = [
        a_result(WEB, subject=one, outcome=Outcome.PASSED if day >= mended.get(one, 99) else Outcome.FAILED)
        for one in subjects
    ]
    made = replace(a_run((at - START).days), id=f"night-{day:02}", started=at)
    store.begin(made, [WEB])
    known = store.known(WEB.customer, WEB.name)
    seen = [replace(one, first_seen=known.get(one.fingerprint, at)) for one in found]
    record(store, made, WEB, overlay(WEB, seen, at, known))
    store.finish(replace(made, finished=at + timedelta(minutes=5)))


@pytest.fixture
def store(place: Path) -> Iterator[Store]:
    with open_store(str(place / "store.db"), read_only=True) as opened:
        yield opened


@pytest.fixture
def page(place: Path, store: Store) -> Page:
    return Page(render(month_record(store, load_contracts(place / "contracts"), "muster", OCTOBER, AFTER), "en"))


def told(page: Page, promise: str) -> str:
    """A promise's row on page one."""
    (row,) = (one for one in page.all("tr") if one.attributes.get("data-promise") == promise)
    return " ".join(row.text.replace("\u00a0", " ").split())


def priority(page: Page) -> Element:
    """The row of the priority that all findings have."""
    (row,) = (one for one in page.all("tr") if one.attributes.get("data-priority") == "P2")
    return row


def of_command(capsys: pytest.CaptureFixture[str], store: Store) -> dict[str, Counter[str]]:
    """How the clocks of every finding stand, as `secaudit findings show` says."""
    counted = {"response": Counter[str](), "remediation": Counter[str]()}
    for fingerprint in store.all_events("muster"):
        capsys.readouterr()
        assert run(["findings", "show", fingerprint]) == 0
        for clock, state in re.findall(r"^(response|remediation) .*?: (\w+),", capsys.readouterr().out, re.MULTILINE):
            counted[clock][KINDS[state]] += 1
    return counted


def test_deadlines(
    page: Page, store: Store, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class AtTheEnd(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return END.astimezone(tz)

    monkeypatch.setattr("secaudit.cli.finding_work.datetime", AtTheEnd)
    counted = of_command(capsys, store)
    response, repair = counted["response"], counted["remediation"]
    assert repair == {"met": 1, "broken": 2, "waived": 1, "running": 1}
    cells = re.search(r"(\d)(\d)(\d)(\d)(\d)$", priority(page).text.strip())
    assert cells is not None
    states = ("met", "broken", "paused", "waived", "running")
    assert [int(one) for one in cells.groups()] == [repair[kind] for kind in states], "the table of section 2"
    met, broken = response["met"] + repair["met"], response["broken"] + repair["broken"]
    assert f"{met} of {met + broken}in time" in told(page, "response"), "page one"
    (caption,) = (one.text for one in page.all("caption") if "deadlines ran" in one.text)
    total = {clock: sum(one.values()) for clock, one in counted.items()}
    assert caption.startswith(
        f"{sum(total.values())} deadlines ran in this month: {total['response']} for a response, "
        f"{total['remediation']} for remediation. {broken} were broken."
    )
    (dashboard,) = store.clocks(END, END, BEGIN)
    late = [one for one in page.marked("fnd") if "overdue" in one.text]
    assert dashboard.overdue == len(late) == 1, "the open one; the other is mended"


def test_waivers(page: Page, store: Store) -> None:
    (newest,) = store.hosts("muster")
    data = json.loads(results_file.render(store.report(newest.run)))
    waived = [one for one in data["results"] if one["waiver"] and one["outcome"] == "failed"]
    (dashboard,) = store.clocks(END, END, BEGIN)
    section = page.identified("waivers")
    assert data["summary"]["waived"] == len(waived) == dashboard.waived == 1
    assert section.text.count("web1, tcp/3") == 1
    assert [one.text.count("until") for one in page.marked("fnd") if "tcp/3" in one.text] == [1], "the appendix"
    assert waived[0]["waiver"]["expires"] == "2025-12-02T00:00:00Z", "when the last day is over"
    assert "1 Dec 2025" in section.text.replace("\u00a0", " ")


def test_hours_and_availability(page: Page, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert run(["contract", "hours", "show", "muster", "--month", "2025-10", "--json"]) == 0
    booked = json.loads(capsys.readouterr().out)[-1]["support"]
    there = booked["opening"] + booked["gained"]
    assert f"{booked['used'] / 60:.2f} of {there / 60:.2f} h" in told(page, "hours")
    section = page.identified("hours").text.replace("\u00a0", " ")
    assert f"Carried on{booked['closing'] / 60:.2f} h" in section
    assert run(["availability", "show", "muster", "--month", "2025-10", "--json"]) == 1, "it was missed"
    (measured,) = json.loads(capsys.readouterr().out)
    assert measured["state"] == "missed"
    assert "0 of 1services proven" in told(page, "availability")
    cut = f"{int(float(measured['percent']) * 100) / 100:.2f}%"
    told_there = page.identified("availability").text.replace("\u00a0", " ")
    assert f"measured available{cut}" in told_there
    assert timedelta(seconds=measured["seconds"]["down"]) == timedelta(days=1)
    assert "down1 day" in told_there
