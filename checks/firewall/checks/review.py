"""Checks that rest on exact packet sets: rules without effect, and who reaches which service."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_network
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from secaudit.api import (
    Evidence,
    Expect,
    Facts,
    Severity,
    UnprovenKind,
    Verdict,
    check,
    failed,
    passed,
    unproven,
)

from ..analysis.anomalies import Anomaly, Kind, Location
from ..analysis.reach import Access, Service
from ..facts import Firewall, Ipv6Stack
from ..review_facts import Exposure, Review
from ..rules import numbers
from ..rules.matches import AddressRange, NumberRange, PacketFamily
from ..sets.regions import Runs, TooManyRegionsError, common, outside, runs
from ..wording import Nothing, ipv6_off, point, short, stopped, unseen

SHOWN = 3
"""Blockers named in one finding."""

_SERVICE = re.compile(r"(tcp|udp)/(\d{1,5})(?:-(\d{1,5}))?", re.ASCII)


def _service(text: str) -> str:
    found = _SERVICE.fullmatch(text)
    if found is None or not int(found[2]) <= int(found[3] or found[2]) <= 65535:
        raise ValueError("write a service as tcp/22 or udp/5000-5010")
    return text


def _network(text: str) -> str:
    if text != "any":
        ip_network(text)
    return text


ServiceName = Annotated[str, AfterValidator(_service)]
Source = Annotated[str, AfterValidator(_network)]


class ClosedServices(Expect):
    """Services that must not be open to everywhere."""

    services: tuple[ServiceName, ...] = Field(
        ("tcp/22", "tcp/2375", "tcp/3306", "tcp/3389", "tcp/5432", "tcp/5900-5910", "tcp/6379", "tcp/9200"),
        min_length=1,
        description="services of administration and data stores, which more than half of all addresses may not reach",
    )


class UnwantedServices(Expect):
    """Services that no source may reach."""

    services: tuple[ServiceName, ...] = Field(
        ("tcp/21", "tcp/23", "tcp/512-514", "udp/69", "udp/161", "tcp/445"),
        min_length=1,
        description="services whose protocols protect neither passwords nor content",
    )


class Flow(Expect):
    """Sources and a service."""

    name: str = Field(min_length=1, description="what the flow is for; the subject of its verdict")
    sources: tuple[Source, ...] = Field(min_length=1, description="networks, or any")
    to: ServiceName


class Flows(Expect):
    """Flows of new connections to this host that must be, and that must not be."""

    allow: tuple[Flow, ...] = Field((), description="all sources must reach the service")
    deny: tuple[Flow, ...] = Field((), description="no source may reach the service")
    only: bool = Field(False, description="whether what no flow allows must be refused")

    @model_validator(mode="after")
    def _can_fail(self) -> Self:
        if not self.allow and not self.deny:
            raise ValueError("demands nothing: name at least one flow")
        names = [flow.name for flow in (*self.allow, *self.deny)]
        if len(set(names)) < len(names):
            raise ValueError("two flows have the same name")
        return self


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
            yield _found(anomaly, subject, expected)
    for entry in anomalies.undecided:
        subject = _subject(entry.at)
        if subject not in spoken:
            spoken.add(subject)
            evidence = [point(entry.at.origin), *(point(other.origin) for other in entry.on[:SHOWN])]
            kind = UnprovenKind.NOT_UNDERSTOOD
            yield unproven(subject, kind=kind, reason=entry.why, expected=expected, evidence=evidence)
    stop = unseen(firewall)
    if stop is not None:
        yield stopped("ruleset", stop, expected)
    elif not spoken:
        count = sum(1 for _ in firewall.ruleset.rules)
        yield passed(observed=f"{count} rules", expected=expected, evidence=[s.evidence for s in firewall.sources])


def _subject(at: Location) -> str:
    return f"{at.table.label} {at.chain.name}: {short(at.text)}"


_REASONS = {
    Kind.SHADOWED: "Rules before it decide about all packets that it names, so it is not in force.",
    Kind.REDUNDANT: "Without the rule the same would become of every packet.",
    Kind.AFTER_TERMINAL: "It stands behind a rule that ends the way of every packet.",
    Kind.CONTRADICTORY: "Its conditions, with those that lead to it, exclude each other.",
    Kind.UNREACHABLE_CHAIN: "No rule leads to the chain.",
}


def _found(anomaly: Anomaly, subject: str, expected: str) -> Verdict:
    others = [f"`{short(other.text)}` (line {other.line})" for other in anomaly.by[:SHOWN]]
    more = f" and {len(anomaly.by) - SHOWN} more" if len(anomaly.by) > SHOWN else ""
    observed = f"because of {', '.join(others)}{more}" if others else anomaly.kind.value
    witness = f"; for example {anomaly.witness}" if anomaly.witness else ""
    return failed(
        subject,
        reason=_REASONS[anomaly.kind],
        observed=observed + witness,
        expected=expected,
        evidence=[point(anomaly.at.origin), *(point(other.origin) for other in anomaly.by[:SHOWN])],
        severity=Severity.HIGH if anomaly.severity is Severity.HIGH else None,
    )


@check(
    "firewall.management-open",
    title="Management services are not open to everywhere",
    severity=Severity.HIGH,
    requires=(Firewall, Exposure),
    considers=(Ipv6Stack,),
    expect=ClosedServices,
    remediation=(
        "Name the networks of the administrators as sources in the rule that accepts the service, for example:\n"
        "nft add rule inet filter input ip saddr 10.20.0.0/24 tcp dport 22 accept"
    ),
    references={"cis-v8": ["4.4", "12.3"], "pci-4.0": ["1.2.5", "1.4.2"], "bsi": ["NET.3.2.A2"]},
)
def management_open(facts: Facts, expect: ClosedServices) -> Iterator[Verdict]:
    """Services of administration and data stores are not accepted from more than half of all addresses."""
    yield from _closed(facts, expect.services, everywhere=True)


@check(
    "firewall.insecure-services",
    title="Services without encryption are closed",
    severity=Severity.MEDIUM,
    requires=(Firewall, Exposure),
    considers=(Ipv6Stack,),
    expect=UnwantedServices,
    remediation="Replace the service by one that encrypts, and delete the rule that accepts it.",
    references={"cis-v8": ["4.6"], "pci-4.0": ["1.2.6"], "bsi": ["NET.3.2.A2"]},
)
def insecure_services(facts: Facts, expect: UnwantedServices) -> Iterator[Verdict]:
    """No source reaches services whose protocols protect neither passwords nor content."""
    yield from _closed(facts, expect.services, everywhere=False)


def _closed(facts: Facts, services: Sequence[str], *, everywhere: bool) -> Iterator[Verdict]:
    expected = "open to named networks only" if everywhere else "reached by nobody"
    for name in dict.fromkeys(services):
        for family, found in _answers(facts, name):
            subject = f"{name} {family.label}"
            if isinstance(found, Verdict):
                yield found
                continue
            opened = [access for access in found.access if access.everywhere or not everywhere]
            yield _judge_closed(facts, subject, family, opened, expected)


def _judge_closed(facts: Facts, subject: str, family: PacketFamily, opened: Sequence[Access], expected: str) -> Verdict:
    firewall = facts[Firewall]
    evidence = [source.evidence for source in firewall.sources]
    stop = unseen(firewall, [family])
    surely = [access for access in opened if access.certain]
    if stop is not None and (surely or stop.kind is UnprovenKind.NOT_UNDERSTOOD):
        return stopped(subject, stop, expected)
    if surely:
        return failed(
            subject,
            reason="The packet filter accepts new connections to the service from there.",
            observed=_shown(surely),
            expected=expected,
            evidence=evidence,
        )
    if opened:
        reason = f"conditions that are not understood decide about {_shown(opened)}"
        return unproven(subject, kind=UnprovenKind.NOT_UNDERSTOOD, reason=reason, expected=expected, evidence=evidence)
    return passed(subject, observed=expected, expected=expected, evidence=evidence)


def _shown(found: Sequence[Access]) -> str:
    parts = []
    for access in found[:SHOWN]:
        sources = ", ".join(map(str, access.sources[:SHOWN])) + (", …" if len(access.sources) > SHOWN else "")
        parts.append(sources + (f" through {', '.join(access.interfaces)}" if access.interfaces else ""))
    return "; ".join(parts) + ("; …" if len(found) > SHOWN else "")


def _answers(facts: Facts, name: str) -> Iterator[tuple[PacketFamily, Service | Verdict]]:
    """Who reaches a service, for each family that the host speaks."""
    found = _SERVICE.fullmatch(name)
    if found is None:
        raise ValueError(f"{name} is no service")
    ports = NumberRange(int(found[2]), int(found[3] or found[2]))
    for family, reachability in facts[Exposure].reachability:
        if family is PacketFamily.IPV6 and ipv6_off(facts) is not None:
            continue
        try:
            yield family, reachability.service(numbers.WITH_PORTS[found[1]], ports)
        except TooManyRegionsError:
            reason = "its sources would need too many ranges to be told"
            yield family, unproven(f"{name} {family.label}", kind=UnprovenKind.NOT_UNDERSTOOD, reason=reason)


@check(
    "firewall.intended-flows",
    title="The packet filter accepts what is intended",
    severity=Severity.HIGH,
    requires=(Firewall, Exposure),
    considers=(Ipv6Stack,),
    expect=Flows,
    remediation=(
        "Change the rules, or the flows if the intention has changed. Who reaches a service is told by:\n"
        "secaudit firewall reach FILE --to tcp/22"
    ),
    references={"pci-4.0": ["1.2.5", "1.3.1"], "bsi": ["NET.3.2.A2"]},
)
def intended_flows(facts: Facts, expect: Flows) -> Iterator[Verdict]:
    """Every allowed flow is accepted from all its sources, every denied one from none, compared as sets of packets."""
    for flow in expect.allow:
        for family, found in _answers(facts, flow.to):
            yield from _judge_flow(facts, flow, family, found, allowed=True)
    for flow in expect.deny:
        for family, found in _answers(facts, flow.to):
            yield from _judge_flow(facts, flow, family, found, allowed=False)
    if expect.only:
        yield from _others(facts, expect.allow)


def _judge_flow(
    facts: Facts, flow: Flow, family: PacketFamily, found: Service | Verdict, *, allowed: bool
) -> Iterator[Verdict]:
    asked = _runs(flow.sources, family)
    if not asked:
        return
    subject = f"{flow.name} {family.label}"
    word = "accepted from all of" if allowed else "accepted from none of"
    expected = f"{flow.to} {word} {', '.join(flow.sources)}"
    if isinstance(found, Verdict):
        yield unproven(subject, kind=UnprovenKind.NOT_UNDERSTOOD, reason=found.reason, expected=expected)
        return
    surely, perhaps = _sources(found, certain=True), _sources(found, certain=False)
    last = _last(family)
    wrong = common(asked, outside(runs([*surely, *perhaps]), last)) if allowed else common(asked, surely)
    open_ = common(asked, outside(surely, last)) if allowed else common(asked, perhaps)
    evidence: list[Evidence] = [source.evidence for source in facts[Firewall].sources]
    stop = unseen(facts[Firewall], [family])
    if stop is not None:
        yield stopped(subject, stop, expected)
    elif wrong:
        what = "not accepted" if allowed else "accepted"
        observed = f"{what} from {_ranges(wrong, family)}"
        reason = f"The flow is {what} from sources where it should be otherwise."
        yield failed(subject, reason=reason, observed=observed, expected=expected, evidence=evidence)
    elif open_:
        reason = f"conditions that are not understood decide about {_ranges(open_, family)}"
        kind = UnprovenKind.NOT_UNDERSTOOD
        yield unproven(subject, kind=kind, reason=reason, expected=expected, evidence=evidence)
    else:
        yield passed(subject, observed=expected, expected=expected, evidence=evidence)


def _others(facts: Facts, allow: Sequence[Flow]) -> Iterator[Verdict]:
    """Services that are accepted from sources that no flow names."""
    expected = "no service beyond the allowed flows"
    evidence = [source.evidence for source in facts[Firewall].sources]
    for family, reachability in facts[Exposure].reachability:
        if family is PacketFamily.IPV6 and ipv6_off(facts) is not None:
            continue
        beyond: Mapping[str, Runs] = {}
        try:
            beyond = {
                service.label: rest
                for service in reachability.services()
                if (rest := common(_sources(service), outside(_allowed(service, allow), _last(family))))
            }
        except TooManyRegionsError:
            reason = "the sources of all services would need too many ranges to be told"
            yield unproven(f"beyond {family.label}", kind=UnprovenKind.NOT_UNDERSTOOD, reason=reason)
            continue
        stop = unseen(facts[Firewall], [family])
        if stop is not None:
            yield stopped(f"beyond {family.label}", stop, expected)
            continue
        for label, rest in beyond.items():
            reason = "The packet filter accepts the service from sources that no flow names."
            observed = f"accepted, or perhaps accepted, from {_ranges(rest, family)}"
            subject = f"beyond {label} {family.label}"
            yield failed(subject, reason=reason, observed=observed, expected=expected, evidence=evidence)
        if not beyond:
            yield passed(f"beyond {family.label}", observed=expected, expected=expected, evidence=evidence)


def _allowed(service: Service, allow: Sequence[Flow]) -> Runs:
    """The sources from which flows allow all ports of a service."""
    parts: list[tuple[int, int]] = []
    for flow in allow:
        found = _SERVICE.fullmatch(flow.to)
        if found is None or numbers.WITH_PORTS[found[1]] != service.protocol:
            continue
        if int(found[2]) <= service.ports.low and service.ports.high <= int(found[3] or found[2]):
            parts += _runs(flow.sources, service.family)
    return runs(parts)


def _sources(service: Service, *, certain: bool | None = None) -> Runs:
    return runs(
        (int(part.low), int(part.high))
        for access in service.access
        if certain is None or access.certain is certain
        for part in access.sources
    )


def _last(family: PacketFamily) -> int:
    return (1 << (32 if family is PacketFamily.IPV4 else 128)) - 1


def _runs(sources: Sequence[str], family: PacketFamily) -> Runs:
    if "any" in sources:
        return ((0, _last(family)),)
    networks = [AddressRange.of(ip_network(source)) for source in sources]
    return runs((int(part.low), int(part.high)) for part in networks if part.family is family)


def _ranges(of: Runs, family: PacketFamily) -> str:
    address = IPv4Address if family is PacketFamily.IPV4 else IPv6Address
    first = [AddressRange(address(low), address(high)) for low, high in of[:SHOWN]]
    return ", ".join(map(str, first)) + (", …" if len(of) > SHOWN else "")
