"""Backup files: real listings of hostile folders, and the verdicts."""

from __future__ import annotations

import os
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from secaudit.checks.backup.checks import file_freshness
from secaudit.checks.backup.collect import backup_folders
from secaudit.checks.backup.expect import LISTING_FORMAT, FileFreshness
from secaudit.checks.backup.facts import BackupFolders, FolderState

from secaudit.api import Answer, AnswerStatus, Outcome, Unproven, UnprovenKind, Verdict
from tests.checks.judging import AT, NOT_ANSWERED, collect, ended, judge, only, outcomes, unanswered

from .given import NOW, clock, run

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


def declared(path: str, **more: Any) -> dict[str, Any]:
    return {"datasets": {"shop-db": {"path": path, "max_age": "26h", **more}}}


def listed(*answers: Answer, expect: dict[str, Any]) -> BackupFolders:
    return collect(backup_folders, *answers, wanted=[FileFreshness.model_validate(expect)])


def on_disk(folder: Path, pattern: str = "*.gz", *, skew: timedelta = timedelta(), **more: Any) -> Verdict:
    """Really list the folder, and judge."""
    expect = declared(f"{folder}/{pattern}", **more)
    (dataset,) = FileFreshness.model_validate(expect).datasets.values()
    return only(judge(file_freshness, expect, listed(run(dataset.listing), expect=expect), clock(skew), NOW))


def write(path: Path | str, age: timedelta, size: int = 100) -> None:
    Path(path).write_bytes(b"x" * size)
    stamp = (AT - age).timestamp()
    os.utime(path, (stamp, stamp))


def test_the_newest_file_decides(tmp_path: Path) -> None:
    write(tmp_path / "old.gz", 400 * HOUR)
    write(tmp_path / "new.gz", 2 * HOUR)
    write(tmp_path / "newer.txt", HOUR)
    verdict = on_disk(tmp_path)
    assert verdict.outcome is Outcome.PASSED
    assert verdict.observed == "new.gz, 100 B, 2h old"
    assert "new.gz" in verdict.evidence[0].excerpt


@pytest.mark.parametrize(
    ("age", "size", "expect", "outcome"),
    [
        (26 * HOUR, 100, {}, Outcome.PASSED),
        (27 * HOUR, 100, {}, Outcome.FAILED),
        (2 * HOUR, 100, {"min_size": 100}, Outcome.PASSED),
        (2 * HOUR, 99, {"min_size": 100}, Outcome.FAILED),
        (2 * HOUR, 0, {}, Outcome.FAILED),
        (-4 * MINUTE, 100, {}, Outcome.PASSED),
        (-6 * MINUTE, 100, {}, Outcome.FAILED),
        (-400 * HOUR, 100, {}, Outcome.FAILED),
    ],
)
def test_age_and_size(tmp_path: Path, age: timedelta, size: int, expect: dict[str, Any], outcome: Outcome) -> None:
    write(tmp_path / "a.gz", age, size)
    assert on_disk(tmp_path, **expect).outcome is outcome


def test_the_host_s_own_clock_counts(tmp_path: Path) -> None:
    write(tmp_path / "a.gz", 2 * HOUR)
    assert on_disk(tmp_path, skew=25 * HOUR).outcome is Outcome.FAILED
    assert on_disk(tmp_path, skew=-3 * HOUR).outcome is Outcome.FAILED
    assert on_disk(tmp_path, skew=HOUR).outcome is Outcome.PASSED


def test_unfinished_files_are_passed_over(tmp_path: Path) -> None:
    write(tmp_path / "whole.gz", 24 * HOUR)
    write(tmp_path / ".rsync.gz", MINUTE)
    write(tmp_path / "growing.gz", MINUTE, 0)
    write(tmp_path / "copy.gz.part", MINUTE)
    verdict = on_disk(tmp_path, "*")
    assert verdict.outcome is Outcome.PASSED
    assert verdict.observed.startswith("whole.gz")
    assert "3 newer but unfinished" in verdict.reason


def test_a_file_that_stopped_growing_is_judged(tmp_path: Path) -> None:
    write(tmp_path / "whole.gz", 24 * HOUR)
    write(tmp_path / "empty.gz", 2 * HOUR, 0)
    assert "too small" in on_disk(tmp_path).reason


def test_a_pattern_may_ask_for_what_looks_unfinished(tmp_path: Path) -> None:
    write(tmp_path / "a.tmp", HOUR)
    write(tmp_path / ".b", HOUR)
    assert on_disk(tmp_path, "*.tmp").outcome is Outcome.PASSED
    assert on_disk(tmp_path, ".b").outcome is Outcome.PASSED
    assert on_disk(tmp_path, "*").outcome is Outcome.FAILED


@pytest.mark.parametrize("name", ["a\n1\tf.gz", "a\x1b[31m\u202e.gz", "a\tb.gz", "\udcff.gz", "$(id).gz"])
def test_no_file_name_can_forge_an_entry(tmp_path: Path, name: str) -> None:
    write(tmp_path / name, 100 * HOUR)
    expect = declared(f"{tmp_path}/*.gz")
    (dataset,) = FileFreshness.model_validate(expect).datasets.values()
    listing = listed(run(dataset.listing), expect=expect).folders[dataset.listing]
    assert not isinstance(listing, Unproven)
    assert [file.modified for file in listing.files] == [AT - 100 * HOUR]
    verdict = on_disk(tmp_path)
    assert verdict.outcome is Outcome.FAILED
    assert verdict.observed.isprintable()
    assert verdict.evidence[0].excerpt.replace("\t", "").isprintable()


def test_the_pattern_is_matched_by_find_alone(tmp_path: Path) -> None:
    write(tmp_path / "shop's $(touch x) ;.gz", HOUR)
    assert on_disk(tmp_path, "shop's $(touch x) ;.g?").outcome is Outcome.PASSED
    assert [path.name for path in tmp_path.iterdir()] == ["shop's $(touch x) ;.gz"]


def test_nothing_below_the_folder_and_no_links_count(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    write(tmp_path / "below" / "a.gz", HOUR)
    (tmp_path / "link.gz").symlink_to(tmp_path / "below" / "a.gz")
    (tmp_path / "dir.gz").mkdir()
    verdict = on_disk(tmp_path)
    assert verdict.outcome is Outcome.FAILED
    assert "no file in the folder matches" in verdict.reason


def test_a_folder_behind_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    write(tmp_path / "real" / "a.gz", HOUR)
    (tmp_path / "backup").symlink_to("real")
    assert on_disk(tmp_path / "backup").outcome is Outcome.PASSED


@pytest.mark.parametrize("root", [False, True])
def test_a_missing_folder_is_a_failure(tmp_path: Path, root: bool) -> None:
    verdict = on_disk(tmp_path / "gone", root=root)
    assert verdict.outcome is Outcome.FAILED
    assert "does not exist" in verdict.reason
    write(tmp_path / "file", HOUR)
    assert "something else" in on_disk(tmp_path / "file").reason


EXPECT = declared("/srv/b/*.gz")
LISTING = FileFreshness.model_validate(EXPECT).datasets["shop-db"].listing


@pytest.mark.parametrize(
    ("stdout", "exit", "stderr", "kind"),
    [
        (b"", 1, b"find: '/srv/b': Permission denied", UnprovenKind.ERROR),
        (b"", 1, b"find: '/srv': No such file or directory", UnprovenKind.ERROR),
        (b"", 1, b"sudo: x\nfind: '/srv/b': No such file or directory", UnprovenKind.ERROR),
        (b"", 127, b"find: '/srv/b': No such file or directory", UnprovenKind.ERROR),
        (b"0/d/1.0/1//srv/b\0", 1, b"find: '/srv/b': No such file or directory", UnprovenKind.ERROR),
        (b"0/d/1.0/1//srv/b\0", 1, b"find: '/srv/b/a.gz': Input/output error", UnprovenKind.ERROR),
        (b"", 0, b"", UnprovenKind.NOT_UNDERSTOOD),
        (b"1/f/1795500000.0/1//srv/b/a.gz\0", 0, b"", UnprovenKind.NOT_UNDERSTOOD),
        (b"0/d/1.0/1//srv/b\x001/f/1795500000.0/1//srv/b/a.gz", 0, b"", UnprovenKind.NOT_UNDERSTOOD),
        (b"0/d/1.0/1//srv/b\0garbage\0", 0, b"", UnprovenKind.NOT_UNDERSTOOD),
        (b"0/d/1.0/1//srv/b\x001/f/-99999999999.0/1//srv/b/a.gz\0", 0, b"", UnprovenKind.NOT_UNDERSTOOD),
    ],
)
def test_a_listing_that_proves_nothing(stdout: bytes, exit: int, stderr: bytes, kind: UnprovenKind) -> None:
    folders = listed(ended(LISTING, stdout, exit=exit, stderr=stderr), expect=EXPECT)
    verdict = only(judge(file_freshness, EXPECT, folders, clock(), NOW))
    assert (verdict.subject, verdict.outcome, verdict.kind) == ("shop-db", Outcome.UNPROVEN, kind)


@pytest.mark.parametrize("status", NOT_ANSWERED)
def test_no_answer_is_unproven(status: AnswerStatus) -> None:
    folders = listed(unanswered(LISTING, status), expect=EXPECT)
    assert only(judge(file_freshness, EXPECT, folders, clock(), NOW)).kind is NOT_ANSWERED[status]


def test_a_truncated_listing_is_unproven() -> None:
    folders = listed(ended(LISTING, b"0/d/1.0/1//srv/b\0", truncated=True), expect=EXPECT)
    assert only(judge(file_freshness, EXPECT, folders, clock(), NOW)).kind is UnprovenKind.TRUNCATED


def test_an_unknown_clock_leaves_everything_unproven() -> None:
    folders = listed(ended(LISTING, b"0/d/1.0/1//srv/b\0"), expect=EXPECT)
    verdict = only(judge(file_freshness, EXPECT, folders, Unproven(UnprovenKind.DENIED, "no"), NOW))
    assert verdict.outcome is Outcome.UNPROVEN


def test_each_dataset_is_judged_by_itself(tmp_path: Path) -> None:
    write(tmp_path / "a.gz", HOUR)
    expect = {
        "datasets": {
            "good": {"path": f"{tmp_path}/*.gz", "max_age": "1d"},
            "gone": {"path": f"{tmp_path}/gone/*.gz", "max_age": "1d"},
            "dark": {"path": "/srv/b/*.gz", "max_age": "1d", "root": True},
        }
    }
    good, gone, dark = FileFreshness.model_validate(expect).datasets.values()
    assert (dark.listing.root, dark.listing.argv[0]) == (True, "/usr/bin/find")
    answers = run(good.listing), run(gone.listing), unanswered(dark.listing, AnswerStatus.DENIED)
    verdicts = judge(file_freshness, expect, listed(*answers, expect=expect), clock(), NOW)
    assert outcomes(verdicts) == {"good": Outcome.PASSED, "gone": Outcome.FAILED, "dark": Outcome.UNPROVEN}


def test_two_controls_may_share_a_folder() -> None:
    wanted = [FileFreshness.model_validate(EXPECT), FileFreshness.model_validate(declared("/srv/b/*.gz", min_size=5))]
    assert backup_folders.plan(wanted) == (LISTING,)


@pytest.mark.parametrize(
    "expect",
    [
        {},
        {"datasets": {}},
        declared("backups/*.gz"),
        declared("/srv/*/x.gz"),
        declared("/srv/../x.gz"),
        declared("/srv//x.gz"),
        declared("/srv/b/"),
        declared("/"),
        declared("/srv/a\nb"),
        declared("/srv/\\*.gz"),
        declared("/srv/b/*", max_age="0s"),
        declared("/srv/b/*", max_age=26),
        declared("/srv/b/*", min_size=0),
        declared("/srv/b/*", minsize="1M"),
        {"datasets": {"": {"path": "/srv/b/*", "max_age": "1d"}}},
        {"datasets": {"a b": {"path": "/srv/b/*", "max_age": "1d"}}},
    ],
)
def test_expectations_that_are_refused(expect: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        FileFreshness.model_validate(expect)


ENTRIES = st.lists(
    st.one_of(
        st.binary(max_size=30),
        st.sampled_from([b"0/d/1.0/1//srv/b", b"1/f/1795500000.0/7//srv/b/a.gz", b"1/f/-1/7/\n"]),
    ),
    max_size=6,
).map(lambda entries: b"".join(entry + b"\0" for entry in entries))


@given(ENTRIES | st.binary())
def test_the_reader_raises_nothing_but_unproven(stdout: bytes) -> None:
    folders = listed(ended(LISTING, stdout), expect=EXPECT)
    judge(file_freshness, EXPECT, folders, clock(), NOW)


@given(st.text(min_size=1).filter(lambda text: text.isprintable() and not set("/\\*?[]") & set(text)))
def test_every_command_has_a_fixed_argv(name: str) -> None:
    with suppress(ValidationError):
        (dataset,) = FileFreshness.model_validate(declared(f"/srv/{name}")).datasets.values()
        argv = list(dataset.listing.argv)
        assert argv.pop(argv.index("-name") + 1) == name
        fixed = "find -H /srv -maxdepth 1 -path /srv -printf FORMAT -print0 -o -type f -name -printf FORMAT -print0"
        assert argv == fixed.replace("FORMAT", LISTING_FORMAT).split()


def test_a_state_for_every_folder() -> None:
    missing = ended(LISTING, exit=1, stderr="find: '/srv/b': No such file or directory\n")
    found = listed(missing, expect=EXPECT).folders[LISTING]
    assert not isinstance(found, Unproven)
    assert found.state is FolderState.MISSING
