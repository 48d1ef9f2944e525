"""One ruleset out of several listings of the same kernel, with each table and rule counted once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..rules.matches import KnownCondition, Match, Sometimes, Unmodelled
from ..rules.ruleset import Backend, Chain, Rule, Ruleset, Table, TableFamily, Unread
from .nft.listing import EXTENSION


def merge(nft: Ruleset | None, saves: Sequence[Ruleset]) -> Ruleset:
    """Merge the listing of nft (None when there is none) with those of the iptables tools.

    Legacy tables are added. A table that iptables keeps in nf_tables is in both listings: nft knows all its chains
    and rules, iptables-save the meaning of its extensions.
    """
    saved = [table for save in saves for table in save.tables]
    shared = {(table.family, table.name): table for table in saved if _modern(table)}
    listed = nft.tables if nft else ()
    tables = [_explained(table, shared.pop((table.family, table.name), None)) for table in listed]
    tables += shared.values()
    tables += [table for table in saved if not _modern(table)]
    unread = [entry for save in saves for entry in save.unread if not _about_nft_rules(entry)]
    return Ruleset(tuple(tables), (*(nft.unread if nft else ()), *unread))


def has_extensions(ruleset: Ruleset, family: TableFamily) -> bool:
    """Whether nft's listing holds extensions of iptables in tables of the family, which only iptables-save explains."""
    return any(_has_extension(rule) for table, _, rule in ruleset.rules if table.family is family)


def _modern(table: Table) -> bool:
    return table.backend is Backend.NF_TABLES


def _about_nft_rules(entry: Unread) -> bool:
    """iptables-save says in a comment that nft shows more; whether nft was asked is known without it."""
    return entry.origin.excerpt.startswith("#")


def _explained(table: Table, saved: Table | None) -> Table:
    if saved is None or table.family not in (TableFamily.IP, TableFamily.IP6):
        return table
    return replace(table, chains=tuple(_explained_chain(chain, saved.chain(chain.name)) for chain in table.chains))


def _explained_chain(chain: Chain, saved: Chain | None) -> Chain:
    """Rules correspond by position. Where the counts differ the listings are of different moments: nft's stands."""
    if saved is None or len(saved.rules) != len(chain.rules):
        return chain
    rules = tuple(map(_explained_rule, chain.rules, saved.rules))
    base = replace(chain.base, counter=saved.base.counter) if chain.base and saved.base else chain.base
    return replace(chain, base=base, rules=rules, origin=saved.origin)


def _explained_rule(rule: Rule, saved: Rule) -> Rule:
    """iptables-save's reading where nft shows an extension, or where both agree; else nft's.

    iptables-save leaves out what it does not know of a rule that another tool put into its table.
    """
    if _has_extension(rule) or _same(rule, saved):
        return replace(saved, handle=rule.handle)
    return rule


def _has_extension(rule: Rule) -> bool:
    return any(isinstance(match, Unmodelled) and match.text.startswith(EXTENSION) for match in rule.matches)


def _same(one: Rule, other: Rule) -> bool:
    return set(map(_comparable, one.matches)) == set(map(_comparable, other.matches)) and one.verdict == other.verdict


def _comparable(match: Match) -> object:
    """Conditions of which only the text is known are compared by kind: each tool has its own syntax."""
    return (type(match), match.kind) if isinstance(match, Sometimes | KnownCondition) else match
