"""The result of one control on one subject, and the identity that it keeps across scans."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from secaudit.model.advisory import Advisory
from secaudit.model.evidence import Evidence
from secaudit.model.outcome import Outcome, UnprovenKind
from secaudit.model.severity import Severity


def fingerprint(customer: str, host: str, control: str, subject: str) -> str:
    """Identity of a finding: 32 hex digits over customer, host, control and the subject's natural key.

    Line numbers, run ids and texts are not part of it, so the identity survives re-scans and re-ordered rules.
    """
    parts = (customer, host, control, subject)
    identity = "\0".join(f"{len(part)}:{part}" for part in parts)
    # JSON from a host may hold lone surrogates, and a finding about them needs an identity as well.
    return hashlib.sha256(identity.encode("utf-8", "surrogatepass")).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Waiver:
    """An accepted deviation: who accepts it, why, and until when (aware UTC).

    `approver` is who agreed, `compensation` what protects instead; both are empty where the waiver does not say.
    """

    owner: str
    reason: str
    expires: datetime
    approver: str = ""
    compensation: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """What one control says about one subject of one host in one run.

    `subject` is the natural key (`tcp/8080`, a dataset, a chain; empty for the host as a whole). `kind` is set when
    the outcome is unproven. `references` maps a standard to its clauses. Times are aware UTC.
    """

    fingerprint: str
    control: str
    check: str
    family: str
    title: str
    customer: str
    site: str
    host: str
    subject: str
    outcome: Outcome
    severity: Severity
    reason: str
    kind: UnprovenKind | None = None
    observed: str = ""
    expected: str = ""
    evidence: tuple[Evidence, ...] = ()
    remediation: str = ""
    references: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    baseline: str = ""
    """Where the control was set, as `file:line`."""
    waiver: Waiver | None = None
    first_seen: datetime | None = None
    due: datetime | None = None
    advisories: tuple[Advisory, ...] = ()
    """The advisories that it is about, all of them; evidence shows the first lines only."""
