"""Compare pairs of versions with the package manager's own library; run by the system's Python, which has the bindings.

`oracle.py apt_pkg|rpm` reads lines `LEFT<TAB>RIGHT` and writes the sign of each comparison.
"""

from __future__ import annotations

import importlib
import sys


def main(library: str) -> None:
    """Answer every line of stdin."""
    bindings = importlib.import_module(library)
    if library == "apt_pkg":
        bindings.init_system()
        compare = bindings.version_compare
    else:

        def compare(left: str, right: str) -> int:
            found: int = bindings.labelCompare(_label(left), _label(right))
            return found

    for line in sys.stdin:
        left, right = line.rstrip("\n").split("\t")
        sign = compare(left, right)
        print((sign > 0) - (sign < 0))  # noqa: T201 - the answer of a program


def _label(version: str) -> tuple[str, str, str]:
    epoch, _, rest = version.rpartition(":")
    name, _, release = rest.rpartition("-")
    return epoch or "0", name, release


main(sys.argv[1])
