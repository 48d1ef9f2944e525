"""One rule of a pfSense or OPNsense configuration: what it asks of packets and what it does with them.

Fields are those that the web interface writes; what pf makes of them is in pf.conf(5).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ...rules import numbers
from ...rules.marks import ALL
from ...rules.matches import (
    PORTS,
    AnyOf,
    Icmp,
    IcmpKind,
    InInterface,
    Mark,
    Match,
    NotUnderstoodError,
    NumberRange,
    OfFamily,
    OutInterface,
    PacketFamily,
    Ports,
    Protocol,
    Side,
    Sometimes,
    TcpFlags,
    Unmodelled,
)
from ...rules.ruleset import Decision, MarkChange, Origin, Rule, SetMark, Undecided, Verdict
from .objects import Objects, is_on
from .xml_tree import Element

_V4, _V6 = PacketFamily.IPV4, PacketFamily.IPV6
FAMILIES = {"": (_V4,), "inet": (_V4,), "inet6": (_V6,), "inet46": (_V4, _V6)}
_VERDICTS: Mapping[str, Verdict | None] = {
    "": Decision.ACCEPT,
    "pass": Decision.ACCEPT,
    "block": Decision.DROP,
    "reject": Decision.REJECT,
    "match": None,
}
_PROTOCOLS = {"carp": 112, "pfsync": 240}
_SYN, _SYN_ACK = numbers.TCP_FLAGS["syn"], numbers.TCP_FLAGS["syn"] | numbers.TCP_FLAGS["ack"]

# Fields that this module reads.
_READ = frozenset(
    {"destination", "direction", "disabled", "floating", "icmp6-type", "icmptype", "interface", "ipprotocol"}
    | {"protocol", "quick", "sched", "source", "statetype", "tag", "tagged", "tcpflags_any", "type"}
)
# Fields that do not choose packets: names, accounting, queues, routes, and how states are kept.
_DECORATION = frozenset(
    {"ackqueue", "allowopts", "associated-rule-id", "category", "created", "defaultqueue", "descr", "disablereplyto"}
    | {"dnpipe", "gateway", "id", "log", "nopfsync", "nosync", "pdnpipe", "reply-to", "sequence", "set-prio", "shaper1"}
    | {"shaper2", "srctrack", "state-policy", "statepolicy", "statetimeout", "tracker", "updated", "vlanprioset"}
)
# Limits on states: a rule at its limit holds back packets that it would let through.
_LIMITS = frozenset(
    {"max", "max-src-conn", "max-src-conn-rate", "max-src-conn-rates", "max-src-nodes"} | {"max-src-states"}
)

# ICMP types by the names of pf (pf.conf(5), `icmp-type`).
_ICMP = {
    _V4: {
        "echorep": 0, "unreach": 3, "squench": 4, "redir": 5, "althost": 6, "echoreq": 8, "routeradv": 9,
        "routersol": 10, "timex": 11, "paramprob": 12, "timereq": 13, "timerep": 14, "inforeq": 15, "inforep": 16,
        "maskreq": 17, "maskrep": 18, "trace": 30, "dataconv": 31, "mobredir": 32, "photuris": 40,
    },
    _V6: {
        "unreach": 1, "toobig": 2, "timex": 3, "paramprob": 4, "echoreq": 128, "echorep": 129, "groupqry": 130,
        "listqry": 130, "grouprep": 131, "listenrep": 131, "groupterm": 132, "listendone": 132, "routersol": 133,
        "routeradv": 134, "neighbrsol": 135, "neighbradv": 136, "redir": 137, "routrrenum": 138,
    },
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class PlacedRule:
    """A rule with what decides about its place: direction (`in`, `out`, `any`), quick or not, and its interfaces."""

    element: Element
    direction: str
    quick: bool
    floating: bool
    interfaces: tuple[str, ...]

    @property
    def kind(self) -> str:
        """`pass` (also when nothing is said), `block`, `reject` or `match`."""
        return self.element.value("type") or "pass"


def placed(element: Element) -> PlacedRule:
    """Where a rule belongs. Rules of an interface are quick and look at what comes in; floating ones say so."""
    floating = is_on(element, "floating")
    quick = is_on(element, "quick") or not (floating or element.has("quick"))
    names = tuple(name for name in re.split(r"[\s,]+", element.value("interface")) if name and name != "any")
    return PlacedRule(element, element.value("direction") or ("any" if floating else "in"), quick, floating, names)


class RuleReader:
    """Turns rules into those of the model; tags are numbers of the packet's mark, which pf does not have."""

    def __init__(self, objects: Objects, source: str, tags: Mapping[str, int]) -> None:
        self._objects = objects
        self._source = source
        self._tags = tags

    def rule(self, one: PlacedRule, *, incoming: bool) -> Rule:
        """The rule for packets that come in, or for those that go out."""
        element = one.element
        text = rule_text(one, incoming=incoming)
        tag = element.value("tag")
        change = MarkChange(0, self._tags[tag]) if tag else None
        kind = element.value("type")
        return Rule(
            text=text,
            matches=tuple(dict.fromkeys(self._matches(one, incoming=incoming))),
            verdict=_VERDICTS.get(kind, Undecided(kind)),
            origin=Origin(self._source, element.line, text),
            statements=(SetMark(f"tag {tag}", change),) if tag else (),
            comment=element.value("descr"),
        )

    def _matches(self, one: PlacedRule, *, incoming: bool) -> Iterator[Match]:
        element = one.element
        yield from self.interfaces(one.interfaces, incoming=incoming)
        if not (one.interfaces or one.floating):
            yield Unmodelled("interface", "the rule names no interface")
        yield from self.packets(element, stateful=one.kind == "pass" and element.value("statetype") != "none")
        if element.value("tagged"):
            yield Mark(self._tags[element.value("tagged")], ALL)
        if element.value("sched"):
            yield Sometimes("schedule", element.value("sched"))
        for child in element.children:
            if child.tag in _LIMITS:
                if child.text and one.kind == "pass":
                    yield Sometimes("limit", f"{child.tag} {child.text}")
            elif child.tag == "os" and not child.text:
                continue
            elif child.tag not in _READ | _DECORATION:
                yield Unmodelled(f"{child.tag} {child.text}", "the field of the rule is not modelled")

    def interfaces(self, names: tuple[str, ...], *, incoming: bool) -> tuple[Match, ...]:
        """The condition that a packet passes one of the interfaces; none without names."""
        if not names:
            return ()
        try:
            devices = self._objects.devices(names)
        except NotUnderstoodError as error:
            return (Unmodelled(",".join(names), str(error)),)
        return (InInterface(devices) if incoming else OutInterface(devices),)

    def packets(self, element: Element, *, stateful: bool) -> tuple[Match, ...]:
        """The conditions on family, addresses, protocol and ports, which rules of translation have, too.

        `stateful` rules let in TCP with its first packet only (`flags S/SA` in pf.conf(5)).
        """
        matches: list[Match] = []
        families = FAMILIES.get(element.value("ipprotocol"))
        if families is None:
            matches.append(Unmodelled(element.value("ipprotocol"), "the address family is not known"))
            families = (_V4, _V6)
        if len(families) == 1:
            matches.append(OfFamily(frozenset(families)))
        for side in Side:
            end = element.first(side)
            try:
                matches += self._objects.end(end, side) if end is not None else ()
            except NotUnderstoodError as error:
                matches.append(Unmodelled(side, str(error)))
        try:
            matches += self._service(element, families, stateful=stateful and not is_on(element, "tcpflags_any"))
        except NotUnderstoodError as error:
            matches.append(Unmodelled(f"protocol {element.value('protocol')}", str(error)))
        return tuple(matches)

    def _service(self, element: Element, families: tuple[PacketFamily, ...], *, stateful: bool) -> tuple[Match, ...]:
        ports: list[Match] = []
        for side in Side:
            ranges = self._objects.ports(element.value(side, "port"))
            if ranges != (PORTS,):
                ports.append(Ports(side, ranges))
        alternatives = _protocols(element, families, tuple(ports), stateful=stateful)
        return alternatives[0] if len(alternatives) == 1 else (AnyOf(tuple(alternatives)),)


_FIRST = TcpFlags(_SYN_ACK, frozenset({_SYN}))


def _protocols(
    element: Element, families: tuple[PacketFamily, ...], ports: tuple[Match, ...], *, stateful: bool
) -> list[tuple[Match, ...]]:
    name = element.value("protocol").lower()
    first = (_FIRST,) if stateful else ()
    tcp, udp = (Protocol(frozenset({number})) for number in (numbers.TCP, numbers.UDP))
    match name:
        case "tcp":
            return [(tcp, *ports, *first)]
        case "udp":
            return [(udp, *ports)]
        case "tcp/udp":
            return [(tcp, *ports, *first), (udp, *ports)]
    if ports:
        raise NotUnderstoodError("ports are for TCP and UDP")
    match name:
        case "" | "any":
            return [(tcp, *first), (Protocol(tcp.numbers, negated=True),)] if first else [()]
        case "icmp":
            return [_icmp(element, family) for family in families]
        case "ipv6-icmp" | "icmp6":
            return [_icmp(element, _V6)]
    number = _PROTOCOLS.get(name, numbers.protocol_number(name))
    if not number:
        raise NotUnderstoodError("the protocol is not known")
    return [(Protocol(frozenset({number})),)]


def _icmp(element: Element, family: PacketFamily) -> tuple[Match, ...]:
    number = numbers.ICMP if family is _V4 else numbers.ICMPV6
    only = (OfFamily(frozenset({family})), Protocol(frozenset({number})))
    field = "icmp6-type" if family is _V6 and element.value("icmp6-type") else "icmptype"
    names = [name for name in element.value(field).split(",") if name]
    if not names or names == ["any"]:
        return only
    kinds = []
    for name in names:
        kind = _ICMP[family].get(name)
        if kind is None:
            raise NotUnderstoodError(f"{name} is not a type of ICMP")
        kinds.append(IcmpKind(NumberRange(kind, kind)))
    return (*only, Icmp(family, tuple(kinds)))


def rule_text(one: PlacedRule, *, incoming: bool) -> str:
    """A rule on one line, in the order of pf.conf(5)."""
    element = one.element
    words = [one.kind, "in" if incoming else "out", *(["quick"] if one.quick else [])]
    if one.interfaces:
        words.append(f"on {','.join(one.interfaces)}")
    words += [element.value("ipprotocol") or "inet", element.value("protocol") or "any"]
    for side, word in ((Side.SOURCE, "from"), (Side.DESTINATION, "to")):
        end = element.first(side)
        negation = "not " if end is not None and is_on(end, "not") else ""
        port = element.value(side, "port")
        name = element.value(side, "network") or element.value(side, "address") or "any"
        words.append(f"{word} {negation}{name}" + (f" port {port}" if port else ""))
    if element.value("tagged"):
        words.append(f"tagged {element.value('tagged')}")
    return " ".join(words)
