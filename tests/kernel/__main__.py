"""`python -m tests.kernel`: the differential test against the kernel, as long as you like. Needs root."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence

from secaudit.verification.witness import witness
from tests.kernel.conditions import INTERFACES
from tests.kernel.differential import run
from tests.kernel.generate import KINDS, case

_AT_A_TIME = 50


def main(arguments: Sequence[str]) -> int:
    """Run cases until there are as many as asked for; 1 when any differs."""
    parser = argparse.ArgumentParser(prog="python -m tests.kernel", description=__doc__)
    parser.add_argument("--rulesets", type=int, default=1000, help="how many of each kind (%(default)s)")
    parser.add_argument("--packets", type=int, default=1000, help="how many per ruleset (%(default)s)")
    parser.add_argument("--first", type=int, default=0, metavar="SEED", help="the first seed (%(default)s)")
    parser.add_argument("--kind", action="append", choices=KINDS, help="only this kind; may be repeated")
    asked = parser.parse_args(arguments)
    differ = 0
    for kind in asked.kind or KINDS:
        differ += _run(kind, range(asked.first, asked.first + asked.rulesets), asked.packets)
    return 1 if differ else 0


def _run(kind: str, seeds: range, packets: int) -> int:
    agreed = undecided = unsent = rules = differ = 0
    started = time.monotonic()
    for begin in range(0, len(seeds), _AT_A_TIME):
        with witness(INTERFACES) as kernel:
            for outcome in run(kernel, (case(seed, kind, packets) for seed in seeds[begin : begin + _AT_A_TIME])):
                comparison = outcome.comparison
                agreed += comparison.agreed
                undecided += comparison.undecided
                unsent += len(comparison.unsent)
                rules += comparison.rules
                differ += len(comparison.mismatches)
                for mismatch in comparison.mismatches:
                    sys.stdout.write(f"{kind} {outcome.case.seed}: {mismatch}\n")
        sys.stdout.write(
            f"{kind}: {min(begin + _AT_A_TIME, len(seeds))} rulesets, {agreed} packets agreed, {undecided} undecided, "
            f"{unsent} not sent, {rules} counters, {differ} differ, {time.monotonic() - started:.0f} s\n"
        )
        sys.stdout.flush()
    return differ


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
