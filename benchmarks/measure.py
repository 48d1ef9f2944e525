"""Running a program and reading what it cost."""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Cost:
    """What a process and the children it waited for used: seconds of wall clock and CPU, peak memory in MiB."""

    wall: float
    cpu: float
    peak: float
    exit: int


def run(argv: Sequence[str], environment: Mapping[str, str] | None = None, log: Path | None = None) -> Cost:
    """Run `argv` to its end and measure it; its output goes to `log`, or nowhere."""
    target = log or Path(os.devnull)
    with target.open("ab") as out:
        begun = time.perf_counter()
        process = subprocess.Popen(
            list(argv),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(environment or {})},
        )
        # wait4 tells the usage of this child alone; getrusage would add up all that came before.
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - begun
    process.returncode = os.waitstatus_to_exitcode(status)
    return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, process.returncode)


def median(costs: Sequence[Cost]) -> Cost:
    """The median of each figure; the worst exit code."""
    return Cost(
        statistics.median(cost.wall for cost in costs),
        statistics.median(cost.cpu for cost in costs),
        max(cost.peak for cost in costs),
        max(costs, key=lambda cost: abs(cost.exit)).exit,
    )
