"""borg repositories: recordings, the program itself, and the verdicts."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from secaudit.checks.backup.checks import borg_freshness
from secaudit.checks.backup.collect import borg_repositories
from secaudit.checks.backup.expect import BorgFreshness

from secaudit.api import AnswerStatus, Now, Outcome, UnprovenKind, Verdict
from tests.checks.judging import NOT_ANSWERED, collect, ended, judge, only, unanswered

from .given import NOW, clock, recorded, run, shared


def declared(repository: str = "/srv/borg", **more: Any) -> dict[str, Any]:
    return {"repositories": {"vault": {"repository": repository, "max_age": "24h", **more}}}


def verdict(stdout: bytes | str, contents: bytes | str | None = None, exit: int = 0, **more: Any) -> Verdict:
    expect = declared(**more)
    wanted = BorgFreshness.model_validate(expect)
    vault = wanted.repositories["vault"]
    answers = [ended(vault.listing, stdout, exit=exit)]
    if contents is not None:
        assert vault.contents is not None
        answers.append(ended(vault.contents, contents))
    found = collect(borg_repositories, *answers, wanted=[wanted])
    return only(judge(borg_freshness, expect, found, clock(), NOW))


@pytest.mark.parametrize(
    ("archives", "outcome"),
    [
        ("db01-*", Outcome.FAILED),
        ("web01-2026-10-01T02:00", Outcome.PASSED),  # the date in the name is not the archive's
        ("web01-*", Outcome.PASSED),
        ("*", Outcome.PASSED),
        ("mail-*", Outcome.FAILED),
    ],
)
def test_verdicts_on_the_shared_repository(archives: str, outcome: Outcome) -> None:
    assert verdict(shared("borg/list.json"), archives=archives).outcome is outcome


def test_an_empty_archive_is_a_failure() -> None:
    listing, contents = shared("borg/list.json"), shared("borg/info-last2.json")
    empty = verdict(listing, contents, archives="web01-*", min_files=1)
    assert empty.outcome is Outcome.FAILED
    assert "0 files" in empty.reason
    assert verdict(listing, contents, archives="web01-2026*", min_files=7).outcome is Outcome.PASSED
    assert verdict(listing, contents, archives="web01-2026*", min_files=8).outcome is Outcome.FAILED


def test_contents_that_are_not_told_are_unproven() -> None:
    listing = shared("borg/list.json")
    assert verdict(listing, shared("borg/info.json"), archives="web01-*", min_files=1).kind is (
        UnprovenKind.NOT_UNDERSTOOD
    )
    assert verdict(listing, '{"archives": []}', archives="web01-*", min_files=1).kind is UnprovenKind.NOT_UNDERSTOOD
    assert verdict(listing, archives="web01-*", min_files=1).kind is UnprovenKind.NOT_RECORDED
    assert verdict(listing, archives="db01-*", min_files=1).outcome is Outcome.FAILED  # too old, whatever it holds


def test_recordings() -> None:
    listing = recorded("borg-archives.json")
    assert verdict(listing, archives="web1-*").outcome is Outcome.PASSED
    assert verdict(listing, archives="web1-*", max_age="119m").outcome is Outcome.FAILED
    assert verdict(listing, archives="db1-2026*").outcome is Outcome.FAILED
    assert verdict(listing, recorded("borg-contents.json"), archives="db1-*", min_files=1).outcome is Outcome.FAILED
    assert verdict(recorded("borg-no-archives.json")).outcome is Outcome.FAILED
    assert verdict(listing, recorded("borg-contents-of-none.json"), min_files=1).kind is UnprovenKind.NOT_UNDERSTOOD


def test_checkpoints_are_no_archives() -> None:
    # The checkpoint began at 03:30, the newest complete archive of web1 at 02:00.
    listing = recorded("borg-archives-with-checkpoints.json")
    assert b"web1-x.checkpoint" in listing
    assert verdict(listing, archives="web1-*", max_age="1h").outcome is Outcome.FAILED
    assert verdict(listing, archives="*.checkpoint").outcome is Outcome.FAILED


@pytest.mark.parametrize("name", ["wrong-passphrase", "no-repository", "locked-out"])
def test_a_repository_that_cannot_be_read_is_unproven(name: str) -> None:
    wanted = BorgFreshness.model_validate(declared())
    answer = ended(wanted.repositories["vault"].listing, b"", exit=2, stderr=recorded(f"borg-{name}.err"))
    found = collect(borg_repositories, answer, wanted=[wanted])
    result = only(judge(borg_freshness, declared(), found, clock(), NOW))
    assert (result.subject, result.kind) == ("vault", UnprovenKind.ERROR)


def test_a_crash_report_is_unproven_whatever_the_exit_code() -> None:
    crash, readable = shared("borg/nonroot.txt").split(b"--- nonroot --bypass-lock:\n")
    assert verdict(crash, exit=0).kind is UnprovenKind.NOT_UNDERSTOOD
    assert verdict(crash, exit=2).kind is UnprovenKind.ERROR
    assert verdict(readable).kind is UnprovenKind.NOT_UNDERSTOOD  # the recording is cut in the middle


@pytest.mark.parametrize("name", ["check.txt", "create.json", "create-warning.json", "info.json"])
def test_other_output_of_borg_is_not_understood(name: str) -> None:
    assert verdict(shared(f"borg/{name}")).kind is UnprovenKind.NOT_UNDERSTOOD


GOOD = {"name": "a", "id": "1", "start": "2026-11-24T03:00:00.000000"}


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        {},
        {"archives": {}},
        {"archives": [1]},
        {"archives": [GOOD | {"start": "2026-11-24T03:00:00+00:00"}]},
        {"archives": [GOOD | {"start": "soon"}]},
        {"archives": [GOOD | {"name": 1}]},
        {"archives": [GOOD, {}]},
    ],
)
def test_another_form_is_not_understood(document: object) -> None:
    assert verdict(json.dumps({"archives": [GOOD]})).outcome is Outcome.PASSED
    assert verdict(json.dumps(document)).kind is UnprovenKind.NOT_UNDERSTOOD


def test_an_archive_from_the_future_is_a_failure() -> None:
    document = {"archives": [GOOD, GOOD | {"start": "2026-11-24T05:00:00.000000"}]}
    assert "in the future" in verdict(json.dumps(document)).observed


def test_hostile_names_are_shown_inert() -> None:
    result = verdict(json.dumps({"archives": [GOOD | {"name": "\x1b]0;x\n\u202e\udcff"}]}))
    assert result.observed.isprintable()
    assert result.evidence[0].excerpt.isprintable()


@pytest.mark.parametrize("status", NOT_ANSWERED)
def test_no_answer_is_unproven(status: AnswerStatus) -> None:
    wanted = BorgFreshness.model_validate(declared())
    found = collect(borg_repositories, unanswered(wanted.repositories["vault"].listing, status), wanted=[wanted])
    assert only(judge(borg_freshness, declared(), found, clock(), NOW)).kind is NOT_ANSWERED[status]


@given(st.binary() | st.dictionaries(st.text(), st.lists(st.none() | st.integers())).map(json.dumps))
def test_the_reader_raises_nothing_but_unproven(stdout: bytes | str) -> None:
    assert verdict(stdout, stdout, min_files=1).subject == "vault"


@pytest.mark.parametrize(
    "expect",
    [
        {"repositories": {}},
        declared(repository="--help"),
        declared(repository="ssh://user:secret@backup.example/srv"),
        declared(passphrase_file="secret"),
        declared(archives=""),
        declared(archives="-x"),
        declared(min_files=0),
        declared(max_age="0d"),
        declared(program="borg"),
        declared(base_dir="run"),
        declared(base_dir="/tmp/borg"),
        declared(passphrase="secret"),
        declared("/srv/my borg", root=True),
        declared(passphrase_file="/root/my passphrase", root=True),
        declared(passphrase_file="/root/it's", root=True),
        declared(archives="web 1*", min_files=1, root=True),
    ],
)
def test_expectations_that_are_refused(expect: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        BorgFreshness.model_validate(expect)


def files_below(*folders: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for folder in folders for path in folder.rglob("*") if path.is_file()}


def test_borg_itself_is_understood_and_left_alone(tmp_path: Path) -> None:
    program = shutil.which("borg")
    if program is None:
        pytest.skip("borg is not installed")
    repository, secret, data = tmp_path / "repository", tmp_path / "it's secret", tmp_path / "data"
    secret.write_text("secret\n")
    data.mkdir()
    base_dir = tmp_path / "base"
    environment = {"BORG_BASE_DIR": str(base_dir), "BORG_PASSPHRASE": "secret", "TZ": "Europe/Berlin"}
    for arguments in (["init", "-e", "repokey", str(repository)], ["create", f"{repository}::web1-1", str(data)]):
        subprocess.run([program, *arguments], env={**os.environ, **environment}, check=True, capture_output=True)
    expect = declared(str(repository), passphrase_file=str(secret), program=program, min_files=1, max_age="10m")
    wanted = BorgFreshness.model_validate(expect)
    vault = wanted.repositories["vault"]
    assert vault.contents is not None
    user = {"BORG_BASE_DIR": str(base_dir), "TZ": "Europe/Berlin"}
    before = files_below(repository, base_dir)
    listing = run(vault.listing, user)
    assert files_below(repository, base_dir) == before
    before = files_below(repository)
    contents = run(vault.contents, user)
    assert files_below(repository) == before
    now = Now(datetime.now(UTC))
    found = collect(borg_repositories, listing, contents, wanted=[wanted])
    result = only(judge(borg_freshness, expect, found, clock(), now))
    assert result.outcome is Outcome.FAILED
    assert result.reason == "The newest archive holds 0 files only."


def test_as_root_borg_gets_the_passphrase_without_a_blank_in_any_argument(tmp_path: Path) -> None:
    program = shutil.which("borg")
    if program is None:
        pytest.skip("borg is not installed")
    repository, secret, data = tmp_path / "repository", tmp_path / "secret", tmp_path / "data"
    secret.write_text("secret\n")
    data.mkdir()
    user = {"BORG_BASE_DIR": str(tmp_path / "base"), "BORG_PASSPHRASE": "secret", "TZ": "Europe/Berlin"}
    for arguments in (["init", "-e", "repokey", str(repository)], ["create", f"{repository}::web1-1", str(data)]):
        subprocess.run([program, *arguments], env={**os.environ, **user}, check=True, capture_output=True)
    files = {"passphrase_file": str(secret), "program": program}
    expect = declared(str(repository), **files, min_files=1, max_age="10m", root=True)
    wanted = BorgFreshness.model_validate(expect)
    vault = wanted.repositories["vault"]
    assert vault.contents is not None
    assert not any(" " in argument for command in (vault.listing, vault.contents) for argument in command.argv)
    before = files_below(repository)
    given = {"TZ": "Europe/Berlin", "BORG_BASE_DIR": user["BORG_BASE_DIR"]}
    answers = [run(command, given) for command in (vault.listing, vault.contents)]
    assert files_below(repository) == before
    found = collect(borg_repositories, *answers, wanted=[wanted])
    result = only(judge(borg_freshness, expect, found, clock(), Now(datetime.now(UTC))))
    assert result.reason == "The newest archive holds 0 files only."


def test_borg_s_own_folders_can_be_named() -> None:
    (vault,) = BorgFreshness.model_validate(declared(base_dir="/run/secaudit-borg")).repositories.values()
    assert "BORG_BASE_DIR=/run/secaudit-borg" in vault.listing.argv
