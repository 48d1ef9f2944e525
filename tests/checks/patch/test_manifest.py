"""What was shipped against what is deployed."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from pytest_httpserver import HTTPServer
from secaudit.checks.patch.checks import release_behind
from secaudit.checks.patch.collect import deployed_releases
from secaudit.checks.patch.manifest import ReleaseManifest, version_files

from secaudit.api import Answer, AnswerStatus, Command, Outcome, UnprovenKind, Verdict
from tests.checks.judging import NOT_ANSWERED, collect, ended, judge, only, outcomes, unanswered

from .given import NOW

FILE = Command(("cat", "/srv/shop/VERSION"))
SHOP = {"application": "shop", "version": "4.2.1", "shipped": "2026-11-01", "file": "/srv/shop/VERSION"}


def judged(answer: Answer, *releases: dict[str, Any], **expect: Any) -> list[Verdict]:
    wanted = {"releases": list(releases) or [SHOP], **expect}
    fact = collect(deployed_releases, answer, wanted=[ReleaseManifest.model_validate(wanted)])
    return judge(release_behind, wanted, fact, NOW)


@pytest.mark.parametrize(
    ("text", "release", "outcome"),
    [
        ("4.2.1\n", {}, Outcome.PASSED),
        ("v4.10\n", {}, Outcome.PASSED),
        ("4.2\n", {}, Outcome.PASSED),  # three weeks of thirty days
        ("4.2\n", {"security": True}, Outcome.FAILED),
        ("4.2\n", {"shipped": "2026-10-01"}, Outcome.FAILED),
        ("4.2.1rc1\n", {"shipped": "2026-10-01"}, Outcome.FAILED),
        ("a text\n", {}, Outcome.UNPROVEN),
        ("latest\n", {}, Outcome.UNPROVEN),
        ("", {}, Outcome.UNPROVEN),
        ('{\n  "version": "4.2.1",\n}\n', {"pattern": r'\s*"version": "([^"]+)",?'}, Outcome.PASSED),
    ],
)
def test_a_shipped_release(text: str, release: dict[str, Any], outcome: Outcome) -> None:
    verdict = only(judged(ended(FILE, text), {**SHOP, **release}))
    assert (verdict.subject, verdict.outcome) == ("shop", outcome)


def test_one_application_without_an_answer_leaves_the_others() -> None:
    other = {**SHOP, "application": "portal", "file": "/srv/portal/VERSION"}
    verdicts = judged(ended(FILE, "4.2.1\n"), SHOP, other)
    assert outcomes(verdicts) == {"shop": Outcome.PASSED, "portal": Outcome.UNPROVEN}


@pytest.mark.parametrize("status", NOT_ANSWERED)
def test_a_file_that_was_not_read(status: AnswerStatus) -> None:
    assert only(judged(unanswered(FILE, status))).kind is NOT_ANSWERED[status]
    assert only(judged(ended(FILE, exit=1, stderr="cat: no such file"))).kind is UnprovenKind.ERROR
    assert only(judged(ended(FILE, "4.2.1", truncated=True))).kind is UnprovenKind.TRUNCATED


@pytest.mark.parametrize(
    "release",
    [
        {"version": "new"},
        {"file": "srv/VERSION"},
        {"file": "/srv/x\n"},
        {"pattern": "("},
        {"pattern": "no group"},
        {"shipped": "soon"},
        {"sha256": "x"},
        {"file": None},
        {"http": "http://localhost/version"},
        {"json": "a..b"},
    ],
)
def test_manifests_that_make_no_sense_are_refused(release: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ReleaseManifest.model_validate({"releases": [{**SHOP, **release}]})


def other(**place: Any) -> dict[str, Any]:
    return {**{key: value for key, value in SHOP.items() if key != "file"}, **place}


@pytest.mark.parametrize(
    "argv",
    [
        ["/opt/shop/bin/shop", "--version"],
        ["/usr/bin/java", "-jar", "/opt/shop/shop.jar", "-version"],
        ["/usr/bin/python3.11", "/srv/shop/manage.py", "version"],
    ],
)
def test_a_program_that_is_asked_for_its_version(argv: list[str]) -> None:
    release = other(command=argv, pattern=r"shop (\S+)")
    question = Command(tuple(argv))
    assert only(judged(ended(question, "starting\nshop 4.3\n"), release)).outcome is Outcome.PASSED
    assert only(judged(ended(question, "shop 4.2\n", exit=1), release)).kind is UnprovenKind.ERROR
    assert not next(iter(version_files([ReleaseManifest.model_validate({"releases": [release]})]))).root


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["/opt/shop/bin/shop"],
        ["shop", "--version"],
        ["/opt/shop/bin/shop", "--delete"],
        ["/bin/rm", "-rf", "/srv", "--version"],
        ["/bin/rm", "/srv/shop", "--version"],
        ["/bin/sh", "-c", "reboot", "--version"],
        ["/usr/bin/python3", "-c", "version"],
        ["/usr/bin/python3", "/srv/a.py", "/srv/b.py", "version"],
        ["/usr/bin/python3", "/srv/$(reboot)", "version"],
        ["/opt/a b", "--version"],
        ["/opt/a;b", "--version"],
    ],
)
def test_a_command_that_could_do_anything_else_is_refused(argv: list[str]) -> None:
    with pytest.raises(ValidationError):
        ReleaseManifest.model_validate({"releases": [other(command=argv)]})


@pytest.mark.parametrize(
    "address",
    [
        "ftp://localhost/x",
        "file:///etc/passwd",
        "http://",
        "http://user:secret@localhost/x",
        "http://localhost/a b",
        "http://localhost/$(x)",
        "http://localhost:99999/",
        "--output=/etc/x",
    ],
)
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(ValidationError) as refused:
        ReleaseManifest.model_validate({"releases": [other(http=address)]})
    assert "address" in refused.value.errors()[0]["msg"]


@pytest.mark.parametrize(
    ("body", "path", "outcome"),
    [
        ('{"app": {"version": "4.3"}}', "app.version", Outcome.PASSED),
        ('[{"version": "4.3"}]', "0.version", Outcome.PASSED),
        ('{"app": {"version": "4.3"}}', "app.build", Outcome.UNPROVEN),
        ('{"app": {"version": 4.3}}', "app.version", Outcome.UNPROVEN),
        ('{"app": {"version": "new"}}', "app.version", Outcome.UNPROVEN),
        ("[" * 100_000, "0", Outcome.UNPROVEN),
        ("4.3", "version", Outcome.UNPROVEN),
    ],
)
def test_a_version_in_json(body: str, path: str, outcome: Outcome) -> None:
    release = other(file="/srv/shop/VERSION", json=path)
    assert only(judged(ended(FILE, body), release)).outcome is outcome


def test_curl_asks_this_machine_only_and_follows_nobody(httpserver: HTTPServer) -> None:
    """The real curl against a real server: whatever host the address names, it is the one on this machine."""
    httpserver.expect_request("/version").respond_with_data('{"version": "4.3"}')
    httpserver.expect_request("/moved").respond_with_data(status=302, headers={"Location": "/version"})
    httpserver.expect_request("/large").respond_with_data("4" * 400_000)

    def ask(path: str) -> Verdict:
        release = other(http=f"http://shop.example:{httpserver.port}/{path}", json="version")
        (question,) = version_files([ReleaseManifest.model_validate({"releases": [release]})])
        run = subprocess.run(question.argv, capture_output=True, timeout=30, check=False)
        return only(judged(ended(question, run.stdout, exit=run.returncode, stderr=run.stderr), release))

    assert ask("version").outcome is Outcome.PASSED
    assert httpserver.log[0][0].headers["Host"] == f"shop.example:{httpserver.port}"
    for path in ("moved", "large", "gone"):
        assert ask(path).outcome is Outcome.UNPROVEN
    assert f"asking http://shop.example:{httpserver.port}/gone ended with exit code 22" in ask("gone").reason


def test_an_application_has_one_newest_release() -> None:
    with pytest.raises(ValidationError, match="more than one release of shop"):
        ReleaseManifest.model_validate({"releases": [SHOP, SHOP]})
    with pytest.raises(ValidationError):
        ReleaseManifest.model_validate({"releases": []})


@given(st.binary(max_size=200))
def test_any_file_is_read_or_refused(content: bytes) -> None:
    assert len(judged(ended(FILE, content))) == 1
