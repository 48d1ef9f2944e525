"""The check of base chains that see the same packets: what the order of hooks and priorities makes of their rules."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from secaudit.api import Facts, Severity, Verdict, check, failed

from ..analysis.acceptance import MOST, Acceptance, accepted_by
from ..facts import Firewall
from ..path.trace import Fate
from ..path.tracer import Tracer
from ..rules.attachment import AttachedChain, chains_on, reachable
from ..rules.matches import AnyOf, ConntrackState, KnownCondition, Mark, Match, PacketFamily, State
from ..rules.packet import Packet
from ..rules.ruleset import Chain, Decision, Hook, Rule, Ruleset
from ..sets.expansion import TooManyPlacesError
from ..sets.regions import Region, Regions, TooManyRegionsError, difference, intersections
from ..wording import Nothing, conclusion, place, point, rule_subject, short, undecided

_CONNTRACK, _TRANSLATION = -200, -100
"""Where prerouting and output track connections and translate destinations (linux/netfilter_ipv4.h)."""

WORK = 2_000_000
"""Rules of one chain times rules of those behind it that are compared: some seconds."""

_NOT_FOR_VERDICTS = frozenset({"mangle", "raw", "security", "nat"})
"""Tables of iptables in which accept means that the table is done with the packet."""


@check(
    "firewall.hook-order",
    title="Base chains on one hook do not undo each other",
    severity=Severity.MEDIUM,
    requires=(Firewall,),
    expect=Nothing,
    remediation=(
        "Keep the rules of a hook in one base chain, or let every one of them accept what shall pass: accept ends one\n"
        "base chain only, drop is final. Rules that ask for the state of a connection belong behind priority -200,\n"
        "those that ask for a translated destination behind -100. Who has chains where is told by: nft list hooks"
    ),
    references={"pci-4.0": ["1.2.7"], "bsi": ["NET.3.2.A2"]},
)
def hook_order(facts: Facts, _: Nothing) -> Iterator[Verdict]:
    """No rule accepts new connections that a later base chain of the hook drops, or asks for what is not known yet."""
    firewall = facts[Firewall]
    expected = "what a rule says is what becomes of its packets"
    spoken: set[str] = set()
    for verdict in (*_too_early(firewall.ruleset, expected), *_undone(firewall.ruleset, expected)):
        if verdict.subject not in spoken:
            spoken.add(verdict.subject)
            yield verdict
    count = sum(chain.base is not None for table in firewall.ruleset.tables for chain in table.chains)
    yield from conclusion(firewall, spoken, observed=f"{count} base chains", expected=expected)


def _too_early(ruleset: Ruleset, expected: str) -> Iterator[Verdict]:
    """Rules that ask for what the kernel finds out only behind their base chain."""
    hooks = (Hook.INGRESS, Hook.PREROUTING, Hook.OUTPUT)
    for at in (at for family in PacketFamily for at in chains_on(ruleset, family, hooks) if at.base.type != "nat"):
        for chain in reachable(at):
            for rule in chain.rules:
                reason = _asked_too_early(at, rule)
                if reason is not None:
                    yield _early(at, chain, rule, reason, expected)


def _early(at: AttachedChain, chain: Chain, rule: Rule, reason: str, expected: str) -> Verdict:
    subject = rule_subject(at.table, chain, rule.text)
    where = f"{at.chain.name} is on {at.base.hook} with priority {at.base.priority}"
    if at.base.priority in (_CONNTRACK, _TRANSLATION) and at.base.hook is not Hook.INGRESS:
        why = f"{where}, where the order of what sits there is not known"
        return undecided(subject, reason=why, expected=expected)
    return failed(subject, reason=reason, observed=where, expected=expected, evidence=(point(rule.origin),))


def _asked_too_early(at: AttachedChain, rule: Rule) -> str | None:
    ingress = at.base.hook is Hook.INGRESS
    if (ingress or at.base.priority <= _CONNTRACK) and any(map(_asks_for_connection, rule.matches)):
        return "Connections are tracked only behind it, so no packet has the state of one yet."
    if (ingress or at.base.priority <= _TRANSLATION) and any(map(_asks_for_translation, rule.matches)):
        return "Destinations are translated only behind it, so no new connection is translated yet."
    return None


def _asks_for_connection(match: Match) -> bool:
    if isinstance(match, AnyOf):
        return any(_asks_for_connection(part) for alternative in match.alternatives for part in alternative)
    if isinstance(match, ConntrackState):
        # What a rule before has taken out of tracking is known to be untracked.
        return match.states != frozenset({State.UNTRACKED})
    return isinstance(match, Mark) and match.connection


def _asks_for_translation(match: Match) -> bool:
    if not isinstance(match, KnownCondition):
        return False
    words = match.text.lower().replace(",", " ").split()
    return "dnat" in words and ("status" in words or "--ctstate" in words or match.kind == "conntrack")


def _undone(ruleset: Ruleset, expected: str) -> Iterator[Verdict]:
    """Rules whose accept is not final, because a later base chain of the same hook drops what they accept."""
    for family in PacketFamily:
        for hook in (Hook.INPUT, Hook.FORWARD):
            chains = chains_on(ruleset, family, (hook,))
            filtering = [at for at in chains if at.base.type == "filter" and at.table.name not in _NOT_FOR_VERDICTS]
            for number, first in enumerate(filtering[:-1]):
                try:
                    search = _Search(ruleset, family, hook, first, filtering[number + 1 :])
                    yield from (_told(found, first, expected) for found in search.undone())
                except (TooManyRegionsError, TooManyPlacesError):
                    reason = "what later base chains make of its accepts would need too many sets"
                    subject = f"{first.table.label} {first.chain.name}"
                    yield undecided(subject, reason=reason, expected=expected)


@dataclass(frozen=True, slots=True)
class _Undone:
    """A rule that accepts, and a packet of it that a rule (None: the policy) of a later chain drops.

    `whole`: the later chain drops all that it accepts.
    """

    rule: Rule
    chain: Chain
    packet: Packet
    later: AttachedChain
    by: Rule | None
    whole: bool


class _Search:
    """One base chain and those behind it on the same hook, for new connections from the network."""

    def __init__(
        self, ruleset: Ruleset, family: PacketFamily, hook: Hook, first: AttachedChain, later: Sequence[AttachedChain]
    ) -> None:
        here = {id(at.chain) for at in (first, *later)}
        self._found = Acceptance(ruleset, family, hook, where=lambda at: id(at.chain) in here)
        self._tracer = Tracer(ruleset)
        self._first, self._later = first, later
        sizes = {id(at.chain): len(listed) for at, listed in zip(self._found.chains, self._found.places, strict=True)}
        if sizes[id(first.chain)] * sum(sizes[id(at.chain)] for at in later) > WORK:
            raise TooManyRegionsError

    def undone(self) -> Iterator[_Undone]:
        last = self._found.last
        places = dict(zip((id(at.chain) for at in self._found.chains), self._found.places, strict=True))
        left: Regions = [self._found.from_network()]
        for at in places[id(self._first.chain)]:
            if at.ends is None or not left:
                continue
            surely = intersections(left, at.packets.lower, MOST)
            if at.ends is Decision.ACCEPT and at.rule is not None and at.rule.matches:
                for later in self._later:
                    possible = [
                        part for region in surely for part in accepted_by(places[id(later.chain)], region, last)[1]
                    ]
                    dropped = difference(surely, possible, last, MOST)
                    found = self._shown(later, dropped, whole=not possible)
                    if found is not None:
                        packet, by = found
                        yield _Undone(at.rule, at.chain, packet, later, by, not possible)
                        break
            left = difference(left, at.packets.upper, last, MOST)

    def _shown(
        self, later: AttachedChain, dropped: Sequence[Region], *, whole: bool
    ) -> tuple[Packet, Rule | None] | None:
        """A packet that is surely dropped there; of part of them only what no narrower rule picks out to be dropped."""
        for region in dropped:
            packet = self._found.packet(region)
            steps = [step for step in self._tracer.meets(later, packet) if step.certain]
            accepted = self._tracer.meets(self._first, packet)
            if not steps or not accepted or self._tracer.trace(packet).fate not in (Fate.DROP, Fate.REJECT):
                continue
            by = steps[-1].rule
            if whole or by is None or not by.matches:
                return packet, by
        return None


def _told(found: _Undone, first: AttachedChain, expected: str) -> Verdict:
    table = found.later.table.label
    by = f"the rule `{short(found.by.text)}` ({place(found.by.origin)})" if found.by else "the policy"
    whole = "nothing" if found.whole else "not everything"
    return failed(
        rule_subject(first.table, found.chain, found.rule.text),
        reason=f"Accept ends one base chain only: {whole} that the rule accepts passes the later one.",
        observed=f"{found.packet}: dropped by {by} of {table} {found.later.chain.name}",
        expected=expected,
        evidence=(point(found.rule.origin), point((found.by or found.later.chain).origin)),
        severity=None if found.whole else Severity.LOW,
    )
