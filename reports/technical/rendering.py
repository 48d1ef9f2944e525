"""The technical report: everything a run found, with its proof, as one HTML page for engineers and auditors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from secaudit.api import Format, Speech
from secaudit.model.result import Result
from secaudit.model.run import RunReport
from secaudit.model.severity import Severity

from ..page import TECHNICAL, render_page
from ..states import State, state_of
from ..wording import LANGUAGES, Wording
from ..words import unique
from .anchors import Anchors
from .findings import Finding, blocks, findings
from .groups import FamilyBlock, KindBlock, by_family, unproven
from .hosts import Hosts
from .matrix import matrix, severity_rows
from .sections import section_blocks
from .verdict import verdict
from .voice import Voice


def render(report: RunReport) -> bytes:
    """Write a run down as a self-contained HTML page in UTF-8; the same run gives the same bytes."""
    return _page(report, Voice(Wording("en")))


def render_in(report: RunReport, speech: Speech) -> bytes:
    """The same in one of `LANGUAGES`. Raises ValueError for another one."""
    if speech.language not in LANGUAGES:
        raise ValueError(f"there is no language {speech.language!r}")
    return _page(report, Voice(Wording(speech.language), speech.checks, speech.sections))


def _page(report: RunReport, voice: Voice) -> bytes:
    anchors = Anchors()
    hosts = Hosts(report.hosts, report.results)
    words = voice.words
    now = report.run.finished or report.run.started
    shown = {state: [result for result in report.results if state_of(result) is state] for state in State}
    failed = findings(shown[State.FAILED], hosts, anchors, words, report.run.started, now)
    waived = findings(shown[State.WAIVED], hosts, anchors, words, report.run.started, now)
    obstacles = unproven(shown[State.UNPROVEN], hosts, anchors, words)
    passed = by_family(shown[State.PASSED], hosts, anchors, "passed")
    not_applicable = by_family(shown[State.NOT_APPLICABLE], hosts, anchors, "not-applicable")
    targets = _targets(failed + waived, obstacles, {State.PASSED: passed, State.NOT_APPLICABLE: not_applicable}, shown)
    customers = unique(host.customer_name or host.customer for host in report.hosts)
    named = ", ".join(customers) or voice.text("no_host_named")
    return render_page(
        TECHNICAL,
        voice.text("head", customers=named, run=report.run.id),
        title=_title(report, customers, voice),
        language=words.code,
        page_word=words.text("page", page="{page}", pages="{pages}"),
        foot=voice.text("foot"),
        voice=voice,
        t=voice.text,
        common=words.text,
        words=words,
        book=voice.book,
        report=report,
        hosts=hosts,
        customers=customers,
        sites=len({(host.customer, host.site) for host in report.hosts}),
        verdict=verdict(report, failed, hosts, voice),
        matrix=matrix(report.hosts, report.results, targets),
        severities=tuple(reversed(Severity)),
        severity_rows=severity_rows(shown[State.FAILED]),
        failed=failed,
        failed_blocks=blocks(failed),
        failed_total=len(shown[State.FAILED]),
        new=sum(finding.new for finding in failed),
        waived=waived,
        obstacles=obstacles,
        unproven_hosts=len(hosts.labels(shown[State.UNPROVEN])),
        passed=passed,
        not_applicable=not_applicable,
        sections=section_blocks(report.sections, hosts, anchors, voice),
        idle_waivers=tuple(result for result in shown[State.PASSED] if result.waiver is not None),
    )


def _title(report: RunReport, customers: Sequence[str], voice: Voice) -> str:
    if not customers:
        return voice.text("title_empty", run=report.run.id)
    return voice.text("title", customers=voice.words.listed(customers), run=report.run.id)


def _targets(
    findings: Iterable[Finding],
    obstacles: Iterable[KindBlock],
    families: Mapping[State, Sequence[FamilyBlock]],
    shown: Mapping[State, Sequence[Result]],
) -> dict[tuple[str, str, str, State], str]:
    """Where each cell of the matrix leads: the gravest result of that host, family and state."""
    pairs = [(item.result, item.anchor) for finding in findings for item in finding.items]
    pairs += [
        (result, obstacle.anchor) for block in obstacles for obstacle in block.obstacles for result in obstacle.results
    ]
    for state, family_blocks in families.items():
        anchors = {block.family: block.anchor for block in family_blocks}
        pairs += [(result, anchors[result.family]) for result in shown[state]]
    targets: dict[tuple[str, str, str, State], str] = {}
    for result, anchor in pairs:
        targets.setdefault((result.customer, result.host, result.family, state_of(result)), anchor)
    return targets


FORMAT = Format("html", "report.html", render, sections=True, languages=LANGUAGES, render_in=render_in)
