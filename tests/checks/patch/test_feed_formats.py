"""What each feed format is turned into, on real excerpts where they are at hand, and what is refused."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from secaudit.checks.patch.feeds import documents
from secaudit.checks.patch.feeds.cvss import base_score, severity_of_score
from secaudit.checks.patch.feeds.reading import Found, read
from secaudit.checks.patch.feeds.records import AdvisoryRecord, Dated, ExploitedRecord, FeedError, ScoreRecord, State

from secaudit.api import Severity
from tests.shared_data import shared

from .feeding import feed, osv


def read_all(path: Path) -> tuple[list[Found], Counter[str]]:
    left_out: Counter[str] = Counter()
    return list(read(path, lambda reason: left_out.update((reason,)))), left_out


def the_record(tmp_path: Path, record: dict[str, Any]) -> AdvisoryRecord:
    (found,), _ = read_all(feed(tmp_path, record))
    assert isinstance(found.record, AdvisoryRecord)
    return found.record


def written(tmp_path: Path, name: str, content: str | bytes) -> Path:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


# --- OSV ---------------------------------------------------------------------------------------------------------


def test_an_advisory_releases_the_fix_and_a_record_about_a_flaw_does_not(tmp_path: Path) -> None:
    advisory = the_record(tmp_path, osv("DSA-1-1", "jq", "1.7-1", upstream=["CVE-2026-1000"]))
    flaw = the_record(tmp_path, osv("DEBIAN-CVE-2026-1000", "jq", "1.7-1", upstream=["CVE-2026-1000"]))

    assert advisory.released == advisory.published
    assert flaw.published == advisory.published
    assert flaw.released is None
    assert advisory.cves == flaw.cves == ("CVE-2026-1000",)


def test_several_ranges_in_one_list_of_events(tmp_path: Path) -> None:
    record = osv("DSA-1-1", "jq")
    record["affected"][0]["ranges"] = [
        {"type": "GIT", "repo": "https://git.example/jq", "events": [{"introduced": "0"}]},
        {
            "type": "ECOSYSTEM",
            "events": [
                {"introduced": "1.5"},
                {"fixed": "1.6-1"},
                {"introduced": "1.7"},
                {"last_affected": "1.8-1"},
                {"introduced": "2.0"},
            ],
        },
    ]
    ranges = the_record(tmp_path, record).ranges

    assert [(one.introduced, one.fixed, one.state, one.last) for one in ranges] == [
        ("1.5", "1.6-1", State.FIXED, False),
        ("1.7", "1.8-1", State.OPEN, True),
        ("2.0", "", State.OPEN, False),
    ]


def test_version_zero_says_that_the_release_never_had_the_flaw(tmp_path: Path) -> None:
    assert read_all(feed(tmp_path, osv("DSA-1-1", "jq", "0")))[0] == []


@pytest.mark.parametrize(
    ("ecosystem", "release", "channel"),
    [
        ("Debian:12", "debian:12", ""),
        ("Ubuntu:22.04:LTS", "ubuntu:22.04", ""),
        ("Ubuntu:25.10", "ubuntu:25.10", ""),
        ("Ubuntu:Pro:18.04:LTS", "ubuntu:18.04", "pro"),
        ("Ubuntu:Pro:FIPS-updates:22.04:LTS", "ubuntu:22.04", "pro:fips-updates"),
        ("Alpine:v3.20", "alpine:3.20", ""),
        ("AlmaLinux:9", "almalinux:9", ""),
        ("Rocky Linux:9", "rocky:9", ""),
        ("Red Hat:enterprise_linux:9::baseos", "rhel:9", ""),
    ],
)
def test_ecosystems_are_releases(tmp_path: Path, ecosystem: str, release: str, channel: str) -> None:
    (only,) = the_record(tmp_path, osv("X-1", "jq", "1-1", ecosystem=ecosystem)).ranges
    assert (only.release, only.channel) == (release, channel)


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (osv("DSA-1-1", "jq", "1-1", withdrawn="2026-10-01T00:00:00Z"), "withdrawn"),
        (osv("ALBA-2026:1", "jq", "1-1", ecosystem="AlmaLinux:9"), "no security update"),
        (osv("GHSA-1", "left-pad", "1.0", ecosystem="crates.io"), "other ecosystem"),
    ],
)
def test_what_is_left_out_is_counted(tmp_path: Path, record: dict[str, Any], reason: str) -> None:
    assert read_all(feed(tmp_path, record)) == ([], Counter({reason: 1}))


@pytest.mark.parametrize("key", ["aliases", "upstream", "related"])
def test_an_advisory_is_about_every_cve_that_it_is_tied_to(tmp_path: Path, key: str) -> None:
    named = {key: ["CVE-2026-1000", "GHSA-xxxx", "DEBIAN-CVE-2026-1001", "CVE-2026-1000"]}
    record = the_record(
        tmp_path, {**osv("DSA-1-1", "jq", "1-1"), "references": [{"url": "https://x/CVE-2026-9"}], **named}
    )
    assert record.cves == ("CVE-2026-1000", "CVE-2026-1001")


@pytest.mark.parametrize(
    ("more", "severity"),
    [
        ({"summary": "Important: jq security update"}, Severity.HIGH),
        ({"severity": [{"type": "Ubuntu", "score": "negligible"}]}, Severity.LOW),
        (
            {"severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}]},
            Severity.CRITICAL,
        ),
        ({"database_specific": {"severity": "MODERATE"}}, Severity.MEDIUM),
        ({"severity": [{"type": "CVSS_V4", "score": "CVSS:4.0/AV:N"}]}, None),
        ({}, None),
    ],
)
def test_severity_is_the_vendors_word_or_the_score(
    tmp_path: Path, more: dict[str, Any], severity: Severity | None
) -> None:
    assert the_record(tmp_path, osv("DSA-1-1", "jq", "1-1", **more)).severity is severity


@pytest.mark.parametrize(
    ("vector", "score"),
    [
        # The examples of FIRST's user guide, and corners of the formula.
        ("CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:C/C:L/I:L/A:N", 6.4),
        ("CVSS:3.1/AV:L/AC:L/PR:N/UI:R/S:U/C:H/I:H/A:H", 7.8),
        ("CVSS:3.0/AV:N/AC:H/PR:N/UI:R/S:U/C:L/I:N/A:N", 3.1),
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H", 10.0),
        ("CVSS:3.1/AV:P/AC:H/PR:H/UI:R/S:U/C:N/I:N/A:N", 0.0),
        ("CVSS:3.1/AV:N", None),
        ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N", None),
        ("high", None),
    ],
)
def test_scores(vector: str, score: float | None) -> None:
    assert base_score(vector) == score


def test_the_score_of_a_real_advisory() -> None:
    document = json.loads(shared("patch/samples_feeds/rhsa-2024_0811.json").read_text())
    rated = [score["cvss_v3"] for flaw in document["vulnerabilities"] for score in flaw["scores"]]
    assert rated
    for score in rated:
        assert base_score(score["vectorString"]) == score["baseScore"]
        severity = severity_of_score(score["baseScore"])
        assert severity is not None
        assert severity.value == score["baseSeverity"].lower()


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({**osv("DSA-1-1", "jq", "1-1"), "schema_version": "2.0.0"}, "schema version '2.0.0'"),
        ({**osv("", "jq", "1-1")}, "has no id"),
        ({**osv("DSA-1-1", "jq", "1-1"), "published": "yesterday"}, "'yesterday' is not a time"),
        ({**osv("DSA-1-1", "jq"), "affected": [{"package": "jq"}]}, "not of the form of an OSV record"),
        (osv("DSA-1-1", "jq", "1-1", "2-1"), "fixed '2-1' without a version that introduced it"),
        ({"hello": 1}, "no feed has this form"),
    ],
)
def test_a_record_that_is_not_understood_is_refused_with_its_line(
    tmp_path: Path, record: dict[str, Any], message: str
) -> None:
    path = feed(tmp_path, osv("DSA-0-1", "jq", "1-1"), record)
    with pytest.raises(FeedError, match="line 2") as refused:
        read_all(path)
    assert message in str(refused.value)


def test_real_almalinux_advisories() -> None:
    found, left_out = read_all(shared("patch/osv/almalinux9.osv.jsonl.gz"))
    records = [one.record for one in found if isinstance(one.record, AdvisoryRecord)]

    assert len(records) == 1780
    assert left_out["no security update"] == 3
    assert all(record.severity for record in records if record.id != "ALSA-2022:6585")
    assert sum(len(record.ranges) for record in records) > 23_000


def test_real_ubuntu_records_keep_subscriptions_apart() -> None:
    (found,), _ = read_all(shared("patch/samples_feeds/UBUNTU-CVE-2021-3782.json"))
    assert isinstance(found.record, AdvisoryRecord)
    assert {(one.release, one.channel) for one in found.record.ranges} >= {
        ("ubuntu:16.04", "pro"),
        ("ubuntu:18.04", ""),
    }
    assert found.record.severity is Severity.MEDIUM
    assert found.record.released is None


# --- the others --------------------------------------------------------------------------------------------------


def test_the_debian_tracker(tmp_path: Path) -> None:
    def told(status: str, **more: str) -> dict[str, Any]:
        return {"status": status, "repositories": {}, "urgency": "medium**", **more}

    releases = {
        "bookworm": told("resolved", fixed_version="1.6-2"),
        "trixie": told("open", nodsa="Minor issue", nodsa_reason="postponed"),
        "bullseye": told("open", nodsa="Minor issue", nodsa_reason=""),
        "buster": told("resolved", fixed_version="0"),
        "stretch": told("undetermined"),
        "sid": told("open"),
    }
    document = {"jq": {"CVE-2026-1000": {"releases": releases}, "CVE-2026-1001": {"releases": []}}, "zip": {}}
    (found,), left_out = read_all(written(tmp_path, "tracker.json", json.dumps(document)))

    assert found.feed == "debian-tracker"
    assert isinstance(found.record, AdvisoryRecord)
    assert found.record.severity is Severity.MEDIUM
    assert {one.release: (one.fixed, one.state) for one in found.record.ranges} == {
        "debian:12": ("1.6-2", State.FIXED),
        "debian:13": ("", State.POSTPONED),
        "debian:11": ("", State.OPEN),
        "debian:9": ("", State.UNDETERMINED),
    }
    assert left_out == Counter({"not affected": 1, "other release": 1})


def test_a_tracker_is_read_piece_by_piece(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "_CHUNK", 64)
    flaw = {"releases": {"bookworm": {"status": "resolved", "fixed_version": "1-2", "urgency": "low"}}}
    document = {f"package{number}": {f"CVE-2026-{number:04}": flaw} for number in range(50)}
    found, _ = read_all(written(tmp_path, "tracker.json", json.dumps(document, indent=1)))

    assert [one.record.ranges[0].name for one in found] == list(document)


def test_real_alpine_fixes() -> None:
    found, left_out = read_all(shared("patch/alpine/v3.11-main.yaml"))
    names = {one.record.ranges[0].name for one in found}
    assert {"openssl", "busybox"} <= names
    assert all(one.record.released is None and one.record.severity is None for one in found)
    assert {one.record.ranges[0].release for one in found} == {"alpine:3.11"}
    assert left_out["not affected"] == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("distroversion: v3.20\npackages: [&a {pkg: {name: jq}}, *a]\n", "aliases are not accepted"),
        ("distroversion: v3.20\npackages: [1]\n", "not of the form of secdb"),
        ("{", "not YAML"),
        ("- a\n", "not of the form of secdb"),
        (f"{'[' * 5000}", "not YAML"),
    ],
)
def test_hostile_yaml_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(FeedError, match=message):
        read_all(written(tmp_path, "main.yaml", text))


def test_a_real_red_hat_advisory() -> None:
    (found,), _ = read_all(shared("patch/samples_feeds/rhsa-2024_0811.json"))
    record = found.record
    assert isinstance(record, AdvisoryRecord)

    assert (found.feed, record.id, record.severity) == ("csaf", "RHSA-2024:0811", Severity.MEDIUM)
    assert record.released is not None
    assert f"{record.released:%Y-%m-%d}" == "2024-02-14"
    assert record.cves == ("CVE-2023-28486", "CVE-2023-28487", "CVE-2023-42465")
    assert ("rhel:9", "sudo", "1.9.5p2-10.el9_3", "") in {
        (one.release, one.name, one.fixed, one.channel) for one in record.ranges
    }
    assert {one.channel for one in record.ranges} == {"", "eus"}
    assert not any("debug" in one.name for one in record.ranges)


def test_vex_says_what_will_not_be_fixed(tmp_path: Path) -> None:
    def product(name: str, id_: str, cpe: str = "") -> dict[str, Any]:
        helper = {"product_identification_helper": {"cpe": cpe}} if cpe else {}
        return {"category": "product_name", "product": {"name": name, "product_id": id_, **helper}}

    document = {
        "document": {
            "csaf_version": "2.0",
            "category": "csaf_vex",
            "aggregate_severity": {"text": "Low"},
            "tracking": {
                "id": "CVE-2026-1000",
                "initial_release_date": "2026-08-01T00:00:00Z",
                "current_release_date": "2026-09-01T00:00:00Z",
            },
        },
        "product_tree": {
            "branches": [
                {
                    "category": "vendor",
                    "branches": [product("RHEL 9", "rhel9", "cpe:/o:redhat:enterprise_linux:9"), product("jq", "jq")],
                }
            ],
            "relationships": [
                {
                    "full_product_name": {"product_id": "rhel9:jq"},
                    "product_reference": "jq",
                    "relates_to_product_reference": "rhel9",
                }
            ],
        },
        "vulnerabilities": [
            {
                "cve": "CVE-2026-1000",
                "product_status": {"known_affected": ["rhel9:jq", "other:jq"]},
                "remediations": [{"category": "no_fix_planned", "product_ids": ["rhel9:jq"]}],
            }
        ],
    }
    (found, dated), left_out = read_all(written(tmp_path, "cve.json", json.dumps(document)))

    assert isinstance(found.record, AdvisoryRecord)
    assert (dated.feed, dated.record) == ("csaf-vex", Dated(datetime(2026, 9, 1, tzinfo=UTC)))
    assert [(one.release, one.name, one.state) for one in found.record.ranges] == [("rhel:9", "jq", State.WILL_NOT_FIX)]
    assert (found.record.severity, found.record.released) == (Severity.LOW, None)
    assert left_out == Counter({"other product": 1})


def test_the_real_catalogue_of_exploited_flaws() -> None:
    found, _ = read_all(shared("patch/kev.json"))
    dated, *entries = [one.record for one in found]

    assert isinstance(dated, Dated)
    assert f"{dated.at:%Y-%m-%d}" == "2025-08-25"
    assert len(entries) == 1404
    assert sum(entry.ransomware for entry in entries if isinstance(entry, ExploitedRecord)) == 293


def test_a_catalogue_that_is_not_whole_is_refused(tmp_path: Path) -> None:
    document = {"catalogVersion": "1", "dateReleased": "2026-11-01T00:00:00Z", "count": 2, "vulnerabilities": []}
    with pytest.raises(FeedError, match="announces 2 entries and has 0"):
        read_all(written(tmp_path, "kev.json", json.dumps(document)))


def test_scores_of_epss(tmp_path: Path) -> None:
    text = (
        "#model_version:v2026.01.01,score_date:2026-11-23T00:00:00+0000\ncve,epss,percentile\nCVE-2026-1000,0.5,0.97\n"
    )
    found, _ = read_all(written(tmp_path, "epss.csv.gz", gzip.compress(text.encode())))

    dated, score = (one.record for one in found)
    assert isinstance(dated, Dated)
    assert f"{dated.at:%Y-%m-%d}" == "2026-11-23"
    assert score == ScoreRecord("CVE-2026-1000", 0.5, 0.97)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cve,score\n", "the columns are not"),
        ("cve,epss,percentile\nCVE-2026-1000,2,0.9\n", "between 0 and 1"),
        ("cve,epss,percentile\nCVE-2026-1000,nan,0.9\n", "between 0 and 1"),
        ("cve,epss,percentile\nCVE-2026-1000,high,0.9\n", "not a CVE and two numbers"),
        ("", "the columns are not"),
    ],
)
def test_scores_that_are_none_are_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(FeedError, match=message):
        read_all(written(tmp_path, "epss.csv", text))


# --- what they come in -------------------------------------------------------------------------------------------


def zipped(**members: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "/"), content)
    return out.getvalue()


def test_an_archive_and_a_folder_say_the_same(tmp_path: Path) -> None:
    one, two = (json.dumps(osv(f"DSA-{number}-1", "jq", "1-1")) for number in (1, 2))
    folder = tmp_path / "folder"
    folder.mkdir()
    written(folder, "a.json", one)
    written(folder, "b.json", two)
    written(folder, "README.md", "# not a feed")
    archive = written(tmp_path, "all.zip", zipped(**{"a.json": one, "b.json": two}))

    assert [found.record for found in read_all(folder)[0]] == [found.record for found in read_all(archive)[0]]


@pytest.mark.parametrize("name", ["../x.json", "/etc/x.json", "a/../../x.json", "..\\x.json"])
def test_an_archive_that_climbs_out_is_refused(tmp_path: Path, name: str) -> None:
    path = written(tmp_path, "all.zip", zipped(**{name: "{}"}))
    with pytest.raises(FeedError, match="leaves the archive"):
        read_all(path)


def test_archives_and_lines_that_unfold_into_too_much_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documents, "MAX_DOCUMENT", 10_000)
    monkeypatch.setattr(documents, "MAX_TOTAL", 100_000)
    monkeypatch.setattr(documents, "_CHUNK", 1_000)
    blank = " " * 50_000
    bombs = {
        "line.jsonl": b"x" * 50_000,
        "line.jsonl.gz": gzip.compress(b"x" * 50_000),
        "document.json": b'{"a": "' + b"x" * 50_000 + b'"}',
        "total.jsonl.gz": gzip.compress(b"\n" * 200_000),
        "total.zip": zipped(**{f"{number}.json": blank for number in range(3)}),
        "main.yaml": blank.encode(),
    }
    for name, content in bombs.items():
        with pytest.raises(FeedError, match="MiB"):
            read_all(written(tmp_path, name, content))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("all.zip", b"PK nothing", "damaged or incomplete"),
        ("all.zip", zipped(**{"a.json": "{}"})[:-30], "damaged or incomplete"),
        ("a.jsonl.gz", gzip.compress(b"{}" * 10_000)[:-20], "damaged or incomplete"),
        ("a.jsonl.gz", b"not gzip", "damaged or incomplete"),
        ("a.jsonl", b"{\n", "not JSON"),
        ("a.jsonl", b"[1]\n", "a list where a JSON object is due"),
        ("a.jsonl", b"[" * 100_000, "nested too deeply"),
        ("a.json", b'{"a": 1', "breaks off|expected a comma"),
        ("a.json", b'{"a": 1} x', "something after the end"),
        ("a.json", b'{"a": 1, "a": 2}', "comes twice"),
        ("a.json", b'{"a": ' + b"[" * 100_000, "nested too deeply"),
        ("a.json", b"[]", "a list where a JSON object is due"),
        ("a.json", b'{"a": "\xff"}', "not UTF-8"),
        ("a.xml", b"<a/>", "no feed has the suffix '.xml'"),
    ],
    # Archives hold the time of day: as names of tests they would be other ones in every process.
    ids=lambda value: "content" if isinstance(value, bytes) else None,
)
def test_broken_files_are_refused(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    with pytest.raises(FeedError, match=message):
        read_all(written(tmp_path, name, content))


def test_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FeedError, match="no such file"):
        read_all(tmp_path / "gone.json")
    with pytest.raises(FeedError, match="holds no feed"):
        read_all(tmp_path)
