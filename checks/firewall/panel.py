"""What this family shows of a host in the dashboard: services, chains with what is wrong beside rules, and packets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from secaudit.api import HostView, Severity, panel
from secaudit.model.panel import Panel, PanelLines, PanelQuery, PanelTable, Tone, Words

from .analysis.anomalies import Anomalies, Anomaly, Location, find_anomalies
from .analysis.reach import Way
from .analysis.service_matrix import Matrix, Open, Row, all_services, matrix
from .facts import Firewall
from .path.trace import Fate, Step, Trace, held_back
from .path.tracer import Tracer
from .report.rendering import CAPTIONS, lead
from .rules.matches import AnyOf, InInterface, Match, PacketFamily
from .rules.packet import Packet, PacketTextError, read_packet
from .rules.ruleset import Chain, Hook, Ruleset, Table

MOST_RULES = 500
"""Rules of one chain that are shown."""

MOST_WAYS = 6
"""Interfaces whose packets are told apart."""

_TONES = {
    Severity.CRITICAL: Tone.CRITICAL,
    Severity.HIGH: Tone.HIGH,
    Severity.MEDIUM: Tone.MEDIUM,
    Severity.LOW: Tone.LOW,
    Severity.INFO: Tone.DIM,
}
_OPEN = {
    Open.EVERYWHERE: Tone.HIGH,
    Open.SOME: Tone.PLAIN,
    Open.NOBODY: Tone.DIM,
    Open.PERHAPS: Tone.UNSURE,
}
_FATES = {Fate.ACCEPT: Tone.STRONG, Fate.DROP: Tone.GOOD, Fate.REJECT: Tone.GOOD, Fate.UNPROVEN: Tone.UNSURE}


@panel("Firewall", facts=[Firewall])
def packet_filter(view: HostView) -> Panel:
    """Services, chains with their rules and anomalies, and what becomes of a packet."""
    found = view.facts[Firewall]
    services, unsure = all_services(found.ruleset, frozenset(PacketFamily))
    tables = tuple(_tables(matrix(services, frozenset(PacketFamily))))
    chains = tuple(_chains(found.ruleset, find_anomalies(found.ruleset)))
    asked = Packets(found)
    query = PanelQuery("packet", "10.0.0.1 tcp/22, or iif eth0 tcp 10.0.0.1:4000 -> 192.0.2.1:22 new", asked.answer)
    return Panel(" ".join(lead(found, unsure, nothing=not tables)), (*tables, *chains), query)


def _tables(whole: Matrix) -> Iterator[PanelTable]:
    for way in Way:
        rows = tuple(_row(row) for row in whole.rows if row.way is way)
        if rows:
            yield PanelTable(CAPTIONS[way], ("service", *(family.label for family in whole.families)), rows)


def _row(row: Row) -> tuple[Words, ...]:
    name = f"{row.service} → {row.target}" if row.target else row.service
    return (Words(name, Tone.STRONG), *(Words(entry.who, _OPEN[entry.open]) for entry in row.entries))


def _chains(ruleset: Ruleset, anomalies: Anomalies) -> Iterator[PanelLines]:
    beside: dict[int, list[tuple[Words, ...]]] = {}
    for anomaly in anomalies.found:
        beside.setdefault(_key(anomaly.at), []).extend(_told(anomaly))
    for undecided in anomalies.undecided:
        beside.setdefault(_key(undecided.at), []).append((_mark("?", Tone.UNSURE), Words(undecided.why, Tone.UNSURE)))
    for table in ruleset.tables:
        for chain in table.chains:
            if chain.rules or chain.base is not None or id(chain) in beside:
                lines = tuple(_rules(chain, beside))
                left = max(0, len(chain.rules) - MOST_RULES)
                yield PanelLines(_caption(table, chain), lines, left)


def _key(at: Location) -> int:
    return id(at.rule or at.chain)


def _caption(table: Table, chain: Chain) -> str:
    base = chain.base
    hooked = f" · {base.hook} {base.priority}, policy {base.policy}" if base else ""
    return f"{table.label} {chain.name}{hooked}{' · dormant' if table.dormant else ''}"


def _rules(chain: Chain, beside: dict[int, list[tuple[Words, ...]]]) -> Iterator[tuple[Words, ...]]:
    yield from beside.get(id(chain), ())
    for number, rule in enumerate(chain.rules[:MOST_RULES], 1):
        counted = f"  {rule.counter.packets:,} packets" if rule.counter else ""
        yield Words(f"{number:>5}", Tone.DIM), Words(rule.text), Words(counted, Tone.DIM)
        yield from ((_mark("?", Tone.UNSURE), Words(why, Tone.UNSURE)) for why in rule.unmodelled)
        yield from beside.get(id(rule), ())


def _told(anomaly: Anomaly) -> Iterator[tuple[Words, ...]]:
    tone = _TONES[anomaly.severity]
    by = ", ".join(_place(other, anomaly.at) for other in anomaly.by)
    yield _mark("▲", tone), Words(f"{anomaly.severity.value} {anomaly.kind}{' by ' + by if by else ''}", tone)
    if anomaly.witness is not None:
        yield _mark(" ", Tone.DIM), Words(f"packet {anomaly.witness}", Tone.DIM)


def _mark(sign: str, tone: Tone) -> Words:
    return Words(f"{sign:>7}", tone)


def _place(other: Location, at: Location) -> str:
    where = "" if other.chain is at.chain else f"{other.chain.name} "
    return f"{where}{f'rule {other.index}' if other.index else other.text}"


class Packets:
    """Answers what becomes of a packet.

    A packet of which nobody says where it comes in is followed for every interface that the rules name, for another
    one and for none but the loopback.
    """

    def __init__(self, firewall: Firewall) -> None:
        self._firewall = firewall
        self._tracer = Tracer(firewall.ruleset)

    def answer(self, text: str) -> PanelLines:
        """Verdict and way, or what is wrong with the question."""
        try:
            packet = read_packet(text)
        except PacketTextError as error:
            return PanelLines("", ((Words(f"not understood: {error}", Tone.UNSURE),),))
        return PanelLines("", tuple(self._lines(packet)))

    def _lines(self, packet: Packet) -> Iterator[tuple[Words, ...]]:
        ways = _alike(self._traces(packet))
        for names, trace in ways:
            through = f" through {', '.join(names)}" if len(ways) > 1 else ""
            yield Words(f"{trace.fate.upper()}{through}", _FATES[trace.fate]), Words(str(packet), Tone.DIM)
            yield from ((Words(f"  because {why}", Tone.UNSURE),) for why in trace.because)
            yield from _way(trace)

    def _traces(self, packet: Packet) -> list[tuple[str, Trace]]:
        trace = self._trace(packet)
        if all(step.certain for step in trace.steps) or packet.in_interface is not None or packet.hook is Hook.OUTPUT:
            return [(packet.in_interface or "", trace)]
        named = sorted(set(_interfaces(self._firewall.ruleset)) - {"lo"})[:MOST_WAYS]
        found = [(name, self._trace(replace(packet, in_interface=name))) for name in named]
        return [*found, ("any other interface", self._trace(replace(packet, in_interface=_unnamed(named))))]

    def _trace(self, packet: Packet) -> Trace:
        gaps = [gap.reason for gap in self._firewall.gaps if packet.family in gap.families]
        return held_back(self._tracer.trace(packet), gaps)


def _alike(traces: Sequence[tuple[str, Trace]]) -> list[tuple[list[str], Trace]]:
    """Those with the same end on the same way, told once."""
    found: list[tuple[list[str], Trace]] = []
    for name, trace in traces:
        same = next((names for names, other in found if (other.fate, other.steps) == (trace.fate, trace.steps)), None)
        if same is None:
            found.append(([name], trace))
        else:
            same.append(name)
    return found


def _way(trace: Trace) -> Iterator[tuple[Words, ...]]:
    last = next((step for step in reversed(trace.steps) if _decides(step, trace)), None)
    for step in trace.steps:
        rule = f"rule {_number(step)}: {step.rule.text}" if step.rule else "policy"
        sign = "→" if step is last else " " if step.certain else "?"
        tone = Tone.STRONG if step is last else Tone.PLAIN if step.certain else Tone.UNSURE
        yield (
            Words(f" {sign} {step.hook} {step.table.label} {step.chain.name}", tone),
            Words(f"{rule} ⇒ {step.action}", tone),
        )


def _decides(step: Step, trace: Trace) -> bool:
    return step.certain and step.action.removeprefix("policy ") == trace.fate.value


def _number(step: Step) -> int:
    return next(number for number, rule in enumerate(step.chain.rules, 1) if rule is step.rule)


def _interfaces(ruleset: Ruleset) -> Iterator[str]:
    for _, _, rule in ruleset.rules:
        yield from _named(rule.matches)


def _named(matches: Iterable[Match]) -> Iterator[str]:
    for match in matches:
        if isinstance(match, InInterface):
            yield from (name for name in match.names if not name.endswith("*"))
        elif isinstance(match, AnyOf):
            for alternative in match.alternatives:
                yield from _named(alternative)


def _unnamed(named: Sequence[str]) -> str:
    """A name that no rule means, unless by a pattern."""
    return next(name for name in (f"other{number}" for number in range(len(named) + 1)) if name not in named)
