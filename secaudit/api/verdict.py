"""What a check yields: a verdict per subject, to be completed by the engine with control, host and fingerprint."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from secaudit.model.advisory import Advisory
from secaudit.model.evidence import Evidence
from secaudit.model.outcome import Outcome, UnprovenKind
from secaudit.model.severity import Severity


@dataclass(frozen=True, slots=True)
class Verdict:
    """One outcome on one subject. `severity` and `remediation` default to the control's.

    `advisories` are what it is about as data, so that every host with a certain CVE can be found.
    """

    outcome: Outcome
    subject: str
    reason: str
    observed: str = ""
    expected: str = ""
    evidence: tuple[Evidence, ...] = ()
    kind: UnprovenKind | None = None
    severity: Severity | None = None
    remediation: str = ""
    advisories: tuple[Advisory, ...] = ()


def passed(
    subject: str = "",
    *,
    reason: str = "",
    observed: str,
    expected: str,
    evidence: Iterable[Evidence] = (),
    advisories: Iterable[Advisory] = (),
) -> Verdict:
    """The subject is as expected; `advisories` are those that do not count (yet)."""
    return Verdict(Outcome.PASSED, subject, reason, observed, expected, tuple(evidence), advisories=tuple(advisories))


def failed(
    subject: str = "",
    *,
    reason: str,
    observed: str,
    expected: str,
    evidence: Iterable[Evidence] = (),
    severity: Severity | None = None,
    remediation: str = "",
    advisories: Iterable[Advisory] = (),
) -> Verdict:
    """The subject is not as expected; `reason` is one sentence that a customer understands."""
    told = tuple(advisories)
    shown = tuple(evidence)
    return Verdict(Outcome.FAILED, subject, reason, observed, expected, shown, None, severity, remediation, told)


def unproven(
    subject: str = "",
    *,
    kind: UnprovenKind,
    reason: str,
    expected: str = "",
    evidence: Iterable[Evidence] = (),
    advisories: Iterable[Advisory] = (),
) -> Verdict:
    """It could not be decided; `reason` says what stood in the way."""
    told = tuple(advisories)
    return Verdict(Outcome.UNPROVEN, subject, reason, "", expected, tuple(evidence), kind, advisories=told)


def not_applicable(subject: str = "", *, reason: str, evidence: Iterable[Evidence] = ()) -> Verdict:
    """There is nothing on this host that the control speaks about, and that is known for sure."""
    return Verdict(Outcome.NOT_APPLICABLE, subject, reason, evidence=tuple(evidence))
