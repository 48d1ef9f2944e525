"""The first thing that is read: what is broken, what could not be proven, and what the gate makes of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from secaudit.model.answer import Reach
from secaudit.model.gate import GateExit, judge
from secaudit.model.run import RunReport
from secaudit.model.severity import Severity

from ..words import capital, listed, plural, spelt, unique
from .findings import Finding
from .hosts import Hosts

GATE = Severity.CRITICAL
"""The severity that the report's gate line is about: what `secaudit gate` blocks on unless told otherwise."""

MOST_LEADS = 6
"""Findings that are named below the verdict; the others are counted."""

_GRAVE = (Severity.CRITICAL, Severity.HIGH)

_GATE_WORDS = {
    GateExit.OPEN: "is open: exit 0",
    GateExit.FINDINGS: "is closed: exit 1, findings",
    GateExit.INCOMPLETE: "is closed: exit 3, incomplete",
}


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


def verdict(report: RunReport, findings: Sequence[Finding], hosts: Hosts) -> Verdict:
    """Put a run into words. `findings` are the unwaived ones, worst first."""
    grave = [finding for finding in findings if finding.result.severity in _GRAVE]
    leads = tuple(map(_lead, grave)) if len(grave) > 1 else ()
    gaps = _gaps(report, hosts)
    return Verdict(
        say=_say(report, findings, gaps),
        leads=leads[:MOST_LEADS],
        more=max(len(leads) - MOST_LEADS, 0),
        gate=_GATE_WORDS[judge(report, GATE)],
        reach=_reach(report),
        gaps=gaps,
    )


def _lead(finding: Finding) -> Lead:
    alike = finding.total - 1
    where = listed(finding.hosts, most=3, noun="hosts")
    if not finding.shares_reason:
        where = f"{finding.items[0].host}, and {alike:,} more alike"
    return Lead(finding.result.severity, finding.told, where, finding.anchor)


def _gaps(report: RunReport, hosts: Hosts) -> tuple[Gap, ...]:
    judged = {(result.customer, result.host) for result in report.results}
    gaps = []
    for host in report.hosts:
        if host.status is not Reach.COMPLETE:
            gaps.append(Gap(hosts.label(host), f"{host.status.value}{': ' if host.detail else ''}{host.detail}"))
        elif (host.customer, host.host) not in judged:
            gaps.append(Gap(hosts.label(host), "scanned, but no control was held against it"))
    return tuple(gaps)


def _say(report: RunReport, findings: Sequence[Finding], gaps: Sequence[Gap]) -> tuple[str, ...]:
    if not report.hosts and not report.results:
        return ("No host was audited: nothing is proven.",)
    said = [_broken(findings), _unproven(report, gaps)]
    if report.run.finished is None:
        said.append("The run was not finished.")
    return tuple(filter(None, said))


def _broken(findings: Sequence[Finding]) -> str:
    grave = [finding for finding in findings if finding.result.severity in _GRAVE]
    counts: Counter[Severity] = Counter()
    for finding in findings:
        counts[finding.result.severity] += finding.total
    if not grave:
        mild = counts.total()
        return f"No critical or high finding, {spelt(mild, 'milder one')}." if mild else "No control failed."
    if len(grave) == 1:
        lead = _lead(grave[0])
        return f"{capital(spelt(grave[0].total, f'{lead.severity.value} finding'))}: {lead.told} ({lead.where})."
    critical, high = counts[Severity.CRITICAL], counts[Severity.HIGH]
    worst = grave[0].result.severity
    where = unique(host for finding in grave if finding.result.severity is worst for host in finding.hosts)
    if not critical:
        return f"No critical finding, {spelt(high, 'high one')} on {listed(where, noun='hosts')}."
    also = f", and {spelt(high, 'high one')}" if high else ""
    return f"{capital(spelt(critical, 'critical finding'))} on {listed(where, noun='hosts')}{also}."


def _unproven(report: RunReport, gaps: Sequence[Gap]) -> str:
    count = report.summary.unproven
    if count:
        return f"{capital(spelt(count, 'check'))} could not be proven."
    if not report.results:
        return "Nothing was checked: nothing is proven."
    return "" if gaps else "Nothing is unproven."


def _reach(report: RunReport) -> str:
    if not report.hosts:
        return "No host took part."
    counts = Counter(host.status for host in report.hosts)
    if counts[Reach.COMPLETE] < len(report.hosts):
        return f"{counts[Reach.COMPLETE]:,} of {plural(len(report.hosts), 'host')} scanned to the end."
    return "The host was scanned to the end." if len(report.hosts) == 1 else "All hosts were scanned to the end."
