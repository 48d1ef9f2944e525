"""What this family adds to reports."""

from __future__ import annotations

import re

from secaudit.api import Facts, Request, change_section, section
from secaudit.model.section import Section

from ..collect import IP6TABLES, IP6TABLES_LEGACY, IPTABLES, IPTABLES_LEGACY, NFT
from ..facts import Firewall
from .change import SAYS, changed
from .rendering import rendered


@section("Packet filter", requires=[Firewall])
def packet_filter(facts: Facts) -> Section | None:
    """Who reaches which service, and the way of packets through the chains."""
    return rendered(facts[Firewall])


# Counters at the beginning of rules and the end of chains, and when the listing was made. See iptables-save(8).
_COUNTED = re.compile(
    rb"^\[\d+:\d+\] | \[\d+:\d+\]$| on [A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4}$", re.MULTILINE
)
# In JSON no text of a rule holds these: its quotes are escaped. See libnftables-json(5).
_NUMBERED = re.compile(rb'"(?:packets|bytes|handle|expires)": \d+')
_NOISE: dict[Request, re.Pattern[bytes]] = {
    NFT: _NUMBERED,
    **dict.fromkeys((IPTABLES, IP6TABLES, IPTABLES_LEGACY, IP6TABLES_LEGACY), _COUNTED),
}


@change_section("Rules of the packet filter", requires=[Firewall], says=SAYS, noise=_NOISE)
def rule_changes(before: Facts, after: Facts) -> Section | None:
    """What was edited, and which packets fare otherwise since."""
    return changed(before[Firewall], after[Firewall])
