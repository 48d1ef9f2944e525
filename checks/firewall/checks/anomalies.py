"""Checks of rules against each other: those without effect, and those whose order decides."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pydantic import Field

from secaudit.api import Evidence, Expect, Facts, Severity, Verdict, check, failed

from ..analysis.anomalies import Anomaly, Kind, Location
from ..facts import Firewall
from ..review_facts import Review
from ..wording import Nothing, conclusion, point, rule_subject, short, undecided

SHOWN = 3
"""Other rules named in one finding."""


class Overlaps(Expect):
    """Which overlaps of rules are told."""

    exceptions: bool = Field(
        False,
        description="whether also rules that take the rest of what rules before them pick out for another verdict",
    )


@check(
    "firewall.shadowed",
    title="Every rule is in force",
    severity=Severity.MEDIUM,
    requires=(Firewall, Review),
    expect=Nothing,
    remediation=(
        "Decide which of the rules is meant. If the later one is, move it before those that the finding names;\n"
        "if not, delete it. nft -a list ruleset shows handles, iptables -L --line-numbers shows numbers."
    ),
    references={"pci-4.0": ["1.2.7"], "bsi": ["NET.3.2.A2"]},
)
def shadowed(facts: Facts, _: Nothing) -> Iterator[Verdict]:
    """No rule stands behind rules that decide otherwise about all of its packets."""
    yield from _rules(facts, (Kind.SHADOWED,), "every rule decides about some packets")


@check(
    "firewall.redundant",
    title="No rule is superfluous",
    severity=Severity.LOW,
    requires=(Firewall, Review),
    expect=Nothing,
    remediation=(
        "Delete the rule where its owner writes it: without it the same becomes of every packet. Compare before and\n"
        "after with: secaudit firewall diff BEFORE AFTER"
    ),
    references={"pci-4.0": ["1.2.7"], "bsi": ["NET.3.2.A2"]},
)
def redundant(facts: Facts, _: Nothing) -> Iterator[Verdict]:
    """No rule or chain could go without any packet faring differently."""
    kinds = (Kind.REDUNDANT, Kind.AFTER_TERMINAL, Kind.CONTRADICTORY, Kind.UNREACHABLE_CHAIN)
    yield from _rules(facts, kinds, "without any rule some packets would fare differently")


def _rules(facts: Facts, kinds: Sequence[Kind], expected: str) -> Iterator[Verdict]:
    firewall, anomalies = facts[Firewall], facts[Review].anomalies
    spoken: set[str] = set()
    for anomaly in anomalies.found:
        subject = _subject(anomaly.at)
        # Equal rules in one chain are one subject: whichever is deleted.
        if anomaly.kind in kinds and anomaly.severity is not Severity.INFO and subject not in spoken:
            spoken.add(subject)
            yield _without_effect(anomaly, subject, expected)
    for entry in anomalies.undecided:
        subject = _subject(entry.at)
        if subject not in spoken:
            spoken.add(subject)
            yield undecided(subject, reason=entry.why, expected=expected, evidence=_evidence(entry.at, entry.on))
    observed = f"{sum(1 for _ in firewall.ruleset.rules)} rules"
    yield from conclusion(firewall, spoken, observed=observed, expected=expected)


_WITHOUT_EFFECT = {
    Kind.SHADOWED: "Rules before it decide about all packets that it names, so it is not in force.",
    Kind.REDUNDANT: "Without the rule the same would become of every packet.",
    Kind.AFTER_TERMINAL: "It stands behind a rule that ends the way of every packet.",
    Kind.CONTRADICTORY: "Its conditions, with those that lead to it, exclude each other.",
    Kind.UNREACHABLE_CHAIN: "No rule leads to the chain.",
}


def _without_effect(anomaly: Anomaly, subject: str, expected: str) -> Verdict:
    observed = f"because of {_named(anomaly.by)}" if anomaly.by else anomaly.kind.value
    return failed(
        subject,
        reason=_WITHOUT_EFFECT[anomaly.kind],
        observed=observed + _example(anomaly),
        expected=expected,
        evidence=_evidence(anomaly.at, anomaly.by),
        severity=Severity.HIGH if anomaly.severity is Severity.HIGH else None,
    )


@check(
    "firewall.rule-order",
    title="No two rules disagree about packets that both name",
    severity=Severity.INFO,
    requires=(Firewall, Review),
    expect=Overlaps,
    remediation=(
        "Narrow one of the rules so that each packet is named by one of them, or make sure that the order is meant,\n"
        "and say so in a comment."
    ),
    references={"pci-4.0": ["1.2.7"], "bsi": ["NET.3.2.A2"]},
)
def rule_order(facts: Facts, expect: Overlaps) -> Iterator[Verdict]:
    """No rule shares some packets with rules before it that decide otherwise, so that only their order tells."""
    firewall = facts[Firewall]
    expected = "rules with different verdicts name different packets"
    spoken: set[str] = set()
    for anomaly in facts[Review].anomalies.found:
        subject = _subject(anomaly.at)
        wanted = anomaly.kind is Kind.CORRELATED or (expect.exceptions and anomaly.kind is Kind.GENERALISATION)
        if wanted and subject not in spoken:
            spoken.add(subject)
            yield _overlap(anomaly, subject, expected)
    observed = f"{sum(1 for _ in firewall.ruleset.rules)} rules"
    yield from conclusion(firewall, spoken, observed=observed, expected=expected)


_OVERLAPS = {
    Kind.CORRELATED: "It and rules before it share packets and differ in the verdict: their order decides.",
    Kind.GENERALISATION: "It takes the rest of what rules before it pick out for another verdict.",
}


def _overlap(anomaly: Anomaly, subject: str, expected: str) -> Verdict:
    return failed(
        subject,
        reason=_OVERLAPS[anomaly.kind],
        observed=_named(anomaly.by) + _example(anomaly),
        expected=expected,
        evidence=_evidence(anomaly.at, anomaly.by),
    )


def _subject(at: Location) -> str:
    return rule_subject(at.table, at.chain, at.text)


def _named(others: Sequence[Location]) -> str:
    shown = ", ".join(f"`{short(other.text)}` (line {other.line})" for other in others[:SHOWN])
    return shown + (f" and {len(others) - SHOWN} more" if len(others) > SHOWN else "")


def _example(anomaly: Anomaly) -> str:
    return f"; for example {anomaly.witness}" if anomaly.witness else ""


def _evidence(at: Location, others: Sequence[Location]) -> list[Evidence]:
    return [point(at.origin), *(point(other.origin) for other in others[:SHOWN])]
