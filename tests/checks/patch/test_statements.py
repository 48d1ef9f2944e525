"""Statements of exploitability (VEX): which are read, which packages they are about, and until when they count."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from secaudit.checks.host.facts import OsRelease, Package, Packages
from secaudit.checks.patch.checks import advisories_overdue, kev_overdue, no_fix_available
from secaudit.checks.patch.exposure import Exposures, expose
from secaudit.checks.patch.feeds.importing import import_feeds
from secaudit.checks.patch.feeds.lookup import KnownExploited
from secaudit.checks.patch.feeds.records import ExploitedRecord, FeedError
from secaudit.checks.patch.sbom.bill import Inventoried, bill_of_materials, written
from secaudit.checks.patch.statements import Statements, StatementSource

from secaudit.api import Outcome, Platform, Unproven
from tests.checks.judging import AT, judge, only

from .feeding import advisories, osv
from .given import NOW, NOWHERE

DAY = timedelta(days=1)
BOOKWORM = Platform("debian", "12")
LIBSSL = "pkg:deb/debian/libssl3@3.0.1-1?arch=amd64&distro=debian-12"
OPENSSL = "pkg:deb/debian/openssl"


def statement(*products: Any, status: str = "not_affected", **more: Any) -> dict[str, Any]:
    return {
        "vulnerability": {"name": "CVE-2026-1000"},
        "products": [{"@id": one} if isinstance(one, str) else one for one in products],
        "status": status,
        "justification": "vulnerable_code_not_in_execute_path",
        **more,
    }


def openvex(path: Path, *statements: dict[str, Any], **more: Any) -> Path:
    document = {
        "@context": "https://openvex.dev/ns/v0.2.0",
        "@id": "https://vex.example/1",
        "author": "Anna <anna@provider.example>",
        "timestamp": "2026-10-01T00:00:00Z",
        "version": 1,
        "statements": list(statements),
        **more,
    }
    path.write_text(json.dumps(document))
    return path


def known(tmp_path: Path, *statements: dict[str, Any], expires: date | None = None, **more: Any) -> Statements:
    path = openvex(tmp_path / "vex.json", *statements, **more)
    import_feeds((path,), tmp_path / "feeds", AT, expires=expires)
    return StatementSource(tmp_path / "feeds").load(BOOKWORM)


def host() -> Packages:
    names = ("libssl3", "openssl")
    return Packages("dpkg", tuple(Package(n, "3.0.1-1", "amd64", "openssl", "3.0.1-1") for n in names), NOWHERE)


def exposures(tmp_path: Path, statements: Statements, *fixed: str) -> Exposures:
    flaw = osv("DSA-1-1", "openssl", *fixed, published="2026-06-01T00:00:00Z", cves=["CVE-2026-1000"], summary="High:")
    return expose(host(), advisories(tmp_path, flaw), statements)


@pytest.mark.parametrize(
    "products",
    [
        [OPENSSL],
        ["pkg:deb/debian/openssl@3.0.1-1"],
        ["pkg:deb/debian/openssl?distro=bookworm"],
        [LIBSSL, "pkg:deb/debian/openssl@3.0.1-1?upstream=openssl%403.0.1-1"],
        [{"@id": "https://provider.example/ssl", "identifiers": {"purl": OPENSSL}}],
    ],
)
def test_a_flaw_that_is_stated_to_do_no_harm_does_not_count(tmp_path: Path, products: list[Any]) -> None:
    exposed = exposures(tmp_path, known(tmp_path, statement(*products)), "3.0.1-2")
    verdict = only(judge(advisories_overdue, {}, exposed, NOW))

    assert verdict.outcome is Outcome.PASSED
    assert "stated to do no harm: CVE-2026-1000" in verdict.observed
    excerpt = next(one.excerpt for one in verdict.evidence if one.source == "VEX statements")
    assert excerpt == (
        "CVE-2026-1000 not_affected (vulnerable_code_not_in_execute_path): "
        "Anna <anna@provider.example>, 2026-10-01, until 2027-10-01"
    )


@pytest.mark.parametrize(
    "product",
    [
        LIBSSL,
        "pkg:deb/debian/openssl@3.0.1-2",
        "pkg:deb/debian/openssl?distro=debian-13",
        "pkg:deb/debian/openssl?arch=arm64",
        "pkg:deb/debian/openssl?repository_url=deb.example",
        "pkg:deb/debian/openssl#lib",
        "pkg:deb/debian/openssl?upstream=openssl@2",
        "pkg:deb/ubuntu/openssl",
        "pkg:deb/openssl",
        "pkg:rpm/debian/openssl",
        "pkg:deb/debian/openssl3",
    ],
)
def test_a_statement_about_anything_else_does_not_count(tmp_path: Path, product: str) -> None:
    exposed = exposures(tmp_path, known(tmp_path, statement(product)), "3.0.1-2")
    assert only(judge(advisories_overdue, {}, exposed, NOW)).outcome is Outcome.FAILED


@pytest.mark.parametrize(
    ("product", "status", "outcome"),
    [
        (OPENSSL, "affected", Outcome.FAILED),
        (OPENSSL, "under_investigation", Outcome.FAILED),
        (OPENSSL, "fixed", Outcome.FAILED),
        ("pkg:deb/debian/openssl@3.0.1-1", "fixed", Outcome.PASSED),
    ],
)
def test_what_each_status_says(tmp_path: Path, product: str, status: str, outcome: Outcome) -> None:
    exposed = exposures(tmp_path, known(tmp_path, statement(product, status=status)), "3.0.1-2")
    assert only(judge(advisories_overdue, {}, exposed, NOW)).outcome is outcome


def test_a_statement_that_is_over_is_shown_and_does_not_count(tmp_path: Path) -> None:
    last = exposures(tmp_path, known(tmp_path, statement(OPENSSL), expires=AT.date()), "3.0.1-2")
    assert only(judge(advisories_overdue, {}, last, NOW)).outcome is Outcome.PASSED

    old = known(tmp_path, statement(OPENSSL, timestamp="2025-11-01T00:00:00Z"))
    verdict = only(judge(advisories_overdue, {}, exposures(tmp_path, old, "3.0.1-2"), NOW))
    assert verdict.outcome is Outcome.FAILED
    shown = next(one.excerpt for one in verdict.evidence if one.source == "VEX statements")
    assert shown.endswith("until 2026-11-01, which is over: it does not count")


def test_the_last_statement_counts_and_of_two_of_one_moment_the_one_that_warns(tmp_path: Path) -> None:
    later = {"timestamp": "2026-11-01T00:00:00Z"}
    for statements, outcome in (
        ((statement(OPENSSL), statement(OPENSSL, status="affected", **later)), Outcome.FAILED),
        ((statement(OPENSSL, status="affected"), statement(OPENSSL, **later)), Outcome.PASSED),
        ((statement(OPENSSL), statement(OPENSSL, status="affected")), Outcome.FAILED),
    ):
        exposed = exposures(tmp_path, known(tmp_path, *statements), "3.0.1-2")
        assert only(judge(advisories_overdue, {}, exposed, NOW)).outcome is outcome


def test_statements_hold_in_every_check_on_flaws(tmp_path: Path) -> None:
    stated, silent = known(tmp_path, statement(OPENSSL)), Statements(BOOKWORM, ())
    entry = ExploitedRecord("CVE-2026-1000", date(2026, 7, 1), date(2026, 8, 1), ransomware=False)
    catalogue = KnownExploited(AT - DAY, {"CVE-2026-1000": entry})
    for statements, outcome in ((stated, Outcome.PASSED), (silent, Outcome.FAILED)):
        exposed = exposures(tmp_path, statements)
        assert only(judge(no_fix_available, {}, exposed, NOW)).outcome is outcome
        assert only(judge(kev_overdue, {}, exposed, catalogue, NOW)).outcome is outcome


def test_a_bill_with_its_analysis_filled_in_is_a_statement(tmp_path: Path) -> None:
    """The bill that `export sbom --advisories` writes, after somebody looked at its flaws."""
    found = exposures(tmp_path, Statements(BOOKWORM, ()), "3.0.1-2")
    release = OsRelease("debian", "12", "bookworm", "Debian", (), NOWHERE)
    bill = json.loads(written(bill_of_materials(Inventoried("web1", AT, release, host(), found))))
    (flaw,) = bill["vulnerabilities"]
    flaw["analysis"] = {"state": "not_affected", "justification": "code_not_reachable"}
    path = tmp_path / "web1.cdx.json"
    path.write_text(json.dumps(bill))
    (part,) = import_feeds((path,), tmp_path / "stated", AT)
    statements = StatementSource(tmp_path / "stated").load(BOOKWORM)

    assert part.entries == 2
    verdict = only(judge(advisories_overdue, {}, exposures(tmp_path, statements, "3.0.1-2"), NOW))
    assert verdict.outcome is Outcome.PASSED
    assert "DSA-1-1" in verdict.observed


def test_a_bill_repeats_what_is_stated_until_that_ends(tmp_path: Path) -> None:
    release = OsRelease("debian", "12", "bookworm", "Debian", (), NOWHERE)
    found = exposures(tmp_path, known(tmp_path, statement(OPENSSL)), "3.0.1-2")
    for at, state in ((AT, "not_affected"), (AT + 400 * DAY, "in_triage")):
        bill = json.loads(written(bill_of_materials(Inventoried("web1", at, release, host(), found))))
        (flaw,) = bill["vulnerabilities"]
        assert flaw["analysis"]["state"] == state
        assert ("until 2027-10-01" in flaw["analysis"].get("detail", "")) == (state == "not_affected")


def test_what_is_no_package_of_a_distribution_is_counted_and_left_out(tmp_path: Path) -> None:
    inside = {"@id": OPENSSL, "subcomponents": [{"@id": "pkg:generic/x"}]}
    path = openvex(tmp_path / "vex.json", statement(OPENSSL, "pkg:oci/shop@1", inside))
    (part,) = import_feeds((path,), tmp_path / "feeds", AT)
    assert (part.name, part.entries) == ("vex", 1)
    assert part.left_out == {"other product": 1, "part of another product": 1}


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ({"status": "fine"}, "statement 1: status 'fine'"),
        ({"justification": ""}, "needs a justification"),
        ({"vulnerability": {"name": "CVE 1"}}, "is not the name of a flaw"),
        ({"vulnerability": None}, "not of the form of VEX"),
        ({"timestamp": "yesterday"}, "is not a time"),
        ({"timestamp": "2026-12-24T00:00:00Z"}, "in the future"),
    ],
)
def test_broken_statements_change_nothing(tmp_path: Path, broken: dict[str, Any], message: str) -> None:
    known(tmp_path, statement(OPENSSL))
    with pytest.raises(FeedError, match=message):
        known(tmp_path, statement(OPENSSL, **broken))
    assert StatementSource(tmp_path / "feeds").load(BOOKWORM).about(host().packages[1])


def test_an_end_that_is_over_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FeedError, match="2026-11-23 is over"):
        known(tmp_path, statement(OPENSSL), expires=AT.date() - DAY)


def test_damaged_statements_are_not_passed_over(tmp_path: Path) -> None:
    known(tmp_path, statement(OPENSSL))
    for path in (tmp_path / "feeds").glob("*.sqlite"):
        path.unlink()
    with pytest.raises(Unproven):
        StatementSource(tmp_path / "feeds").load(BOOKWORM)


def csaf(path: Path, *, not_affected: tuple[str, ...], affected: tuple[str, ...] = ()) -> Path:
    """A VEX document as Red Hat writes them, about RHEL 9 and its extended support."""
    cpes = {"rhel9": "cpe:/o:redhat:enterprise_linux:9", "eus": "cpe:/o:redhat:rhel_eus:9.4"}
    names = ("openssl", "openssl-0:3.0.7-1.el9.x86_64", "nodejs:18/openssl")
    document = {
        "document": {
            "csaf_version": "2.0",
            "category": "csaf_vex",
            "publisher": {"name": "Red Hat Product Security"},
            "tracking": {
                "id": "CVE-2026-1000",
                "initial_release_date": "2026-08-01T00:00:00Z",
                "current_release_date": "2026-09-01T00:00:00Z",
            },
        },
        "product_tree": {
            "branches": [
                {"product": {"product_id": id_, "product_identification_helper": {"cpe": cpe}}}
                for id_, cpe in cpes.items()
            ],
            "relationships": [
                {
                    "full_product_name": {"product_id": f"{platform}:{name}"},
                    "product_reference": name,
                    "relates_to_product_reference": platform,
                }
                for platform in cpes
                for name in names
            ],
        },
        "vulnerabilities": [
            {
                "cve": "CVE-2026-1000",
                "flags": [{"label": "vulnerable_code_not_present", "product_ids": ["rhel9:openssl"]}],
                "product_status": {"known_not_affected": list(not_affected), "known_affected": list(affected)},
            }
        ],
    }
    path.write_text(json.dumps(document))
    return path


def rhel(version: str, name: str = "openssl-libs") -> Package:
    return Package(name, version, "x86_64", "openssl", version)


def test_what_a_vendor_states_in_csaf_counts_like_what_people_state(tmp_path: Path) -> None:
    feeds = tmp_path / "feeds"
    import_feeds((csaf(tmp_path / "cve.json", not_affected=("rhel9:openssl",)),), feeds, AT)
    source = StatementSource(feeds)
    assert [stamp.name for stamp in source.stamps] == ["csaf-vex"]
    (stated,) = source.load(Platform("rhel", "9.4")).about(rhel("1:3.0.7-27.el9"))
    assert stated.clears(AT)
    assert stated.shown(AT) == (
        "CVE-2026-1000 not_affected (vulnerable code not present): Red Hat Product Security, "
        "2026-09-01, until 2027-09-01"
    )
    assert not source.load(Platform("rhel", "8.9")), "it is about another release"
    assert not source.load(Platform("almalinux", "9.4")), "a rebuild is a product of its own"

    import_feeds((openvex(tmp_path / "vex.json", statement(OPENSSL)),), feeds, AT)
    assert [stamp.name for stamp in StatementSource(feeds).stamps] == ["vex", "csaf-vex"], "both stay"


@pytest.mark.parametrize("product", ["eus:openssl", "rhel9:openssl-0:3.0.7-1.el9.x86_64", "rhel9:nodejs:18/openssl"])
def test_what_a_vendor_states_about_a_part_clears_nothing(tmp_path: Path, product: str) -> None:
    path = csaf(tmp_path / "cve.json", not_affected=(product,), affected=("rhel9:openssl",))
    import_feeds((path,), tmp_path / "feeds", AT)
    assert not StatementSource(tmp_path / "feeds").load(Platform("rhel", "9.4"))


def test_a_vendor_that_takes_its_statement_back_is_not_overheard(tmp_path: Path) -> None:
    feeds = tmp_path / "feeds"
    import_feeds((csaf(tmp_path / "cve.json", not_affected=("rhel9:openssl",)),), feeds, AT)
    turned = csaf(tmp_path / "cve.json", not_affected=(), affected=("rhel9:openssl",))
    with pytest.raises(FeedError, match="half-filled"):
        import_feeds((turned,), feeds, AT)
    import_feeds((turned,), feeds, AT, shrink=True)
    assert not StatementSource(feeds).load(Platform("rhel", "9.4"))
