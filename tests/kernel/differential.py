"""The analysis against the kernel: generated cases of one kind, one after the other in one network."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from secaudit.checks.firewall.trace import Tracer
from secaudit.checks.firewall.verify.compare import Comparison, compare
from secaudit.checks.firewall.verify.sending import described, read_listings, with_addresses_known

from secaudit.verification.witness import Witness
from tests.kernel.generate import Case


@dataclass(frozen=True)
class Outcome:
    """A case and what came of it."""

    case: Case
    comparison: Comparison
    reasons: tuple[str, ...]


def run(witness: Witness, cases: Iterable[Case]) -> Iterator[Outcome]:
    """Load each case's ruleset, send its packets, and compare."""
    for case in cases:
        packets = []
        wanted = []
        for packet in case.packets:
            found = described(packet)
            if not isinstance(found, str):
                packets.append(with_addresses_known(packet))
                wanted.append(found)
        observation = witness.observe(case.rulesets, wanted)
        ruleset = read_listings(observation.listings)
        comparison = compare(Tracer(ruleset), ruleset, packets, observation)
        yield Outcome(case, comparison, tuple(observation.unsent.values()))
