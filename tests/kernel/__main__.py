"""`python -m tests.kernel`: the differential test against the kernel, as long as you like. Needs root."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

from secaudit.verification.witness import witness
from tests.kernel.conditions import INTERFACES
from tests.kernel.differential import Outcome, run
from tests.kernel.generate import KINDS, case

_AT_A_TIME = 50


@dataclass
class Tally:
    """What came of the cases so far."""

    rulesets: int = 0
    agreed: int = 0
    undecided: int = 0
    unsent: int = 0
    counters: int = 0
    differ: int = 0

    def add(self, outcome: Outcome) -> None:
        """Count one more case."""
        comparison = outcome.comparison
        self.rulesets += 1
        self.agreed += comparison.agreed
        self.undecided += comparison.undecided
        self.unsent += len(comparison.unsent)
        self.counters += comparison.rules
        self.differ += len(comparison.mismatches)

    def __str__(self) -> str:
        return (
            f"{self.rulesets} rulesets, {self.agreed} packets agreed, {self.undecided} undecided, "
            f"{self.unsent} not sent, {self.counters} counters, {self.differ} differ"
        )


def main(arguments: Sequence[str]) -> int:
    """Run cases until there are as many as asked for; 1 when any differs."""
    parser = argparse.ArgumentParser(prog="python -m tests.kernel", description=__doc__)
    parser.add_argument("--rulesets", type=int, default=400, help="how many of each kind (%(default)s)")
    parser.add_argument("--packets", type=int, default=1000, help="how many per ruleset (%(default)s)")
    parser.add_argument("--first", type=int, default=0, metavar="SEED", help="the first seed (%(default)s)")
    parser.add_argument("--kind", action="append", choices=KINDS, help="only this kind; may be repeated")
    asked = parser.parse_args(arguments)
    started, total = time.monotonic(), Tally()
    for kind in asked.kind or KINDS:
        _run(kind, range(asked.first, asked.first + asked.rulesets), asked.packets, total)
    spent = os.times()
    processors = spent.user + spent.system + spent.children_user + spent.children_system
    sys.stdout.write(f"all: {total}; {processors:.0f} s of processor time, {time.monotonic() - started:.0f} s\n")
    return 1 if total.differ else 0


def _run(kind: str, seeds: range, packets: int, total: Tally) -> None:
    tally = Tally()
    for begin in range(0, len(seeds), _AT_A_TIME):
        with witness(INTERFACES) as kernel:
            for outcome in run(kernel, (case(seed, kind, packets) for seed in seeds[begin : begin + _AT_A_TIME])):
                tally.add(outcome)
                total.add(outcome)
                for mismatch in outcome.comparison.mismatches:
                    sys.stdout.write(f"{kind} {outcome.case.seed}: {mismatch}\n")
        sys.stdout.write(f"{kind}: {tally}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
