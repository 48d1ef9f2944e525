"""What this family adds to reports."""

from __future__ import annotations

from secaudit.api import Facts, change_section, section
from secaudit.model.section import Section

from ..facts import Firewall
from .change import SAYS, changed
from .rendering import rendered


@section("Packet filter", requires=[Firewall])
def packet_filter(facts: Facts) -> Section | None:
    """Who reaches which service, and the way of packets through the chains."""
    return rendered(facts[Firewall])


@change_section("Rules of the packet filter", requires=[Firewall], says=SAYS)
def rule_changes(before: Facts, after: Facts) -> Section | None:
    """What was edited, and which packets fare otherwise since."""
    return changed(before[Firewall], after[Firewall])
