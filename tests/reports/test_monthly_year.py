"""What a month is held against: twelve months of availability, hours, releases and open findings, and certificates."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path

import pytest

from secaudit.cli.month import month_record
from secaudit.config.contract import load_contracts
from secaudit.model.availability import Probe
from secaudit.model.hours import Month
from secaudit.model.inventory import Host
from secaudit.model.month import MonthRecord
from secaudit.model.outcome import Outcome
from secaudit.model.result import Result
from secaudit.store import open_store
from tests.reports.test_monthly_command import AFTER, CONTRACT, OCTOBER
from tests.store.scenes import START, WEB, a_result, scan

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
    assert [percent[number] for number in range(1, 8)] == [[]] * 7, "nobody probed before August"
    assert (percent[8], percent[9]) == ([Fraction(30, 31) * 100], [Fraction(29, 30) * 100])
    assert all(past.promised[0].service == "shop" for past in record.past)
    assert [past.hours.support.used for past in record.past if past.hours] == [0] * 8 + [660]


def test_releases_are_seen_for_a_year_and_backups_for_the_month(record: MonthRecord) -> None:
    (release,) = (
        result.fingerprint for host in record.hosts for result in host.results if result.check == "patch.end-of-life"
    )
    assert [(seen.at, seen.outcome.value) for seen in record.sightings[release]] == [
        (START + timedelta(days=AUGUST), "failed"),
        (START + timedelta(days=SEPTEMBER), "passed"),
        (START + timedelta(days=EARLY), "passed"),
        (START + timedelta(days=LATE), "passed"),
    ]


def test_a_certificate_is_told_as_it_was_last_seen(place: Path, record: MonthRecord) -> None:
    (certificate,) = record.certificates
    assert certificate.expires == ENDS
    assert certificate.seen == datetime(2025, 10, 18, 22, tzinfo=UTC)
    assert gathered(place, Month(2025, 7), AFTER).certificates == (), "nobody had seen it by then"
