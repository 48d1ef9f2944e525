"""Rules that test whether the way back to a packet's source leads through the interface that it came in through."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from ..rules.matches import KnownCondition, Match
from ..rules.ruleset import Chain, Rule, Ruleset, Table


def as_forged(ruleset: Ruleset) -> Ruleset:
    """The ruleset as packets see it whose way back leads through another interface: what asks for that holds."""

    def forged(rules: Iterable[Rule]) -> Iterator[Rule]:
        for rule in rules:
            yield replace(rule, matches=tuple(match for match in rule.matches if not _fails(match)))

    return _changed(ruleset, forged)


def as_honest(ruleset: Ruleset) -> Ruleset:
    """The ruleset as packets see it whose way back leads through the same interface: what asks for others is void."""

    def honest(rules: Iterable[Rule]) -> Iterator[Rule]:
        yield from (rule for rule in rules if not any(map(_fails, rule.matches)))

    return _changed(ruleset, honest)


def _changed(ruleset: Ruleset, change: Callable[[Iterable[Rule]], Iterator[Rule]]) -> Ruleset:
    def chain(found: Chain) -> Chain:
        if not any(_fails(match) for rule in found.rules for match in rule.matches):
            return found
        return replace(found, rules=tuple(change(found.rules)))

    def table(found: Table) -> Table:
        return replace(found, chains=tuple(map(chain, found.chains)))

    return replace(ruleset, tables=tuple(map(table, ruleset.tables)))


def _fails(match: Match) -> bool:
    """Whether the condition holds for exactly the packets whose way back leads through another interface, or nowhere.

    A loose test asks for any way back, as does nft's without the interface among the keys.
    """
    if not isinstance(match, KnownCondition):
        return False
    words = match.text.split()
    if match.kind == "rpfilter":
        return "--invert" in words and "--loose" not in words
    return match.kind == "reverse path" and words[:2] == ["fib", "saddr"] and "iif" in words
