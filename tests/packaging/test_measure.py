"""What benchmarks say of a program is about that program."""

from __future__ import annotations

import sys

import pytest

from benchmarks.measure import own_peak, run

MIB = 1 << 20


@pytest.mark.parametrize("order", [(200, 0), (0, 200)])
def test_the_peak_is_that_of_the_program_in_any_order(order: tuple[int, int]) -> None:
    ballast = bytearray(b"x") * (300 * MIB)
    peaks = {size: run([sys.executable, "-c", f"bytearray(b'x') * ({size} << 20)"]).peak for size in order}
    assert own_peak() > 300, "whoever measures is larger than what it measures"
    assert 200 <= peaks[200] < 290
    assert peaks[0] < 100
    assert len(ballast)


def test_exit_codes_and_time_come_through() -> None:
    cost = run([sys.executable, "-c", "import sys, time; time.sleep(0.1); sys.exit(7)"])
    assert cost.exit == 7
    assert cost.wall >= 0.1
    assert cost.cpu > 0
