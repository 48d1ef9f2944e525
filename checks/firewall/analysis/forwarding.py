"""Services behind the host: those it routes to, and those it publishes by translating destinations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from ..rules import numbers
from ..rules.attachment import AttachedChain, attached_chains, chains_on
from ..rules.matches import AddressRange, Match, NumberRange, PacketFamily
from ..rules.plain import for_connections
from ..rules.ruleset import Hook, Nat, NatKind, NatTarget, Ruleset
from ..sets.expansion import Place, conditions, expanded
from ..sets.regions import Field, Region, Regions, Runs, TooManyRegionsError, difference, intersections
from .acceptance import MOST, Acceptance
from .effective import filters
from .reach import Reachability, Service, Way, accesses
from .reverse_path import as_honest

_TRANSLATED = -100
"""Where destinations are translated in prerouting (NF_IP_PRI_NAT_DST)."""


def routed_services(ruleset: Ruleset, family: PacketFamily) -> Iterator[Service]:
    """Services behind the host that its rules let through; none where nothing filters what it forwards.

    Raises `TooManyPlacesError` and `TooManyRegionsError`.
    """
    if filters(ruleset, family, Hook.FORWARD):
        for service in Reachability(ruleset, family, Hook.FORWARD).services():
            yield replace(service, way=Way.ROUTED)


def published_services(ruleset: Ruleset, family: PacketFamily) -> Iterator[Service]:
    """Ports of TCP and UDP whose new connections are sent on to another address and let through to it.

    The target must be one address that the rule writes; what other translations do is not told here. Raises
    `TooManyPlacesError` and `TooManyRegionsError`.
    """
    ruleset = as_honest(ruleset)
    nats = [at for at in chains_on(ruleset, family, (Hook.PREROUTING,)) if at.base.type == "nat"]
    if nats:
        yield from _Publishing(ruleset, family, nats).services()


class _Publishing:
    """The chains before translation, those that translate, and those behind, in one universe."""

    def __init__(self, ruleset: Ruleset, family: PacketFamily, nats: Sequence[AttachedChain]) -> None:
        ruleset = for_connections(ruleset, translated=True)
        whole = attached_chains(ruleset, family, Hook.FORWARD)
        asked: tuple[Match, ...] = tuple(match for at in (*nats, *whole) for match in conditions(at))
        self._family = family
        self._before = Acceptance(ruleset, family, Hook.FORWARD, asked, _sees_the_original)
        self._behind = Acceptance(ruleset, family, Hook.FORWARD, asked, lambda at: not _sees_the_original(at))
        self._universe = self._before.universe
        self._nats = [expanded(at, self._universe) for at in nats]
        self._last = self._before.last

    def services(self) -> Iterator[Service]:
        local = self._universe.address_types.index("local")
        for protocol in (numbers.TCP, numbers.UDP):
            untranslated: Regions = [
                self._before.from_network(protocol=((protocol, protocol),), destination_type=((local, local),))
            ]
            for places in self._nats:
                left = untranslated
                for place in places:
                    if place.ends is None:
                        continue
                    met = intersections(left, place.packets.upper, MOST)
                    yield from self._published(protocol, met, place)
                    left = difference(left, place.packets.lower, self._last, MOST)
                    if place.rule is not None and any(isinstance(part, Nat) for part in place.rule.statements):
                        untranslated = difference(untranslated, place.packets.lower, self._last, MOST)

    def _published(self, protocol: int, met: Regions, place: Place) -> Iterator[Service]:
        """What a rule publishes of the packets that meet it."""
        target = _target(place)
        if target is None or target.addresses is None or target.addresses.low.is_loopback:
            return
        for region in met:
            for low, high in region.get(Field.DESTINATION_PORT, ((0, 65535),)):
                sure, possible = self._before.accepted({**region, Field.DESTINATION_PORT: ((low, high),)})
                sure, possible = self._let_through(sure, possible, target)
                if place.packets.doubt:
                    sure = []
                unsure = difference(possible, sure, self._last, MOST)
                access = (
                    *accesses(self._universe, [_as_sent(one, region) for one in sure], certain=True),
                    *accesses(self._universe, [_as_sent(one, region) for one in unsure], certain=False),
                )
                if access:
                    ports = NumberRange(low, high)
                    shown = _shown(target.addresses, target.ports or ports)
                    yield Service(self._family, protocol, ports, access, True, Way.PUBLISHED, shown)

    def _let_through(self, sure: Regions, possible: Regions, target: NatTarget) -> tuple[Regions, Regions]:
        """What the chains behind surely and perhaps accept of packets with the translated destination."""
        surely = [part for region in sure for part in self._behind.accepted(_translated(region, target))[0]]
        perhaps = [part for region in possible for part in self._behind.accepted(_translated(region, target))[1]]
        if len(surely) + len(perhaps) > MOST:
            raise TooManyRegionsError
        return surely, perhaps


def _sees_the_original(at: AttachedChain) -> bool:
    """Whether a chain sees packets before their destination is translated; one at the same place may or may not."""
    early = at.base.hook is Hook.PREROUTING and at.base.priority < _TRANSLATED
    return early or at.base.hook is Hook.INGRESS


def _target(place: Place) -> NatTarget | None:
    statements = place.rule.statements if place.rule is not None else ()
    nat = next((part for part in statements if isinstance(part, Nat)), None)
    return nat.target if nat is not None and nat.kind is NatKind.DESTINATION else None


def _translated(region: Region, target: NatTarget) -> Region:
    found: dict[Field, Runs] = {**region, Field.DESTINATION_TYPE: ((0, 0),)}
    if target.addresses is not None:
        found[Field.DESTINATION] = ((int(target.addresses.low), int(target.addresses.high)),)
    if target.ports is not None:
        found[Field.DESTINATION_PORT] = ((target.ports.low, target.ports.high),)
    return found


def _as_sent(region: Region, met: Region) -> Region:
    """With the destination that packets have before it is translated: where they have to be sent."""
    kept = {field: allowed for field, allowed in region.items() if field is not Field.DESTINATION}
    return kept | ({Field.DESTINATION: met[Field.DESTINATION]} if Field.DESTINATION in met else {})


def _shown(addresses: AddressRange, ports: NumberRange) -> str:
    address = str(addresses.low) if addresses.low == addresses.high else f"{addresses.low}-{addresses.high}"
    port = str(ports.low) if ports.low == ports.high else f"{ports.low}-{ports.high}"
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
