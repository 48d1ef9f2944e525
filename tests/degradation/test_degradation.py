"""A degraded scan never looks better, whatever is taken away from whichever host."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from secaudit.api import Answer, Outcome
from secaudit.engine.reference import ReferenceData
from secaudit.model.answer import Reach
from tests.degradation import firewall_bundles, host_bundles, patch_bundles
from tests.degradation.exceptions import EXEMPTIONS, Exemption
from tests.degradation.judging import Bundle, Judge, outcomes, raised, registry
from tests.degradation.taken import WAYS, TakeAway

PAGE = Path(__file__).parents[2] / "docs" / "verification.md"


@pytest.fixture(scope="module")
def judges(tmp_path_factory: pytest.TempPathFactory) -> list[Judge]:
    """Every host there is."""
    feeds = tmp_path_factory.mktemp("feeds")
    sources = (firewall_bundles.bundles(), host_bundles.bundles(), patch_bundles.bundles(feeds))
    return [Judge(bundle) for source in sources for bundle in source]


def taken(bundle: Bundle) -> Iterator[tuple[Answer, str, Answer | None]]:
    """Every answer with what is left of it in every way that changes it."""
    for answer in bundle.answers:
        for way, take in WAYS.items():
            left = take(answer)
            if left is None or left != answer:
                yield answer, way, left


def without_all(bundle: Bundle, take: TakeAway, *, root: bool) -> list[Answer]:
    """The answers where all of them, or with `root` all that need it, are taken away in one way."""
    kept = (take(answer) if not root or answer.request.key.startswith("sudo ") else answer for answer in bundle.answers)
    return [answer for answer in kept if answer is not None]


def test_no_answer_that_is_taken_away_makes_anything_better(judges: list[Judge]) -> None:
    better: list[str] = []
    needed: set[Exemption] = set()
    for judge in judges:
        for answer, way, left in taken(judge.bundle):
            results = judge.without(answer, left)
            where = f"{judge.bundle.name}: `{answer.request.key}` {way}"
            better += [f"{where}: {reason}" for reason in raised(results)]
            for found in judge.better(results):
                exempt = [one for one in EXEMPTIONS if one.covers(answer.request, way, found)]
                needed.update(exempt)
                if not exempt:
                    better.append(f"{where}: {found}")
    assert not better, "\n".join(better[:50])
    assert needed == set(EXEMPTIONS), "an exemption that nothing needs any more"


@pytest.mark.parametrize("root", [True, False], ids=["all that need root", "all"])
def test_nothing_gets_better_when_many_answers_are_taken_away(judges: list[Judge], root: bool) -> None:
    alike = [one for one in EXEMPTIONS if not one.ways]
    better = [
        f"{judge.bundle.name}: {way}: {found}"
        for judge in judges
        for way in ("not in the transcript", "denied", "lost with the connection", "timed out")
        for found in judge.better(judge.results(without_all(judge.bundle, WAYS[way], root=root)))
        if not any(one.holds(found) for one in alike)
    ]
    assert not better, "\n".join(better[:50])


def test_without_reference_data_nothing_gets_better(judges: list[Judge]) -> None:
    for judge in judges:
        bare = Judge(replace(judge.bundle, references=ReferenceData()))
        better = [str(found) for found in judge.better(bare.whole)]
        assert better == [], judge.bundle.name


def test_a_host_that_is_not_reached_resolves_nothing(judges: list[Judge]) -> None:
    for judge in judges:
        assert [str(found) for found in judge.better(judge.results((), Reach.UNREACHABLE), Reach.UNREACHABLE)] == []


def test_every_check_takes_part_with_a_host_that_fails_and_one_that_passes(judges: list[Judge]) -> None:
    assert {check for judge in judges for check in judge.bundle.expect} == set(registry().checks)
    assert outcomes(judges, Outcome.FAILED) == set(registry().checks)
    assert outcomes(judges, Outcome.PASSED) == set(registry().checks)


def test_every_question_is_answered_in_some_bundle(judges: list[Judge]) -> None:
    """Every collector goes through it with every fixed question that it has."""
    asked = {answer.request for judge in judges for answer in judge.bundle.answers}
    missing = [
        f"{collector.fact.__name__}: {request.key}"
        for family in registry().families.values()
        for collector in family.collectors
        for request in collector.plan(())
        if request not in asked
    ]
    assert missing == []


def test_the_page_states_how_much_is_tried(judges: list[Judge]) -> None:
    answers = sum(len(judge.bundle.answers) for judge in judges)
    scans = sum(1 for judge in judges for _ in taken(judge.bundle))
    results = sum(sum(1 for _ in taken(judge.bundle)) * len(judge.plan.controls) for judge in judges)
    stated = (
        f"{len(registry().checks)} checks, {len(judges)} hosts, {answers:,} answers, {len(WAYS)} ways: "
        f"{scans:,} degraded scans, {results:,} judgements"
    )
    assert stated in " ".join(PAGE.read_text().split()), stated
