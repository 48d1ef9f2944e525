"""Failed results, waived or not, laid out for readers: the same finding on many hosts is told once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from secaudit.model.result import Result, Waiver
from secaudit.model.severity import Severity

from ..excerpts import Excerpt, excerpts
from ..wording import Wording
from .anchors import Anchors
from .hosts import Hosts

MOST_ITEMS = 1500
"""Places that the page shows in full, of all findings together; a browser opens no page of fifty thousand in time."""

LEAST_ITEMS = 5
"""Places that each finding shows, however many findings there are."""


@dataclass(frozen=True, slots=True)
class Item:
    """One failed result. What it shares with the others of its finding stands in the finding's head."""

    anchor: str
    host: str
    result: Result
    excerpts: tuple[Excerpt, ...]
    new: bool
    overdue: bool


@dataclass(frozen=True, slots=True)
class Finding:
    """One control that failed in one way, and every place where it did.

    `result` is the first of the items; `shares_…` say whether its value is that of all the others too.
    """

    anchor: str
    items: tuple[Item, ...]
    total: int
    hosts: tuple[str, ...]
    shares_reason: bool
    shares_observed: bool
    shares_expected: bool
    shares_remediation: bool
    shares_references: bool
    shares_baseline: bool

    @property
    def result(self) -> Result:
        """The result whose shared values stand for all."""
        return self.items[0].result

    @property
    def name(self) -> str:
        """What the finding is called whatever was seen."""
        return self.result.title or self.result.control

    @property
    def single(self) -> bool:
        """Whether there is one place only."""
        return self.total == 1

    @property
    def left(self) -> int:
        """How many results are counted but not shown."""
        return self.total - len(self.items)

    @property
    def new(self) -> int:
        """How many of the items were seen for the first time in this run."""
        return sum(item.new for item in self.items)


@dataclass(frozen=True, slots=True)
class SeverityBlock:
    """All findings of one severity."""

    severity: Severity
    findings: tuple[Finding, ...]

    @property
    def total(self) -> int:
        """How many results."""
        return sum(finding.total for finding in self.findings)


def blocks(findings: Sequence[Finding]) -> tuple[SeverityBlock, ...]:
    """Findings by severity, worst first; they have to be ordered by severity already."""
    grouped = groupby(findings, key=lambda finding: finding.result.severity)
    return tuple(SeverityBlock(severity, tuple(members)) for severity, members in grouped)


def findings(
    results: Iterable[Result], hosts: Hosts, anchors: Anchors, words: Wording, started: datetime, now: datetime
) -> tuple[Finding, ...]:
    """Group failed results by control, title, severity and waiver; worst first, then by family and control.

    A result is new when it was first seen at or after `started`, and overdue when its deadline lies before `now`.
    """
    grouped: dict[tuple[str, str, str, str, Severity, Waiver | None], list[Result]] = defaultdict(list)
    for result in results:
        key = (result.family, result.control, result.check, result.title, result.severity, result.waiver)
        grouped[key].append(result)
    ranked = sorted(grouped.items(), key=lambda entry: (-entry[0][4].rank, *entry[0][:4], str(entry[0][5])))
    most = _share([len(members) for _, members in ranked])
    return tuple(_finding(members, most, hosts, anchors, words, started, now) for _, members in ranked)


def _share(sizes: Sequence[int]) -> int:
    """The places that one finding may show: what is short stays whole, what is long gives way."""
    left, most = MOST_ITEMS, MOST_ITEMS
    for at, size in enumerate(sorted(sizes)):
        most = left // (len(sizes) - at)
        if size > most:
            return max(most, LEAST_ITEMS)
        left -= size
    return MOST_ITEMS


def _finding(
    members: list[Result],
    most: int,
    hosts: Hosts,
    anchors: Anchors,
    words: Wording,
    started: datetime,
    now: datetime,
) -> Finding:
    members = sorted(members, key=hosts.place)
    head = anchors.named("finding", members[0].control) if len(members) > 1 else ""
    items = tuple(
        Item(
            anchor=anchors.finding(result.fingerprint),
            host=hosts.label(result),
            result=result,
            excerpts=excerpts(result.evidence, words),
            new=result.first_seen is not None and result.first_seen >= started,
            overdue=result.due is not None and result.due < now,
        )
        for result in members[:most]
    )
    return Finding(
        anchor=head or items[0].anchor,
        items=items,
        total=len(members),
        hosts=hosts.labels(members),
        shares_reason=len({result.reason for result in members}) == 1,
        shares_observed=len({result.observed for result in members}) == 1,
        shares_expected=len({result.expected for result in members}) == 1,
        shares_remediation=len({result.remediation for result in members}) == 1,
        shares_references=len({str(result.references) for result in members}) == 1,
        shares_baseline=len({result.baseline for result in members}) == 1,
    )
