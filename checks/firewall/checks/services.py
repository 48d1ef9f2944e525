"""Checks of who reaches which service: those that are closed, or open to named networks only."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Annotated

from pydantic import AfterValidator, Field

from secaudit.api import Expect, Facts, Severity, UnprovenKind, Verdict, check, failed, not_applicable, passed

from ..analysis.effective import filters
from ..analysis.reach import Access, Service, sources
from ..facts import Firewall, Ipv6Stack
from ..review_facts import Exposure
from ..rules import numbers
from ..rules.matches import NumberRange, PacketFamily
from ..rules.ruleset import Hook
from ..sets.addresses import most_addresses
from ..sets.regions import Runs, TooManyRegionsError, common, outside, runs
from ..wording import Nothing, families, undecided, unseen

SHOWN = 3
"""Accesses, and networks of each, that are named in one finding."""

_SERVICE = re.compile(r"(tcp|udp)/(\d{1,5})(?:-(\d{1,5}))?", re.ASCII)


def service_ports(name: str) -> tuple[int, NumberRange]:
    """The protocol number and the ports of a service, which is written as `tcp/22` or `udp/5000-5010`.

    Raises ValueError when it is written otherwise.
    """
    found = _SERVICE.fullmatch(name)
    if found is None or not int(found[2]) <= int(found[3] or found[2]) <= 65535:
        raise ValueError("write a service as tcp/22 or udp/5000-5010")
    return numbers.WITH_PORTS[found[1]], NumberRange(int(found[2]), int(found[3] or found[2]))


def _service(name: str) -> str:
    service_ports(name)
    return name


ServiceName = Annotated[str, AfterValidator(_service)]


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
        for family, found in answers(facts, name):
            subject = f"{name} {family.label}"
            if isinstance(found, Verdict):
                yield found
                continue
            opened = [access for access in found.access if access.everywhere or not everywhere]
            yield _judge_closed(facts, subject, family, opened, expected)


def _judge_closed(facts: Facts, subject: str, family: PacketFamily, opened: Sequence[Access], expected: str) -> Verdict:
    firewall = facts[Firewall]
    stop = unseen(firewall, [family])
    surely = [access for access in opened if access.certain]
    if stop is not None and (surely or stop.kind is UnprovenKind.NOT_UNDERSTOOD):
        return stop.verdict(subject, expected=expected)
    if surely:
        return failed(
            subject,
            reason="The packet filter accepts new connections to the service from there.",
            observed=_shown(surely),
            expected=expected,
            evidence=firewall.evidence,
        )
    if opened:
        reason = f"conditions that are not understood decide about {_shown(opened)}"
        return undecided(subject, reason=reason, expected=expected, evidence=firewall.evidence)
    return passed(subject, observed=expected, expected=expected, evidence=firewall.evidence)


def _shown(found: Sequence[Access]) -> str:
    parts = []
    for access in found[:SHOWN]:
        sources = ", ".join(map(str, access.sources[:SHOWN])) + (", …" if len(access.sources) > SHOWN else "")
        parts.append(sources + (f" through {', '.join(access.interfaces)}" if access.interfaces else ""))
    return "; ".join(parts) + ("; …" if len(found) > SHOWN else "")


def answers(facts: Facts, name: str) -> Iterator[tuple[PacketFamily, Service | Verdict]]:
    """Who reaches a service over each family that the host speaks, or the verdict that it cannot be told."""
    protocol, ports = service_ports(name)
    for family, reachability in facts[Exposure].reachability:
        if family not in families(facts):
            continue
        try:
            yield family, reachability.service(protocol, ports)
        except TooManyRegionsError:
            reason = "its sources would need too many ranges to be told"
            yield family, undecided(f"{name} {family.label}", reason=reason)


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
    evidence = [*firewall.evidence, stack.evidence]
    if not stack.enabled:
        yield not_applicable("services", reason=stack.reason, evidence=(stack.evidence,))
        return
    if unseen(firewall, [PacketFamily.IPV6]) is None and not filters(firewall.ruleset, PacketFamily.IPV6, Hook.INPUT):
        reason = "incoming IPv6 packets are not filtered; whether IPv4 is says firewall.ipv6-unfiltered"
        yield not_applicable("services", reason=reason, evidence=evidence)
        return
    try:
        found = {family: list(reachability.services()) for family, reachability in facts[Exposure].reachability}
    except TooManyRegionsError:
        reason = "the sources of all services would need too many ranges to be told"
        yield undecided("services", reason=reason, expected=expected)
        return
    stop = unseen(firewall)
    if stop is not None:
        yield stop.verdict("services", expected=expected)
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
        yield undecided("services", reason=reason, expected=expected, evidence=evidence)
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
    return most_addresses(sources(service.access, service.family), service.family)
