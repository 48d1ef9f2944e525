"""A feed is the union of its sources: each is replaced by itself, and none takes another one's data away."""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from secaudit.checks.host.facts import Package
from secaudit.checks.patch.feeds.bundles import export_bundle, import_bundle
from secaudit.checks.patch.feeds.importing import import_feeds, remove
from secaudit.checks.patch.feeds.index import Part, read_index
from secaudit.checks.patch.feeds.lookup import AdvisorySource
from secaudit.checks.patch.feeds.records import FeedError
from secaudit.checks.patch.statements import StatementSource

from secaudit.api import Platform
from tests.checks.judging import AT
from tests.shared_data import shared

from .feeding import feed, osv

DAY = timedelta(days=1)
BOOKWORM = Platform("debian", "12")
ALPINE = Platform("alpine", "3.11.6")
ALMA = Platform("almalinux", "8.10")


def flaws(directory: Path, name: str, version: str, platform: Platform = BOOKWORM) -> dict[str, str]:
    """The fix of each advisory about a version."""
    standing = AdvisorySource(directory).load(platform).standing(name, version)
    return {flaw.id: flaw.fixed for flaw in standing.flaws} if standing else {}


def vex(path: Path, name: str, author: str, **more: Any) -> Path:
    path.parent.mkdir(exist_ok=True)
    document = {
        "@context": "https://openvex.dev/ns/v0.2.0",
        "@id": f"https://vex.example/{author}",
        "author": author,
        "timestamp": "2026-10-01T00:00:00Z",
        "statements": [
            {
                "vulnerability": {"name": "CVE-2026-1000"},
                "products": [{"@id": f"pkg:deb/debian/{name}"}],
                "status": "not_affected",
                "justification": "component_not_present",
                **more,
            }
        ],
    }
    path.write_text(json.dumps(document))
    return path


def stated(directory: Path, *names: str) -> list[str]:
    """The authors of what is stated about packages of these names."""
    known = StatementSource(directory).load(BOOKWORM)
    found = [one.author for name in names for one in known.about(Package(name, "1-1", "amd64", name, "1-1"))]
    return sorted(found)


def of(directory: Path, name: str) -> Part:
    return next(part for part in read_index(directory).parts if part.name == name)


def test_repositories_imported_one_after_the_other_are_all_there(tmp_path: Path) -> None:
    main, community = shared("patch/alpine/v3.11-main.yaml"), shared("patch/alpine/v3.11-community.yaml")
    at = datetime.now(UTC)
    (both,) = import_feeds((main, community), tmp_path / "both", at)
    for path in (main, community, main):
        (last,) = import_feeds((path,), tmp_path / "feeds", at)

    assert last.ranges == both.ranges == 2099
    assert [one.ranges for one in both.sources] == [one.ranges for one in last.sources]
    names = AdvisorySource(tmp_path / "both").load(ALPINE).names
    assert AdvisorySource(tmp_path / "feeds").load(ALPINE).names == names


def test_a_source_is_replaced_by_itself_only(tmp_path: Path) -> None:
    one = feed(tmp_path, osv("DSA-1-1", "jq", "2-1"), name="one.jsonl")
    other = feed(tmp_path, osv("DSA-2-1", "zip", "2-1"), name="other.jsonl")
    import_feeds((one, other), tmp_path / "feeds", AT - DAY, as_of=AT - DAY)
    feed(tmp_path, osv("DSA-3-1", "jq", "3-1"), name="one.jsonl")
    (part,) = import_feeds((one,), tmp_path / "feeds", AT, as_of=AT)

    assert flaws(tmp_path / "feeds", "jq", "1-1") == {"DSA-3-1": "3-1"}
    assert flaws(tmp_path / "feeds", "zip", "1-1") == {"DSA-2-1": "2-1"}
    assert part.at == AT - DAY, "the feed is as old as its oldest source"


def test_two_authors_statements_stay_beside_each_other(tmp_path: Path) -> None:
    directory = tmp_path / "feeds"
    for folder, name in (("anna", "jq"), ("bert", "zip")):
        import_feeds((vex(tmp_path / folder / "vex.json", name, folder),), directory, AT)
    assert stated(directory, "jq", "zip") == ["anna", "bert"]

    vex(tmp_path / "anna" / "vex.json", "curl", "anna")
    import_feeds((tmp_path / "anna" / "vex.json",), directory, AT)
    assert stated(directory, "jq", "zip", "curl") == ["anna", "bert"]
    assert stated(directory, "jq") == []


def test_folders_that_hold_the_same_advisory_are_imported_whole_and_one_by_one(tmp_path: Path) -> None:
    both = osv("ALSA-2026:100", "bash", "2-1", ecosystem="AlmaLinux:8")
    both["affected"] = [*both["affected"], *osv("x", "bash", "2-1", ecosystem="AlmaLinux:9")["affected"]]
    for major in ("8", "9"):
        folder = tmp_path / "advisories" / f"almalinux{major}"
        folder.mkdir(parents=True)
        own = [osv(f"ALSA-2026:{major}{n}", f"jq{n}", "2-1", ecosystem=f"AlmaLinux:{major}") for n in range(9)]
        for record in [both, *own]:
            (folder / f"{record['id']}.json").write_text(json.dumps(record))
    import_feeds((tmp_path / "advisories",), tmp_path / "whole", AT)
    for major in ("8", "9", "8"):
        import_feeds((tmp_path / "advisories" / f"almalinux{major}",), tmp_path / "each", AT)

    for directory in (tmp_path / "whole", tmp_path / "each"):
        assert of(directory, "osv almalinux:8").ranges == of(directory, "osv almalinux:9").ranges == 10
        assert flaws(directory, "bash", "1-1", ALMA) == {"ALSA-2026:100": "2-1"}
        assert flaws(directory, "jq8", "1-1", ALMA) == {"ALSA-2026:88": "2-1"}


@pytest.mark.parametrize("order", [("old", "new"), ("new", "old")])
@pytest.mark.parametrize("at_once", ["folder", "paths", "one by one"])
def test_of_records_that_differ_the_newest_counts(tmp_path: Path, order: tuple[str, str], at_once: str) -> None:
    records = {
        "old": osv("DSA-1-1", "jq", "9-1", modified="2026-11-01T00:00:00Z"),
        "new": osv("DSA-1-1", "jq", "2-1", modified="2026-11-02T00:00:00Z"),
    }
    folder = tmp_path / "folder"
    folder.mkdir()
    paths = []
    for name, record in zip("ab", order, strict=True):
        paths.append(feed(folder, records[record], name=f"{name}.jsonl"))
    directory = tmp_path / "feeds"
    each: dict[str, list[tuple[Path, ...]]] = {
        "folder": [(folder,)],
        "paths": [tuple(paths)],
        "one by one": [(one,) for one in paths],
    }
    for given in each[at_once]:
        import_feeds(given, directory, AT)

    assert flaws(directory, "jq", "1-1") == {"DSA-1-1": "2-1"}
    assert flaws(directory, "jq", "3-1") == {}
    assert of(directory, "osv debian:12").ranges == 1


def test_when_the_newer_record_goes_the_older_one_counts_again(tmp_path: Path) -> None:
    old = feed(tmp_path, osv("DSA-1-1", "jq", "9-1", modified="2026-11-01T00:00:00Z"), name="old.jsonl")
    new = feed(tmp_path, osv("DSA-1-1", "jq", "2-1", modified="2026-11-02T00:00:00Z"), name="new.jsonl")
    import_feeds((old, new), tmp_path / "feeds", AT)
    remove(tmp_path / "feeds", [f"{new}"])

    assert flaws(tmp_path / "feeds", "jq", "1-1") == {"DSA-1-1": "9-1"}


def test_records_that_differ_without_being_newer_are_refused_in_one_source(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    feed(folder, osv("DSA-1-1", "jq", "1-1"), name="a.jsonl")
    feed(folder, osv("DSA-1-1", "jq", "2-1"), name="b.jsonl")
    with pytest.raises(FeedError, match=r"b\.jsonl: line 1: DSA-1-1 was another one in an earlier file"):
        import_feeds((folder,), tmp_path / "feeds", AT)


def test_the_next_edition_from_another_folder_takes_the_place_of_the_last(tmp_path: Path) -> None:
    directory = tmp_path / "feeds"
    for day in (1, 2):
        folder = tmp_path / f"2026-11-0{day}"
        folder.mkdir()
        records = [osv(f"DSA-{number}-1", "jq", "2-1") for number in range(day, 10 + day)]
        import_feeds((feed(folder, *records, name="Debian.jsonl"),), directory, AT)
    (source,) = of(directory, "osv debian:12").sources
    assert source.name == f"{tmp_path}/2026-11-02/Debian.jsonl"
    assert len(flaws(directory, "jq", "1-1")) == 10


def test_a_name_for_what_comes_in_files_of_changing_names(tmp_path: Path) -> None:
    for name in ("monday", "tuesday"):
        path = feed(tmp_path, osv(f"DSA-{len(name)}-1", "jq", "2-1"), name=f"{name}.jsonl")
        import_feeds((path,), tmp_path / "feeds", AT, source="weekly")
    assert flaws(tmp_path / "feeds", "jq", "1-1") == {"DSA-7-1": "2-1"}


def test_a_source_of_which_little_is_left_is_refused_however_much_others_give(tmp_path: Path) -> None:
    paths = [
        feed(tmp_path, *(osv(f"DSA-{at}{n}-1", "jq", "2-1") for n in range(10)), name=f"{at}.jsonl") for at in (1, 2)
    ]
    import_feeds(tuple(paths), tmp_path / "feeds", AT)
    feed(tmp_path, osv("DSA-10-1", "jq", "2-1"), name="1.jsonl")
    with pytest.raises(FeedError, match=r"from .*/1\.jsonl: 1 entries where there were 10: .*half-filled"):
        import_feeds((paths[0],), tmp_path / "feeds", AT)


def test_what_an_earlier_version_imported_goes_with_the_first_import(tmp_path: Path) -> None:
    directory = tmp_path / "feeds"
    import_feeds((feed(tmp_path, osv("DSA-1-1", "jq", "2-1")),), directory, AT - DAY, as_of=AT - DAY)
    index = json.loads((directory / "feeds.json").read_text())
    for part in index["parts"]:
        del part["sources"]
    (directory / "feeds.json").write_text(json.dumps(index))
    assert flaws(directory, "jq", "1-1") == {"DSA-1-1": "2-1"}
    (part,) = import_feeds((feed(tmp_path, osv("DSA-2-1", "jq", "2-1"), name="b.jsonl"),), directory, AT)

    assert [one.name for one in part.sources] == [f"{tmp_path}/b.jsonl"]
    assert flaws(directory, "jq", "1-1") == {"DSA-2-1": "2-1"}


def test_a_bundle_leaves_what_came_from_elsewhere(tmp_path: Path) -> None:
    there, here = tmp_path / "there", tmp_path / "here"
    import_feeds((vex(tmp_path / "anna" / "vex.json", "jq", "anna"),), there, AT)
    import_feeds((vex(tmp_path / "bert" / "vex.json", "zip", "bert"),), here, AT)
    export_bundle(there, tmp_path / "all.feeds.tar")
    for _ in range(2):
        import_bundle(tmp_path / "all.feeds.tar", here, AT)
        assert stated(here, "jq", "zip") == ["anna", "bert"]


def test_a_source_is_taken_out_of_use_by_its_name(tmp_path: Path) -> None:
    paths = [vex(tmp_path / name / "vex.json", "jq", name) for name in ("anna", "bert")]
    import_feeds(tuple(paths), tmp_path / "feeds", AT)
    remove(tmp_path / "feeds", [f"{paths[0]}"])
    assert stated(tmp_path / "feeds", "jq") == ["bert"]
    remove(tmp_path / "feeds", [f"{paths[1]}"])
    assert read_index(tmp_path / "feeds").parts == ()


def test_an_older_catalogue_from_elsewhere_does_not_take_the_place_of_a_newer_one(tmp_path: Path) -> None:
    entry = {"cveID": "CVE-2026-1000", "dateAdded": "2026-11-01", "dueDate": "2026-11-22"}
    paths = []
    for day in ("20", "10"):
        paths.append(tmp_path / f"kev{day}.json")
        catalogue = {"catalogVersion": "1", "dateReleased": f"2026-11-{day}T00:00:00Z", "count": 1}
        paths[-1].write_text(json.dumps(catalogue | {"vulnerabilities": [entry]}))
    import_feeds((paths[0],), tmp_path / "feeds", AT)
    with pytest.raises(FeedError, match=r"kev: of 2026-11-10, older than the one of 2026-11-20 from .*kev20"):
        import_feeds((paths[1],), tmp_path / "feeds", AT)


def test_the_numbers_of_a_file_are_those_of_the_index(tmp_path: Path) -> None:
    paths = [
        feed(tmp_path, osv("DSA-1-1", "jq", "2-1"), osv(f"DSA-{n}-1", "jq", "3-1"), name=f"{n}.jsonl") for n in "23"
    ]
    (part,) = import_feeds(tuple(paths), tmp_path / "feeds", AT)
    rows = sqlite3.connect(tmp_path / "feeds" / part.file).execute("SELECT count(*) FROM affected").fetchone()[0]

    assert (part.entries, part.ranges, rows) == (3, 3, 4)
    assert [(one.entries, one.ranges) for one in part.sources] == [(2, 2), (2, 2)]
