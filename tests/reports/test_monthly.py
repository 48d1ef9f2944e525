"""The monthly report: both languages byte for byte, its numbers, its states, and text that stays text."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from markupsafe import escape
from secaudit.reports.language import Language
from secaudit.reports.monthly import render, rendering
from secaudit.reports.monthly.build import build
from secaudit.reports.monthly.deadlines import priority_rows
from secaudit.reports.monthly.report import Cause, PromiseId
from secaudit.reports.states import State
from secaudit.reports.technical_texts import TECHNICAL
from secaudit.reports.texts import TEXTS

from secaudit.cli.month_changes import phrases
from secaudit.cli.translations import phrasebook
from secaudit.model.evidence import Evidence
from secaudit.model.month import MonthRecord
from secaudit.model.outcome import Outcome
from secaudit.model.phrasebook import Phrasebook
from secaudit.model.result import Result
from secaudit.model.run import Summary
from secaudit.model.severity import Severity
from tests.reports import monthly_sample, sample
from tests.reports.parsed import Page
from tests.reports.test_hostile import CSS, EVIL, INVISIBLE, MARKUP, TEMPLATE, poisoned

GOLDEN = Path(__file__).parent / "golden"
REPORTS = Path(__file__).parents[2] / "reports"


@pytest.fixture(scope="module")
def record() -> MonthRecord:
    return monthly_sample.record()


def promises(record: MonthRecord) -> dict[Any, Any]:
    return {promise.id: promise for promise in build(record).promises}


def number(text: str) -> int:
    found = re.search(r"\d[\d.,]*", text)
    assert found, text
    return int(found[0].strip(".,"))


@pytest.mark.parametrize("language", ["de", "en"])
def test_the_page_of_a_small_month_is_as_recorded(language: str) -> None:
    record = replace(monthly_sample.small(), translations=phrasebook(language), phrases=phrases(language))
    page = render(record, language).decode()
    page = re.sub(r"(<style>).*?(</style>)", r"\1…\2", page, flags=re.DOTALL)
    page = re.sub(r"sha256-[A-Za-z0-9+/=]{44}", "sha256-…", page)
    golden = GOLDEN / f"monthly-{language}.html"
    if os.environ.get("SECAUDIT_REGENERATE"):
        golden.write_text(page, encoding="utf-8")
    assert page == golden.read_text(encoding="utf-8")


def test_page_one_says_what_the_appendix_and_the_results_say(record: MonthRecord) -> None:
    page = Page(render(record, "de"))
    results = [result for host in record.hosts for result in host.results]
    summary = Summary.of(results)
    failed = sum(summary.failed.values()) + summary.waived
    assert number(page.identified("open-after").text) == len(page.marked("fnd")) == failed
    assert number(page.identified("unproven-count").text) == summary.unproven
    states = [one.attributes["data-state"] for one in page.all("tr") if "data-promise" in one.attributes]
    tallied = [number(one.text) for one in page.marked("tally")[:1]]
    assert tallied[0] == states.count("failed")
    assert len(states) == len(build(record).promises)


def test_what_was_open_before_and_what_happened_give_what_is_open(record: MonthRecord) -> None:
    changes = build(record).changes
    assert changes.before + len(changes.new) - len(changes.mended) == changes.after
    assert changes.mended, "the sample mends something"


def test_the_states_follow_from_what_is_known(record: MonthRecord) -> None:
    found = {promise.id.value: (promise.state, promise.cause) for promise in build(record).promises}
    assert found == {
        "firewall": (State.FAILED, Cause.FAILING),
        "patches": (State.FAILED, Cause.LATE),
        "local_backups": (State.UNPROVEN, Cause.DAYS_UNMEASURED),
        "cloud_backups": (State.FAILED, Cause.LATE),
        "hardware": (State.UNPROVEN, Cause.UNPROVEN),
        "response": (State.FAILED, Cause.LATE),
        "availability": (State.UNPROVEN, Cause.NOT_MEASURED),
        "versions": (State.UNPROVEN, Cause.UNPROVEN),
        "hours": (State.PASSED, Cause.KEPT),
    }


@pytest.mark.parametrize("language", ["de", "en"])
def test_a_month_about_which_nothing_is_known_is_green_nowhere(language: str) -> None:
    report = build(monthly_sample.bare())
    assert report.count(State.PASSED) == 0
    assert all(promise.state in (State.UNPROVEN, State.NOT_APPLICABLE) for promise in report.promises)
    page = Page(render(monthly_sample.bare(), language))
    assert not [one for one in page.marked("ok") if one.tag == "span"]
    assert [one.text for one in page.all("time")] == []


def test_without_scans_no_check_keeps_a_promise(record: MonthRecord) -> None:
    blind = replace(
        record, hosts=tuple(replace(host, scanned=None, results=()) for host in record.hosts), sightings={}, findings=()
    )
    kept = {promise.id for promise in build(blind).promises if promise.state is State.PASSED}
    assert kept == {PromiseId.HOURS}, "hours are not scanned"


def test_one_host_that_was_not_scanned_leaves_promises_unproven(record: MonthRecord) -> None:
    fine = replace(
        record,
        hosts=tuple(
            replace(host, results=tuple(replace(one, outcome=Outcome.PASSED) for one in host.results))
            for host in record.hosts
        ),
        findings=(),
    )
    assert promises(fine)[PromiseId.FIREWALL].state is State.PASSED
    missing = replace(fine, hosts=(replace(fine.hosts[0], scanned=None, results=()), *fine.hosts[1:]))
    assert promises(missing)[PromiseId.FIREWALL].state is State.UNPROVEN
    assert "1 host was not scanned" in Page(render(missing, "en")).identified("promises").text


def test_a_promise_without_a_check_is_unproven(record: MonthRecord) -> None:
    unchecked = replace(
        record,
        hosts=tuple(
            replace(host, results=tuple(one for one in host.results if one.family != "resilience"))
            for host in record.hosts
        ),
        findings=tuple(found for found in record.findings if found.family != "resilience"),
    )
    promise = promises(unchecked)[PromiseId.HARDWARE]
    assert (promise.state, promise.cause) == (State.UNPROVEN, Cause.NO_CHECK)
    assert "Zusage ohne Prüfung" in Page(render(unchecked, "de")).identified("gaps").text


def test_a_waiver_never_turns_a_promise_green(record: MonthRecord) -> None:
    def accepted(one: Result) -> Result:
        if one.family == "network" and one.outcome is Outcome.FAILED:
            return replace(one, waiver=sample.WAIVER)
        return replace(one, outcome=Outcome.PASSED)

    only = replace(
        record,
        hosts=tuple(replace(host, results=tuple(map(accepted, host.results))) for host in record.hosts),
        findings=(),
    )
    assert promises(only)[PromiseId.FIREWALL].state is State.WAIVED


def test_a_mild_finding_in_time_breaks_nothing_and_a_late_one_does(record: MonthRecord) -> None:
    mild = sample.result("clock", "web1", Outcome.FAILED, family="firewall", check="firewall.established")
    proofs = [sample.result(control, "web1", Outcome.PASSED) for control in ("open-ports", "input-policy")]
    host = replace(record.hosts[1], results=(mild, *proofs))
    moment = record.until - timedelta(days=3)
    young = monthly_sample.track(mild, monthly_sample.seen(mild, moment))
    fresh = replace(record, hosts=(host,), findings=(young,))
    assert promises(fresh)[PromiseId.FIREWALL].cause is Cause.IN_TIME
    old = monthly_sample.track(mild, monthly_sample.seen(mild, moment - timedelta(days=120)))
    assert promises(replace(fresh, findings=(old,)))[PromiseId.FIREWALL].cause is Cause.OVERDUE
    due = monthly_sample.track(mild, monthly_sample.seen(mild, moment - timedelta(days=100)))
    assert promises(replace(fresh, findings=(due,)))[PromiseId.FIREWALL].cause is Cause.LATE


def test_only_the_host_that_the_contract_names_proves_a_copy(record: MonthRecord) -> None:
    """Another host has a repository of the same name, and is down on a day: neither is of any concern."""
    assert record.contract is not None
    others = tuple(replace(one, host="web1", fingerprint=f"{one.fingerprint}2") for one in monthly_sample.BACKUPS[:1])
    hosts = tuple(
        replace(host, results=host.results + (others if host.record.host == "web1" else ())) for host in record.hosts
    )
    before = {(row.dataset, row.place): row for row in build(record).copies}
    after = {(row.dataset, row.place): row for row in build(replace(record, hosts=hosts)).copies}
    assert after == before
    moved = replace(record.contract.datasets[0], host="db9")
    contract = replace(record.contract, datasets=(moved, *record.contract.datasets[1:]))
    report = build(replace(record, hosts=hosts, contract=contract))
    assert [row.state for row in report.copies if row.dataset == "shop-db"] == [State.NOT_APPLICABLE] * 2
    (promise,) = (one for one in report.promises if one.id is PromiseId.LOCAL_BACKUPS)
    assert promise.state is State.UNPROVEN


def test_a_copy_that_was_too_old_in_between_is_broken_for_the_month(record: MonthRecord) -> None:
    rows = {(row.dataset, row.place): row for row in build(record).copies}
    cloud = rows["shop-db", "cloud"]
    assert (cloud.state, cloud.kept_days, cloud.broken_days) == (State.PASSED, 22, 9)
    assert rows["files", "onsite"].unmeasured_days == 2
    assert rows["files", "cloud"].days == ()
    assert rows["files", "cloud"].state is State.NOT_APPLICABLE


def test_the_rule_claims_only_what_a_check_proves(record: MonthRecord) -> None:
    for row in build(record).rules:
        assert (row.media.proven, row.immutable.proven, row.errors.proven) == (None, None, None)
        assert State.PASSED not in (row.media.state, row.immutable.state, row.errors.state)


def test_a_trend_ends_with_what_the_row_says(record: MonthRecord) -> None:
    for promise in build(record).promises:
        if promise.trend:
            last = promise.trend[-1]
            assert (last.month, last.state) == (record.month, promise.state)
            assert last.share == (promise.kept / promise.whole if promise.whole and promise.measured else None)
            assert len(promise.trend) == 12


@pytest.mark.parametrize(
    "evil", [MARKUP, TEMPLATE, INVISIBLE, CSS, EVIL], ids=["markup", "template", "invisible", "css", "all"]
)
@pytest.mark.parametrize("month", [monthly_sample.record, monthly_sample.changed])
def test_no_text_can_add_an_element_or_an_attribute(month: Callable[[], MonthRecord], evil: str) -> None:
    record = month()
    language = Language("de", record.timezone)
    report = build(record)
    hostile = rendering._page(poisoned(report, evil), language, Phrasebook())
    harmless = rendering._page(poisoned(report, " harmless"), language, Phrasebook())
    assert Page(hostile).skeleton == Page(harmless).skeleton
    left = re.findall(
        "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]", hostile.decode()
    )
    assert left == []


def test_the_page_asks_for_nothing_and_runs_nothing(record: MonthRecord) -> None:
    page = Page(render(record, "de"))
    assert not page.all("script", "link", "img", "iframe", "object")
    assert not [one for one in page.elements if "style" in one.attributes]
    (policy,) = [one for one in page.all("meta") if one.attributes.get("http-equiv")]
    assert (policy.attributes["content"] or "").startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in (policy.attributes["content"] or "")


def test_ids_are_unique_and_every_link_leads_somewhere(record: MonthRecord) -> None:
    page = Page(render(record, "de"))
    ids = [one.attributes["id"] for one in page.elements if "id" in one.attributes]
    assert len(ids) == len(set(ids))
    assert {(one.attributes["href"] or "")[1:] for one in page.all("a")} <= set(ids)


def test_every_table_has_a_caption_and_every_chart_is_told_in_words(record: MonthRecord) -> None:
    page = Page(render(record, "de"))
    assert len(page.all("caption")) == len(page.all("table"))
    charts = [one for one in page.all("svg") if one.attributes.get("role") == "img"]
    assert len(page.all("desc")) == len(charts) > 5
    assert all(one.text for one in page.all("desc"))


def test_every_text_is_used_and_no_other_is_asked_for() -> None:
    rooms = ("monthly", "fleet", "shelf")
    sources = [REPORTS / name for name in ("language.py", "wording.py", "excerpts.py")]
    sources += [path for room in rooms for path in (REPORTS / room).glob("*.py")]
    sources += [path for room in rooms for path in (REPORTS / "templates" / room).glob("*.html")]
    code = "\n".join(path.read_text() for path in sources if path.name != "texts.py")
    assert set(re.findall(r'\b(?:t|text)\(\s*"([a-z_0-9]+)"[,)]', code)) <= set(TEXTS) | set(TECHNICAL)
    made = set(re.findall(r'"([a-z]+_)" ~|f"([a-z]+_)\{', code))
    prefixes = tuple({one or other for one, other in made})
    words = set(re.findall(r"""["']([a-z_0-9]+)["']""", code))
    assert [key for key in TEXTS if key not in words and not key.startswith(prefixes)] == []


def test_numbers_are_written_as_each_language_does() -> None:
    german, english = Language("de", "Europe/Vienna"), Language("en", "Europe/Vienna")
    assert (german.number(1204), english.number(1204)) == ("1.204", "1,204")
    assert (german.hours(285), english.hours(285)) == ("4,75\u00a0h", "4.75\u00a0h")
    assert german.minute(monthly_sample.END) == "01.11.2026, 00:00"
    assert english.minute(monthly_sample.BEGIN) == "1 Oct 2026, 00:00"
    assert german.length(timedelta(days=2, hours=7)) == "2\u00a0Tage 7\u00a0h"
    lengths = [german.length(timedelta(minutes=minutes)) for minutes in (0, 13, 240, 730)]
    assert lengths == ["0\u00a0min", "13\u00a0min", "4\u00a0h", "12:10\u00a0h"]


def test_what_ends_at_midnight_ends_on_the_day_before() -> None:
    german = Language("de", "Europe/Vienna")
    assert german.last_day(monthly_sample.END) == "31.10.2026"
    assert german.last_day(monthly_sample.END - timedelta(hours=7)) == "31.10.2026"
    assert german.accepted_until(datetime(2027, 2, 1, tzinfo=UTC)) == "31.01.2027", "days of waivers are those of UTC"
    assert german.accepted_until(datetime(2027, 1, 31, 12, tzinfo=UTC)) == "31.01.2027"


def test_a_percentage_is_never_rounded_up() -> None:
    assert Language("en", "UTC").percent(Fraction(99999, 1000)) == "99.99%"


def test_another_language_is_refused(record: MonthRecord) -> None:
    with pytest.raises(ValueError, match="no language 'fr'"):
        render(record, "fr")


def test_grave_findings_come_with_their_evidence(record: MonthRecord) -> None:
    cards = Page(render(record, "de")).marked("card")
    grave = [entry for entry in build(record).findings if entry.severity.at_least(Severity.HIGH)]
    assert len(cards) == len(grave) > 0
    assert "sudo /usr/sbin/nft list ruleset" in cards[0].text


def test_a_check_is_told_in_the_reports_language(record: MonthRecord) -> None:
    entry = build(record).findings[0]
    book = Phrasebook({f"{entry.told}.": "Was zu sagen ist."})
    page = render(replace(record, translations=book), "de")
    assert '<span class="any">Was zu sagen ist</span>' in page.decode()
    assert entry.told not in Page(page).marked("fnd")[0].text


def test_a_sentence_that_nobody_translated_is_quoted_behind_its_title(record: MonthRecord) -> None:
    book = Phrasebook({found.title: f"{found.title} auf Deutsch" for found in record.findings})
    page = render(replace(record, translations=book), "de").decode()
    entry = build(record).findings[0]
    german = next(found for found in record.findings if found.fingerprint == entry.fingerprint).title
    assert f"nicht erfüllt: {german} auf Deutsch" in page
    assert entry.told in Page(page.encode()).marked("fnd")[0].text
    assert f'lang="en">{escape(entry.told)}' in page


def test_a_waiver_names_who_agreed_and_what_protects_instead(record: MonthRecord) -> None:
    waivers = Page(render(record, "en")).identified("waivers").text
    assert "approved by it@muster.example" in waivers
    assert "instead: the port is open to the office network only" in waivers


def test_the_method_names_calendars_and_runs(record: MonthRecord) -> None:
    method = Page(render(record, "de")).identified("method").text
    assert "tzdata 2026a, holidays 0.109" in method
    assert "Mitteleuropäische Normalzeit" in method
    assert record.last_run is not None
    assert f"Prüflauf {record.last_run.id}" in method


def test_outages_are_listed(record: MonthRecord) -> None:
    assert "status 503" in Page(render(record, "en")).identified("availability").text


def test_the_customers_colour_is_the_line_on_top_and_nothing_else(record: MonthRecord) -> None:
    assert record.contract is not None
    for colour, there in (("#1d4ed8", True), ("#1d4ed8}*{color:red", False)):
        contract = replace(record.contract, report=replace(record.contract.report, colour=colour))
        page = render(replace(record, contract=contract), "de").decode()
        assert (".mast{border-top:6px solid #1d4ed8}" in page) is there
        assert "color:red" not in page


def test_the_year_of_a_backup_has_no_point_where_nobody_looked(record: MonthRecord) -> None:
    promise = promises(record)[PromiseId.CLOUD_BACKUPS]
    assert [point.share for point in promise.trend[:-1]] == [None] * 11, "only this month's scans saw backups"
    assert promise.trend[-1].share == promise.kept / promise.whole
    seen = tuple(replace(host, results=host.results + monthly_sample.BACKUPS) for host in record.before[-1].hosts[:1])
    before = (*record.before[:-1], replace(record.before[-1], hosts=seen))
    assert promises(replace(record, before=before))[PromiseId.CLOUD_BACKUPS].trend[-2].share is not None


def test_clocks_of_an_earlier_contract_with_other_priorities_are_counted() -> None:
    record = monthly_sample.record()
    assert record.contract is not None
    first, *others = record.contract.priorities
    renamed = replace(record, contract=replace(record.contract, priorities=(replace(first, id="urgent"), *others)))
    before, after = priority_rows(record), priority_rows(renamed)
    assert [row.id for row in after] == ["urgent", *(row.id for row in before[1:]), first.id]
    assert [row.is_earlier for row in after] == [False] * len(before) + [True]
    assert (after[-1].responded, after[-1].remediated) == (before[0].responded, before[0].remediated)
    assert after[-1].remediated.total > 0
    row = Page(render(renamed, "en")).identified("deadlines").text
    assert "by an earlier contract" in row


def test_evidence_that_several_findings_share_is_printed_once(record: MonthRecord) -> None:
    seen = Evidence("ss -tlnp", 0, (3, 4), "LISTEN 0.0.0.0:8080 the-same-line")
    found = [
        sample.result("open-ports", "web1", Outcome.FAILED, f"tcp/{port}", evidence=(seen,), reason=f"{port} is open.")
        for port in (8080, 8081, 8082)
    ]
    month = replace(record, hosts=(replace(record.hosts[1], results=tuple(found)),), findings=())
    page = render(month, "en").decode()
    assert page.count("the-same-line") == 1
    assert page.count("See the evidence of finding 1.") == 2


def test_reasons_on_page_one_are_whole_on_the_screen_and_on_paper_where_there_is_room(record: MonthRecord) -> None:
    style = (REPORTS / "templates" / "monthly" / "monthly.css").read_text()
    screen = style.partition("@media print")[0]
    assert "line-clamp" not in screen
    assert 'class="prom"' in render(record, "de").decode(), "much to say: a line each, so that it stays one page"
    checks = ("firewall.default-policy", "network.open-ports", "patch.pending-security", "patch.end-of-life")
    proofs = [
        replace(sample.result("clock", "web1", Outcome.PASSED, check), check=check, family=check.partition(".")[0])
        for check in (*checks, "patch.release-behind", "backup.borg-freshness")
    ]
    failed = sample.result("open-ports", "web1", Outcome.FAILED, "tcp/9")
    calm = replace(record.hosts[1], results=(failed, *proofs))
    little = replace(record, contract=None, hosts=(calm,), findings=(), availability=(), sightings={})
    assert 'class="prom room4"' in render(little, "de").decode()
