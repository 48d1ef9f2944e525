"""What a person waits for before anything happens: `--help`, and judging one recorded host again."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.measure import Cost, median, run
from benchmarks.report import Bar, table

ROUNDS = 7


def measure() -> tuple[str, list[Bar]]:
    """Run both several times; bars are CPU seconds of the whole process."""
    program = [str(Path(sys.executable).with_name("secaudit"))]
    bare = _warm([sys.executable, "-c", "pass"], ROUNDS)
    asked = _warm([*program, "--help"], ROUNDS)
    with TemporaryDirectory() as directory:
        bundle = Path(directory) / "bundle"
        run([*program, "scan", "local", "--no-store", "--quiet"])
        recorded = run([*program, "scan", "local", "--no-store", "--record", str(bundle), "--quiet"])
        again = _warm([*program, "scan", f"replay:{bundle}", "--quiet"], ROUNDS)
    rows = [
        ["python -c pass", f"{bare.cpu * 1000:.0f} ms", f"{bare.wall * 1000:.0f} ms"],
        ["secaudit --help", f"{asked.cpu * 1000:.0f} ms", f"{asked.wall * 1000:.0f} ms"],
        ["secaudit scan local", f"{recorded.cpu * 1000:.0f} ms", f"{recorded.wall * 1000:.0f} ms"],
        ["secaudit scan replay:", f"{again.cpu * 1000:.0f} ms", f"{again.wall * 1000:.0f} ms"],
    ]
    bars = [
        Bar("CPU of --help", asked.cpu * 1000, 150, "ms", at_least=False),
        Bar("replay of one host", again.wall, 1, "s", at_least=False),
    ]
    return table("Startup", ["command", "CPU", "wall"], rows), bars


def _warm(argv: Sequence[str], rounds: int) -> Cost:
    """The median of what comes after the first run, which compiles the modules."""
    run(argv)
    return median([run(argv) for _ in range(rounds)])
