"""Names that rulesets write for assigned numbers.

Sources: IANA "Protocol Numbers", "ICMP Parameters", "ICMPv6 Parameters"; spellings of nft(8), iptables(8) and
protocols(5).
"""

from __future__ import annotations

TCP, UDP, ICMP, ICMPV6 = 6, 17, 1, 58
ESP, AH = 50, 51
EXTENSION_HEADERS = frozenset({0, 43, 44, AH, 60})
"""Next headers of IPv6 that are followed by another one; no packet has one as its protocol (RFC 8200)."""
WITH_PORTS = {"tcp": TCP, "udp": UDP, "dccp": 33, "sctp": 132, "udplite": 136}

PROTOCOLS = WITH_PORTS | {
    "hopopt": 0,
    "icmp": ICMP,
    "igmp": 2,
    "ipencap": 4,
    "ipip": 4,
    "egp": 8,
    "igp": 9,
    "ipv6": 41,
    "ipv6-route": 43,
    "ipv6-frag": 44,
    "rsvp": 46,
    "gre": 47,
    "esp": ESP,
    "ah": AH,
    "skip": 57,
    "icmpv6": ICMPV6,
    "ipv6-icmp": ICMPV6,
    "ipv6-nonxt": 59,
    "ipv6-opts": 60,
    "eigrp": 88,
    "ospf": 89,
    "ospfigp": 89,
    "etherip": 97,
    "encap": 98,
    "pim": 103,
    "ipcomp": 108,
    "comp": 108,
    "vrrp": 112,
    "l2tp": 115,
    "isis": 124,
    "hip": 139,
    "mh": 135,
    "ipv6-mh": 135,
    "mobility-header": 135,
    "mobile": 55,
}

ICMP_TYPES = {
    "echo-reply": 0,
    "destination-unreachable": 3,
    "source-quench": 4,
    "redirect": 5,
    "echo-request": 8,
    "router-advertisement": 9,
    "router-solicitation": 10,
    "time-exceeded": 11,
    "parameter-problem": 12,
    "timestamp-request": 13,
    "timestamp-reply": 14,
    "info-request": 15,
    "info-reply": 16,
    "address-mask-request": 17,
    "address-mask-reply": 18,
}

ICMPV6_TYPES = {
    "destination-unreachable": 1,
    "packet-too-big": 2,
    "time-exceeded": 3,
    "parameter-problem": 4,
    "echo-request": 128,
    "echo-reply": 129,
    "mld-listener-query": 130,
    "mld-listener-report": 131,
    "mld-listener-done": 132,
    "mld-listener-reduction": 132,
    "nd-router-solicit": 133,
    "nd-router-advert": 134,
    "nd-neighbor-solicit": 135,
    "nd-neighbor-advert": 136,
    "nd-redirect": 137,
    "router-renumbering": 138,
    "ind-neighbor-solicit": 141,
    "ind-neighbor-advert": 142,
    "mld2-listener-report": 143,
    # ip6tables has names of its own for some.
    "ttl-exceeded": 3,
    "ping": 128,
    "pong": 129,
    "router-solicitation": 133,
    "router-advertisement": 134,
    "neighbor-solicitation": 135,
    "neighbour-solicitation": 135,
    "neighbor-advertisement": 136,
    "neighbour-advertisement": 136,
    "redirect": 137,
}

TCP_FLAGS = {"fin": 1, "syn": 2, "rst": 4, "psh": 8, "ack": 16, "urg": 32, "ecn": 64, "cwr": 128}


def protocol_number(name: str) -> int | None:
    """The IANA number of a protocol given by name or number, or None for a name that is not known."""
    if name.isascii() and name.isdigit():
        return int(name) if len(name) <= 3 and int(name) <= 255 else None
    return PROTOCOLS.get(name.lower())
