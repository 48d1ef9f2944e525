"""The part of a result that stays the same from scan to scan, as one JSON document that equal results share."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from secaudit.model.advisory import Advisory
from secaudit.model.evidence import Evidence
from secaudit.model.result import Result, Waiver

_TEXTS = (
    "control", "check", "family", "title", "subject", "reason", "observed", "expected", "remediation", "baseline",
)  # fmt: skip


def dump_details(result: Result) -> bytes:
    """ASCII JSON of everything but identity, host, outcome, severity and times. References keep their order."""
    details: dict[str, Any] = {name: getattr(result, name) for name in _TEXTS}
    details["evidence"] = [[part.source, part.exit, part.lines, part.excerpt] for part in result.evidence]
    details["references"] = {standard: list(clauses) for standard, clauses in result.references.items()}
    if result.advisories:
        details["advisories"] = [[one.id, one.cves, one.package, one.fixed] for one in result.advisories]
    if result.waiver is not None:
        waiver = result.waiver
        details["waiver"] = [
            *(waiver.owner, waiver.reason, waiver.expires.isoformat()),
            *(waiver.approver, waiver.compensation),
        ]
    return json.dumps(details, separators=(",", ":")).encode("ascii")


def load_details(data: bytes) -> dict[str, Any]:
    """The fields of `Result` that `dump_details` wrote, as its keyword arguments."""
    read = json.loads(data)
    waiver = read.get("waiver")
    evidence = tuple(
        Evidence(source, exit_code, tuple(lines) if lines else None, excerpt)
        for source, exit_code, lines, excerpt in read["evidence"]
    )
    return {
        **{name: read[name] for name in _TEXTS},
        "evidence": evidence,
        "advisories": tuple(
            Advisory(id_, tuple(cves), package, fixed) for id_, cves, package, fixed in read.get("advisories", ())
        ),
        "references": {standard: tuple(clauses) for standard, clauses in read["references"].items()},
        # Older rows end with the day; what came later has a default.
        "waiver": Waiver(waiver[0], waiver[1], datetime.fromisoformat(waiver[2]), *waiver[3:]) if waiver else None,
    }
