"""Where a scan may look better without an answer, and why. An exemption that nothing needs any more fails a test."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from secaudit.checks.firewall import collect as firewall
from secaudit.checks.patch.readers.running import GROUPS, MAPS, NAMESPACES
from secaudit.checks.resilience.collect import CHRONY

from secaudit.api import Outcome, Request
from tests.degradation.judging import AS_MANY, Improvement


@dataclass(frozen=True, slots=True)
class Exemption:
    """Improvements without one of `requests` that `holds` is true of; `ways` are the only ways it is about, if any."""

    why: str
    requests: frozenset[Request]
    holds: Callable[[Improvement], bool]
    ways: frozenset[str] = frozenset()

    def covers(self, request: Request, way: str, found: Improvement) -> bool:
        """Whether this is about that."""
        return request in self.requests and (not self.ways or way in self.ways) and self.holds(found)


EXEMPTIONS = (
    Exemption(
        "IPv6 counts as on unless it is proven off. Then more is judged, and what passes is proven by the rules.",
        frozenset({firewall.PROC_NET, firewall.IPV6_ADDRESSES, firewall.DISABLE_IPV6}),
        lambda found: "ipv6" in found.subject.lower() and found.was in (None, Outcome.NOT_APPLICABLE),
    ),
    Exemption(
        "Where iptables-save is not installed, nft lists the same rules in its own words: a finding goes on under "
        "another name, and as many stay open.",
        frozenset({firewall.IPTABLES, firewall.IP6TABLES}),
        lambda found: found.now is None and found.why == AS_MANY,
        frozenset({"not installed"}),
    ),
    Exemption(
        "A host without chrony follows servers by other means, and systemd knows whether its clock is disciplined. "
        "Any other trouble with chronyc leaves it open.",
        frozenset({CHRONY}),
        lambda found: found.check == "resilience.time-sync",
        frozenset({"not installed"}),
    ),
    Exemption(
        "find and grep end with an error whenever a process ended in the meantime, as on every host, so that of a list "
        "of processes nothing tells that it is half of one. The transport tells when it was cut or took too long.",
        frozenset({MAPS, NAMESPACES, GROUPS}),
        lambda found: found.check == "patch.deleted-libraries",
        frozenset(f"the first half, then an error, exit {code}" for code in (0, 1, 2)),
    ),
)
"""Every one that there is."""
