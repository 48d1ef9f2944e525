"""Reader for the policies of a FortiGate, from a configuration backup or `show full-configuration`.

Policies are looked at in their order, the first that fits decides, and what none fits is dropped; answers to what was
let through pass. See "Firewall policy" in the FortiOS Administration Guide and `firewall policy` in its CLI Reference.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ...rules.matches import (
    ConntrackState,
    InInterface,
    KnownCondition,
    Match,
    OfFamily,
    PacketFamily,
    Side,
    Sometimes,
    State,
    Unmodelled,
)
from ...rules.ruleset import (
    Backend,
    Base,
    Chain,
    Decision,
    Effect,
    Hook,
    Jump,
    Origin,
    Rule,
    Ruleset,
    Table,
    TableFamily,
    Undecided,
    Unread,
    Verdict,
)
from .fortios import Node, read_tree
from .objects import Objects


@dataclass(frozen=True, slots=True)
class _Kind:
    """A section of policies: where it acts and in which families its plain fields are."""

    section: str
    hook: Hook
    families: tuple[tuple[PacketFamily, str], ...]


_V4, _V6 = PacketFamily.IPV4, PacketFamily.IPV6
# Since FortiOS 6.4 one policy has the addresses of both families; before, `policy6` was a section of its own.
_KINDS = (
    _Kind("firewall policy", Hook.FORWARD, ((_V4, ""), (_V6, "6"))),
    _Kind("firewall policy6", Hook.FORWARD, ((_V6, ""),)),
    _Kind("firewall local-in-policy", Hook.INPUT, ((_V4, ""),)),
    _Kind("firewall local-in-policy6", Hook.INPUT, ((_V6, ""),)),
)
_CONDITIONS = frozenset(
    [f"{end}{kind}" for end in ("src", "dst") for kind in ("intf", "addr", "addr6", "addr-negate", "addr6-negate")]
    + ["intf", "action", "status", "service", "service-negate", "schedule", "send-deny-packet"]
)
_WHO = frozenset(["groups", "users", "fsso-groups"])
# Fields of policies that do not choose packets: names, logs, profiles that look into what was accepted, translation
# of sources, which comes after the decision, and accounting.
_DECORATION = frozenset(
    {"application-list", "auto-asic-offload", "av-profile", "comments", "diffserv-forward", "dlp-profile"}
    | {"dlp-sensor", "dnsfilter-profile", "emailfilter-profile", "file-filter-profile", "fixedport", "global-label"}
    | {"inspection-mode", "ippool", "ips-sensor", "label", "logtraffic", "logtraffic-start", "name", "nat"}
    | {"np-acceleration", "per-ip-shaper", "policyid", "poolname", "poolname6", "profile-group"}
    | {"profile-protocol-options", "profile-type", "session-ttl", "ssl-ssh-profile", "tcp-mss-receiver"}
    | {"tcp-mss-sender", "traffic-shaper", "traffic-shaper-reverse", "utm-status", "uuid", "virtual-patch"}
    | {"voip-profile", "waf-profile", "webfilter-profile"}
)
# Sections below `firewall` that hold objects, or nothing that decides about packets by itself.
_OBJECTS = frozenset(
    {"firewall address", "firewall address6", "firewall addrgrp", "firewall addrgrp6", "firewall auth-portal"}
    | {"firewall city", "firewall country", "firewall global", "firewall internet-service"}
    | {"firewall internet-service-addition", "firewall internet-service-append", "firewall internet-service-botnet"}
    | {"firewall internet-service-custom", "firewall internet-service-custom-group"}
    | {"firewall internet-service-definition", "firewall internet-service-extension"}
    | {"firewall internet-service-group", "firewall internet-service-ipbl-reason"}
    | {"firewall internet-service-ipbl-vendor", "firewall internet-service-list", "firewall internet-service-name"}
    | {"firewall internet-service-owner", "firewall internet-service-reputation", "firewall internet-service-sld"}
    | {"firewall ippool", "firewall ippool6", "firewall ldb-monitor", "firewall profile-group"}
    | {"firewall profile-protocol-options", "firewall proxy-address", "firewall proxy-addrgrp", "firewall region"}
    | {"firewall schedule group", "firewall schedule onetime", "firewall schedule recurring"}
    | {"firewall service category", "firewall service custom", "firewall service group"}
    | {"firewall shaper per-ip-shaper", "firewall shaper traffic-shaper", "firewall ssh local-ca"}
    | {"firewall ssh local-key", "firewall ssh setting", "firewall ssl setting", "firewall ssl-ssh-profile"}
    | {"firewall traffic-class", "firewall vendor-mac", "firewall wildcard-fqdn", "firewall wildcard-fqdn custom"}
    | {"firewall wildcard-fqdn group"}
)


def read_fortigate(text: str, source: str) -> Ruleset:
    """Read a configuration as one table with the chains `forward` and `input`; packets of the device itself pass.

    Policies that are disabled are not there. With several virtual domains the chains lead to one per domain, by the
    interfaces of the domain. What is not understood inside a policy becomes part of its rules; statements in no known
    syntax and sections below `firewall` that are not modelled are listed in `unread`. Other sections (`system`,
    `router`, `vpn`, …) are not looked at, but for `system interface` and `system zone`. Raises `RulesetError` when the
    text holds no configuration.
    """
    root, unread = read_tree(text, source)
    return _Reader(source, root, list(unread)).read()


class _Reader:
    def __init__(self, source: str, root: Node, unread: list[Unread]) -> None:
        self._source = source
        self._device = root.section("global")
        self._domains = root.section("vdom").entries or {"root": root}
        self._unread = unread

    def read(self) -> Ruleset:
        chains: list[Chain] = []
        for hook in (Hook.FORWARD, Hook.INPUT):
            rules = [self._replies()]
            own: list[Chain] = []
            for name, domain in self._domains.items():
                found = [rule for kind in _KINDS if kind.hook is hook for rule in self._policies(kind, domain)]
                if hook is Hook.INPUT:
                    found.append(self._opened(domain))
                if len(self._domains) == 1:
                    rules += found
                else:
                    own.append(Chain(f"{name} {hook}", None, tuple(found), Origin(self._source, domain.line, "")))
                    rules.append(self._entered(name, domain, own[-1]))
            base = Base(hook, 0, "filter", Decision.DROP)
            chains += [Chain(str(hook), base, tuple(rules), Origin(self._source, 1, "")), *own]
        for domain in self._domains.values():
            self._list_sections(domain)
        table = Table(TableFamily.INET, "fortigate", Backend.NF_TABLES, tuple(chains))
        return Ruleset((table,), tuple(self._unread))

    def _list_sections(self, domain: Node) -> None:
        known = _OBJECTS | {kind.section for kind in _KINDS}
        for name, section in domain.sections.items():
            if name.startswith("firewall ") and name not in known and (section.entries or section.settings):
                origin = Origin(self._source, section.line, f"config {name}")
                self._unread.append(Unread(origin, "the section is not modelled"))
        for zone in domain.section("system zone").entries.values():
            if zone.value("intrazone", "deny") != "deny":
                self._unread.append(
                    Unread(Origin(self._source, zone.line, zone.text), "traffic within zones is not modelled")
                )
        if domain.section("system settings").value("ngfw-mode") == "policy-based":
            origin = Origin(self._source, domain.section("system settings").line, "set ngfw-mode policy-based")
            self._unread.append(Unread(origin, "policies of this mode are not modelled"))

    def _replies(self) -> Rule:
        states = frozenset({State.ESTABLISHED, State.RELATED})
        origin = Origin(self._source, 1, "")
        text = "answers to what was let through"
        return Rule(text, (ConntrackState(states),), Decision.ACCEPT, origin, comment="implied by FortiOS")

    def _opened(self, domain: Node) -> Rule:
        """The end of local traffic: administration (`allowaccess`), VPN, routing and DHCP open ports of their own."""
        text = "services that the device offers by itself"
        origin = Origin(self._source, domain.line, "")
        return Rule(text, (), Undecided(text), origin, comment="implied by FortiOS")

    def _entered(self, name: str, domain: Node, chain: Chain) -> Rule:
        interfaces = self._device.section("system interface").entries | domain.section("system interface").entries
        names = tuple(one for one, entry in interfaces.items() if entry.value("vdom", "root") == name)
        text = f"interfaces of the virtual domain {name}"
        return Rule(text, (InInterface(names),), Jump(chain.name), chain.origin, comment="implied by FortiOS")

    def _policies(self, kind: _Kind, domain: Node) -> Iterator[Rule]:
        objects = Objects(domain, self._device)
        for entry in domain.section(kind.section).entries.values():
            if entry.value("status", "enable") == "disable":
                continue
            for family, six in kind.families:
                # A policy of a family names addresses of it; one that names none is listed with its first family.
                if _names(entry, six) or (six == "" and not _names(entry, "6")):
                    yield self._policy(entry, kind, family, six, objects)

    def _policy(self, entry: Node, kind: _Kind, family: PacketFamily, six: str, objects: Objects) -> Rule:
        name = f' "{entry.value("name")}"' if "name" in entry.settings else ""
        verdict = _verdict(entry)
        return Rule(
            text=f"policy {entry.name}{name} {entry.value('action', 'deny')} {family}",
            matches=tuple(dict.fromkeys(_conditions(entry, kind, family, six, objects))),
            verdict=verdict,
            origin=Origin(self._source, entry.line, entry.text),
            statements=(Effect("nat"),) if entry.value("nat") == "enable" else (),
            comment=entry.value("comments"),
        )


def _names(entry: Node, six: str) -> bool:
    return bool(entry.values(f"srcaddr{six}") or entry.values(f"dstaddr{six}"))


def _verdict(entry: Node) -> Verdict:
    action = entry.value("action", "deny")
    if action == "deny":
        return Decision.REJECT if entry.value("send-deny-packet") == "enable" else Decision.DROP
    return Decision.ACCEPT if action == "accept" else Undecided(f"action {action}")


def _conditions(entry: Node, kind: _Kind, family: PacketFamily, six: str, objects: Objects) -> Iterator[Match]:
    yield OfFamily(frozenset({family}))
    incoming = "intf" if kind.hook is Hook.INPUT else "srcintf"
    for key, is_incoming in ((incoming, True), ("dstintf", False)):
        if entry.values(key):
            yield from objects.interfaces(entry.values(key), incoming=is_incoming)
        elif is_incoming or kind.hook is Hook.FORWARD:
            yield Unmodelled(key, "the policy does not say it")
    for key, side in ((f"srcaddr{six}", Side.SOURCE), (f"dstaddr{six}", Side.DESTINATION)):
        if entry.values(key):
            yield objects.addresses(side, entry.values(key), family, negated=entry.value(f"{key}-negate") == "enable")
        else:
            yield Unmodelled(key, "the policy does not say it")
    if entry.values("service"):
        yield from objects.services(entry.values("service"), negated=entry.value("service-negate") == "enable")
    else:
        yield Unmodelled("service", "the policy does not say it")
    if entry.value("schedule", "always") != "always":
        yield Sometimes("schedule", entry.value("schedule"))
    for key in entry.settings:
        if key in _WHO:
            yield KnownCondition("user", f"{key} {entry.value(key)}")
        elif key not in _DECORATION | _CONDITIONS:
            yield Unmodelled(f"{key} {entry.value(key)}", "the field of the policy is not modelled")
    for section in entry.sections:
        yield Unmodelled(section, "the section of the policy is not modelled")
