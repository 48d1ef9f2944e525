"""restic repositories: recordings, the program itself, and the verdicts."""

from __future__ import annotations

import json
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from secaudit.checks.backup.checks import restic_freshness
from secaudit.checks.backup.collect import restic_repositories
from secaudit.checks.backup.expect import ResticFreshness

from secaudit.api import AnswerStatus, Now, Outcome, UnprovenKind, Verdict
from tests.checks.judging import NOT_ANSWERED, collect, ended, judge, only, outcomes, unanswered

from .given import NOW, clock, recorded, run, shared

SHOP = "/srv/lab/data/src"


def declared(repository: str = "/srv/restic", password_file: str = "/srv/keys/restic", **more: Any) -> dict[str, Any]:
    declaration = {"repository": repository, "password_file": password_file, "max_age": "24h", **more}
    return {"repositories": {"offsite": declaration}}


def verdicts(stdout: bytes | str, exit: int = 0, stderr: bytes = b"", **more: Any) -> list[Verdict]:
    expect = declared(**more)
    wanted = ResticFreshness.model_validate(expect)
    answer = ended(wanted.repositories["offsite"].listing, stdout, exit=exit, stderr=stderr)
    found = collect(restic_repositories, answer, wanted=[wanted])
    return judge(restic_freshness, expect, found, clock(), NOW)


def snapshot(time: str, host: str = "web1", paths: tuple[str, ...] = ("/srv/shop",)) -> dict[str, Any]:
    return {"time": time, "tree": "t", "paths": list(paths), "hostname": host, "id": "0123456789ab"}


@pytest.mark.parametrize(
    ("expect", "outcome"),
    [
        ({"host": "db01"}, Outcome.FAILED),
        ({"host": "web01"}, Outcome.PASSED),
        ({"host": "web01", "paths": [f"{SHOP}/etc"]}, Outcome.PASSED),
        ({"host": "web01", "paths": [f"{SHOP}/empty"]}, Outcome.PASSED),
        ({"host": "web01", "paths": [f"{SHOP}/nope"]}, Outcome.FAILED),
        ({}, Outcome.FAILED),
    ],
)
@pytest.mark.parametrize("name", ["snapshots.json", "snapshots-latest1.json"])
def test_verdicts_on_the_shared_repository(name: str, expect: dict[str, Any], outcome: Outcome) -> None:
    verdict = only(verdicts(shared(f"restic/{name}"), **expect))
    assert verdict.outcome is outcome
    assert "54d" in verdict.observed or outcome is Outcome.PASSED or "other snapshots" in verdict.observed


def test_paths_are_judged_one_by_one() -> None:
    paths = ["/srv/shop/db", "/srv/shop/etc", "/srv/shop/gone", "/srv/shop/db/mysql"]
    found = verdicts(recorded("restic-snapshots.json"), host="web1", paths=paths, max_age="90m")
    assert outcomes(found) == {
        "offsite:/srv/shop/db": Outcome.PASSED,
        "offsite:/srv/shop/etc": Outcome.FAILED,  # the run an hour later left it out
        "offsite:/srv/shop/gone": Outcome.FAILED,
        "offsite:/srv/shop/db/mysql": Outcome.PASSED,
    }


def test_a_path_that_only_begins_alike_does_not_count() -> None:
    stdout = json.dumps([snapshot("2026-11-24T03:00:00Z", paths=("/srv/shop-old",))])
    assert only(verdicts(stdout, paths=["/srv/shop"])).outcome is Outcome.FAILED
    assert only(verdicts(json.dumps([snapshot("2026-11-24T03:00:00Z", paths=("/",))]), paths=["/srv"])).outcome is (
        Outcome.PASSED
    )


def test_of_several_hosts_the_worst_decides() -> None:
    stdout = json.dumps([snapshot("2026-11-24T03:00:00Z"), snapshot("2026-10-01T03:00:00Z", "db1")])
    assert "db1" in only(verdicts(stdout)).observed
    assert only(verdicts(stdout, host="web1")).outcome is Outcome.PASSED
    future = json.dumps([snapshot("2026-11-24T03:00:00Z"), snapshot("2026-11-25T03:00:00Z", "db1")])
    assert "in the future" in only(verdicts(future)).observed


@pytest.mark.parametrize(
    "time", ["2026-11-24T02:00:00Z", "2026-11-24T02:00:00.3629351Z", "2026-11-24T03:00:00.521441251+01:00"]
)
def test_every_form_of_time(time: str) -> None:
    assert only(verdicts(json.dumps([snapshot(time)]), max_age="121m")).outcome is Outcome.PASSED
    assert only(verdicts(json.dumps([snapshot(time)]), max_age="118m")).outcome is Outcome.FAILED


@pytest.mark.parametrize(
    ("summary", "expect", "outcome"),
    [
        (None, {}, Outcome.PASSED),
        (None, {"min_size": "1K"}, Outcome.UNPROVEN),
        ({"total_files_processed": 9, "total_bytes_processed": 5000}, {"min_size": "1K"}, Outcome.PASSED),
        ({"total_files_processed": 9, "total_bytes_processed": 5}, {"min_size": "1K"}, Outcome.FAILED),
        ({"total_files_processed": 0, "total_bytes_processed": 0}, {}, Outcome.FAILED),
    ],
)
def test_sizes_where_restic_records_them(summary: object, expect: dict[str, Any], outcome: Outcome) -> None:
    found = snapshot("2026-11-24T03:00:00Z") | ({} if summary is None else {"summary": summary})
    assert only(verdicts(json.dumps([found]), **expect)).outcome is outcome


def test_an_old_snapshot_of_unknown_size_is_a_failure() -> None:
    verdict = only(verdicts(json.dumps([snapshot("2026-11-20T03:00:00Z")]), min_size="1K"))
    assert verdict.outcome is Outcome.FAILED


def test_a_repository_without_snapshots_is_a_failure() -> None:
    assert only(verdicts(recorded("restic-no-snapshots.json"))).outcome is Outcome.FAILED


@pytest.mark.parametrize("name", ["wrong-password", "no-repository"])
def test_a_repository_that_cannot_be_read_is_unproven(name: str) -> None:
    verdict = only(verdicts(b"", 1, recorded(f"restic-{name}.err")))
    assert (verdict.subject, verdict.kind) == ("offsite", UnprovenKind.ERROR)


def test_what_is_unproven_has_the_subjects_of_what_is_decided() -> None:
    paths = ["/srv/shop", "/etc"]
    expected = {"offsite:/srv/shop": Outcome.UNPROVEN, "offsite:/etc": Outcome.UNPROVEN}
    assert outcomes(verdicts(b"", 1, recorded("restic-wrong-password.err"), paths=paths)) == expected


def test_a_lock_that_was_denied_is_unproven() -> None:
    denied, readable = shared("restic/nonroot-lock.txt").split(b"--- no-lock:\n")
    assert only(verdicts(denied, 1)).kind is UnprovenKind.ERROR
    assert only(verdicts(denied, 0)).kind is UnprovenKind.NOT_UNDERSTOOD
    assert only(verdicts(readable, 0)).kind is UnprovenKind.NOT_UNDERSTOOD  # the recording is cut in the middle


@pytest.mark.parametrize("name", ["init.json", "check.txt", "backup-summary.json", "ls-latest.jsonl", "stats-raw.json"])
def test_other_output_of_restic_is_not_understood(name: str) -> None:
    assert only(verdicts(shared(f"restic/{name}"))).kind is UnprovenKind.NOT_UNDERSTOOD


GOOD = snapshot("2026-11-24T03:00:00Z")


@pytest.mark.parametrize(
    "document",
    [
        None,
        {},
        [1],
        [{}],
        [GOOD | {"time": "2026-11-24T03:00:00"}],
        [GOOD | {"time": "yesterday"}],
        [GOOD | {"time": "0001-01-01T00:00:00+14:00"}],
        [GOOD | {"time": 1795500000}],
        [GOOD | {"paths": None}],
        [GOOD | {"paths": [1]}],
        [GOOD | {"hostname": None}],
        [GOOD | {"summary": []}],
        [GOOD | {"summary": {"total_files_processed": "9", "total_bytes_processed": 1}}],
        [GOOD | {"summary": {"total_files_processed": True, "total_bytes_processed": 1}}],
        [GOOD, GOOD | {"id": 1}],
    ],
)
def test_another_form_is_not_understood(document: object) -> None:
    assert only(verdicts(json.dumps(document))).kind is UnprovenKind.NOT_UNDERSTOOD


def test_hostile_texts_are_shown_inert() -> None:
    stdout = json.dumps([snapshot("2026-11-24T03:00:00Z", "\x1b[2J\ud800", ("/\u202e\n",))])
    verdict = only(verdicts(stdout))
    assert verdict.observed.isprintable()
    assert verdict.evidence[0].excerpt.isprintable()


@pytest.mark.parametrize("status", NOT_ANSWERED)
def test_no_answer_is_unproven(status: AnswerStatus) -> None:
    wanted = ResticFreshness.model_validate(declared())
    answer = unanswered(wanted.repositories["offsite"].listing, status)
    found = collect(restic_repositories, answer, wanted=[wanted])
    assert only(judge(restic_freshness, declared(), found, clock(), NOW)).kind is NOT_ANSWERED[status]


@given(st.binary() | st.recursive(st.none() | st.text() | st.integers(), st.lists).map(json.dumps))
def test_the_reader_raises_nothing_but_unproven(stdout: bytes | str) -> None:
    assert verdicts(stdout)


def test_deep_nesting_is_not_understood() -> None:
    assert only(verdicts("[" * 200_000)).kind is UnprovenKind.NOT_UNDERSTOOD


@pytest.mark.parametrize(
    "expect",
    [
        {},
        {"repositories": {}},
        declared(repository=""),
        declared(repository="-r"),
        declared(repository="rest:https://user:secret@backup.example/"),
        declared(repository="/srv\n"),
        declared(password_file="restic"),
        declared(password_file="/root/../x"),
        declared(paths=["srv"]),
        declared(program="restic"),
        declared(max_age="0h"),
        declared(min_size=0),
        declared(password="secret"),
    ],
)
def test_expectations_that_are_refused(expect: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ResticFreshness.model_validate(expect)


def test_restic_itself_is_understood_and_left_alone(tmp_path: Path) -> None:
    program = shutil.which("restic")
    if program is None:
        pytest.skip("restic is not installed")
    repository, secret, data = tmp_path / "repository", tmp_path / "secret", tmp_path / "data"
    secret.write_text("secret\n")
    data.mkdir()
    (data / "a").write_text("a")
    for arguments in (["init"], ["backup", "--host", "web1", str(data)]):
        subprocess.run(
            [program, "--no-cache", "-q", "-r", repository, "--password-file", secret, *arguments], check=True
        )
    before = {path: path.stat().st_mtime_ns for path in repository.rglob("*")}
    expect = declared(str(repository), str(secret), host="web1", paths=[str(data)], program=program, max_age="10m")
    wanted = ResticFreshness.model_validate(expect)
    found = collect(restic_repositories, run(wanted.repositories["offsite"].listing), wanted=[wanted])
    verdict = only(judge(restic_freshness, expect, found, clock(), Now(datetime.now(UTC))))
    assert verdict.outcome is Outcome.PASSED
    assert {path: path.stat().st_mtime_ns for path in repository.rglob("*")} == before
    later = Now(datetime.now(UTC) + timedelta(minutes=11))
    assert only(judge(restic_freshness, expect, found, clock(), later)).outcome is Outcome.FAILED
