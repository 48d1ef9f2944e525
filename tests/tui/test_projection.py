"""What the projection finds is what a plain reading of the terms finds, in the order that was asked for."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from itertools import chain

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from secaudit.model.outcome import Outcome
from secaudit.model.severity import Severity
from secaudit.store.listing import FindingLine, Handling
from secaudit.tui.filter.haystack import Haystack
from secaudit.tui.filter.language import parse
from secaudit.tui.findings.projection import Group, Projection, Query, Row, Sort
from secaudit.tui.scope import Scope
from tests.tui.scenes import NOW


def line(number: int, **changed: object) -> FindingLine:
    plain = FindingLine(
        fingerprint=f"f{number}",
        customer="muster",
        name="Muster GmbH",
        host=f"web{number}",
        site="vienna",
        control="ports",
        check="network.open-ports",
        family="network",
        subject="tcp/80",
        title="Only named ports",
        reason="is open",
        severity=Severity.HIGH,
        outcome=Outcome.FAILED,
        waived=False,
        opened=NOW - timedelta(days=40),
        due=NOW + timedelta(days=1),
        resolved=None,
        run="run-1",
    )
    return plain._replace(**changed)  # type: ignore[arg-type]  # by name


LINES = [
    line(
        1,
        severity=Severity.CRITICAL,
        opened=NOW - timedelta(hours=1),
        subject="tcp/8080",
        advisories="\nDSA-5000-1\nCVE-2026-1000\nCVE-2026-2000\n",
    ),
    line(2, outcome=Outcome.UNPROVEN, due=None, control="raid", family="resilience", title="RAID is complete"),
    line(3, due=NOW - timedelta(hours=2), customer="alp", name="Älpenglas 100%_AG"),
    line(4, waived=True, due=NOW - timedelta(days=3), advisories="\nCVE-2026-10001\n"),
    line(5, resolved=NOW - timedelta(days=2), host="old1"),
    line(6, severity=Severity.LOW, reason="weird \ud800 \x1b[31m", subject='quo"te'),
]


TAGS = [("muster", "web1", ("Web", "edge")), ("alp", "web3", ("weird \ud800",)), ("alp", "web1", ("db",))]


def projection(lines: Iterable[FindingLine] = LINES) -> Projection:
    made = Projection()
    made.add(lines, {"f1": Handling("anna"), "f2": Handling(paused_until=NOW + timedelta(days=1))}, NOW)
    made.tag(TAGS)
    made.settle()
    return made


def rows(made: Projection, query: Query) -> list[Row]:
    made.sort(query.sort)
    return list(made.rows(list(chain.from_iterable(made.ids(query, NOW)))))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "f1 f3 f2 f4 f6"),
        ("new", "f1"),
        ("-new", "f3 f2 f4 f6"),
        ("overdue", "f3"),
        ("unproven", "f2"),
        ("waived", "f4"),
        ("fixed", "f5"),
        ("acked", "f1"),
        ("paused", "f2"),
        ("owner:anna", "f1"),
        ("tag:web", "f1"),
        ("sev:critical,low", "f1 f6"),
        ("sev:high+", "f1 f3 f2 f4"),
        ("outcome:failed -waived", "f1 f3 f6"),
        ("host:web1", "f1"),
        ("host:we", "f1 f3 f2 f4 f6"),
        ("host:*2", "f2"),
        ('customer:"älpenglas 100%_ag"', "f3"),
        ("customer:alp", "f3"),
        ("subject:tcp/80", "f3 f2 f4"),
        ("subject:8080", "f1"),
        ("family:resil", "f2"),
        ("cve:CVE-2026-1000", "f1"),
        ("cve:cve-2026-10001", "f4"),
        ("cve:CVE-2026-1", "f1 f4"),
        ("cve:CVE-2026-1000*", "f1 f4"),
        ("cve:CVE-2026-?000", "f1"),
        ("cve:dsa-5000-1", "f1"),
        ("cve:2026-1000", ""),
        ("cve:%", ""),
        ("cve:*", "f1 f4"),
        ("-cve:CVE-2026-1000", "f3 f2 f4 f6"),
        ("cve:CVE-2026-2000,CVE-2026-10001", "f1 f4"),
        ("due<2d", "f1 f3 f4 f6"),
        ("-due<2d", "f2"),
        ("due<-1h", "f3 f4"),
        ("age<1d", "f1"),
        ("raid", "f2"),
        ("MUSTER web1", "f1"),
        ("100%_", "f3"),
        ("zzz", ""),
    ],
)
def test_filters_select_what_they_say(text: str, found: str) -> None:
    assert " ".join(row.fingerprint for row in rows(projection(), Query(parse(text).terms))) == found


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        (Sort.SEVERITY, "f1 f3 f2 f4 f6"),
        (Sort.DUE, "f3 f1 f6 f2 f4"),
        (Sort.AGE, "f1 f2 f4 f3 f6"),
        (Sort.CUSTOMER, "f1 f2 f4 f6 f3"),
        (Sort.CONTROL, "f1 f3 f4 f6 f2"),
    ],
)
def test_orders(sort: Sort, order: str) -> None:
    assert " ".join(row.fingerprint for row in rows(projection(), Query(sort=sort))) == order


def test_scope_groups_and_selection() -> None:
    made = projection()
    assert [row.fingerprint for row in rows(made, Query(scope=Scope().of_host("muster", "web2")))] == ["f2"]
    groups = made.groups(Query(group=Group.CUSTOMER), NOW)
    assert [(group.name, group.count, group.unproven) for group in groups] == [
        ("Muster GmbH", 4, 1),
        ("Älpenglas 100%_AG", 1, 0),
    ]
    assert made.fingerprints(Query(parse("sev:high").terms), NOW) == {"f2", "f3", "f4"}
    assert [row.fingerprint for row in made.of({"f6", "f1", "gone"})] == ["f1", "f6"]


def test_long_answers_come_in_parts_and_narrow_ones_from_few() -> None:
    made = projection(line(number, subject=f"tcp/{number}") for number in range(1000))
    parts = list(made.ids(Query(), NOW))
    assert [len(part) for part in parts] == [128, 872]
    few = [number for part in made.ids(Query(parse("tcp/99").terms), NOW) for number in part]
    assert len(few) == 11
    query = Query(parse("tcp/999").terms)
    assert list(made.ids(query, NOW, few)) == list(made.ids(query, NOW))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("tag:web", {"f1"}),
        ("tag:web,weird*", {"f1", "f3"}),
        ("-tag:edge", {"f2", "f3", "f4", "f6"}),
        ("tag:nothing", set()),
        ("tag:db", set()),
    ],
)
def test_tags_are_those_of_the_host_of_that_customer(text: str, expected: set[str]) -> None:
    assert projection().fingerprints(Query(parse(text).terms), NOW) == expected


texts = st.text(st.sampled_from("abß\0\n é\ud800"), max_size=6)


@given(st.lists(texts, max_size=12), texts.filter(bool), st.integers(0, 12))
@example([], "\0", 0)
@example(["", "a"], "\0", 2)
def test_a_haystack_knows_the_rows_that_hold_a_text_or_that_they_are_many(
    rows: list[str], sought: str, most: int
) -> None:
    plain = [row.replace("\0", "") for row in rows]
    expected = [number for number, row in enumerate(plain, 1) if sought.replace("\0", "") in row]
    assert Haystack(rows).rows(sought, most) == (expected if len(expected) <= most else None)


@pytest.mark.parametrize("many", [10, 3000])
def test_rare_and_frequent_words_are_found_alike(many: int) -> None:
    reasons = ["Ärger mit openssl", "openssl waived", "nothing here", "a web9 name"]
    made = projection(line(number, reason=reasons[number % 4], host="web1") for number in range(many))
    for text, wanted in {
        "openssl": {0, 1},
        "ÄRGER": {0},
        "openssl -waived": {0, 1},
        'openssl -"waived"': {0},
        "openssl nothing": set(),
        "web9": {3},
        "web1": {0, 1, 2, 3},
        "muster -openssl": {2, 3},
    }.items():
        found = made.fingerprints(Query(parse(text).terms), NOW)
        assert found == {f"f{number}" for number in range(many) if number % 4 in wanted}, text


def test_packages_are_what_findings_about_patches_are_about() -> None:
    patch = {"family": "patch", "control": "security-updates"}
    lines = [
        line(1, subject="openssl", **patch),
        line(2, subject="openssl", outcome=Outcome.UNPROVEN, **patch),
        line(3, subject="openssl"),
        line(4, subject="", **patch),
        line(5, subject="libopenssl3", waived=True, due=NOW - timedelta(days=1), **patch),
    ]
    made = projection(lines)
    groups = made.groups(Query(group=Group.PACKAGE), NOW)
    assert [(group.key, group.count, group.due is None) for group in groups] == [
        ("openssl", 2, False),
        ("libopenssl3", 1, True),
    ]
    for text, hosts in (
        ("package:openssl", ["web1", "web2"]),
        ("package:*openssl*", ["web1", "web2", "web5"]),
        ("package:libop", ["web5"]),
        ("-package:openssl", ["web3", "web4", "web5"]),
    ):
        assert sorted(row.host for row in rows(made, Query(parse(text).terms))) == hosts, text
