"""Packets of the analysis in the words of those that can be sent, and listings of the kernel as rulesets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from secaudit.model.observation import RulesetText, Syntax
from secaudit.model.packet import Direction, Tracking
from secaudit.model.packet import Packet as Described

from ..readers.ipset.members import resolve_sets
from ..readers.ipset.save import read_ipset_save
from ..readers.iptables.save import read_iptables_save
from ..readers.merge import merge
from ..readers.nft.document import read_nft_json
from ..rules.packet import Packet
from ..rules.ruleset import Hook, Ruleset, TableFamily

_SAVES = {
    Syntax.IPTABLES: TableFamily.IP,
    Syntax.IPTABLES_LEGACY: TableFamily.IP,
    Syntax.IP6TABLES: TableFamily.IP6,
    Syntax.IP6TABLES_LEGACY: TableFamily.IP6,
}


def described(packet: Packet) -> Described | str:
    """The packet as it can be sent, or why it cannot: something about it is not known, or is not made."""
    if packet.source is None or packet.destination is None or packet.state is None:
        return "an address or the connection tracking state is not known"
    if packet.mark or packet.connection_mark:
        return "packets that come with a mark are not made"
    if packet.later_fragment:
        return "later fragments are not made"
    return Described(
        Direction(packet.hook),
        packet.protocol,
        packet.source,
        packet.destination,
        packet.source_port or 0,
        packet.destination_port or 0,
        packet.icmp_type or 0,
        packet.icmp_code or 0,
        packet.tcp_flags or 0,
        Tracking(packet.state),
        packet.in_interface or "",
        packet.out_interface or "",
    )


def with_addresses_known(packet: Packet) -> Packet:
    """The packet with what the routing table calls its addresses where packets are sent for verification.

    There the host has the destinations of what it receives and the sources of what it sends, and no other address.
    """
    local, elsewhere = "local", "unicast"
    receives, sends = packet.hook is Hook.INPUT, packet.hook is Hook.OUTPUT
    return replace(packet, source_type=local if sends else elsewhere, destination_type=local if receives else elsewhere)


def read_listings(listings: Sequence[RulesetText]) -> Ruleset:
    """The ruleset that the kernel lists, read as on an audited host. Raises `RulesetError`."""
    nft = next((listing for listing in listings if listing.syntax is Syntax.NFT_JSON), None)
    saves = [
        read_iptables_save(listing.text, _SAVES[listing.syntax], listing.syntax)
        for listing in listings
        if listing.syntax in _SAVES
    ]
    found = merge(read_nft_json(nft.text, nft.syntax) if nft else None, saves)
    for listing in listings:
        if listing.syntax is Syntax.IPSET:
            found = resolve_sets(found, read_ipset_save(listing.text, listing.syntax))
    return found
