"""The first thing that is read: what is broken, what could not be proven, and what the gate makes of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from secaudit.model.answer import Reach
from secaudit.model.gate import GateExit, judge
from secaudit.model.run import RunReport
from secaudit.model.severity import Severity

from ..words import unique
from .findings import Finding
from .hosts import Hosts
from .voice import Voice

GATE = Severity.CRITICAL
"""The severity that the report's gate line is about: what `secaudit gate` blocks on unless told otherwise."""

MOST_LEADS = 6
"""Findings that are named below the verdict; the others are counted."""

_GRAVE = (Severity.CRITICAL, Severity.HIGH)

_GATE_KEYS = {
    GateExit.OPEN: "gate_open",
    GateExit.FINDINGS: "gate_findings",
    GateExit.INCOMPLETE: "gate_incomplete",
}

_HE, _SHE = "tech_numbers", "numbers"
"""Numbers in words for findings and for checks, which German tells apart."""


@dataclass(frozen=True, slots=True)
class Lead:
    """One of the gravest findings in a line: what, where, and the id of its card."""

    severity: Severity
    told: str
    where: str
    target: str


@dataclass(frozen=True, slots=True)
class Gap:
    """A host of which too little is known, and why."""

    host: str
    why: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """The verdict as sentences, the findings behind it, the gate, and how far the hosts were scanned."""

    say: tuple[str, ...]
    leads: tuple[Lead, ...]
    more: int
    gate: str
    reach: str
    gaps: tuple[Gap, ...]


def verdict(report: RunReport, findings: Sequence[Finding], hosts: Hosts, voice: Voice) -> Verdict:
    """Put a run into words. `findings` are the unwaived ones, worst first."""
    grave = [finding for finding in findings if finding.result.severity in _GRAVE]
    leads = tuple(_lead(finding, voice) for finding in grave) if len(grave) > 1 else ()
    gaps = _gaps(report, hosts, voice)
    return Verdict(
        say=_say(report, findings, gaps, voice),
        leads=leads[:MOST_LEADS],
        more=max(len(leads) - MOST_LEADS, 0),
        gate=voice.text(_GATE_KEYS[judge(report, GATE)]),
        reach=_reach(report, voice),
        gaps=gaps,
    )


def _lead(finding: Finding, voice: Voice) -> Lead:
    where = voice.hosts(finding.hosts)
    if not finding.shares_reason:
        where = voice.text("alike", finding.total - 1, host=finding.items[0].host)
    return Lead(finding.result.severity, voice.finding(finding), where, finding.anchor)


def _gaps(report: RunReport, hosts: Hosts, voice: Voice) -> tuple[Gap, ...]:
    judged = {(result.customer, result.host) for result in report.results}
    gaps = []
    for host in report.hosts:
        if host.status is not Reach.COMPLETE:
            reach = voice.words.text(f"reach_{host.status.value}")
            detail = f": {voice.book.told(host.detail)}" if host.detail else ""
            gaps.append(Gap(hosts.label(host), f"{reach}{detail}"))
        elif (host.customer, host.host) not in judged:
            gaps.append(Gap(hosts.label(host), voice.text("unjudged")))
    return tuple(gaps)


def _say(report: RunReport, findings: Sequence[Finding], gaps: Sequence[Gap], voice: Voice) -> tuple[str, ...]:
    if not report.hosts and not report.results:
        return (voice.text("say_nobody"),)
    said = [_broken(findings, voice), _unproven(report, gaps, voice)]
    if report.run.finished is None:
        said.append(voice.text("say_unfinished"))
    return tuple(filter(None, said))


def _broken(findings: Sequence[Finding], voice: Voice) -> str:
    grave = [finding for finding in findings if finding.result.severity in _GRAVE]
    counts: Counter[Severity] = Counter()
    for finding in findings:
        counts[finding.result.severity] += finding.total
    if not grave:
        return voice.spelt("say_mild", counts.total(), _HE) if counts.total() else voice.text("say_no_failure")
    if len(grave) == 1:
        lead = _lead(grave[0], voice)
        key = f"say_one_{lead.severity.value}"
        return voice.spelt(key, grave[0].total, _HE, told=lead.told, where=lead.where)
    critical, high = counts[Severity.CRITICAL], counts[Severity.HIGH]
    worst = grave[0].result.severity
    hosts = unique(host for finding in grave if finding.result.severity is worst for host in finding.hosts)
    where = voice.hosts(hosts, "tech_on_more_hosts")
    if not critical:
        return voice.spelt("say_only_high", high, _HE, where=where)
    also = voice.text("say_also_high", high, n=voice.words.spelt(high, _HE)) if high else ""
    return voice.spelt("say_critical", critical, _HE, where=where, also=also)


def _unproven(report: RunReport, gaps: Sequence[Gap], voice: Voice) -> str:
    count = report.summary.unproven
    if count:
        return voice.spelt("say_unproven", count, _SHE)
    if not report.results:
        return voice.text("say_nothing_checked")
    return "" if gaps else voice.text("say_all_proven")


def _reach(report: RunReport, voice: Voice) -> str:
    if not report.hosts:
        return voice.text("reach_nobody")
    counts = Counter(host.status for host in report.hosts)
    if counts[Reach.COMPLETE] < len(report.hosts):
        return voice.text("reach_some", len(report.hosts), part=voice.words.number(counts[Reach.COMPLETE]))
    return voice.text("reach_one" if len(report.hosts) == 1 else "reach_all")
