"""Rulesets that many tests start from, and the firewall of a host that has one."""

from __future__ import annotations

from typing import Any

from secaudit.checks.firewall.facts import Firewall, Source
from secaudit.checks.firewall.readers.iptables.save import read_iptables_save
from secaudit.checks.firewall.review_facts import exposure, review
from secaudit.checks.firewall.rules.ruleset import Ruleset, TableFamily

from secaudit.api import Check, Evidence, Verdict
from tests.checks.firewall.judging_ipv6 import OFF
from tests.checks.judging import collect, facts, judge

EVIDENCE = Evidence("iptables-save -c", 0, None, "")

HARDENED = (
    "-A INPUT -i lo -j ACCEPT",
    "-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
    "-A INPUT -m conntrack --ctstate INVALID -j DROP",
    '-A INPUT -s 10.20.0.0/24 -p tcp -m tcp --dport 22 -m comment --comment "ops: administration" -j ACCEPT',
    '-A INPUT -p tcp -m tcp --dport 443 -m comment --comment "shop: web" -j ACCEPT',
    "-A INPUT -m limit --limit 5/min -j LOG",
)

CLEAN = """table inet filter {
  set admins { type ipv4_addr; flags interval; elements = { 10.20.0.0/24, 10.21.0.7 } }
  chain input { type filter hook input priority filter; policy drop;
    iif "lo" accept
    ct state vmap { established : accept, related : accept, invalid : drop }
    icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-advert } accept
    icmp type echo-request limit rate 5/second accept
    ip saddr @admins tcp dport 22 accept
    tcp dport { 80, 443 } accept
    limit rate 5/minute log prefix "dropped: "
  }
  chain forward { type filter hook forward priority filter; policy drop; }
  chain output { type filter hook output priority filter; policy accept; }
}
"""


def ruleset(*lines: str, policy: str = "DROP", chains: str = "", more: str = "") -> Ruleset:
    """The filter table of iptables-save with these rules, further `chains` by name, and `more` tables before it."""
    heads = [f":INPUT {policy} [0:0]", f":FORWARD {policy} [0:0]", ":OUTPUT ACCEPT [0:0]"]
    heads += [f":{name} - [0:0]" for name in chains.split()]
    return read_iptables_save("\n".join([more, "*filter", *heads, *lines, "COMMIT", ""]), TableFamily.IP, "file")


def firewall(*lines: str) -> Firewall:
    """The firewall of a host with these rules of iptables-save."""
    return Firewall(ruleset(*lines), (), (Source("iptables-save -c", "tables: 1", EVIDENCE),))


def reviewed(check: Check, fact: Firewall, expect: dict[str, Any] | None = None) -> list[Verdict]:
    """What a check says that rests on exact analysis, on a host without IPv6."""
    known = facts(fact)
    derived = [collect(review, known=known), collect(exposure, known=known)]
    return judge(check, expect or {}, fact, OFF, *derived)
