"""The packets that a rule's conditions pick out, as sets of regions with a lower and an upper bound.

What surely matches is the lower bound, what may match the upper one; they are the same set unless a condition is not
known. The idea of bounds is that of C. Diekmann et al., "Verified iptables Firewall Analysis and Verification", 2018.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from ..rules import numbers
from ..rules.matches import (
    BYTE,
    UNCONNECTED,
    Addresses,
    AddressType,
    AnyOf,
    ConntrackState,
    Fragment,
    Icmp,
    IcmpKind,
    InInterface,
    KnownCondition,
    Mark,
    Match,
    OfFamily,
    OutInterface,
    PacketFamily,
    Ports,
    Protocol,
    SetMembership,
    Side,
    Sometimes,
    TcpFlags,
    Unmodelled,
    fits,
)
from ..rules.packet import PORT_PROTOCOLS
from ..rules.plain import IPSEC
from .addresses import address_runs
from .regions import (
    EVERYTHING,
    Field,
    Region,
    Regions,
    Run,
    Runs,
    TooManyRegionsError,
    complement,
    intersections,
    outside,
    runs,
)
from .universe import STATES, Universe

MOST = 4096
"""Regions that a rule may need; one that needs more is known by its bounds only."""


class Doubt(IntEnum):
    """Why the bounds of a set differ: not at all, by a condition that is independent of the fields, or unknown."""

    NONE = 0
    INDEPENDENT = 1
    """There are packets of each kind that meet the condition and others that do not."""
    UNKNOWN = 2


@dataclass(frozen=True, slots=True)
class Meaning:
    """The packets that surely (`lower`) and that perhaps (`upper`) meet conditions."""

    lower: Regions
    upper: Regions
    doubt: Doubt = Doubt.NONE

    @classmethod
    def exactly(cls, regions: Regions) -> Meaning:
        """A set that is known."""
        return cls(regions, regions)


_WHOLE: Runs = ((0, 0),)
_LATER: Runs = ((1, 1),)
_CONNECTED: Runs = runs((at, at) for at, state in enumerate(STATES) if state not in UNCONNECTED)
_PORTED = runs((number, number) for number in PORT_PROTOCOLS)
_TCP: Runs = ((numbers.TCP, numbers.TCP),)


class Reading:
    """Reads conditions as sets of packets of one universe.

    `changing` says that rules change marks (`MARK`, `CONNECTION_MARK`), states or addresses on the way, so that
    conditions on them are not known.
    """

    def __init__(self, universe: Universe, changing: frozenset[Field] = frozenset()) -> None:
        self._universe = universe
        self._last = universe.last
        unmodelled = {Field.MARK: universe.marks, Field.CONNECTION_MARK: universe.connection_marks}
        self._changing = changing | {field for field, marks in unmodelled.items() if not marks}

    def conditions(self, matches: Sequence[Match]) -> Meaning:
        """The packets that meet all conditions."""
        meaning = Meaning.exactly([EVERYTHING])
        # A protocol first: what ports may mean for others than it need not be carried along.
        for match in sorted(matches, key=lambda match: not isinstance(match, Protocol)):
            meaning = self.both(meaning, self.condition(match))
        return meaning

    def both(self, one: Meaning, other: Meaning) -> Meaning:
        """The packets that are in both sets."""
        doubt = max(one.doubt, other.doubt)
        try:
            upper = intersections(one.upper, other.upper, MOST)
            lower = upper if doubt is Doubt.NONE else intersections(one.lower, other.lower, MOST)
        except TooManyRegionsError:
            smaller = min(one.upper, other.upper, key=len)
            return Meaning([], smaller, Doubt.UNKNOWN)
        # What was not known may lie outside of what the other conditions leave.
        return Meaning(lower, upper, Doubt.NONE if lower == upper else doubt)

    def condition(self, match: Match) -> Meaning:
        """The packets that meet one condition."""
        match match:
            case KnownCondition() | Sometimes() | SetMembership() | Unmodelled():
                return _bounds(match)
            case Ports():
                return self._ports(match)
            case AnyOf():
                return self._any_of(match)
            case Fragment():
                return Meaning.exactly([{Field.FRAGMENT: _WHOLE if match.negated else _LATER}])
            case Icmp():
                return self._icmp(match)
            case OfFamily():
                of = self._universe.family in match.families
                return Meaning.exactly([EVERYTHING] if of is not match.negated else [])
        field, allowed = self._single(match)
        if not self._changing.isdisjoint((field, Field.STATE) if field is Field.CONNECTION_MARK else (field,)):
            return Meaning([], [EVERYTHING], Doubt.UNKNOWN)
        if match.negated:
            allowed = outside(allowed, self._last[field])
        if not allowed:
            return Meaning.exactly([])
        region: dict[Field, Runs] = {} if allowed == ((0, self._last[field]),) else {field: allowed}
        if field is Field.CONNECTION_MARK:
            region |= {Field.STATE: _CONNECTED}
        if isinstance(match, TcpFlags):
            region |= {Field.PROTOCOL: _TCP, Field.FRAGMENT: _WHOLE}
        return Meaning.exactly([region])

    def _single(
        self,
        match: Addresses | Protocol | ConntrackState | InInterface | OutInterface | TcpFlags | Mark | AddressType,
    ) -> tuple[Field, Runs]:
        """The field that a condition is about, and the values for which the condition without negation holds."""
        universe = self._universe
        match match:
            case Addresses():
                field = Field.SOURCE if match.side is Side.SOURCE else Field.DESTINATION
                family = universe.family
                return field, address_runs(match.ranges, family)
            case Protocol():
                return Field.PROTOCOL, runs((number, number) for number in match.numbers)
            case ConntrackState():
                return Field.STATE, _where([state in match.states for state in STATES])
            case InInterface() | OutInterface():
                field = Field.IN_INTERFACE if isinstance(match, InInterface) else Field.OUT_INTERFACE
                named = [any(fits(name, pattern) for pattern in match.names) for name in universe.interfaces]
                return field, _where(named)
            case TcpFlags():
                return Field.TCP_FLAGS, _where([bits & match.mask in match.values for bits in universe.tcp_flags])
            case Mark():
                field = Field.CONNECTION_MARK if match.connection else Field.MARK
                marks = universe.connection_marks if match.connection else universe.marks
                return field, _where([mark & match.mask == match.value for mark in marks])
            case AddressType():
                field = Field.SOURCE_TYPE if match.side is Side.SOURCE else Field.DESTINATION_TYPE
                return field, _where([name in match.types for name in universe.address_types])

    def _ports(self, match: Ports) -> Meaning:
        allowed = runs((part.low, part.high) for part in match.ranges)
        if match.negated:
            allowed = outside(allowed, 65535)
        base: dict[Field, Runs] = {Field.PROTOCOL: _PORTED, Field.FRAGMENT: _WHOLE}
        fields = {
            Side.SOURCE: (Field.SOURCE_PORT,),
            Side.DESTINATION: (Field.DESTINATION_PORT,),
            None: (Field.SOURCE_PORT, Field.DESTINATION_PORT),
        }[match.side]
        found: Regions
        if not allowed:
            found = []
        elif match.negated or len(fields) == 1:
            found = [base | dict.fromkeys(fields, allowed)]
        else:
            found = [{**base, field: allowed} for field in fields]
        # nft's `th dport` without a protocol looks at the bytes that would be a port.
        other: Region = {Field.PROTOCOL: outside(_PORTED, 255), Field.FRAGMENT: _WHOLE}
        if not self._changing.isdisjoint(fields):
            return Meaning([], [base, other], Doubt.UNKNOWN)
        return Meaning(found, [*found, other], Doubt.UNKNOWN)

    def _icmp(self, match: Icmp) -> Meaning:
        if Field.ICMP in self._changing:
            return Meaning([], [EVERYTHING], Doubt.UNKNOWN)
        number = numbers.ICMP if match.family is PacketFamily.IPV4 else numbers.ICMPV6
        kinds = runs(run for kind in match.kinds for run in _kinds(kind))
        if match.negated:
            kinds = outside(kinds, 65535)
        protocol: Runs = ((number, number),)
        found: Regions = [{Field.PROTOCOL: protocol, Field.FRAGMENT: _WHOLE, Field.ICMP: kinds}] if kinds else []
        return Meaning.exactly([*found, {Field.PROTOCOL: outside(protocol, 255)}] if match.negated else found)

    def _any_of(self, match: AnyOf) -> Meaning:
        parts = [self.conditions(alternative) for alternative in match.alternatives]
        doubt = max((part.doubt for part in parts), default=Doubt.NONE)
        lower = [region for part in parts for region in part.lower]
        upper = [region for part in parts for region in part.upper]
        if len(upper) > MOST:
            return Meaning([], [EVERYTHING], Doubt.UNKNOWN)
        if not match.negated:
            return Meaning(lower, upper, doubt)
        try:
            surely = self._outside(upper)
            if self._universe.fragments:
                # Whether the kernel gives up on a later fragment depends on whether a port is asked for.
                surely, doubt = intersections(surely, [{Field.FRAGMENT: _WHOLE}], MOST), Doubt.UNKNOWN
            return Meaning(surely, self._outside(lower), doubt)
        except TooManyRegionsError:
            return Meaning([], [EVERYTHING], Doubt.UNKNOWN)

    def _outside(self, regions: Regions) -> Regions:
        left: Regions = [EVERYTHING]
        for region in regions:
            left = intersections(left, complement(region, self._last), MOST)
        return left


def _bounds(match: KnownCondition | Sometimes | SetMembership | Unmodelled) -> Meaning:
    """Bounds of a condition whose exact set is not modelled."""
    if isinstance(match, SetMembership | Unmodelled):
        return Meaning([], [EVERYTHING], Doubt.UNKNOWN)
    number = IPSEC.get(match.kind) if isinstance(match, KnownCondition) else None
    upper: Region = EVERYTHING if number is None else {Field.PROTOCOL: ((number, number),)}
    return Meaning([], [upper], Doubt.INDEPENDENT)


def _where(answers: Sequence[bool]) -> Runs:
    return runs((at, at) for at, answer in enumerate(answers) if answer)


def _kinds(kind: IcmpKind) -> list[Run]:
    """ICMP types and codes as numbers `type × 256 + code`."""
    low, high = kind.types.low, kind.types.high
    if kind.codes == BYTE:
        return [(low << 8, high << 8 | 0xFF)]
    return [(number << 8 | kind.codes.low, number << 8 | kind.codes.high) for number in range(low, high + 1)]
