"""A month in which contracts change: copies, certificates and costs are told for each, and add up."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from secaudit.reports.monthly import render
from secaudit.reports.monthly.build import build
from secaudit.reports.monthly.report import Cause, MonthlyReport, PromiseId
from secaudit.reports.monthly.terms import CopyRow
from secaudit.reports.states import State

from secaudit.cli.month import month_record
from secaudit.config.contract import load_contracts
from secaudit.model.availability import Probe
from secaudit.model.month import MonthRecord
from secaudit.model.outcome import Outcome
from secaudit.model.result import Result, fingerprint
from secaudit.store import open_store
from tests.reports.parsed import Page
from tests.reports.test_monthly_command import AFTER, OCTOBER
from tests.store.scenes import DB, START, a_result, a_run, record

FIRST = datetime(2025, 10, 1, 2, tzinfo=UTC)
"""The first scan of October."""

BOTH_PART = ("V-1", "2025-10-01", "2025-10-15"), ("V-2", "2025-10-16", "2025-12-31")


def contract(number: str, since: str, until: str, datasets: str, service: str, costs: str) -> str:
    """A contract that promises datasets, a service and a price."""
    return f"""\
schema: secaudit.contract/1
customer: {{id: muster, name: Muster GmbH, number: {number}}}
valid: {{from: {since}, until: {until}}}
calendar: {{timezone: Europe/Vienna, hours: {{mon-fri: ["08:00-17:00"]}}}}
priorities:
  P1: {{from: [high], response: {{time: 1h, clock: real}}, remediation: {{time: 30d, clock: real}}}}
availability:
{service}
backup:
  rule: {{copies: 2, media: 1, offsite: 0, immutable: 0}}
  datasets:
{datasets}
costs:
{costs}
report: {{language: de}}
"""


def dataset(name: str, rpo: str) -> str:
    return f"    - {{name: {name}, host: db1, rpo: {rpo}, copies: [{{tool: borg, place: onsite}}]}}"


def service(name: str) -> str:
    return f"  - {{service: {name}, target: 99, every: 1d, probe: {{tls: '{name}.example:443'}}}}"


def cost(amount: str) -> str:
    return f"  - {{service: maintenance, per: month, amount: '{amount}', currency: EUR}}"


def a_backup(name: str, outcome: Outcome = Outcome.PASSED) -> Result:
    return replace(
        a_result(DB, "backup-age", name, outcome),
        family="backup",
        check="backup.borg-freshness",
        fingerprint=fingerprint("muster", "db1", "backup-age", name),
    )


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """`shop` is promised by both contracts, `files` by the first, `mail` by the second; each is scanned while it is.

    `shop` was too old on the 3rd and the 20th, and nobody scanned on the 10th.
    """
    (tmp_path / "contracts").mkdir()
    first, second = BOTH_PART
    for (number, since, until), names, services, amount in (
        (first, (("shop", "24h"), ("files", "24h")), ("old", "web"), "850.00"),
        (second, (("shop", "4h"), ("mail", "24h")), ("web",), "980.00"),
    ):
        text = contract(
            number,
            since,
            until,
            "\n".join(dataset(*one) for one in names),
            "\n".join(map(service, services)),
            cost(amount),
        )
        (tmp_path / "contracts" / f"{number}.yaml").write_text(text)
    with open_store(str(tmp_path / "store.db")) as store:
        for day in range(1, 32):
            if day == 10:
                continue
            at = FIRST + timedelta(days=day - 1)
            shop = a_backup("shop", Outcome.FAILED if day in (3, 20) else Outcome.PASSED)
            beside = a_backup("files" if day <= 15 else "mail")
            run = replace(a_run((at - START).days), id=f"day-{day}", started=at)
            store.begin(run, [DB])
            record(store, run, DB, [shop, beside])
            store.finish(replace(run, finished=at + timedelta(minutes=1)))
        for name, days in (("old", 15), ("web", 31)):
            expires = datetime(2025, 11, 9, 12, tzinfo=UTC)
            probes = [Probe(FIRST + timedelta(days=day), True, expires=expires) for day in range(days)]
            store.add_probes("muster", name, probes)
    return tmp_path


def gathered(place: Path) -> MonthRecord:
    with open_store(str(place / "store.db"), read_only=True) as store:
        return month_record(store, load_contracts(place / "contracts"), "muster", OCTOBER, AFTER)


def days(row: CopyRow) -> tuple[str, date, int, int, int, int]:
    return (row.dataset, row.first, len(row.days), row.kept_days, row.broken_days, row.unmeasured_days)


def backups(report: MonthlyReport) -> tuple[State, Cause, int, int]:
    (found,) = (one for one in report.promises if one.id is PromiseId.LOCAL_BACKUPS)
    return found.state, found.cause, found.kept, found.whole


def test_copies_have_the_days_of_their_contract_and_the_days_add_up(place: Path) -> None:
    report = build(gathered(place))
    (earlier,) = report.earlier
    begin, change = date(2025, 10, 1), date(2025, 10, 16)
    assert [days(row) for row in earlier.copies] == [
        ("shop", begin, 15, 13, 1, 1),
        ("files", begin, 15, 14, 0, 1),
    ]
    assert [days(row) for row in report.copies] == [("shop", change, 16, 15, 1, 0), ("mail", change, 16, 16, 0, 0)]
    shop = [row for row in report.all_copies if row.dataset == "shop"]
    assert sum(len(row.days) for row in shop) == 31
    assert [row.rpo for row in shop] == [timedelta(hours=24), timedelta(hours=4)]
    assert [row.state for row in earlier.copies] == [State.PASSED] * 2, "as the last scan of the part found them"
    assert backups(report)[2:] == (1, 3), "one copy under two contracts is one copy"
    assert backups(report)[0] is State.FAILED


def test_a_copy_that_only_the_earlier_contract_promised_breaks_the_promise_of_the_month(place: Path) -> None:
    kept = place / "contracts" / "V-2.yaml"
    kept.write_text(kept.read_text().replace(dataset("shop", "4h") + "\n", ""))
    report = build(gathered(place))
    assert [row.dataset for row in report.copies] == ["mail"]
    assert backups(report)[0] is State.FAILED
    (row,) = (row for row in report.earlier[0].copies if row.dataset == "shop")
    assert row.broken_days == 1


def test_each_contract_is_told_with_its_days_and_the_same_numbers(place: Path) -> None:
    for language, first, second, amounts in (
        ("de", "Vertrag V-1, 01.10.2025 bis 15.10.2025", "Vertrag V-2, 16.10.2025 bis 31.10.2025", "850,00 980,00"),
        ("en", "Contract V-1, 1 Oct 2025 to 15 Oct 2025", "Contract V-2, 16 Oct 2025 to 31 Oct 2025", "850.00 980.00"),
    ):
        page = Page(render(gathered(place), language))
        captions = [one.text.replace("\u00a0", " ") for one in page.all("caption")]
        assert [text for text in captions if text in (first, second)] == [second, first, second, first], "copies, rules"
        both = page.identified("backups").text.replace("\u00a0", " ")
        later, earlier = both.split(first, 1)
        of = {"de": "von", "en": "of"}[language]
        assert f"15 {of} 16" in later
        assert f"16 {of} 16" in later
        assert f"13 {of} 15" in earlier
        assert f"14 {of} 15" in earlier
        hours = page.identified("hours").text.replace("\u00a0", " ")
        old, new = amounts.split()
        assert hours.index(second) < hours.index(new) < hours.index(first) < hours.index(old)
        head = page.all("header")[0].text.replace("\u00a0", " ")
        assert first in head
        assert second in head
        ids = [one.attributes["id"] for one in page.elements if "id" in one.attributes]
        assert len(ids) == len(set(ids))
        assert len(page.all("caption")) == len(page.all("table"))


def test_a_certificate_is_told_by_the_last_contract_that_promises_its_service(place: Path) -> None:
    report = build(gathered(place))
    assert [(row.service, row.is_due) for row in report.certificates] == [("web", True)]
    (gone,) = report.earlier[0].certificates
    assert gone.service == "old"
    assert gone.left is not None
    assert gone.left.days == 24, "counted from the end of its contract"
    page = Page(render(gathered(place), "en"))
    rows = [one.text.replace("\u00a0", " ") for one in page.all("tr") if "data-certificate" in one.attributes]
    assert len(rows) == 2
    assert "Contract V-1, 1 Oct 2025 to 15 Oct 2025" in rows[1]
    assert "renew" in rows[0]
    assert "renew" not in rows[1], "nobody owes that any more"


def test_days_before_the_only_contract_are_not_missed(place: Path) -> None:
    (place / "contracts" / "V-1.yaml").unlink()
    report = build(gathered(place))
    assert report.earlier == ()
    assert [days(row)[1:3] for row in report.copies] == [(date(2025, 10, 16), 16)] * 2
    assert (report.contract_first, report.contract_last) == (date(2025, 10, 16), date(2025, 10, 31))


def test_what_an_earlier_contract_promised_otherwise_stands_beside_it(place: Path) -> None:
    earlier = place / "contracts" / "V-1.yaml"
    assert "Contract V-1:" not in Page(render(gathered(place), "en")).identified("deadlines").text
    earlier.write_text(earlier.read_text().replace("time: 1h", "time: 2h"))
    deadlines = Page(render(gathered(place), "en")).identified("deadlines").text.replace("\u00a0", " ")
    assert "1 hContract V-1: 2 h" in deadlines
    assert "30 daysContract V-1: 30 days" in deadlines
    earlier.write_text(earlier.read_text().replace("P1:", "Urgent:"))
    (row,) = (row for row in build(gathered(place)).priorities if row.is_earlier)
    assert (row.id, [str(one.response) for one in row.before]) == ("Urgent", ["2h"])
