"""How many results become few rows, without one getting lost."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from secaudit.reports.charts import stack
from secaudit.reports.excerpts import MOST_EXCERPTS, excerpts
from secaudit.reports.technical import render
from secaudit.reports.technical.findings import LEAST_ITEMS, MOST_ITEMS, _share
from secaudit.reports.technical.voice import Voice
from secaudit.reports.wording import Wording
from secaudit.reports.words import natural, spans

from secaudit.model.evidence import Evidence
from secaudit.model.outcome import Outcome, UnprovenKind
from secaudit.model.result import Result
from secaudit.model.run import RunReport
from tests.reports import sample
from tests.reports.parsed import Page

ENGLISH = Wording("en")


def page_of(*results: Result) -> Page:
    return Page(render(RunReport(sample.report().run, sample.HOSTS, results)))


def test_the_same_failure_on_many_hosts_is_one_card_with_a_row_each() -> None:
    same = [sample.result("reboot", host.host, Outcome.FAILED, reason="No reboot is pending.") for host in sample.HOSTS]
    page = page_of(*same)
    assert [one.text.strip() for one in page.all("h4")] == ["No reboot is pending"]
    assert len(page.marked("oc")) == len(sample.HOSTS)
    assert "12 results on 12 hosts" in page.marked("id")[0].text


def test_a_finding_is_headed_by_its_reason_else_its_title_else_its_control() -> None:
    one = sample.result("clock", "web1", Outcome.FAILED, reason="The clock is late.")
    for told in (one, replace(one, reason=""), replace(one, reason="", title="")):
        (heading,) = page_of(told).all("h4")
        assert heading.text == (told.reason.removesuffix(".") or told.title or told.control)


def test_failures_with_different_reasons_keep_them_and_share_the_title() -> None:
    both = [sample.result("clock", host, Outcome.FAILED, reason=f"{host} is late.") for host in ("web1", "web2")]
    page = page_of(*both)
    assert page.all("h4")[0].text == both[0].title
    assert [one.reason in row.text for one, row in zip(both, page.marked("oc"), strict=True)] == [True, True]


def test_subjects_of_a_host_stand_in_natural_order() -> None:
    ports = [sample.result("open-ports", "web1", Outcome.FAILED, f"tcp/{port}") for port in (8080, 443, 9)]
    rows = [one.text for one in page_of(*ports).all("th") if "where" in (one.attributes.get("class") or "")][1:]
    assert rows == ["web1tcp/9", "web1tcp/443", "web1tcp/8080"]


def test_remediation_that_differs_stands_with_each_host() -> None:
    first, second = (
        sample.result("reboot", host, Outcome.FAILED, remediation=f"reboot {host}") for host in ("web1", "web2")
    )
    assert [one.text for one in page_of(first, second).marked("fix")] == ["reboot web1", "reboot web2"]
    alike = replace(second, remediation=first.remediation)
    assert [one.text for one in page_of(first, alike).marked("fix")] == ["reboot web1"]


def test_a_finding_links_to_its_fingerprint_from_the_matrix() -> None:
    one = sample.result("reboot", "web1", Outcome.FAILED)
    page = page_of(one)
    assert f"#f-{one.fingerprint}" in [link.attributes["href"] for link in page.marked("pr")]
    assert page.identified(f"f-{one.fingerprint}").tag == "article"


def test_unproven_with_one_cause_is_one_row_that_names_every_host_and_control() -> None:
    reason = "`sudo nft list ruleset` was denied: a password is required"
    gaps = [
        sample.result(control, host, Outcome.UNPROVEN, "", kind=UnprovenKind.DENIED, reason=reason)
        for control in ("any-any", "input-policy")
        for host in ("web1", "db1", "fw1")
    ]
    (row,) = page_of(*gaps).marked("ur")
    assert all(name in row.text for name in ("web1", "db1", "fw1", "any-any", "input-policy", "6 checks"))


def test_evidence_that_stands_for_several_hosts_names_its_own() -> None:
    seen = (Evidence("sudo nft list ruleset", 1, None, "a password is required"),)
    gaps = [
        sample.result("clock", host, Outcome.UNPROVEN, kind=UnprovenKind.DENIED, reason="denied", evidence=seen)
        for host in ("db1", "web1")
    ]
    assert "What web1 answered, as one of 2:" in page_of(*gaps).marked("ur")[0].text


@pytest.mark.parametrize("kind", UnprovenKind)
def test_every_kind_of_unproven_says_what_would_settle_it(kind: UnprovenKind) -> None:
    page = page_of(sample.result("clock", "web1", Outcome.UNPROVEN, kind=kind, reason="so"))
    assert len(page.marked("settle")[0].text) > 40


def test_passed_results_fold_by_family_and_observation() -> None:
    hosts = ("web1", "web2", "db1")
    page = page_of(*(sample.result("clock", host, Outcome.PASSED, observed="0.1s") for host in hosts))
    (fold,) = page.marked("fold")
    assert "3 results" in fold.text
    (row,) = page.marked("pr-row")
    assert all(host in row.text for host in hosts)


def test_a_waiver_on_a_result_that_passed_is_pointed_out() -> None:
    page = page_of(sample.result("clock", "web1", Outcome.PASSED, waiver=sample.WAIVER))
    assert "1 waiver is attached to results that passed" in page.identified("waived").text


def test_hosts_of_several_customers_are_told_apart() -> None:
    other = replace(sample.HOSTS[1], customer="beispiel", customer_name="Beispiel AG")
    results = [sample.result("reboot", "web1", Outcome.FAILED), sample.result("reboot", "web1", Outcome.FAILED)]
    results[1] = replace(results[1], customer="beispiel", fingerprint="ab" * 16)
    page = Page(render(RunReport(sample.report().run, (sample.HOSTS[1], other), tuple(results))))
    assert [one.text for one in page.all("th") if "where" in (one.attributes.get("class") or "")][1:] == [
        "muster/web1",
        "beispiel/web1",
    ]


def test_lines_that_a_check_pointed_at_are_numbered_and_marked() -> None:
    (shown,) = excerpts([Evidence("nft list ruleset", 0, (41, 42), "a\nb")], ENGLISH)
    assert [(line.number, line.text) for line in shown.lines] == [(41, "a"), (42, "b")]
    assert shown.where == "exit 0, lines 41 to 42"


def test_an_excerpt_without_lines_has_no_numbers() -> None:
    (shown,) = excerpts([Evidence("date", None, None, "a\nb\n")], ENGLISH)
    assert [(line.number, line.text) for line in shown.lines] == [(None, "a"), (None, "b")]
    assert shown.where == ""


def test_a_command_that_printed_nothing_says_so() -> None:
    assert excerpts([Evidence("ip6tables-save -c", 0, None, "")], ENGLISH)[0].where == "exit 0, no output"


def test_references_name_their_standard() -> None:
    known = sample.result("clock", "web1", Outcome.FAILED, references={"pci-4.0": ("1.2.5", "1.4.2"), "house": ("7",)})
    assert "PCI DSS 4.0 1.2.5, 1.4.2; house 7" in page_of(known).marked("refs")[0].text


def test_what_is_new_is_tagged_and_what_is_late_is_called_overdue() -> None:
    new = sample.result("clock", "web1", Outcome.FAILED, first_seen=sample.STARTED)
    late = sample.result("clock", "web2", Outcome.FAILED, due=sample.STARTED - timedelta(hours=1))
    rows = page_of(new, late).marked("oc")
    assert ["data-new" in row.attributes for row in rows] == [True, False]
    assert rows[0].text.endswith("new")
    assert rows[1].text.endswith("first seen 2026-10-02, overdue since 2026-10-31 01:10 UTC")


def test_the_note_on_lines_left_out_has_no_number() -> None:
    evidence = Evidence.of("dmesg", 0, (1, 50), [f"line {number}" for number in range(1, 51)])
    (shown,) = excerpts([evidence], ENGLISH)
    assert shown.lines[-1].number is None
    assert shown.lines[-2].number == len(shown.lines) - 1


def test_evidence_beyond_the_bound_is_counted() -> None:
    assert (
        excerpts([Evidence("date", 0, None, "")] * (MOST_EXCERPTS + 3), ENGLISH)[-1].where == "3 more in results.json"
    )


@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=5), st.integers(0, 20_000))
def test_a_bar_never_leaves_its_width_and_hides_nothing(counts: list[int], scale: int) -> None:
    segments = stack(list(enumerate(counts)), scale or None)
    assert [(one.kind, one.count) for one in segments] == [(i, count) for i, count in enumerate(counts) if count]
    assert all(one.width > 0 for one in segments)
    assert all(one.x <= after.x for one, after in itertools.pairwise(segments))
    assert not segments or segments[-1].x + segments[-1].width <= 100.05


@given(st.text(alphabet="`ab ", max_size=12))
def test_code_spans_lose_nothing_but_backticks(text: str) -> None:
    assert "".join(part for _, part in spans(text)).replace("`", "") == text.replace("`", "")


@given(st.integers(0, 70_000), st.integers(0, 70_000))
def test_natural_order_is_that_of_the_numbers(one: int, other: int) -> None:
    assert (natural(f"tcp/{one}") < natural(f"tcp/{other}")) == (one < other)


def test_counts_and_lists_are_those_of_the_language() -> None:
    english, german = Voice(Wording("en")), Voice(Wording("de"))
    assert [english.words.spelt(n) for n in (0, 1, 2, 1300)] == ["no", "one", "two", "1,300"]
    assert [german.words.spelt(n, "tech_numbers") for n in (0, 1, 2, 1300)] == ["kein", "ein", "zwei", "1.300"]
    assert english.hosts(["a", "b", "c", "d"]) == "a, b and 2 more hosts"
    assert german.hosts(["a", "b", "c", "d", "e"], "tech_on_more_hosts") == "a, b, c und 2 weiteren Hosts"
    assert english.words.listed(["a", "b", "c"]) == "a, b and c"
    assert german.words.listed(["a", "b"]) == "a und b"
    assert english.words.listed([]) == ""
    assert english.period(sample.STARTED, sample.FINISHED) == "2026-10-31 02:10 to 02:20 UTC"
    assert german.period(sample.STARTED, sample.FINISHED) == "2026-10-31 02:10 bis 02:20 UTC"
    assert english.period(sample.STARTED, sample.STARTED) == "2026-10-31 02:10 UTC"
    assert german.period(sample.STARTED, None) == "2026-10-31 02:10 UTC, nicht beendet"


def test_long_findings_give_way_to_short_ones() -> None:
    assert _share([3, 1]) == MOST_ITEMS
    assert _share([3, 10 * MOST_ITEMS]) == MOST_ITEMS - 3
    assert _share([10 * MOST_ITEMS] * 4) == MOST_ITEMS // 4
    assert _share([10] * MOST_ITEMS) == LEAST_ITEMS
    assert _share([]) == MOST_ITEMS
