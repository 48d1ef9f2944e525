"""What was edited between two rulesets, rule by rule; what edits mean for packets is told by `changes`."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import groupby

from ..rules.generated import written_by_tool
from ..rules.owner import running_tool
from ..rules.ruleset import Base, Chain, Hook, NamedSet, Rule, Ruleset, Table, TableFamily

ALIKE = 0.6
"""The share of words that both have from which on a rule in the place of another one is that one, changed."""

MOST_COMPARED = 400
"""Pairs of rules in one place that are held against each other; where there are more, all are other rules."""

MOST_PAIRS = 200_000
"""Pairs of rules that say the same for which the least edit is found; if there are more, first go with first."""

MOST_ELEMENTS = 8
"""Elements of a set that are named."""


_LONGEST = 1000
"""Characters of a rule that are looked at to find it similar."""

_WORD = re.compile(r"[^\s{},]+")


class EditKind(StrEnum):
    """What was done."""

    ADDED = "added"
    REMOVED = "removed"
    MOVED = "moved"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class Spot:
    """Where something stands: the number of the rule in its chain, counted from 1; 0 for the chain or set itself."""

    table: Table
    chain: str
    index: int = 0


@dataclass(frozen=True, slots=True)
class Edit:
    """One edit: what stood at `origin` before, and what stands at `place` now, in the syntax of its tool.

    `origin` and `before` are None and empty where something was added, `place` and `after` where it was removed. Where
    both texts are the same and nothing moved, the sets that the text names hold something else.
    """

    kind: EditKind
    origin: Spot | None
    place: Spot | None
    before: str
    after: str

    @property
    def spot(self) -> Spot:
        """Where to look for it, or to have looked."""
        found = self.place or self.origin
        assert found is not None
        return found

    @property
    def by_tool(self) -> bool:
        """Whether a tool (such as Docker or fail2ban) writes there by itself."""
        table, name = self.spot.table, self.spot.chain
        if running_tool(table.label) or running_tool(name):
            return True
        chain = table.chain(name)
        if chain is not None:
            return written_by_tool(table, chain)
        return any(one.dynamic for one in table.sets if one.name == name)

    @property
    def on_way(self) -> bool:
        """Whether it is on the way of IP packets through prerouting, input, forward, output and postrouting."""
        table = self.spot.table
        if table.family in (TableFamily.ARP, TableFamily.BRIDGE, TableFamily.NETDEV):
            return False
        return not any(chain.base is not None and chain.base.hook in _EDGES for chain in table.chains)


_EDGES = (Hook.INGRESS, Hook.EGRESS)


def edits(before: Ruleset, after: Ruleset) -> tuple[Edit, ...]:
    """What was added, removed, moved and changed, chain by chain. Counters, handles and line numbers do not count."""
    old, new = _tables(before), _tables(after)
    found: list[Edit] = []
    for key in dict.fromkeys((*new, *old)):
        found += _in_table(old.get(key), new.get(key))
    return tuple(found)


def _tables(ruleset: Ruleset) -> dict[tuple[str, str], Table]:
    return {(table.label, table.backend): table for table in ruleset.tables}


def _in_table(old: Table | None, new: Table | None) -> Iterator[Edit]:
    before = old or replace(_some(new), chains=(), sets=(), dormant=False)
    after = new or replace(_some(old), chains=(), sets=(), dormant=False)
    dormant = ("flags dormant" if table.dormant else "" for table in (before, after))
    yield from _texts(Spot(before, ""), Spot(after, ""), next(dormant), next(dormant))
    chains = {chain.name: chain for chain in before.chains}, {chain.name: chain for chain in after.chains}
    for name in dict.fromkeys((*chains[1], *chains[0])):
        then, now = (side.get(name) for side in chains)
        heads = (_head(chain.base) if chain is not None and chain.base is not None else "" for chain in (then, now))
        yield from _texts(Spot(before, name), Spot(after, name), next(heads), next(heads))
        yield from _in_chain(name, (before, then), (after, now))
    sets = {one.name: one for one in before.sets}, {one.name: one for one in after.sets}
    for name in dict.fromkeys((*sets[1], *sets[0])):
        gone, come = _elements(sets[0].get(name), sets[1].get(name))
        yield from _texts(Spot(before, name), Spot(after, name), gone, "")
        yield from _texts(Spot(before, name), Spot(after, name), "", come)


def _some(table: Table | None) -> Table:
    assert table is not None
    return table


def _head(base: Base) -> str:
    """A base chain as nft(8) declares it."""
    devices = f" devices = {{ {', '.join(base.devices)} }}" if base.devices else ""
    return f"type {base.type} hook {base.hook}{devices} priority {base.priority}; policy {base.policy};"


def _texts(origin: Spot, place: Spot, before: str, after: str) -> Iterator[Edit]:
    """The edit of one text that stands for itself, if it is one."""
    if before != after:
        kind = EditKind.CHANGED if before and after else EditKind.ADDED if after else EditKind.REMOVED
        yield Edit(kind, origin if before else None, place if after else None, before, after)


def _elements(old: NamedSet | None, new: NamedSet | None) -> tuple[str, str]:
    """The elements that went and those that came, as nft(8) deletes and adds them."""
    sides = [dict.fromkeys(one.elements) if one is not None else {} for one in (old, new)]
    name = (old or new or NamedSet("", (), (), dynamic=False)).name
    gone = [element for element in sides[0] if element not in sides[1]]
    come = [element for element in sides[1] if element not in sides[0]]
    return _element_text(name, gone), _element_text(name, come)


def _element_text(name: str, elements: Sequence[str]) -> str:
    if not elements:
        return ""
    left = len(elements) - MOST_ELEMENTS
    shown = [*elements[:MOST_ELEMENTS], *([f"… (+{left})"] if left > 0 else [])]
    return f"element {name} {{ {', '.join(shown)} }}"


def _in_chain(name: str, old: tuple[Table, Chain | None], new: tuple[Table, Chain | None]) -> Iterator[Edit]:
    (before, then), (after, now) = old, new
    one = then.rules if then is not None else ()
    other = now.rules if now is not None else ()
    stayed, moved = _pairs(one, other)
    paired = sorted(stayed | moved)
    for kind, first, second in (
        *((EditKind.MOVED, first, second) for first, second in sorted(moved)),
        *_replaced(one, other, paired, stayed),
        *((EditKind.CHANGED, first, second) for first, second in paired if not _same(one[first], other[second])),
    ):
        yield Edit(
            kind,
            None if first is None else Spot(before, name, first + 1),
            None if second is None else Spot(after, name, second + 1),
            "" if first is None else one[first].text,
            "" if second is None else other[second].text,
        )


def _said(rule: Rule) -> tuple[str, str]:
    return rule.text, rule.comment


def _same(one: Rule, other: Rule) -> bool:
    """Whether rules of the same text mean the same, with the elements of the sets that they name."""
    return one is other or (one.matches, one.verdict, one.statements) == (
        other.matches,
        other.verdict,
        other.statements,
    )


def _pairs(before: Sequence[Rule], after: Sequence[Rule]) -> tuple[set[tuple[int, int]], set[tuple[int, int]]]:
    """The places of rules that say the same: those that stayed in order, and those that moved past them."""
    places: dict[tuple[str, str], list[int]] = defaultdict(list)
    for at, rule in enumerate(after):
        places[_said(rule)].append(at)
    alike = [places.get(_said(rule), []) for rule in before]
    if sum(map(len, alike)) <= MOST_PAIRS:
        candidates = [(first, second) for first, seconds in enumerate(alike) for second in reversed(seconds)]
    else:
        candidates = _in_turn(range(len(before)), before, range(len(after)), after)
    stayed = _longest(candidates)
    left = sorted(set(range(len(before))) - {first for first, _ in stayed})
    right = sorted(set(range(len(after))) - {second for _, second in stayed})
    return stayed, set(_in_turn(left, before, right, after))


def _in_turn(
    left: Iterable[int], before: Sequence[Rule], right: Iterable[int], after: Sequence[Rule]
) -> list[tuple[int, int]]:
    """Places of rules that say the same; of several alike the first goes with the first."""
    waiting: Mapping[tuple[str, str], deque[int]] = defaultdict(deque)
    for at in right:
        waiting[_said(after[at])].append(at)
    return [(at, waiting[_said(before[at])].popleft()) for at in left if waiting.get(_said(before[at]))]


def _longest(pairs: Sequence[tuple[int, int]]) -> set[tuple[int, int]]:
    """As many pairs as can be that are in the same order on both sides.

    With all pairs, of one place before those with the last place after first, that is a longest common subsequence
    (Hunt and Szymanski, 1977): a longest strictly increasing subsequence of the places after.
    """
    ends: list[int] = []
    last: list[int] = []
    previous: list[int] = []
    for number, (_, second) in enumerate(pairs):
        at = bisect_left(ends, second)
        previous.append(last[at - 1] if at else -1)
        ends[at : at + 1], last[at : at + 1] = [second], [number]
    kept = set()
    at = last[-1] if last else -1
    while at >= 0:
        kept.add(pairs[at])
        at = previous[at]
    return kept


def _replaced(
    before: Sequence[Rule], after: Sequence[Rule], paired: Sequence[tuple[int, int]], stayed: set[tuple[int, int]]
) -> Iterator[tuple[EditKind, int | None, int | None]]:
    """Rules that came and went; one that came into the place of a similar one is that one, changed."""
    gone = _by_gap(set(range(len(before))) - {first for first, _ in paired}, sorted(first for first, _ in stayed))
    come = _by_gap(set(range(len(after))) - {second for _, second in paired}, sorted(second for _, second in stayed))
    for gap in sorted({*gone, *come}):
        left, right = gone.get(gap, []), deque(come.get(gap, []))
        for first in left:
            found = None
            if len(left) * len(come.get(gap, [])) <= MOST_COMPARED:
                found = next((second for second in right if _alike(before[first], after[second])), None)
            if found is None:
                yield EditKind.REMOVED, first, None
            else:
                right.remove(found)
                yield EditKind.CHANGED, first, found
        yield from ((EditKind.ADDED, None, second) for second in right)


def _by_gap(places: Iterable[int], kept: Sequence[int]) -> dict[int, list[int]]:
    """Places by how many of the rules that stayed are before them."""
    return {gap: list(group) for gap, group in groupby(sorted(places), key=lambda at: bisect_left(kept, at))}


def _alike(one: Rule, other: Rule) -> bool:
    words, others = (Counter(_WORD.findall(rule.text[:_LONGEST])) for rule in (one, other))
    return 2 * (words & others).total() >= ALIKE * (words.total() + others.total())
