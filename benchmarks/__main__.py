"""`python -m benchmarks [NAME...]`: measure everything, or what is named; exit code 1 when a bar was missed."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from tempfile import TemporaryDirectory

ALL = ("startup", "patch", "scan", "dashboard", "firewall", "witness", "reports")


def main(names: list[str]) -> int:
    """Run the benchmarks called `names` and print what they measured."""
    unknown = [name for name in names if name not in ALL]
    if unknown:
        print(f"no such benchmark: {', '.join(unknown)}; there are: {', '.join(ALL)}", file=sys.stderr)
        return 2
    missed = 0
    with TemporaryDirectory() as bytecode:
        # Every program starts as pip installs it, compiled, whatever this environment says about a checkout.
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        os.environ["PYTHONPYCACHEPREFIX"] = bytecode
        for name in names or ALL:
            shown, bars = import_module(f"benchmarks.{name}").measure()
            print(shown, *bars, sep="\n", end="\n\n", flush=True)
            missed += sum(not bar.reached for bar in bars)
    return 1 if missed else 0


sys.exit(main(sys.argv[1:]))
