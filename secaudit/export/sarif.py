"""SARIF 2.1.0 (OASIS): failed and unproven results for code-scanning platforms."""

from __future__ import annotations

import json
from collections.abc import Mapping
from urllib.parse import quote

from secaudit.api import Format
from secaudit.export.results import show_time
from secaudit.model.outcome import Outcome
from secaudit.model.result import Result
from secaudit.model.run import RunReport
from secaudit.model.safe_text import visible
from secaudit.model.severity import Severity

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {
    Severity.CRITICAL: "error",
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
    Severity.LOW: "note",
    Severity.INFO: "note",
}
# Scores that platforms sort by; the middle of each band of the CVSS v3 qualitative scale (specification, section 5).
_SCORES = {
    Severity.CRITICAL: "9.5",
    Severity.HIGH: "8.0",
    Severity.MEDIUM: "5.5",
    Severity.LOW: "2.0",
    Severity.INFO: "0.0",
}
_KINDS = {Outcome.FAILED: "fail", Outcome.UNPROVEN: "review"}


def render(report: RunReport) -> bytes:
    """Failed results as kind `fail`, unproven ones as kind `review`; passed and not applicable ones are left out."""
    shown = [result for result in report.results if result.outcome in _KINDS]
    rules = list(dict.fromkeys(result.control for result in shown))
    first = {result.control: result for result in reversed(shown)}
    document = {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "secaudit",
                        "semanticVersion": report.run.version.replace(".dev", "-dev."),
                        "rules": [_rule(first[control]) for control in rules],
                    }
                },
                "automationDetails": {"id": f"secaudit/{report.run.id}"},
                "invocations": [_invocation(report)],
                "results": [_result(result, rules.index(result.control)) for result in shown],
            }
        ],
    }
    return (json.dumps(_inert(document), indent=2, ensure_ascii=False) + "\n").encode("utf-8", "replace")


def _rule(result: Result) -> dict[str, object]:
    return {
        "id": result.control,
        "name": result.check,
        "shortDescription": {"text": result.title},
        "help": {"text": result.remediation or result.title},
        "defaultConfiguration": {"level": _LEVELS[result.severity]},
        "properties": {
            "security-severity": _SCORES[result.severity],
            "tags": ["security", result.family],
            "references": {standard: list(clauses) for standard, clauses in result.references.items()},
        },
    }


def _invocation(report: RunReport) -> dict[str, object]:
    invocation: dict[str, object] = {
        "executionSuccessful": report.run.finished is not None,
        "startTimeUtc": show_time(report.run.started),
    }
    if report.run.finished is not None:
        invocation["endTimeUtc"] = show_time(report.run.finished)
    return invocation


def _result(result: Result, index: int) -> dict[str, object]:
    subject = f" {result.subject}" if result.subject else ""
    where = f"{result.customer}/{result.host}"
    evidence = result.evidence[0] if result.evidence else None
    uri = f"hosts/{quote(visible(result.customer))}/{quote(visible(result.host))}"
    physical: dict[str, object] = {"artifactLocation": {"uri": uri}}
    if evidence is not None and evidence.lines is not None:
        physical["region"] = {
            "startLine": evidence.lines[0],
            "endLine": evidence.lines[1],
            "snippet": {"text": evidence.excerpt},
        }
    document: dict[str, object] = {
        "ruleId": result.control,
        "ruleIndex": index,
        "kind": _KINDS[result.outcome],
        # SARIF 2.1.0, 3.27.10: level is `none` for every kind but `fail`.
        "level": _LEVELS[result.severity] if result.outcome is Outcome.FAILED else "none",
        "message": {"text": f"{where}{subject}: {result.reason or result.title}"},
        "locations": [
            {
                "physicalLocation": physical,
                "logicalLocations": [{"name": result.host, "fullyQualifiedName": where, "kind": "resource"}],
            }
        ],
        "partialFingerprints": {"secaudit/v1": result.fingerprint},
    }
    if result.waiver is not None:
        document["suppressions"] = [{"kind": "external", "justification": result.waiver.reason}]
    return document


def _inert(value: object) -> object:
    """The document with every text made visible, whoever wrote it."""
    if isinstance(value, Mapping):
        return {visible(key): _inert(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_inert(part) for part in value]
    return visible(value) if isinstance(value, str) else value


FORMAT = Format("sarif", "results.sarif", render)
