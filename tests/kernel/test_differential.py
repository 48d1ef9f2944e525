"""Generated rulesets: what the analysis predicts is what the kernel does. `make kernel-diff` runs many more of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from secaudit.verification.witness import Witness, witness
from tests.kernel.conditions import INTERFACES
from tests.kernel.differential import run
from tests.kernel.generate import case

RULESETS, PACKETS = 16, 400


@pytest.fixture(scope="module")
def kernel() -> Iterator[Witness]:
    with witness(INTERFACES) as running:
        yield running


@pytest.mark.root
@pytest.mark.parametrize("kind", ["nft", "iptables", "legacy"])
def test_the_kernel_does_what_is_predicted(kernel: Witness, kind: str) -> None:
    agreed = undecided = rules = 0
    for outcome in run(kernel, (case(seed, kind, PACKETS) for seed in range(RULESETS))):
        comparison = outcome.comparison
        assert not comparison.mismatches, "\n".join([f"{kind} {outcome.case.seed}", *map(str, comparison.mismatches)])
        agreed += comparison.agreed
        undecided += comparison.undecided
        rules += comparison.rules
    assert agreed > RULESETS * PACKETS * 0.7
    assert undecided < agreed * 0.01
    assert rules > RULESETS * 20
