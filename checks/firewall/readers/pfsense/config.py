"""Reader for config.xml of pfSense and OPNsense.

pf looks at a packet where it comes in and again where it goes out (pf.conf(5)). So the chains are `in` on the hook
prerouting and `out` on postrouting, each behind a chain of translation, which pf does first: `rdr` and `nat`. Of rules
that are not `quick` the last that fits decides, unless a quick one does: they stand behind the quick ones, the last
first. What no rule lets in is dropped; what goes out is let through.
"""

from __future__ import annotations

from collections.abc import Iterator

from ...rules.matches import (
    InInterface,
    KnownCondition,
    Match,
    NotUnderstoodError,
    NumberRange,
    PacketFamily,
    Side,
    Unmodelled,
)
from ...rules.ruleset import (
    Backend,
    Base,
    Chain,
    Decision,
    Hook,
    Nat,
    NatKind,
    NatTarget,
    Origin,
    Rule,
    Ruleset,
    RulesetError,
    Statement,
    Table,
    TableFamily,
    Unread,
)
from .automatic import AutomaticRules
from .objects import Objects, address_range, is_on, port_range
from .rules import FAMILIES, PlacedRule, RuleReader, placed
from .xml_tree import Element, read_xml

_ROOTS = frozenset({"pfsense", "opnsense"})
# What decides about packets and is not modelled: the elements, and why they are listed.
_NOT_MODELLED = (
    (("nat", "onetoone"), "one-to-one translation is not modelled"),
    (("nat", "npt"), "translation of prefixes is not modelled"),
    (("OPNsense", "Firewall", "Filter", "rules", "rule"), "rules of this kind are not modelled"),
    (("OPNsense", "Firewall", "Filter", "snatrules", "rule"), "translation of this kind is not modelled"),
    (("OPNsense", "Firewall", "Filter", "npt", "rule"), "translation of this kind is not modelled"),
    (("OPNsense", "Firewall", "Filter", "onetoone", "rule"), "translation of this kind is not modelled"),
    (("OPNsense", "captiveportal", "zones", "zone"), "captive portals are not modelled"),
)
# Switches that change what happens to packets, and why it is listed that they are on.
_SWITCHES = (
    (("system", "disablefilter"), "the packet filter is switched off"),
    (("installedpackages", "miniupnpd", "config", "enable"), "ports that UPnP opens are not in the configuration"),
    (("installedpackages", "miniupnpd", "config", "enable_upnp"), "ports that UPnP opens are not in the configuration"),
)
# What the sections of rules may hold beside what is listed above.
_SECTIONS = {
    "filter": frozenset({"rule", "separator"}),
    "nat": frozenset({"npt", "onetoone", "outbound", "rule", "separator"}),
}
# Fields of port forwards that are read, or say nothing about packets.
_FORWARD_FIELDS = frozenset(
    {"associated-rule-id", "category", "created", "descr", "destination", "disabled", "interface", "ipprotocol"}
    | {"local-port", "natreflection", "nordr", "nosync", "poolopts", "protocol", "sequence", "source"}
    | {"source_hash_key", "target", "tracker", "updated"}
)
_DIRECTIONS = frozenset({"in", "out", "any"})


def read_pfsense(text: str, source: str) -> Ruleset:
    """Read a configuration as one table. Rules that are disabled are not there; a tag is a mark of the packet.

    Rules that the system adds by itself are modelled as far as the configuration shows them (`pfsense_automatic`);
    lists of hosts that it blocks for a while are not. What is not understood inside a rule becomes part of that rule,
    anything else that decides about packets is listed in `unread`. Raises `RulesetError` for text that is no such
    configuration or has a DOCTYPE.
    """
    root = read_xml(text)
    if root.tag not in _ROOTS:
        raise RulesetError("is XML, but no configuration of pfSense or OPNsense")
    return _Reader(root, source).read()


class _Reader:
    def __init__(self, root: Element, source: str) -> None:
        self._root = root
        self._source = source
        self._unread: list[Unread] = []
        self._objects = Objects(root)
        tags = sorted({rule.value(tag) for rule in root.all("filter", "rule") for tag in ("tag", "tagged")} - {""})
        self._reader = RuleReader(self._objects, source, {tag: number for number, tag in enumerate(tags, 1)})
        self._automatic = AutomaticRules(root, source)

    def read(self) -> Ruleset:
        for path, why in _NOT_MODELLED:
            for element in self._root.all(*path):
                if element.children and not is_on(element, "disabled"):
                    self._list(element, why)
        for path, why in _SWITCHES:
            if is_on(self._root, *path):
                self._list(self._root.first(*path) or self._root, why)
        for zone in (zone for portals in self._root.all("captiveportal") for zone in portals.children):
            if is_on(zone, "enable"):
                self._list(zone, "captive portals are not modelled")
        for name, known in _SECTIONS.items():
            for element in (element for section in self._root.all(name) for element in section.children):
                if element.tag not in known and (element.text or element.children):
                    self._list(element, f"is not modelled in the section {name}")
        rules = self._rules()
        chains = (
            self._chain("rdr", Hook.PREROUTING, -100, Decision.ACCEPT, list(self._redirections())),
            self._chain("in", Hook.PREROUTING, 0, Decision.DROP, self._ordered(rules, incoming=True)),
            self._chain("nat", Hook.POSTROUTING, -100, Decision.ACCEPT, list(self._outbound())),
            self._chain("out", Hook.POSTROUTING, 0, Decision.ACCEPT, self._ordered(rules, incoming=False)),
        )
        table = Table(TableFamily.INET, self._root.tag, Backend.NF_TABLES, chains)
        return Ruleset((table,), tuple(self._unread))

    def _list(self, element: Element, why: str) -> None:
        self._unread.append(Unread(Origin(self._source, element.line, element.tag), why))

    def _chain(self, name: str, hook: Hook, priority: int, policy: Decision, rules: list[Rule]) -> Chain:
        kind = "filter" if name in ("in", "out") else "nat"
        section = self._root.first("filter" if kind == "filter" else "nat") or self._root
        origin = Origin(self._source, section.line, section.tag)
        return Chain(name, Base(hook, priority, kind, policy), tuple(rules), origin)

    def _rules(self) -> list[PlacedRule]:
        """The enabled rules in the order in which the system writes them: floating, of groups, of interfaces."""
        found: list[PlacedRule] = []
        for element in self._root.all("filter", "rule"):
            if is_on(element, "disabled"):
                continue
            one = placed(element)
            found.append(one)
            if one.direction not in _DIRECTIONS:
                self._list(element, f"the direction {one.direction} is not known")
            if self._root.tag == "opnsense" and one.floating and not element.has("quick"):
                self._list(element, "whether this floating rule is quick is not said")
            if element.value("tag") and not (one.quick and one.kind != "match"):
                self._list(element, "the tag of a rule that does not decide at once is not modelled")
        return sorted(found, key=self._stage)

    def _stage(self, one: PlacedRule) -> int:
        if one.floating:
            return 0
        return 1 if any(name in self._objects.groups for name in one.interfaces) else 2

    def _ordered(self, rules: list[PlacedRule], *, incoming: bool) -> list[Rule]:
        """Rules so that the first that fits decides."""
        wanted = [one for one in rules if one.direction in ("any", "in" if incoming else "out")]
        at_once = [one for one in wanted if one.quick or one.kind == "match"]
        at_last = [one for one in reversed(wanted) if not (one.quick or one.kind == "match")]
        automatic = self._automatic.incoming() if incoming else self._automatic.outgoing()
        return [*automatic, *(self._reader.rule(one, incoming=incoming) for one in (*at_once, *at_last))]

    def _redirections(self) -> Iterator[Rule]:
        """Port forwards. With reflection they may also be in force on other interfaces."""
        for element in self._root.all("nat", "rule"):
            if is_on(element, "disabled"):
                continue
            if element.value("associated-rule-id") == "pass":
                self._list(element, "a port forward that passes without a rule is not modelled")
            one = placed(element)
            on_interface = self._reader.interfaces(one.interfaces, incoming=True)
            unknown = [
                Unmodelled(f"{child.tag} {child.text}", "the field of the port forward is not modelled")
                for child in element.children
                if child.tag not in _FORWARD_FIELDS
            ]
            packets = (*self._reader.packets(element, stateful=False), *unknown)
            yield self._redirection(element, (*on_interface, *packets))
            if self._reflects(element):
                doubt = Unmodelled("NAT reflection", "where port forwards are reflected is not modelled")
                others = tuple(
                    InInterface(match.names, not match.negated) if isinstance(match, InInterface) else match
                    for match in on_interface
                )
                yield self._redirection(element, (*others, *packets, doubt))

    def _reflects(self, element: Element) -> bool:
        chosen = element.value("natreflection")
        return chosen != "disable" and bool(chosen or not is_on(self._root, "system", "disablenatreflection"))

    def _redirection(self, element: Element, matches: tuple[Match, ...]) -> Rule:
        to = ":".join(part for part in (element.value("target"), element.value("local-port")) if part)
        text = f"rdr on {element.value('interface')} to {to}"
        family = FAMILIES.get(element.value("ipprotocol"), (PacketFamily.IPV4,))[0]
        statements: tuple[Statement, ...] = ()
        if not is_on(element, "nordr"):
            statements = (Nat(NatKind.DESTINATION, to, self._target(element, family)),)
        origin = Origin(self._source, element.line, text)
        return Rule(text, matches, Decision.ACCEPT, origin, statements, comment=element.value("descr"))

    def _target(self, element: Element, family: PacketFamily) -> NatTarget | None:
        """The new address, and the new ports, which count from the first of the rule's; None if not understood."""
        try:
            address = address_range(element.value("target"))
            if address.family is not family:
                return None
            first = element.value("local-port")
            if not first:
                return NatTarget(address)
            asked = self._objects.ports(element.value(Side.DESTINATION, "port"))
            low = port_range(first).low
            if len(asked) != 1 or (asked[0].high - asked[0].low) + low > 65535:
                return None
            return NatTarget(address, NumberRange(low, low + asked[0].high - asked[0].low))
        except NotUnderstoodError:
            return None

    def _outbound(self) -> Iterator[Rule]:
        """Sources may be rewritten on any interface before rules look at what goes out."""
        mode = self._root.value("nat", "outbound", "mode")
        if mode != "disabled":
            section = self._root.first("nat", "outbound") or self._root
            text = f"outbound translation ({mode or 'automatic'})"
            condition = KnownCondition("outbound translation", text)
            statement = Nat(NatKind.MASQUERADE, "")
            origin = Origin(self._source, section.line, text)
            yield Rule(text, (condition,), Decision.ACCEPT, origin, (statement,))
