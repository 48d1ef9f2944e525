"""JUnit XML as CI servers read it: a suite per host, a case per result; failed → failure, unproven → error."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree as ET  # written, never parsed

from secaudit.api import Format
from secaudit.model.outcome import Outcome
from secaudit.model.result import Result
from secaudit.model.run import HostRecord, RunReport
from secaudit.model.safe_text import visible


def render(report: RunReport) -> bytes:
    """A `testsuites` document. Waived failures and what is not applicable are `skipped` with the reason."""
    by_host: dict[tuple[str, str], list[Result]] = {}
    for result in report.results:
        by_host.setdefault((result.customer, result.host), []).append(result)
    root = ET.Element("testsuites", name=visible(f"secaudit {report.run.id}"))
    for host in report.hosts:
        root.append(_suite(host, by_host.get((host.customer, host.host), [])))
    ET.indent(root)
    text = ET.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'.encode("utf-8", "replace")


def _suite(host: HostRecord, results: Sequence[Result]) -> ET.Element:
    cases = [_case(result) for result in results]
    found = [case[0].tag for case in cases if len(case)]
    suite = ET.Element(
        "testsuite",
        name=visible(f"{host.customer}/{host.host}"),
        hostname=visible(host.address),
        tests=str(len(cases)),
        failures=str(found.count("failure")),
        errors=str(found.count("error")),
        skipped=str(found.count("skipped")),
    )
    suite.extend(cases)
    return suite


def _case(result: Result) -> ET.Element:
    name = f"{result.control} {result.subject}".strip()
    place = f"{result.customer}.{result.host}.{result.family}"
    case = ET.Element("testcase", classname=visible(place), name=visible(name))
    reason = visible(result.reason or result.title)
    if result.outcome is Outcome.FAILED and result.waiver is None:
        child = ET.SubElement(case, "failure", type=result.severity.value, message=reason)
        child.text = visible(f"expected: {result.expected}\nobserved: {result.observed}\nfix: {result.remediation}")
    elif result.outcome is Outcome.UNPROVEN:
        ET.SubElement(case, "error", type=f"unproven-{result.kind or 'unknown'}", message=reason)
    elif result.outcome is Outcome.FAILED and result.waiver is not None:
        # Of the two reasons the waiver's, because it says why the failure is no failure here.
        until = f"{result.waiver.expires:%Y-%m-%d %H:%M} UTC"
        why = f"waived by {result.waiver.owner} until {until}: {result.waiver.reason}; {result.reason or result.title}"
        ET.SubElement(case, "skipped", message=visible(why))
    elif result.outcome is Outcome.NOT_APPLICABLE:
        ET.SubElement(case, "skipped", message=f"not applicable: {reason}")
    return case


FORMAT = Format("junit", "junit.xml", render)
