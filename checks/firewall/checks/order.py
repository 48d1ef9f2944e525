"""Checks of pairs: rules whose order decides, and families that are open to a different extent."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field

from secaudit.api import (
    Expect,
    Facts,
    Severity,
    UnprovenKind,
    Verdict,
    check,
    failed,
    not_applicable,
    passed,
    unproven,
)

from ..analysis.anomalies import Anomaly, Kind
from ..analysis.effective import filters
from ..analysis.reach import Service
from ..facts import Firewall, Ipv6Stack
from ..review_facts import Exposure, Review
from ..rules import numbers
from ..rules.matches import NumberRange, PacketFamily
from ..rules.ruleset import Hook
from ..sets.regions import Runs, TooManyRegionsError, common, outside, runs
from ..wording import Nothing, point, short, stopped, unread, unseen

SHOWN = 3
"""Rules named in one finding."""


class Overlaps(Expect):
    """Which overlaps of rules are told."""

    exceptions: bool = Field(
        False,
        description="whether also rules that take the rest of what rules before them pick out for another verdict",
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
    kinds = (Kind.CORRELATED, Kind.GENERALISATION) if expect.exceptions else (Kind.CORRELATED,)
    spoken: set[str] = set()
    for anomaly in facts[Review].anomalies.found:
        subject = f"{anomaly.at.table.label} {anomaly.at.chain.name}: {short(anomaly.at.text)}"
        if anomaly.kind in kinds and subject not in spoken:
            spoken.add(subject)
            yield _overlap(anomaly, subject, expected)
    stop = unseen(firewall)
    if stop is not None:
        yield stopped("ruleset", stop, expected)
    elif not spoken:
        count = sum(1 for _ in firewall.ruleset.rules)
        yield passed(observed=f"{count} rules", expected=expected, evidence=[s.evidence for s in firewall.sources])


_REASONS = {
    Kind.CORRELATED: "It and rules before it share packets and differ in the verdict: their order decides.",
    Kind.GENERALISATION: "It takes the rest of what rules before it pick out for another verdict.",
}


def _overlap(anomaly: Anomaly, subject: str, expected: str) -> Verdict:
    others = ", ".join(f"`{short(other.text)}` (line {other.line})" for other in anomaly.by[:SHOWN])
    more = f" and {len(anomaly.by) - SHOWN} more" if len(anomaly.by) > SHOWN else ""
    witness = f"; for example {anomaly.witness}" if anomaly.witness else ""
    return failed(
        subject,
        reason=_REASONS[anomaly.kind],
        observed=f"{others}{more}{witness}",
        expected=expected,
        evidence=[point(anomaly.at.origin), *(point(other.origin) for other in anomaly.by[:SHOWN])],
    )


@check(
    "firewall.ipv6-wider",
    title="IPv6 opens no more than IPv4",
    severity=Severity.MEDIUM,
    requires=(Firewall, Exposure, Ipv6Stack),
    expect=Nothing,
    remediation=(
        "Give IPv6 the restrictions that IPv4 has, or use a table of family inet for both:\n"
        "nft add rule inet filter input ip6 saddr 2001:db8:1::/48 tcp dport 22 accept"
    ),
    references={"cis-v8": ["4.4"], "pci-4.0": ["1.3.1"], "bsi": ["NET.3.2.A2", "NET.3.2.A17"]},
)
def ipv6_wider(facts: Facts, _: Nothing) -> Iterator[Verdict]:
    """No service is open to everywhere over IPv6 that is open to nobody or to named networks only over IPv4."""
    firewall, stack = facts[Firewall], facts[Ipv6Stack]
    expected = "services that are open to everywhere over IPv6 are so over IPv4"
    evidence = [*(source.evidence for source in firewall.sources), stack.evidence]
    if not stack.enabled:
        yield not_applicable("services", reason=stack.reason, evidence=(stack.evidence,))
        return
    if unread(firewall) is None and not filters(firewall.ruleset, PacketFamily.IPV6, Hook.INPUT):
        reason = "incoming IPv6 packets are not filtered; whether IPv4 is says firewall.ipv6-unfiltered"
        yield not_applicable("services", reason=reason, evidence=evidence)
        return
    try:
        found = {family: list(reachability.services()) for family, reachability in facts[Exposure].reachability}
    except TooManyRegionsError:
        reason = "the sources of all services would need too many ranges to be told"
        yield unproven("services", kind=UnprovenKind.NOT_UNDERSTOOD, reason=reason, expected=expected)
        return
    stop = unseen(firewall)
    if stop is not None:
        yield stopped("services", stop, expected)
        return
    wider = perhaps = False
    for protocol in (numbers.TCP, numbers.UDP):
        sure6, maybe6 = (_everywhere(found[PacketFamily.IPV6], protocol, certain=certain) for certain in (True, False))
        sure4, maybe4 = (_everywhere(found[PacketFamily.IPV4], protocol, certain=certain) for certain in (True, False))
        for low, high in common(sure6, outside(maybe4, 65535)):
            wider = True
            label = Service(PacketFamily.IPV6, protocol, NumberRange(low, high), (), False).label
            reason = "Whoever is kept out over IPv4 comes in over IPv6."
            observed = "open to everywhere over IPv6, not over IPv4"
            yield failed(label, reason=reason, observed=observed, expected=expected, evidence=evidence)
        perhaps |= common(maybe6, outside(sure4, 65535)) != common(sure6, outside(maybe4, 65535))
    if perhaps:
        reason = "conditions that are not understood decide whether more services are open to everywhere"
        yield unproven(
            "services", kind=UnprovenKind.NOT_UNDERSTOOD, reason=reason, expected=expected, evidence=evidence
        )
    elif not wider:
        yield passed("services", observed=expected, expected=expected, evidence=evidence)


def _everywhere(services: list[Service], protocol: int, *, certain: bool) -> Runs:
    """The ports that are surely, or at least perhaps, open to more than half of all addresses."""
    return runs(
        (service.ports.low, service.ports.high)
        for service in services
        if service.protocol == protocol and _is_everywhere(service, certain=certain)
    )


def _is_everywhere(service: Service, *, certain: bool) -> bool:
    if certain:
        return any(access.everywhere and access.certain for access in service.access)
    together = runs((int(part.low), int(part.high)) for access in service.access for part in access.sources)
    bits = 32 if service.family is PacketFamily.IPV4 else 128
    return sum(high - low + 1 for low, high in together) > (1 << bits) // 2
