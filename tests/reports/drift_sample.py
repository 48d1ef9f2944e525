"""Changes of the invented customer's packet filters in October 2026, told by the family itself from two rulesets."""

from __future__ import annotations

from datetime import UTC, datetime

from secaudit.checks.firewall.facts import Firewall
from secaudit.checks.firewall.readers.nft.ruleset import read_nft_ruleset
from secaudit.checks.firewall.report.change import changed

from secaudit.model.change import HostChange, Obstacle
from tests.reports import sample

BEFORE = datetime(2026, 9, 30, 2, 10, tzinfo=UTC)
FIRST = datetime(2026, 10, 2, 2, 10, tzinfo=UTC)
AFTER = sample.STARTED
TITLE = "Rules of the packet filter"

RULES = (
    "ct state established,related accept",
    'iifname "lo" accept',
    'ip saddr 10.20.0.0/24 tcp dport 22 accept comment "administration"',
    "tcp dport { 80, 443 } accept",
    "udp dport 123 accept",
)


def filtered(*rules: str) -> Firewall:
    """A host that drops what no rule accepts."""
    head = "type filter hook input priority 0; policy drop;"
    text = "\n".join(["table inet filter {", "chain input {", head, *rules, "}", "}"])
    return Firewall(read_nft_ruleset(text, "nft -j list ruleset"), (), ())


def host_changes() -> tuple[HostChange, ...]:
    """One host that is more open, one as it was, one that nobody could look at, and one seen only lately."""
    opened = (*RULES[:4], 'tcp dport 5432 accept comment "for the migration, <b>Anna</b>"', RULES[4])
    closed = (*RULES[:3], "tcp dport 443 accept")

    def told(host: str, before: datetime, rules: tuple[str, ...]) -> HostChange:
        section = changed(filtered(*RULES), filtered(*rules))
        return HostChange(host, "firewall", TITLE, before, AFTER, section)

    return (
        told("fw2", BEFORE, opened),
        told("db1", BEFORE, RULES),
        told("web1", FIRST, closed),
        HostChange("print1", "firewall", TITLE, BEFORE, None, obstacle=Obstacle.NOT_SCANNED),
        HostChange(
            "backup1",
            "firewall",
            TITLE,
            BEFORE,
            AFTER,
            obstacle=Obstacle.UNREAD_AFTER,
            reason="`sudo /usr/sbin/nft -j list ruleset` was denied: sudo refused it",
        ),
    )
