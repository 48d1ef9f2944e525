"""How the families' tests ask: recorded answers → collector → fact, and facts + expectation → verdicts.

The clock stands still: every answer began at `AT`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import yaml
from hypothesis import strategies as st

from secaudit.api import (
    Answer,
    Answers,
    AnswerStatus,
    Check,
    Collector,
    Expect,
    Facts,
    Family,
    Outcome,
    Request,
    Unproven,
    UnprovenKind,
    Verdict,
    unproven,
)

T = TypeVar("T")

AT = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
"""When everything was asked."""


def ended(
    request: Request,
    stdout: str | bytes = b"",
    *,
    exit: int = 0,
    stderr: str | bytes = b"",
    truncated: bool = False,
    started: datetime = AT,
    duration: timedelta = timedelta(),
    asked: datetime | None = None,
) -> Answer:
    """An answer that ran to its end with exit code `exit`."""
    return Answer(
        request=request,
        status=AnswerStatus.ENDED,
        started=started,
        duration=duration,
        exit=exit,
        stdout=stdout.encode() if isinstance(stdout, str) else stdout,
        stderr=stderr.encode() if isinstance(stderr, str) else stderr,
        truncated=truncated,
        asked=asked,
    )


def unanswered(request: Request, status: AnswerStatus, detail: str = "") -> Answer:
    """A request that was denied, not installed, timed out, lost or is not in the recording."""
    return Answer(request=request, status=status, started=AT, detail=detail)


def recorded(family: str, name: str) -> bytes:
    """A real output from `tests/checks/<family>/recorded/`."""
    return (Path(__file__).parent / family / "recorded" / name).read_bytes()


@st.composite
def damaged(draw: st.DrawFn, *originals: bytes) -> bytes:
    """One of the outputs with some of its bytes cut out, replaced or doubled, or bytes that have nothing to do with it.

    Whatever a reader makes of it, it may raise nothing but `Unproven`.
    """
    output = draw(st.sampled_from((b"", *originals)))
    for _ in range(draw(st.integers(0, 3))):
        first = draw(st.integers(0, len(output)))
        last = draw(st.integers(first, min(first + 40, len(output))))
        output = output[:first] + draw(st.binary(max_size=12) | st.just(output[first:last] * 2)) + output[last:]
    return output


def facts(*values: object, missing: Mapping[type, Unproven] | None = None) -> Facts:
    """What is known about a host: `values` by their type, and the reasons why others are `missing`."""
    return Facts({**{type(value): value for value in values}, **(missing or {})})


def collect(collector: Collector[T], *answers: Answer, wanted: Sequence[Expect] = (), known: Facts | None = None) -> T:
    """Run the collector over `answers`; what it plans to ask and is not among them counts as not recorded.

    Raises `Unproven` as the collector does, and AssertionError for an answer to a question it does not ask.
    """
    planned = collector.plan(wanted)
    stray = [answer.request.key for answer in answers if answer.request not in planned]
    assert not stray, f"the collector of {collector.fact.__name__} does not ask {stray}"
    given: dict[Request, Answer] = {request: unanswered(request, AnswerStatus.NOT_RECORDED) for request in planned}
    given.update({answer.request: answer for answer in answers})
    return collector.read(Answers(given, wanted, known or Facts({})))


def collect_or_refuse(
    collector: Collector[T], *answers: Answer, wanted: Sequence[Expect] = (), known: Facts | None = None
) -> T | Unproven:
    """The fact, or the `Unproven` that the engine puts in its place."""
    try:
        return collect(collector, *answers, wanted=wanted, known=known)
    except Unproven as reason:
        return reason


def refusal(
    collector: Collector[Any], *answers: Answer, wanted: Sequence[Expect] = (), known: Facts | None = None
) -> Unproven:
    """The `Unproven` that the collector raises over `answers`; fails when it gives a fact instead."""
    fact = collect_or_refuse(collector, *answers, wanted=wanted, known=known)
    assert isinstance(fact, Unproven), f"expected no fact, got {fact!r}"
    return fact


def judge(check: Check, expect: Mapping[str, Any], *values: object) -> list[Verdict]:
    """The verdicts of `check` on facts, as the engine takes them: an `Unproven` is a verdict on the whole host.

    A value may be an `Unproven`: it then stands for the first required fact, or else considered one, that no other
    value gives. Fails for a check that says nothing, or says two things about one subject.
    """
    known: dict[type, object] = {type(value): value for value in values if not isinstance(value, Unproven)}
    open_types = [fact for fact in (*check.requires, *check.considers) if fact not in known]
    known.update(zip(open_types, [value for value in values if isinstance(value, Unproven)], strict=False))
    host_facts = Facts(known)
    try:
        for fact in check.requires:
            host_facts[fact]
        verdicts = list(check.evaluate(host_facts, check.expect.model_validate(expect)))
    except Unproven as reason:
        verdicts = [unproven(kind=reason.kind, reason=reason.reason, evidence=reason.evidence)]
    assert verdicts, f"{check.id} says nothing"
    subjects = [verdict.subject for verdict in verdicts]
    assert len(set(subjects)) == len(subjects), f"{check.id} speaks twice about one of {subjects}"
    return verdicts


def outcomes(verdicts: Sequence[Verdict]) -> dict[str, Outcome]:
    """Outcome by subject."""
    return {verdict.subject: verdict.outcome for verdict in verdicts}


def only(verdicts: Sequence[Verdict]) -> Verdict:
    """The one verdict there must be."""
    assert len(verdicts) == 1, verdicts
    return verdicts[0]


_EXAMPLE = re.compile(r"```yaml\n(.*?)```", re.DOTALL)


def document(family: Family) -> None:
    """Hold the page of every check against the check: its id, commands, expectations, example and standards."""
    for check in family.checks:
        page = family.page(check)
        assert page is not None, f"{check.id} has no page"
        assert page.startswith(f"# {check.id}\n"), f"the page of {check.id} does not begin with its id"
        examples = [yaml.safe_load(example) for example in _EXAMPLE.findall(page)]
        assert examples, f"the page of {check.id} shows no example of expect"
        for example in examples:
            check.expect.model_validate(example["expect"])
        for key in check.expect.model_fields:
            assert f"| `{key}` |" in page, f"the page of {check.id} does not explain {key}"
        for clause in (clause for clauses in check.references.values() for clause in clauses):
            assert clause in page, f"the page of {check.id} does not name {clause}"
        for collector in family.collectors:
            if collector.fact in check.requires:
                for request in collector.plan(()):
                    assert request.key in page, f"the page of {check.id} does not name `{request.key}`"


NOT_ANSWERED = {
    AnswerStatus.DENIED: UnprovenKind.DENIED,
    AnswerStatus.MISSING: UnprovenKind.MISSING,
    AnswerStatus.TIMEOUT: UnprovenKind.TIMEOUT,
    AnswerStatus.LOST: UnprovenKind.UNREACHABLE,
    AnswerStatus.NOT_RECORDED: UnprovenKind.NOT_RECORDED,
}
"""Every way in which a request can stay without an answer, and the kind of unproven that must come of it."""
