"""Imported support dates: what is read of them, and that they go before the table that ships."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from secaudit.checks.host.facts import OsRelease
from secaudit.checks.patch.checks.end_of_life import end_of_life
from secaudit.checks.patch.facts import NewestMinor, ReleaseSupport
from secaudit.checks.patch.feeds.announced import AnnouncedSupport, SupportSource
from secaudit.checks.patch.feeds.importing import import_feeds
from secaudit.checks.patch.feeds.lookup import AdvisorySource
from secaudit.checks.patch.feeds.records import FeedError
from secaudit.checks.patch.support_dates import SUPPORT_DATES

from secaudit.api import Evidence, Now, Outcome, Unproven, UnprovenKind
from tests.checks.judging import AT, judge, only
from tests.shared_data import shared

DAY = timedelta(days=1)
HEAD = "version,codename,series,created,release,eol,eol-lts,eol-elts"


def announced(tmp_path: Path, *paths: Path, age: timedelta = DAY) -> AnnouncedSupport:
    import_feeds(paths, tmp_path / "feeds", AT, as_of=AT - age)
    return SupportSource(tmp_path / "feeds").load(None)


def table(tmp_path: Path, *rows: str, head: str = HEAD) -> Path:
    path = tmp_path / "debian.csv"
    path.write_text("\n".join((head, *rows, "")))
    return path


def product(tmp_path: Path, name: str, *releases: dict[str, Any], **more: Any) -> Path:
    path = tmp_path / f"{name}.json"
    document = {"schema_version": "1.2.0", "result": {"name": name, "releases": list(releases)}, **more}
    path.write_text(json.dumps(document))
    return path


def host(id: str, version: str) -> OsRelease:
    return OsRelease(id, version, "", id, (), Evidence("cat /etc/os-release", 0, None, ""))


def test_the_tables_of_distro_info_agree_with_ours(tmp_path: Path) -> None:
    known = announced(tmp_path, shared("patch/eol/debian.csv"), shared("patch/eol/ubuntu.csv")).releases
    for key, ours in SUPPORT_DATES.releases.items():
        if ours.distribution in ("debian", "ubuntu"):
            assert known[key].support == ours
    assert known["debian", "12"].feed == "distro-info debian"
    assert known["ubuntu", "25.04"].support.extended_until is None


def test_products_of_endoflife_date(tmp_path: Path) -> None:
    """The pages that the API is made from, in the form in which the API gives them."""
    products = []
    for name in ("almalinux", "rocky-linux", "rhel", "debian", "fedora", "python"):
        _, matter, *_ = shared(f"patch/eol/{name}.md").read_text().split("---\n", 2)
        releases = [
            {"name": str(one["releaseCycle"]), "eolFrom": _day(one["eol"]), "eoesFrom": _day(one.get("eoes"))}
            for one in yaml.safe_load(matter)["releases"]
        ]
        products.append({"name": name, "releases": releases})
    path = tmp_path / "full.json"
    path.write_text(json.dumps({"schema_version": "1.2.0", "result": products}))
    known = announced(tmp_path, path).releases

    assert known["almalinux", "9"].support == SUPPORT_DATES.releases["almalinux", "9"]
    assert known["rocky", "9"].support == SUPPORT_DATES.releases["rocky", "9"]
    assert known["debian", "12"].support == SUPPORT_DATES.releases["debian", "12"]
    assert known["rhel", "8"].support.subscription
    assert not {distribution for distribution, _ in known} - {"almalinux", "rocky", "rhel", "debian", "fedora"}


def test_the_newest_minor_release_comes_with_the_product(tmp_path: Path) -> None:
    """In both forms of the API; the higher of what was imported and the table counts."""
    latest = {"name": "9", "eolFrom": "2032-05-31", "latest": {"name": "9.9", "date": "2026-11-17", "link": "…"}}
    known = announced(tmp_path, product(tmp_path, "almalinux", latest))
    assert known.releases["almalinux", "9"].newest == NewestMinor(9, date(2026, 11, 17))
    for version, outcome in (("9.8", Outcome.FAILED), ("9.9", Outcome.PASSED), ("9.10", Outcome.UNPROVEN)):
        verdict = only(judge(end_of_life, {}, host("almalinux", version), SUPPORT_DATES, known, Now(AT)))
        assert verdict.outcome is outcome, version

    old = tmp_path / "rocky-linux.json"
    cycle = {"cycle": "9", "eol": "2032-05-31", "latest": "9.6", "latestReleaseDate": "2025-06-04"}
    old.write_text(json.dumps([cycle]))
    known = announced(tmp_path, old)
    assert known.releases["rocky", "9"].newest == NewestMinor(6, date(2025, 6, 4))
    assert only(judge(end_of_life, {}, host("rocky", "9.6"), SUPPORT_DATES, known, Now(AT))).outcome is Outcome.FAILED

    old.write_text(json.dumps([cycle | {"latest": "8.6"}]))
    with pytest.raises(FeedError, match=r"its newest release 8\.6 is one of another major release"):
        announced(tmp_path, old)


@pytest.mark.parametrize("name", ["almalinux", "rocky-linux", "rhel"])
def test_the_newest_minor_releases_agree_with_the_source(name: str) -> None:
    _, matter, *_ = shared(f"patch/eol/{name}.md").read_text().split("---\n", 2)
    told = {str(one["releaseCycle"]): one for one in yaml.safe_load(matter)["releases"]}
    ours = {key: one for key, one in SUPPORT_DATES.newest.items() if key[0] == name.removesuffix("-linux")}
    assert len(ours) == 3
    for (_, major), newest in ours.items():
        assert (f"{major}.{newest.minor}", newest.since) == (told[major]["latest"], told[major]["latestReleaseDate"])


def _day(value: object) -> str | None:
    return str(value) if isinstance(value, date) else None


def test_the_older_api_names_its_product_by_its_file(tmp_path: Path) -> None:
    path = tmp_path / "rocky-linux.json"
    cycles = [{"cycle": "9", "eol": "2032-05-31", "lts": False}, {"cycle": "10", "eol": False}]
    path.write_text(json.dumps(cycles))
    known = announced(tmp_path, path).releases
    assert {key: one.support for key, one in known.items()} == {
        ("rocky", "9"): ReleaseSupport("rocky", "9", date(2032, 5, 31))
    }


@pytest.mark.parametrize(
    ("rows", "head", "message"),
    [
        (["12,B,b,2020-01-01,2023-06-10,2026-13-01"], HEAD, "line 2: '2026-13-01' is not a date"),
        (["12,B,b,2020-01-01,2023-06-10,2026-07-11,2025-01-01"], HEAD, "before the support itself"),
        (["12,B,b,,,2026-07-11", "12,B,b,,,2026-07-11"], HEAD, "debian 12 comes twice"),
        (["12,B,b,,,2026-07-11"], "version,codename,series,created,release,eol", "neither Debian's table"),
        (["15,D,d,2027-08-01"], HEAD, "nothing in it"),
    ],
)
def test_broken_tables_change_nothing(tmp_path: Path, rows: list[str], head: str, message: str) -> None:
    announced(tmp_path, table(tmp_path, "11,B,b,2019-07-06,2021-08-14,2024-08-14,2026-08-31"))
    with pytest.raises(FeedError, match=message):
        announced(tmp_path, table(tmp_path, *rows, head=head))
    assert list(SupportSource(tmp_path / "feeds").load(None).releases) == [("debian", "11")]


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"schema_version": "2.0.0"}, "schema version '2.0.0'"),
        ({"result": {"name": "debian"}}, "not of endoflife.date's form"),
        ({"result": {"name": "debian", "releases": [{"name": "12", "eolFrom": "soon"}]}}, "debian 12: 'soon'"),
        ({"generated_at": "2027-11-24T00:00:00Z"}, "in the future"),
    ],
)
def test_broken_products_are_refused(tmp_path: Path, document: dict[str, Any], message: str) -> None:
    path = product(tmp_path, "debian", {"name": "12", "eolFrom": "2026-07-11"}, **document)
    with pytest.raises(FeedError, match=message):
        import_feeds((path,), tmp_path / "feeds", AT)


def test_the_younger_feed_counts_and_of_two_equal_ones_the_distribution_s_own(tmp_path: Path) -> None:
    own = table(tmp_path, "12,B,b,2020-01-01,2023-06-10,2026-07-11")
    other = product(tmp_path, "debian", {"name": "12", "eolFrom": "2027-07-11"})
    assert announced(tmp_path, own, other).releases["debian", "12"].feed == "distro-info debian"
    assert announced(tmp_path, other, age=timedelta()).releases["debian", "12"].feed == "endoflife-date debian"
    assert AdvisorySource(tmp_path / "feeds").stamps == ()


def test_imported_dates_go_before_the_table(tmp_path: Path) -> None:
    known = announced(tmp_path, table(tmp_path, "13,T,t,2023-06-10,2025-08-09,2026-11-01"))
    verdict = only(judge(end_of_life, {}, host("debian", "13"), SUPPORT_DATES, known, Now(AT)))
    assert verdict.outcome is Outcome.FAILED
    assert verdict.observed == "debian 13 was supported until 2026-11-01 (distro-info debian, 1d old)"

    other = only(judge(end_of_life, {}, host("almalinux", "9.8"), SUPPORT_DATES, known, Now(AT)))
    assert other.outcome is Outcome.PASSED
    assert "table reviewed on 2026-11-24" in other.observed


def test_old_imported_dates_prove_the_end_and_nothing_else(tmp_path: Path) -> None:
    rows = ("12,B,b,2020-01-01,2023-06-10,2026-07-11", "14,F,f,2025-08-09,2026-01-01,2029-01-01")
    known = announced(tmp_path, table(tmp_path, *rows), age=181 * DAY)
    assert only(judge(end_of_life, {}, host("debian", "12"), SUPPORT_DATES, known, Now(AT))).outcome is Outcome.FAILED
    verdict = only(judge(end_of_life, {}, host("debian", "14"), SUPPORT_DATES, known, Now(AT)))
    assert (verdict.outcome, verdict.kind) == (Outcome.UNPROVEN, UnprovenKind.STALE)
    longer = only(judge(end_of_life, {"dates_max_age": "200d"}, host("debian", "14"), SUPPORT_DATES, known, Now(AT)))
    assert longer.outcome is Outcome.PASSED


def test_damaged_dates_do_not_fall_back_to_the_table(tmp_path: Path) -> None:
    announced(tmp_path, table(tmp_path, "12,B,b,2020-01-01,2023-06-10,2026-07-11"))
    for path in (tmp_path / "feeds").glob("*.sqlite"):
        path.write_bytes(b"")
    with pytest.raises(Unproven, match="is damaged"):
        SupportSource(tmp_path / "feeds").load(None)
