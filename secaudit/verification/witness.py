"""The kernel as a witness: which packets it lets pass under a ruleset, and which rules counted them."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby

from secaudit.model.observation import Fate, Observation, RulesetText
from secaudit.model.packet import Address, Direction, Packet, Tracking
from secaudit.probe.protocol import HOOK_INPUT, HOOK_OUTPUT, HOOK_POSTROUTING, TRACKED, UNTRACKED, Wording
from secaudit.verification.counters import rule_counts
from secaudit.verification.errors import VerificationError
from secaudit.verification.feasible import naturally_invalid, why_not
from secaudit.verification.loading import Loader, run_in
from secaudit.verification.namespaces import ALWAYS_OWN, IN, LOOPBACK, OUT, Router, own_addresses
from secaudit.verification.probe_process import ProbeProcess
from secaudit.verification.watching import COUNTERS, LOG_GROUP, WITNESS

_SETTLE = 20.0
"""Seconds within which the kernel must have dealt with what was sent."""

_BOTH_ENDS = "its other end is an address of the host itself"
_FATES = {HOOK_INPUT: Fate.RECEIVED, HOOK_POSTROUTING: Fate.SENT, HOOK_OUTPUT: Fate.REJECTED}


@dataclass(frozen=True, slots=True)
class _Way:
    """What packets must have in common to be sent together."""

    direction: Direction
    oif: str
    established: bool

    @classmethod
    def of(cls, packet: Packet) -> _Way:
        outward = packet.hook is not Direction.INPUT
        return cls(packet.hook, packet.out_interface or OUT if outward else OUT, packet.state is Tracking.ESTABLISHED)


def _entry(packet: Packet) -> str:
    """The interface that a packet comes in by; empty for what the host itself sends."""
    return "" if packet.hook is Direction.OUTPUT else packet.in_interface or IN


class Witness:
    """A router to try rulesets in, one after the other. Made by `witness`."""

    def __init__(self, probe: ProbeProcess, interfaces: Iterable[str]) -> None:
        self._probe = probe
        self._router = Router.build(probe, interfaces)
        self._loader = Loader(self._router.under_test)
        self._sent = 0
        probe.listen_to_log(self._router.under_test, LOG_GROUP)

    def observe(self, rulesets: Sequence[RulesetText], packets: Sequence[Packet]) -> Observation:
        """Load the parts of a ruleset in their order, send the packets, and tell what became of each.

        Packets of different hooks are sent apart. When the host receives it has the destinations of all that it
        receives, when it sends the sources of all that it sends, and no other address.
        Packets are independent of each other: none of them lets connection tracking know a connection. Raises
        VerificationError when a tool refuses a part; then another ruleset may follow. It also does when what the kernel
        counted does not add up; then it is over with this router.
        """
        self._loader.load(rulesets)
        unsent = {
            index: reason
            for index, packet in enumerate(packets)
            if (reason := why_not(packet, self._router.interfaces)) is not None
        }
        own: dict[Direction, dict[Address, None]] = {direction: {} for direction in Direction}
        for index, packet in enumerate(packets):
            if index not in unsent:
                own[packet.hook] |= dict.fromkeys(own_addresses(packet))
        ways: dict[_Way, list[int]] = {}
        for index, packet in enumerate(packets):
            if index in unsent:
                continue
            if _at_both_ends(packet, own[packet.hook]):
                unsent[index] = _BOTH_ENDS
            else:
                ways.setdefault(_Way.of(packet), []).append(index)
        fates: list[Fate | None] = [None] * len(packets)
        before = dict.fromkeys(COUNTERS, 0)
        for way, indexes in ways.items():
            indexes.sort(key=lambda index: _entry(packets[index]))
            self._router.route(way.oif, own[way.direction])
            before, found = self._send(way, [packets[index] for index in indexes], before)
            for index, fate in zip(indexes, found, strict=True):
                fates[index] = fate
        listings = tuple(self._loader.listings(ruleset.syntax for ruleset in rulesets))
        counters = tuple(count for listing in listings for count in rule_counts(listing))
        return Observation(tuple(fates), counters, listings, unsent)

    def _send(
        self, way: _Way, packets: Sequence[Packet], before: Mapping[str, int]
    ) -> tuple[dict[str, int], list[Fate]]:
        """Send packets, sorted by the interface that they come in by; what is counted then, and the fate of each."""
        words = [_wording(packet) for packet in packets]
        if way.established:
            self._probe.connect(self._router.under_test, words)
        first = self._sent
        self._sent += len(packets)
        at = 0
        for iif, together in groupby(packets, _entry):
            part = words[at : at + sum(1 for _ in together)]
            namespace = self._router.wire if iif not in ("", LOOPBACK) else self._router.under_test
            self._probe.send(namespace, iif or None, first + at, part)
            at += len(part)
        counted = self._settled(before["entered"] + len(packets))
        gone = {name: counted[name] - before[name] for name in counted}
        if gone["routed"] != gone["arrived"]:
            lost = gone["routed"] - gone["arrived"]
            raise VerificationError(f"{lost} packets did not get from the routing decision to a hook")
        expected = gone["passed"] + gone["rejected"]
        recognised = self._probe.collect(expected, _SETTLE)
        if len(recognised) != expected:
            raise VerificationError(f"{expected} packets came out of the filter, {len(recognised)} were recognised")
        if way.established:
            self._probe.disconnect(self._router.under_test)
        fates = [Fate.DROPPED] * len(packets)
        for number, hook in recognised:
            if not first <= number < self._sent:
                raise VerificationError("packets of an earlier ruleset came out of the filter")
            fates[number - first] = _FATES[hook]
        return counted, fates

    def _settled(self, entered: int) -> dict[str, int]:
        """The watching table's counters once that many packets have entered, read again after the last of them did."""
        end = time.monotonic() + _SETTLE
        settled = False
        while True:
            listing = run_in(self._router.under_test, ["nft", "-j", "list", "counters", "table", "inet", WITNESS])
            entries = (entry.get("counter") for entry in json.loads(listing)["nftables"])
            counted = {entry["name"]: int(entry["packets"]) for entry in entries if entry}
            if settled:
                return counted
            settled = counted["entered"] == entered
            if not settled and (counted["entered"] > entered or time.monotonic() > end):
                raise VerificationError(f"{entered} packets were sent, {counted['entered']} came to the packet filter")


def _at_both_ends(packet: Packet, own: Collection[Address]) -> bool:
    """Whether the end of the packet that should be elsewhere is an address that the host has."""
    if LOOPBACK in (packet.in_interface, packet.out_interface):
        return False
    source, destination = ((end in own or end in ALWAYS_OWN) for end in (packet.source, packet.destination))
    return (source and packet.hook is not Direction.OUTPUT) or (destination and packet.hook is not Direction.INPUT)


def _wording(packet: Packet) -> Wording:
    return Wording(
        packet.source.packed.hex(),
        packet.destination.packed.hex(),
        packet.protocol,
        packet.source_port,
        packet.destination_port,
        packet.icmp_type,
        packet.icmp_code,
        packet.tcp_flags,
        UNTRACKED if packet.state is Tracking.UNTRACKED else TRACKED,
        packet.state is Tracking.INVALID and not naturally_invalid(packet),
    )


@contextmanager
def witness(interfaces: Iterable[str] = ()) -> Iterator[Witness]:
    """A router with these interfaces, for as long as the `with` statement lasts. Needs root.

    Give every interface that the rulesets or packets name. Raises VerificationError where the kernel or a tool refuses.
    """
    if os.geteuid() != 0:
        raise VerificationError("verification needs root: it makes network namespaces and sends raw packets")
    with ProbeProcess() as probe:
        yield Witness(probe, interfaces)


def verify(rulesets: Sequence[RulesetText], packets: Sequence[Packet], interfaces: Iterable[str] = ()) -> Observation:
    """Try one ruleset; see `Witness.observe`. `interfaces` are those that only the ruleset names."""
    named = [name for packet in packets for name in (packet.in_interface, packet.out_interface)]
    with witness([*interfaces, *named]) as kernel:
        return kernel.observe(rulesets, packets)
