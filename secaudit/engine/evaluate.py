"""Transcript and controls in, results out: a pure function, so that any recorded scan can be judged again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from itertools import islice

from secaudit.api import Answers, Check, Facts, Now, Outcome, Platform, Target, Unproven, UnprovenKind, Verdict
from secaudit.engine.plan import HostPlan, PlannedFact
from secaudit.engine.reference import ReferenceData
from secaudit.engine.settling import settling
from secaudit.model.advisory import MAX_ADVISORIES
from secaudit.model.answer import Answer, AnswerStatus, HostTranscript, Reach
from secaudit.model.baseline import Control
from secaudit.model.request import Request
from secaudit.model.result import Result, fingerprint
from secaudit.model.run import HostRecord
from secaudit.plugins import Registry

MAX_VERDICTS = 5000
"""Verdicts of one control on one host; a check that yields more is cut off and unproven for the rest."""

MAX_TEXT = 4000
"""Characters of a reason, an observed or an expected text."""

MAX_SUBJECT = 300
"""Characters of a subject."""

_WORST_FIRST = (Outcome.FAILED, Outcome.UNPROVEN, Outcome.PASSED, Outcome.NOT_APPLICABLE)


def evaluate(
    plan: HostPlan,
    registry: Registry,
    transcript: HostTranscript,
    at: datetime | None = None,
    known: Mapping[str, datetime] | None = None,
    references: ReferenceData | None = None,
) -> tuple[tuple[Result, ...], Platform | None]:
    """Judge a host by its transcript; also return its platform when that is known.

    `at` (aware UTC) replaces the moment that ages are measured against, which is when the host was opened. `known`
    maps the fingerprints of earlier findings to when they were first seen. `references` are the reference data of the
    run; without them what builds on such data is unproven.
    """
    moment = at or transcript.opened
    facts = Facts(read_facts(plan, registry, transcript, moment, references or ReferenceData()))
    results: list[Result] = []
    for control in plan.controls:
        verdicts = _judge(control, plan.checks.get(control.check), facts)
        results.extend(_complete(verdict, control, plan, moment, known or {}) for verdict in verdicts)
    platform = facts.get(Platform)
    return tuple(results), platform if isinstance(platform, Platform) else None


def judge_host(
    plan: HostPlan,
    registry: Registry,
    customer_name: str,
    transcript: HostTranscript,
    digest: str,
    at: datetime | None,
    known: Mapping[str, datetime],
    references: ReferenceData,
) -> tuple[HostRecord, tuple[Result, ...]]:
    """`evaluate`, with the record of the host beside the results; alike for live scans and for recorded ones.

    `transcript` is free of secrets and `digest` is its own.
    """
    results, platform = evaluate(plan, registry, transcript, at, known, references)
    record = HostRecord(
        customer=plan.host.customer,
        site=plan.host.site,
        host=plan.host.name,
        address=plan.host.address,
        status=transcript.reach,
        detail=transcript.detail,
        os_id=platform.os_id if platform else "",
        os_version=platform.os_version if platform else "",
        transcript=digest,
        customer_name=customer_name,
        tags=tuple(sorted(plan.host.tags)),
    )
    return record, results


def read_facts(
    plan: HostPlan, registry: Registry, transcript: HostTranscript, moment: datetime, references: ReferenceData
) -> Mapping[type, object]:
    """Compute every planned fact from the transcript and the reference data.

    What could not be read is an `Unproven` in its place.
    """
    host = plan.host
    values: dict[type, object] = {
        Now: Now(moment),
        Target: Target(host.customer, host.site, host.name, host.address, host.tags),
    }
    answers = {answer.request: answer for answer in transcript.answers}
    for planned in plan.facts:
        if planned.fact in registry.references:
            platform = values.get(Platform)
            values[planned.fact] = references.fact(planned.fact, platform if isinstance(platform, Platform) else None)
        else:
            values[planned.fact] = _read(planned, registry, answers, transcript, values)
    return values


def _read(
    planned: PlannedFact,
    registry: Registry,
    answers: Mapping[Request, Answer],
    transcript: HostTranscript,
    values: Mapping[type, object],
) -> object:
    if planned.trouble is not None:
        return planned.trouble
    collector = registry.collectors[planned.fact]
    mine = {request: answers.get(request) or _unanswered(request, transcript) for request in planned.requests}
    uses = Facts({fact: values[fact] for fact in collector.uses if fact in values})
    try:
        value = collector.read(Answers(mine, planned.wanted, uses))
    except Unproven as trouble:
        return trouble
    except Exception as error:  # noqa: BLE001 - a plugin may raise anything, and one plugin's trouble stays its own
        reason = f"the collector of {planned.fact.__name__} raised {type(error).__name__}: {error}"
        return Unproven(UnprovenKind.PLUGIN, reason)
    if not isinstance(value, planned.fact):
        reason = f"the collector of {planned.fact.__name__} returned {type(value).__name__}"
        return Unproven(UnprovenKind.PLUGIN, reason)
    return value


def _unanswered(request: Request, transcript: HostTranscript) -> Answer:
    if transcript.reach is Reach.UNREACHABLE:
        return Answer(request, AnswerStatus.LOST, transcript.opened, detail=transcript.detail)
    return Answer(request, AnswerStatus.NOT_RECORDED, transcript.opened)


def _judge(control: Control, check: Check | None, facts: Facts) -> list[Verdict]:
    if check is None or control.expect is None:
        return [_unproven(UnprovenKind.PLUGIN, control.broken or f"no plugin provides the check {control.check}")]
    for fact in check.requires:
        missing = facts.get(fact)
        if isinstance(missing, Unproven):
            return [_from(missing)]
    verdicts: dict[str, Verdict] = {}
    try:
        for verdict in _yielded(check, facts, control):
            earlier = verdicts.get(verdict.subject)
            if earlier is None or _WORST_FIRST.index(verdict.outcome) < _WORST_FIRST.index(earlier.outcome):
                verdicts[verdict.subject] = verdict
    except Unproven as trouble:
        return [*verdicts.values(), _from(trouble)]
    except Exception as error:  # noqa: BLE001 - a plugin may raise anything, and one plugin's trouble stays its own
        reason = f"the check {check.id} raised {type(error).__name__}: {error}"
        return [*verdicts.values(), _unproven(UnprovenKind.PLUGIN, reason)]
    if not verdicts:
        return [_unproven(UnprovenKind.PLUGIN, f"the check {check.id} came to no verdict")]
    return list(verdicts.values())


def _yielded(check: Check, facts: Facts, control: Control) -> Iterator[Verdict]:
    verdicts = iter(check.evaluate(facts, control.expect))
    for verdict in islice(verdicts, MAX_VERDICTS):
        if not isinstance(verdict, Verdict):
            raise TypeError(f"{type(verdict).__name__} is not a verdict")
        yield verdict
    if next(verdicts, None) is not None:
        raise Unproven(UnprovenKind.TRUNCATED, f"more than {MAX_VERDICTS} verdicts; the rest was not judged")


def _from(trouble: Unproven) -> Verdict:
    return replace(_unproven(trouble.kind, trouble.reason), evidence=trouble.evidence)


def _unproven(kind: UnprovenKind, reason: str) -> Verdict:
    return Verdict(Outcome.UNPROVEN, "", reason, kind=kind)


def _complete(
    verdict: Verdict, control: Control, plan: HostPlan, moment: datetime, known: Mapping[str, datetime]
) -> Result:
    check = plan.checks.get(control.check)
    host = plan.host
    subject = _bounded(verdict.subject, MAX_SUBJECT)
    identity = fingerprint(host.customer, host.name, control.id, subject)
    return Result(
        fingerprint=identity,
        control=control.id,
        check=control.check,
        family=control.check.partition(".")[0],
        title=check.title if check else control.id,
        customer=host.customer,
        site=host.site,
        host=host.name,
        subject=subject,
        outcome=verdict.outcome,
        severity=verdict.severity or control.severity,
        reason=_bounded(verdict.reason, MAX_TEXT),
        kind=verdict.kind,
        observed=_bounded(verdict.observed, MAX_TEXT),
        expected=_bounded(verdict.expected, MAX_TEXT),
        evidence=verdict.evidence,
        remediation=verdict.remediation or _remediation(verdict, control, plan),
        references=_references(check, control),
        baseline=str(control.location),
        first_seen=known.get(identity, moment),
        advisories=verdict.advisories[:MAX_ADVISORIES],
    )


def _remediation(verdict: Verdict, control: Control, plan: HostPlan) -> str:
    """How to fix what failed; of what could not be proven, how to find out."""
    if verdict.outcome is Outcome.UNPROVEN:
        return settling(verdict.kind, verdict.evidence, plan.host, plan.requests)
    check = plan.checks.get(control.check)
    return control.remediation or (check.remediation if check else "")


def _references(check: Check | None, control: Control) -> Mapping[str, tuple[str, ...]]:
    return {**(check.references if check else {}), **control.references}


def _bounded(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
