"""What families tell of two transcripts of a host: facts before and after, and reasons where they are not known."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from secaudit.api import (
    Answers,
    Command,
    Facts,
    Family,
    Unproven,
    UnprovenKind,
    change_section,
    collector,
)
from secaudit.engine.sections import change_requests, host_changes
from secaudit.model.answer import Answer, AnswerStatus, HostTranscript, Reach
from secaudit.model.change import HostChange, Obstacle
from secaudit.model.section import Phrase, Section
from secaudit.plugins import Registry
from tests.engine.fakes import MOMENT, ended

ASKED = Command(("cat", "/etc/motto"))
LATER = timedelta(days=30)


@dataclass(frozen=True)
class Motto:
    text: str


@collector(Motto, (ASKED,))
def motto(answers: Answers) -> Motto:
    """What the host has for a motto."""
    return Motto(answers.text(ASKED))


@change_section("Motto", requires=[Motto], says=["It was {before}."], noise={ASKED: re.compile(rb" \d+$")})
def motto_changes(before: Facts, after: Facts) -> Section | None:
    """Told but for two mottos that nobody can tell."""
    then, now = before[Motto], after[Motto]
    if now.text == "trap":
        raise RuntimeError("a plugin's trouble")
    if now.text == "fog":
        raise Unproven(UnprovenKind.NOT_UNDERSTOOD, "there is fog")
    if then is now:
        return None
    return Section((Phrase("It was {before}.", (("before", then.text),)),), ())


REGISTRY = Registry({"acme": Family("acme", "Acme", "acme", (), (motto,), changes=(motto_changes,))}, {})


def scanned(*answers: Answer, days: int = 0) -> HostTranscript:
    at = MOMENT + timedelta(days=days)
    return HostTranscript("muster", "vienna", "web1", "10.20.0.11", at, at, Reach.COMPLETE, "", answers)


def change(before: HostTranscript, after: HostTranscript) -> HostChange:
    (found,) = host_changes(before, replace(after, opened=MOMENT + LATER), REGISTRY)
    assert (found.host, found.family, found.title) == ("web1", "acme", "Motto")
    assert (found.before, found.after) == (MOMENT, MOMENT + LATER)
    return found


def test_a_family_gets_the_facts_of_both_scans() -> None:
    found = change(scanned(ended(ASKED, "old")), scanned(ended(ASKED, "new")))
    assert found.section == Section((Phrase("It was {before}.", (("before", "old"),)),), ())
    assert found.obstacle is None


def test_equal_answers_give_one_fact_whenever_they_came() -> None:
    later = replace(ended(ASKED, "same 9"), started=MOMENT + LATER, duration=timedelta(seconds=9))
    found = change(scanned(ended(ASKED, "same 1")), scanned(later))
    assert (found.section, found.obstacle) == (None, None)


@pytest.mark.parametrize("status", [AnswerStatus.DENIED, AnswerStatus.MISSING, AnswerStatus.TIMEOUT])
def test_what_a_scan_did_not_get_is_not_known(status: AnswerStatus) -> None:
    none, there = Answer(ASKED, status, MOMENT), ended(ASKED, "same")
    assert change(scanned(none), scanned(there)).obstacle is Obstacle.UNREAD_BEFORE
    assert change(scanned(there), scanned(none)).obstacle is Obstacle.UNREAD_AFTER
    both = change(scanned(none), scanned(none))
    assert both.obstacle is Obstacle.UNREAD_BEFORE, "the same refusal twice is not the same state"
    assert both.reason
    assert both.section is None


def test_what_was_asked_in_one_scan_only_is_not_known_and_what_never_was_is_left_out() -> None:
    assert change(scanned(), scanned(ended(ASKED, "new"))).obstacle is Obstacle.UNREAD_BEFORE
    assert host_changes(scanned(), scanned(), REGISTRY) == ()


@pytest.mark.parametrize(("says", "reason"), [("fog", "there is fog"), ("trap", "RuntimeError: a plugin's trouble")])
def test_the_trouble_of_a_family_stays_its_own(says: str, reason: str) -> None:
    found = change(scanned(ended(ASKED, "old")), scanned(ended(ASKED, says)))
    assert (found.section, found.obstacle, found.reason) == (None, Obstacle.UNTOLD, reason)


def test_only_questions_of_changes_are_asked_for() -> None:
    assert change_requests(REGISTRY) == {ASKED}
