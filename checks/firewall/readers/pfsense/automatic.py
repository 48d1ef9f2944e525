"""Rules that pfSense and OPNsense add by themselves before those of the user, as far as a configuration shows them.

What they say is in the Netgate documentation ("Built-in rules", "Anti-lockout rule", "Block private networks", "Block
bogon networks") and in the generated /tmp/rules.debug. Where only the packets that they may be about are known, the
rule is `Unmodelled` beside them: it decides for no other packet.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address, ip_network

from ...rules import numbers
from ...rules.matches import (
    Addresses,
    AddressRange,
    ConntrackState,
    Icmp,
    IcmpKind,
    InInterface,
    Match,
    NumberRange,
    OfFamily,
    PacketFamily,
    Ports,
    Protocol,
    SetMembership,
    Side,
    State,
    Unmodelled,
)
from ...rules.ruleset import Decision, Origin, Rule
from .objects import is_on
from .xml_tree import Element

_WHY = "rules that the system adds are not in the configuration"
_PRIVATE = ("10.0.0.0/8", "127.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
# All that a list of bogons can hold of IPv4, of which nothing else is unassigned: IANA's special-purpose registry.
_SPECIAL = (
    *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24"),
    *("192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24"),
    *("198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3", "::/0"),
)
_IPSEC = (("ipsec", "phase1"), ("OPNsense", "IPsec"), ("OPNsense", "Swanctl"))
_NEIGHBOURS = ("fe80::/10", "ff02::/16", "::/128")


def _networks(side: Side, *texts: str) -> Addresses:
    return Addresses(side, tuple(AddressRange.of(ip_network(text)) for text in texts))


def _udp(side: Side, *ports: int) -> tuple[Match, ...]:
    return Protocol(frozenset({numbers.UDP})), Ports(side, tuple(NumberRange(port, port) for port in ports))


def _icmpv6(*kinds: int) -> tuple[Match, ...]:
    messages = tuple(IcmpKind(NumberRange(kind, kind)) for kind in kinds)
    return Protocol(frozenset({numbers.ICMPV6})), Icmp(PacketFamily.IPV6, messages)


class AutomaticRules:
    """The rules that come before the user's own, for packets that come in and for those that go out."""

    def __init__(self, root: Element, source: str) -> None:
        self._root = root
        self._source = source

    def incoming(self) -> Iterator[Rule]:
        """What happens to packets that come in before the user's rules are looked at."""
        yield from self._both(None)
        yield self._rule("loopback", (InInterface(("lo0",)),), Decision.ACCEPT)
        for section in self._root.all("interfaces"):
            for interface in section.children:
                if interface.value("if"):
                    yield from self._of_interface(interface)
        yield from self._lockout()
        yield self._perhaps("DHCPv6", _udp(Side.DESTINATION, 546, 547))
        if any(self._root.has(*path) for path in _IPSEC):
            yield self._perhaps("IPsec: key exchange", _udp(Side.DESTINATION, 500, 4500))
            yield self._perhaps("IPsec: packets", (Protocol(frozenset({50, 51})),))
        if self._root.has("virtualip", "vip"):
            yield self._perhaps("CARP", (Protocol(frozenset({112})),))

    def outgoing(self) -> Iterator[Rule]:
        """What happens to packets that go out before the user's rules are looked at."""
        yield from self._both(Side.DESTINATION)

    def _both(self, side: Side | None) -> Iterator[Rule]:
        states = frozenset({State.ESTABLISHED, State.RELATED})
        yield self._rule("answers to what was let through", (ConntrackState(states),), Decision.ACCEPT)
        if not is_on(self._root, "system", "ipv6allow"):
            yield self._rule("all IPv6", (OfFamily(frozenset({PacketFamily.IPV6})),), Decision.DROP)
        yield self._rule("necessary ICMPv6", _icmpv6(1, 2, 135, 136), Decision.ACCEPT)
        ends = _networks(Side.SOURCE, *_NEIGHBOURS), _networks(Side.DESTINATION, *_NEIGHBOURS[:2])
        yield self._perhaps("ICMPv6 of neighbours", (*_icmpv6(128, 129, 133, 134), *ends))
        # Sources are translated before packets go out, to a port that is never 0.
        port = Ports(side, (NumberRange(0, 0),))
        yield self._rule("port 0", (Protocol(frozenset({numbers.TCP, numbers.UDP})), port), Decision.DROP)

    def _of_interface(self, interface: Element) -> Iterator[Rule]:
        only = InInterface((interface.value("if"),))
        if is_on(interface, "blockbogons"):
            why = "the list of bogon networks is not in the configuration"
            bogons = SetMembership("bogons", (Side.SOURCE,), why=why)
            among = (only, _networks(Side.SOURCE, *_SPECIAL), bogons)
            yield self._rule(f"bogon networks on {interface.tag}", among, Decision.DROP, interface)
        if is_on(interface, "blockpriv"):
            matches = (only, _networks(Side.SOURCE, *_PRIVATE))
            yield self._rule(f"private networks on {interface.tag}", matches, Decision.DROP, interface)
        client = interface.value("ipaddr") == "dhcp"
        if client or is_on(self._root, "dhcpd", interface.tag, "enable") or not self._root.has("dhcpd"):
            yield self._perhaps(f"DHCP on {interface.tag}", (only, *_udp(Side.DESTINATION, 67, 68)), interface)

    def _lockout(self) -> Iterator[Rule]:
        """The web interface and SSH stay open on LAN, or on WAN where that is the only interface."""
        if is_on(self._root, "system", "webgui", "noantilockout"):
            return
        interface = self._root.first("interfaces", "lan") or self._root.first("interfaces", "wan")
        if interface is None:
            return
        ports = {80, 443, 22}
        for path in (("system", "webgui", "port"), ("system", "ssh", "port")):
            text = self._root.value(*path)
            if text.isascii() and text.isdigit() and len(text) <= 5 and int(text) <= 65535:
                ports.add(int(text))
        open_to = Ports(Side.DESTINATION, tuple(NumberRange(port, port) for port in sorted(ports)))
        matches: list[Match] = [InInterface((interface.value("if"),)), Protocol(frozenset({numbers.TCP})), open_to]
        try:
            own = ip_address(interface.value("ipaddr"))
            matches.append(Addresses(Side.DESTINATION, (AddressRange(own, own),)))
        except ValueError:
            pass  # an address that is given to the interface may be any
        yield self._perhaps(f"anti-lockout on {interface.tag}", tuple(matches), interface)

    def _perhaps(self, what: str, matches: tuple[Match, ...], at: Element | None = None) -> Rule:
        """A rule that may be there, and lets packets through."""
        return self._rule(what, matches, Decision.ACCEPT, at, certain=False)

    def _rule(
        self,
        what: str,
        matches: tuple[Match, ...],
        verdict: Decision,
        at: Element | None = None,
        *,
        certain: bool = True,
    ) -> Rule:
        origin = Origin(self._source, (at or self._root).line, "")
        doubt = () if certain else (Unmodelled(what, _WHY),)
        return Rule(f"automatic: {what}", (*matches, *doubt), verdict, origin, comment="implied by the system")
