"""Running a program and reading what it cost."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
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


_LAUNCHER = """
import os, resource, subprocess, sys, time
out = int(sys.argv[1])
begun = time.perf_counter()
ended = subprocess.call(sys.argv[2:], stdout=out, stderr=out)
wall = time.perf_counter() - begun
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(wall, used.ru_utime + used.ru_stime, used.ru_maxrss, ended)
"""
"""Starts one program and prints what it used.

On Linux ru_maxrss of a process begins at the peak of the one that started it, exec(2) included. So programs are started
by one that is small, not by a benchmark that has grown: every figure is then that of its program, in any order.
"""


def run(argv: Sequence[str], environment: Mapping[str, str] | None = None, log: Path | None = None) -> Cost:
    """Run `argv` to its end and measure it; its output goes to `log`, or nowhere."""
    target = log or Path(os.devnull)
    with target.open("ab") as out:
        ran = subprocess.run(
            [sys.executable, "-I", "-S", "-c", _LAUNCHER, str(out.fileno()), *argv],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            pass_fds=(out.fileno(),),
            env={**os.environ, **(environment or {})},
            check=True,
            text=True,
        )
    wall, cpu, peak, ended = ran.stdout.split()
    return Cost(float(wall), float(cpu), int(peak) / 1024, int(ended))


def own_peak() -> float:
    """The peak memory of this process in MiB, without that of whoever started it."""
    status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def median(costs: Sequence[Cost]) -> Cost:
    """The median of each figure; the worst exit code."""
    return Cost(
        statistics.median(cost.wall for cost in costs),
        statistics.median(cost.cpu for cost in costs),
        max(cost.peak for cost in costs),
        max(costs, key=lambda cost: abs(cost.exit)).exit,
    )
