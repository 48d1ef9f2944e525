"""Evaluation is pure, and nothing a plugin does wrong is silent or spreads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from secaudit.engine.evaluate import MAX_VERDICTS, evaluate
from secaudit.engine.plan import plan_host
from secaudit.model.answer import Answer, AnswerStatus, HostTranscript, Reach
from secaudit.model.baseline import Control, Location
from secaudit.model.inventory import Host
from secaudit.model.outcome import Outcome, UnprovenKind
from secaudit.model.request import Command
from secaudit.model.result import Result, fingerprint
from secaudit.model.severity import Severity
from secaudit.plugins import Registry

from .fakes import MOMENT, ended

HOST = Host("muster", "vienna", "web1", "10.20.0.11", tags=frozenset({"web"}))
Make = Callable[..., Control]


def transcript(*answers: Answer, reach: Reach = Reach.COMPLETE, detail: str = "") -> HostTranscript:
    return HostTranscript(
        "muster", "vienna", "web1", "10.20.0.11", MOMENT, MOMENT + timedelta(seconds=2), reach, detail, answers
    )


def judge(
    registry: Registry,
    control: Control,
    *answers: Answer,
    reach: Reach = Reach.COMPLETE,
    detail: str = "",
    at: datetime | None = None,
    known: Mapping[str, datetime] | None = None,
) -> tuple[Result, ...]:
    plan = plan_host(HOST, [control], registry)
    return evaluate(plan, registry, transcript(*answers, reach=reach, detail=detail), at, known)[0]


SERIAL = Command(("cat", "/etc/acme-serial"))


def test_a_third_partys_check_is_judged_like_any_other(registry: Registry, control: Make) -> None:
    (result,) = judge(registry, control("acme.serial", prefix="AC77"), ended(SERIAL, "AC12-9\n"))

    assert result.outcome is Outcome.FAILED
    assert (result.family, result.check, result.control) == ("acme", "acme.serial", "own-serial")
    assert result.subject == "AC"
    assert result.severity is Severity.MEDIUM
    assert result.fingerprint == fingerprint("muster", "web1", "own-serial", "AC")
    assert result.references == {"own": ("1.1",)}
    assert result.remediation == "Ask the vendor."
    assert result.baseline == "own.yaml:7"
    assert result.evidence[0].source == "cat /etc/acme-serial"
    assert result.evidence[0].lines == (1, 1)
    assert result.first_seen == MOMENT


def test_platform_comes_from_whatever_family_provides_it(registry: Registry, control: Make) -> None:
    mine = Registry({"acme": registry.families["acme"]}, {})
    plan = plan_host(HOST, [control("acme.silent")], mine)

    _, platform = evaluate(plan, mine, transcript(ended(SERIAL, "AC12-9\n")))

    assert platform is not None
    assert (platform.os_id, platform.os_version) == ("acme", "12")


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Answer(SERIAL, AnswerStatus.DENIED, MOMENT, detail="no sudo"), UnprovenKind.DENIED),
        (Answer(SERIAL, AnswerStatus.MISSING, MOMENT), UnprovenKind.MISSING),
        (Answer(SERIAL, AnswerStatus.TIMEOUT, MOMENT), UnprovenKind.TIMEOUT),
        (Answer(SERIAL, AnswerStatus.LOST, MOMENT), UnprovenKind.UNREACHABLE),
        (ended(SERIAL, "AC77", exit=1), UnprovenKind.ERROR),
        (replace(ended(SERIAL, "AC77"), truncated=True), UnprovenKind.TRUNCATED),
        (ended(SERIAL, "Permission denied"), UnprovenKind.NOT_UNDERSTOOD),
        (None, UnprovenKind.NOT_RECORDED),
    ],
)
def test_whatever_is_not_an_answer_is_unproven(
    registry: Registry, control: Make, answer: Answer | None, kind: UnprovenKind
) -> None:
    (result,) = judge(registry, control("acme.serial", prefix="AC77"), *([answer] if answer else []))

    assert (result.outcome, result.kind) == (Outcome.UNPROVEN, kind)
    assert result.reason
    assert result.subject == ""


def test_an_unreachable_host_leaves_every_control_unproven(registry: Registry, control: Make) -> None:
    (result,) = judge(
        registry, control("acme.serial", prefix="AC"), reach=Reach.UNREACHABLE, detail="connection refused"
    )

    assert (result.outcome, result.kind) == (Outcome.UNPROVEN, UnprovenKind.UNREACHABLE)
    assert "connection refused" in result.reason


def test_requests_follow_the_expectations(registry: Registry, control: Make) -> None:
    plan = plan_host(
        HOST, [control("acme.files", paths=("/a", "/b")), control("acme.files", paths=("/b", "/c"))], registry
    )

    keys = [request.key for request in plan.requests]

    assert [key for key in keys if key.startswith("wc")] == ["wc -c /a", "wc -c /b", "wc -c /c"]


def test_a_check_that_raises_is_unproven_and_keeps_its_verdicts(registry: Registry, control: Make) -> None:
    first, second = judge(registry, control("acme.raises"))

    assert (first.outcome, first.subject) == (Outcome.PASSED, "first")
    assert (second.outcome, second.kind) == (Outcome.UNPROVEN, UnprovenKind.PLUGIN)
    assert "KeyError" in second.reason


def test_a_collector_that_raises_is_unproven(registry: Registry, control: Make) -> None:
    (result,) = judge(registry, control("acme.explosive"))

    assert (result.outcome, result.kind) == (Outcome.UNPROVEN, UnprovenKind.PLUGIN)
    assert "ZeroDivisionError" in result.reason


def test_a_silent_check_is_unproven(registry: Registry, control: Make) -> None:
    (result,) = judge(registry, control("acme.silent"))

    assert (result.outcome, result.kind) == (Outcome.UNPROVEN, UnprovenKind.PLUGIN)


def test_an_endless_check_is_cut_off_and_says_so(registry: Registry, control: Make) -> None:
    results = judge(registry, control("acme.endless"))

    assert len(results) == MAX_VERDICTS + 1
    assert results[-1].outcome is Outcome.UNPROVEN


def test_the_worst_verdict_on_a_subject_counts(registry: Registry, control: Make) -> None:
    (result,) = judge(registry, control("acme.twice"))

    assert (result.outcome, result.reason) == (Outcome.FAILED, "worse")


def test_a_control_of_a_broken_plugin_is_unproven_with_the_reason(registry: Registry) -> None:
    control = Control("own", "gone.check", Severity.HIGH, None, Location("own.yaml", 1), broken="plugin 'gone' broke")

    (result,) = judge(registry, control)

    assert (result.outcome, result.kind) == (Outcome.UNPROVEN, UnprovenKind.PLUGIN)
    assert result.reason == "plugin 'gone' broke"


def test_the_moment_is_a_fact(registry: Registry, control: Make) -> None:
    moment = datetime(2027, 1, 1, tzinfo=UTC)

    (now,) = judge(registry, control("acme.given"))
    (then,) = judge(registry, control("acme.given"), at=moment)

    assert now.observed == MOMENT.isoformat()
    assert then.observed == moment.isoformat()


def test_the_first_sighting_is_kept(registry: Registry, control: Make) -> None:
    earlier = datetime(2026, 1, 1, tzinfo=UTC)
    known = {fingerprint("muster", "web1", "own-serial", "AC"): earlier}

    (result,) = judge(registry, control("acme.serial", prefix="X"), ended(SERIAL, "AC12"), known=known)

    assert result.first_seen == earlier


def test_the_same_transcript_gives_the_same_results(registry: Registry, control: Make) -> None:
    once = judge(registry, control("acme.serial", prefix="AC"), ended(SERIAL, "AC12"))
    again = judge(registry, control("acme.serial", prefix="AC"), ended(SERIAL, "AC12"))

    assert once == again
