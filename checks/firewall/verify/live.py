"""A ruleset against the host that it is loaded on: packets from outside, what may come back, and what rules count."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from secaudit.model.answered import Answered, Echo
from secaudit.model.packet import Address, Direction
from secaudit.model.packet import Packet as Described

from ..path.trace import Fate, Trace
from ..path.tracer import Tracer
from ..rules import numbers
from ..rules.matches import PacketFamily
from ..rules.packet import Packet
from ..rules.ruleset import Hook, Rule, Ruleset
from .aiming import aims, interfaces
from .sending import described

_ANY_OTHER = "secaudit0"
"""Stands for every interface that no rule names."""

_PORT = 65535
_USUAL = ((numbers.TCP, 22), (numbers.TCP, 80), (numbers.TCP, 443), (numbers.UDP, 53), (numbers.TCP, 1))

_CONSISTENT: Mapping[tuple[int, Echo], frozenset[Fate]] = {
    (numbers.TCP, Echo.ANSWER): frozenset({Fate.ACCEPT}),
    # A port that nobody listens on resets, too.
    (numbers.TCP, Echo.RESET): frozenset({Fate.ACCEPT, Fate.REJECT}),
    (numbers.TCP, Echo.PROHIBITED): frozenset({Fate.REJECT}),
    (numbers.TCP, Echo.UNREACHABLE): frozenset({Fate.REJECT}),
    (numbers.TCP, Echo.SILENCE): frozenset({Fate.DROP}),
    (numbers.UDP, Echo.ANSWER): frozenset({Fate.ACCEPT}),
    (numbers.UDP, Echo.PROHIBITED): frozenset({Fate.REJECT}),
    # The kernel says so, too, when nobody listens.
    (numbers.UDP, Echo.UNREACHABLE): frozenset({Fate.ACCEPT, Fate.REJECT}),
    # Nobody has to answer a datagram.
    (numbers.UDP, Echo.SILENCE): frozenset({Fate.ACCEPT, Fate.DROP}),
}
_OPEN_OR_CLOSED = frozenset({Fate.ACCEPT, Fate.DROP})
_ICMP: Mapping[Echo, frozenset[Fate]] = {
    Echo.ANSWER: frozenset({Fate.ACCEPT}),
    Echo.PROHIBITED: frozenset({Fate.REJECT}),
    Echo.UNREACHABLE: frozenset({Fate.REJECT}),
    Echo.SILENCE: frozenset({Fate.DROP}),
}


@dataclass(frozen=True, slots=True)
class Prediction:
    """A packet, what may become of it whichever interface it comes in by, and the rules that it surely meets."""

    packet: Packet
    possible: frozenset[Fate]
    meets: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class Seen:
    """A prediction and what came back."""

    prediction: Prediction
    answered: Answered

    @property
    def consistent(self) -> frozenset[Fate]:
        """What of the ruleset would explain what came back."""
        protocol = self.prediction.packet.protocol
        return _CONSISTENT.get((protocol, self.answered.echo)) or _ICMP[self.answered.echo]

    @property
    def from_elsewhere(self) -> bool:
        """Whether somebody else than the host answered."""
        return self.answered.by not in (None, self.prediction.packet.destination)

    @property
    def differs(self) -> bool:
        """Whether the path is not what the ruleset says."""
        return self.from_elsewhere or not self.prediction.possible & self.consistent

    @property
    def proves(self) -> bool:
        """Whether what came back is what is predicted, and an open and a closed filter can be told apart by it."""
        return not self.differs and len(self.prediction.possible) == 1 and not self.consistent >= _OPEN_OR_CLOSED

    @property
    def why(self) -> str:
        """What is wrong, for people."""
        predicted, echo = _words(self.prediction.possible), self.answered.echo
        if self.from_elsewhere:
            return f"{self.answered.by} on the way answered with {echo}; the packet did not reach the ruleset"
        if echo is Echo.SILENCE:
            return f"the ruleset says {predicted}, but nothing came back: something on the way drops it or its answer"
        return f"the ruleset says {predicted}, but {echo} came back"


@dataclass(frozen=True, slots=True)
class Uncounted:
    """A rule that counted fewer packets than surely met it."""

    table: str
    chain: str
    rule: Rule
    expected: int
    counted: int


def probes(
    ruleset: Ruleset, witnesses: Iterable[Packet], source: Address, destination: Address, port: int, most: int
) -> list[Packet]:
    """Packets from outside that begin something new: an echo request, and ports at which rules change their mind.

    Source ports count up from `port`, so that answers can be told apart.
    """
    family = PacketFamily.IPV4 if source.version == 4 else PacketFamily.IPV6
    icmp, request = (numbers.ICMP, 8) if source.version == 4 else (numbers.ICMPV6, 128)
    echo = Packet(Hook.INPUT, family, icmp, source, destination, icmp_type=request, icmp_code=0)
    found = [echo]
    wanted = dict.fromkeys(_ports(ruleset, witnesses, family))
    for number, (protocol, to) in enumerate(list(wanted)[: most - 1]):
        flags = 2 if protocol == numbers.TCP else None
        packet = Packet(Hook.INPUT, family, protocol, source, destination, port + number, to, tcp_flags=flags)
        found.append(packet)
    return [replace(packet, source_type="unicast", destination_type="local") for packet in found]


def _ports(ruleset: Ruleset, witnesses: Iterable[Packet], family: PacketFamily) -> Iterator[tuple[int, int]]:
    """Protocols and ports: of the witnesses, at the bounds of rules, just outside of them, and usual ones."""
    with_ports = (numbers.TCP, numbers.UDP)
    for packet in witnesses:
        if packet.hook is Hook.INPUT and packet.protocol in with_ports and packet.destination_port:
            yield packet.protocol, packet.destination_port
    bounds = [
        (protocol, port)
        for aim in aims(ruleset)
        if not aim.families or family in aim.families
        for protocol in (aim.protocols or with_ports)
        if protocol in with_ports
        for port in aim.destination_ports
    ]
    yield from bounds
    yield from _USUAL
    for protocol, port in bounds:
        yield from ((protocol, near) for near in (port - 1, port + 1) if 0 < near <= _PORT)


def predict(ruleset: Ruleset, packets: Sequence[Packet]) -> list[Prediction]:
    """What may become of packets that come in by any interface but the loopback."""
    names = [*(name for name in interfaces(ruleset) if name != "lo"), _ANY_OTHER]
    tracer = Tracer(ruleset, frozenset(packet.destination for packet in packets if packet.destination is not None))
    return [
        _prediction(packet, [tracer.trace(replace(packet, in_interface=name)) for name in names]) for packet in packets
    ]


def _prediction(packet: Packet, traces: Sequence[Trace]) -> Prediction:
    possible = frozenset[Fate]().union(*(trace.possible for trace in traces))
    sure = [{id(step.rule): step.rule for step in trace.steps if step.certain and step.rule} for trace in traces]
    meets = tuple(rule for key, rule in sure[0].items() if all(key in other for other in sure[1:]))
    return Prediction(packet, possible, meets)


def sendable(prediction: Prediction) -> Described | None:
    """The packet in the words of those that can be sent."""
    words = described(prediction.packet)
    return words if not isinstance(words, str) and words.hook is Direction.INPUT else None


def uncounted(before: Ruleset, after: Ruleset, seen: Sequence[Seen]) -> tuple[int, list[Uncounted]]:
    """How many rules' counters could be compared, and those that counted less than what surely met them.

    Others may send packets as well, so a rule may count more. What somebody on the way answered did not arrive.
    """
    expected: dict[int, int] = {}
    for one in seen:
        if not one.from_elsewhere:
            for rule in one.prediction.meets:
                expected[id(rule)] = expected.get(id(rule), 0) + 1
    later = {(table.label, chain.name): chain.rules for table in after.tables for chain in table.chains}
    compared, found = 0, []
    for table in before.tables:
        for chain in table.chains:
            now = later.get((table.label, chain.name), ())
            for rule, same in zip(chain.rules, now, strict=False):
                if id(rule) not in expected or rule.counter is None or same.counter is None or rule.text != same.text:
                    continue
                compared += 1
                counted = same.counter.packets - rule.counter.packets
                if counted < expected[id(rule)]:
                    found.append(Uncounted(table.label, chain.name, rule, expected[id(rule)], counted))
    return compared, found


def _words(possible: frozenset[Fate]) -> str:
    return " or ".join(sorted(possible))
