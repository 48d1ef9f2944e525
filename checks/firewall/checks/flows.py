"""The check of intended flows: who reaches which service, held against who shall."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ipaddress import ip_network
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from secaudit.api import Expect, Facts, Severity, Verdict, check, failed, passed

from ..analysis.reach import Service, sources
from ..facts import Firewall, Ipv6Stack
from ..review_facts import Exposure
from ..rules.matches import AddressRange, PacketFamily
from ..sets.addresses import address_ranges, address_runs, last_address
from ..sets.regions import Runs, TooManyRegionsError, common, outside, runs
from ..wording import families, undecided, unseen
from .services import ServiceName, answers, service_ports

SHOWN = 3
"""Ranges of addresses named in one finding."""


def _network(text: str) -> str:
    if text != "any":
        ip_network(text)
    return text


Source = Annotated[str, AfterValidator(_network)]


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
    for allowed, flows in ((True, expect.allow), (False, expect.deny)):
        for flow in flows:
            for family, found in answers(facts, flow.to):
                yield from _judge(facts, flow, family, found, allowed=allowed)
    if expect.only:
        yield from _others(facts, expect.allow)


def _judge(
    facts: Facts, flow: Flow, family: PacketFamily, found: Service | Verdict, *, allowed: bool
) -> Iterator[Verdict]:
    asked = _networks(flow, family)
    if not asked:
        return
    firewall = facts[Firewall]
    subject = f"{flow.name} {family.label}"
    word = "accepted from all of" if allowed else "accepted from none of"
    expected = f"{flow.to} {word} {', '.join(flow.sources)}"
    if isinstance(found, Verdict):
        yield undecided(subject, reason=found.reason, expected=expected)
        return
    last = last_address(family)
    surely = sources((access for access in found.access if access.certain), family)
    perhaps = sources((access for access in found.access if not access.certain), family)
    wrong = common(asked, outside(runs([*surely, *perhaps]), last)) if allowed else common(asked, surely)
    open_ = common(asked, outside(surely, last)) if allowed else common(asked, perhaps)
    stop = unseen(firewall, [family])
    if stop is not None:
        yield stop.verdict(subject, expected=expected)
    elif wrong:
        what = "not accepted" if allowed else "accepted"
        observed = f"{what} from {_shown(wrong, family)}"
        reason = f"The flow is {what} from sources where it should be otherwise."
        yield failed(subject, reason=reason, observed=observed, expected=expected, evidence=firewall.evidence)
    elif open_:
        reason = f"conditions that are not understood decide about {_shown(open_, family)}"
        yield undecided(subject, reason=reason, expected=expected, evidence=firewall.evidence)
    else:
        yield passed(subject, observed=expected, expected=expected, evidence=firewall.evidence)


def _others(facts: Facts, allow: Sequence[Flow]) -> Iterator[Verdict]:
    """Services that are accepted from sources that no flow names."""
    firewall = facts[Firewall]
    expected = "no service beyond the allowed flows"
    for family, reachability in facts[Exposure].reachability:
        if family not in families(facts):
            continue
        subject = f"beyond {family.label}"
        try:
            beyond = {service.label: rest for service in reachability.services() if (rest := _beyond(service, allow))}
        except TooManyRegionsError:
            reason = "the sources of all services would need too many ranges to be told"
            yield undecided(subject, reason=reason)
            continue
        stop = unseen(firewall, [family])
        if stop is not None:
            yield stop.verdict(subject, expected=expected)
            continue
        for label, rest in beyond.items():
            yield failed(
                f"beyond {label} {family.label}",
                reason="The packet filter accepts the service from sources that no flow names.",
                observed=f"accepted, or perhaps accepted, from {_shown(rest, family)}",
                expected=expected,
                evidence=firewall.evidence,
            )
        if not beyond:
            yield passed(subject, observed=expected, expected=expected, evidence=firewall.evidence)


def _beyond(service: Service, allow: Sequence[Flow]) -> Runs:
    """The sources that reach a service although no flow lets them reach all of its ports."""
    allowed: list[tuple[int, int]] = []
    for flow in allow:
        protocol, ports = service_ports(flow.to)
        if protocol == service.protocol and ports.low <= service.ports.low and service.ports.high <= ports.high:
            allowed += _networks(flow, service.family)
    free = outside(runs(allowed), last_address(service.family))
    return common(sources(service.access, service.family), free)


def _networks(flow: Flow, family: PacketFamily) -> Runs:
    """The sources of a flow that are of the family."""
    if "any" in flow.sources:
        return ((0, last_address(family)),)
    return address_runs((AddressRange.of(ip_network(source)) for source in flow.sources), family)


def _shown(found: Runs, family: PacketFamily) -> str:
    return ", ".join(map(str, address_ranges(found[:SHOWN], family))) + (", …" if len(found) > SHOWN else "")
