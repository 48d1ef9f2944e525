"""Findings as the store keeps, filters and pages them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from secaudit.model.answer import Reach
from secaudit.model.outcome import Outcome, UnprovenKind
from secaudit.model.severity import Severity
from secaudit.store import FindingFilter, FindingState, Occurrence, Store
from tests.store.scenes import DAY, DB, OTHER, START, WEB, a_result, a_run, record, scan, waived

ALL = FindingFilter(state=FindingState.ALL)


def test_known_are_the_open_findings_with_their_age(store: Store) -> None:
    failed, other = a_result(WEB), a_result(WEB, subject="tcp/9090")
    scan(store, 0, WEB, failed)
    scan(store, 1, WEB, failed, other, a_result(WEB, "ssh", "", Outcome.PASSED))
    assert store.known("muster", "web1") == {failed.fingerprint: START, other.fingerprint: START + DAY}
    scan(store, 2, WEB, replace(failed, outcome=Outcome.PASSED), other)
    assert store.known("muster", "web1") == {other.fingerprint: START + DAY}
    assert store.known("zettel", "web1") == {}
    scan(store, 3, WEB, failed, other)
    assert store.known("muster", "web1")[failed.fingerprint] == START + 3 * DAY, "it came back: a new age"
    kept = store.finding(failed.fingerprint)
    assert kept is not None
    assert (kept.first_seen, kept.opened, kept.reopened) == (START, START + 3 * DAY, 1)


def test_a_host_that_was_down_keeps_its_findings(store: Store) -> None:
    scan(store, 0, WEB, a_result(WEB))
    scan(store, 1, WEB, a_result(WEB, subject="", outcome=Outcome.UNPROVEN), reach=Reach.UNREACHABLE)
    scan(store, 2, WEB, a_result(WEB))
    (found,) = store.findings(FindingFilter())
    assert (found.subject, found.opened, found.last_seen) == ("tcp/8080", START, START + 2 * DAY)
    (gone,) = store.findings(FindingFilter(state=FindingState.RESOLVED))
    assert (gone.subject, gone.resolved) == ("", START + 2 * DAY)


def test_an_older_scan_that_is_recorded_later_is_history_only(store: Store) -> None:
    scan(store, 5, WEB, a_result(WEB))
    scan(store, 1, WEB, a_result(WEB, outcome=Outcome.PASSED), a_result(WEB, subject="tcp/1"))
    (found,) = store.findings(ALL)
    assert (found.subject, found.resolved, found.last_run) == ("tcp/8080", None, "run-5")
    (web,) = store.hosts()
    assert web.run == "run-5"
    assert [seen.run for seen in store.history(found.fingerprint)] == ["run-5", "run-1"]


def test_a_second_evaluation_of_the_same_transcript_counts(store: Store) -> None:
    scan(store, 0, WEB, a_result(WEB))
    again = a_run(id="evaluated-again")
    store.begin(again, [WEB])
    record(store, again, WEB, [a_result(WEB, outcome=Outcome.PASSED)], at=START)
    (found,) = store.findings(ALL)
    assert found.resolved == START


def test_history_tells_what_every_scan_said(store: Store) -> None:
    failed = a_result(WEB)
    scan(store, 0, WEB, a_result(WEB, outcome=Outcome.PASSED))
    scan(store, 1, WEB, failed)
    scan(store, 2, WEB, a_result(WEB, outcome=Outcome.UNPROVEN), reach=Reach.PARTIAL)
    newest, *_, oldest = store.history(failed.fingerprint)
    assert newest == Occurrence(
        "run-2",
        START + 2 * DAY,
        Reach.PARTIAL,
        Outcome.UNPROVEN,
        Severity.HIGH,
        UnprovenKind.DENIED,
        "tcp/8080 unproven",
    )
    assert (oldest.run, oldest.outcome) == ("run-0", Outcome.PASSED)
    assert len(store.history(failed.fingerprint, limit=2)) == 2
    assert store.history("0" * 32) == ()


@pytest.fixture
def crowd(store: Store) -> Store:
    """Findings of three hosts: open, resolved, waived, unproven, of every severity."""
    gone = a_result(WEB, subject="tcp/1")
    critical = replace(
        a_result(WEB, "root-login", ""), severity=Severity.CRITICAL, family="host", title="Root 100% öffen"
    )
    scan(store, 0, WEB, gone, critical)
    scan(store, 1, WEB, a_result(WEB, subject="tcp/2"), critical)
    low = replace(a_result(DB, subject="tcp/5432"), severity=Severity.LOW)
    scan(store, 2, DB, low, a_result(DB, "backup", "shop", Outcome.UNPROVEN))
    scan(store, 3, OTHER, waived(a_result(OTHER)))
    return store


@pytest.mark.parametrize(
    ("wanted", "subjects"),
    [
        (FindingFilter(), ["", "shop", "tcp/2", "tcp/8080", "tcp/5432"]),
        (ALL, ["", "shop", "tcp/2", "tcp/8080", "tcp/5432", "tcp/1"]),
        (FindingFilter(state=FindingState.RESOLVED), ["tcp/1"]),
        (FindingFilter(customer="zettel"), ["tcp/8080"]),
        (FindingFilter(site="graz"), ["tcp/8080"]),
        (FindingFilter(host="web1"), ["", "tcp/2", "tcp/8080"]),
        (FindingFilter(customer="muster", host="web1", family="network"), ["tcp/2"]),
        (FindingFilter(control="backup"), ["shop"]),
        (FindingFilter(outcomes=frozenset({Outcome.UNPROVEN})), ["shop"]),
        (FindingFilter(minimum=Severity.CRITICAL), [""]),
        (FindingFilter(minimum=Severity.LOW, host="db1"), ["shop", "tcp/5432"]),
        (FindingFilter(waived=True), ["tcp/8080"]),
        (FindingFilter(waived=False, outcomes=frozenset({Outcome.FAILED})), ["", "tcp/2", "tcp/5432"]),
        (FindingFilter(new_since=START + 2 * DAY), ["shop", "tcp/8080", "tcp/5432"]),
        (FindingFilter(text="TCP/5"), ["tcp/5432"]),
        (FindingFilter(text="100% ÖFF"), [""]),
        (FindingFilter(text="%"), [""]),
        (FindingFilter(text="_"), []),
        (FindingFilter(text="'; DROP TABLE finding; --"), []),
    ],
)
def test_filters(crowd: Store, wanted: FindingFilter, subjects: list[str]) -> None:
    assert [found.subject for found in crowd.findings(wanted)] == subjects
    assert crowd.count(wanted) == len(subjects)


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("CVE-2026-1000", 5),
        ("cve-2026-100", 5),
        ("DSA-5000-1", 5),
        ("TEMP-1-A%", 5),
        ("CVE-2026-10", 0),
        ("DSA-5000", 0),
        ("%", 0),
    ],
)
def test_findings_of_an_advisory_are_those_that_name_it_as_a_whole(crowd: Store, name: str, count: int) -> None:
    found = crowd.findings(FindingFilter(advisory=name))
    assert len(found) == count
    assert all(one.advisories == ("DSA-5000-1", "CVE-2026-1000", "CVE-2026-100", "TEMP-1-A%") for one in found)


def test_pages_are_disjoint_and_complete(crowd: Store) -> None:
    pages = [crowd.findings(ALL, limit=2, offset=offset) for offset in range(0, 8, 2)]
    assert [len(page) for page in pages] == [2, 2, 2, 0]
    assert tuple(found for page in pages for found in page) == crowd.findings(ALL)
