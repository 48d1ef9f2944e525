"""The check of forged sources: packets that come in through an interface to which their source does not belong."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from secaudit.api import Facts, Severity, UnprovenKind, Verdict, check, failed, not_applicable, passed

from ..analysis.acceptance import Acceptance
from ..analysis.reverse_path import as_forged
from ..facts import Firewall, Ipv6Stack
from ..path.trace import Fate, Step
from ..path.tracer import Tracer
from ..routes import Interface, Interfaces
from ..rules.matches import InInterface
from ..rules.packet import Packet
from ..rules.ruleset import Hook
from ..sets.addresses import address_ranges
from ..sets.expansion import TooManyPlacesError
from ..sets.regions import Region, Runs, TooManyRegionsError
from ..wording import Nothing, families, point, undecided, unseen

SHOWN = 3
"""Networks named in one finding."""


@dataclass(frozen=True, slots=True)
class _Witness:
    """A packet that is let through, and its way."""

    given: Packet
    steps: tuple[Step, ...]


@check(
    "firewall.spoofing",
    title="Forged sources are refused on every interface",
    severity=Severity.MEDIUM,
    requires=(Firewall, Interfaces),
    considers=(Ipv6Stack,),
    expect=Nothing,
    remediation=(
        "Let the kernel compare the source with the way back, for IPv4: net.ipv4.conf.all.rp_filter = 1 in\n"
        "/etc/sysctl.d/ (2 is not enough). For IPv6, and where routes are asymmetric, by a rule:\n"
        "nft add rule inet filter prerouting fib saddr . iif oif missing drop\n"
        "ip6tables -t raw -I PREROUTING -m rpfilter --invert -j DROP"
    ),
    references={"pci-4.0": ["1.4.3"], "bsi": ["NET.3.2.A2"]},
)
def spoofing(facts: Facts, _: Nothing) -> Iterator[Verdict]:
    """No new connection is accepted whose source is behind another interface than the one it came in through.

    Both count: the kernel's test of the way back (`rp_filter` 1) and the rules, on the way to this host and through it.
    """
    for interface in facts[Interfaces].found:
        if interface.family in families(facts):
            yield _judge(facts[Firewall], interface)


def _judge(firewall: Firewall, interface: Interface) -> Verdict:
    subject = f"{interface.name} {interface.family.label}"
    expected = "packets with sources from behind other interfaces are refused"
    evidence = [*interface.evidence, *firewall.evidence]
    if interface.strict:
        observed = "the kernel drops them (rp_filter is 1)"
        return passed(subject, observed=observed, expected=expected, evidence=evidence)
    if interface.foreign is None:
        reason = f"the networks behind the interfaces are not known: {interface.why}"
        return undecided(subject, reason=reason, expected=expected, evidence=evidence)
    if not interface.foreign:
        return not_applicable(subject, reason="there are no networks behind other interfaces", evidence=evidence)
    stop = unseen(firewall, [interface.family])
    assumed = as_forged(firewall.ruleset)
    tracer = Tracer(assumed)
    perhaps = ""
    try:
        for hook in (Hook.INPUT, Hook.FORWARD):
            if hook is Hook.FORWARD and interface.forwards is False:
                continue
            found = Acceptance(assumed, interface.family, hook, [InInterface((interface.name,))])
            asked = _forged(found, interface.name, interface.foreign)
            certain = stop is None and (hook is Hook.INPUT or interface.forwards is True)
            witness = _accepted(tracer, found.candidates(asked)) if certain else None
            sure, possible = found.accepted(asked) if witness is None else ([], [])
            witness = witness or (_accepted(tracer, map(found.packet, sure)) if certain else None)
            if witness is not None:
                steps = [step for step in witness.steps if step.certain][-1:]
                return failed(
                    subject,
                    reason="A sender behind the interface passes for one behind another.",
                    observed=f"{witness.given}: accept; behind other interfaces is {_networks(interface)}",
                    expected=expected,
                    evidence=[*(point((step.rule or step.chain).origin) for step in steps), *interface.evidence],
                )
            if possible:
                perhaps = perhaps or str(found.packet(possible[0]))
    except (TooManyRegionsError, TooManyPlacesError):
        perhaps = "them: it would need too many sets to tell"
    if stop is not None and (perhaps or stop.kind is UnprovenKind.NOT_UNDERSTOOD):
        return stop.verdict(subject, expected=expected)
    if perhaps:
        reason = f"conditions that are not known decide about {perhaps}"
        return undecided(subject, reason=reason, expected=expected, evidence=evidence)
    return passed(subject, observed="the rules refuse them", expected=expected, evidence=evidence)


def _accepted(tracer: Tracer, packets: Iterable[Packet]) -> _Witness | None:
    """The first of the packets that is surely let through."""
    for packet in packets:
        trace = tracer.trace(packet)
        if trace.fate is Fate.ACCEPT:
            return _Witness(packet, trace.steps)
    return None


def _forged(found: Acceptance, name: str, foreign: Runs) -> Region:
    at = found.universe.interfaces.index(name)
    return found.from_network(in_interface=((at, at),), source=foreign)


def _networks(interface: Interface) -> str:
    foreign = address_ranges(interface.foreign or (), interface.family)
    return ", ".join(map(str, foreign[:SHOWN])) + (", …" if len(foreign) > SHOWN else "")
