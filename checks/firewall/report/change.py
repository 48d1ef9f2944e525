"""What changed in a packet filter between two scans: which packets fare otherwise now, and what was edited."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from secaudit.api import Unproven
from secaudit.model.section import Cell, Mark, Phrase, Section, Table, Text, told

from ..analysis.changes import Change, Changes, changes
from ..analysis.edits import Edit, EditKind, edits
from ..facts import Firewall
from ..path.trace import Fate
from ..rules.matches import InInterface, State
from ..rules.ruleset import Hook, Rule, Ruleset
from ..sets.expansion import TooManyPlacesError
from ..wording import place, short

MOST_PACKETS = 10
MOST_EDITS = 20
MOST_DOUBTS = 3

OPENED = "More open: packets are let through now that were refused before."
CLOSED = "More closed: packets are refused now that were let through before."
BOTH = "Partly more open, partly more closed: some packets are let through now, and some are not any more."
ELSEWHERE = "Neither more open nor more closed, but some packets are refused or translated in another way."
SAME = "Every packet fares as before."
OPEN_QUESTION = "Whether packets fare otherwise is not proven."

_EDITED = "Rules and elements of sets: {added} added, {removed} removed, {moved} moved, {changed} changed."
_TOOLS = "Written by tools such as Docker or fail2ban while they run: {count}."
_DOUBT = "Not proven: {what}."
_DOUBTS = "Not proven, besides: {count} more places."
_NOT_FOLLOWED = "the chains lead to each other too often to be followed"
_NOT_COMPARED = "what becomes of packets in the table {table}, which are not compared there"
_UNDECIDED = "what becomes of {packet}"

_PACKETS = "Packets that fare otherwise now, one of each kind"
_PACKETS_HEAD = ("What changed", "A packet that shows it", "Decided before by", "Decided now by")
_EDITS = "What was edited"
_EDITS_HEAD = ("Change", "Where", "Before", "Now")
_POLICY = "the chain's policy"

_FARED = "{packet} {before}, {after}"
_BEFORE = {
    Fate.ACCEPT: "was let through",
    Fate.DROP: "was dropped",
    Fate.REJECT: "was rejected",
    Fate.UNPROVEN: "had an end that is not proven",
}
_AFTER = {
    Fate.ACCEPT: "is let through now",
    Fate.DROP: "is dropped now",
    Fate.REJECT: "is rejected now",
    Fate.UNPROVEN: "has an end now that is not proven",
}
_TRANSLATED = "{packet} is translated in another way now"

_WAYS = {
    Hook.INPUT: ("{protocol} from {source}", "{protocol} from {source} to port {port}"),
    Hook.FORWARD: (
        "{protocol} from {source} through the host to {destination}",
        "{protocol} from {source} through the host to {destination}, port {port},",
    ),
    Hook.OUTPUT: (
        "{protocol} from the host to {destination}",
        "{protocol} from the host to {destination}, port {port},",
    ),
}
_OVER = "{address} over {interface}"
_ANYWHERE = "somewhere"

_KINDS = {
    EditKind.ADDED: ("added", Mark.MORE),
    EditKind.REMOVED: ("removed", Mark.LESS),
    EditKind.MOVED: ("moved", Mark.OTHER),
    EditKind.CHANGED: ("changed", Mark.OTHER),
}
_SETS = "its sets changed"
_RULE = "{chain}, rule {number}"
_RULES = "{chain}, rule {before} is rule {after} now"

SAYS = frozenset(
    {
        *(OPENED, CLOSED, BOTH, ELSEWHERE, SAME, OPEN_QUESTION, _EDITED, _TOOLS, _DOUBT, _DOUBTS, _NOT_FOLLOWED),
        *(_NOT_COMPARED, _UNDECIDED, _PACKETS, *_PACKETS_HEAD, _EDITS, *_EDITS_HEAD, _POLICY, _FARED, _TRANSLATED),
        *(*_BEFORE.values(), *_AFTER.values(), *(way for ways in _WAYS.values() for way in ways), _OVER, _ANYWHERE),
        *(*(word for word, _ in _KINDS.values()), _SETS, _RULE, _RULES),
    }
)
"""Every sentence of this section."""


def changed(before: Firewall, after: Firewall) -> Section | None:
    """The section about what changed; None where everything that was seen is as it was, and all was seen.

    Raises `Unproven` where nothing is seen to have changed, and something was not seen.
    """
    then, now = _seen_by_both(before, after)
    edited = () if before is after else edits(then.ruleset, now.ruleset)
    if edited or _order(then.ruleset) != _order(now.ruleset) or _unread(then) != _unread(now):
        return _section(then, now, edited)
    gap = next(iter((*after.gaps, *before.gaps)), None)
    if gap is not None:
        raise Unproven(gap.kind, gap.reason, gap.evidence)
    return None


def _seen_by_both(before: Firewall, after: Firewall) -> tuple[Firewall, Firewall]:
    """Both sides without tables that one side does not have and may not have seen."""

    def kept(side: Firewall, other: Firewall) -> Firewall:
        there = {(table.label, table.backend) for table in other.ruleset.tables}
        hidden = frozenset(family for gap in other.gaps for family in gap.families)
        tables = tuple(
            table
            for table in side.ruleset.tables
            if (table.label, table.backend) in there or not hidden or table.family.packets.isdisjoint(hidden)
        )
        return replace(side, ruleset=replace(side.ruleset, tables=tables))

    return kept(before, after), kept(after, before)


def _held_back(change: Change, before: Firewall, after: Firewall) -> Change | None:
    """The change as far as it is seen: what lets a packet through may be overruled where something was not seen."""
    fates = [
        Fate.UNPROVEN if fate is Fate.ACCEPT and side.gap(change.packet.family) is not None else fate
        for side, fate in ((before, change.before), (after, change.after))
    ]
    if fates == [Fate.UNPROVEN, Fate.UNPROVEN]:
        return None
    return replace(change, before=fates[0], after=fates[1])


def _order(ruleset: Ruleset) -> list[tuple[str, str]]:
    """Base chains in the order in which they were attached, which may decide where priorities do not."""
    return [(table.label, chain.name) for table in ruleset.tables for chain in table.chains if chain.base is not None]


def _unread(firewall: Firewall) -> list[tuple[str, str]]:
    return sorted((entry.why, entry.origin.excerpt) for entry in firewall.ruleset.unread)


@dataclass(frozen=True, slots=True)
class _Shown:
    """A change with the packets that show it: one for each family in which the same rules decide it."""

    change: Change
    packets: tuple[str, ...]

    @property
    def sure(self) -> bool:
        return Fate.UNPROVEN not in (self.change.before, self.change.after)

    @property
    def mark(self) -> Mark:
        if not self.sure:
            return Mark.UNSURE
        passed = self.change.before is Fate.ACCEPT, self.change.after is Fate.ACCEPT
        return {(False, True): Mark.MORE, (True, False): Mark.LESS}.get(passed, Mark.OTHER)


_ORDER = (Mark.MORE, Mark.LESS, Mark.OTHER, Mark.UNSURE)


def _section(before: Firewall, after: Firewall, edited: Sequence[Edit]) -> Section:
    doubts: list[Text] = []
    try:
        found = changes(before.ruleset, after.ruleset)
    except TooManyPlacesError:
        found = Changes((), ())
        doubts.append(Phrase(_NOT_FOLLOWED))
    seen = (_held_back(change, before, after) for change in found.found)
    shown = sorted(
        _shown(change for change in seen if change is not None),
        key=lambda one: (_ORDER.index(one.mark), *_unusual(one)[:1]),
    )
    doubts += [*found.unsure, *_gaps(before, after), *_aside(edited)]
    doubts += [Phrase(_UNDECIDED, (("packet", one.packets[0]),)) for one in shown if not one.sure][:1]
    by_tool = sorted(edited, key=lambda edit: edit.by_tool)
    tables = []
    if shown:
        rows = tuple(_packet_row(one) for one in shown[:MOST_PACKETS])
        tables.append(Table(Phrase(_PACKETS), _head(_PACKETS_HEAD), rows, len(shown) - len(rows)))
    if edited:
        rows = tuple(_edit_row(edit) for edit in by_tool[:MOST_EDITS])
        tables.append(Table(Phrase(_EDITS), _head(_EDITS_HEAD), rows, len(edited) - len(rows)))
    verdict, mark = _verdict(shown, doubts)
    return Section((Phrase(verdict), *_counts(edited), *_doubts(doubts)), tuple(tables), mark)


def _shown(found: Iterable[Change]) -> list[_Shown]:
    """The changes, those that read alike once, with the packet that is the most usual one."""

    def key(change: Change) -> tuple[str, ...]:
        rules = (rule.text if rule is not None else "" for rule in (change.rule_before, change.rule_after))
        return change.hook, change.before, change.after, *rules, change.becomes_before, change.becomes_after

    kinds: dict[tuple[str, ...], list[Change]] = {}
    for change in found:
        kinds.setdefault(key(change), []).append(change)
    by_sentence: dict[str, list[_Shown]] = {}
    for alike in kinds.values():
        first_of_family = (next(group) for _, group in groupby(alike, key=lambda change: change.packet.family))
        one = _Shown(alike[0], tuple(str(change.packet) for change in first_of_family))
        by_sentence.setdefault(told(_sentence(one.change), {}), []).append(one)
    return [min(same, key=_unusual) for same in by_sentence.values()]


def _unusual(one: _Shown) -> tuple[bool, int]:
    """How far the packet that shows a change is from an everyday one."""
    return one.change.packet.state is not State.NEW, len(one.packets[0])


def _gaps(before: Firewall, after: Firewall) -> Iterator[Phrase]:
    yield from dict.fromkeys(Phrase(gap.reason) for gap in (*before.gaps, *after.gaps))
    for entry in dict.fromkeys((*before.ruleset.unread, *after.ruleset.unread)):
        yield Phrase(f"{place(entry.origin)} {entry.why}: {short(entry.origin.excerpt)}")


def _aside(edited: Sequence[Edit]) -> Iterator[Phrase]:
    for label in dict.fromkeys(edit.spot.table.label for edit in edited if not edit.on_way):
        yield Phrase(_NOT_COMPARED, (("table", label),))


def _verdict(shown: Sequence[_Shown], doubts: Sequence[Text]) -> tuple[str, Mark]:
    marks = {one.mark for one in shown}
    if {Mark.MORE, Mark.LESS} <= marks:
        return BOTH, Mark.OTHER
    for mark, text in ((Mark.MORE, OPENED), (Mark.LESS, CLOSED)):
        if mark in marks:
            return text, mark
    if doubts:
        return OPEN_QUESTION, Mark.UNSURE
    return (ELSEWHERE, Mark.OTHER) if marks else (SAME, Mark.NONE)


def _counts(edited: Sequence[Edit]) -> Iterator[Phrase]:
    counts = {kind: sum(edit.kind is kind for edit in edited) for kind in EditKind}
    yield Phrase(_EDITED, tuple((kind.value, str(count)) for kind, count in counts.items()))
    by_tool = sum(edit.by_tool for edit in edited)
    if by_tool:
        yield Phrase(_TOOLS, (("count", str(by_tool)),))


def _doubts(doubts: Sequence[Text]) -> Iterator[Phrase]:
    for doubt in doubts[:MOST_DOUBTS]:
        yield Phrase(_DOUBT, (("what", doubt),))
    if len(doubts) > MOST_DOUBTS:
        yield Phrase(_DOUBTS, (("count", str(len(doubts) - MOST_DOUBTS)),))


def _head(words: Sequence[str]) -> tuple[Phrase, ...]:
    return tuple(map(Phrase, words))


def _packet_row(one: _Shown) -> tuple[Cell, ...]:
    change = one.change
    sides: tuple[Text, Text] = change.becomes_before, change.becomes_after
    if not change.becomes_after:
        sides = _rule(change.rule_before), _rule(change.rule_after)
    return (Cell(_sentence(change), one.mark), Cell("; ".join(one.packets)), *map(Cell, sides))


def _sentence(change: Change) -> Phrase:
    packet = _packet(change)
    if change.becomes_after:
        return Phrase(_TRANSLATED, (("packet", packet),))
    ends = ("before", Phrase(_BEFORE[change.before])), ("after", Phrase(_AFTER[change.after]))
    return Phrase(_FARED, (("packet", packet), *ends))


def _rule(rule: Rule | None) -> Text:
    return Phrase(_POLICY) if rule is None else rule.text


def _packet(change: Change) -> Phrase:
    """A packet in the words of people; all of it is told beside."""
    packet = change.packet
    source: Text = Phrase(_ANYWHERE) if packet.source is None else str(packet.source)
    asked = [match for rule in (change.rule_before, change.rule_after) if rule is not None for match in rule.matches]
    if packet.in_interface and any(isinstance(match, InInterface) for match in asked):
        source = Phrase(_OVER, (("address", source), ("interface", packet.in_interface)))
    target: Text = Phrase(_ANYWHERE) if packet.destination is None else str(packet.destination)
    plain, with_port = _WAYS[packet.hook]
    known = packet.state is None or packet.state is State.NEW
    protocol = packet.protocol_name if known else f"{packet.protocol_name} ({packet.state})"
    ends = ("protocol", protocol), ("source", source), ("destination", target)
    if packet.destination_port is None:
        return Phrase(plain, ends)
    return Phrase(with_port, (*ends, ("port", str(packet.destination_port))))


def _edit_row(edit: Edit) -> tuple[Cell, ...]:
    word, mark = _KINDS[edit.kind]
    if edit.kind is EditKind.CHANGED and edit.before == edit.after:
        word = _SETS
    return Cell(Phrase(word), mark), Cell(_where(edit)), Cell(edit.before), Cell(edit.after)


def _where(edit: Edit) -> Text:
    spot = edit.spot
    chain = f"{spot.table.label} {spot.chain}".rstrip()
    if not spot.index:
        return chain
    if edit.kind is EditKind.MOVED and edit.origin is not None and edit.place is not None:
        places = ("before", str(edit.origin.index)), ("after", str(edit.place.index))
        return Phrase(_RULES, (("chain", chain), *places))
    return Phrase(_RULE, (("chain", chain), ("number", str(spot.index))))
