"""Checks of packets that no honest sender sends: of no connection, with impossible flags, and in pieces."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from secaudit.api import (
    Evidence,
    Facts,
    Severity,
    UnprovenKind,
    Verdict,
    check,
    failed,
    passed,
)

from ..analysis.acceptance import Acceptance
from ..analysis.effective import filters
from ..analysis.reverse_path import as_honest
from ..facts import Firewall, Ipv6Stack
from ..path.trace import Fate, Trace
from ..path.tracer import Tracer
from ..rules import numbers
from ..rules.matches import PacketFamily, State, TcpFlags
from ..rules.packet import Packet
from ..rules.ruleset import Hook
from ..sets.expansion import TooManyPlacesError
from ..sets.packet_sets import tracks_connections
from ..sets.regions import Region, TooManyRegionsError
from ..sets.universe import STATES
from ..wording import Nothing, families, point, undecided, unfiltered, unseen

_FIN, _SYN, _RST, _PSH, _ACK, _URG = (numbers.TCP_FLAGS[name] for name in ("fin", "syn", "rst", "psh", "ack", "urg"))
_IMPOSSIBLE = (
    ("no flags", 0),
    ("SYN and FIN", _SYN | _FIN),
    ("SYN and RST", _SYN | _RST),
    ("FIN, PSH and URG without ACK", _FIN | _PSH | _URG),
)
_ALL_FLAGS = _FIN | _SYN | _RST | _PSH | _ACK | _URG

_TOO_MANY = "the packets that the rules let through would need too many sets"


@check(
    "firewall.invalid-packets",
    title="Packets that belong to no connection are refused",
    severity=Severity.LOW,
    requires=(Firewall,),
    considers=(Ipv6Stack,),
    expect=Nothing,
    remediation=(
        "Drop what connection tracking calls invalid before any rule that accepts by port:\n"
        "nft insert rule inet filter input ct state invalid drop\n"
        "iptables -I INPUT -m conntrack --ctstate INVALID -j DROP; the same with ip6tables"
    ),
    references={"bsi": ["NET.3.2.A3"], "pci-4.0": ["1.4.2"]},
)
def invalid_packets(facts: Facts, _: Nothing) -> Iterator[Verdict]:
    """No packet from the network to this host that connection tracking calls invalid is accepted.

    Without connection tracking it is asked of TCP packets with combinations of flags that no connection has.
    """
    firewall = facts[Firewall]
    tracked = tracks_connections(firewall.ruleset)
    expected = "packets of no connection are refused" if tracked else "TCP packets with impossible flags are refused"
    for family in families(facts):
        subject = f"input {family.label}"
        if not filters(firewall.ruleset, family, Hook.INPUT):
            yield unfiltered(firewall, subject, family, expected=expected)
            continue
        try:
            flags = [TcpFlags(_ALL_FLAGS, frozenset({bits})) for _, bits in _IMPOSSIBLE]
            found = Acceptance(as_honest(firewall.ruleset), family, Hook.INPUT, () if tracked else flags)
            asked = _invalid(found) if tracked else _impossible(found)
            yield _judge(firewall, subject, family, found, asked, expected)
        except (TooManyRegionsError, TooManyPlacesError):
            yield undecided(subject, reason=_TOO_MANY, expected=expected)


def _invalid(found: Acceptance) -> list[Region]:
    state = STATES.index(State.INVALID)
    return [found.from_network(state=((state, state),))]


def _impossible(found: Acceptance) -> list[Region]:
    tcp = ((numbers.TCP, numbers.TCP),)
    classes = [found.universe.tcp_flags.index(bits) for _, bits in _IMPOSSIBLE]
    return [found.from_network(protocol=tcp, tcp_flags=((at, at),)) for at in classes]


@check(
    "firewall.fragments",
    title="Fragments do not pass by the rules for ports",
    severity=Severity.LOW,
    requires=(Firewall,),
    considers=(Ipv6Stack,),
    expect=Nothing,
    remediation=(
        "Let the kernel put fragments together before any rule sees them: a rule that asks for the state of the\n"
        "connection is enough (ct state, -m conntrack). Where packets must stay untracked, drop later fragments:\n"
        "nft insert rule ip filter input ip frag-off & 0x1fff != 0 drop\n"
        "iptables -I INPUT -f -j DROP"
    ),
    references={"bsi": ["NET.3.2.A10"]},
)
def fragments(facts: Facts, _: Nothing) -> Iterator[Verdict]:
    """Fragments are put together before rules see them, or later fragments, which have no ports, are not accepted."""
    firewall = facts[Firewall]
    expected = "later fragments are put together with the first, or refused"
    for family in families(facts):
        subject = f"input {family.label}"
        if not filters(firewall.ruleset, family, Hook.INPUT):
            yield unfiltered(firewall, subject, family, expected=expected)
            continue
        if tracks_connections(firewall.ruleset):
            observed = "rules ask for the states of connections, so the kernel puts fragments together before them"
            yield passed(subject, observed=observed, expected=expected, evidence=firewall.evidence)
            continue
        try:
            found = Acceptance(as_honest(firewall.ruleset), family, Hook.INPUT)
            yield _judge(firewall, subject, family, found, [found.from_network(fragment=((1, 1),))], expected)
        except (TooManyRegionsError, TooManyPlacesError):
            yield undecided(subject, reason=_TOO_MANY, expected=expected)


def _judge(
    firewall: Firewall,
    subject: str,
    family: PacketFamily,
    found: Acceptance,
    asked: Sequence[Region],
    expected: str,
) -> Verdict:
    """Failed with a packet that is surely accepted; the packet is followed through all rules before it is told."""
    evidence = firewall.evidence
    stop = unseen(firewall, [family])
    tracer = Tracer(as_honest(firewall.ruleset))
    perhaps: Region | None = None
    for region in asked:
        for packet in found.candidates(region) if stop is None else ():
            trace = tracer.trace(packet)
            if trace.fate is Fate.ACCEPT:
                return _let_through(subject, packet, trace, expected, evidence)
        sure, possible = found.accepted(region)
        for packet in map(found.packet, sure if stop is None else ()):
            trace = tracer.trace(packet)
            if trace.fate is Fate.ACCEPT:
                return _let_through(subject, packet, trace, expected, evidence)
        if possible and perhaps is None:
            perhaps = possible[0]
    if stop is not None and (perhaps is not None or stop.kind is UnprovenKind.NOT_UNDERSTOOD):
        return stop.verdict(subject, expected=expected)
    if perhaps is not None:
        reason = f"conditions that are not understood decide about {found.packet(perhaps)}"
        return undecided(subject, reason=reason, expected=expected, evidence=evidence)
    return passed(subject, observed=expected, expected=expected, evidence=evidence)


def _let_through(subject: str, packet: Packet, trace: Trace, expected: str, evidence: Sequence[Evidence]) -> Verdict:
    deciding = [step for step in trace.steps if step.certain and step.hook is Hook.INPUT][-1:]
    return failed(
        subject,
        reason="The rules let packets through that belong to nothing they were meant for.",
        observed=f"{packet}: accept",
        expected=expected,
        evidence=[point((step.rule or step.chain).origin) for step in deciding] or evidence,
    )
