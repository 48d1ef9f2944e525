"""What conditions beyond addresses, ports and states come to for plain packets.

They have no extension headers, and come in where the way back to their source begins.
"""

from __future__ import annotations

from dataclasses import replace

from . import numbers
from .matches import KnownCondition, Match
from .ruleset import Rule, Ruleset

_EXTENSIONS = frozenset({"rt", "hbh", "dst", "frag", "mh", "srh", "ipv6header"})
"""Kinds of `KnownCondition` that ask for an extension header (RFC 8200): nft(8), iptables-extensions(8)."""

IPSEC = {"esp": numbers.ESP, "ah": numbers.AH}
"""Kinds that ask for the index of a security association, and the protocols that have one (RFC 4301)."""

_ASTRAY = frozenset({"reverse path", "rpfilter"})
"""Kinds that hold for packets whose source is not found behind the interface that they come in by."""

_TRANSLATED = frozenset({"ct status dnat", "--ctstate DNAT"})
"""Conditions on the connection's destination having been translated."""


def of_extension(match: Match) -> bool:
    """Whether only packets with an extension header meet the condition."""
    return isinstance(match, KnownCondition) and match.kind in _EXTENSIONS


def of_translated(match: Match) -> bool:
    """Whether exactly the packets of connections whose destination was translated meet the condition."""
    return isinstance(match, KnownCondition) and match.text in _TRANSLATED


def _of_ipsec(match: Match) -> bool:
    return isinstance(match, KnownCondition) and match.kind in IPSEC


def _astray(match: Match) -> bool:
    return isinstance(match, KnownCondition) and match.kind in _ASTRAY


def for_connections(ruleset: Ruleset, *, translated: bool) -> Ruleset:
    """The rules that plain packets of new connections may meet, which are translated or not, without such conditions.

    What is left of a rule keeps its place; rules that such packets cannot meet are not there.
    """
    tables = []
    for table in ruleset.tables:
        chains = []
        for chain in table.chains:
            rules = [kept for rule in chain.rules if (kept := _kept(rule, translated)) is not None]
            same = len(rules) == len(chain.rules) and all(map(_is, rules, chain.rules))
            chains.append(chain if same else replace(chain, rules=tuple(rules)))
        same = all(map(_is, chains, table.chains))
        tables.append(table if same else replace(table, chains=tuple(chains)))
    return ruleset if all(map(_is, tables, ruleset.tables)) else replace(ruleset, tables=tuple(tables))


def _is(one: object, other: object) -> bool:
    return one is other


def _kept(rule: Rule, translated: bool) -> Rule | None:
    if any(of_extension(match) or _of_ipsec(match) or _astray(match) for match in rule.matches):
        return None
    if not any(of_translated(match) for match in rule.matches):
        return rule
    if not translated:
        return None
    return replace(rule, matches=tuple(match for match in rule.matches if not of_translated(match)))
