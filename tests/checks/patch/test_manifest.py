"""What was shipped against what is deployed."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from secaudit.checks.patch.checks import release_behind
from secaudit.checks.patch.collect import deployed_releases
from secaudit.checks.patch.manifest import ReleaseManifest

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
    ],
)
def test_manifests_that_make_no_sense_are_refused(release: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ReleaseManifest.model_validate({"releases": [{**SHOP, **release}]})


def test_an_application_has_one_newest_release() -> None:
    with pytest.raises(ValidationError, match="more than one release of shop"):
        ReleaseManifest.model_validate({"releases": [SHOP, SHOP]})
    with pytest.raises(ValidationError):
        ReleaseManifest.model_validate({"releases": []})


@given(st.binary(max_size=200))
def test_any_file_is_read_or_refused(content: bytes) -> None:
    assert len(judged(ended(FILE, content))) == 1
