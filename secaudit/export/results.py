"""results.json (schema `secaudit.results/1`): a run as data, written and read back without loss."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib import resources
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from secaudit.api import Format
from secaudit.model.advisory import Advisory
from secaudit.model.answer import Reach
from secaudit.model.baseline import BaselineStamp
from secaudit.model.errors import UserError
from secaudit.model.evidence import Evidence
from secaudit.model.feed import FeedStamp
from secaudit.model.outcome import Outcome, UnprovenKind
from secaudit.model.result import Result, Waiver
from secaudit.model.run import HostRecord, RunInfo, RunReport
from secaudit.model.severity import Severity

SCHEMA = "secaudit.results/1"


class ResultsError(UserError):
    """A file is not a results.json that this version reads; the text says where and why."""


def render(report: RunReport) -> bytes:
    """The run as UTF-8 JSON, two spaces of indent, keys in the published order, a newline at the end."""
    summary = report.summary
    document = {
        "schema": SCHEMA,
        "run": _run(report.run),
        "hosts": [_host(host) for host in report.hosts],
        "results": [_result(result) for result in report.results],
        "summary": {
            "failed": {severity.value: count for severity, count in summary.failed.items()},
            "unproven": summary.unproven,
            "passed": summary.passed,
            "not_applicable": summary.not_applicable,
            "waived": summary.waived,
        },
    }
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode("utf-8", "replace")


def _run(run: RunInfo) -> dict[str, object]:
    return {
        "id": run.id,
        "started": show_time(run.started),
        "finished": show_time(run.finished),
        "version": run.version,
        "baselines": [
            {"name": stamp.name, "version": stamp.version, "sha256": stamp.sha256} for stamp in run.baselines
        ],
        "feeds": [{"name": feed.name, "at": show_time(feed.at), "sha256": feed.sha256} for feed in run.feeds],
    }


def _host(host: HostRecord) -> dict[str, object]:
    return {
        "customer": host.customer,
        "customer_name": host.customer_name,
        "site": host.site,
        "host": host.host,
        "address": host.address,
        "status": host.status.value,
        "detail": host.detail,
        "os": {"id": host.os_id, "version": host.os_version},
        "transcript": f"sha256:{host.transcript}" if host.transcript else "",
    }


def _result(result: Result) -> dict[str, object]:
    waiver = result.waiver
    return {
        "fingerprint": result.fingerprint,
        "control": result.control,
        "check": result.check,
        "family": result.family,
        "title": result.title,
        "customer": result.customer,
        "site": result.site,
        "host": result.host,
        "subject": result.subject,
        "outcome": result.outcome.value,
        "severity": result.severity.value,
        "reason": result.reason,
        "kind": result.kind.value if result.kind else None,
        "observed": result.observed,
        "expected": result.expected,
        "evidence": [_evidence(evidence) for evidence in result.evidence],
        "advisories": [
            {"id": one.id, "cves": list(one.cves), "package": one.package, "fixed": one.fixed}
            for one in result.advisories
        ],
        "remediation": result.remediation,
        "references": {standard: list(clauses) for standard, clauses in result.references.items()},
        "baseline": result.baseline,
        "waiver": waiver
        and {
            "owner": waiver.owner,
            "reason": waiver.reason,
            "expires": show_time(waiver.expires),
            "approver": waiver.approver,
            "compensation": waiver.compensation,
        },
        "first_seen": show_time(result.first_seen),
        "due": show_time(result.due),
    }


def _evidence(evidence: Evidence) -> dict[str, object]:
    return {
        "source": evidence.source,
        "exit": evidence.exit,
        "lines": list(evidence.lines) if evidence.lines else None,
        "excerpt": evidence.excerpt,
    }


def show_time(moment: datetime | None) -> str | None:
    """RFC 3339 in UTC with `Z`, microseconds only where there are any."""
    return None if moment is None else moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


FORMAT = Format("json", "results.json", render)


def schema() -> Mapping[str, Any]:
    """The published JSON Schema of results.json."""
    text = resources.files("secaudit.export").joinpath("schemas", "results-1.json").read_text(encoding="utf-8")
    loaded: Mapping[str, Any] = json.loads(text)
    return loaded


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Stamp(_Strict):
    name: str
    version: int
    sha256: str


class _Feed(_Strict):
    name: str
    at: datetime
    sha256: str


class _Run(_Strict):
    id: str
    started: datetime
    finished: datetime | None
    version: str
    baselines: tuple[_Stamp, ...]
    feeds: tuple[_Feed, ...]


class _Os(_Strict):
    id: str
    version: str


class _Host(_Strict):
    customer: str
    customer_name: str = ""
    site: str
    host: str
    address: str
    status: Reach
    detail: str = ""
    os: _Os
    transcript: str


class _Evidence(_Strict):
    source: str
    exit: int | None
    lines: tuple[int, int] | None
    excerpt: str


class _Advisory(_Strict):
    id: str
    cves: tuple[str, ...]
    package: str
    fixed: str


class _Waiver(_Strict):
    owner: str
    reason: str
    expires: datetime
    approver: str = ""
    compensation: str = ""


class _Result(_Strict):
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
    kind: UnprovenKind | None
    observed: str
    expected: str
    evidence: tuple[_Evidence, ...]
    advisories: tuple[_Advisory, ...] = ()
    remediation: str
    references: dict[str, tuple[str, ...]]
    baseline: str
    waiver: _Waiver | None
    first_seen: datetime | None
    due: datetime | None


class _Document(_Strict):
    schema_: str = Field(alias="schema")
    run: _Run
    hosts: tuple[_Host, ...]
    results: tuple[_Result, ...]
    summary: dict[str, object]


def load(data: bytes, name: str) -> RunReport:
    """Read a results.json back; `name` is what error messages call it. The summary is computed anew.

    Raises ResultsError when it is not JSON, of another schema, or not of its form.
    """
    try:
        raw = json.loads(data)
    except ValueError as error:
        raise ResultsError(f"{name}: not JSON: {error}") from None
    found = raw.get("schema") if isinstance(raw, dict) else None
    if found != SCHEMA:
        raise ResultsError(f"{name}: expected a document with schema {SCHEMA!r}, found {found!r}")
    try:
        document = _Document.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ResultsError(f"{name}: {place}: {first['msg']}") from None
    run = document.run
    return RunReport(
        RunInfo(
            run.id,
            run.started,
            run.finished,
            run.version,
            tuple(BaselineStamp(stamp.name, stamp.version, stamp.sha256) for stamp in run.baselines),
            tuple(FeedStamp(feed.name, feed.at, feed.sha256) for feed in run.feeds),
        ),
        tuple(_load_host(host) for host in document.hosts),
        tuple(_load_result(result) for result in document.results),
    )


def _load_host(host: _Host) -> HostRecord:
    return HostRecord(
        host.customer,
        host.site,
        host.host,
        host.address,
        host.status,
        host.detail,
        host.os.id,
        host.os.version,
        host.transcript.removeprefix("sha256:"),
        host.customer_name,
    )


def _load_result(result: _Result) -> Result:
    plain = result.model_dump(exclude={"evidence", "advisories", "waiver"})
    return Result(
        **plain,
        evidence=tuple(Evidence(**evidence.model_dump()) for evidence in result.evidence),
        advisories=tuple(Advisory(**one.model_dump()) for one in result.advisories),
        waiver=Waiver(**result.waiver.model_dump()) if result.waiver else None,
    )
