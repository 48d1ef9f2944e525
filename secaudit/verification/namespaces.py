"""The network that a ruleset is tried in: a router under test, and a wire that every interface of it ends on.

Both are network namespaces without a name that the probe holds: when it ends, however it ends, the kernel removes them
with all that is in them. Nothing of the machine's own network is touched.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address

from secaudit.model.packet import Address, Direction, Packet
from secaudit.probe.protocol import MAC
from secaudit.verification.loading import run_in
from secaudit.verification.probe_process import ProbeProcess

LOOPBACK = "lo"
IN, OUT = "secaudit-in", "secaudit-out"
"""The interfaces for packets that name none."""

ALWAYS_OWN = IPv4Address("192.0.0.8"), IPv6Address("100::1")
"""What the router always has, for rules that take the address of an interface: RFC 7600 and RFC 6666 set them aside."""

_NAME = re.compile(r"(?!-)(?!\.\.?$)[A-Za-z0-9_.@+-]{1,15}")

_FORWARD_IPV6 = "net.ipv6.conf.all.forwarding=1"
"""Set when the interfaces are there and know no multicast: else they would report that they joined all routers."""

# Forward everything, believe every source address (a spoofed one must reach the rules), send nothing unasked, and let
# no rate limit keep the answer of a rule that rejects.
_SETTINGS = (
    "net.ipv4.ip_forward=1",
    "net.ipv4.icmp_ratemask=0",
    "net.ipv4.conf.all.rp_filter=0",
    "net.ipv4.conf.default.rp_filter=0",
    "net.ipv4.conf.all.accept_local=1",
    "net.ipv4.conf.all.send_redirects=0",
    "net.ipv4.conf.default.send_redirects=0",
    "net.ipv4.conf.lo.route_localnet=1",
    "net.ipv6.icmp.ratelimit=0",
    "net.ipv6.icmp.ratemask=0",
    "net.ipv6.conf.default.accept_ra=0",
    "net.ipv6.conf.default.addr_gen_mode=1",
)


def _is_interface_name(name: str) -> bool:
    return name != LOOPBACK and _NAME.fullmatch(name) is not None


@dataclass(slots=True)
class Router:
    """The namespaces, and how packets find their way through. Interfaces have the same names on the wire."""

    under_test: str
    wire: str
    interfaces: tuple[str, ...]
    _routed: dict[int, list[str]] = field(default_factory=dict)

    @classmethod
    def build(cls, probe: ProbeProcess, interfaces: Iterable[str]) -> Router:
        """Make the namespaces with these interfaces in them, but for names that no interface can have.

        Raises VerificationError.
        """
        names = dict.fromkeys((IN, OUT, *filter(_is_interface_name, interfaces)))
        router = cls(probe.namespace(), probe.namespace(), tuple(names))
        run_in(router.wire, ["sysctl", "-q", "-w", "net.ipv6.conf.default.disable_ipv6=1"])
        run_in(router.under_test, ["sysctl", "-q", "-w", *_SETTINGS])
        mac = MAC.hex(":")
        # Without ARP a neighbour is whoever is asked for; without multicast the kernel reports no membership.
        lines = [f"link set dev lo address {mac} up", f"addr add {ALWAYS_OWN[1]} dev lo"]
        for name in router.interfaces:
            lines += [
                f"link add name {name} address {mac} type veth peer name {name} netns {router.wire}",
                f"link set dev {name} arp off multicast off up",
                # The kernel drops what is redirected to an interface without an address.
                *(f"addr add {address} dev {name} nodad" for address in ALWAYS_OWN),
            ]
        run_in(router.under_test, ["ip", "-batch", "-"], "\n".join(lines) + "\n")
        run_in(router.under_test, ["sysctl", "-q", "-w", _FORWARD_IPV6])
        up = [f"link set dev {name} arp off up" for name in router.interfaces]
        run_in(router.wire, ["ip", "-batch", "-"], "\n".join(up) + "\n")
        return router

    def route(self, oif: str, own: Collection[Address]) -> None:
        """Let these addresses be the router's own, and all others be found behind the interface."""
        for version, gateway in ((4, "192.0.0.1"), (6, "fe80::1")):
            lines = [f"default via {gateway} dev {oif} onlink"] if oif != LOOPBACK else []
            lines += [f"local {address} dev lo table local" for address in own if address.version == version]
            before = self._routed.get(version, [])
            if lines != before:
                batch = [f"route del {line}" for line in before] + [f"route add {line}" for line in lines]
                run_in(self.under_test, ["ip", f"-{version}", "-batch", "-"], "\n".join(batch) + "\n")
                self._routed[version] = lines


def own_addresses(packet: Packet) -> Iterator[Address]:
    """The addresses of a packet that the host must be given as its own."""
    for address in _own_ends(packet):
        if not address.is_loopback and address not in ALWAYS_OWN:
            yield address


def _own_ends(packet: Packet) -> Iterator[Address]:
    if packet.hook is Direction.INPUT or packet.out_interface == LOOPBACK:
        yield packet.destination
    if packet.hook is Direction.OUTPUT:
        yield packet.source
