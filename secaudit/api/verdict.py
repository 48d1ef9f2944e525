"""What a check yields: a verdict per subject, to be completed by the engine with control, host and fingerprint."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from secaudit.model.evidence import Evidence
from secaudit.model.outcome import Outcome, UnprovenKind
from secaudit.model.severity import Severity


@dataclass(frozen=True, slots=True)
class Verdict:
    """One outcome on one subject. `severity` and `remediation` default to the control's."""

    outcome: Outcome
    subject: str
    reason: str
    observed: str = ""
    expected: str = ""
    evidence: tuple[Evidence, ...] = ()
    kind: UnprovenKind | None = None
    severity: Severity | None = None
    remediation: str = ""


def passed(
    subject: str = "", *, reason: str = "", observed: str, expected: str, evidence: Iterable[Evidence] = ()
) -> Verdict:
    """The subject is as expected."""
    return Verdict(Outcome.PASSED, subject, reason, observed, expected, tuple(evidence))


def failed(
    subject: str = "",
    *,
    reason: str,
    observed: str,
    expected: str,
    evidence: Iterable[Evidence] = (),
    severity: Severity | None = None,
    remediation: str = "",
) -> Verdict:
    """The subject is not as expected; `reason` is one sentence that a customer understands."""
    return Verdict(Outcome.FAILED, subject, reason, observed, expected, tuple(evidence), None, severity, remediation)


def unproven(
    subject: str = "", *, kind: UnprovenKind, reason: str, expected: str = "", evidence: Iterable[Evidence] = ()
) -> Verdict:
    """It could not be decided; `reason` says what stood in the way."""
    return Verdict(Outcome.UNPROVEN, subject, reason, "", expected, tuple(evidence), kind)


def not_applicable(subject: str = "", *, reason: str, evidence: Iterable[Evidence] = ()) -> Verdict:
    """There is nothing on this host that the control speaks about, and that is known for sure."""
    return Verdict(Outcome.NOT_APPLICABLE, subject, reason, evidence=tuple(evidence))
