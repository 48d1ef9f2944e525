"""The analysis against the kernel: generated cases, one after the other in one network."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from secaudit.checks.firewall.verify.ask import ask
from secaudit.checks.firewall.verify.compare import Comparison

from secaudit.verification.witness import Witness
from tests.kernel.generate import Case


@dataclass(frozen=True)
class Outcome:
    """A case and what came of it."""

    case: Case
    comparison: Comparison


def run(kernel: Witness, cases: Iterable[Case]) -> Iterator[Outcome]:
    """Load each case's ruleset, send its packets, and compare."""
    for case in cases:
        yield Outcome(case, ask(kernel, case.rulesets, case.packets))
