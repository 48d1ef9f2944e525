"""What the rules of a listed ruleset have counted."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from secaudit.model.observation import RuleCount, RulesetText, Syntax

_SAVED_RULE = re.compile(r"\[(\d+):\d+\] -A (\S+)")
_CONDITIONS = ("match", "vmap", "mangle")  # a change leaves the rule where what it writes to, or reads, is missing
_FAMILY = {
    Syntax.IPTABLES: "ip",
    Syntax.IPTABLES_LEGACY: "ip",
    Syntax.IP6TABLES: "ip6",
    Syntax.IP6TABLES_LEGACY: "ip6",
}


def rule_counts(listing: RulesetText) -> Iterator[RuleCount]:
    """The counters of a listing: `nft -j list ruleset`, or `save -c` of an iptables tool.

    Rules without a counter of their own are left out; sets have none.
    """
    if listing.syntax is Syntax.IPSET:
        return
    if listing.syntax is Syntax.NFT_JSON:
        yield from _listed(listing.text)
    else:
        yield from _saved(listing.text, _FAMILY[listing.syntax])


def _listed(text: str) -> Iterator[RuleCount]:
    """libnftables-json(5): a rule's counter is one of its expressions.

    One in front of a condition has not counted what the rule meets, a named one may belong to several rules.
    """
    seen: dict[tuple[str, str], int] = {}
    for entry in json.loads(text)["nftables"]:
        rule = entry.get("rule")
        if rule is None:
            continue
        table, chain = f"{rule['family']} {rule['table']}", rule["chain"]
        index = seen[table, chain] = seen.get((table, chain), -1) + 1
        packets: int | None = None
        # What libnftables has no JSON for it writes as text: a jump to a chain without a name.
        for expression in (part for part in rule["expr"] if isinstance(part, dict)):
            if isinstance(own := expression.get("counter"), dict):
                packets = own["packets"]
            elif not expression.keys().isdisjoint(_CONDITIONS):
                packets = None
        if packets is not None:
            yield RuleCount(table, chain, index, packets)


def _saved(text: str, family: str) -> Iterator[RuleCount]:
    table = ""
    seen: dict[tuple[str, str], int] = {}
    for line in text.split("\n"):
        if line.startswith("*"):
            table = f"{family} {line[1:]}"
        elif found := _SAVED_RULE.match(line):
            chain = found[2]
            index = seen[table, chain] = seen.get((table, chain), -1) + 1
            yield RuleCount(table, chain, index, int(found[1]))
