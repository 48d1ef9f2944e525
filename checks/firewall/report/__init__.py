"""What this family adds to the technical report."""

from __future__ import annotations

from secaudit.api import Facts, section
from secaudit.model.section import Section

from ..facts import Firewall
from .rendering import rendered


@section("Packet filter", requires=[Firewall])
def packet_filter(facts: Facts) -> Section | None:
    """Who reaches which service, and the way of packets through the chains."""
    return rendered(facts[Firewall])
