"""What the analysis predicts, against what the kernel did: the fate of every packet and the counter of every rule."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from secaudit.model.observation import Fate as Seen
from secaudit.model.observation import Observation, RuleCount

from ..path.trace import Fate, Trace
from ..path.tracer import Tracer
from ..rules.matches import Address
from ..rules.packet import Packet
from ..rules.ruleset import Hook, Rule, Ruleset


@dataclass(frozen=True, slots=True)
class WrongFate:
    """A packet of which the kernel made something else than predicted."""

    packet: Packet
    predicted: Trace
    seen: Seen

    def __str__(self) -> str:
        return f"{self.packet}: predicted {self.predicted.fate}, the kernel: {self.seen}"


@dataclass(frozen=True, slots=True)
class WrongCount:
    """A rule that met more or fewer packets than it was predicted to: at least `least`, at most `most`."""

    rule: Rule
    seen: RuleCount
    least: int
    most: int

    def __str__(self) -> str:
        at = f"{self.seen.table} {self.seen.chain} rule {self.seen.index}"
        predicted = f"{self.least}" if self.least == self.most else f"{self.least} to {self.most}"
        return f"{at} `{self.rule.text}`: predicted {predicted} packets, the kernel counted {self.seen.packets}"


Mismatch = WrongFate | WrongCount


@dataclass(frozen=True, slots=True)
class Comparison:
    """The outcome: how many packets met their predicted fate, how many were not decided, and all that differs.

    `unsent` says for every packet that the kernel was not asked about why, `rules` how many counters were compared.
    """

    agreed: int
    undecided: int
    unsent: tuple[str, ...]
    rules: int
    mismatches: tuple[Mismatch, ...]


def compare(
    ruleset: Ruleset, packets: Sequence[Packet], observation: Observation, unsent: tuple[str, ...] = ()
) -> Comparison:
    """Compare predictions for packets (`with_addresses_known`) with what was observed for them, in the same order.

    A rejection counts as a drop of which the sender may be told: the kernel answers no error with an error. Counters
    are bounded by the packets that surely meet a rule and those that perhaps do. The addresses that
    the host has are those of `Witness.observe`, for a destination that is translated into one of them.
    """
    tracers = {hook: Tracer(ruleset, _own(packets, hook)) for hook in (Hook.INPUT, Hook.FORWARD, Hook.OUTPUT)}
    wrong: list[Mismatch] = []
    agreed = undecided = 0
    least: dict[int, int] = {}
    perhaps: dict[int, int] = {}
    for packet, seen in zip(packets, observation.fates, strict=True):
        if seen is None:
            continue
        trace = tracers[packet.hook].trace(packet)
        for step in trace.steps:
            counts = least if step.certain else perhaps
            counts[id(step.rule)] = counts.get(id(step.rule), 0) + 1
        if not _possible(trace, seen):
            wrong.append(WrongFate(packet, trace, seen))
        elif trace.fate is Fate.UNPROVEN:
            undecided += 1
        else:
            agreed += 1
    compared = list(_counted(ruleset, observation.counters))
    for rule, count in compared:
        low = least.get(id(rule), 0)
        high = low + perhaps.get(id(rule), 0)
        if not low <= count.packets <= high:
            wrong.append(WrongCount(rule, count, low, high))
    return Comparison(agreed, undecided, unsent, len(compared), tuple(wrong))


def _own(packets: Sequence[Packet], hook: Hook) -> frozenset[Address]:
    """The host's addresses while packets of the hook are sent."""
    ends = {
        Hook.INPUT: [packet.destination for packet in packets if packet.hook is hook],
        Hook.OUTPUT: [packet.source for packet in packets if packet.hook is hook],
    }.get(hook, [])
    return frozenset(end for end in ends if end is not None)


def _possible(trace: Trace, seen: Seen) -> bool:
    match seen:
        case Seen.REJECTED:
            return Fate.REJECT in trace.possible
        case Seen.DROPPED:
            return bool({Fate.DROP, Fate.REJECT} & trace.possible)
        case Seen.RECEIVED:
            return Fate.ACCEPT in trace.possible and trace.packet.hook is Hook.INPUT
        case Seen.SENT:
            return Fate.ACCEPT in trace.possible and trace.packet.hook is not Hook.INPUT


def _counted(ruleset: Ruleset, counters: Iterable[RuleCount]) -> Iterable[tuple[Rule, RuleCount]]:
    chains = {(table.label, chain.name): chain for table in ruleset.tables for chain in table.chains}
    for count in counters:
        chain = chains.get((count.table, count.chain))
        if chain is not None and count.index < len(chain.rules):
            yield chain.rules[count.index], count
