"""Every format says the same, validates, and is inert whatever a host sent."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree as ET

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from secaudit.export import junit, results, sarif, table
from secaudit.model.advisory import Advisory
from secaudit.model.answer import Reach
from secaudit.model.baseline import BaselineStamp
from secaudit.model.evidence import Evidence
from secaudit.model.outcome import Outcome, UnprovenKind
from secaudit.model.result import Result, Waiver, fingerprint
from secaudit.model.run import HostRecord, RunInfo, RunReport
from secaudit.model.severity import Severity

NOW = datetime(2026, 11, 24, 4, 0, 0, 123456, tzinfo=UTC)
RUN = RunInfo("2026-11-24-040000-abcdef", NOW, NOW, "0.1.0.dev0", (BaselineStamp("base", 1, "a" * 64),))
HOST = HostRecord("muster", "vienna", "web1", "10.0.0.1", Reach.COMPLETE, "", "debian", "12", "b" * 64, "Muster GmbH")
HOSTILE = "\x1b[31m<script>alert(1)</script>\u202e=cmd|' /C calc'!A0\x00\ud800\nnext]]>"


def result(outcome: Outcome, subject: str = "tcp/8080", text: str = "why", **more: Any) -> Result:
    return Result(
        fingerprint=fingerprint("muster", "web1", "ports", subject),
        control="ports",
        check="network.open-ports",
        family="network",
        title="Only named ports are open",
        customer="muster",
        site="vienna",
        host="web1",
        subject=subject,
        outcome=outcome,
        severity=Severity.HIGH,
        reason=text,
        kind=UnprovenKind.DENIED if outcome is Outcome.UNPROVEN else None,
        observed=text,
        expected=text,
        evidence=(Evidence("ss -l", 0, (3, 4), text), Evidence("nmap", None, None, "")),
        remediation=text,
        references={"cis-v8": ("4.4", "4.5")},
        baseline="web.yaml:7",
        first_seen=NOW,
        advisories=(Advisory("DSA-5000-1", ("CVE-2026-1000",), "jq", "1.6-2"), Advisory(f"X-{text}")),
        **more,
    )


def report(text: str = "why") -> RunReport:
    return RunReport(
        RUN,
        (HOST, replace(HOST, host="dead", status=Reach.UNREACHABLE, detail=text, transcript="")),
        (
            result(Outcome.FAILED, text=text),
            result(Outcome.FAILED, "tcp/9090", waiver=Waiver("anna", text, NOW)),
            result(Outcome.UNPROVEN, "tcp/1", text),
            result(Outcome.PASSED, "tcp/22", text),
            result(Outcome.NOT_APPLICABLE, "tcp/23", text),
        ),
    )


def test_results_follow_the_published_schema() -> None:
    document = json.loads(results.render(report()))

    jsonschema.Draft202012Validator(results.schema()).validate(document)
    assert document["summary"] == {
        "failed": {"critical": 0, "high": 1, "medium": 0, "low": 0, "info": 0},
        "unproven": 1,
        "passed": 1,
        "not_applicable": 1,
        "waived": 1,
    }
    assert document["run"]["started"] == "2026-11-24T04:00:00.123456Z"


def test_the_schema_refuses_an_unproven_result_without_its_kind() -> None:
    document = json.loads(results.render(report()))
    document["results"][2]["kind"] = None

    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(results.schema()).validate(document)


def test_results_are_read_back_without_loss() -> None:
    assert results.load(results.render(report()), "results.json") == report()


@given(st.text(max_size=60))
def test_any_text_is_read_back_or_replaced_where_it_is_no_unicode(text: str) -> None:
    again = results.load(results.render(report(text)), "x")
    assert again.results[0].reason == text.encode("utf-8", "replace").decode()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"{", "x.json: not JSON"),
        (b"\xff\xfe", "x.json: not JSON"),
        (b"[]", "expected a document with schema 'secaudit.results/1'"),
        (b'{"schema": "secaudit.results/9"}', "found 'secaudit.results/9'"),
        (b'{"schema": "secaudit.results/1"}', "x.json: run: Field required"),
    ],
)
def test_what_is_no_results_file_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(results.ResultsError) as caught:
        results.load(data, "x.json")
    assert message in str(caught.value)


def test_sarif_tells_failed_from_unproven_and_shows_waivers() -> None:
    run = json.loads(sarif.render(report()))["runs"][0]

    kinds = [(found["kind"], found["level"], bool(found.get("suppressions"))) for found in run["results"]]
    assert kinds == [("fail", "error", False), ("fail", "error", True), ("review", "none", False)]
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["ports"]
    assert run["results"][0]["locations"][0]["physicalLocation"]["region"]["startLine"] == 3
    assert run["results"][0]["partialFingerprints"]["secaudit/v1"] == report().results[0].fingerprint


def test_junit_counts_what_it_holds() -> None:
    suites = ET.fromstring(junit.render(report()))

    first, second = suites.findall("testsuite")
    assert first.attrib | {"tests": "5", "failures": "1", "errors": "1", "skipped": "2"} == first.attrib
    assert second.get("tests") == "0"
    assert [len(case) and case[0].tag for case in first] == ["failure", "skipped", "error", 0, "skipped"]
    waived = next(result for result in report().results if result.waiver is not None)
    assert waived.waiver is not None
    message = first[1][0].get("message", "")
    assert message.startswith(f"waived by {waived.waiver.owner} until ")
    assert waived.waiver.reason in message


def test_hostile_text_stays_inert_everywhere() -> None:
    hostile = report(HOSTILE)

    text = ET.fromstring(junit.render(hostile)).find(".//failure")
    assert text is not None
    assert "\\x1b[31m<script>" in str(text.text)
    assert b"\x1b" not in sarif.render(hostile)
    assert "\u202e" not in sarif.render(hostile).decode()

    rows = list(csv.DictReader(io.StringIO(table.render(hostile).decode())))
    assert len(rows) == 5
    assert rows[0]["reason"].startswith("\\x1b[31m<script>")
    assert "\n" not in rows[0]["reason"]


def test_a_cell_is_never_a_formula() -> None:
    rows = list(csv.DictReader(io.StringIO(table.render(report("=1+1")).decode())))
    assert rows[0]["reason"] == "'=1+1"
