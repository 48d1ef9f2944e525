"""What a month is held against: twelve months of availability, hours, releases and open findings, and certificates."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from secaudit.reports.monthly import columns, render
from secaudit.reports.monthly.build import build
from secaudit.reports.monthly.report import PromiseId
from secaudit.reports.monthly.year import WORST_FIRST
from secaudit.reports.states import State

from secaudit.cli.main import run
from secaudit.cli.month import month_record
from secaudit.config.contract import load_contracts
from secaudit.export import results as results_file
from secaudit.model.availability import AvailabilityState, Probe
from secaudit.model.hours import Month
from secaudit.model.inventory import Host
from secaudit.model.month import Certificate, MonthRecord
from secaudit.model.outcome import Outcome
from secaudit.model.result import Result
from secaudit.store import open_store
from tests.reports import monthly_sample
from tests.reports.parsed import Page
from tests.reports.test_monthly_command import AFTER, CONTRACT, OCTOBER
from tests.store.scenes import WEB, a_result, scan

AUGUST, SEPTEMBER, EARLY, LATE = -470, -441, -410, -400
"""Scans of the year 2025, in days from 20 November 2026."""

ENDS = datetime(2025, 11, 20, 22, tzinfo=UTC)


def a_release(host: Host, outcome: Outcome) -> Result:
    return replace(a_result(host, "release", "os", outcome), family="patch", check="patch.end-of-life")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A year in which probes began in August, and a host whose release was too old until September."""
    text = CONTRACT.replace("source: probes/shop.csv, every: 5m", "every: 1d, probe: {tls: 'shop.example:443'}")
    (tmp_path / "contracts").mkdir()
    (tmp_path / "contracts" / "muster.yaml").write_text(text)
    ledger = "date,minutes,kind\n2025-09-02,660,support\n2025-10-06,90,support\n"
    (tmp_path / "contracts" / "ledger.csv").write_text(ledger)
    first = datetime(2025, 7, 31, 22, tzinfo=UTC)
    with open_store(str(tmp_path / "store.db")) as store:
        days = [first + timedelta(days=day) for day in range(92)]
        probes = [Probe(day, day.day != 12, "", ENDS if day < days[80] else None) for day in days]
        store.add_probes("muster", "shop", probes)
        scan(store, AUGUST, WEB, a_release(WEB, Outcome.FAILED), a_result(WEB))
        scan(store, SEPTEMBER, WEB, a_release(WEB, Outcome.PASSED), a_result(WEB, outcome=Outcome.PASSED))
        scan(store, EARLY, WEB, a_release(WEB, Outcome.PASSED), a_result(WEB))
        scan(store, LATE, WEB, a_release(WEB, Outcome.PASSED), a_result(WEB), a_result(WEB, "listening", "tcp/22"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SECAUDIT_STORE", str(tmp_path / "store.db"))
    return tmp_path


@pytest.fixture
def record(place: Path) -> MonthRecord:
    return gathered(place, OCTOBER, AFTER)


def gathered(place: Path, month: Month, now: datetime) -> MonthRecord:
    with open_store(str(place / "store.db"), read_only=True) as store:
        return month_record(store, load_contracts(place / "contracts"), "muster", month, now)


def test_a_year_is_gathered_and_holes_stay_holes(record: MonthRecord) -> None:
    assert [str(past.month) for past in record.past] == [f"2025-{number:02}" for number in range(1, 10)]
    percent = {past.month.number: [one.percent for one in past.availability] for past in record.past}
    assert {one for number in range(1, 8) for one in percent[number]} <= {None}, "nobody probed before August"
    assert (percent[8], percent[9]) == ([Fraction(30, 31) * 100], [Fraction(29, 30) * 100])
    assert all(past.promised[0].service == "shop" for past in record.past)
    assert [past.hours.support.used for past in record.past if past.hours] == [0] * 8 + [660]


def test_a_certificate_is_told_as_it_was_last_seen(place: Path, record: MonthRecord) -> None:
    (certificate,) = record.certificates
    assert certificate.expires == ENDS
    assert certificate.seen == datetime(2025, 10, 18, 22, tzinfo=UTC)
    assert gathered(place, Month(2025, 7), AFTER).certificates == (), "nobody had seen it by then"


def charted(page: Page, id: str) -> list[str]:
    """What a chart says in words, month by month."""
    (title,) = (one for one in page.elements if one.attributes.get("id") == f"{id}-d")
    return re.split(r", (?=[A-ZÄ]\w+ 20\d\d )", title.text)


def test_every_month_of_a_chart_is_told_and_what_is_not_known_is_not_good(record: MonthRecord) -> None:
    page = Page(render(record, "en"))
    openings = charted(page, "open-year")
    assert len(openings) == 12
    assert openings[:9] == [
        *(f"{month} not measured" for month in ("November 2024", "December 2024")),
        *(f"{month} 2025 not measured" for month in ["January", "February", "March", "April", "May", "June", "July"]),
    ]
    assert openings[9:] == ["August 2025 2 (2 high)", "September 2025 0", "October 2025 2 (2 high)"]
    services = charted(page, "av-year-1")
    assert services[1:3] == ["December 2024 not promised", "January 2025 not measured, Target 99.90%"]
    assert services[9:11] == [
        "August 2025 96.77%, Target 99.90%, broken",
        "September 2025 96.66%, Target 99.90%, broken",
    ]
    hours = charted(page, "hours-year")
    assert hours[1:3] == ["December 2024 not promised", "January 2025 0.00 h of 10.00 h".replace(" h", "\u00a0h")]
    assert hours[-2:] == [
        "September 2025 11.00\u00a0h of 10.00\u00a0h",
        "October 2025 1.50\u00a0h of 10.00\u00a0h",
    ]


@pytest.mark.parametrize("promise", [PromiseId.VERSIONS, PromiseId.AVAILABILITY, PromiseId.HOURS])
def test_no_trend_has_a_number_for_a_month_of_which_nothing_is_known(record: MonthRecord, promise: PromiseId) -> None:
    (trend,) = (one.trend for one in build(record).promises if one.id is promise)
    known = {
        PromiseId.VERSIONS: {8: 0.0, 9: 1.0, 10: 1.0},
        PromiseId.AVAILABILITY: {8: 0.0, 9: 0.0, 10: 0.0},
        PromiseId.HOURS: {**dict.fromkeys(range(1, 9), 0.0), 9: 1.1, 10: 0.15},
    }[promise]
    assert {point.month.number: point.share for point in trend[2:] if point.share is not None} == known
    assert [point.share for point in trend[:2]] == [None, None], "the contract began in January"
    assert [point.state for point in trend[:2]] == [State.NOT_APPLICABLE] * 2
    assert all(point.state is State.UNPROVEN for point in trend[2:] if point.share is None), "as each report said"


def test_a_month_that_was_not_measured_enough_is_not_good_either(record: MonthRecord) -> None:
    whole = record.past[8].availability[0]
    part = replace(whole, up=whole.up / 2, down=timedelta(), state=AvailabilityState.NOT_ASSESSABLE)
    past = (*record.past[:8], replace(record.past[8], availability=(part,)))
    (service,) = build(replace(record, past=past)).services
    assert (service.year[10].percent, service.year[10].state) == (100, State.UNPROVEN)
    assert [piece.fill for piece in columns.availability(service.year)][-2] is columns.Fill.UNKNOWN


def test_the_columns_of_open_findings_begin_and_end_where_the_section_does() -> None:
    report = build(monthly_sample.record())
    totals = [one.total for one in report.open_year]
    assert totals[:2] == [None, None]
    assert (totals[-2], totals[-1]) == (report.changes.before, report.changes.after)
    by_severity = Counter(entry.severity for entry in report.findings)
    assert report.open_year[-1].counts == tuple(by_severity[severity] for severity in WORST_FIRST)


@pytest.mark.parametrize(
    ("left", "says", "state"),
    [
        (timedelta(days=31), "31 days left", "passed"),
        (timedelta(days=30), "30 days left, renew now", "passed"),
        (timedelta(hours=5), "0 days left, renew now", "passed"),
        (timedelta(days=-3), "3 days ago, renew now", "failed"),
    ],
)
def test_a_certificate_that_ends_is_warned_of(record: MonthRecord, left: timedelta, says: str, state: str) -> None:
    ending = Certificate("shop", record.until - timedelta(days=1), record.until + left)
    page = Page(render(replace(record, certificates=(ending,)), "en"))
    (row,) = (one for one in page.all("tr") if "data-certificate" in one.attributes)
    assert row.attributes["data-certificate"] == state
    assert says in row.text
    assert ("Renew the certificate of shop" in page.all("main")[0].text) is ("renew now" in row.text)


def test_a_certificate_that_nobody_saw_is_unknown(record: MonthRecord) -> None:
    page = Page(render(replace(record, certificates=()), "en"))
    assert "unknown" in page.identified("certificates").text
    assert "none of our probes has seen it" in page.identified("certificates").text
    assert record.contract is not None
    blind = replace(record.contract.availability[0], probe=None)
    plain = replace(record, certificates=(), contract=replace(record.contract, availability=(blind,)))
    assert "none of our probes speaks TLS" in Page(render(plain, "en")).identified("certificates").text


def below(page: Page, index: int) -> list[str]:
    """The numbers below the columns of a chart."""
    (row,) = (one for at, one in enumerate(page.marked("months")) if at == index)
    return re.findall(r"(–|[\d.,]+)[A-Z]", row.text)


def told(page: Page, promise: str) -> str:
    """A promise's row on page one."""
    (row,) = (one for one in page.all("tr") if one.attributes.get("data-promise") == promise)
    return " ".join(row.text.replace("\u00a0", " ").split())


def as_json(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, Any]]:
    run([*arguments, "--json"])
    found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    return found


def test_a_year_says_what_page_one_appendix_results_file_commands_and_dashboard_say(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    month = ["report", "--kind", "monthly", "--customer", "muster", "--month", "2025-10", "--lang", "en"]
    assert run(month) == 0
    page = Page((place / "out" / "muster" / "monthly-2025-10-en.html").read_bytes())
    capsys.readouterr()
    with open_store(str(place / "store.db"), read_only=True) as store:
        file = json.loads(results_file.render(store.report(store.hosts("muster")[0].run)))["results"]
        ends = [datetime(2025, number, 1, tzinfo=ZoneInfo("Europe/Vienna")) for number in (10, 11)]
        dashboard = store.open_at([end.astimezone(UTC) for end in ends])["muster"]
        certificate = store.certificate("muster", "shop", ends[-1])

    openings = below(page, 0)
    failed = [one for one in file if one["outcome"] == "failed"]
    assert int(openings[-1]) == len(page.marked("fnd")) == int(page.identified("open-after").text) == len(failed) == 2
    assert openings[-3] == "2", "the dashboard forgets when something that came back was there before"
    assert tuple(map(int, openings[-2:])) == dashboard == (0, 2)

    measured = [as_json(capsys, "availability", "show", "muster", "--month", f"2025-{number:02}") for number in (8, 9)]
    (now,) = as_json(capsys, "availability", "show", "muster", "--month", "2025-10")
    cut = [f"{int(float(one['percent']) * 100) / 100:.2f}" for one in (measured[0][0], measured[1][0], now)]
    assert below(page, 1)[-3:] == cut
    assert f"measured available{cut[-1]}%" in page.identified("availability").text
    kept = int(now["state"] == "met")
    assert f"{kept} of 1services proven" in told(page, "availability")

    booked = as_json(capsys, "contract", "hours", "show", "muster", "--month", "2025-10")
    used = [f"{one['support']['used'] / 60:.2f}" for one in booked]
    assert below(page, 2) == ["–", "–", *used]
    assert f"{used[-1]} of {booked[-1]['support']['gained'] / 60:.2f} h" in told(page, "hours")

    releases = [one for one in file if one["check"] == "patch.end-of-life"]
    passed = sum(one["outcome"] == "passed" for one in releases)
    assert f"{passed} of {len(releases)}hosts without finding" in told(page, "versions")
    (words,) = (one.text for one in page.elements if one.attributes.get("id") == "trend-versions-d")
    assert words.endswith("August 0 %, September 100 %, October 100 %")

    assert certificate is not None
    assert certificate.expires == ENDS
    (row,) = (one for one in page.all("tr") if "data-certificate" in one.attributes)
    assert ENDS.isoformat() in [one.attributes.get("datetime") for one in page.all("time")]
    assert f"{(ENDS - ends[-1]).days} days left" in row.text


def test_a_month_without_scans_says_so_wherever_a_zero_could_be_taken_for_good() -> None:
    page = Page(render(monthly_sample.bare(), "en"))
    for section in ("changes", "patches", "appendix"):
        assert "No host was scanned in this month: nothing is proven." in page.identified(section).text
