"""Judging a bundle with the engine's own code, and what became better although an answer is missing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache
from typing import Any

from secaudit.api import Answer, Answers, Check, Collector, Expect, Facts, Now, Outcome, Target, Unproven, Verdict
from secaudit.engine.evaluate import evaluate
from secaudit.engine.plan import HostPlan, plan_host
from secaudit.engine.reference import ReferenceData
from secaudit.model.answer import HostTranscript, Reach
from secaudit.model.baseline import Control, Location
from secaudit.model.inventory import Host
from secaudit.model.result import Result
from secaudit.plugins import Registry, discover
from secaudit.store.lifecycle import advance
from tests.checks.judging import AT

AS_MANY = "as many findings are left"
_OPEN = (Outcome.FAILED, Outcome.UNPROVEN)

HOST = Host("muster", "vienna", "web1", "192.0.2.10")


@dataclass(frozen=True, slots=True)
class Bundle:
    """What a host answered, and what is expected of it: of each check by its id, one expectation or several."""

    name: str
    answers: tuple[Answer, ...]
    expect: Mapping[str, Sequence[Mapping[str, Any]]]
    references: ReferenceData = field(default_factory=ReferenceData)
    at: datetime = AT


@dataclass(frozen=True, slots=True)
class Improvement:
    """A result that looks better than in the whole scan: `now` is None for a finding that resolves."""

    check: str
    subject: str
    was: Outcome | None
    now: Outcome | None
    why: str

    def __str__(self) -> str:
        return f"{self.check} {self.subject!r}: {self.was or 'not named'} → {self.now or 'resolved'} ({self.why})"


@lru_cache(maxsize=1)
def registry() -> Registry:
    """Every installed family. What a collector reads and a check says is kept: most of it is the same each time."""
    found = discover()
    families = {
        name: replace(
            family,
            checks=tuple(map(_remembering_check, family.checks)),
            collectors=tuple(map(_remembering_collector, family.collectors)),
        )
        for name, family in found.families.items()
    }
    return Registry(families, found.broken)


def _remembering_collector(collector: Collector[Any]) -> Collector[Any]:
    known: dict[object, tuple[object, object]] = {}

    def read(answers: Answers) -> Any:
        asked = collector.plan(answers.wanted)
        used = [answers.facts.get(fact) for fact in collector.uses]
        key = tuple(answers[request] for request in asked), tuple(map(id, answers.wanted)), tuple(map(_identity, used))
        if key not in known:
            # What an identity stands for must not go away while it is remembered.
            known[key] = (_result(collector.read, answers), (answers.wanted, used))
        result = known[key][0]
        if isinstance(result, Exception):
            raise result
        return result

    return replace(collector, read=read)


def _remembering_check(check: Check) -> Check:
    known: dict[object, tuple[list[Verdict], Exception | None, object]] = {}

    def verdicts(facts: Facts, expect: Any) -> Iterator[Verdict]:
        used = [facts.get(fact) for fact in (*check.requires, *check.considers)]
        key = id(expect), tuple(map(_identity, used))
        if key not in known:
            said: list[Verdict] = []
            known[key] = said, _exhaust(check.evaluate(facts, expect), said), (expect, used)
        said, trouble, _ = known[key]
        yield from said
        if trouble is not None:
            raise trouble

    return replace(check, evaluate=verdicts)


def _identity(value: object) -> object:
    return value if isinstance(value, Now | Target) else id(value)


def _result(read: Callable[[Answers], Any], answers: Answers) -> object:
    try:
        return read(answers)
    except Exception as error:  # noqa: BLE001 - whatever it raises is raised again each time
        return error


def _exhaust(verdicts: Iterator[Verdict], said: list[Verdict]) -> Exception | None:
    try:
        said.extend(verdicts)
    except Exception as error:  # noqa: BLE001 - whatever it raises is raised again each time
        return error
    return None


def controls(expect: Mapping[str, Sequence[Mapping[str, Any]]]) -> tuple[Control, ...]:
    """A control for every expectation."""
    return tuple(
        Control(
            id=f"{check.replace('.', '-')}-{number}",
            check=check,
            severity=registry().checks[check].severity,
            expect=_expectation(registry().checks[check], given),
            location=Location("bundle.yaml", 1),
        )
        for check, many in expect.items()
        for number, given in enumerate(many, 1)
    )


def _expectation(check: Check, given: Mapping[str, Any]) -> Expect:
    return check.expect.model_validate(given)


class Judge:
    """The results of a bundle, whole and with an answer that is taken away."""

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        self.plan: HostPlan = plan_host(HOST, controls(bundle.expect), registry())
        planned = set(self.plan.requests)
        stray = [answer.request.key for answer in bundle.answers if answer.request not in planned]
        assert not stray, f"{bundle.name}: nobody asks {stray}"
        self.whole = self.results(bundle.answers)
        self.findings = advance({}, self.whole, "whole", bundle.at, Reach.COMPLETE)

    def results(self, answers: Iterable[Answer], reach: Reach = Reach.COMPLETE) -> tuple[Result, ...]:
        """What the engine says about these answers."""
        host, at = self.plan.host, self.bundle.at
        transcript = HostTranscript(
            host.customer, host.site, host.name, host.address, at, at, reach, "", tuple(answers)
        )
        return evaluate(self.plan, registry(), transcript, at, references=self.bundle.references)[0]

    def without(self, answer: Answer, left: Answer | None) -> tuple[Result, ...]:
        """What it says where `left` is there instead of `answer`."""
        kept = (other if other is not answer else left for other in self.bundle.answers)
        return self.results(other for other in kept if other is not None)

    def better(self, degraded: Sequence[Result], reach: Reach = Reach.COMPLETE) -> list[Improvement]:
        """What looks better than in the whole scan; nothing may."""
        before = {(result.control, result.subject): result.outcome for result in self.whole}
        found = []
        for result in degraded:
            was = before.get((result.control, result.subject))
            if result.outcome in (Outcome.PASSED, Outcome.NOT_APPLICABLE) and result.outcome is not was:
                why = result.observed or result.reason
                found.append(Improvement(result.check, result.subject, was, result.outcome, why))
        changed = advance(self.findings, degraded, "degraded", self.bundle.at, reach)
        found += [
            Improvement(finding.check, finding.subject, finding.outcome, None, self._left(degraded, finding.control))
            for finding in changed.values()
            if finding.resolved is not None
        ]
        return found

    def _left(self, degraded: Sequence[Result], control: str) -> str:
        """Whether as many findings of the control stay open as there were: then one goes on under another name."""
        open_now, open_before = (
            sum(result.control == control and result.outcome in _OPEN for result in results)
            for results in (degraded, self.whole)
        )
        return AS_MANY if open_now >= open_before else f"{open_now} of {open_before} findings are left"


def outcomes(judges: Iterable[Judge], outcome: Outcome) -> set[str]:
    """The checks of which some bundle has a result with this outcome."""
    return {result.check for judge in judges for result in judge.whole if result.outcome is outcome}


def raised(results: Iterable[Result]) -> list[str]:
    """Results that a plugin's exception made unproven: no answer may do that."""
    return [result.reason for result in results if " raised " in result.reason]


__all__ = ["AT", "Bundle", "Judge", "Unproven", "outcomes", "raised", "registry"]
