"""The table that watches a ruleset from both ends.

First on the way its chains count the probe's packets, and drop what the host itself sends because of them after logging
a rejection. Last on the way they log the probe's packets and drop them: just before NF_IP_PRI_CONNTRACK_CONFIRM, where
connection tracking would learn a connection, so no packet changes what becomes of the next.
"""

from __future__ import annotations

from secaudit.probe.protocol import TRACKED, UNTRACKED

WITNESS = "secaudit_witness"
LOG_GROUP = 5002
"""The nflog group for packets that passed, and for rejections on the output hook."""

COUNTERS = ("entered", "routed", "arrived", "passed", "rejected")
"""The probe's packets before everything, after prerouting, before input and forward, and at the end; rejections."""

_FIRST, _LAST = -(1 << 31), (1 << 31) - 2
_LOG = f"log group {LOG_GROUP} queue-threshold 64"
_OURS = f"{{ {TRACKED}, {UNTRACKED} }}"


_SENT_BY_US = "meta skuid 0 "
"""What the probe sends through the stack has a socket with an owner; what the kernel answers by itself has none.

A kernel's own answers number their packets too, and sooner or later with the numbers of the probe.
"""


def _chain(hook: str, priority: int, target: str, *others: str, sender: str = "") -> str:
    rules = (f"{sender}ip id {_OURS} goto {target}", f"{sender}ip6 flowlabel {_OURS} goto {target}", *others)
    name = f"{'first' if priority < 0 else 'last'}_{hook}"
    return f"chain {name} {{ type filter hook {hook} priority {priority}; {'; '.join(rules)}; }}"


TABLE = "\n".join(
    [
        f"table inet {WITNESS} {{",
        *(f"counter {name} {{ }}" for name in COUNTERS),
        f"chain enters {{ counter name entered; ip id {UNTRACKED} notrack; ip6 flowlabel {UNTRACKED} notrack; }}",
        "chain leaves_prerouting { counter name routed; }",
        "chain arrives { counter name arrived; }",
        f"chain passes {{ counter name passed; {_LOG}; drop; }}",
        f"chain rejects {{ counter name rejected; {_LOG}; drop; }}",
        _chain("prerouting", _FIRST, "enters"),
        _chain("prerouting", _LAST, "leaves_prerouting"),
        _chain("input", _FIRST, "arrives"),
        _chain("forward", _FIRST, "arrives"),
        _chain(
            "output",
            _FIRST,
            "enters",
            "tcp flags & rst == rst goto rejects",
            "icmp type destination-unreachable goto rejects",
            "icmpv6 type destination-unreachable goto rejects",
            "drop",
            sender=_SENT_BY_US,
        ),
        _chain("input", _LAST, "passes", "drop"),
        _chain("postrouting", _LAST, "passes", "drop"),
        "}",
        "",
    ]
)
