"""os-release(5): the file in which a distribution names itself."""

from __future__ import annotations

import re

_ASSIGNMENT = re.compile(r"([A-Z][A-Z0-9_]*)=(.*)", re.ASCII)
_ESCAPE = re.compile(r'\\(["$`\\])')


def read_os_release(text: str) -> dict[str, str]:
    """The assignments of an os-release file, quotes and escapes resolved; what is no assignment is left out.

    os-release(5) allows a shell's quoting but no expansion; the last assignment of a name counts.
    """
    values: dict[str, str] = {}
    for line in text.split("\n"):
        found = _ASSIGNMENT.fullmatch(line.strip())
        if found:
            values[found[1]] = _unquoted(found[2])
    return values


def _unquoted(value: str) -> str:
    if len(value) >= 2 and value[0] == value[-1] == "'":
        return value[1:-1]
    if len(value) >= 2 and value[0] == value[-1] == '"':
        return _ESCAPE.sub(r"\1", value[1:-1])
    return value
